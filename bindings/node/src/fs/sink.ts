// A file that is written piece by piece: by a stream, or by a handle.
import type { Metadata } from '../operations/metadata.js';
import type { Store } from '../store.js';
import type { Sink } from '../streams.js';
import { systemError } from './errors.js';
import { writeMode } from './flags.js';
import type { Name } from './paths.js';
import { ask, atOnce, promised, type Script } from './script.js';
import { isStatus, type View } from './view.js';

export interface SinkOptions {
  flags: string | number;
  mode?: number | string | null | undefined;
  signal?: AbortSignal | undefined;
}

/** What takes the pieces: a writer, or appends. */
interface Pieces {
  write(data: string | Uint8Array): Promise<unknown>;
  writeSync(data: string | Uint8Array): unknown;
  commit(): Promise<unknown>;
  commitSync(): unknown;
  abort(): Promise<void>;
  abortSync(): void;
}

/** A file that is being written. Each call has a variant that blocks. */
export class FileSink implements Sink<void> {
  readonly #pieces: Pieces;
  /** Undoes that the file was made when it was opened. */
  readonly #undo: () => Script<void>;

  constructor(pieces: Pieces, undo: () => Script<void>) {
    this.#pieces = pieces;
    this.#undo = undo;
  }

  write(data: string | Uint8Array): Promise<void> {
    return promised(this.writing(data));
  }

  commit(): Promise<void> {
    return promised(this.committing());
  }

  abort(): Promise<void> {
    return promised(this.aborting());
  }

  *writing(data: string | Uint8Array): Script<void> {
    yield* ask(this.#pieces, 'write', data);
  }

  *committing(): Script<void> {
    yield* ask(this.#pieces, 'commit');
  }

  *aborting(): Script<void> {
    yield* ask(this.#pieces, 'abort');
    yield* this.#undo();
  }
}

/**
 * Opens a file for writing. What replaces it appears at the commit; what is appended, at once. A new file whose mode is kept
 * is there, empty, from now on: at no time has it content without its mode.
 */
export function* openSink(view: View, { stored, given }: Name, options: SinkOptions): Script<FileSink> {
  const { store } = view;
  const { flags, mode, signal } = options;
  const { appends, exclusive } = writeMode(flags, given);
  const kind = yield* view.kindOf(stored, signal);
  if (kind === 'directory') throw systemError('EISDIR', 'open', given);
  if (exclusive && kind !== undefined) throw systemError('EEXIST', 'open', given);
  const kept = kind === undefined ? view.modeOfNew('file', mode) : undefined;
  const made = kept === undefined ? undefined : yield* makeEmpty(store, stored, kept, exclusive, given);
  const isNew = made !== undefined;
  const pieces = appends
    ? new Appender(store, stored, exclusive && !isNew, isNew, signal)
    : yield* ask(store, 'openWriter', stored, { ifNoneMatch: (exclusive && !isNew) || undefined, signal });
  return new FileSink(pieces, function* () {
    // Unless somebody has written it meanwhile.
    if (made !== undefined) yield* ignoring(ask(store, 'delete', stored, { ifMatch: made }));
  });
}

/** Makes an empty file with metadata; returns its etag, or undefined where another has made one meanwhile. */
function* makeEmpty(store: Store, stored: string, metadata: Metadata, exclusive: boolean, given: string): Script<string | undefined> {
  try {
    const batch = store.batch().write(stored, '', { ifNoneMatch: true }).setMetaMany(stored, metadata);
    const [entry] = yield* ask(batch, 'commit');
    return entry?.etag ?? undefined;
  } catch (error) {
    if (!isStatus(error, 'CONFLICT')) throw error;
    if (exclusive) throw systemError('EEXIST', 'open', given, undefined, error);
    return undefined;
  }
}

function* ignoring(script: Script<unknown>): Script<void> {
  try {
    yield* script;
  } catch {
    // What was to be undone is undone already, or it is another's now.
  }
}

/** Appends each piece in a transaction of its own, as a file that is open for appending takes it. */
class Appender implements Pieces {
  readonly #store: Store;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  /** Whether the next piece has to make the file. */
  #creates: boolean;
  #isThere: boolean;

  constructor(store: Store, path: string, creates: boolean, isThere: boolean, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#path = path;
    this.#creates = creates;
    this.#isThere = isThere;
    this.#signal = signal;
  }

  write(data: string | Uint8Array): Promise<void> {
    return promised(this.#append(data));
  }

  writeSync(data: string | Uint8Array): void {
    atOnce(this.#append(data));
  }

  *#append(data: string | Uint8Array): Script<void> {
    yield* ask(this.#store, 'append', this.#path, data, { ifNoneMatch: this.#creates || undefined, signal: this.#signal });
    this.#creates = false;
    this.#isThere = true;
  }

  async commit(): Promise<void> {
    if (!this.#isThere) await this.write('');
  }

  commitSync(): void {
    if (!this.#isThere) this.writeSync('');
  }

  async abort(): Promise<void> {}

  abortSync(): void {}
}

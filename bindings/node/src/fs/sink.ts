// A file that is written piece by piece: by a stream, or by a handle.
import { NexusError } from '../error.js';
import type { Entry } from '../rows.js';
import type { Store } from '../store.js';
import type { Sink } from '../streams.js';
import { systemError } from './errors.js';
import { writeMode } from './flags.js';
import type { Name } from './paths.js';
import { hasExecuteBit, modeMetadata, modeNumber } from './posix.js';

export interface SinkOptions {
  flags: string | number;
  mode?: number | string | undefined;
  signal?: AbortSignal | undefined;
}

/** Opens a file for writing. What replaces it appears at the commit; what is appended, at once. */
export async function openSink(store: Store, { stored, given }: Name, options: SinkOptions): Promise<Sink<void>> {
  const { flags, mode, signal } = options;
  const { appends, exclusive } = writeMode(flags, given);
  const kind = await kindOf(store, stored, signal);
  if (kind === 'directory') throw systemError('EISDIR', 'open', given);
  const isNew = kind === undefined;
  if (exclusive && !isNew) throw systemError('EEXIST', 'open', given);
  const sink = appends
    ? new Appender(store, stored, exclusive, signal)
    : await store.openWriter(stored, { ifNoneMatch: exclusive, signal });
  const commit = async (): Promise<void> => {
    await sink.commit();
    if (isNew && mode !== undefined && hasExecuteBit(mode)) await store.setMetaMany(stored, modeMetadata(modeNumber(mode)));
  };
  return { write: (data) => sink.write(data), commit, abort: () => sink.abort() };
}

async function kindOf(store: Store, path: string, signal: AbortSignal | undefined): Promise<Entry['kind'] | undefined> {
  try {
    return (await store.stat(path, { signal })).kind;
  } catch (error) {
    if (error instanceof NexusError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** Appends each piece in a transaction of its own, as a file that is open for appending takes it. */
class Appender implements Sink<void> {
  readonly #store: Store;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  /** Whether the next piece has to make the file. */
  #creates: boolean;
  #wrote = false;

  constructor(store: Store, path: string, creates: boolean, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#path = path;
    this.#creates = creates;
    this.#signal = signal;
  }

  async write(data: string | Uint8Array): Promise<void> {
    await this.#store.append(this.#path, data, { ifNoneMatch: this.#creates || undefined, signal: this.#signal });
    this.#creates = false;
    this.#wrote = true;
  }

  async commit(): Promise<void> {
    if (!this.#wrote) await this.write('');
  }

  async abort(): Promise<void> {}
}

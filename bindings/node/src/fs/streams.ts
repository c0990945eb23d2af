// Streams as node's fs has them: its options, its errors, and its events.
import type { Readable, Writable } from 'node:stream';

import { NexusError } from '../error.js';
import type { Store } from '../store.js';
import { readable, writable, type Sink } from '../streams.js';
import { systemError, translated } from './errors.js';
import { writeMode } from './flags.js';
import type { PathLike, Root } from './paths.js';
import { hasExecuteBit, modeMetadata, modeNumber } from './posix.js';

export interface ReadStreamOptions {
  encoding?: BufferEncoding | null | undefined;
  /** The first byte, from 0. */
  start?: number | undefined;
  /** The last byte, inclusive. */
  end?: number | undefined;
  highWaterMark?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface WriteStreamOptions {
  /** That of strings which are written without one. */
  encoding?: BufferEncoding | null | undefined;
  /** `w` (replace), `a` (append), `wx` and `ax` (the file must not exist). */
  flags?: string | number | undefined;
  /** Permissions of a new file. */
  mode?: number | string | undefined;
  highWaterMark?: number | undefined;
  signal?: AbortSignal | undefined;
}

type Options<T> = T | BufferEncoding | null | undefined;

export function createReadStream(store: Store, root: Root, path: PathLike, given?: Options<ReadStreamOptions>): Readable {
  const { encoding, signal, ...range } = withEncoding(given);
  const open = async () => {
    const reader = await store.openReader(root.name(path, 'open').stored, { signal });
    announce(stream);
    return reader;
  };
  const stream = readable(open, range, (error) => translated(error, 'open', String(path)));
  if (encoding) stream.setEncoding(encoding);
  return Object.assign(stream, { path });
}

/** What replaces a file appears when the stream has finished; what is appended, piece by piece. */
export function createWriteStream(store: Store, root: Root, path: PathLike, given?: Options<WriteStreamOptions>): Writable {
  const { encoding, flags = 'w', mode, signal, highWaterMark } = withEncoding(given);
  const { appends, exclusive } = writeMode(flags, String(path));
  const open = async (): Promise<Sink<void>> => {
    const { stored } = root.name(path, 'open');
    const isNew = !(await store.exists(stored, { signal }));
    if (exclusive && !isNew) throw systemError('EEXIST', 'open', String(path));
    const sink = appends
      ? new Appender(store, stored, exclusive, signal)
      : await store.openWriter(stored, { ifNoneMatch: exclusive, signal });
    announce(stream);
    const commit = async (): Promise<void> => {
      await sink.commit();
      if (isNew && mode !== undefined && hasExecuteBit(mode)) await store.setMetaMany(stored, modeMetadata(modeNumber(mode)));
    };
    return { write: (data) => sink.write(data), commit, abort: () => sink.abort() };
  };
  const explain = (error: unknown): unknown => {
    const exists = exclusive && error instanceof NexusError && error.code === 'CONFLICT';
    return exists ? systemError('EEXIST', 'open', String(path), undefined, error) : translated(error, 'open', String(path));
  };
  const stream = writable(open, { highWaterMark, defaultEncoding: encoding ?? undefined, gathers: appends }, explain);
  return Object.assign(stream, { path });
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

/** Tells that the file is open, once whoever made the stream can have listened. */
function announce(stream: Readable | Writable): void {
  process.nextTick(() => {
    stream.emit('open');
    stream.emit('ready');
  });
}

function withEncoding<T extends object>(options: Options<T>): T {
  return (typeof options === 'string' ? { encoding: options } : (options ?? {})) as T;
}

// Streams as node's fs has them: its options, its errors, and its events.
import { finished, type Readable, type Writable } from 'node:stream';

import { NexusError } from '../error.js';
import type { Store } from '../store.js';
import { readable, writable, type Source } from '../streams.js';
import { systemError, translated, unlessAborted } from './errors.js';
import { writeMode } from './flags.js';
import type { PathLike, Root } from './paths.js';
import { openSink } from './sink.js';

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
  /** Where to begin; other than 0 is ENOTSUP, because it changes a part of a file. */
  start?: number | undefined;
  highWaterMark?: number | undefined;
  signal?: AbortSignal | undefined;
}

type Options<T> = T | BufferEncoding | null | undefined;

interface FileStream {
  readonly path: PathLike;
  /** Whether the file is not open: not yet, or no longer. */
  readonly pending: boolean;
  close(callback?: (error?: Error | null) => void): void;
}

export interface ReadStream extends Readable, FileStream {
  /** How many bytes were read so far. */
  readonly bytesRead: number;
}

export interface WriteStream extends Writable, FileStream {
  /** How many bytes were written so far. */
  readonly bytesWritten: number;
}

export function createReadStream(store: Store, root: Root, path: PathLike, given?: Options<ReadStreamOptions>): ReadStream {
  const { encoding, signal, ...range } = withEncoding(given);
  refuseBackwards(range);
  let bytesRead = 0;
  const open = async (): Promise<Source> => {
    const reader = await store.openReader(root.name(path, 'open').stored, { signal });
    announce(stream);
    const read = async (buffer: Uint8Array): Promise<number> => {
      const got = await reader.read(buffer);
      bytesRead += got;
      return got;
    };
    return { read, seek: (offset) => reader.seek(offset), close: () => reader.close() };
  };
  const explain = (error: unknown): unknown => unlessAborted(translated(error, 'open', String(path)), signal);
  const stream = readable(open, { ...range, signal }, explain);
  if (encoding) stream.setEncoding(encoding);
  const close = (callback?: (error?: Error | null) => void): void => {
    if (callback !== undefined) finished(stream, callback);
    stream.destroy();
  };
  return described(stream, path, { bytesRead: () => bytesRead }, close) as ReadStream;
}

/** What replaces a file appears when the stream has finished; what is appended, piece by piece. */
export function createWriteStream(store: Store, root: Root, path: PathLike, given?: Options<WriteStreamOptions>): WriteStream {
  const { encoding, flags = 'w', mode, signal, highWaterMark, start } = withEncoding(given);
  const { appends, exclusive } = writeMode(flags, String(path));
  if (!appends && start) throw systemError('ENOTSUP', 'open', String(path));
  let bytesWritten = 0;
  const open = async () => {
    const sink = await openSink(store, root.name(path, 'open'), { flags, mode, signal });
    announce(stream);
    const write = async (data: string | Uint8Array): Promise<void> => {
      await sink.write(data);
      bytesWritten += typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
    };
    return { write, commit: () => sink.commit(), abort: () => sink.abort() };
  };
  const explain = (error: unknown): unknown => {
    const exists = exclusive && error instanceof NexusError && error.code === 'CONFLICT';
    if (exists) return systemError('EEXIST', 'open', String(path), undefined, error);
    return unlessAborted(translated(error, 'open', String(path)), signal);
  };
  const settings = { signal, highWaterMark, defaultEncoding: encoding ?? undefined, gathers: appends };
  const stream = writable(open, settings, explain);
  const close = (callback?: (error?: Error | null) => void): void => {
    if (callback !== undefined && stream.closed) process.nextTick(callback);
    else if (callback !== undefined) stream.once('close', callback);
    stream.end();
  };
  return described(stream, path, { bytesWritten: () => bytesWritten }, close) as WriteStream;
}

/** Adds what streams of files have. */
function described<T extends Readable | Writable>(
  stream: T,
  path: PathLike,
  counts: Record<string, () => number>,
  close: (callback?: (error?: Error | null) => void) => void,
): T & FileStream {
  let isOpen = false;
  stream.once('open', () => {
    isOpen = true;
  });
  for (const [name, get] of Object.entries(counts)) Object.defineProperty(stream, name, { get, enumerable: true });
  Object.defineProperty(stream, 'pending', { get: () => !isOpen || stream.closed, enumerable: true });
  return Object.assign(stream, { path, close }) as T & FileStream;
}

/** As node does it: a range that ends before it begins is none. */
export function refuseBackwards({ start = 0, end = Infinity }: ReadStreamOptions): void {
  if (!(start > end)) return;
  const message = `The value of "start" is out of range. It must be <= "end" (here: ${end}). Received ${start}`;
  throw Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
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

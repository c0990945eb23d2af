// Streams as node's fs has them: its options, its errors, and its events.
import { finished, type Readable, type Writable } from 'node:stream';

import { NexusError } from '../error.js';
import { readable, writable, type Source } from '../streams.js';
import { systemError, translated, unlessAborted } from './errors.js';
import { writeMode } from './flags.js';
import type { FileHandle } from './handle.js';
import type { PathLike } from './paths.js';
import { promised } from './script.js';
import { openSink } from './sink.js';
import { withEncoding, type View } from './view.js';

export interface ReadStreamOptions {
  encoding?: BufferEncoding | null | undefined;
  /** The first byte, from 0. */
  start?: number | undefined;
  /** The last byte, inclusive. */
  end?: number | undefined;
  highWaterMark?: number | undefined;
  signal?: AbortSignal | undefined;
  /** An open file, in place of the path. */
  fd?: number | FileHandle | null | undefined;
  /** Whether the stream closes an open file at its end; true without it. */
  autoClose?: boolean | undefined;
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
  /** An open file, in place of the path. */
  fd?: number | FileHandle | null | undefined;
  /** Whether the stream closes an open file at its end; true without it. */
  autoClose?: boolean | undefined;
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

export function createReadStream(view: View, path: PathLike, given?: Options<ReadStreamOptions>): ReadStream {
  const { encoding, signal, fd, autoClose, ...range } = withEncoding<ReadStreamOptions>(given);
  if (fd !== undefined && fd !== null) {
    const handle = typeof fd === 'number' ? view.handle(fd, 'read') : fd;
    return Object.assign(handle.createReadStream({ encoding, signal, autoClose, ...range }), { path }) as unknown as ReadStream;
  }
  refuseBackwards(range);
  let bytesRead = 0;
  const open = async (): Promise<Source> => {
    const name = view.root.name(path, 'open');
    await promised(view.expectDirectory(name, 'open', undefined));
    const reader = await view.store.openReader(name.stored, { signal });
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
  readStreams.add(stream);
  return described(stream, path, { bytesRead: () => bytesRead }, close) as ReadStream;
}

/** What replaces a file appears when the stream has finished; what is appended, piece by piece. */
export function createWriteStream(view: View, path: PathLike, given?: Options<WriteStreamOptions>): WriteStream {
  const { encoding, flags = 'w', mode, signal, highWaterMark, start, fd, autoClose } = withEncoding<WriteStreamOptions>(given);
  if (fd !== undefined && fd !== null) {
    const handle = typeof fd === 'number' ? view.handle(fd, 'write') : fd;
    return Object.assign(handle.createWriteStream({ encoding, signal, autoClose, start, highWaterMark }), { path }) as unknown as WriteStream;
  }
  const { appends, exclusive } = writeMode(flags, String(path));
  if (!appends && start) throw systemError('ENOTSUP', 'open', String(path));
  let bytesWritten = 0;
  const open = async () => {
    const name = view.root.name(path, 'open');
    await promised(view.expectDirectory(name, 'open', 'file'));
    const sink = await promised(openSink(view, name, { flags, mode, signal }));
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
  writeStreams.add(stream);
  return described(stream, path, { bytesWritten: () => bytesWritten }, close) as WriteStream;
}

const readStreams = new WeakSet<object>();
const writeStreams = new WeakSet<object>();

export function isReadStream(stream: unknown): boolean {
  return typeof stream === 'object' && stream !== null && readStreams.has(stream);
}

export function isWriteStream(stream: unknown): boolean {
  return typeof stream === 'object' && stream !== null && writeStreams.has(stream);
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

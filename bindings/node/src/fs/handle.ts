// Files that a program holds open: to read them, or to write them as a whole.
import { EventEmitter } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import '../dispose.js';
import { bytes } from '../argument.js';
import { Exclusive } from '../exclusive.js';
import type { Reader } from '../reader.js';
import { readable, writable, type Sink } from '../streams.js';
import { inSteps, type Encoding, type FileData } from './data.js';
import { systemError, translated, unlessAborted } from './errors.js';
import { BigIntStats, inForm, type Stats, type StatOptions } from './stats.js';
import { refuseBackwards } from './streams.js';

/** What a handle stands for. */
export interface OpenFile {
  stat(written: number): Promise<Stats>;
  /** Where it is read; absent for a directory. */
  reader?: Reader | undefined;
  /** Where it is written. */
  sink?: Sink<void> | undefined;
  /** Whether what is written goes to the end, wherever that is. */
  appends?: boolean | undefined;
}

type Position = number | bigint | null | undefined;

export interface ReadPlace<T extends NodeJS.ArrayBufferView = Buffer> {
  buffer?: T | undefined;
  offset?: number | null | undefined;
  length?: number | null | undefined;
  position?: Position;
}

type WritePlace = Omit<ReadPlace, 'buffer'>;

export interface HandleStreamOptions {
  encoding?: BufferEncoding | null | undefined;
  /** Whether the stream closes the handle at its end; true without it. */
  autoClose?: boolean | undefined;
  start?: number | undefined;
  end?: number | undefined;
  highWaterMark?: number | undefined;
  signal?: AbortSignal | undefined;
}

const ROOM = 16 * 1024;

/**
 * Like FileHandle of node. One for reading sees the content that it opened. What one for writing has written is there when
 * it is closed; what it appends, at once.
 */
export class FileHandle extends EventEmitter implements AsyncDisposable {
  /** There is no descriptor. */
  readonly fd = -1;
  readonly #file: OpenFile;
  readonly #turns = new Exclusive();
  #closed: Promise<void> | undefined;
  /** Where the program reads or writes next. */
  #position = 0;
  /** Where the reader or the writer is. */
  #at = 0;

  /** @internal */
  constructor(file: OpenFile) {
    super();
    this.#file = file;
  }

  read(buffer: ReadPlace): Promise<{ bytesRead: number; buffer: Buffer }>;
  read<T extends NodeJS.ArrayBufferView>(
    buffer: T,
    offset?: number | null | WritePlace,
    length?: number | null,
    position?: Position,
  ): Promise<{ bytesRead: number; buffer: T }>;
  read(): Promise<{ bytesRead: number; buffer: Buffer }>;
  async read(
    given?: NodeJS.ArrayBufferView | ReadPlace,
    offset?: number | null | WritePlace,
    length?: number | null,
    position?: Position,
  ): Promise<{ bytesRead: number; buffer: NodeJS.ArrayBufferView }> {
    const options: ReadPlace<NodeJS.ArrayBufferView> = ArrayBuffer.isView(given)
      ? { buffer: given, ...placed(offset, length, position) }
      : { ...given };
    const buffer = options.buffer ?? Buffer.alloc(ROOM);
    const room = part(bytes(buffer), options);
    const bytesRead = await this.#use('read', () => this.#read(room, options.position));
    return { bytesRead, buffer };
  }

  async #read(room: Uint8Array, position: Position): Promise<number> {
    const { reader, sink } = this.#file;
    if (sink !== undefined) throw systemError('EBADF', 'read');
    if (reader === undefined) throw systemError('EISDIR', 'read');
    const isHere = isCurrent(position);
    const at = isHere ? this.#position : Number(position);
    if (at !== this.#at) await reader.seek(at);
    const got = await reader.read(room);
    this.#at = at + got;
    if (isHere) this.#position = this.#at;
    return got;
  }

  /** Reads what is left. */
  readFile(options: BufferEncoding | { encoding: BufferEncoding }): Promise<string>;
  readFile(options?: { encoding?: 'buffer' | null | undefined } | 'buffer' | null): Promise<Buffer>;
  async readFile(options?: { encoding?: Encoding | null | undefined } | Encoding | null): Promise<string | Buffer> {
    const encoding = typeof options === 'string' ? options : options?.encoding;
    const content = await this.#use('read', async () => {
      const room = Buffer.allocUnsafe(Math.max((this.#file.reader?.size ?? 1) - this.#position, 0));
      let filled = 0;
      while (filled < room.length) {
        const got = await this.#read(room.subarray(filled), null);
        if (got === 0) break;
        filled += got;
      }
      return room.subarray(0, filled);
    });
    return encoding && encoding !== 'buffer' ? content.toString(encoding) : content;
  }

  /** Writes on. Anywhere else than at the end of what was written is ENOTSUP: it would change a part of the file. */
  write(data: string, position?: Position, encoding?: BufferEncoding | null): Promise<{ bytesWritten: number; buffer: string }>;
  write<T extends NodeJS.ArrayBufferView>(
    data: T,
    offset?: number | null | WritePlace,
    length?: number | null,
    position?: Position,
  ): Promise<{ bytesWritten: number; buffer: T }>;
  async write(
    data: string | NodeJS.ArrayBufferView,
    offset?: Position | WritePlace,
    length?: number | BufferEncoding | null,
    position?: Position,
  ): Promise<{ bytesWritten: number; buffer: string | NodeJS.ArrayBufferView }> {
    const place = typeof data === 'string'
      ? { position: offset as Position }
      : placed(offset as number | WritePlace, length as number, position);
    const content = typeof data === 'string' ? Buffer.from(data, (length ?? 'utf8') as BufferEncoding) : part(bytes(data), place);
    await this.#use('write', () => this.#write(content, place.position));
    return { bytesWritten: content.byteLength, buffer: data };
  }

  async #write(content: Uint8Array, position: Position): Promise<void> {
    const { sink, appends } = this.#file;
    if (sink === undefined) throw systemError('EBADF', 'write');
    const isHere = appends || isCurrent(position);
    const at = isHere ? this.#position : Number(position);
    if (!appends && at !== this.#at) throw systemError('ENOTSUP', 'write');
    await sink.write(content);
    this.#at += content.byteLength;
    if (isHere) this.#position = this.#at;
  }

  /** Writes all of `data` on. */
  async writeFile(
    data: FileData,
    options?: { encoding?: BufferEncoding | null | undefined; signal?: AbortSignal | undefined } | BufferEncoding | null,
  ): Promise<void> {
    const { encoding, signal } = typeof options === 'string' ? { encoding: options } : { signal: undefined, ...options };
    try {
      await this.#use('write', async () => {
        for await (const chunk of inSteps(data, encoding ?? 'utf8', signal)) await this.#write(chunk, null);
      });
    } catch (error) {
      throw unlessAborted(error, signal);
    }
  }

  /** As {@link writeFile}. */
  appendFile(data: FileData, options?: Parameters<FileHandle['writeFile']>[1]): Promise<void> {
    return this.writeFile(data, options);
  }

  stat(options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  stat(options?: (StatOptions & { bigint?: false | undefined }) | null): Promise<Stats>;
  async stat(options?: StatOptions | null): Promise<Stats | BigIntStats> {
    return inForm(await this.#use('fstat', () => this.#file.stat(this.#at)), options);
  }

  /** Does nothing: what is written is as durable as the store is, when the handle is closed. */
  async sync(): Promise<void> {
    await this.#use('fsync', async () => {});
  }

  async datasync(): Promise<void> {
    await this.#use('fdatasync', async () => {});
  }

  /** Does nothing: the files of a store have no owner. */
  async chown(_uid: number, _gid: number): Promise<void> {
    await this.#use('fchown', async () => {});
  }

  createReadStream(options: HandleStreamOptions = {}): Readable {
    const { encoding, autoClose = true, ...range } = options;
    refuseBackwards(range);
    let position: number | null = null;
    const source = {
      read: async (room: Uint8Array): Promise<number> => {
        const { bytesRead } = await this.read(room, 0, room.byteLength, position);
        if (position !== null) position += bytesRead;
        return bytesRead;
      },
      seek: async (offset: number): Promise<void> => {
        position = offset;
      },
      close: async (): Promise<void> => (autoClose ? this.close() : undefined),
    };
    if (range.start === 0) position = 0;
    const stream = readable(async () => source, range);
    return encoding ? stream.setEncoding(encoding) : stream;
  }

  /** The lines of what is left. */
  readLines(options: HandleStreamOptions = {}): Interface {
    return createInterface({ input: this.createReadStream(options), crlfDelay: Infinity });
  }

  createWriteStream(options: Omit<HandleStreamOptions, 'end'> = {}): Writable {
    const { encoding, autoClose = true, start, highWaterMark, signal } = options;
    let position = start ?? null;
    const sink: Sink<void> = {
      write: async (data) => {
        const { bytesWritten } = await this.write(bytes(data), 0, null, position);
        if (position !== null) position += bytesWritten;
      },
      commit: async () => (autoClose ? this.close() : undefined),
      abort: async () => (autoClose ? this.#abort() : undefined),
    };
    const settings = { highWaterMark, signal, defaultEncoding: encoding ?? undefined, gathers: this.#file.appends };
    return writable(async () => sink, settings);
  }

  /** Closes the handle. What was written becomes the content of the file. Again is no error. */
  close(): Promise<void> {
    return (this.#closed ??= this.#end(async ({ reader, sink }) => {
      await reader?.close();
      await sink?.commit();
    }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Closes it and forgets what was written. */
  #abort(): Promise<void> {
    return (this.#closed ??= this.#end(async ({ sink }) => sink?.abort()));
  }

  async #end(how: (file: OpenFile) => Promise<void>): Promise<void> {
    try {
      await this.#turns.run(() => how(this.#file));
    } catch (error) {
      throw translated(error, 'close');
    } finally {
      this.emit('close');
    }
  }

  async #use<T>(syscall: string, job: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw systemError('EBADF', syscall);
    try {
      return await this.#turns.run(job);
    } catch (error) {
      throw translated(error, syscall);
    }
  }
}

function placed(offset: number | null | WritePlace | undefined, length: number | null | undefined, position: Position): WritePlace {
  return typeof offset === 'object' && offset !== null ? offset : { offset, length, position };
}

/** -1 stands for no position, too. */
function isCurrent(position: Position): boolean {
  return position === undefined || position === null || Number(position) === -1;
}

/** The bytes of a buffer between `offset` and `length` more. */
function part(buffer: Uint8Array, { offset, length }: WritePlace): Uint8Array {
  const from = inRange('offset', offset ?? 0, buffer.byteLength);
  const count = inRange('length', length ?? buffer.byteLength - from, buffer.byteLength - from);
  return buffer.subarray(from, from + count);
}

function inRange(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  const message = `The value of "${name}" is out of range. It must be >= 0 && <= ${most}. Received ${value}`;
  throw Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}

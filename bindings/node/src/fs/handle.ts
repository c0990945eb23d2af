// Files that a program holds open: to read them, or to write them as a whole.
import { EventEmitter } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import '../dispose.js';
import { bytes } from '../argument.js';
import { Exclusive } from '../exclusive.js';
import { readable, writable, type Sink } from '../streams.js';
import type { Time } from './calls/description.js';
import { inSteps, type Encoding, type FileData } from './data.js';
import { systemError, unlessAborted } from './errors.js';
import type { HeldFile, Position, ReadPlace, WritePlace } from './held.js';
import { atOnce, promised, type Script } from './script.js';
import { inForm, type BigIntStats, type Stats, type StatOptions } from './stats.js';
import { refuseBackwards } from './streams.js';

export interface HandleStreamOptions {
  encoding?: BufferEncoding | null | undefined;
  /** Whether the stream closes the handle at its end; true without it. */
  autoClose?: boolean | undefined;
  start?: number | undefined;
  end?: number | undefined;
  highWaterMark?: number | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Like FileHandle of node. One for reading sees the content that it opened. What one for writing has written is there when
 * it is closed; what it appends, at once.
 */
export class FileHandle extends EventEmitter implements AsyncDisposable {
  /** There is no descriptor. */
  readonly fd = -1;
  /** @internal */
  declare readonly held: HeldFile;
  readonly #turns = new Exclusive();
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(held: HeldFile) {
    super();
    Object.defineProperty(this, 'held', { value: held });
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
    return this.#use('read', () => this.held.reading(given, offset, length, position));
  }

  async readv(buffers: readonly NodeJS.ArrayBufferView[], position?: Position): Promise<{ bytesRead: number; buffers: readonly NodeJS.ArrayBufferView[] }> {
    return { bytesRead: await this.#use('read', () => this.held.readingMany(buffers, position)), buffers };
  }

  /** Reads what is left. */
  readFile(options: BufferEncoding | { encoding: BufferEncoding }): Promise<string>;
  readFile(options?: { encoding?: 'buffer' | null | undefined } | 'buffer' | null): Promise<Buffer>;
  async readFile(options?: { encoding?: Encoding | null | undefined } | Encoding | null): Promise<string | Buffer> {
    const encoding = typeof options === 'string' ? options : options?.encoding;
    const content = await this.#use('read', () => this.held.readingRest());
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
    return { bytesWritten: await this.#use('write', () => this.held.writingPart(data, offset, length, position)), buffer: data };
  }

  async writev(buffers: readonly NodeJS.ArrayBufferView[], position?: Position): Promise<{ bytesWritten: number; buffers: readonly NodeJS.ArrayBufferView[] }> {
    return { bytesWritten: await this.#use('write', () => this.held.writingMany(buffers, position)), buffers };
  }

  /** Writes all of `data` on. */
  async writeFile(
    data: FileData,
    options?: { encoding?: BufferEncoding | null | undefined; signal?: AbortSignal | undefined } | BufferEncoding | null,
  ): Promise<void> {
    const { encoding, signal } = typeof options === 'string' ? { encoding: options } : { signal: undefined, ...options };
    this.#expectOpen('write');
    try {
      await this.#turns.run(async () => {
        for await (const chunk of inSteps(data, encoding ?? 'utf8', signal)) await promised(this.held.writing(chunk, null));
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
    return inForm(await this.#use('fstat', () => this.held.stating()), options);
  }

  /** Of a file that is written, to the length that it has; any other is ENOTSUP. */
  truncate(length?: number | null): Promise<void> {
    return this.#use('ftruncate', () => this.held.truncating(length));
  }

  /** Of a file that is written, it takes effect when the handle is closed. */
  chmod(mode: number | string): Promise<void> {
    return this.#use('fchmod', () => this.held.changingMode(mode));
  }

  /** Of a file that is written, it takes effect when the handle is closed. */
  utimes(accessed: Time, modified: Time): Promise<void> {
    return this.#use('futime', () => this.held.changingTimes(accessed, modified));
  }

  /** Does nothing: what is written is as durable as the store is, when the handle is closed. */
  sync(): Promise<void> {
    return this.#use('fsync', () => this.held.nothing('fsync'));
  }

  datasync(): Promise<void> {
    return this.#use('fdatasync', () => this.held.nothing('fdatasync'));
  }

  /** Does nothing: the files of a store have no owner. */
  chown(_uid: number, _gid: number): Promise<void> {
    return this.#use('fchown', () => this.held.nothing('fchown'));
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
    const settings = { highWaterMark, signal, defaultEncoding: encoding ?? undefined, gathers: this.held.appends };
    return writable(async () => sink, settings);
  }

  /** Closes the handle. What was written becomes the content of the file. Again is no error. */
  close(): Promise<void> {
    return (this.#closed ??= this.#end(() => this.held.closing()));
  }

  /** @internal */
  closeSync(): void {
    if (this.#closed !== undefined) throw systemError('EBADF', 'close');
    this.#closed = Promise.resolve();
    atOnce(this.held.closing());
    this.emit('close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Closes it and forgets what was written. */
  #abort(): Promise<void> {
    return (this.#closed ??= this.#end(() => this.held.aborting()));
  }

  async #end(how: () => Script<void>): Promise<void> {
    try {
      await this.#turns.run(() => promised(how()));
    } finally {
      this.emit('close');
    }
  }

  #expectOpen(syscall: string): void {
    if (this.#closed !== undefined) throw systemError('EBADF', syscall);
  }

  async #use<T>(syscall: string, job: () => Script<T>): Promise<T> {
    this.#expectOpen(syscall);
    return this.#turns.run(() => promised(job()));
  }
}

// A file that a program holds open: where it is in it, and what can be done with it.
import type { Metadata } from '../operations/metadata.js';
import { bytes } from '../argument.js';
import type { Reader } from '../reader.js';
import { describe, timeOf, type Time } from './calls/description.js';
import { systemError, translated } from './errors.js';
import { modeMetadata, modeNumber, mtimeMetadata } from './posix.js';
import { ask, type Script } from './script.js';
import type { FileSink } from './sink.js';
import type { Stats } from './stats.js';
import type { View } from './view.js';

/** What is open. */
export interface OpenFile {
  stat(written: number): Script<Stats>;
  /** Where it is read; absent for a directory. */
  reader?: Reader | undefined;
  /** Where it is written. */
  sink?: FileSink | undefined;
  /** Whether what is written goes to the end, wherever that is. */
  appends?: boolean | undefined;
}

export type Position = number | bigint | null | undefined;

export interface ReadPlace<T extends NodeJS.ArrayBufferView = Buffer> {
  buffer?: T | undefined;
  offset?: number | null | undefined;
  length?: number | null | undefined;
  position?: Position;
}

export type WritePlace = Omit<ReadPlace, 'buffer'>;

const ROOM = 16 * 1024;

export class HeldFile {
  readonly #view: View;
  readonly #stored: string;
  readonly #file: OpenFile;
  #isClosed = false;
  /** Where the program reads or writes next. */
  #position = 0;
  /** Where the reader or the writer is. */
  #at = 0;
  /** What is said of a file that is there when it is closed. */
  #description: ((etag: string | null) => Metadata)[] = [];

  constructor(view: View, stored: string, file: OpenFile) {
    this.#view = view;
    this.#stored = stored;
    this.#file = file;
  }

  get appends(): boolean {
    return this.#file.appends === true;
  }

  *reading(
    given?: NodeJS.ArrayBufferView | ReadPlace<NodeJS.ArrayBufferView> | null,
    offset?: number | null | WritePlace,
    length?: number | null,
    position?: Position,
  ): Script<{ bytesRead: number; buffer: NodeJS.ArrayBufferView }> {
    const options: ReadPlace<NodeJS.ArrayBufferView> = ArrayBuffer.isView(given)
      ? { buffer: given, ...placed(offset, length, position) }
      : { ...given };
    const buffer = options.buffer ?? Buffer.alloc(ROOM);
    const room = part(bytes(buffer), options);
    const bytesRead = yield* this.#use('read', this.#read(room, options.position));
    return { bytesRead, buffer };
  }

  *#read(room: Uint8Array, position: Position): Script<number> {
    const { reader, sink } = this.#file;
    if (sink !== undefined) throw systemError('EBADF', 'read');
    if (reader === undefined) throw systemError('EISDIR', 'read');
    const isHere = isCurrent(position);
    const at = isHere ? this.#position : Number(position);
    if (at !== this.#at) yield* ask(reader, 'seek', at);
    const got = yield* ask(reader, 'read', room);
    this.#at = at + got;
    if (isHere) this.#position = this.#at;
    return got;
  }

  *readingRest(): Script<Buffer> {
    return yield* this.#use('read', this.#readRest());
  }

  *#readRest(): Script<Buffer> {
    const room = Buffer.allocUnsafe(Math.max((this.#file.reader?.size ?? 1) - this.#position, 0));
    let filled = 0;
    while (filled < room.length) {
      const got = yield* this.#read(room.subarray(filled), null);
      if (got === 0) break;
      filled += got;
    }
    return room.subarray(0, filled);
  }

  /** Reads into several buffers, one after the other. */
  *readingMany(buffers: readonly NodeJS.ArrayBufferView[], position?: Position): Script<number> {
    let at = isCurrent(position) ? null : Number(position);
    let total = 0;
    for (const buffer of buffers) {
      const { bytesRead } = yield* this.reading(buffer, 0, null, at);
      total += bytesRead;
      if (at !== null) at += bytesRead;
      if (bytesRead < buffer.byteLength) break;
    }
    return total;
  }

  /** Anywhere else than at the end of what was written is ENOTSUP: it would change a part of the file. */
  *writingPart(
    data: string | NodeJS.ArrayBufferView,
    offset?: Position | WritePlace,
    length?: number | BufferEncoding | null,
    position?: Position,
  ): Script<number> {
    const place = typeof data === 'string'
      ? { position: offset as Position }
      : placed(offset as number | WritePlace, length as number, position);
    const content = typeof data === 'string' ? Buffer.from(data, (length ?? 'utf8') as BufferEncoding) : part(bytes(data), place);
    yield* this.writing(content, place.position);
    return content.byteLength;
  }

  *writing(content: Uint8Array, position: Position): Script<void> {
    yield* this.#use('write', this.#write(content, position));
  }

  *writingMany(buffers: readonly NodeJS.ArrayBufferView[], position?: Position): Script<number> {
    const content = Buffer.concat(buffers.map((buffer) => bytes(buffer)));
    yield* this.writing(content, position);
    return content.byteLength;
  }

  *#write(content: Uint8Array, position: Position): Script<void> {
    const { sink, appends } = this.#file;
    if (sink === undefined) throw systemError('EBADF', 'write');
    const isHere = appends || isCurrent(position);
    const at = isHere ? this.#position : Number(position);
    if (!appends && at !== this.#at) throw systemError('ENOTSUP', 'write');
    yield* sink.writing(content);
    this.#at += content.byteLength;
    if (isHere) this.#position = this.#at;
  }

  stating(): Script<Stats> {
    return this.#use('fstat', this.#file.stat(this.#at));
  }

  /** Does nothing, where the file is open. */
  *nothing(syscall: string): Script<void> {
    this.#expectOpen(syscall);
  }

  /** Of a file that is written, to the length that it has; any other is ENOTSUP. */
  *truncating(length: number | null = 0): Script<void> {
    this.#expectOpen('ftruncate');
    const { sink, appends } = this.#file;
    if (sink === undefined) throw systemError('EINVAL', 'ftruncate');
    if (appends || (length ?? 0) !== this.#at) throw systemError('ENOTSUP', 'ftruncate');
  }

  *changingMode(mode: number | string): Script<void> {
    yield* this.#use('fchmod', this.#describe(() => modeMetadata(modeNumber(mode))));
  }

  *changingTimes(_accessed: Time, modified: Time): Script<void> {
    const time = timeOf(modified, 'futime');
    yield* this.#use('futime', this.#describe((etag) => mtimeMetadata(time, etag)));
  }

  *#describe(metadata: (etag: string | null) => Metadata): Script<void> {
    if (this.#file.sink === undefined) yield* describe(this.#view, this.#stored, metadata);
    else this.#description.push(metadata);
  }

  /** What was written becomes the content of the file. Again is no error. */
  *closing(): Script<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { reader, sink } = this.#file;
    try {
      if (reader !== undefined) yield* ask(reader, 'close');
      if (sink !== undefined) yield* sink.committing();
      for (const metadata of this.#description) yield* describe(this.#view, this.#stored, metadata);
    } catch (error) {
      throw translated(error, 'close');
    }
  }

  /** Forgets what was written. */
  *aborting(): Script<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { reader, sink } = this.#file;
    if (reader !== undefined) yield* ask(reader, 'close');
    if (sink !== undefined) yield* sink.aborting();
  }

  #expectOpen(syscall: string): void {
    if (this.#isClosed) throw systemError('EBADF', syscall);
  }

  *#use<T>(syscall: string, job: Script<T>): Script<T> {
    this.#expectOpen(syscall);
    try {
      return yield* job;
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

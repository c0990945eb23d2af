// Files as streams of node and of the web.
import { Readable, Writable, type WritableOptions } from 'node:stream';

import { count, expectKnown, maybeCount, names } from './argument.js';
import { nothing } from './call.js';
import { CALL, WRITE, type WriteOptions, type CallOptions } from './operations/files.js';
import type { Reader } from './reader.js';
import type { Entry } from './rows.js';
import type { Writer } from './writer.js';

export interface ReadStreamOptions extends CallOptions {
  /** The first byte, from 0. */
  start?: number | undefined;
  /** The last byte, inclusive, as node has it. */
  end?: number | undefined;
  /** Bytes read at once; 64 KiB without it. */
  highWaterMark?: number | undefined;
}

export interface WriteStreamOptions extends WriteOptions {
  highWaterMark?: number | undefined;
}

const READ_STREAM = names(CALL, 'start', 'end', 'highWaterMark');
const WRITE_STREAM = names(WRITE, 'highWaterMark');

/** What opens the reader of a stream. */
export function toRead(options: ReadStreamOptions): CallOptions {
  expectKnown(options, READ_STREAM);
  return { signal: options.signal };
}

/** What opens the writer of a stream. */
export function toWrite(options: WriteStreamOptions): WriteOptions {
  expectKnown(options, WRITE_STREAM);
  const { highWaterMark: _, ...conditions } = options;
  return conditions;
}

type Open<T> = () => Promise<T>;

/** What a stream reads from. */
export interface Source {
  read(buffer: Uint8Array): Promise<number>;
  seek(offset: number): Promise<void>;
  close(): Promise<void>;
}

/** What a stream is written to. */
export interface Sink<T> {
  write(data: string | Uint8Array): Promise<void>;
  /** Ends it: what was written is there from now on. */
  commit(): Promise<T>;
  /** Gives up, unless it was committed. */
  abort(): Promise<void>;
}

/** Makes what a stream fails with of an error of the store. */
type Explain = (error: unknown) => unknown;
const asItIs: Explain = (error) => error;

const CHUNK = 64 * 1024;

/** What is left to read between `start` and `end`. */
class Range {
  readonly start: number;
  private left: number;

  constructor({ start, end }: ReadStreamOptions) {
    this.start = count(start ?? 0, 'start');
    this.left = ((end === Infinity ? undefined : maybeCount(end, 'end')) ?? Infinity) - this.start + 1;
  }

  async read(reader: Source, room: Uint8Array): Promise<number> {
    const wanted = Math.max(Math.min(room.byteLength, this.left), 0);
    if (wanted === 0) return 0;
    const got = await reader.read(room.subarray(0, wanted));
    this.left -= got;
    return got;
  }
}

export function readable(open: Open<Source>, options: ReadStreamOptions, explain: Explain = asItIs): Readable {
  const range = new Range(options);
  let reader: Source;
  const stream = new Readable({
    highWaterMark: options.highWaterMark ?? CHUNK,
    construct(callback) {
      void settle(async () => {
        reader = await open();
        if (range.start > 0) await reader.seek(range.start);
      }, callback, explain);
    },
    read(size) {
      void settle(async () => {
        const chunk = Buffer.allocUnsafe(size);
        const got = await range.read(reader, chunk);
        this.push(got === 0 ? null : chunk.subarray(0, got));
      }, (error) => error && this.destroy(error), explain);
    },
    destroy(error, callback) {
      void settle(async () => reader?.close(), (failed) => callback(error ?? failed ?? null));
    },
  });
  return endedBy(options.signal, stream, explain);
}

/** Has the signal end a stream that does nothing, too. */
function endedBy<T extends Readable | Writable>(signal: AbortSignal | undefined, stream: T, explain: Explain): T {
  if (signal === undefined) return stream;
  const end = (): void => void stream.destroy(explain(signal.reason) as Error);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', end));
  return stream;
}

export interface WritableSettings {
  signal?: AbortSignal | undefined;
  highWaterMark?: number | undefined;
  defaultEncoding?: BufferEncoding | undefined;
  /** What came while the sink was busy is written at once: for one to which each write is dear. */
  gathers?: boolean | undefined;
}

/** A stream whose file appears when it has finished; destroyed before, it leaves everything as it was. */
export function writable<T = Entry>(
  open: Open<Sink<T>>,
  options: WritableSettings,
  explain: Explain = asItIs,
): Writable & { entry?: T } {
  let sink: Sink<T>;
  const settings: WritableOptions = {
    decodeStrings: true,
    construct(callback) {
      void settle(async () => {
        sink = await open();
      }, callback, explain);
    },
    write(chunk, _encoding, callback) {
      void settle(() => sink.write(chunk), callback, explain);
    },
    final(callback) {
      void settle(async () => {
        stream.entry = await sink.commit();
      }, callback, explain);
    },
    destroy(error, callback) {
      void settle(async () => sink?.abort(), (failed) => callback(error ?? failed ?? null), explain);
    },
  };
  if (options.highWaterMark !== undefined) settings.highWaterMark = options.highWaterMark;
  if (options.defaultEncoding !== undefined) settings.defaultEncoding = options.defaultEncoding;
  if (options.gathers === true) {
    settings.writev = (chunks, callback) => {
      void settle(() => sink.write(Buffer.concat(chunks.map(({ chunk }) => chunk))), callback, explain);
    };
  }
  const stream: Writable & { entry?: T } = new Writable(settings);
  return endedBy(options.signal, stream, explain);
}

/** Tells node's way what became of a promise. */
async function settle(
  job: () => Promise<void>,
  callback: (error?: Error | null) => void,
  explain: Explain = asItIs,
): Promise<void> {
  try {
    await job();
  } catch (error) {
    callback(explain(error) as Error);
    return;
  }
  callback();
}

/** A byte stream: a reader that brings its own buffer has it filled without a copy. */
export function readableWeb(open: Open<Reader>, options: ReadStreamOptions): ReadableStream<Uint8Array> {
  const range = new Range(options);
  let opening: Promise<Reader> | undefined;
  const close = async (): Promise<void> => {
    const reader = await opening?.catch(nothing);
    await reader?.close();
  };
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: options.highWaterMark ?? CHUNK,
    async pull(controller) {
      try {
        const isFirst = opening === undefined;
        const reader = await (opening ??= open());
        if (isFirst && range.start > 0) await reader.seek(range.start);
        const request = controller.byobRequest;
        if (!request?.view) return;
        const view = request.view as Uint8Array;
        const got = await range.read(reader, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        if (got === 0) {
          await reader.close();
          controller.close();
        }
        request.respond(got);
      } catch (error) {
        await close().catch(nothing);
        throw error;
      }
    },
    // It may still be being opened.
    cancel: close,
  });
}

/** The file appears when the stream is closed; aborted before, it leaves everything as it was. */
export function writableWeb(open: Open<Writer>, options: WriteStreamOptions): WritableStream<Uint8Array | string> {
  let writer: Writer;
  return new WritableStream(
    {
      async start() {
        writer = await open();
      },
      async write(chunk) {
        try {
          await writer.write(chunk);
        } catch (error) {
          // A stream whose write fails does not abort its sink.
          await writer.abort().catch(nothing);
          throw error;
        }
      },
      async close() {
        await writer.commit();
      },
      abort: () => writer?.abort(),
    },
    new CountQueuingStrategy({ highWaterMark: options.highWaterMark ?? 1 }),
  );
}

// Files as streams of node and of the web.
import { Readable, Writable, type WritableOptions } from 'node:stream';

import { count, maybeCount } from './argument.js';
import type { WriteOptions, CallOptions } from './operations/files.js';
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

type Open<T> = () => Promise<T>;

const CHUNK = 64 * 1024;

/** What is left to read between `start` and `end`. */
class Range {
  readonly start: number;
  private left: number;

  constructor({ start, end }: ReadStreamOptions) {
    this.start = count(start ?? 0, 'start');
    this.left = (maybeCount(end, 'end') ?? Infinity) - this.start + 1;
  }

  async read(reader: Reader, room: Uint8Array): Promise<number> {
    const wanted = Math.max(Math.min(room.byteLength, this.left), 0);
    if (wanted === 0) return 0;
    const got = await reader.read(room.subarray(0, wanted));
    this.left -= got;
    return got;
  }
}

export function readable(open: Open<Reader>, options: ReadStreamOptions): Readable {
  const range = new Range(options);
  let reader: Reader;
  return new Readable({
    highWaterMark: options.highWaterMark ?? CHUNK,
    construct(callback) {
      void settle(async () => {
        reader = await open();
        if (range.start > 0) await reader.seek(range.start);
      }, callback);
    },
    read(size) {
      void settle(async () => {
        const chunk = Buffer.allocUnsafe(size);
        const got = await range.read(reader, chunk);
        this.push(got === 0 ? null : chunk.subarray(0, got));
      }, (error) => error && this.destroy(error));
    },
    destroy(error, callback) {
      void settle(async () => reader?.close(), (failed) => callback(error ?? failed ?? null));
    },
  });
}

/** A stream whose file appears when it has finished; destroyed before, it leaves everything as it was. */
export function writable(open: Open<Writer>, options: WriteStreamOptions): Writable & { entry?: Entry } {
  let writer: Writer;
  const settings: WritableOptions = {
    decodeStrings: true,
    construct(callback) {
      void settle(async () => {
        writer = await open();
      }, callback);
    },
    write(chunk, _encoding, callback) {
      void settle(() => writer.write(chunk), callback);
    },
    final(callback) {
      void settle(async () => {
        stream.entry = await writer.commit();
      }, callback);
    },
    destroy(error, callback) {
      void settle(async () => writer?.abort(), (failed) => callback(error ?? failed ?? null));
    },
  };
  if (options.highWaterMark !== undefined) settings.highWaterMark = options.highWaterMark;
  const stream: Writable & { entry?: Entry } = new Writable(settings);
  return stream;
}

/** Tells node's way what became of a promise. */
async function settle(job: () => Promise<void>, callback: (error?: Error | null) => void): Promise<void> {
  try {
    await job();
  } catch (error) {
    callback(error as Error);
    return;
  }
  callback();
}

/** A byte stream: a reader that brings its own buffer has it filled without a copy. */
export function readableWeb(open: Open<Reader>, options: ReadStreamOptions): ReadableStream<Uint8Array> {
  const range = new Range(options);
  let reader: Reader | undefined;
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: options.highWaterMark ?? CHUNK,
    async pull(controller) {
      if (reader === undefined) {
        reader = await open();
        if (range.start > 0) await reader.seek(range.start);
      }
      const request = controller.byobRequest;
      if (!request?.view) return;
      const view = request.view as Uint8Array;
      const got = await range.read(reader, new Uint8Array(view.buffer, view.byteOffset, view.byteLength)).catch(
        async (error: unknown) => {
          await reader?.close();
          throw error;
        },
      );
      if (got === 0) {
        await reader.close();
        controller.close();
      }
      request.respond(got);
    },
    async cancel() {
      await reader?.close();
    },
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
      write: (chunk) => writer.write(chunk),
      async close() {
        await writer.commit();
      },
      abort: () => writer.abort(),
    },
    new CountQueuingStrategy({ highWaterMark: options.highWaterMark ?? 1 }),
  );
}

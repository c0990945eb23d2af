// What programs give to be written.
import { Readable, type ReadableOptions } from 'node:stream';

import { bytes, type Data } from '../argument.js';

export type Encoding = BufferEncoding | 'buffer';

export type FileData = Data | Iterable<string | NodeJS.ArrayBufferView> | AsyncIterable<string | NodeJS.ArrayBufferView>;

/** All of it at once. */
export async function contentOf(data: FileData, encoding: BufferEncoding, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of inSteps(data, encoding, signal)) chunks.push(chunk);
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

/** Piece by piece, until the signal ends it. */
export async function* inSteps(data: FileData, encoding: BufferEncoding, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const isWhole = typeof data === 'string' || ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
  if (isWhole || !isIterable(data)) {
    yield bytesOf(data, encoding);
    return;
  }
  const settings: ReadableOptions = signal === undefined ? { objectMode: true } : { objectMode: true, signal };
  for await (const chunk of Readable.from(data, settings)) yield bytesOf(chunk, encoding);
}

function isIterable(data: unknown): data is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data);
}

function bytesOf(data: unknown, encoding: BufferEncoding): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, encoding) : bytes(data);
}

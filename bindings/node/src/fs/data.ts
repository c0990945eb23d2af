// What programs give to be written.
import { bytes, type Data } from '../argument.js';
import { nothing } from '../call.js';

export type Encoding = BufferEncoding | 'buffer';

export type FileData = Data | Iterable<string | NodeJS.ArrayBufferView> | AsyncIterable<string | NodeJS.ArrayBufferView>;

/** All of it at once. */
export async function contentOf(data: FileData, encoding: BufferEncoding, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of inSteps(data, encoding, signal)) chunks.push(chunk);
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

/** The same at once: node takes no iterables there. */
export function contentOfSync(data: FileData, encoding: BufferEncoding): Uint8Array {
  return bytesOf(data, encoding);
}

/** Piece by piece, until the signal ends it. */
export async function* inSteps(data: FileData, encoding: BufferEncoding, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const isWhole = typeof data === 'string' || ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
  if (isWhole || !isIterable(data)) {
    yield bytesOf(data, encoding);
    return;
  }
  const iterator = iteratorOf(data);
  const { next, release } = abortable(() => iterator.next(), signal);
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await next();
      isOver = done === true;
      if (isOver) return;
      yield bytesOf(value, encoding);
    }
  } finally {
    release();
    // Nobody waits for it: it may be what the signal has cut short.
    if (!isOver) Promise.resolve(iterator.return?.()).catch(nothing);
  }
}

function iteratorOf(data: Iterable<unknown> | AsyncIterable<unknown>): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in data ? data[Symbol.asyncIterator]() : data[Symbol.iterator]();
}

interface Abortable<T> {
  next(): Promise<T>;
  /** There are no more steps. */
  release(): void;
}

/** Makes a step fail at once when the signal comes, however long it goes on by itself. */
function abortable<T>(step: () => Promise<T> | T, signal: AbortSignal | undefined): Abortable<T> {
  if (signal === undefined) return { next: async () => step(), release: nothing };
  let fail: (reason: unknown) => void = nothing;
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener('abort', onAbort);
  const next = (): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      fail = reject;
      if (signal.aborted) throw signal.reason;
      Promise.resolve(step()).then(resolve, reject);
    });
  return { next, release: () => signal.removeEventListener('abort', onAbort) };
}

function isIterable(data: unknown): data is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data);
}

function bytesOf(data: unknown, encoding: BufferEncoding): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, encoding) : bytes(data);
}

import './dispose.js';
import { count, room, type Integer } from './argument.js';
import { giveBack, nothing, output, run, runQuick, runSync } from './call.js';
import { NexusError } from './error.js';
import { Exclusive } from './exclusive.js';
import { watch, forget } from './backstop.js';
import { native } from './library.js';
import { Target, type Call } from './queue.js';
import type { Scope } from './scope.js';

const CHUNK = 64 * 1024;

/** A file being read piece by piece: the content that the file had when it was opened. */
export class Reader implements AsyncDisposable, AsyncIterable<Buffer> {
  /** Bytes of the content. */
  readonly size: number;
  readonly #target: Target;
  readonly #scope: Scope | undefined;
  readonly #turns = new Exclusive();
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(handle: bigint, store: Target, scope?: Scope) {
    const target = new Target(handle, scope ?? store);
    this.#target = target;
    this.#scope = scope;
    scope?.children.add(target);
    watch(this, () => void closeReader(target, scope).catch(nothing));
    const size = output<number>();
    this.size = runQuick(this.#target, { fn: native.nexus_reader_size, args: [size], result: () => Number(size[0]) });
  }

  /** Reads the next bytes into `buffer`. Returns the number of bytes read: 0 at the end. */
  read(buffer: NodeJS.ArrayBufferView): Promise<number> {
    return this.#run(() => {
      const view = room(buffer);
      const got = output<number>();
      return { fn: native.nexus_reader_read, args: [view, view.byteLength, got], result: () => Number(got[0]) };
    });
  }

  /** Goes to `offset`, in bytes from the beginning. */
  seek(offset: Integer): Promise<void> {
    return this.#run(() => ({ fn: native.nexus_reader_seek, args: [count(offset, 'offset')], result: nothing }));
  }

  readSync(buffer: NodeJS.ArrayBufferView): number {
    const view = room(buffer);
    const got = output<number>();
    return this.#runSync({ fn: native.nexus_reader_read, args: [view, view.byteLength, got], result: () => Number(got[0]) });
  }

  seekSync(offset: Integer): void {
    this.#runSync({ fn: native.nexus_reader_seek, args: [count(offset, 'offset')], result: nothing });
  }

  /** The rest of the content, in chunks. Closes the reader at the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafe(CHUNK);
        const got = await this.read(chunk);
        if (got === 0) return;
        yield chunk.subarray(0, got);
      }
    } finally {
      await this.close();
    }
  }

  /** Closes the reader, behind the reads that were asked for. Again is no error. */
  close(): Promise<void> {
    return (this.#closed ??= this.#turns.run(() => {
      forget(this);
      return closeReader(this.#target, this.#scope);
    }));
  }

  closeSync(): void {
    if (this.#closed !== undefined) return;
    this.#closed = Promise.resolve();
    forget(this);
    runSync(this.#target, { fn: native.nexus_reader_close, args: [], result: nothing });
    this.#scope?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #runSync<T>(call: Call<T>): T {
    if (this.#closed !== undefined) throw new NexusError('MISUSE', 'the reader is closed');
    return runSync(this.#target, call);
  }

  async #carryOut<T>(call: Call<T>): Promise<T> {
    this.#scope?.signal.throwIfAborted();
    return run(this.#target, call);
  }

  async #run<T>(call: () => Call<T>): Promise<T> {
    if (this.#closed !== undefined) throw new NexusError('MISUSE', 'the reader is closed');
    const made = call();
    try {
      return await this.#turns.run(() => this.#carryOut(made));
    } catch (error) {
      throw this.#scope === undefined ? error : this.#scope.reasonFor(error);
    }
  }
}

async function closeReader(target: Target, scope: Scope | undefined): Promise<void> {
  try {
    await giveBack(native.nexus_reader_close, target.native);
  } finally {
    scope?.close();
  }
}

import './dispose.js';
import { bytes, type Data } from './argument.js';
import { giveBack, nothing, output, run, runSync } from './call.js';
import { NexusError } from './error.js';
import { Exclusive } from './exclusive.js';
import { watch, forget } from './backstop.js';
import { native } from './library.js';
import { Target, type Call } from './queue.js';
import { takeEntry, type Entry } from './rows.js';
import type { Scope } from './scope.js';

/** A file being written piece by piece, in bounded memory. The commit creates or replaces the file. */
export class Writer implements AsyncDisposable {
  readonly #target: Target;
  readonly #scope: Scope | undefined;
  readonly #turns = new Exclusive();
  #ended: 'being committed' | 'committed' | 'aborted' | undefined;

  /** @internal */
  constructor(handle: bigint, store: Target, scope?: Scope) {
    const target = new Target(handle, scope ?? store);
    this.#target = target;
    this.#scope = scope;
    scope?.children.add(target);
    watch(this, () => void abortWriter(target, scope).catch(nothing));
  }

  /** Writes on. */
  async write(data: Data): Promise<void> {
    this.#expectOpen();
    const view = bytes(data);
    await this.#run({ fn: native.nexus_writer_write, args: [view, view.byteLength], result: nothing });
  }

  writeSync(data: Data): void {
    this.#expectOpen();
    const view = bytes(data);
    runSync(this.#target, { fn: native.nexus_writer_write, args: [view, view.byteLength], result: nothing });
  }

  commitSync(): Entry {
    this.#expectOpen();
    this.#ended = 'aborted';
    forget(this);
    const entry = output();
    try {
      const call = { fn: native.nexus_writer_commit, args: [entry], result: () => takeEntry(entry[0]) };
      const committed = runSync(this.#target, call);
      this.#ended = 'committed';
      return committed;
    } catch (error) {
      native.nexus_writer_abort(this.#target.native, output());
      throw error;
    } finally {
      this.#scope?.close();
    }
  }

  abortSync(): void {
    if (this.#ended !== undefined) return;
    this.#ended = 'aborted';
    forget(this);
    native.nexus_writer_abort(this.#target.native, output());
    this.#scope?.close();
  }

  /** Makes the written bytes the content of the file. An error leaves the file unchanged and aborts the writer. */
  async commit(): Promise<Entry> {
    this.#expectOpen();
    this.#ended = 'being committed';
    forget(this);
    const entry = output();
    const call = { fn: native.nexus_writer_commit, args: [entry], result: () => takeEntry(entry[0]) };
    try {
      const committed = await this.#run(call);
      this.#ended = 'committed';
      this.#scope?.close();
      return committed;
    } catch (error) {
      this.#ended = 'aborted';
      await abortWriter(this.#target, this.#scope).catch(nothing);
      throw error;
    }
  }

  /** Ends the writer and discards the written bytes. Does nothing after the end. */
  async abort(): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#ended = 'aborted';
    forget(this);
    await this.#turns.run(() => abortWriter(this.#target, this.#scope));
  }

  /** Aborts, unless committed. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }

  #expectOpen(): void {
    if (this.#ended !== undefined) throw new NexusError('MISUSE', `the writer is ${this.#ended}`);
  }

  async #carryOut<T>(call: Call<T>): Promise<T> {
    this.#scope?.signal.throwIfAborted();
    return run(this.#target, call);
  }

  async #run<T>(call: Call<T>): Promise<T> {
    try {
      return await this.#turns.run(() => this.#carryOut(call));
    } catch (error) {
      throw this.#scope === undefined ? error : this.#scope.reasonFor(error);
    }
  }
}

async function abortWriter(target: Target, scope: Scope | undefined): Promise<void> {
  try {
    await giveBack(native.nexus_writer_abort, target.native);
  } finally {
    scope?.close();
  }
}

// Calls that take several steps, on an object of the library that is theirs: large reads, and commits of batches.
import { run } from './call.js';
import { Target, type Call } from './queue.js';

/** The object of one such call. What ends the calls of its store ends the steps that are still to come. */
export class Steps extends Target {
  #ended: { readonly reason: unknown } | undefined;

  constructor(native: bigint, store: Target) {
    super(native, store);
    store.children.add(this);
  }

  override withdraw(reason: unknown): void {
    this.#ended = { reason };
    super.withdraw(reason);
  }

  run<T>(step: Call<T>): Promise<T> {
    return this.#ended === undefined ? run(this, step) : Promise.reject(this.#ended.reason);
  }

  /** There are no more steps. */
  finish(): void {
    this.parent?.children.delete(this);
  }
}

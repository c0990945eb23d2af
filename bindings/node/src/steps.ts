// Calls that take several steps, on an object of the library that is theirs: large reads, and commits of batches.
import { output, run } from './call.js';
import type { NativeFunction } from './library.js';
import { Target, type Call } from './queue.js';
import { Scope } from './scope.js';

/**
 * The object of one such call. What ends the calls of its store ends the steps that are still to come, from the first on:
 * the one that makes the object.
 */
export class Steps extends Target {
  override native: bigint | null = null;
  /** Fulfilled when there are no more steps. */
  readonly finished: Promise<void>;
  #finish!: () => void;
  #ended: { readonly reason: unknown } | undefined;

  constructor(store: Target) {
    super(null, store);
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    store.children.add(this);
  }

  override withdraw(reason: unknown): void {
    this.#ended = { reason };
    super.withdraw(reason);
  }

  /** Makes the object. */
  async open(fn: NativeFunction, ...args: unknown[]): Promise<void> {
    const made = output();
    await run(this.parent as Target, { fn, args: [...args, made], result: () => (this.native = made[0]) });
  }

  async run<T>(step: Call<T>): Promise<T> {
    this.expectGoing();
    return run(this, step);
  }

  /** Throws why there are no more steps, if something has ended them. */
  expectGoing(): void {
    if (this.#ended !== undefined) throw this.#ended.reason;
  }

  /** There are no more steps. */
  finish(): void {
    this.parent?.children.delete(this);
    this.#finish();
  }
}

/** Carries a call out on another thread, once its arguments are put together. */
export function runPrepared<T>(target: Target, call: Call<T>): Promise<T> {
  return call.prepare === undefined ? run(target, call) : prepareAndRun(target, call, call.prepare());
}

async function prepareAndRun<T>(target: Target, call: Call<T>, prepared: Promise<void>): Promise<T> {
  const steps = new Steps(target);
  try {
    await prepared;
    steps.expectGoing();
    return await run(target, call);
  } finally {
    steps.finish();
  }
}

/**
 * Fulfilled when all is over that ends with a store: its calls, those of several steps, and those with a signal. Readers
 * and writers are not waited for.
 */
export async function closedWith(store: Target): Promise<void> {
  const over: Promise<unknown>[] = [];
  for (let call = store.first; call !== undefined; call = call.next) over.push(call.over);
  for (const child of store.children) {
    if (child instanceof Steps) over.push(child.finished);
    if (child instanceof Scope) over.push(closedWith(child));
  }
  await Promise.all(over);
}

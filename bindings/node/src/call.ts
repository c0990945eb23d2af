// Carries calls out: on a thread of the pool, or at once.
import { STATUS } from './abi.js';
import { NexusError, takeError } from './error.js';
import type { NativeFunction } from './library.js';
import { enqueue, enqueueFirst, running, Target, type Call, type Lane, type Pending } from './queue.js';

/** Carries a call out on another thread. */
export function run<T>(target: Target, call: Call<T>): Promise<T> {
  return outcomeOf<T>(enqueue(target, call));
}

/** Closes an object of the library, before all that waits. The call stands by itself, so nothing withdraws it. */
export function giveBack(fn: NativeFunction, object: bigint | null): Promise<void> {
  return outcomeOf<void>(enqueueFirst(new Target(object), { fn, args: [], result: nothing }));
}

// Not an `async` function, which would keep several objects for each call that waits: with ten thousand of them, collecting
// garbage is most of what keeps the event loop busy.
function outcomeOf<T>(pending: Pending): Promise<T> {
  return pending.over.then(takeOutcome) as Promise<T>;
}

/** Runs as a reaction of the call's promise, so that the stack of an error names those who await it. */
function takeOutcome({ call, status, reason, error }: Pending): unknown {
  if (status === undefined) throw reason;
  if (status !== STATUS.OK) {
    const failed = failure(call, status, error?.[0] ?? null);
    // The handle was closed after the call had been handed over and before a thread took it.
    throw status === STATUS.MISUSE && reason !== undefined ? reason : failed;
  }
  return call.resultInSlices === undefined ? call.result() : call.resultInSlices(reason);
}

/** Carries a call out at once, on this thread, which it may keep waiting. */
export function runSync<T>(target: Target, call: Call<T>): T {
  if (asynchronousOnly) {
    throw new NexusError('MISUSE', 'while a log function is set, only the asynchronous calls are allowed');
  }
  call.signal?.throwIfAborted();
  return runQuick(target, call);
}

/** Carries a call out at once that looks only at memory, so that another thread is not worth its while. */
export function runQuick<T>(target: Target, call: Call<T>): T {
  const error: [bigint | null] = [null];
  const status: number =
    target.native === null ? call.fn(...call.args, error) : call.fn(target.native, ...call.args, error);
  if (status !== STATUS.OK) throw failure(call, status, error[0]);
  return call.result();
}

function failure(call: Call<unknown>, status: number, error: bigint | null): unknown {
  const taken = takeError(status, error);
  return call.explain === undefined ? taken : call.explain(taken);
}

// A thread that logs waits for this one to run the log function. If this one waited for a lock of that thread, in a
// synchronous call, neither would go on.
let asynchronousOnly = false;

export function allowSynchronous(allowed: boolean): void {
  asynchronousOnly = !allowed;
}

/** Whether a call in flight may wait for this thread. */
export function callsBack(): boolean {
  for (const { call } of running) if (asynchronousOnly || call.callsBack === true) return true;
  return false;
}

/**
 * A call whose last argument but the error is one output. Its arguments are put together when it is handed over: ten thousand
 * of these may wait, and what each keeps meanwhile is copied by the garbage collector.
 */
export class OutputCall<T> implements Call<T> {
  readonly fn: NativeFunction;
  readonly signal: AbortSignal | undefined;
  readonly lane: Lane;
  protected readonly inputs: unknown[];
  protected out: [unknown] | undefined;
  private readonly take: (output: any) => T;

  constructor(fn: NativeFunction, inputs: unknown[], take: (output: any) => T, signal?: AbortSignal, lane: Lane = 'short') {
    this.fn = fn;
    this.inputs = inputs;
    this.take = take;
    this.signal = signal;
    this.lane = lane;
  }

  get args(): unknown[] {
    this.out = [null];
    return [...this.inputs, this.out];
  }

  result(): T {
    return this.take((this.out as [unknown])[0]);
  }
}

/** A call without output. */
export class PlainCall implements Call<void> {
  readonly fn: NativeFunction;
  readonly args: unknown[];
  readonly signal: AbortSignal | undefined;

  constructor(fn: NativeFunction, args: unknown[], signal?: AbortSignal) {
    this.fn = fn;
    this.args = args;
    this.signal = signal;
  }

  result(): void {}
}

/** Takes an output as it is. */
export function same<T>(value: T): T {
  return value;
}

/** Takes an output that stands for a boolean. */
export function isOne(value: number): boolean {
  return value === 1;
}

/** A place for one output. */
export function output<T = bigint>(): [T] {
  return [null as T];
}

/** The result of a call that has none. */
export function nothing(): void {}

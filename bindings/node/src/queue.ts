// Hands calls to libuv's thread pool, a few at a time.
//
// koffi runs asynchronous calls on that pool (four threads, or UV_THREADPOOL_SIZE), refuses more than 256 at once, and
// has memory ready for eight. So no more are handed over than keep the threads busy; the others wait here, where they
// cost little and can still be withdrawn. Calls that may take long never occupy the whole pool, which node's own file
// system, DNS and crypto calls share.
import type { NexusError } from './error.js';
import type { NativeFunction } from './library.js';

/** How long a call may occupy a thread: `wait` means that it does so doing nothing. */
export type Lane = 'short' | 'long' | 'wait';

/** One call of the library. */
export interface Call<T> {
  readonly fn: NativeFunction;
  /** Its arguments between the handle and the error. Read once, when the call is handed over, and kept till it settles. */
  readonly args: readonly unknown[];
  /** Puts long arguments together before it is queued, without keeping the event loop busy. */
  prepare?(): Promise<void>;
  readonly lane?: Lane;
  /** Whether it waits for this thread, to run a function of the program. */
  readonly callsBack?: boolean;
  /** Ends the call early. */
  readonly signal?: AbortSignal | undefined;
  /** Copies what the call handed out, and gives it back. Runs once, after OK. */
  result(): T;
  /** The same for what may be long, without keeping the event loop busy. `reason` is why it was to end meanwhile. */
  resultInSlices?(reason: unknown): Promise<T> | T;
  /** What to throw instead of the library's error. */
  explain?(error: NexusError): unknown;
}

/** An object of the library, and the calls on it that have not settled. */
export class Target {
  /** Its handle; null for calls that need none. */
  readonly native: bigint | null;
  /** What it was opened on: no garbage, and so not closed, as long as there are calls on this one. */
  readonly parent: Target | undefined;
  /** Objects that were opened on it, and whose calls end with its own. */
  readonly children = new Set<Target>();
  /** The calls, as a list through their `next` and `previous`: there may be very many. */
  first: Pending | undefined;

  constructor(native: bigint | null, parent?: Target) {
    this.native = native;
    this.parent = parent;
  }

  /** Whether there are no calls on it, nor on its children. */
  get isIdle(): boolean {
    if (this.first !== undefined) return false;
    for (const child of this.children) if (!child.isIdle) return false;
    return true;
  }

  /** Withdraws the calls that were not handed over, and those of its children; those that were keep the reason. */
  withdraw(reason: unknown): void {
    for (let pending = this.first; pending !== undefined; pending = pending.next) {
      if (pending.started) pending.reason = reason;
      else pending.fail(reason);
    }
    for (const child of this.children) child.withdraw(reason);
  }

  /** Ends what the library is doing for it: for an object, all that runs on the handle it was opened on. */
  cutOff(): void {
    this.parent?.cutOff();
  }
}

// One executor for all promises: a closure for each would be one more object to keep.
let beingMade: Pending | undefined;

function keepResolver(resolve: (pending: Pending) => void): void {
  beingMade?.keep(resolve);
  // Else the last call would keep its target from becoming garbage.
  beingMade = undefined;
}

/** A call that waits for its turn, or is being carried out. */
export class Pending {
  readonly target: Target;
  readonly call: Call<unknown>;
  /** Fulfilled with the call itself when it was carried out, and when it will not be. Never rejected. */
  readonly over: Promise<Pending>;
  started = false;
  settled = false;
  /** What the library returned; undefined where it was not called. */
  status: number | undefined;
  /** Why it was not called, or why the call was to end early. */
  reason: unknown;
  /** Where its error object goes. */
  error: [bigint | null] | undefined;
  args: readonly unknown[] | undefined;
  next: Pending | undefined;
  previous: Pending | undefined;
  private resolve: ((pending: Pending) => void) | undefined;

  constructor(target: Target, call: Call<unknown>) {
    this.target = target;
    this.call = call;
    this.next = target.first;
    if (target.first !== undefined) target.first.previous = this;
    target.first = this;
    beingMade = this;
    this.over = new Promise(keepResolver);
  }

  keep(resolve: (pending: Pending) => void): void {
    this.resolve = resolve;
  }

  /** The library was called, and returned `status`. */
  returned(status: number): void {
    this.status = status;
    this.settle();
  }

  /** The library was not called. */
  fail(reason: unknown): void {
    this.reason = reason;
    this.settle();
  }

  private settle(): void {
    this.settled = true;
    if (this.previous === undefined) this.target.first = this.next;
    else this.previous.next = this.next;
    if (this.next !== undefined) this.next.previous = this.previous;
    this.resolve?.(this);
  }
}

/** First in, first out; what was settled meanwhile is passed over. */
class Fifo {
  private items: Pending[] = [];
  private head = 0;

  push(pending: Pending): void {
    this.items.push(pending);
  }

  /** Puts back what was taken last. */
  unshift(pending: Pending): void {
    if (this.head === 0) this.items.unshift(pending);
    else this.items[--this.head] = pending;
  }

  shift(): Pending | undefined {
    while (this.head < this.items.length) {
      const pending = this.items[this.head] as Pending;
      (this.items as unknown[])[this.head++] = undefined;
      if (!pending.settled) return pending;
    }
    this.items = [];
    this.head = 0;
    return undefined;
  }
}

const THREADS = Math.min(Math.max(Number(process.env['UV_THREADPOOL_SIZE']) || 4, 1), 1024);
/** Two more than threads, so that each finds its next call; well below koffi's limit, which others may use too. */
const MOST_IN_FLIGHT = Math.min(THREADS + 2, 128);
const MOST_OF: Record<Lane, number> = {
  short: MOST_IN_FLIGHT,
  long: Math.max(THREADS - 1, 1),
  wait: Math.max(THREADS - 2, 1),
};

const queues: Record<Lane, Fifo> = { short: new Fifo(), long: new Fifo(), wait: new Fifo() };
/** The calls that were handed over and have not returned. */
export const running = new Set<Pending>();
const inFlight: Record<Lane, number> = { short: 0, long: 0, wait: 0 };

/** Queues a call. */
export function enqueue(target: Target, call: Call<unknown>): Pending {
  const pending = new Pending(target, call);
  queues[call.lane ?? 'short'].push(pending);
  pump();
  return pending;
}

/** Like {@link enqueue}, before all others: for what frees threads. */
export function enqueueFirst(target: Target, call: Call<unknown>): Pending {
  const pending = new Pending(target, call);
  if (!start(pending)) queues.short.unshift(pending);
  return pending;
}

function pump(): void {
  for (;;) {
    const pending = next();
    if (pending === undefined) return;
    if (!start(pending)) {
      queues[pending.call.lane ?? 'short'].unshift(pending);
      return;
    }
  }
}

function next(): Pending | undefined {
  const slow = inFlight.long + inFlight.wait;
  if (slow + inFlight.short >= MOST_IN_FLIGHT) return undefined;
  if (slow < MOST_OF.long) {
    const first = queues.long.shift() ?? (inFlight.wait < MOST_OF.wait ? queues.wait.shift() : undefined);
    if (first !== undefined) return first;
  }
  return queues.short.shift();
}

/** Whether calls that may take long hold every thread of the pool. */
export function threadsAreTaken(): boolean {
  return inFlight.long + inFlight.wait >= THREADS;
}

/** Hands a call over. Returns false where koffi has no room left, which is then tried again. */
function start(pending: Pending): boolean {
  const { call, target } = pending;
  const error: [bigint | null] = [null];
  const lane = call.lane ?? 'short';
  // koffi holds on to this function only, and so `pending` keeps target and arguments alive.
  const done = (failure: unknown, status: number): void => {
    inFlight[lane]--;
    running.delete(pending);
    if (failure !== null) pending.fail(failure);
    else pending.returned(status);
    pump();
  };
  const args = call.args;
  pending.started = true;
  pending.error = error;
  pending.args = args;
  inFlight[lane]++;
  running.add(pending);
  try {
    if (target.native === null) call.fn.async(...args, error, done);
    else call.fn.async(target.native, ...args, error, done);
  } catch (failure) {
    inFlight[lane]--;
    running.delete(pending);
    if (isFull(failure)) {
      pending.started = false;
      retrySoon();
      return false;
    }
    if (!pending.settled) pending.fail(failure);
  }
  return true;
}

/** Whether others in the process use all the calls that koffi allows. */
function isFull(failure: unknown): boolean {
  return failure instanceof Error && failure.message.startsWith('Too many asynchronous calls');
}

let retry: NodeJS.Timeout | undefined;

function retrySoon(): void {
  retry ??= setTimeout(() => {
    retry = undefined;
    pump();
  }, 1);
}

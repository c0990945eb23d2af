// Calls that an AbortSignal can end. The library interrupts all calls in flight on a handle, so these get a handle of
// their own, a clone of the store's: only they are interrupted.
import { giveBack, nothing, output } from './call.js';
import { NexusError } from './error.js';
import { native } from './library.js';
import { Target } from './queue.js';

/** How often an interrupt is repeated: a call that was handed over may not have begun when the first one came. */
const REPEAT_MS = 5;

/** A handle on the store of another one, for the calls of one signal. */
export class Scope extends Target {
  declare readonly parent: ScopeParent;
  readonly signal: AbortSignal;
  private repeating: NodeJS.Timeout | undefined;

  private constructor(handle: bigint, parent: ScopeParent, signal: AbortSignal) {
    super(handle, parent);
    this.signal = signal;
    parent.children.add(this);
    listen(this);
  }

  static async open(parent: ScopeParent, signal: AbortSignal): Promise<Scope> {
    signal.throwIfAborted();
    const { interrupts } = parent;
    // An abort, an interrupt or a close that follows at once, in the same turn, ends the call before it begins.
    await null;
    signal.throwIfAborted();
    if (parent.interrupts !== interrupts) throw parent.whyInterrupted();
    return new Scope(parent.clone(), parent, signal);
  }

  /** Ends the calls that were handed over, too. */
  override withdraw(reason: unknown): void {
    super.withdraw(reason);
    const repeat = (): void => {
      if (this.isIdle) {
        clearInterval(this.repeating);
        this.repeating = undefined;
        return;
      }
      this.cutOff();
    };
    this.repeating ??= setInterval(repeat, REPEAT_MS);
    repeat();
  }

  override cutOff(): void {
    native.nexus_interrupt(this.native, output());
  }

  /** What to throw for `error`: the signal's reason if it was the signal that ended the call. */
  reasonFor(error: unknown): unknown {
    return this.signal.aborted && error instanceof NexusError && error.code === 'CANCELLED' ? this.signal.reason : error;
  }

  close(): void {
    unlisten(this);
    clearInterval(this.repeating);
    this.parent.children.delete(this);
    // The last handle closes the store, which may take a while; any other is just given back.
    if (this.parent.isOpen) native.nexus_close(this.native, output());
    else giveBack(native.nexus_close, this.native).catch(nothing);
  }
}

/** What a scope is opened on. */
export interface ScopeParent extends Target {
  readonly isOpen: boolean;
  /** How often its calls were interrupted. */
  readonly interrupts: number;
  whyInterrupted(): NexusError;
  /** Another handle with the same identity. MISUSE where this one is closed. */
  clone(): bigint;
}

/** Runs `work` on a handle of its own, which `signal` interrupts. */
export async function withSignal<T>(
  parent: ScopeParent,
  signal: AbortSignal,
  work: (scope: Scope) => Promise<T>,
): Promise<T> {
  const scope = await Scope.open(parent, signal);
  try {
    return await work(scope);
  } catch (error) {
    throw scope.reasonFor(error);
  } finally {
    scope.close();
  }
}

// One listener for each signal, however many calls it may end: node warns of more than ten.
const scopesOf = new WeakMap<AbortSignal, Set<Scope>>();

function onAbort(this: AbortSignal): void {
  for (const scope of scopesOf.get(this) ?? []) scope.withdraw(this.reason);
}

function listen(scope: Scope): void {
  const scopes = scopesOf.get(scope.signal);
  if (scopes !== undefined) {
    scopes.add(scope);
    return;
  }
  scopesOf.set(scope.signal, new Set([scope]));
  scope.signal.addEventListener('abort', onAbort, { once: true });
}

function unlisten(scope: Scope): void {
  const scopes = scopesOf.get(scope.signal);
  scopes?.delete(scope);
  if (scopes?.size === 0) {
    scopesOf.delete(scope.signal);
    scope.signal.removeEventListener('abort', onAbort);
  }
}

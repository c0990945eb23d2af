// A call of fs as a script: steps, each a method of an object that has a variant `...Sync` beside it. A script is carried out
// with promises or at once, so that both kinds of calls do the same.

/** A call of a method, or several that do not depend on each other; of these the outcomes are given. */
export type Step = Single | readonly Single[];

interface Single {
  readonly target: object;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type Script<T> = Generator<Step, T, any>;

type Method<T, K extends keyof T> = T[K] extends (...args: infer Args) => infer Result ? (...args: Args) => Result : never;
type ArgsOf<T, K extends keyof T> = Parameters<Method<T, K>>;
type ResultOf<T, K extends keyof T> = Awaited<ReturnType<Method<T, K>>>;

/** Calls a method: the one that gives a promise, or its `...Sync` variant. */
export function* ask<T extends object, K extends keyof T & string>(target: T, method: K, ...args: ArgsOf<T, K>): Script<ResultOf<T, K>> {
  return yield { target, method, args };
}

/** Calls two methods at once, and gives both outcomes. */
export function* askBoth<T extends object, K extends keyof T & string, L extends keyof T & string>(
  target: T,
  first: readonly [K, ...ArgsOf<T, K>],
  second: readonly [L, ...ArgsOf<T, L>],
): Script<[PromiseSettledResult<ResultOf<T, K>>, PromiseSettledResult<ResultOf<T, L>>]> {
  return yield [first, second].map(([method, ...args]) => ({ target, method, args })) as Single[];
}

export async function promised<T>(script: Script<T>): Promise<T> {
  let step = script.next();
  while (!step.done) {
    let outcome: unknown;
    try {
      outcome = isSingle(step.value) ? await call(step.value, '') : await Promise.allSettled(step.value.map(async (one) => call(one, '')));
    } catch (error) {
      step = script.throw(error);
      continue;
    }
    step = script.next(outcome);
  }
  return step.value;
}

export function atOnce<T>(script: Script<T>): T {
  let step = script.next();
  while (!step.done) {
    let outcome: unknown;
    try {
      outcome = isSingle(step.value) ? call(step.value, 'Sync') : step.value.map(settledSync);
    } catch (error) {
      step = script.throw(error);
      continue;
    }
    step = script.next(outcome);
  }
  return step.value;
}

function isSingle(step: Step): step is Single {
  return !Array.isArray(step);
}

function call({ target, method, args }: Single, variant: '' | 'Sync'): unknown {
  return (target as Record<string, (...args: unknown[]) => unknown>)[`${method}${variant}`]?.(...args);
}

function settledSync(step: Single): PromiseSettledResult<unknown> {
  try {
    return { status: 'fulfilled', value: call(step, 'Sync') };
  } catch (reason) {
    return { status: 'rejected', reason };
  }
}

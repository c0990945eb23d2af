// Gives back what was never closed, once it is collected as garbage. Closing is better: nobody knows when that is.

const registry = new FinalizationRegistry<() => void>((giveBack) => giveBack());

/** Calls `giveBack` once `owner` is gone. It must not hold on to `owner`, but the calls that use the owner must. */
export function watch(owner: object, giveBack: () => void): void {
  registry.register(owner, giveBack, owner);
}

/** Ends the watch: the owner gives back by itself. */
export function forget(owner: object): void {
  registry.unregister(owner);
}

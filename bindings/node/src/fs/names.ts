// All names of node:fs: what a view has no call for is ENOSYS. Libraries fill the names that an fs lacks from node:fs, and so
// would work on the host's files without a word.
import * as hostFs from 'node:fs';

import { systemError } from './errors.js';

/** Names of later versions of node than the one that runs. */
const NEWER = ['glob', 'globSync', 'lchmod', 'lchmodSync', 'mkdtempDisposableSync', 'openAsBlob', 'Utf8Stream'];
const NEWER_PROMISES = ['glob', 'lchmod', 'mkdtempDisposable', 'statfs', 'watch'];
/** They give no promise, but an iterator. */
const ITERATING = ['glob', 'watch'];
/** Neither touches a file. */
const HARMLESS = ['_toUnixTimestamp'];

/** Completes a view, so that it has every name of node:fs as a property of its own. */
export function complete(view: Record<string, unknown>): void {
  const host = hostFs as unknown as Record<string, unknown>;
  for (const name of [...Object.keys(host), ...NEWER]) {
    if (Object.hasOwn(view, name) || name === 'default') continue;
    const isValue = Object.hasOwn(host, name) && typeof host[name] !== 'function' && host[name] !== undefined;
    view[name] = isValue || HARMLESS.includes(name) ? host[name] : missing(name);
  }
}

/** The same for `promises`. */
export function completePromises(promises: object): void {
  const target = promises as Record<string, unknown>;
  for (const name of [...Object.keys(hostFs.promises), ...NEWER_PROMISES]) {
    if (!Object.hasOwn(target, name)) target[name] = ITERATING.includes(name) ? missing(name) : async () => missing(name)();
  }
}

/** A call that fails with ENOSYS: by its callback, if it has one, else at once. */
function missing(name: string): (...args: unknown[]) => void {
  const call = function (...args: unknown[]): void {
    const error = systemError('ENOSYS', name);
    const callback = args.at(-1);
    const isListener = name === 'watch' || name === 'watchFile' || name === 'unwatchFile';
    if (typeof callback !== 'function' || isListener) throw error;
    process.nextTick(callback, error);
  };
  return Object.defineProperty(call, 'name', { value: name });
}

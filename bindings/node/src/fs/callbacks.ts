// The calls of node:fs that take a callback, and those that block.
import { promisify } from 'node:util';

import { exists, OF_BYTES, ON_NUMBERS, ON_PATHS } from './calls/table.js';
import { atOnce, promised, type Script } from './script.js';
import type { View } from './view.js';

type Call = (...args: any[]) => any;
type Callback = (...args: any[]) => void;

/** Calls of both kinds, by name. */
export function callsOf(view: View): Record<string, Call> {
  const calls: Record<string, Call> = {};
  const add = (name: string, callback: Call, sync: Call): void => {
    calls[name] = named(name, callback);
    calls[`${name}Sync`] = named(`${name}Sync`, sync);
  };
  for (const [name, script] of Object.entries({ ...ON_PATHS, ...ON_NUMBERS }) as [string, (...args: any[]) => Script<unknown>][]) {
    const callback = (...args: any[]): void => {
      const done = takeCallback(args);
      settle(promised(script(view, ...args)), done, (value) => (value === undefined ? [null] : [null, value]));
    };
    add(name, callback, (...args) => atOnce(script(view, ...args)));
  }
  for (const [name, script] of Object.entries(OF_BYTES) as [string, (...args: any[]) => Script<[number, unknown]>][]) {
    const callback = (...args: any[]): void => {
      const done = takeCallback(args);
      settle(promised(script(view, ...args)), done, (value) => [null, ...(value as unknown[])]);
    };
    const noun = name.startsWith('read') ? 'bytesRead' : 'bytesWritten';
    const buffers = name.endsWith('v') ? 'buffers' : 'buffer';
    const both = async (...args: any[]): Promise<object> => {
      const [bytes, data] = await promised(script(view, ...args));
      return { [noun]: bytes, [buffers]: data };
    };
    Object.defineProperty(callback, promisify.custom, { value: both });
    add(name, callback, (...args) => atOnce(script(view, ...args))[0]);
  }
  const asked = (path: any, done?: Callback): void => {
    settle(promised(exists(view, path)), takeCallback([done]), (there) => [there]);
  };
  Object.defineProperty(asked, promisify.custom, { value: (path: any) => promised(exists(view, path)) });
  add('exists', asked, (path) => atOnce(exists(view, path)));
  for (const name of ['realpath', 'realpathSync']) (calls[name] as unknown as { native: unknown }).native = calls[name];
  return calls;
}

function named(name: string, call: Call): Call {
  return Object.defineProperty(call, 'name', { value: name });
}

/** Takes the callback from the end of the arguments. */
function takeCallback(args: unknown[]): Callback {
  const callback = args.pop();
  if (typeof callback === 'function') return callback as Callback;
  const error = new TypeError(`The "cb" argument must be of type function. Received ${callback === undefined ? 'undefined' : typeof callback}`);
  throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

/** What the callback throws is nobody's to catch. */
function settle(promise: Promise<unknown>, done: Callback, results: (value: unknown) => unknown[]): void {
  promise.then((value) => process.nextTick(done, ...results(value)), (error) => process.nextTick(done, error));
}

import { isMainThread } from 'node:worker_threads';

import { CONSTANTS } from './abi.js';
import { choice, wrongType } from './argument.js';
import { allowSynchronous, nothing, run } from './call.js';
import { NexusError } from './error.js';
import { native, registerLog, unregister } from './library.js';
import { Target } from './queue.js';

const LEVELS = {
  error: CONSTANTS.LOG_ERROR,
  warn: CONSTANTS.LOG_WARN,
  info: CONSTANTS.LOG_INFO,
  debug: CONSTANTS.LOG_DEBUG,
};

export type LogLevel = keyof typeof LEVELS;

let registered: bigint | undefined;
let last: Promise<void> = Promise.resolve();

/**
 * Sets the one log function of the process; null for none. It hears of `level` and what is graver. The thread that has
 * something to say waits until the function has run on this one, so while it is set, `...Sync` calls are MISUSE, and
 * an event loop that is kept busy holds up the store. Only for the main thread.
 */
export function setLog(listener: ((level: LogLevel, message: string) => void) | null, level: LogLevel = 'warn'): Promise<void> {
  const turn = last.then(() => replace(listener, level));
  last = turn.catch(nothing);
  return turn;
}

async function replace(listener: ((level: LogLevel, message: string) => void) | null, level: LogLevel): Promise<void> {
  if (!isMainThread) throw new NexusError('MISUSE', 'the log function is set by the main thread');
  const number = choice(LEVELS, level, 'level');
  if (listener !== null && typeof listener !== 'function') throw wrongType('listener', 'a function or null', listener);
  const callback = listener === null ? undefined : registerLog(receiver(listener));
  if (callback !== undefined) allowSynchronous(false);
  try {
    // Never at once: it waits for the former function, which may be waiting for this thread.
    await run(new Target(null), {
      fn: native.nexus_set_log_callback,
      args: [callback ?? null, null, number],
      result: nothing,
    });
  } catch (error) {
    // The former function is still set.
    if (callback !== undefined) unregister(callback);
    allowSynchronous(registered === undefined);
    throw error;
  }
  allowSynchronous(callback === undefined);
  if (registered !== undefined) unregister(registered);
  registered = callback;
}

function receiver(listener: (level: LogLevel, message: string) => void) {
  const names = Object.keys(LEVELS) as LogLevel[];
  return (_user: null, number: number, message: string): void => {
    const level = names.find((name) => LEVELS[name] === number) ?? 'debug';
    // What the listener throws belongs to no caller: it is reported as any uncaught exception.
    try {
      listener(level, message);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

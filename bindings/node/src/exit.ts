// What becomes of the calls in flight when the process ends.
//
// Node waits for the threads of the pool before it exits. A call that is interrupted returns soon. But where a call tells its
// progress, or has something to log, its thread waits for this one to run the function, which it never will: neither
// would go on. Then the process ends here, as it would a moment later; the store takes it as it takes a kill.
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { isMainThread } from 'node:worker_threads';

import koffi from 'koffi';

import { callsBack } from './call.js';
import { running } from './queue.js';

/** An exception that nobody caught: while it ends the process, node has not yet written it. */
let fatal: { readonly error: unknown } | undefined;

process.on('uncaughtExceptionMonitor', (error) => {
  fatal = { error };
  // If a listener catches it, the program goes on.
  queueMicrotask(() => {
    fatal = undefined;
  });
});

process.on('exit', onExit);

function onExit(code: number): void {
  for (const { target } of running) target.cutOff();
  if (!isMainThread || !callsBack()) return;
  runListenersAfter(onExit, code);
  if (fatal !== undefined && !isCaught()) report(fatal.error);
  koffi.load(null).func('_exit', 'void', ['int'])(Number(process.exitCode ?? code));
}

function runListenersAfter(listener: (code: number) => void, code: number): void {
  const listeners = process.listeners('exit');
  for (const next of listeners.slice(listeners.indexOf(listener) + 1)) next.call(process, code);
}

function isCaught(): boolean {
  return process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback();
}

function report(error: unknown): void {
  const text = error instanceof Error ? inspect(error) : `Uncaught:\n${inspect(error)}`;
  try {
    writeSync(process.stderr.fd, `${text}\n\nNode.js ${process.version}\n`);
  } catch {
    // Nobody reads it.
  }
}

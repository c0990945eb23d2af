// How long the event loop stands still.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long this thread has had a processor, in milliseconds. */
function processorTime() {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

/** The longest pause of the event loop during `job`: by the clock, and what the loop's thread itself was busy with. */
export async function longestPause(job) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  // It measures from one time that it runs to the next: let it run once before.
  await sleep(5);
  let last = processorTime();
  let busy = 0;
  const timer = setInterval(() => {
    const now = processorTime();
    busy = Math.max(busy, now - last);
    last = now;
  }, 1);
  await job();
  await sleep(5);
  delay.disable();
  clearInterval(timer);
  return { clock: delay.max / 1e6, busy };
}

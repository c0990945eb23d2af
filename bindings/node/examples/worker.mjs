// A worker: claims items, works on each under a lease that it keeps alive, and completes or fails them. Start as many as
// you like, also in several processes; each item goes to one of them. Ctrl-C lets it finish, and gives nothing up twice.
//
//     node worker.mjs [DATA_DIR [NAME]]
//
// Without DATA_DIR it works off a few items of its own in a temporary store, and ends when nothing is left to do.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, NexusError } from 'nexusfs';
import { scratchDirectory } from './scratch.mjs';

const LEASE_MS = 10_000;
const [dataDir, name = `worker-${process.pid}`] = process.argv.slice(2);
const store = await connect({ data_dir: dataDir ?? join(scratchDirectory(), 'store') });
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

/** What this worker is for: the content in capital letters. Long work heeds the signal. */
async function perform(item, signal) {
  const text = await store.readText(item.virtualPath, { signal });
  if (text === '') throw new Error('there is nothing to shout');
  return text.toUpperCase();
}

/** Keeps the lease alive until `done`; a lost one aborts the work. */
async function keepAlive(item, lost, done) {
  while (!done.aborted) {
    await sleep(LEASE_MS / 3, undefined, { signal: done }).catch(() => {});
    if (done.aborted) return;
    await store.workHeartbeat(item.virtualPath, item.lease, LEASE_MS).catch((error) => lost.abort(error));
  }
}

async function workOn(item) {
  const lost = new AbortController();
  const done = new AbortController();
  const heart = keepAlive(item, lost, done.signal);
  const { virtualPath, lease } = item;
  try {
    const shouted = await perform(item, AbortSignal.any([lost.signal, stop.signal]));
    // The output is there exactly if the item is completed.
    await store.batch().write(`${virtualPath}.out`, shouted).completeWork(virtualPath, lease, { length: shouted.length }).commit();
    console.log(`${virtualPath} is completed`);
  } catch (error) {
    if (error instanceof NexusError && error.code === 'LEASE_LOST') return; // another worker has it
    if (stop.signal.aborted) await store.workRelease(virtualPath, lease);
    else await store.workFail(virtualPath, lease, error.message);
    console.log(`${virtualPath} was given up: ${error.message}`);
  } finally {
    done.abort();
    await heart;
  }
}

if (dataDir === undefined) {
  for (const [file, text] of [['/jobs/1', 'hello'], ['/jobs/2', 'world'], ['/jobs/3', '']]) {
    const metadata = { status: 'ready', priority: Number(file.at(-1)), max_attempts: 1 };
    await store.batch().write(file, text).setMetaMany(file, metadata).commit();
  }
}

const timeoutMs = dataDir === undefined ? 0 : undefined; // without a limit the wait is for as long as it takes
try {
  while (!stop.signal.aborted && (await store.workWait({ prefix: '/jobs/', timeoutMs, signal: stop.signal }))) {
    const items = await store.workClaim(name, { prefix: '/jobs/', max: 4, leaseMs: LEASE_MS });
    await Promise.all(items.map(workOn));
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  await store.close();
}

// What the tests share. The library is the one that NEXUS_LIBRARY names, or the one built last.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import koffi from 'koffi';

export const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
export const PACKAGE = join(PROJECT, 'bindings/node');

if (!process.env.NEXUS_LIBRARY) {
  const built = join(PROJECT, 'target/release/libnexusfs.so');
  if (existsSync(built)) process.env.NEXUS_LIBRARY = built;
}
for (const name of Object.keys(process.env)) {
  if (name.startsWith('NEXUS_') && name !== 'NEXUS_LIBRARY') delete process.env[name];
}

export const { abiVersion, connect, connectSync, connectFile, connectFileSync, liveObjects, setLog, version, NexusError, STATUS, Store } =
  await import('nexusfs');

/** A new directory that goes with the test. */
export function scratch(t) {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-node-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A new store that is closed at the end; the test then must have left nothing open. */
export async function open(t, config = {}) {
  const before = liveObjects();
  const store = await connect({ data_dir: join(scratch(t), 'store'), durability: 'normal', ...config });
  t.after(async () => {
    await store.close();
    await settled(() => liveObjects() === before, () => `${liveObjects() - before} objects are still open`);
  });
  return store;
}

/** Waits until `condition` holds, for what another thread finishes; fails with `message` after two minutes. */
export async function settled(condition, message) {
  const end = performance.now() + 120_000;
  while (!condition()) {
    assert.ok(performance.now() < end, message());
    await nextTurn();
  }
}

const usleep = koffi.load('libc.so.6').func('usleep', 'int', ['uint32']);

/** Has every thread of the pool do something else for a while: calls that are made now begin later. */
export function occupyThreads(ms = 50) {
  for (let i = 0; i < (Number(process.env.UV_THREADPOOL_SIZE) || 4); i++) usleep.async(ms * 1000, () => {});
}

const SLEEPER = `
  const { workerData } = require('node:worker_threads');
  const [stop, late] = [new Int32Array(workerData, 0, 1), new Float64Array(workerData, 8, 1)];
  for (let before = performance.now(); Atomics.wait(stop, 0, 0, 2) === 'timed-out'; before = performance.now()) {
    late[0] = Math.max(late[0], performance.now() - before - 2);
  }`;

/**
 * Returns a function that runs a job and says how many milliseconds it took, less what the machine itself was late: a thread beside it only
 * sleeps, and what it oversleeps at worst other processes have taken. A job has a few such steps from one thread to another.
 */
export async function promptness(t) {
  const memory = new SharedArrayBuffer(16);
  const [stop, late] = [new Int32Array(memory, 0, 1), new Float64Array(memory, 8, 1)];
  const sleeper = new Worker(SLEEPER, { eval: true, workerData: memory });
  const ended = new Promise((resolve) => sleeper.once('exit', resolve));
  t.after(() => {
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
    return ended;
  });
  await new Promise((resolve) => sleeper.once('online', resolve));
  return async (job) => {
    late[0] = 0;
    const began = performance.now();
    await job();
    return performance.now() - began - 3 * late[0];
  };
}

/** What `promise` rejects with has this code. */
export async function refuses(code, promise, more = {}) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof NexusError, `${error.stack} is no NexusError`);
    const seen = { code: error.code, status: error.status };
    for (const key of Object.keys(more)) seen[key] = error[key];
    assert.deepEqual(seen, { code, status: STATUS[code], ...more }, error.message);
    return true;
  });
}

export function paths(entries) {
  return entries.map((entry) => entry.path);
}

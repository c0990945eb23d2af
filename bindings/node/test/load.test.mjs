// Ten thousand operations at once: all settle, with their own results and errors, and the event loop runs on.
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { liveObjects, NexusError, open } from './support.mjs';

const OPERATIONS = 10_000;
const LONGEST_PAUSE_MS = 50;

/** Every kind of call in turn; each tells right from wrong by itself. */
function operation(store, i) {
  const path = `/load/${i % 100}/${i}`;
  switch (i % 5) {
    case 0:
      return store.write(path, `content ${i}`).then((entry) => assert.equal(entry.path, path));
    case 1:
      return store.read(`/seed/${i % 50}`).then((content) => assert.equal(content.toString(), `seed ${i % 50}`));
    case 2:
      return store.read(`/missing/${i}`).then(
        () => assert.fail(`/missing/${i} was read`),
        (error) => {
          assert.ok(error instanceof NexusError, error.stack);
          assert.equal(error.code, 'NOT_FOUND');
          assert.equal(error.path, `/missing/${i}`, 'the error of another call');
        },
      );
    case 3:
      return store.stat(`/seed/${i % 50}`).then((entry) => assert.equal(entry.size, `seed ${i % 50}`.length));
    default:
      return store.write(`/seed/${i % 50}/below`, 'x').then(
        () => assert.fail('a file took a child'),
        (error) => {
          assert.equal(error.code, 'NOT_A_DIRECTORY');
          assert.ok(error.message.includes(`/seed/${i % 50}`), error.message);
        },
      );
  }
}

async function round(store) {
  await Promise.all(Array.from({ length: OPERATIONS }, (_, i) => operation(store, i)));
}

async function usedMemory() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await sleep(0);
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { javascript: heapUsed + external + arrayBuffers, rss };
}

test('ten thousand operations in flight all settle, and the event loop never pauses for long', async (t) => {
  const store = await open(t);
  for (let i = 0; i < 50; i++) await store.write(`/seed/${i}`, `seed ${i}`);
  await round(store);
  const before = await usedMemory();
  const live = liveObjects();

  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await round(store);
  await sleep(5);
  delay.disable();

  const longest = delay.max / 1e6;
  t.diagnostic(`longest pause ${longest.toFixed(1)} ms, mean ${(delay.mean / 1e6).toFixed(2)} ms`);
  assert.ok(longest < LONGEST_PAUSE_MS, `the event loop stood still for ${longest.toFixed(1)} ms`);
  assert.equal(liveObjects(), live, 'objects of the library were left');

  const after = await usedMemory();
  t.diagnostic(`JavaScript memory ${before.javascript} -> ${after.javascript}, resident ${before.rss} -> ${after.rss}`);
  assert.ok(after.javascript < before.javascript + (2 << 20), 'JavaScript memory did not come back');
  assert.ok(after.rss < before.rss + (32 << 20), 'resident memory did not come back');
});

test('a long list is turned into objects in slices', async (t) => {
  const store = await open(t);
  for (let start = 0; start < 20_000; start += 1000) {
    const batch = store.batch();
    for (let i = start; i < start + 1000; i++) batch.write(`/many/${i}`, '');
    await batch.commit();
  }
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const entries = await store.list();
  await sleep(5);
  delay.disable();
  assert.equal(entries.length, 20_000);
  const longest = delay.max / 1e6;
  t.diagnostic(`longest pause ${longest.toFixed(1)} ms`);
  assert.ok(longest < LONGEST_PAUSE_MS, `the event loop stood still for ${longest.toFixed(1)} ms`);
});

test('other work of the pool goes on while long calls wait', async (t) => {
  const { lookup } = await import('node:dns/promises');
  const store = await open(t);
  for (let i = 0; i < 200; i++) await store.write(`/big/${i}`, Buffer.alloc(1 << 20, i));
  const abort = new AbortController();
  const searches = Array.from({ length: 50 }, () => store.grep('no such line', { signal: abort.signal }));
  const outcomes = Promise.allSettled(searches);
  const began = performance.now();
  await lookup('127.0.0.1');
  await store.stat('/big/1');
  const waited = performance.now() - began;
  abort.abort();
  const cancelled = (await outcomes).filter(({ status }) => status === 'rejected');
  assert.ok(cancelled.length > 0, 'the searches were over too soon to show anything');
  assert.ok(waited < 1000, `a call waited ${waited.toFixed(0)} ms behind searches`);
});

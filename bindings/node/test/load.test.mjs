// Ten thousand operations at once: all settle, with their own results and errors, and the event loop runs on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { longestPause } from './pauses.mjs';
import { open, PACKAGE, promptness, scratch } from './support.mjs';

const LONGEST_PAUSE_MS = 50;

const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Fails where the event loop stood still too long. By the clock one of several rounds has to be short; not where other processes
 * keep all processors: then the clock says how long this one waited for them, and only what its thread did is judged.
 */
function pausesAreShort(t, pauses) {
  for (const { clock, busy } of pauses) {
    t.diagnostic(`longest pause ${clock.toFixed(1)} ms, of which the event loop was busy ${busy.toFixed(1)} ms`);
  }
  const busy = middle(pauses.map((pause) => pause.busy));
  assert.ok(busy < LONGEST_PAUSE_MS, `the event loop was busy for ${busy.toFixed(1)} ms in the middle round`);
  if (loadavg()[0] > availableParallelism() + 1) return;
  const clock = Math.min(...pauses.map((pause) => pause.clock));
  assert.ok(clock < LONGEST_PAUSE_MS, `the event loop stood still for ${clock.toFixed(1)} ms in the best round`);
}

test('ten thousand operations in flight all settle, and the event loop never pauses for long', (t) => {
  const program = join(PACKAGE, 'test/programs/load.mjs');
  const run = spawnSync(process.execPath, ['--expose-gc', program, join(scratch(t), 'store')], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  const { pauses, own, before, after, left } = JSON.parse(run.stdout);
  t.diagnostic(`node's own file system: busy ${middle(own.map((pause) => pause.busy)).toFixed(1)} ms`);
  pausesAreShort(t, pauses);
  assert.equal(left, 0, 'objects of the library were left');
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
  const listing = async () => assert.equal((await store.list()).length, 20_000);
  pausesAreShort(t, [await longestPause(listing), await longestPause(listing)]);
});

test('other work of the pool goes on while long calls wait', async (t) => {
  const { lookup } = await import('node:dns/promises');
  const store = await open(t);
  const timed = await promptness(t);
  for (let i = 0; i < 200; i++) await store.write(`/big/${i}`, Buffer.alloc(1 << 20, i));
  const abort = new AbortController();
  const searches = Array.from({ length: 50 }, () => store.grep('no such line', { signal: abort.signal }));
  const outcomes = Promise.allSettled(searches);
  const waited = await timed(async () => {
    await lookup('127.0.0.1');
    await store.stat('/big/1');
  });
  abort.abort();
  const cancelled = (await outcomes).filter(({ status }) => status === 'rejected');
  assert.ok(cancelled.length > 0, 'the searches were over too soon to show anything');
  assert.ok(waited < 1000, `a call waited ${waited.toFixed(0)} ms behind searches`);
});

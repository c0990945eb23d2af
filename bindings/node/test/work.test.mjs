// Work items: the queries, claims under leases, and waiting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { liveObjects, open, promptness, refuses } from './support.mjs';

const ABORT_WITHIN_MS = 50;

async function withItems(t, count, metadata = {}) {
  const store = await open(t);
  const batch = store.batch();
  for (let i = 0; i < count; i++) batch.write(`/jobs/${i}`, `job ${i}`).setMetaMany(`/jobs/${i}`, { status: 'ready', priority: i, ...metadata });
  await batch.commit();
  return store;
}

const names = (items) => items.map(({ virtualPath }) => virtualPath);

test('items are told with all that is known of them', async (t) => {
  const store = await withItems(t, 2, { tags: ['a', 'ü'], not_before: '2020-01-02T03:04:05.678Z' });
  const [item] = await store.getReadyWork(1);
  const { etag, pathId, createdAt } = await store.stat('/jobs/0');
  assert.deepEqual({ ...item, updatedAt: null }, {
    pathId, tenantId: null, virtualPath: '/jobs/0', backendId: 'local', physicalPath: item.physicalPath,
    fileType: 'application/octet-stream', sizeBytes: 5, contentHash: etag, createdAt, updatedAt: null, status: 'ready',
    priority: 0, blockerCount: 0, workerId: null, startedAt: null, notBefore: new Date('2020-01-02T03:04:05.678Z'),
    tags: ['a', 'ü'], attempts: 0, lease: 0, leaseExpiresAt: null, leaseExpired: false,
  });
  await store.setMetaMany('/jobs/1', { status: 'blocked', depends_on: '/jobs/0' });
  assert.deepEqual(names(await store.getBlockedWork(9)), ['/jobs/1']);
  assert.deepEqual(names(store.getBlockedWorkSync(9)), ['/jobs/1']);
  await store.setMeta('/jobs/0', 'status', 'pending');
  assert.deepEqual(names(store.getPendingWorkSync(9)), ['/jobs/0']);
  assert.deepEqual(names(await store.getWorkByPriority(9)), ['/jobs/0', '/jobs/1']);
  assert.equal((await store.workExplain('/jobs/1')).open[0].path, '/jobs/0');
  assert.deepEqual((await store.workStats('/jobs')).by_status.pending, 1);
  assert.equal(store.workStatsSync().total, 2);
});

test('the queries give the JSON text of the library, too', async (t) => {
  const store = await withItems(t, 4);
  await store.setMeta('/jobs/1', 'status', 'pending');
  await store.setMetaMany('/jobs/2', { status: 'blocked', depends_on: '/jobs/0' });
  await store.workClaim('ann', { prefix: '/jobs/3' });
  const live = liveObjects();
  for (const [view, expected] of Object.entries({
    ready: ['/jobs/0'], pending: ['/jobs/1'], blocked: ['/jobs/2'], in_progress: ['/jobs/3'], by_priority: [0, 1, 2, 3].map((i) => `/jobs/${i}`),
  })) {
    const text = await store.workJson(view, 9);
    assert.deepEqual(JSON.parse(text).map((item) => item.virtual_path), expected, view);
    assert.equal(store.workJsonSync(view, 9), text);
  }
  assert.equal(JSON.parse(await store.workJson('by_priority', 2)).length, 2);
  for (const view of ['none', 'constructor']) await refuses('INVALID_ARGUMENT', store.workJson(view, 9));
  assert.equal(liveObjects(), live);
});

test('an item is claimed by one worker, kept, and completed with its output', async (t) => {
  const store = await withItems(t, 3);
  const [item] = await store.workClaim('ann', { leaseMs: 60_000 });
  assert.deepEqual([item.virtualPath, item.status, item.workerId, item.attempts], ['/jobs/0', 'in_progress', 'ann', 1]);
  assert.ok(item.lease > 0 && item.leaseExpiresAt > new Date() && !item.leaseExpired);
  assert.deepEqual(names(store.workClaimSync('bob', { max: 9, prefix: '/jobs/1' })), ['/jobs/1']);
  await store.workHeartbeat(item.virtualPath, item.lease, 120_000);
  await refuses('LEASE_LOST', store.workHeartbeat(item.virtualPath, item.lease + 1000, 120_000));
  await refuses('CONFLICT', store.setMeta('/jobs/0', 'status', 'ready'));
  await store.write('/jobs/0.log', 'half done', { leasePath: item.virtualPath, lease: item.lease });
  await store.batch().write('/jobs/0.out', 'done').completeWork(item.virtualPath, item.lease, { ok: true }).commit();
  assert.deepEqual(await store.getMeta('/jobs/0', 'result'), { ok: true });
  assert.deepEqual(names(await store.getInProgressWork(9)), ['/jobs/1']);
  await refuses('LEASE_LOST', store.workComplete(item.virtualPath, item.lease));
});

test('an attempt is failed or given back, alone and in a batch', async (t) => {
  const store = await withItems(t, 4);
  const [a, b, c, d] = await store.workClaim('ann', { max: 4 });
  await store.workFail(a.virtualPath, a.lease, 'out of paper', { retryAfterMs: 1 });
  assert.equal(await store.getMeta('/jobs/0', 'last_error'), 'out of paper');
  await store.workRelease(b.virtualPath, b.lease);
  assert.equal((await store.getWorkByPriority(9))[1].attempts, 0);
  await store.batch().failWork(c.virtualPath, c.lease).releaseWork(d.virtualPath, d.lease).commit();
  await refuses('LEASE_LOST', store.batch().completeWork(d.virtualPath, d.lease).commit(), { index: 0 });
  assert.deepEqual(await store.getInProgressWork(9), []);
});

test('of many workers each item has one', async (t) => {
  const store = await withItems(t, 200);
  const done = [];
  const worker = async (name) => {
    for (;;) {
      const items = await store.workClaim(name, { max: 3 });
      if (items.length === 0) return;
      for (const { virtualPath, lease } of items) {
        done.push(virtualPath);
        await store.workComplete(virtualPath, lease);
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, i) => worker(`w${i}`)));
  assert.equal(done.length, 200);
  assert.equal(new Set(done).size, 200);
});

test('a wait ends when there is something, when the time is up, and by its signal', async (t) => {
  const store = await open(t);
  const timed = await promptness(t);
  assert.equal(await store.workWait({ timeoutMs: 0 }), false);
  assert.equal(store.workWaitSync({ timeoutMs: 0 }), false);
  const began = performance.now();
  assert.equal(await store.workWait({ timeoutMs: 250 }), false);
  assert.ok(performance.now() - began >= 250);

  const waiting = store.workWait();
  await store.batch().write('/jobs/1', '').setMeta('/jobs/1', 'status', 'ready').commit();
  assert.equal(await waiting, true);
  assert.equal(await store.workWait({ prefix: '/other', timeoutMs: 0 }), false);

  const abort = new AbortController();
  const ended = assert.rejects(store.workWait({ prefix: '/other', signal: abort.signal }), /no more/);
  await sleep(150);
  const took = await timed(() => {
    abort.abort(new Error('no more'));
    return ended;
  });
  t.diagnostic(`ended after ${took.toFixed(1)} ms`);
  assert.ok(took < ABORT_WITHIN_MS, `the wait went on for ${took.toFixed(1)} ms`);

  const interrupted = refuses('CANCELLED', store.workWait({ prefix: '/other' }));
  await sleep(20);
  store.interrupt();
  await interrupted;
});

test('a hundred waits leave the pool to others, and all end', async (t) => {
  const store = await open(t);
  const abort = new AbortController();
  const waits = Array.from({ length: 50 }, () => store.workWait({ signal: abort.signal }).catch((error) => error.message));
  const others = Array.from({ length: 50 }, () => store.workWait());
  await sleep(50);
  const began = performance.now();
  for (let i = 0; i < 20; i++) await store.write(`/f${i}`, 'x');
  t.diagnostic(`twenty writes beside a hundred waits took ${(performance.now() - began).toFixed(1)} ms`);
  abort.abort(new Error('no more'));
  assert.deepEqual(new Set(await Promise.all(waits)), new Set(['no more']));
  await store.batch().write('/jobs/1', '').setMeta('/jobs/1', 'status', 'ready').commit();
  assert.deepEqual(new Set(await Promise.all(others)), new Set([true]));
  const late = store.workWait({ prefix: '/none' }).catch((error) => error.code);
  await store.close();
  assert.equal(await late, 'CANCELLED');
});

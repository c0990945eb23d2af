// Opening, closing, interrupting, aborting, and what is given back.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { abiVersion, connect, connectFile, connectFileSync, connectSync, liveObjects, NexusError, occupyThreads, open, PACKAGE, promptness, refuses, scratch, setLog, settled, Store, version } from './support.mjs';
import { writeFile } from 'node:fs/promises';

const ABORT_WITHIN_MS = 50;

/** A store with so much content that a search takes seconds. */
async function largeStore(t, config) {
  const store = await open(t, config);
  const line = Buffer.from('all work and no play makes jack a dull boy\n'.repeat(25_000));
  for (let i = 0; i < 150; i++) await store.write(`/big/${i}`, Buffer.concat([line, Buffer.from(`${i}`)]));
  return store;
}

const SLOW_PATTERN = '(jack|jill).*(d.ll|dell).*never there$';

test('a store opens in each of the ways', async (t) => {
  const data_dir = join(scratch(t), 'store');
  const yaml = join(scratch(t), 'nexus.yaml');
  await writeFile(yaml, `data_dir: ${JSON.stringify(data_dir)}\n`);
  assert.match(version(), /^\d+\.\d+\.\d+$/);
  assert.equal(abiVersion() >> 8, 1);
  for (const made of [await connect({ data_dir }), connectSync({ data_dir }), await connectFile(yaml), connectFileSync(yaml)]) {
    assert.ok(made instanceof Store && made.isOpen);
    await made.write('/f', 'x');
    await made.close();
    assert.equal(made.isOpen, false);
  }
  assert.equal(liveObjects(), 0);
});

test('a wrong configuration is refused by both ways to connect', async (t) => {
  await refuses('INVALID_CONFIG', connect({ tenant: 'acme' }));
  assert.throws(() => connectSync({ data_dir: 7 }), { code: 'INVALID_CONFIG' });
  await assert.rejects(connectFile(join(scratch(t), 'missing.yaml')), /NexusError: .*missing\.yaml/);
  await assert.rejects(connect('{}'), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('an identity that is there without a value opens nothing', async (t) => {
  const data_dir = join(scratch(t), 'store');
  for (const key of ['tenant_id', 'agent_id', 'is_admin']) {
    await refuses('INVALID_CONFIG', connect({ data_dir, [key]: undefined }));
    assert.throws(() => connectSync({ data_dir, [key]: undefined }), { code: 'INVALID_CONFIG', message: new RegExp(key) });
  }
  assert.equal(existsSync(data_dir), false);
  const store = await connect({ data_dir, tenant_id: null, agent_id: null });
  assert.equal((await store.config()).tenant_id.value, null);
  await store.close();
});

test('await using closes the store, the reader and the writer', async (t) => {
  const store = await open(t);
  await store.write('/f', 'content');
  const before = liveObjects();
  const reader = await store.openReader('/f');
  const writer = await store.openWriter('/g');
  const narrow = await store.withIdentity({ tenantId: 'acme' });
  assert.equal(liveObjects(), before + 3);
  for (const one of [reader, writer, narrow]) await one[Symbol.asyncDispose]();
  assert.equal(liveObjects(), before);
  assert.equal(await store.exists('/g'), false, 'a writer that was not committed left a file');
});

test('closing cancels what waits and what runs, and may be repeated', async (t) => {
  const store = await largeStore(t);
  const searches = Array.from({ length: 20 }, () => store.grep(SLOW_PATTERN));
  const outcomes = Promise.allSettled(searches);
  const closing = store.close();
  assert.equal(store.close(), closing, 'a second close did not wait for the first');
  await closing;
  for (const { status, reason } of await outcomes) {
    assert.equal(status, 'rejected');
    assert.equal(reason.code, 'CANCELLED');
  }
  await refuses('MISUSE', store.stat('/f'));
  assert.throws(() => store.statSync('/f'), { code: 'MISUSE' });
});

test('closing ends the calls of the store, and not what a writer is doing', async (t) => {
  const store = await open(t);
  const other = await store.withIdentity({ tenantId: 'acme' });
  const writer = await store.openWriter('/shared/acme/large');
  const wait = assert.rejects(store.workWait(), { code: 'CANCELLED' });
  const content = Buffer.alloc(64 << 20, 7);
  const write = writer.write(content);
  await store.close();
  await wait;
  await write;
  await writer.commit();
  assert.equal((await other.stat('/shared/acme/large')).size, content.length);
  await other.close();
});

test('readers, writers and derived stores outlive the store', async (t) => {
  const store = await open(t);
  await store.write('/shared/acme/f', 'content');
  const reader = await store.openReader('/shared/acme/f');
  const writer = await store.openWriter('/shared/acme/g');
  const narrow = await store.withIdentity({ tenantId: 'acme', agentId: 'bot' });
  await store.close();
  assert.equal(await reader.read(Buffer.alloc(10)), 7);
  await writer.write('more');
  await writer.commit();
  assert.equal(await narrow.readText('/shared/acme/g'), 'more');
  await refuses('ACCESS_DENIED', narrow.read('/shared/other/f'));
  await Promise.all([reader.close(), narrow.close()]);
});

test('interrupting cancels the calls of this store only, and the store goes on', async (t) => {
  const store = await largeStore(t);
  const other = await store.withIdentity({});
  const mine = store.grep(SLOW_PATTERN).catch((error) => error);
  const theirs = other.grep('^0');
  await sleep(20);
  store.interrupt();
  assert.equal((await mine).code, 'CANCELLED');
  assert.equal((await theirs).length, 1);
  assert.equal((await store.stat('/big/1')).kind, 'file');
  await other.close();
});

for (const [who, config] of [['anyone', {}], ['an admin', { is_admin: true, tenant_id: 'acme' }]]) {
  test(`a signal ends a long call of ${who} within ${ABORT_WITHIN_MS} ms`, async (t) => {
    const store = await largeStore(t, config);
    const timed = await promptness(t);
    const live = liveObjects();
    const abort = new AbortController();
    const reason = new Error('no longer needed');
    const bystander = store.grep(SLOW_PATTERN, { base: '/big', maxBytes: 50 << 20 });
    const search = assert.rejects(store.grep(SLOW_PATTERN, { signal: abort.signal }), (error) => error === reason);
    await sleep(50);
    const took = await timed(() => {
      abort.abort(reason);
      return search;
    });
    t.diagnostic(`ended after ${took.toFixed(1)} ms`);
    assert.ok(took < ABORT_WITHIN_MS, `the call went on for ${took.toFixed(1)} ms`);
    assert.equal((await bystander).length, 0, 'another call of the store was ended, too');
    assert.equal(liveObjects(), live);
    assert.equal(await store.exists('/big/1'), true);
  });
}

test('a signal withdraws calls that wait for their turn', async (t) => {
  const store = await largeStore(t);
  const timed = await promptness(t);
  const abort = new AbortController();
  const searches = Array.from({ length: 40 }, () => store.grep(SLOW_PATTERN, { signal: abort.signal }));
  const outcomes = Promise.allSettled(searches);
  await sleep(50);
  const took = await timed(() => {
    abort.abort();
    return outcomes;
  });
  for (const { reason } of await outcomes) assert.equal(reason.name, 'AbortError');
  t.diagnostic(`forty calls ended after ${took.toFixed(1)} ms`);
  assert.ok(took < ABORT_WITHIN_MS, `they went on for ${took.toFixed(1)} ms`);
});

test('a signal, an interrupt or a close ends a large read in the middle', async (t) => {
  const store = await open(t);
  const timed = await promptness(t);
  await store.write('/large', Buffer.alloc(128 << 20, 7));
  const live = liveObjects();
  let whole = Infinity;
  for (let i = 0; i < 3; i++) {
    const began = performance.now();
    await store.read('/large');
    whole = Math.min(whole, performance.now() - began);
  }
  const abort = new AbortController();
  const reason = new Error('enough');
  const cancelled = { code: 'CANCELLED' };
  for (const [options, end, expected] of [
    [{ signal: abort.signal }, () => abort.abort(reason), (error) => error === reason],
    [{}, () => store.interrupt(), cancelled],
    [{ signal: new AbortController().signal }, () => store.interrupt(), cancelled],
    [{}, () => store.close(), cancelled],
  ]) {
    const read = assert.rejects(store.read('/large', options), expected, String(end));
    await sleep(whole / 4);
    const took = await timed(async () => {
      await end();
      await read;
    });
    t.diagnostic(`ended after ${took.toFixed(1)} ms; a whole read takes ${whole.toFixed(1)} ms`);
    assert.ok(took < whole / 2, `the read went on for ${took.toFixed(1)} ms`);
    if (store.isOpen) assert.equal(liveObjects(), live);
  }
});

test('a signal or an interrupt ends a commit between two of its operations, and the batch can be committed again', async (t) => {
  const store = await open(t);
  const batch = store.batch();
  for (let i = 0; i < 5000; i++) batch.write(`/${i}`, 'x');
  const live = liveObjects();
  const abort = new AbortController();
  const reason = new Error('enough');
  const commit = assert.rejects(batch.commit({ signal: abort.signal }), (error) => error === reason);
  await sleep(10);
  abort.abort(reason);
  await commit;
  assert.equal(liveObjects(), live);
  const interrupted = refuses('CANCELLED', batch.commit(), { index: undefined });
  await sleep(10);
  store.interrupt();
  await interrupted;
  assert.equal((await store.list()).length, 0);
  assert.equal((await batch.commit()).length, 5000);
});

for (const [what, begin] of [
  ['a commit', (store) => Array.from({ length: 50 }, (_, i) => `/new/${i}`).reduce((batch, path) => batch.write(path, 'x'), store.batch()).commit()],
  ['a large read', (store) => store.read('/large')],
  ['a large read with a signal', (store) => store.read('/large', { signal: new AbortController().signal })],
]) {
  for (const config of [{}, { is_admin: true }]) {
    test(`${what} that has just begun ends with its store, before the close is over: ${JSON.stringify(config)}`, async (t) => {
      const data_dir = join(scratch(t), 'store');
      const keeper = await open(t, { data_dir, ...config });
      await keeper.write('/large', Buffer.alloc(16 << 20));
      for (let turns = 0; turns < 8; turns++) {
        const store = await connect({ data_dir, durability: 'normal', ...config });
        const call = begin(store);
        let outcome = 'pending';
        const over = call.then(() => 'done', ({ code }) => code).then((seen) => (outcome = seen));
        for (let i = 0; i < turns; i++) await nextTurn();
        await store.close();
        await nextTurn();
        assert.notEqual(outcome, 'pending', `the call went on after the close, begun ${turns} turns before`);
        assert.ok(outcome === 'CANCELLED' || (turns > 0 && outcome === 'done'), `${outcome} after ${turns} turns`);
        await over;
      }
    });
  }
  test(`${what} that has just begun is ended by an interrupt`, async (t) => {
    const store = await open(t);
    await store.write('/large', Buffer.alloc(16 << 20));
    const call = refuses('CANCELLED', begin(store));
    store.interrupt();
    await call;
    assert.equal(await store.exists('/new/0'), false);
  });
}

test('a signal opens no closed store of an admin', async (t) => {
  const data_dir = join(scratch(t), 'store');
  const live = liveObjects();
  const { signal } = new AbortController();
  const admin = await connect({ data_dir, is_admin: true });
  await admin.write('/f', 'x', { signal });
  const begun = admin.write('/late', 'x', { signal });
  await Promise.all([admin.close(), refuses('CANCELLED', begun)]);
  rmSync(data_dir, { recursive: true });
  await refuses('MISUSE', admin.write('/g', 'x', { signal }));
  await refuses('MISUSE', admin.openReader('/f', { signal }));
  assert.equal(existsSync(data_dir), false, 'the call made a new store');
  await settled(() => liveObjects() === live, () => `${liveObjects() - live} objects are still open`);
});

/** An admin's store with three mounts, below a directory. */
function openWithMounts(t, directory) {
  const mounts = ['models', 'data', 'logs'].map((name) => ({ name, path: `/${name}`, backend: 'local', root: join(directory, name) }));
  return open(t, { data_dir: join(directory, 'store'), is_admin: true, allow_readonly_writes: true, mounts });
}

test('a signal reaches the store of an admin after its directory was moved', async (t) => {
  const directory = scratch(t);
  const data_dir = join(directory, 'store');
  const admin = await openWithMounts(t, directory);
  await admin.batch().write('/queue/a', 'x').setMeta('/queue/a', 'status', 'ready').commit();
  const { signal } = new AbortController();
  renameSync(data_dir, join(directory, 'moved'));
  for (const options of [{}, { signal }]) {
    const [item] = await admin.workClaim('w', options);
    assert.equal(item.virtualPath, '/queue/a');
    await admin.workRelease(item.virtualPath, item.lease, options);
  }
  await admin.write('/system/motd', 'x', { signal });
  assert.equal(existsSync(data_dir), false, 'the call made a new store');
  const other = await connect({ data_dir });
  await admin.write('/f', 'x', { signal });
  assert.equal(await other.exists('/f'), false);
  await other.close();
  assert.equal(await admin.readText('/f', { signal }), 'x');
});

test('a clone has the identity of its store, and interrupts and an end of its own', async (t) => {
  const admin = await openWithMounts(t, scratch(t));
  const clone = await admin.clone();
  await clone.write('/system/motd', 'x');
  assert.deepEqual(await clone.config(), await admin.config());
  /** Verifies by one store, and interrupts another meanwhile. */
  const verifyDuring = async (store, interrupted, options = {}) => {
    let told = 0;
    await store.verify({ content: true, onProgress: () => { told++; interrupted.interrupt(); }, ...options }).finally(() => assert.ok(told > 0));
  };
  await verifyDuring(admin, clone);
  await verifyDuring(clone, admin);
  await verifyDuring(clone, admin, { signal: new AbortController().signal });
  await refuses('CANCELLED', verifyDuring(clone, clone));

  const last = clone.cloneSync();
  await admin.close();
  await refuses('MISUSE', admin.clone());
  assert.throws(() => admin.cloneSync(), { code: 'MISUSE' });
  assert.equal(await clone.readText('/system/motd'), 'x');
  await clone.close();
  assert.equal(await last.readText('/system/motd'), 'x');
  await last.close();
});

test('a signal that comes while a reader or a writer is being closed leaves neither open', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  const live = liveObjects();
  const abort = new AbortController();
  const reader = await store.openReader('/f', { signal: abort.signal });
  const writer = await store.openWriter('/g', { signal: abort.signal });
  occupyThreads();
  const others = Array.from({ length: 20 }, () => store.stat('/f'));
  const closing = [reader.close(), writer.abort()];
  await sleep(0);
  abort.abort();
  await Promise.all([...closing, ...others]);
  assert.equal(liveObjects(), live);
});

test('a signal that was given before leaves everything as it was', async (t) => {
  const store = await open(t);
  const signal = AbortSignal.abort('too late');
  for (const call of [
    () => store.write('/f', 'x', { signal }),
    () => store.read('/f', { signal }),
    () => store.openReader('/f', { signal }),
    () => store.openWriter('/f', { signal }),
    () => store.batch().write('/f', 'x').commit({ signal }),
    () => store.list({ signal }),
    () => store.gc({ signal }),
  ]) {
    await assert.rejects(async () => call(), (error) => error === 'too late', String(call));
  }
  assert.throws(() => store.writeSync('/f', 'x', { signal }), (error) => error === 'too late');
  assert.equal(await store.exists('/f'), false);
  await assert.rejects(store.stat('/f', { signal: {} }), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('one signal may end hundreds of calls without a warning', async (t) => {
  const store = await open(t);
  const warnings = [];
  const listen = (warning) => warnings.push(warning);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 300 }, (_, i) => store.write(`/${i}`, 'x', { signal })));
  await sleep(0);
  assert.deepEqual(warnings, []);
});

test('what is never closed is given back once it is garbage', async (t) => {
  const data_dir = join(scratch(t), 'store');
  const live = liveObjects();
  await (async () => {
    const store = await connect({ data_dir });
    await store.write('/f', 'x');
    await store.openReader('/f');
    await store.openReader('/f', { signal: new AbortController().signal });
    await store.openWriter('/g');
    await store.withIdentity({ tenantId: 'acme' });
  })();
  assert.ok(liveObjects() > live);
  const end = performance.now() + 120_000;
  while (liveObjects() !== live) {
    assert.ok(performance.now() < end, `${liveObjects() - live} objects are still open`);
    globalThis.gc();
    await sleep(1);
  }
});

test('a store that is garbage is closed after its calls have settled, not before', (t) => {
  const program = join(PACKAGE, 'test/programs/garbage.mjs');
  const run = spawnSync(process.execPath, ['--expose-gc', program, join(scratch(t), 'store')], { encoding: 'utf8', timeout: 120_000 });
  assert.equal(run.status, 0, run.stderr);
  const outcomes = JSON.parse(run.stdout);
  assert.deepEqual(outcomes, Object.fromEntries(Object.keys(outcomes).map((what) => [what, 'done'])));
});

test('nothing is left open after errors of every kind', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  const live = liveObjects();
  await Promise.allSettled([
    store.read('/missing'), store.stat('/missing'), store.list({ path: '/missing' }), store.openReader('/missing'),
    store.getMeta('/f', 'missing'), store.write('/f/g', 'x'), store.batch().write('/a', 'b').delete('/missing').commit(),
    store.grep('('), store.glob('['), store.importMetadata('/no/such/file'), store.contentInfo('0'.repeat(64)),
    store.openWriter('relative/../../up'), store.withIdentity({ tenantId: '..' }), store.workExplain('/missing'),
  ]);
  assert.equal(liveObjects(), live);
});

test('while there is a log function, synchronous calls are refused and the others go on', async (t) => {
  const store = await open(t);
  const heard = [];
  await setLog((level, message) => heard.push([level, message]), 'debug');
  try {
    assert.throws(() => store.statSync('/f'), { code: 'MISUSE' });
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.write(`/${i}`, 'x')));
    const second = await connect({ data_dir: join(scratch(t), 'second') });
    await second.close();
    for (const [level, message] of heard) {
      assert.ok(['error', 'warn', 'info', 'debug'].includes(level));
      assert.equal(typeof message, 'string');
    }
  } finally {
    await setLog(null);
  }
  assert.equal(store.existsSync('/0'), true);
  for (const level of ['loud', 'toString', 'constructor']) await refuses('INVALID_ARGUMENT', setLog(() => {}, level));
  await assert.rejects(setLog('no function'));
  assert.equal(store.existsSync('/0'), true, 'a log function that was refused counts as set');
});

test('worker threads share a store', async (t) => {
  const data_dir = join(scratch(t), 'store');
  await using_(await connect({ data_dir }), async (store) => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import('nexusfs').then(async ({ connect }) => {
        const store = await connect({ data_dir: workerData.data_dir });
        for (let i = 0; i < 50; i++) await store.write('/w' + workerData.n + '/' + i, 'x');
        await store.close();
      });`;
    await Promise.all(
      [1, 2, 3].map((n) => new Promise((resolve, reject) => {
        const worker = new Worker(code, { eval: true, workerData: { data_dir, n } });
        worker.on('error', reject).on('exit', resolve);
      })),
    );
    assert.equal((await store.list()).length, 150);
  });
});

async function using_(resource, work) {
  try {
    await work(resource);
  } finally {
    await resource.close();
  }
}

test('a program ends by itself, also with a store that was never closed', (t) => {
  const code = `
    import { connect } from 'nexusfs';
    const store = await connect({ data_dir: process.argv[1] });
    await store.write('/f', 'x');
    console.log('done');`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code, join(scratch(t), 'store')], { cwd: PACKAGE, encoding: 'utf8', timeout: 30_000 });
  assert.deepEqual([run.status, run.stdout, run.stderr], [0, 'done\n', '']);
});

for (const way of ['inside', 'later', 'uncaught', 'rejected', 'caught', 'logging', 'waiting']) {
  test(`a program can end while a call is in flight: ${way}`, (t) => {
    const program = join(PACKAGE, 'test/programs/exit.mjs');
    const run = spawnSync(process.execPath, [program, join(scratch(t), 'store'), way], { encoding: 'utf8', timeout: 30_000 });
    const isFatal = way === 'uncaught' || way === 'rejected';
    const code = isFatal ? 1 : 7;
    assert.deepEqual([run.status, run.stdout], [code, `a listener heard ${code}\n`], run.stderr);
    if (isFatal) assert.match(run.stderr, /Error: nobody catches this\n +at [^]*exit\.mjs[^]*Node\.js v/);
    else assert.equal(run.stderr, '');
  });
}

test('require gives the same package, where node can require modules', (t) => {
  if (!process.features.require_module) return t.skip('this node cannot');
  const required = createRequire(join(PACKAGE, 'test/'))('nexusfs');
  assert.equal(required.NexusError, NexusError);
});

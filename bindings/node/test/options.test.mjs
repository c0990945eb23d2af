// Options that are misspelt are refused as misspelt keys of the configuration are: they would have no effect.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { createFs } from 'nexusfs/fs';
import { open, refuses, scratch } from './support.mjs';

test('a misspelt option is refused, and the nearest one named', async (t) => {
  const store = await open(t);
  await store.batch().write('/job', 'x').setMeta('/job', 'status', 'ready').commit();
  await refuses('INVALID_ARGUMENT', store.workClaim('ann', { lease_ms: 5 }));
  await assert.rejects(store.workClaim('ann', { lease_ms: 5 }), /'lease_ms'.*'leaseMs'/);
  assert.equal((await store.stat('/job')).version, 1);
  assert.equal((await store.getReadyWork(9)).length, 1, 'nothing was claimed');
  assert.throws(() => store.withIdentitySync({ tenant_id: 'acme' }), /'tenant_id'.*'tenantId'/);
  await assert.rejects(store.list({ includeDirectory: true }).then(), /'includeDirectory'.*'includeDirectories'/);
  await assert.rejects(store.write('/f', 'x', { if_none_match: true }), /'if_none_match'.*'ifNoneMatch'/);
});

test('every call refuses an option that it does not know', async (t) => {
  const store = await open(t, { tenant_id: 'acme' });
  const wrong = { nonsense: 1 };
  const file = join(scratch(t), 'file');
  const calls = {
    write: ['/f', 'x'], append: ['/f', 'x'], readAt: ['/f', 0, Buffer.alloc(1)], stat: ['/f'], exists: ['/f'], isDirectory: ['/f'], delete: ['/f'],
    rename: ['/f', '/g'], copy: ['/f', '/g'], mkdir: ['/d'], rmdir: ['/d'], grep: ['x'], contentIds: [['/f']], setMeta: ['/f', 'k', 1],
    setMetaJson: ['/f', 'k', '1'], setMetaMany: ['/f', {}], getMeta: ['/f', 'k'], getMetaJson: ['/f', 'k'], listMeta: ['/f'], listMetaJson: ['/f'],
    deleteMeta: ['/f', 'k'], pathId: ['/f'], pathOfId: ['x'], getReadyWork: [1], getPendingWork: [1], getBlockedWork: [1], getInProgressWork: [1],
    getWorkByPriority: [1], workJson: ['ready', 1], workExplain: ['/f'], workStats: ['/'], workClaim: ['ann'], workHeartbeat: ['/f', 1, 1],
    workComplete: ['/f', 1, null], workFail: ['/f', 1, 'why'], workRelease: ['/f', 1], exportMetadata: [file], importMetadata: [file],
    bundleExport: [file], bundleImport: [file], backup: [file], verify: [], findDuplicates: ['/'], gc: [], storageStats: [], contentInfo: ['x'],
    list: [], glob: ['*'], findByMeta: ['k', 1], workWait: [],
  };
  const made = Object.getOwnPropertyNames(Object.getPrototypeOf(store)).filter((name) => name.endsWith('Sync')).map((name) => name.slice(0, -4));
  const without = ['read', 'withIdentity', 'clone', 'config'];
  for (const name of made) assert.ok(name in calls || without.includes(name) || name.startsWith('open'), `the test lacks ${name}`);
  for (const [name, args] of Object.entries(calls)) {
    await refuses('INVALID_ARGUMENT', store[name](...args, wrong).then?.((value) => assert.fail(`${name}: ${value}`)) ?? assert.fail(name));
    assert.throws(() => store[`${name}Sync`](...args, wrong), /'nonsense'/, `${name}Sync`);
  }
  for (const name of ['read', 'readText', 'openReader', 'openWriter']) await assert.rejects(store[name]('/f', wrong), /'nonsense'/, name);
  for (const name of ['createReadStream', 'createWriteStream', 'readableStream', 'writableStream']) assert.throws(() => store[name]('/f', wrong), /'nonsense'/, name);
  await assert.rejects(store.withIdentity(wrong), /'nonsense'/);
  const batch = () => store.batch();
  for (const add of [
    () => batch().write('/f', 'x', wrong), () => batch().append('/f', 'x', wrong), () => batch().rename('/f', '/g', wrong),
    () => batch().copy('/f', '/g', wrong), () => batch().mkdir('/d', wrong), () => batch().failWork('/f', 1, 'why', wrong),
    // It would end nothing: the signal is that of the commit.
    () => batch().write('/f', 'x', { signal: AbortSignal.timeout(1000) }),
  ]) assert.throws(add, { code: 'INVALID_ARGUMENT' });
  await assert.rejects(batch().write('/f', 'x').commit(wrong), /'nonsense'/);
  assert.throws(() => createFs(store, { rooot: '/x' }), /'rooot'.*'root'/);
  assert.equal(await store.exists('/f'), false);
});

test('an option that is undefined is no option', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x', { ifMatch: undefined, nonsense: undefined });
  await assert.rejects(store.stat('/f', null), TypeError);
});

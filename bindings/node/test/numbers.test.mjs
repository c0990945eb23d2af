// Integers beyond 2^53: no call rounds one without a word.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { open, paths, refuses } from './support.mjs';
import { parseExactly, stringify } from '../dist/json.js';

const ODD = 9007199254740993n; // 2^53 + 1, which no number holds

test('integers of every size are written as BigInts, and come back as they are asked for', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  for (const integer of [0n, -1n, ODD, -ODD, 2n ** 63n - 1n, -(2n ** 63n), 123456789012345678901234567890n]) {
    await store.setMeta('/f', 'id', integer);
    assert.equal(await store.getMetaJson('/f', 'id'), String(integer));
    const value = await store.getMeta('/f', 'id', { bigint: true });
    assert.equal(value, Number.isSafeInteger(Number(integer)) ? Number(integer) : integer);
    assert.deepEqual(paths(await store.findByMeta('id', integer)), ['/f'], String(integer));
    // Beyond 64 bits the store compares values as doubles.
    if (integer < 2n ** 64n) assert.deepEqual(paths(await store.findByMeta('id', integer + 1n)), [], String(integer));
  }
});

test('an integer that a number would round is refused by name where BigInts are not asked for', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  await store.setMetaMany('/f', { fine: 1, id: ODD, nested: { list: [1, ODD] } });
  const refusal = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE', message: /'id' of \/f is 9007199254740993.*bigint: true/ };
  await assert.rejects(store.getMeta('/f', 'id'), refusal);
  await assert.rejects(store.listMeta('/f'), refusal);
  assert.throws(() => store.getMetaSync('/f', 'id'), refusal);
  await assert.rejects(store.getMeta('/f', 'nested'), /'nested' \(in 'list'\) of \/f is 9007199254740993/);
  assert.equal(await store.getMeta('/f', 'fine'), 1);
  assert.deepEqual(await store.listMeta('/f', { bigint: true }), { fine: 1, id: ODD, nested: { list: [1, ODD] } });
  assert.equal(await store.listMetaJson('/f'), `{"fine":1,"id":${ODD},"nested":{"list":[1,${ODD}]}}`);
  assert.equal(store.listMetaJsonSync('/f'), await store.listMetaJson('/f'));
  await assert.rejects(store.getMeta('/f', 'id', { bigint: 1 }), TypeError);
});

test('reading, changing and writing again changes nothing else', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  const text = `{"a":"${ODD}","b\\"${ODD}":[${ODD},-${ODD},1e300,0.1,{"c":18446744073709551615}],"d":10000000000000000}`;
  await store.setMetaJson('/f', 'k', text);
  const value = await store.getMeta('/f', 'k', { bigint: true });
  value.e = 1;
  await store.setMeta('/f', 'k', value);
  assert.equal(await store.getMetaJson('/f', 'k'), `${text.slice(0, -1).replace('1e300', '1e+300')},"e":1}`);
  await store.batch().setMetaJson('/f', 'k', '1.10').setMeta('/f', 'l', [ODD]).commit();
  assert.equal(await store.getMetaJson('/f', 'k'), '1.10');
  assert.equal(await store.getMetaJson('/f', 'l'), `[${ODD}]`);
  await refuses('INVALID_ARGUMENT', store.setMetaJson('/f', 'k', 'no JSON'));
});

test('an integer that a number holds is a number where BigInts are not asked for', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  for (const [text, number] of [['9007199254740992', 2 ** 53], ['1e20', 1e20], ['9007199254740992.0', 2 ** 53], ['-1e+300', -1e300], ['0.1', 0.1]]) {
    await store.setMetaJson('/f', 'k', text);
    assert.equal(await store.getMeta('/f', 'k'), number, text);
  }
  for (const [text, integer] of [['9007199254740993.0', ODD], ['9.007199254740993e15', ODD], ['90071992547409930e-1', ODD]]) {
    await store.setMetaJson('/f', 'k', text);
    await assert.rejects(store.getMeta('/f', 'k'), RangeError, text);
    assert.equal(await store.getMeta('/f', 'k', { bigint: true }), integer, text);
  }
});

test('any JSON is read exactly', () => {
  const texts = ['{"9007199254740993":"9007199254740993","x\\\\":9007199254740993}', '["\\"9007199254740993",9007199254740993]', '{"__proto__":9007199254740993}', '9007199254740993', '"9007199254740993"'];
  for (const text of texts) assert.equal(stringify(parseExactly(text)), text);
  assert.throws(() => parseExactly('1e999999999'), RangeError);
  assert.equal(stringify({ a: undefined, b: () => 1, c: 1n }), '{"c":1}');
  BigInt.prototype.toJSON = function () {
    return String(this);
  };
  try {
    assert.equal(stringify({ a: ODD, b: [ODD] }), `{"a":${ODD},"b":[${ODD}]}`);
  } finally {
    delete BigInt.prototype.toJSON;
  }
});

test('work items of any priority are claimed and listed', async (t) => {
  const store = await open(t);
  const priorities = { '/a': -(2n ** 63n), '/b': -ODD, '/c': 5, '/d': ODD, '/e': 2n ** 62n };
  for (const [path, priority] of Object.entries(priorities)) await store.batch().write(path, 'x').setMetaMany(path, { status: 'ready', priority }).commit();
  const seen = (items) => Object.fromEntries(items.map(({ virtualPath, priority }) => [virtualPath, priority]));
  assert.deepEqual(seen(await store.getWorkByPriority(9)), priorities);
  assert.deepEqual(seen(store.getReadyWorkSync(9n)), priorities);
  const claimed = await store.workClaim('ann', { max: 9n, leaseMs: 60_000n });
  assert.deepEqual(claimed.map(({ virtualPath }) => virtualPath), Object.keys(priorities));
  assert.deepEqual(seen(claimed), priorities);
  const [{ lease }] = claimed;
  await store.workHeartbeat('/a', BigInt(lease), 60_000n);
  await store.workComplete('/a', BigInt(lease), { id: ODD });
  assert.equal(await store.getMetaJson('/a', 'result'), `{"id":${ODD}}`);
});

test('arguments are BigInts where a program has them, and none is rounded', async (t) => {
  const store = await open(t);
  await store.write('/f', 'content');
  const room = Buffer.alloc(3);
  assert.equal(await store.readAt('/f', 2n, room), 3);
  assert.equal(room.toString(), 'nte');
  assert.equal((await store.list({ limit: 1n })).length, 1);
  for await (const { path } of store.list({ limit: 1n })) assert.equal(path, '/f');
  for (const wrong of [ODD, -ODD, 2n ** 64n]) {
    await refuses('INVALID_ARGUMENT', store.readAt('/f', wrong, room));
    await refuses('INVALID_ARGUMENT', store.write('/f', 'x', { leasePath: '/f', lease: wrong }));
  }
});

// Every call of the store once, by its promise and by its ...Sync variant, and what bad input does.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';

import { connect, open, paths, refuses, scratch, Store } from './support.mjs';

const HELLO = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

test('a file is written, read, described, appended to and deleted', async (t) => {
  const store = await open(t);
  const entry = await store.write('/docs/hello.txt', 'hello');
  assert.deepEqual({ ...entry, pathId: null, createdAt: null, modifiedAt: null }, {
    path: '/docs/hello.txt', kind: 'file', size: 5, etag: HELLO, version: 1, mimeType: 'text/plain',
    pathId: null, backendName: 'local', createdAt: null, modifiedAt: null,
  });
  assert.ok(Math.abs(entry.modifiedAt - Date.now()) < 60_000, String(entry.modifiedAt));
  assert.match(entry.pathId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(await store.stat('/docs/hello.txt'), entry);
  assert.deepEqual(store.statSync('/docs/hello.txt'), entry);
  assert.equal((await store.read('/docs/hello.txt')).toString(), 'hello');
  assert.equal(store.readSync('/docs/hello.txt').toString(), 'hello');
  assert.equal(await store.readText('/docs/hello.txt'), 'hello');
  assert.equal((await store.append('/docs/hello.txt', ', world')).version, 2);
  assert.equal(store.appendSync('/docs/hello.txt', '!').size, 13);
  const room = Buffer.alloc(5);
  assert.equal(await store.readAt('/docs/hello.txt', 7, room), 5);
  assert.equal(room.toString(), 'world');
  assert.equal(store.readAtSync('/docs/hello.txt', 12, room), 1);
  assert.equal(await store.readAt('/docs/hello.txt', 13, room), 0);
  assert.equal(await store.exists('/docs/hello.txt'), true);
  assert.equal(await store.isDirectory('/docs'), true);
  assert.equal((await store.stat('/docs')).kind, 'directory');
  await store.delete('/docs/hello.txt');
  assert.equal(store.existsSync('/docs/hello.txt'), false);
  assert.equal(store.isDirectorySync('/docs'), false);
  await refuses('NOT_FOUND', store.read('/docs/hello.txt'), { path: '/docs/hello.txt' });
  assert.throws(() => store.deleteSync('/docs/hello.txt'), { name: 'NexusError', code: 'NOT_FOUND', status: 4 });
});

test('contents of every size come back byte for byte, from every kind of buffer', async (t) => {
  const store = await open(t);
  for (const size of [0, 1, 4095, 65_535, 65_536, 65_537, 262_144, 1_000_003, 5 << 20]) {
    const content = Buffer.alloc(size);
    for (let i = 0; i < size; i++) content[i] = (i * 31) ^ (i >> 8);
    await store.write(`/${size}`, content);
    assert.ok((await store.read(`/${size}`)).equals(content), `${size} bytes, read`);
    assert.ok(store.readSync(`/${size}`).equals(content), `${size} bytes, readSync`);
  }
  const bytes = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const shared = new SharedArrayBuffer(8);
  new Uint8Array(shared).set(bytes);
  const growing = new ArrayBuffer(8, { maxByteLength: 64 });
  new Uint8Array(growing).set(bytes);
  const foreign = runInNewContext('Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)');
  const views = [
    bytes, bytes.buffer, new DataView(bytes.buffer), new Uint32Array(bytes.buffer), shared, new Uint8Array(growing), foreign, foreign.buffer,
  ];
  for (const view of views) {
    await store.write('/view', view);
    assert.deepEqual([...(await store.read('/view'))], [...bytes], view.constructor.name);
  }
  await store.write('/part', bytes.subarray(2, 5));
  assert.deepEqual([...store.readSync('/part')], [3, 4, 5]);
});

test('conditions are kept', async (t) => {
  const store = await open(t);
  const { etag } = await store.write('/f', 'one', { ifNoneMatch: true, mimeType: 'text/x-one' });
  assert.equal((await store.stat('/f')).mimeType, 'text/x-one');
  await refuses('CONFLICT', store.write('/f', 'two', { ifNoneMatch: true }));
  await refuses('CONFLICT', store.append('/f', 'two', { ifMatch: HELLO }));
  await refuses('CONFLICT', store.delete('/f', { ifMatch: HELLO }));
  await refuses('CONFLICT', store.rename('/f', '/g', { ifMatch: HELLO }));
  await refuses('CONFLICT', store.setMeta('/f', 'k', 1, { ifMatch: HELLO }));
  await refuses('LEASE_LOST', store.write('/f', 'two', { leasePath: '/f', lease: 1 }));
  await store.write('/f', 'two', { ifMatch: etag });
  await store.copy('/f', '/g');
  await refuses('ALREADY_EXISTS', store.copy('/f', '/g', { noReplace: true }));
  await refuses('ALREADY_EXISTS', store.rename('/f', '/g', { noReplace: true }));
  await store.rename('/f', '/h/f');
  assert.deepEqual(paths(await store.list()), ['/g', '/h/f']);
});

test('directories are made and removed', async (t) => {
  const store = await open(t);
  await refuses('NOT_FOUND', store.mkdir('/a/b'));
  await store.mkdir('/a/b', { parents: true });
  await refuses('ALREADY_EXISTS', store.mkdir('/a/b'));
  store.mkdirSync('/a/b', { existOk: true });
  await refuses('NOT_EMPTY', store.rmdir('/a'));
  await store.rmdir('/a', { recursive: true });
  assert.equal(await store.exists('/a'), false);
});

test('listings, patterns and metadata are found at once, one by one, and in pages', async (t) => {
  const store = await open(t);
  const batch = store.batch();
  for (let i = 0; i < 600; i++) batch.write(`/n/${String(i).padStart(3, '0')}.txt`, `line ${i}`).setMeta(`/n/${String(i).padStart(3, '0')}.txt`, 'odd', i % 2 === 1);
  await batch.commit();
  const all = paths(await store.list());
  assert.equal(all.length, 600);
  const each = async (listing) => {
    const found = [];
    for await (const { path } of listing) found.push(path);
    return found;
  };
  assert.deepEqual(await each(store.list()), all);
  assert.deepEqual(paths(store.listSync()), all);
  assert.deepEqual(await each(store.glob('/n/*.txt')), all);
  assert.deepEqual(paths(store.globSync('1?0.txt', { base: '/n' })).length, 10);
  const odd = paths(await store.findByMeta('odd', true));
  assert.equal(odd.length, 300);
  assert.deepEqual(await each(store.findByMeta('odd', true)), odd);
  assert.deepEqual(paths(store.findByMetaSync('odd', true, { limit: 1 })), ['/n/001.txt']);

  const first = await store.list({ limit: 10 });
  assert.deepEqual([first.length, typeof first.cursor], [10, 'string']);
  assert.deepEqual(paths(await store.list({ limit: 2, cursor: first.cursor })), all.slice(10, 12));
  assert.equal((await store.list()).cursor, null);
  assert.deepEqual(await each(store.list({ limit: 300 })), all.slice(0, 300));
  const pages = [];
  for await (const page of store.list().pages(250)) pages.push(page.length);
  assert.deepEqual(pages, [250, 250, 100]);
  assert.deepEqual(paths(await store.list({ path: '/', recursive: false })), ['/n']);
  assert.deepEqual(paths(await store.list({ prefix: '/n/00', includeDirectories: true })).length, 10);
  assert.deepEqual(paths(await store.list({ prefix: '/n/00', recursive: false })), all.slice(0, 10));
  await refuses('INVALID_ARGUMENT', store.list({ path: '/n', prefix: '/n/00' }).then());

  assert.equal(await store.list().then((entries) => entries.length), 600);
  assert.equal(await store.list({ path: '/none' }).catch((error) => error.code), 'NOT_FOUND');
  let ended = false;
  await store.list({ limit: 1 }).finally(() => (ended = true));
  assert.ok(ended);
  await assert.rejects(async () => { for await (const _ of store.list({ path: '/none' })); }, { code: 'NOT_FOUND' });
});

test('lines are found, and what was passed over is told', async (t) => {
  const store = await open(t);
  await store.write('/a.txt', 'one\nTwo ünd\nthree\n');
  await store.write('/b.bin', Buffer.from([0, 1, 2]));
  const found = await store.grep('t\\w+ (ünd)', { ignoreCase: true });
  assert.deepEqual([...found], [{ path: '/a.txt', line: 2, text: 'Two ünd', matchStart: 0, matchEnd: 8 }]);
  assert.deepEqual([found.skipped, found.truncated], [1, false]);
  assert.equal(store.grepSync('e', { maxMatches: 1, filePattern: '*.txt', base: '/' }).truncated, true);
  await refuses('INVALID_ARGUMENT', store.grep('('));
  assert.deepEqual(await store.contentIds(['/none', '/a.txt']), [null, (await store.stat('/a.txt')).etag]);
  assert.deepEqual(store.contentIdsSync([]), []);
  assert.deepEqual(await store.contentIds([]), []);
});

test('the etags of very many files are asked for in slices, so that the event loop runs on', async (t) => {
  const store = await open(t);
  const batch = store.batch();
  for (let i = 0; i < 100; i++) batch.write(`/ünd/${i * 300}`, `${i}`);
  const entries = await batch.commit();
  const paths = Array.from({ length: 30_000 }, (_, i) => `/ünd/${i}`);
  const expected = paths.map((_, i) => (i % 300 === 0 ? entries[i / 300].etag : null));
  assert.deepEqual(await store.contentIds(paths), expected);
  assert.deepEqual(await store.contentIds(paths, { signal: new AbortController().signal }), expected);
  assert.deepEqual(store.contentIdsSync(paths), expected);
  let turns = 0;
  const count = () => {
    turns++;
    again = setImmediate(count);
  };
  let again = setImmediate(count);
  await assert.rejects(store.contentIds([...paths, 7]), { code: 'ERR_INVALID_ARG_TYPE' });
  clearImmediate(again);
  assert.ok(turns > 5, `all were looked at in ${turns} turns`);
  const interrupted = refuses('CANCELLED', store.contentIds(paths));
  store.interrupt();
  await interrupted;
});

test('metadata of every JSON type is kept', async (t) => {
  const store = await open(t);
  await store.write('/f', '');
  const values = { text: 'ü\u0000\ud83d\ude00', number: -1.5, yes: true, nothing: null, list: [1, [2]], object: { a: { b: 'c' } } };
  await store.setMetaMany('/f', values);
  assert.deepEqual(await store.listMeta('/f'), values);
  assert.deepEqual(store.listMetaSync('/f'), values);
  await store.setMeta('/f', 'text', 'new');
  assert.equal(await store.getMeta('/f', 'text'), 'new');
  await store.deleteMeta('/f', 'text');
  await refuses('NOT_FOUND', store.getMeta('/f', 'text'));
  const id = await store.pathId('/f');
  await store.rename('/f', '/g');
  assert.equal(await store.pathOfId(id), '/g');
  assert.equal(store.pathOfIdSync(id), '/g');
});

test('a batch is all or nothing, tells which operation failed, and can be tried again', async (t) => {
  const store = await open(t);
  const { etag } = await store.write('/old', 'old');
  const batch = store
    .batch()
    .write('/a', 'a', { ifNoneMatch: true })
    .append('/a', 'b')
    .mkdir('/d/e', { parents: true })
    .copy('/a', '/b')
    .rename('/b', '/c', { noReplace: true })
    .setMeta('/a', 'k', 1)
    .setMetaMany('/a', { l: 2, m: 3 })
    .deleteMeta('/a', 'm')
    .requireEtag('/old', etag)
    .requireEtag('/new', null)
    .delete('/old');
  await store.write('/new', 'in the way');
  await refuses('CONFLICT', batch.commit(), { index: 9, path: '/new' });
  assert.deepEqual(paths(await store.list()), ['/new', '/old']);
  await store.delete('/new');
  const entries = await batch.commit();
  assert.equal(entries.length, batch.length);
  assert.deepEqual([entries[0].path, entries[2].kind, entries[10]], ['/a', 'directory', null]);
  assert.deepEqual(paths(await store.list()), ['/a', '/c']);
  assert.deepEqual(await store.listMeta('/a'), { k: 1, l: 2 });
  await refuses('MISUSE', batch.commit());
  assert.throws(() => batch.delete('/a'), { code: 'MISUSE' });
  await refuses('INVALID_PATH', store.batch().write('/x', '').write('/../y', '').commit(), { index: 1 });
  await refuses('LEASE_LOST', store.batch().requireLease('/a', 7).commit(), { index: 0 });
  assert.deepEqual(await store.batch().commit(), []);
});

test('a batch is committed once, and takes nothing meanwhile', async (t) => {
  const store = await open(t);
  const batch = store.batch().append('/a', 'x');
  const first = batch.commit();
  await refuses('MISUSE', batch.commit());
  assert.throws(() => batch.write('/late', ''), { code: 'MISUSE' });
  assert.equal((await first).length, 1);
  await refuses('MISUSE', batch.commit());
  assert.equal(await store.readText('/a'), 'x');

  const retried = store.batch().append('/a', 'y').requireEtag('/b', null);
  await store.write('/b', 'in the way');
  const failing = retried.commit();
  assert.throws(() => retried.write('/late', ''), { code: 'MISUSE' });
  await refuses('CONFLICT', failing, { index: 1 });
  await assert.rejects(retried.commit({ signal: AbortSignal.abort('no') }), (error) => error === 'no');
  await assert.rejects(retried.commit({ signal: {} }), { code: 'ERR_INVALID_ARG_TYPE' });
  await store.delete('/b');
  assert.equal((await retried.write('/c', 'added later').commit()).length, 3);
  assert.deepEqual(paths(await store.list()), ['/a', '/c']);
  assert.equal(await store.readText('/a'), 'xy');
});

test('metadata goes out and comes in again', async (t) => {
  const store = await open(t);
  const file = join(scratch(t), 'metadata.jsonl');
  await store.write('/keep/f', 'content');
  await store.write('/leave/g', 'content');
  const steps = [];
  assert.equal(await store.exportMetadata(file, { prefix: '/keep', onProgress: (...step) => void steps.push(step) }), 1);
  assert.ok(steps.length > 0);
  const line = JSON.parse(await readFile(file, 'utf8'));
  assert.equal(line.path, '/keep/f');
  for (const modifiedAfter of [new Date(2999, 1), runInNewContext('new Date(2999, 1)')]) {
    assert.equal(store.exportMetadataSync(pathToFileURL(file), { modifiedAfter }), 0);
  }
  await writeFile(file, `${JSON.stringify({ ...line, path: '/copy/f', path_id: undefined })}\n`);
  assert.equal((await store.importMetadata(file, { mode: 'overwrite', dryRun: true })).created, 1);
  assert.equal(await store.exists('/copy/f'), false);
  assert.equal((await store.importMetadata(pathToFileURL(file), { invalidWorkKeys: 'rename' })).created, 1);
  assert.equal(store.importMetadataSync(file, { mode: 'remap' }).remapped, 1);
  await store.mkdir('/taken');
  await writeFile(file, `${JSON.stringify({ ...line, path: '/taken', path_id: undefined })}\n`);
  const [collision] = (await store.importMetadata(file, { mode: 'remap' })).collisions;
  assert.deepEqual({ ...collision, message: '' }, {
    path: '/taken', existing_etag: null, imported_etag: line.etag, resolution: 'remap', message: '',
  });
  await refuses('INVALID_ARGUMENT', store.importMetadata(file, { maxBytes: 10 }));
  const gone = { ...line, path: '/none', path_id: undefined, etag: '0'.repeat(64), physical_path: undefined };
  await writeFile(file, `${JSON.stringify(gone)}\n`);
  const left = await store.importMetadata(file, { missingContent: 'skip', newerBy: 'all', mode: 'auto', maxLines: 1 });
  assert.equal(left.skipped, 1);
  assert.deepEqual(left.missing, [{ path: '/none', etag: gone.etag }]);
  await refuses('INVALID_ARGUMENT', store.importMetadata(file, { mode: 'merge' }));
});

test('a progress function may end its call, and what it throws comes out', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  const file = join(scratch(t), 'metadata.jsonl');
  await refuses('CANCELLED', store.exportMetadata(file, { onProgress: () => false }));
  const thrown = new Error('mine');
  const onProgress = () => {
    throw thrown;
  };
  await assert.rejects(store.exportMetadata(file, { onProgress }), (error) => error === thrown);
  assert.throws(() => store.exportMetadataSync(file, { onProgress }), (error) => error === thrown);
  await assert.rejects(readFile(file), { code: 'ENOENT' });
});

test('the upkeep of a store', async (t) => {
  const store = await open(t);
  const { etag } = await store.write('/f', 'content');
  await store.copy('/f', '/g');
  assert.deepEqual(await store.contentInfo(etag), { etag, size: 7, ref_count: 2 });
  assert.deepEqual(store.contentInfoSync(etag), { etag, size: 7, ref_count: 2 });
  const stats = await store.storageStats();
  assert.deepEqual([stats.files, stats.distinct_contents], [2, 1]);
  assert.equal(store.storageStatsSync().files, 2);
  assert.equal(typeof (await store.gc()), 'object');
  assert.equal(typeof store.gcSync({ onProgress: () => {} }), 'object');
  const config = await store.config();
  assert.deepEqual(config.durability, { value: 'normal', source: 'explicit' });
  assert.deepEqual(store.configSync(), config);
  const narrow = store.withIdentitySync({ tenantId: 'acme' });
  await refuses('ACCESS_DENIED', narrow.gc());
  await narrow.close();
});

test('a store is checked, copied, moved in a bundle, and searched for duplicates', async (t) => {
  const store = await open(t);
  await store.write('/a/f', 'content');
  await store.write('/a/g', 'content');
  assert.deepEqual((await store.verify({ content: true })).errors, []);
  assert.deepEqual(store.verifySync({ repair: true }).errors, []);
  const duplicates = JSON.stringify(await store.findDuplicates('/a'));
  assert.ok(duplicates.includes('/a/f') && duplicates.includes('/a/g'), duplicates);

  const copy = join(scratch(t), 'copy');
  const steps = [];
  await store.backup(copy, { onProgress: (...step) => void steps.push(step) });
  assert.ok(steps.length > 0);
  const copied = await connect({ data_dir: copy });
  assert.equal(await copied.readText('/a/g'), 'content');
  await copied.close();

  const bundle = join(scratch(t), 'all.bundle');
  await store.bundleExport(bundle, { prefix: '/a' });
  const other = await connect({ data_dir: join(scratch(t), 'other') });
  assert.equal((await other.bundleImport(bundle, { mode: 'skip' })).created, 2);
  assert.equal(await other.readText('/a/f'), 'content');
  await other.close();
});

test('bad input is refused as such, and nothing is done', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  const wrongType = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  for (const call of [
    () => store.read(), () => store.read(null), () => store.read(7), () => store.read(Buffer.from('/f')), () => store.stat({}),
    () => store.write('/f'), () => store.write('/f', 5), () => store.write('/f', null), () => store.write('/f', {}),
    () => store.write('/f', 'x', { ifNoneMatch: 1 }), () => store.write('/f', 'x', { ifMatch: 7 }),
    () => store.readAt('/f', 0), () => store.readAt('/f', 0, 'text'), () => store.readAt('/f', '0', Buffer.alloc(1)),
    () => store.mkdir('/d', { parents: 'yes' }), () => store.list({ limit: '5' }), () => store.list({ recursive: 0 }),
    () => store.setMeta('/f', 'k'), () => store.setMeta('/f', 'k', () => {}), () => store.setMetaMany('/f', []),
    () => store.setMetaMany('/f', 'text'), () => store.glob(), () => store.grep(/x/), () => store.contentIds(['/f', 1]),
    () => store.getReadyWork(), () => store.exportMetadata(1), () => store.exportMetadata('/tmp/x', { modifiedAfter: 5 }),
    () => store.workClaim(), () => store.workWait({ timeoutMs: '1' }), () => store.withIdentity({ tenantId: 5 }),
  ]) {
    await assert.rejects(async () => call(), wrongType, String(call));
  }
  for (const call of [
    () => store.readAt('/f', -1, Buffer.alloc(1)), () => store.readAt('/f', 0.5, Buffer.alloc(1)),
    () => store.readAt('/f', 2 ** 60, Buffer.alloc(1)), () => store.list({ limit: NaN }), () => store.list({ limit: -1 }),
    () => store.setMeta('/f', 'k\0', 1), () => store.setMeta('/f', '\ud800', 1), () => store.setMeta('/f', '', 1),
    () => store.setMeta('/f', 'priority', 'high'), () => store.getReadyWork(-1), () => store.list({ cursor: 'made up' }),
    () => store.readAt('/f', 0, new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }))),
    () => store.write('/f', 'x', { ifMatch: 'no etag' }), () => store.workClaim('w', { max: 0 }),
    () => store.workClaim('w', { max: 2 ** 32 + 1 }), () => store.workHeartbeat('/f', 1, 0), () => store.contentInfo('zz'),
    () => store.importMetadata('/none', { mode: 'merge' }), () => store.importMetadata('/none', { mode: 'constructor' }),
    () => store.bundleImport('/none', { mode: 'toString' }), () => store.importMetadata('/none', { invalidWorkKeys: '__proto__' }),
  ]) {
    await refuses('INVALID_ARGUMENT', (async () => call())(), {});
  }
  for (const path of ['', '/a\0b', '/\udc00', '/../f', `/${'x'.repeat(256)}`, '/e\u0301']) {
    await refuses('INVALID_PATH', store.write(path, 'x'));
    await refuses('INVALID_PATH', store.batch().write('/ok', '').commit().then(() => store.rename('/f', path)));
    assert.throws(() => store.statSync(path), { code: 'INVALID_PATH' });
  }
  const detached = new Uint8Array(4);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  await store.write('/empty', detached);
  assert.equal((await store.stat('/empty')).size, 0);
  assert.equal(await store.readText('/f'), 'x');
});

test('a buffer that is taken away before its turn is refused', async (t) => {
  const store = await open(t);
  const taken = new Uint8Array(100_000).fill(7);
  const others = Array.from({ length: 50 }, (_, i) => store.write(`/${i}`, 'x'));
  const write = store.write('/taken', taken);
  structuredClone(taken.buffer, { transfer: [taken.buffer] });
  await refuses('INVALID_ARGUMENT', write);
  await Promise.all(others);
});

test('an error names its caller', async (t) => {
  const store = await open(t);
  async function theOneWhoAsked() {
    return await store.getMeta('/missing', 'k');
  }
  await assert.rejects(theOneWhoAsked, (error) => {
    assert.match(error.stack, /theOneWhoAsked/);
    assert.match(String(error), /^NexusError: .*\/missing/);
    return true;
  });
});

test('every method has a ...Sync variant, but for what is a stream or an iterator', () => {
  const apart = new Set(['constructor', 'batch', 'openReader', 'openWriter', 'createReadStream', 'createWriteStream',
    'readableStream', 'writableStream', 'readText', 'interrupt', 'close', 'isOpen']);
  const names = Object.getOwnPropertyNames(Store.prototype);
  for (const name of names) {
    if (apart.has(name) || name.endsWith('Sync')) continue;
    assert.ok(names.includes(`${name}Sync`), `${name}Sync is missing`);
  }
});

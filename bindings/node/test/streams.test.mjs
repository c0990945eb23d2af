// Readers, writers, and the streams of node and of the web over them.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';

import { liveObjects, open, refuses, Store } from './support.mjs';

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) & 0xff));

async function drain(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('a reader reads, goes elsewhere, and sees what it opened', async (t) => {
  const store = await open(t);
  await store.write('/f', CONTENT);
  const reader = await store.openReader('/f');
  await store.write('/f', 'changed');
  assert.equal(reader.size, CONTENT.length);
  await reader.seek(1000);
  const room = Buffer.alloc(10);
  assert.equal(await reader.read(room), 10);
  assert.deepEqual(room, CONTENT.subarray(1000, 1010));
  await reader.seek(CONTENT.length + 5);
  assert.equal(await reader.read(room), 0);
  await reader.seek(0);
  assert.ok((await drain(reader)).equals(CONTENT));
  await refuses('MISUSE', reader.read(room));
  await reader.close();
});

test('calls on one reader or writer take turns', async (t) => {
  const store = await open(t);
  const writer = await store.openWriter('/f');
  await Promise.all(Array.from({ length: 200 }, (_, i) => writer.write(`${i},`)));
  const entry = await writer.commit();
  const expected = Array.from({ length: 200 }, (_, i) => `${i},`).join('');
  assert.equal(entry.size, expected.length);
  assert.equal(await store.readText('/f'), expected);
  const reader = await store.openReader('/f');
  const rooms = Array.from({ length: 50 }, () => Buffer.alloc(5));
  await Promise.all(rooms.map((room) => reader.read(room)));
  assert.equal(Buffer.concat(rooms).toString(), expected.slice(0, 250));
  await reader.close();
});

test('a writer is committed, aborted, or given up when its condition does not hold', async (t) => {
  const store = await open(t);
  const { etag } = await store.write('/f', 'old');
  const kept = await store.openWriter('/f', { ifMatch: etag, mimeType: 'text/x-new' });
  await kept.write('new');
  assert.equal(await store.readText('/f'), 'old');
  assert.equal((await kept.commit()).mimeType, 'text/x-new');
  await refuses('MISUSE', kept.write('more'));
  await refuses('MISUSE', kept.commit());
  await kept.abort();
  const late = await store.openWriter('/f', { ifMatch: etag });
  await late.write('too late');
  const failing = refuses('CONFLICT', late.commit());
  await assert.rejects(late.write('more'), { code: 'MISUSE', message: 'the writer is being committed' });
  await failing;
  await assert.rejects(late.write('more'), { code: 'MISUSE', message: 'the writer is aborted' });
  const aborted = await store.openWriter('/g');
  await aborted.write('x');
  await aborted.abort();
  await refuses('MISUSE', aborted.commit());
  assert.deepEqual([await store.readText('/f'), await store.exists('/g')], ['new', false]);
});

test('streams of node carry contents both ways', async (t) => {
  const store = await open(t);
  const stream = store.createWriteStream('/f', { mimeType: 'application/x-f' });
  await pipeline(Readable.from([CONTENT.subarray(0, 5), CONTENT.subarray(5)]), stream);
  assert.equal(stream.entry.mimeType, 'application/x-f');
  assert.ok((await drain(store.createReadStream('/f'))).equals(CONTENT));
  assert.ok((await drain(store.createReadStream('/f', { start: 10, end: 19 }))).equals(CONTENT.subarray(10, 20)));
  assert.ok((await drain(store.createReadStream('/f', { start: 299_000, highWaterMark: 7 }))).equals(CONTENT.subarray(299_000)));
  assert.equal((await drain(store.createReadStream('/f', { start: 400_000 }))).length, 0);
  await pipeline(store.createReadStream('/f'), store.createWriteStream('/copy'));
  assert.equal((await store.stat('/copy')).etag, stream.entry.etag);
  await assert.rejects(drain(store.createReadStream('/none')), { code: 'NOT_FOUND' });
  await assert.rejects(pipeline(Readable.from(['x']), store.createWriteStream('/f', { ifNoneMatch: true })), { code: 'CONFLICT' });
});

test('a stream that breaks off leaves the file as it was', async (t) => {
  const store = await open(t);
  await store.write('/f', 'old');
  const broken = async function* () {
    yield CONTENT;
    throw new Error('the source broke off');
  };
  await assert.rejects(pipeline(broken, store.createWriteStream('/f')), /broke off/);
  await assert.rejects(Readable.toWeb(Readable.from(broken())).pipeTo(store.writableStream('/f')), /broke off/);
  assert.equal(await store.readText('/f'), 'old');
  const reading = store.createReadStream('/f');
  await new Promise((resolve) => reading.destroy().on('close', resolve));
  const half = store.readableStream('/f');
  await half.cancel();
});

test('a stream that fails gives back what it has opened', async (t) => {
  const store = await open(t);
  await store.write('/f', CONTENT);
  const live = liveObjects();
  const web = store.writableStream('/g').getWriter();
  await web.write('x');
  await assert.rejects(web.write(7), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(web.closed, { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(liveObjects(), live, 'a writable stream of the web left its writer open');
  await store.writableStream('relative/../../up').abort();

  const abort = new AbortController();
  const writing = store.createWriteStream('/g', { signal: abort.signal });
  await new Promise((resolve) => writing.write('x', resolve));
  abort.abort(new Error('enough'));
  let failed;
  writing.on('error', (error) => (failed = error)).write('y');
  await new Promise((resolve) => writing.on('close', resolve));
  assert.equal(failed.message, 'enough');
  assert.equal(liveObjects(), live, 'a writable stream of node left its writer open');

  const early = store.readableStream('/f').getReader();
  const first = early.read();
  await early.cancel();
  assert.deepEqual(await first, { value: undefined, done: true });
  assert.equal(liveObjects(), live, 'a readable stream that was cancelled while it opened left its reader open');

  store.openReader = async (...args) => {
    const reader = await Store.prototype.openReader.apply(store, args);
    return Object.assign(reader, { seek: () => Promise.reject(new Error('no seek')) });
  };
  await assert.rejects(drain(store.readableStream('/f', { start: 5 })), /no seek/);
  assert.equal(liveObjects(), live, 'a readable stream of the web left its reader open');
  await assert.rejects(drain(store.createReadStream('/f', { start: 5 })), /no seek/);
  assert.equal(liveObjects(), live, 'a readable stream of node left its reader open');
});

test('streams of the web carry contents both ways', async (t) => {
  const store = await open(t);
  await new Response(CONTENT).body.pipeTo(store.writableStream('/f', { ifNoneMatch: true }));
  assert.ok((await store.read('/f')).equals(CONTENT));
  assert.ok(Buffer.from(await new Response(store.readableStream('/f')).arrayBuffer()).equals(CONTENT));
  assert.ok((await drain(store.readableStream('/f', { start: 5, end: 9 }))).equals(CONTENT.subarray(5, 10)));
  const byob = store.readableStream('/f').getReader({ mode: 'byob' });
  const { value } = await byob.read(new Uint8Array(100));
  assert.ok(CONTENT.subarray(0, 100).equals(value));
  await byob.cancel();
  await assert.rejects(drain(store.readableStream('/none')), { code: 'NOT_FOUND' });
});

test('a signal ends a stream', async (t) => {
  const store = await open(t);
  await store.write('/f', Buffer.alloc(4 << 20));
  const abort = new AbortController();
  const read = drain(store.createReadStream('/f', { signal: abort.signal }));
  abort.abort(new Error('enough'));
  await assert.rejects(read, /enough/);
  for (const make of ['createReadStream', 'createWriteStream']) {
    const idle = new AbortController();
    const stream = store[make]('/f', { signal: idle.signal });
    const failure = new Promise((resolve) => stream.on('error', resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    idle.abort(new Error('nothing happens'));
    assert.match((await failure).message, /nothing happens/);
    assert.equal(stream.destroyed, true);
  }
  const writing = new AbortController();
  const writer = await store.openWriter('/g', { signal: writing.signal });
  writing.abort(new Error('enough'));
  await assert.rejects(writer.write('x'), /enough/);
  await assert.rejects(writer.commit(), /enough/);
  assert.equal(await store.exists('/g'), false);
});

test('memory stays bounded whatever the file holds', async (t) => {
  const store = await open(t);
  const chunk = Buffer.alloc(1 << 20, 5);
  const before = process.memoryUsage().rss;
  await pipeline(function* () { for (let i = 0; i < 256; i++) yield chunk; }, store.createWriteStream('/large'));
  let bytes = 0;
  for await (const part of store.createReadStream('/large')) bytes += part.length;
  assert.equal(bytes, 256 << 20);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 128 << 20, `256 MiB took ${grown >> 20} MiB of memory`);
});

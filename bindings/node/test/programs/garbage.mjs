// Calls whose store is garbage while they wait and run; prints what became of each, as JSON. A program of its own, because the
// heap of the tests takes too long to collect. Run with --expose-gc, and a directory for the store.
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect, connectSync, liveObjects, occupyThreads } from '../support.mjs';

const config = { data_dir: process.argv[2], durability: 'normal' };

/** Has what is called next wait for its turn, so that there is time to collect the store. */
function delay(ms = 60) {
  occupyThreads(ms);
  for (let i = 0; i < 20; i++) keeper.exists('/f');
}

/** Each call is the last one that its store is needed for. */
const CALLS = {
  verify: (store, options) => store.verify(options),
  write: (store, options) => store.write('/g', 'x', options),
  read: (store, options) => store.read('/f', options),
  'a large read': (store, options) => store.read('/large', options),
  'an awaited list': (store, options) => store.list(options).then(),
  'a list in pages': async (store, options) => {
    for await (const page of store.list(options).pages(1)) delay(20 * page.length);
  },
  workWait: (store, options) => store.workWait({ timeoutMs: 150, ...options }),
  'a batch': (store, options) => {
    const batch = store.batch();
    for (let i = 0; i < 100; i++) batch.write(`/b/${i}`, 'x');
    return batch.commit(options);
  },
  'a read of a reader': async (store, options) => {
    const reader = await store.openReader('/f', options);
    delay();
    return reader.read(Buffer.alloc(10));
  },
  'the chunks of a reader': async (store, options) => {
    for await (const chunk of await store.openReader('/large', options)) if (chunk.length < 65_536) delay();
  },
  'the commit of a writer': async (store, options) => {
    const writer = await store.openWriter('/h', options);
    await writer.write('x');
    delay();
    return writer.commit();
  },
  'streams of node': (store, options) => pipeline(store.createReadStream('/large', options), store.createWriteStream('/i', options)),
  'streams of the web': (store, options) => store.readableStream('/large', options).pipeTo(store.writableStream('/j', options)),
};

/** A call on a store that is nobody's from now on. */
function begin(call, options) {
  const store = connectSync(config);
  delay();
  return call(store, options);
}

const keeper = await connect(config);
await keeper.write('/f', 'content');
await keeper.write('/large', Buffer.alloc(6_000_000, 7));
const live = liveObjects();
const { signal } = new AbortController();
const outcomes = {};
for (const [what, call] of Object.entries(CALLS)) {
  for (const options of [{}, { signal }]) {
    const name = options.signal === undefined ? what : `${what} with a signal`;
    outcomes[name] = 'did not settle';
    begin(call, options).then(
      () => (outcomes[name] = 'done'),
      (error) => (outcomes[name] = String(error)),
    );
    const end = performance.now() + 10_000;
    while (performance.now() < end && (outcomes[name] === 'did not settle' || liveObjects() > live)) {
      globalThis.gc();
      await sleep(1);
    }
    if (liveObjects() > live) outcomes[name] += `, and ${liveObjects() - live} objects are left`;
  }
}
console.log(JSON.stringify(outcomes));
await keeper.close();

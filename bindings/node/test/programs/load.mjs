// Ten thousand operations at once, in five rounds; prints what they cost. A program of its own, because the test runner follows
// each promise with hooks that cost more than the calls. Run with --expose-gc, and a directory for the store.
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect, liveObjects, NexusError } from 'nexusfs';
import { longestPause } from '../pauses.mjs';

const OPERATIONS = 10_000;
const ROUNDS = 5;

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

const round = (store) => Promise.all(Array.from({ length: OPERATIONS }, (_, i) => operation(store, i)));

/** As many calls of node's own file system at once, to compare with. */
const ownRound = () =>
  Promise.all(
    Array.from({ length: OPERATIONS }, (_, i) =>
      i % 2 === 0 ? stat(process.execPath) : stat(`/missing/${i}`).catch((error) => assert.equal(error.code, 'ENOENT')),
    ),
  );

async function usedMemory() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await sleep(0);
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { javascript: heapUsed + external + arrayBuffers, rss };
}

const store = await connect({ data_dir: process.argv[2], durability: 'normal' });
for (let i = 0; i < 50; i++) await store.write(`/seed/${i}`, `seed ${i}`);
for (let i = 0; i < 2; i++) await round(store);

const live = liveObjects();
const before = await usedMemory();
const pauses = [];
for (let i = 0; i < ROUNDS; i++) pauses.push(await longestPause(() => round(store)));
const after = await usedMemory();
const own = [];
for (let i = 0; i < ROUNDS; i++) own.push(await longestPause(ownRound));
console.log(JSON.stringify({ pauses, own, before, after, left: liveObjects() - live }));
await store.close();

// The pool of threads that the calls run on: shared with others, small, or gone in the middle of the work.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import koffi from 'koffi';
import { open, PACKAGE, scratch } from './support.mjs';

/** Runs a program with the package in a process of its own. */
function runProgram(program, directory, env = {}) {
  return spawnSync(process.execPath, ['--input-type=module', '-e', program, directory], {
    cwd: PACKAGE,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 120_000,
  });
}

test('others may use up all the calls that koffi allows', async (t) => {
  const store = await open(t);
  await store.write('/f', 'x');
  const usleep = koffi.load('libc.so.6').func('usleep', 'int', ['uint32']);
  const most = koffi.config().max_async_calls;
  let ended = 0;
  for (let i = 0; i < most; i++) usleep.async(2000, () => ended++);
  assert.throws(() => usleep.async(1, () => {}), /Too many asynchronous calls/);
  const reads = Array.from({ length: 300 }, () => store.readText('/f'));
  assert.deepEqual(new Set(await Promise.all(reads)), new Set(['x']));
  while (ended < most) await sleep(1);
});

test('one thread is enough', (t) => {
  const program = `
    import { connect, liveObjects } from 'nexusfs';
    const store = await connect({ data_dir: process.argv[1], durability: 'normal' });
    const waits = Array.from({ length: 5 }, () => store.workWait());
    const writes = Array.from({ length: 200 }, (_, i) => store.write('/' + i, 'x'));
    const search = store.grep('x');
    await Promise.all(writes);
    await search;
    await store.setMeta('/1', 'status', 'ready');
    console.log(new Set(await Promise.all(waits)));
    const late = store.workWait({ prefix: '/none' }).catch((error) => error.code);
    await store.close();
    console.log(await late, liveObjects());`;
  const run = runProgram(program, join(scratch(t), 'store'), { UV_THREADPOOL_SIZE: '1' });
  assert.deepEqual([run.status, run.stdout, run.stderr], [0, 'Set(1) { true }\nCANCELLED 0\n', '']);
});

test('a process may exit in the middle of its calls', (t) => {
  const program = `
    import { connect } from 'nexusfs';
    const store = await connect({ data_dir: process.argv[1], durability: 'normal' });
    for (let i = 0; i < 2000; i++) store.write('/' + i, Buffer.alloc(3000)).then(() => i === 500 && process.exit(7));
    store.workWait({ prefix: '/none' });`;
  for (let i = 0; i < 3; i++) {
    const run = runProgram(program, join(scratch(t), 'store'));
    assert.deepEqual([run.status, run.signal, run.stderr], [7, null, '']);
  }
});

// Terminated inside of koffi itself, it may end the process: see the README. So it keeps its own thread from there.
test('a worker thread may be terminated while others carry out its calls', async (t) => {
  const data_dir = join(scratch(t), 'store');
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import('nexusfs').then(async ({ connect }) => {
      const store = await connect({ data_dir: workerData, durability: 'normal' });
      await store.write('/0', Buffer.alloc(3000));
      for (let i = 0; i < 5; i++) store.workWait();
      for (let i = 0; i < 2000; i++) store.write('/' + i, Buffer.alloc(3000));
      parentPort.postMessage('go');
      for (;;);
    });`;
  for (let i = 0; i < 10; i++) {
    const worker = new Worker(code, { eval: true, workerData: data_dir });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
  }
  const { connect } = await import('nexusfs');
  const store = await connect({ data_dir });
  assert.equal((await store.read('/0')).length, 3000);
  await store.close();
});

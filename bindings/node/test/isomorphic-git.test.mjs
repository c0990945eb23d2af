// A real program on the fs view: isomorphic-git works in a repository that is in a store; git itself finds it sound.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import git from 'isomorphic-git';
import { createFs } from 'nexusfs/fs';
import { open, scratch } from './support.mjs';

const FILES = 500;
const author = { name: 'Ann', email: 'ann@example.com' };

/** Writes everything below `/` of the view to a directory of the host. */
async function exportTree(fs, directory) {
  for (const entry of await fs.promises.readdir('/', { recursive: true, withFileTypes: true })) {
    const from = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) {
      mkdirSync(join(directory, from), { recursive: true });
      continue;
    }
    mkdirSync(join(directory, entry.parentPath), { recursive: true });
    writeFileSync(join(directory, from), await fs.promises.readFile(from));
    chmodSync(join(directory, from), (await fs.promises.stat(from)).mode & 0o777);
  }
}

test('isomorphic-git works on a store, and git finds the exported repository sound', async (t) => {
  const store = await open(t);
  const fs = createFs(store, { root: '/workspace/acme/ann' });
  const dir = '/repo';
  const file = (i) => `src/part${i % 10}/file${i}.txt`;

  await git.init({ fs, dir, defaultBranch: 'main' });
  for (let i = 0; i < FILES; i++) await fs.promises.writeFile(`${dir}/${file(i)}`, `file ${i}\n`.repeat((i % 50) + 1));
  await fs.promises.writeFile(`${dir}/run.sh`, '#!/bin/sh\n', { mode: 0o755 });
  await git.add({ fs, dir, filepath: '.' });
  const first = await git.commit({ fs, dir, message: 'five hundred files', author });

  await git.branch({ fs, dir, ref: 'topic', checkout: true });
  await fs.promises.writeFile(`${dir}/${file(1)}`, 'changed\n');
  await fs.promises.rm(`${dir}/src/part0`, { recursive: true });
  await git.add({ fs, dir, filepath: file(1) });
  for (let i = 0; i < FILES; i += 10) await git.remove({ fs, dir, filepath: file(i) });
  const second = await git.commit({ fs, dir, message: 'one changed, fifty gone', author });

  await git.checkout({ fs, dir, ref: 'main' });
  assert.equal(await fs.promises.readFile(`${dir}/${file(1)}`, 'utf8'), 'file 1\n'.repeat(2));
  assert.equal((await fs.promises.readdir(`${dir}/src/part0`)).length, FILES / 10);
  assert.equal((await fs.promises.stat(`${dir}/run.sh`)).mode & 0o111, 0o111);
  const dirty = (await git.statusMatrix({ fs, dir })).filter(([, head, work, stage]) => head !== 1 || work !== 1 || stage !== 1);
  assert.deepEqual(dirty, []);
  assert.equal((await git.log({ fs, dir, ref: 'topic' })).length, 2);

  const directory = scratch(t);
  await exportTree(fs, directory);
  const cwd = join(directory, 'repo');
  const run = (...args) => execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' } });
  assert.equal(run('fsck', '--full', '--strict', '--no-dangling'), '');
  assert.equal(run('status', '--porcelain'), '');
  assert.equal(run('rev-parse', 'main').trim(), first);
  assert.equal(run('rev-parse', 'topic').trim(), second);
  assert.equal(run('ls-files').trim().split('\n').length, FILES + 1);
});

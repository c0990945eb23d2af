// Permissions, and names with a slash at their end: each step runs on the host's file system, too.
import assert from 'node:assert/strict';
import * as host from 'node:fs';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';

import { createFs } from 'nexusfs/fs';
import { open, scratch } from './support.mjs';

/** The same steps on both; what they give, and the errors, must be the same. */
async function onBoth(t, umask, steps) {
  const store = await open(t);
  const place = scratch(t);
  const before = process.umask(umask);
  t.after(() => process.umask(before));
  const results = [];
  for (const [fs, root] of [[createFs(store, { root: '/external/root' }), ''], [host, place]]) {
    const seen = [];
    const see = async (name, step) => {
      try {
        seen.push([name, await step()]);
      } catch (error) {
        const { code, errno } = error;
        seen.push([name, code === undefined ? error.stack : { code, errno }]);
      }
    };
    await steps(fs, (path) => `${root}${path}`, see);
    results.push(seen);
  }
  const [ours, theirs] = results;
  for (const [i, seen] of theirs.entries()) assert.deepEqual(ours[i], seen, `at step '${seen[0]}'`);
  assert.equal(ours.length, theirs.length);
}

for (const umask of [0o022, 0o077, 0o000]) {
  test(`modes are kept as on the host, with the umask ${umask.toString(8).padStart(3, '0')}`, (t) =>
    onBoth(t, umask, async (fs, at, see) => {
      const { promises } = fs;
      const mode = async (path) => (await promises.stat(at(path))).mode.toString(8);
      const gives = (name, path, step) => see(name, async () => {
        await step(at(path));
        return mode(path);
      });
      for (const bits of [undefined, 0o600, 0o400, 0o640, 0o644, 0o666, 0o755, '600']) {
        const one = `${bits?.toString(8)}${typeof bits}`;
        await gives(`writeFile ${one}`, `/w${one}`, (path) => promises.writeFile(path, 'x', { mode: bits }));
        await gives(`writeFileSync ${one}`, `/ws${one}`, (path) => fs.writeFileSync(path, 'x', { mode: bits }));
        await gives(`appendFile ${one}`, `/a${one}`, (path) => promises.appendFile(path, 'x', { mode: bits }));
        await gives(`appendFileSync ${one}`, `/as${one}`, (path) => fs.appendFileSync(path, 'x', { mode: bits }));
        await gives(`exclusive ${one}`, `/x${one}`, (path) => promises.writeFile(path, 'x', { mode: bits, flag: 'wx' }));
        await gives(`open ${one}`, `/o${one}`, async (path) => (await promises.open(path, 'w', bits)).close());
        await gives(`open to append ${one}`, `/oa${one}`, async (path) => (await promises.open(path, 'ax', bits)).close());
        await gives(`openSync ${one}`, `/os${one}`, (path) => fs.closeSync(fs.openSync(path, 'w', bits)));
        for (const flags of ['w', 'a', 'wx', 'ax']) {
          await gives(`a stream with ${flags} ${one}`, `/s${flags}${one}`, (path) => pipeline(Readable.from(['x', 'y']), fs.createWriteStream(path, { mode: bits, flags })));
        }
        await gives(`mkdir ${one}`, `/d${one}`, (path) => promises.mkdir(path, { mode: bits }));
        await gives(`mkdirSync ${one}`, `/ds${one}`, (path) => fs.mkdirSync(path, bits));
        if (bits !== 0o400 && bits !== 0o600 && bits !== '600') {
          await gives(`mkdir recursive ${one}`, `/r${one}/a/b`, (path) => promises.mkdir(path, { recursive: true, mode: bits }));
          await see('the directory above', () => mode(`/r${one}/a`));
        }
      }
      await see('what the streams wrote', async () => [await promises.readFile(at('/sw600number'), 'utf8'), await promises.readFile(at('/sa600number'), 'utf8')]);
      await gives('a file that is there keeps its mode', '/w600number', (path) => promises.writeFile(path, 'y', { mode: 0o777 }));
      await gives('also from a stream', '/w600number', (path) => pipeline(Readable.from(['z']), fs.createWriteStream(path, { mode: 0o777 })));
      await gives('also when it is opened', '/w600number', async (path) => (await promises.open(path, 'w', 0o777)).close());
      for (const bits of [0o600, 0o400, 0o640, 0o755, '0700', 0o000]) {
        await gives(`chmod of a file ${bits}`, '/w644number', (path) => promises.chmod(path, bits));
        await gives(`chmodSync of a file ${bits}`, '/w644number', (path) => fs.chmodSync(path, bits));
        await gives(`chmod of a directory ${bits}`, '/d755number', (path) => promises.chmod(path, bits));
        await gives(`fchmodSync ${bits}`, '/w644number', async (path) => {
          await promises.chmod(path, 0o644);
          const fd = fs.openSync(at('/w666number'), 'r');
          fs.fchmodSync(fd, bits);
          fs.closeSync(fd);
        });
        await see('what it changed', () => mode('/w666number'));
      }
      await gives('a handle that writes', '/h', async (path) => {
        const handle = await promises.open(path, 'w');
        await handle.chmod(0o640);
        await handle.close();
      });
      await gives('copyFile', '/c', (path) => promises.copyFile(at('/w600number'), path));
      await gives('copyFile over', '/ws644number', (path) => promises.copyFile(at('/w600number'), path));
      await gives('copyFileSync', '/cs', (path) => fs.copyFileSync(at('/w400number'), path));
      await gives('cp of a file', '/cp', (path) => promises.cp(at('/w600number'), path));
      await promises.mkdir(at('/tree/private'), { recursive: true });
      await promises.chmod(at('/tree/private'), 0o700);
      await promises.chmod(at('/tree'), 0o750);
      await promises.writeFile(at('/tree/private/key'), 'x', { mode: 0o400 });
      await gives('cp of a tree', '/tree2', (path) => promises.cp(at('/tree'), path, { recursive: true }));
      await see('its directory', () => mode('/tree2/private'));
      await see('its file', () => mode('/tree2/private/key'));
      await gives('cpSync of a tree', '/tree3', (path) => fs.cpSync(at('/tree'), path, { recursive: true }));
      await see('its directory', () => mode('/tree3/private'));
      await gives('rename', '/tree4', (path) => promises.rename(at('/tree3'), path));
      await see('its file', () => mode('/tree4/private/key'));
      await see('mkdtemp', async () => (await promises.stat(await promises.mkdtemp(at('/tmp-')))).mode.toString(8));
      await see('mkdtempSync', () => fs.statSync(fs.mkdtempSync(at('/tmp-'))).mode.toString(8));
      await see('utimes of a directory', async () => {
        await promises.utimes(at('/tree'), 1, 981173106);
        return (await promises.stat(at('/tree'))).mtimeMs;
      });
    }));
}

test('a name with a slash at its end is that of a directory, as on the host', (t) =>
  onBoth(t, 0o022, async (fs, at, see) => {
    const { promises } = fs;
    const setUp = async () => {
      await promises.rm(at('/t'), { recursive: true, force: true });
      await promises.mkdir(at('/t/d/below'), { recursive: true });
      await promises.writeFile(at('/t/f'), 'x');
      await promises.writeFile(at('/t/d/g'), 'y');
    };
    const calls = {
      readFile: (path) => promises.readFile(path, 'utf8'),
      readFileSync: (path) => fs.readFileSync(path, 'utf8'),
      writeFile: (path) => promises.writeFile(path, 'z'),
      writeFileSync: (path) => fs.writeFileSync(path, 'z'),
      appendFile: (path) => promises.appendFile(path, 'z'),
      truncate: (path) => promises.truncate(path, 1),
      open: async (path) => (await promises.open(path)).close(),
      'open to write': async (path) => (await promises.open(path, 'w')).close(),
      'open to append': async (path) => (await promises.open(path, 'a')).close(),
      'open what must not be there': async (path) => (await promises.open(path, 'wx')).close(),
      openSync: (path) => fs.closeSync(fs.openSync(path, 'r')),
      stat: async (path) => (await promises.stat(path)).isFile(),
      lstat: async (path) => (await promises.lstat(path)).isFile(),
      statSync: (path) => fs.statSync(path).isFile(),
      exists: (path) => fs.existsSync(path),
      access: (path) => promises.access(path),
      'access to write': (path) => promises.access(path, constants.W_OK),
      readdir: async (path) => (await promises.readdir(path)).sort(),
      opendir: async (path) => (await promises.opendir(path)).close(),
      mkdir: (path) => promises.mkdir(path),
      'mkdir recursive': async (path) => typeof (await promises.mkdir(path, { recursive: true })),
      rmdir: (path) => promises.rmdir(path),
      unlink: (path) => promises.unlink(path).catch(({ code }) => (code === 'EPERM' ? 'EISDIR' : code)),
      rm: (path) => promises.rm(path),
      'rm with force': (path) => promises.rm(path, { force: true }),
      'rename from': (path) => promises.rename(path, at('/t/new')),
      'rename a file to': (path) => promises.rename(at('/t/d/g'), path),
      'rename a directory to': (path) => promises.rename(at('/t/d/below'), path),
      'copyFile from': (path) => promises.copyFile(path, at('/t/new')).catch(({ code }) => code),
      'copyFile to': (path) => promises.copyFile(at('/t/d/g'), path).catch(({ code }) => code),
      'cp from': (path) => promises.cp(path, at('/t/new'), { recursive: true }),
      chmod: (path) => promises.chmod(path, 0o700),
      chown: (path) => promises.chown(path, process.getuid(), process.getgid()),
      utimes: (path) => promises.utimes(path, 1, 1),
      readlink: (path) => promises.readlink(path),
      realpath: async (path) => (await promises.realpath(path)).replace(/.*\/t/, '/t'),
      'a stream that reads': (path) => fs.createReadStream(path, 'utf8').toArray().catch(({ code }) => code),
      'a stream that writes': (path) => pipeline(Readable.from(['x']), fs.createWriteStream(path)),
    };
    for (const [name, call] of Object.entries(calls)) {
      for (const path of ['/t/f/', '/t/f/.', '/t/d/', '/t/none/', '/t/f//']) {
        await setUp();
        await see(`${name} ${path}`, () => call(at(path)));
        await see(`after ${name} ${path}`, async () => (await promises.readdir(at('/t'), { recursive: true })).sort());
      }
    }
  }));

test('a private file has no moment without its mode, and no empty file is left of a stream that failed', async (t) => {
  const store = await open(t);
  const fs = createFs(store, { umask: 0o022 });
  const stream = fs.createWriteStream('/key', { mode: 0o600 });
  await new Promise((resolve, reject) => stream.on('open', resolve).on('error', reject));
  assert.equal((await fs.promises.stat('/key')).mode & 0o777, 0o600);
  await new Promise((resolve) => stream.end('secret', resolve));
  assert.deepEqual([await store.getMeta('/key', 'posix.mode'), await store.readText('/key')], ['0600', 'secret']);
  const broken = fs.createWriteStream('/broken', { mode: 0o600 });
  await new Promise((resolve, reject) => broken.on('open', resolve).on('error', reject));
  await new Promise((resolve) => broken.on('close', resolve).destroy());
  assert.equal(await store.exists('/broken'), false);
  await assert.rejects(fs.promises.open('/key', 'wx', 0o600), { code: 'EEXIST' });
});

test('an integer beyond 2^53 in the metadata of a file hinders nobody', async (t) => {
  const store = await open(t);
  const { promises } = createFs(store);
  await store.batch().write('/f', 'x').setMeta('/f', 'id', 2n ** 53n + 1n).commit();
  await promises.chmod('/f', 0o600);
  assert.equal((await promises.stat('/f')).mode & 0o777, 0o600);
  assert.equal(await store.getMetaJson('/f', 'id'), '9007199254740993');
});

test('the root of a view has permissions as any other directory, also before anything is below it', async (t) => {
  const store = await open(t);
  const { promises } = createFs(store, { root: '/external/new' });
  await promises.chmod('/', 0o700);
  assert.equal((await promises.stat('/')).mode, 0o040700);
  const whole = createFs(store).promises;
  await whole.chmod('/', 0o700);
  assert.equal((await whole.stat('/')).mode, 0o040755, 'the root of the store has no metadata');
});

test('directories of a namespace are there for a narrow identity, whatever the mode', async (t) => {
  const ann = await open(t, { tenant_id: 'acme', agent_id: 'ann' });
  const { promises } = createFs(ann);
  await promises.mkdir('/workspace/acme/ann/a/b', { recursive: true, mode: 0o700 });
  for (const path of ['/workspace/acme/ann/a', '/workspace/acme/ann/a/b']) assert.equal((await promises.stat(path)).mode & 0o777, 0o700, path);
  assert.equal((await promises.stat('/workspace')).mode & 0o777, 0o755);
});

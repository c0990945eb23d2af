// The view as a whole: every name of node:fs, with callbacks and blocking, and nothing of the host behind it.
import assert from 'node:assert/strict';
import * as host from 'node:fs';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import fastGlob from 'fast-glob';
import { glob, globSync } from 'glob';
import { createFs } from 'nexusfs/fs';
import { glob as tinyGlob, globSync as tinyGlobSync } from 'tinyglobby';
import webpack from 'webpack';
import { open, scratch } from './support.mjs';

/** Names of versions of node that are newer than the oldest one supported. */
const NEWER = ['glob', 'globSync', 'mkdtempDisposableSync', 'openAsBlob', 'Utf8Stream'];
const NEWER_PROMISES = ['glob', 'mkdtempDisposable', 'statfs'];

test('every name of node:fs is a property of the view, and none of its functions is the host\'s', async (t) => {
  const fs = createFs(await open(t));
  const own = Object.keys(fs);
  for (const name of [...Object.keys(host), ...NEWER]) {
    if (name === 'default') continue;
    assert.ok(own.includes(name), name);
    if (typeof host[name] === 'function' && name !== '_toUnixTimestamp') {
      assert.equal(typeof fs[name], 'function', name);
      assert.notEqual(fs[name], host[name], name);
    }
  }
  for (const name of [...Object.keys(host.promises), ...NEWER_PROMISES]) {
    assert.ok(Object.keys(fs.promises).includes(name), `promises.${name}`);
    if (typeof host.promises[name] === 'function') assert.notEqual(fs.promises[name], host.promises[name], name);
  }
  assert.notEqual(fs.promises, host.promises);
  for (const name of ['realpath', 'realpathSync']) assert.ok(fs[name].native !== host[name].native && typeof fs[name].native === 'function');
  assert.deepEqual([fs.F_OK, fs.R_OK, fs.W_OK, fs.X_OK], [0, 4, 2, 1]);
  assert.equal(fs.constants, host.constants);
});

test('what cannot work is ENOSYS', async (t) => {
  const fs = createFs(await open(t));
  const refusal = { code: 'ENOSYS', errno: -38 };
  for (const name of ['watch', 'watchFile', 'unwatchFile']) assert.throws(() => fs[name]('/', () => {}), { ...refusal, syscall: name });
  for (const name of ['statfsSync', 'globSync', 'mkdtempDisposableSync']) assert.throws(() => fs[name]('/'), refusal, name);
  for (const name of ['statfs', 'glob']) await assert.rejects(promisify(fs[name])('/'), refusal, name);
  for (const name of ['statfs', 'mkdtempDisposable']) await assert.rejects(fs.promises[name]('/'), refusal, name);
  for (const name of ['watch', 'glob']) assert.throws(() => fs.promises[name]('/'), refusal, name);
});

/** The calls by their promises, their callbacks, and the ones that block, as functions that may be awaited. */
const KINDS = {
  promises: (fs) => fs.promises,
  callbacks: (fs) => new Proxy(fs, { get: (_, name) => promisify(fs[name]) }),
  blocking: (fs) => new Proxy(fs, { get: (_, name) => async (...args) => fs[`${name}Sync`](...args) }),
};

for (const [kind, callsOf] of Object.entries(KINDS)) {
  test(`calls give what those of the host give: ${kind}`, async (t) => {
    const store = await open(t);
    const place = scratch(t);
    const results = [];
    for (const [fs, root] of [[createFs(store, { root: '/external/root' }), ''], [host, place]]) {
      const calls = callsOf(fs);
      const at = (path) => `${root}${path}`;
      const seen = [];
      const see = async (name, step) => {
        try {
          seen.push([name, await step()]);
        } catch (error) {
          const { code, errno, path, dest } = error;
          seen.push([name, code === undefined ? error.stack : { code, errno, path: path?.replace(root, ''), dest: dest?.replace(root, '') }]);
        }
      };
      await see('mkdir', () => calls.mkdir(at('/d')));
      await see('mkdir again', () => calls.mkdir(at('/d')));
      await see('mkdir recursive', async () => (await calls.mkdir(at('/d/e/f'), { recursive: true })).endsWith('/d/e'));
      await see('writeFile', () => calls.writeFile(at('/d/g'), 'héllo'));
      await see('writeFile with options', () => calls.writeFile(at('/d/h'), Buffer.from('x'), { mode: 0o600, flag: 'wx' }));
      await see('writeFile exclusive', () => calls.writeFile(at('/d/h'), 'x', { flag: 'wx' }));
      await see('appendFile', () => calls.appendFile(at('/d/g'), '!'));
      await see('readFile', () => calls.readFile(at('/d/g'), 'utf8'));
      await see('readFile as bytes', async () => [...(await calls.readFile(at('/d/g')))]);
      await see('readFile of nothing', () => calls.readFile(at('/none')));
      await see('truncate', () => calls.truncate(at('/d/g'), 2));
      await see('truncate to nothing', () => calls.truncate(at('/d/h')));
      await see('stat', async () => ((s) => [s.size, s.isFile(), s.mode, typeof s.mtimeMs])(await calls.stat(at('/d/g'))));
      await see('lstat with bigints', async () => (await calls.lstat(at('/d/g'), { bigint: true })).size);
      await see('stat of nothing', () => calls.stat(at('/none')));
      await see('access', () => calls.access(at('/d/g'), host.constants.R_OK));
      await see('access to nothing', () => calls.access(at('/none')));
      await see('readdir', async () => (await calls.readdir(at('/d'))).sort());
      await see('readdir with types', async () => (await calls.readdir(at('/d'), { withFileTypes: true })).map((e) => [e.name, e.isFile(), e.isDirectory()]).sort());
      await see('opendir', async () => {
        const directory = await calls.opendir(at('/d'));
        const names = [];
        if (kind === 'blocking') for (let entry; (entry = directory.readSync()) !== null; ) names.push(entry.name);
        else for (let entry; (entry = await directory.read()) !== null; ) names.push(entry.name);
        if (kind === 'blocking') directory.closeSync();
        else await directory.close();
        return names.sort();
      });
      await see('rename', () => calls.rename(at('/d/h'), at('/d/i')));
      await see('rename of nothing', () => calls.rename(at('/none'), at('/x')));
      await see('copyFile', () => calls.copyFile(at('/d/g'), at('/d/j')));
      await see('copyFile exclusive', () => calls.copyFile(at('/d/g'), at('/d/j'), host.constants.COPYFILE_EXCL));
      await see('cp', () => calls.cp(at('/d'), at('/copy'), { recursive: true, filter: (from) => !from.endsWith('/j') }));
      await see('cp without recursive', () => calls.cp(at('/d'), at('/copy2')).catch(({ code }) => code));
      await see('chmod', () => calls.chmod(at('/d/g'), 0o640));
      await see('utimes', () => calls.utimes(at('/d/g'), 1, 981173106));
      await see('what they did', async () => ((s) => [s.mode, s.mtimeMs])(await calls.stat(at('/d/g'))));
      await see('chown', () => calls.chown(at('/d/g'), process.getuid(), process.getgid()));
      await see('mkdtemp', async () => (await calls.mkdtemp(at('/tmp-'))).length === at('/tmp-').length + 6);
      await see('realpath', async () => (await calls.realpath(at('/d/../d/g'))).endsWith('/d/g'));
      await see('readlink', () => calls.readlink(at('/d/g')));
      await see('unlink', () => calls.unlink(at('/d/g')));
      await see('unlink of a directory', () => calls.unlink(at('/d')).catch(({ code }) => ['EISDIR', 'EPERM'].includes(code)));
      await see('rmdir of a full one', () => calls.rmdir(at('/d')));
      await see('rm', () => calls.rm(at('/d'), { recursive: true }));
      await see('rm of nothing', () => calls.rm(at('/d')));
      await see('in the end', async () => (await calls.readdir(at('/'), { recursive: true })).map(String).filter((name) => !name.startsWith('tmp-')).sort());
      results.push(seen);
    }
    const [ours, theirs] = results;
    for (const [i, seen] of theirs.entries()) assert.deepEqual(ours[i], seen, `at step '${seen[0]}'`);
  });
}

test('open files have numbers, with the calls, errors and results of the host', async (t) => {
  const store = await open(t);
  const place = scratch(t);
  const results = [];
  for (const [fs, root] of [[createFs(store), '/external'], [host, place]]) {
    const seen = [];
    const see = async (step) => seen.push(await step().catch(({ code, message }) => code ?? message));
    const [opened, read, write, close] = [fs.open, fs.read, fs.write, fs.close].map((call) => promisify(call));
    const path = `${root}/f`;
    const fd = await opened(path, 'w', 0o600);
    assert.ok(Number.isInteger(fd) && fd > 2);
    await see(async () => (await write(fd, Buffer.from('abcdef'), 1, 3)).bytesWritten);
    await see(async () => (await write(fd, 'text')).bytesWritten);
    await see(async () => fs.writeSync(fd, 'more', null, 'latin1'));
    await see(async () => fs.writevSync(fd, [Buffer.from('1'), Buffer.from('2')]));
    await see(async () => fs.writeFileSync(fd, '!'));
    await see(async () => fs.fstatSync(fd).size);
    await see(async () => fs.fchmodSync(fd, 0o640));
    await see(async () => fs.fsyncSync(fd));
    await see(() => close(fd));
    await see(() => close(fd));
    await see(async () => fs.fstatSync(fd));
    await see(async () => [fs.readFileSync(path, 'utf8'), fs.statSync(path).mode]);
    const again = fs.openSync(path);
    const room = Buffer.alloc(4);
    await see(async () => [(await read(again, room, 0, 4, 0)).bytesRead, room.toString()]);
    await see(async () => [(await read(again, { buffer: room, position: 2 })).bytesRead, room.toString()]);
    await see(async () => [fs.readSync(again, room, 1, 2, null), room.toString()]);
    await see(async () => [fs.readSync(again, room), room.toString()]);
    await see(async () => [fs.readvSync(again, [room.subarray(0, 1), room.subarray(1, 2)]), room.toString()]);
    await see(async () => fs.readFileSync(again, 'utf8'));
    await see(() => write(again, 'x'));
    await see(async () => fs.createReadStream('', { fd: again, start: 0, encoding: 'utf8' }).toArray());
    await see(async () => fs.openSync(`${root}/none`));
    await see(async () => fs.closeSync('1'));
    results.push(seen);
  }
  assert.deepEqual(results[0], results[1]);
});

test('callbacks come later, once, and what they throw is not taken for an error of the call', async (t) => {
  const fs = createFs(await open(t));
  let later = false;
  await new Promise((resolve) => {
    fs.writeFile('/f', 'x', () => {
      assert.ok(later);
      resolve();
    });
    later = true;
  });
  assert.throws(() => fs.readFile('/f'), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => fs.exists('/f'), { code: 'ERR_INVALID_ARG_TYPE' });
  const thrown = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  t.after(() => process.setUncaughtExceptionCaptureCallback(null));
  let calls = 0;
  fs.stat('/f', () => {
    calls++;
    throw new Error('of the callback');
  });
  assert.equal((await thrown).message, 'of the callback');
  assert.equal(calls, 1);
  assert.deepEqual([await promisify(fs.exists)('/f'), await promisify(fs.exists)('/none'), fs.existsSync('/f'), fs.existsSync('/f/')], [true, false, true, false]);
  assert.equal(fs.statSync('/none', { throwIfNoEntry: false }), undefined);
});

test('classes of the view know what it gives', async (t) => {
  const fs = createFs(await open(t));
  fs.writeFileSync('/d/f', 'content');
  assert.ok(fs.statSync('/d/f') instanceof fs.Stats);
  assert.ok(fs.readdirSync('/d', { withFileTypes: true })[0] instanceof fs.Dirent);
  assert.ok(fs.opendirSync('/d') instanceof fs.Dir);
  const stream = new fs.ReadStream('/d/f');
  assert.ok(stream instanceof fs.ReadStream && !(stream instanceof fs.WriteStream));
  assert.equal(Buffer.concat(await stream.toArray()).toString(), 'content');
  assert.equal(await (await fs.openAsBlob('/d/f')).text(), 'content');
});

/** A directory of the host, and one of the same name in a store with other files. */
async function besideTheHost(t) {
  const directory = scratch(t);
  mkdirSync(join(directory, 'src/deep'), { recursive: true });
  for (const name of ['src/host.js', 'src/deep/host.js', 'src/both.js', 'only-host.js', 'src/index.js']) writeFileSync(join(directory, name), 'throw new Error("of the host")');
  const store = await open(t);
  const fs = createFs(store);
  for (const name of ['src/store.js', 'src/deep/store.js', 'src/both.js']) await store.write(join(directory, name), 'export default "of the store"');
  return { fs, directory, expected: ['src/both.js', 'src/deep/store.js', 'src/store.js'] };
}

test('libraries that search files see those of the store, and none of the host', async (t) => {
  const { fs, directory: cwd, expected } = await besideTheHost(t);
  const sorted = (names) => names.map(String).sort();
  assert.deepEqual(sorted(await glob('**/*.js', { fs, cwd })), expected, 'glob');
  assert.deepEqual(sorted(globSync('**/*.js', { fs, cwd })), expected, 'glob, blocking');
  assert.deepEqual(sorted((await glob('**/*.js', { fs, cwd, withFileTypes: true, stat: true, realpath: true })).map((one) => one.relative())), expected, 'glob with types');
  assert.deepEqual(sorted(await fastGlob('**/*.js', { fs, cwd })), expected, 'fast-glob');
  assert.deepEqual(sorted(await fastGlob('**/*.js', { fs, cwd, stats: true })), expected.map(() => '[object Object]'), 'fast-glob with stats');
  assert.deepEqual(sorted(fastGlob.sync('**/*.js', { fs, cwd })), expected, 'fast-glob, blocking');
  assert.deepEqual(sorted(await tinyGlob('**/*.js', { fs, cwd })), expected, 'tinyglobby');
  assert.deepEqual(sorted(tinyGlobSync('**/*.js', { fs, cwd })), expected, 'tinyglobby, blocking');
  // A directory that only the host has is not there.
  for (const find of [glob, fastGlob, tinyGlob]) assert.deepEqual(await find('*', { fs, cwd: '/usr' }), [], find.name);
});

test('webpack reads its sources from a store and writes its bundle there', async (t) => {
  const { fs, directory } = await besideTheHost(t);
  fs.writeFileSync(join(directory, 'src/index.js'), 'import both from "./both.js"; import { answer } from "pkg"; console.log(both, answer);');
  fs.mkdirSync(join(directory, 'node_modules/pkg'), { recursive: true });
  fs.writeFileSync(join(directory, 'node_modules/pkg/package.json'), '{"name": "pkg", "main": "main.js"}');
  fs.writeFileSync(join(directory, 'node_modules/pkg/main.js'), 'export const answer = 42;');
  const settings = { mode: 'none', context: directory, entry: './src/index.js', output: { path: join(directory, 'dist'), filename: 'out.js' }, target: 'node' };
  const build = async (entry) => {
    const compiler = webpack({ ...settings, entry });
    compiler.inputFileSystem = fs;
    compiler.outputFileSystem = fs;
    compiler.intermediateFileSystem = fs;
    const stats = await promisify(compiler.run).call(compiler);
    await promisify(compiler.close).call(compiler);
    return stats;
  };
  const stats = await build('./src/index.js');
  assert.deepEqual(stats.compilation.errors, []);
  const output = await fs.promises.readFile(join(directory, 'dist/out.js'), 'utf8');
  assert.match(output, /of the store/);
  assert.match(output, /answer = 42/);
  assert.doesNotMatch(output, /of the host/);
  assert.ok(!host.existsSync(join(directory, 'dist')), 'the bundle was written to the host');
  const missing = await build('./only-host.js');
  assert.match(String(missing.compilation.errors[0]), /only-host/);
});

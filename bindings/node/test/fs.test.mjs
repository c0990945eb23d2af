// The view for programs written for fs. Where the two should agree, each step runs on the host's file system, too.
import assert from 'node:assert/strict';
import * as host from 'node:fs';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { createFs } from 'nexusfs/fs';
import { connect, liveObjects, open, scratch, settled } from './support.mjs';

/** The same steps on both; what they give, and the errors, must be the same. */
async function onBoth(t, steps) {
  const store = await open(t);
  const root = scratch(t);
  const view = createFs(store, { root: '/external/root' });
  const results = [];
  for (const [{ promises: fs, createReadStream, createWriteStream }, place] of [[view, ''], [host, root]]) {
    const at = (path) => join(place, path) || '/';
    const seen = [];
    const see = async (name, step) => {
      try {
        seen.push([name, await step()]);
      } catch (error) {
        // The system call's name is node's affair; what programs look at is code, errno and path.
        const { code, errno, path, dest } = error;
        const inside = (one) => one?.replace(root, '');
        seen.push([name, code === undefined ? error.stack : { code, errno, path: inside(path), dest: inside(dest) }]);
      }
    };
    await steps(fs, at, see, { createReadStream, createWriteStream });
    results.push(seen);
  }
  const [ours, theirs] = results;
  for (const [i, seen] of theirs.entries()) assert.deepEqual(ours[i], seen, `at step '${seen[0]}'`);
  assert.ok(ours.length === theirs.length && ours.length > 0);
  return view.promises;
}

test('files are read and written as on the host', (t) =>
  onBoth(t, async (fs, at, see) => {
    await see('mkdir', () => fs.mkdir(at('/d')));
    await see('write', () => fs.writeFile(at('/d/f'), 'héllo'));
    await see('read', async () => (await fs.readFile(at('/d/f'))).toString());
    await see('read with encoding', () => fs.readFile(at('/d/f'), 'utf8'));
    await see('read with options', () => fs.readFile(at('/d/f'), { encoding: 'base64' }));
    await see('append', () => fs.appendFile(at('/d/f'), '!'));
    await see('append with flag', () => fs.writeFile(at('/d/f'), '?', { flag: 'a' }));
    await see('read again', () => fs.readFile(at('/d/f'), 'latin1'));
    await see('exclusive', () => fs.writeFile(at('/d/f'), 'x', { flag: 'wx' }));
    await see('exclusive and new', () => fs.writeFile(at('/d/g'), 'x', { flag: 'wx' }));
    await see('hex', () => fs.writeFile(at('/d/h'), '00ff', 'hex'));
    await see('hex read', async () => [...(await fs.readFile(at('/d/h')))]);
    await see('view', () => fs.writeFile(at('/d/i'), new Uint16Array([1, 2])));
    await see('view read', async () => [...(await fs.readFile(at('/d/i')))]);
    await see('stream', () => fs.writeFile(at('/d/j'), Readable.from(['a', Buffer.from('b'), 'c'])));
    await see('iterable', () => fs.appendFile(at('/d/j'), (function* () { yield 'd'; })()));
    await see('stream read', () => fs.readFile(at('/d/j'), 'utf8'));
    await see('buffer path', () => fs.readFile(Buffer.from(at('/d/j')), 'utf8'));
    await see('url path', () => fs.readFile(pathToFileURL(at('/d/j')), 'utf8'));
    await see('dots', () => fs.readFile(at('/d/x/.././j'), 'utf8'));
    await see('missing', () => fs.readFile(at('/d/none')));
    await see('read directory', async () => {
      await fs.readFile(at('/d')).catch(({ code }) => assert.equal(code, 'EISDIR'));
    });
    await see('write directory', () => fs.writeFile(at('/d'), 'x'));
    await see('append with an undefined flag', () => fs.appendFile(at('/d/g'), 'y', { flag: undefined }));
    await see('append with flag null', () => fs.appendFile(at('/d/g'), 'z', { flag: null }));
    await see('what was appended', () => fs.readFile(at('/d/g'), 'utf8'));
    await see('write with flag null', () => fs.writeFile(at('/d/g'), 'new', { flag: null }));
    await see('what was written', () => fs.readFile(at('/d/g'), 'utf8'));
    await see('long name', () => fs.writeFile(at(`/${'x'.repeat(300)}`), 'x'));
    await see('unlink', () => fs.unlink(at('/d/f')));
    await see('unlink again', () => fs.unlink(at('/d/f')));
  }));

test('directories are listed, made and removed as on the host', (t) =>
  onBoth(t, async (fs, at, see) => {
    await see('mkdir', () => fs.mkdir(at('/a')));
    await see('mkdir again', () => fs.mkdir(at('/a')));
    await see('mkdir without parent', () => fs.mkdir(at('/none/b')));
    await see('mkdir recursive', async () => (await fs.mkdir(at('/a/b/c/d'), { recursive: true })).endsWith('/a/b'));
    await see('mkdir recursive again', () => fs.mkdir(at('/a/b/c'), { recursive: true }));
    await see('mkdir the root', () => fs.mkdir(at('/')).catch(({ code }) => code));
    for (const name of ['a/1', 'a/b/2', 'a/b/c/3', 'top']) await see(name, () => fs.writeFile(at(`/${name}`), name));
    await see('mkdir on a file', () => fs.mkdir(at('/top')));
    await see('readdir', async () => (await fs.readdir(at('/'))).sort());
    await see('readdir of a directory', async () => (await fs.readdir(at('/a'))).sort());
    await see('readdir recursive', async () => (await fs.readdir(at('/a'), { recursive: true })).sort());
    await see('readdir with types', async () =>
      (await fs.readdir(at('/a'), { withFileTypes: true })).map((e) => [e.name, e.isFile(), e.isDirectory(), e.isSymbolicLink()]).sort());
    await see('readdir of a file', () => fs.readdir(at('/top')));
    await see('readdir of nothing', () => fs.readdir(at('/none')));
    await see('rmdir of a full one', () => fs.rmdir(at('/a')));
    await see('rmdir of a file', () => fs.rmdir(at('/top')));
    await see('rmdir of nothing', () => fs.rmdir(at('/none')));
    await see('rm of nothing', () => fs.rm(at('/none')));
    await see('rm of nothing with force', () => fs.rm(at('/none'), { force: true }));
    await see('rmdir', () => fs.rmdir(at('/a/b/c/d')));
    await see('rm of a file', () => fs.rm(at('/top')));
    await see('names as buffers', async () => (await fs.readdir(at('/a'), { encoding: 'buffer' })).map(String).sort());
    await see('names in hex', async () => (await fs.readdir(at('/a'), 'hex')).sort());
    await see('names with types as buffers', async () =>
      (await fs.readdir(at('/a'), { encoding: 'buffer', withFileTypes: true })).map((e) => [Buffer.isBuffer(e.name), String(e.name), e.isFile()]).sort());
    await see('rm of a directory', () => fs.rm(at('/a')));
    await see('rm of a directory with force', () => fs.rm(at('/a'), { force: true }));
    await see('rm recursive', () => fs.rm(at('/a'), { recursive: true }));
    await see('in the end', () => fs.readdir(at('/')));
  }));

test('of two that remove a tree at once, neither fails', async (t) => {
  const { promises } = createFs(await open(t));
  for (let i = 0; i < 20; i++) {
    await promises.writeFile('/r/a/b', 'x');
    await Promise.all([1, 2, 3].map(() => promises.rm('/r', { recursive: true, force: true })));
  }
});

test('names change and files are copied as on the host', (t) =>
  onBoth(t, async (fs, at, see) => {
    await fs.mkdir(at('/d'));
    await fs.writeFile(at('/f'), 'f');
    await fs.writeFile(at('/g'), 'g');
    await see('rename', () => fs.rename(at('/f'), at('/d/f')));
    await see('rename over', () => fs.rename(at('/g'), at('/d/f')));
    await see('read', () => fs.readFile(at('/d/f'), 'utf8'));
    await see('rename of nothing', () => fs.rename(at('/none'), at('/x')));
    await see('rename of a directory', () => fs.rename(at('/d'), at('/e')));
    await see('rename into itself', () => fs.rename(at('/e'), at('/e/x')));
    await see('copyFile', () => fs.copyFile(at('/e/f'), at('/e/g')));
    await see('copyFile over', () => fs.copyFile(at('/e/f'), at('/e/g')));
    await see('copyFile exclusive', () => fs.copyFile(at('/e/f'), at('/e/g'), constants.COPYFILE_EXCL));
    await see('copyFile of nothing', () => fs.copyFile(at('/none'), at('/x')));
    await see('cp', () => fs.cp(at('/e'), at('/n/m'), { recursive: true }));
    await see('cp into what is there', () => fs.cp(at('/e'), at('/n/m'), { recursive: true }));
    await see('cp of one file', () => fs.cp(at('/e/f'), at('/n/f')));
    await see('cp with a filter', () => fs.cp(at('/e'), at('/o'), { recursive: true, filter: (source) => !source.endsWith('/g') }));
    await see('all', async () => (await fs.readdir(at('/'), { recursive: true })).sort());
    await see('cp without recursive', () => fs.cp(at('/e'), at('/p')).catch(({ code }) => code));
    await see('cp that may not replace', () => fs.cp(at('/e/f'), at('/n/f'), { force: false, errorOnExist: true }).catch(({ code }) => code));
    await see('cp into itself', () => fs.cp(at('/e'), at('/e/e'), { recursive: true }));
    await see('cp of the root into itself', () => fs.cp(at('/'), at('/copy'), { recursive: true }));
    await see('cp onto itself', () => fs.cp(at('/e'), at('/e'), { recursive: true }));
    await see('cp of a file onto itself', () => fs.cp(at('/e/f'), at('/e/f')));
    await see('cp of a file onto a directory', () => fs.cp(at('/e/f'), at('/n')));
    await see('cp of a directory onto a file', () => fs.cp(at('/e'), at('/n/f'), { recursive: true }));
    await fs.mkdir(at('/t/f/below'), { recursive: true });
    await see('cp of a tree with a file onto one with a directory', () => fs.cp(at('/e'), at('/t'), { recursive: true }));
    await see('cp into the root', () => fs.cp(at('/e'), at('/'), { recursive: true, filter: (from, to) => !`${from} ${to}`.includes('//') }));
    await see('in the end', async () => (await fs.readdir(at('/'), { recursive: true })).sort());
  }));

test('cp with COPYFILE_EXCL replaces nothing', async (t) => {
  const { promises } = createFs(await open(t));
  await promises.writeFile('/from/f', 'new');
  await promises.writeFile('/from/g', 'new');
  await promises.writeFile('/to/g', 'old');
  const mode = constants.COPYFILE_EXCL;
  await assert.rejects(promises.cp('/from/f', '/to/g', { mode }), { code: 'EEXIST', errno: -17, path: '/from/f', dest: '/to/g' });
  await assert.rejects(promises.cp('/from', '/to', { mode, recursive: true }), { code: 'EEXIST' });
  assert.equal(await promises.readFile('/to/g', 'utf8'), 'old');
  assert.deepEqual(await promises.readdir('/to'), ['g']);
  await promises.cp('/from/f', '/to/f', { mode });
});

test('a root of the whole store is copied as any other directory', async (t) => {
  const store = await open(t);
  const { promises } = createFs(store);
  await promises.writeFile('/a/b', 'x');
  await promises.writeFile('/c', 'y');
  await assert.rejects(promises.cp('/', '/copy', { recursive: true }), { code: 'ERR_FS_CP_EINVAL' });
  await promises.cp('/a', '/', { recursive: true });
  assert.deepEqual((await store.list()).map(({ path }) => path), ['/a/b', '/b', '/c']);
});

test('streams have the options, errors and events of the host', (t) =>
  onBoth(t, async (fs, at, see, { createReadStream, createWriteStream }) => {
    const read = (path, options) => createReadStream(at(path), options).toArray();
    const write = (path, pieces, options) => pipeline(Readable.from(pieces), createWriteStream(at(path), options));
    await fs.mkdir(at('/d'));
    await see('write', () => write('/f', ['one ', 'two']));
    await see('read', async () => Buffer.concat(await read('/f')).toString());
    await see('read as text', () => read('/f', 'utf8'));
    await see('read a part as text', () => read('/f', { encoding: 'latin1', start: 1, end: 4 }));
    await see('read with null', async () => (await read('/f', null)).length);
    await see('append', () => write('/f', [' three', ' four'], { flags: 'a' }));
    await see('append to nothing', () => write('/new', ['x'], { flags: 'a' }));
    await see('append nothing', () => write('/empty', [], { flags: 'a' }));
    await see('append by number', () => write('/f', ['!'], { flags: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND }));
    await see('what was appended', async () => [await read('/f', 'utf8'), await read('/new', 'utf8'), await read('/empty', 'utf8')]);
    await see('many pieces at once', async () => {
      const stream = createWriteStream(at('/f'), { flags: 'a' });
      for (let i = 0; i < 100; i++) stream.write(`${i},`);
      await new Promise((resolve, reject) => stream.end(resolve).on('error', reject));
      return fs.readFile(at('/f'), 'utf8');
    });
    await see('a piece is there before the end', async () => {
      const stream = createWriteStream(at('/log'), { flags: 'a' });
      await new Promise((resolve, reject) => stream.on('error', reject).write('line\n', resolve));
      const there = await fs.readFile(at('/log'), 'utf8');
      await new Promise((resolve) => stream.end(resolve));
      return there;
    });
    await see('exclusive', () => write('/f', ['x'], { flags: 'wx' }));
    await see('exclusive and appending', () => write('/f', ['x'], { flags: 'ax' }));
    await see('exclusive and new', () => write('/x', ['x'], { flags: 'wx' }));
    await see('encoding', () => write('/hex', ['00ff'], 'hex'));
    await see('encoding in options', async () => {
      await new Promise((resolve) => createWriteStream(at('/hex'), { encoding: 'hex' }).end('00fe', resolve));
      return [...(await fs.readFile(at('/hex')))];
    });
    await see('mode of a new file', async () => {
      await write('/run', ['#!'], { mode: 0o755 });
      return (await fs.stat(at('/run'))).mode & 0o777;
    });
    await see('missing', () => read('/none'));
    await see('read a directory', () => read('/d').catch(({ code }) => code));
    await see('write a directory', () => write('/d', ['x']));
    await see('events', async () => {
      const events = [];
      const stream = createReadStream(at('/f'));
      for (const name of ['open', 'ready', 'end', 'close']) stream.on(name, () => events.push(name));
      stream.resume();
      await new Promise((resolve) => stream.on('close', resolve));
      return [events, stream.path === at('/f')];
    });
    await see('to infinity', () => read('/f', { encoding: 'utf8', start: 2, end: Infinity }));
    await see('a range that ends before it begins', () => read('/f', { start: 5, end: 2 }));
    await see('bytes that were read', async () => {
      const stream = createReadStream(at('/f'), { start: 1 });
      const before = [stream.pending, stream.bytesRead];
      await stream.toArray();
      return [before, stream.pending, stream.bytesRead];
    });
    await see('bytes that were written', async () => {
      const stream = createWriteStream(at('/f'));
      const before = [stream.pending, stream.bytesWritten];
      stream.write('hé');
      await new Promise((resolve) => stream.close(resolve));
      return [before, stream.pending, stream.bytesWritten, await fs.readFile(at('/f'), 'utf8')];
    });
    await see('close', async () => {
      const stream = createReadStream(at('/f'));
      await new Promise((resolve) => stream.close(resolve));
      return stream.destroyed;
    });
    for (const [what, make] of [['read', () => createReadStream], ['write', () => createWriteStream]]) {
      for (const reason of [undefined, new Error('enough')]) {
        await see(`a ${what} stream that is aborted while nothing happens`, async () => {
          const abort = new AbortController();
          const stream = make()(at('/f'), { signal: abort.signal });
          const failure = new Promise((resolve) => stream.on('error', resolve));
          await new Promise((resolve) => stream.on('ready', resolve));
          abort.abort(reason);
          const { name, code, cause } = await failure;
          return [name, code, cause === abort.signal.reason, stream.destroyed];
        });
      }
    }
    await see('an error without a pipeline', () =>
      new Promise((resolve, reject) => createReadStream(at('/none')).on('error', reject).on('end', resolve).resume()));
  }));

test('what would change a part of a file is refused, not taken for the whole', async (t) => {
  const { promises, createWriteStream } = createFs(await open(t));
  await promises.writeFile('/f', 'keep');
  await assert.rejects(promises.writeFile('/f', 'x', { flag: 'r+' }), { code: 'ENOTSUP' });
  await assert.rejects(promises.writeFile('/f', 'x', { flag: constants.O_RDWR | constants.O_CREAT }), { code: 'ENOTSUP' });
  await assert.rejects(promises.writeFile('/f', 'x', { flag: 'q' }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => createWriteStream('/f', { flags: 'r+' }), { code: 'ENOTSUP' });
  assert.throws(() => createWriteStream('/f', { flags: 'q' }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => createWriteStream('/f', { start: 2 }), { code: 'ENOTSUP' });
  assert.equal(await promises.readFile('/f', 'utf8'), 'keep');
});

test('files are described as on the host', (t) =>
  onBoth(t, async (fs, at, see) => {
    await fs.mkdir(at('/d'));
    await fs.writeFile(at('/f'), 'twelve bytes');
    const kind = (s) => [s.isFile(), s.isDirectory(), s.isSymbolicLink(), s.isFIFO(), s.isSocket(), s.isBlockDevice(), s.isCharacterDevice()];
    await see('file', async () => kind(await fs.stat(at('/f'))));
    await see('directory', async () => kind(await fs.lstat(at('/d'))));
    await see('root', async () => kind(await fs.stat(at('/'))));
    await see('numbers', async () => {
      const s = await fs.stat(at('/f'));
      const near = (ms) => Math.abs(ms - Date.now()) < 60_000;
      return [s.size, s.uid, s.gid, s.mode.toString(8), near(s.mtimeMs), near(s.ctime.getTime()), near(s.birthtimeMs), s.ino > 0];
    });
    await see('numbers as bigints', async () => {
      const s = await fs.stat(at('/f'), { bigint: true });
      const d = await fs.lstat(at('/d'), { bigint: true });
      return [s.size, s.mode, s.nlink, s.mtimeNs / 1_000_000n === s.mtimeMs, Number(s.mtimeMs) === s.mtime.getTime(), s.isFile(), d.isDirectory(), s.ino > 0n];
    });
    await see('one file, one number', async () => {
      const before = await fs.stat(at('/f'));
      await fs.rename(at('/f'), at('/g'));
      return (await fs.stat(at('/g'))).ino === before.ino;
    });
    await see('chmod', async () => {
      await fs.chmod(at('/g'), 0o755);
      return (await fs.stat(at('/g'))).mode.toString(8);
    });
    await see('chmod by text', async () => {
      await fs.chmod(at('/g'), '600');
      return (await fs.stat(at('/g'))).mode.toString(8);
    });
    await see('mode of a new file', async () => {
      await fs.writeFile(at('/x'), '#!', { mode: 0o755 });
      return (await fs.stat(at('/x'))).mode.toString(8);
    });
    await see('utimes', async () => {
      await fs.utimes(at('/g'), new Date(1000), new Date('2001-02-03T04:05:06Z'));
      return (await fs.stat(at('/g'))).mtime.toISOString();
    });
    await see('utimes in seconds', async () => {
      await fs.utimes(at('/g'), 5, 981173106);
      return (await fs.stat(at('/g'))).mtimeMs;
    });
    await see('a write makes a new time', async () => {
      await fs.writeFile(at('/g'), 'other');
      return Math.abs((await fs.stat(at('/g'))).mtimeMs - Date.now()) < 60_000;
    });
    await see('access', () => fs.access(at('/g')));
    await see('access to write', () => fs.access(at('/g'), constants.R_OK | constants.W_OK));
    await see('access to run', () => fs.access(at('/g'), constants.X_OK));
    await see('access to run what can be', () => fs.access(at('/x'), constants.X_OK));
    await see('access to a directory', () => fs.access(at('/d'), constants.R_OK | constants.W_OK | constants.X_OK));
    await see('access to the root', () => fs.access(at('/'), constants.R_OK | constants.W_OK | constants.X_OK));
    await see('access to nothing', () => fs.access(at('/none')));
    await see('stat of nothing', () => fs.stat(at('/none')));
    await see('lstat of nothing', () => fs.lstat(at('/none')));
    await see('chmod of nothing', () => fs.chmod(at('/none'), 0o644));
    await see('utimes of nothing', () => fs.utimes(at('/none'), 1, 1));
    await see('readlink of a file', () => fs.readlink(at('/g')));
    await see('readlink of nothing', () => fs.readlink(at('/none')));
    await see('realpath', async () => (await fs.realpath(at('/d/../g'))).endsWith('/g'));
    await see('realpath of nothing', () => fs.realpath(at('/none')));
  }));

test('what a store has no counterpart for says so', async (t) => {
  const { promises } = createFs(await open(t));
  await promises.writeFile('/missing/parents/come/to/be', 'x');
  await assert.rejects(promises.symlink('to', '/link'), { code: 'EPERM', errno: -1, syscall: 'symlink', path: 'to', dest: '/link' });
  await assert.rejects(promises.link('/missing/parents/come/to/be', '/link'), { code: 'EPERM' });
  await assert.rejects(promises.readFile('/missing/parents/come/to/be/below'), { code: 'ENOENT' });
  await assert.rejects(promises.readFile(7), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(promises.readFile('/a\0b'), { code: 'EINVAL' });
  await assert.rejects(promises.writeFile('/f', 7), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('errors have the form of node and the store error as their cause', async (t) => {
  const { promises } = createFs(await open(t), { root: '/workspace' });
  await assert.rejects(promises.stat('none'), (error) => {
    assert.deepEqual(
      { message: error.message, code: error.code, errno: error.errno, syscall: error.syscall, path: error.path, cause: error.cause.code },
      { message: "ENOENT: no such file or directory, stat 'none'", code: 'ENOENT', errno: -2, syscall: 'stat', path: 'none', cause: 'NOT_FOUND' },
    );
    return true;
  });
});

test('access is what the identity has', async (t) => {
  const store = await open(t);
  await store.write('/workspace/acme/ann/f', 'x');
  await store.write('/workspace/acme/bob/f', 'x');
  const ann = await store.withIdentity({ tenantId: 'acme', agentId: 'ann' });
  const { promises } = createFs(ann);
  await createFs(ann, { root: '/workspace/acme/ann' }).promises.access('/', constants.W_OK);
  await createFs(ann, { root: '/workspace/acme/ann/new' }).promises.access('/', constants.W_OK);
  await createFs(store).promises.access('/', constants.W_OK);
  await assert.rejects(promises.readFile('/workspace/acme/bob/f'), { code: 'EACCES', errno: -13 });
  await assert.rejects(promises.writeFile('/archives/acme/f', 'x'), { code: 'EROFS' });
  await assert.rejects(promises.writeFile('/system/f', 'x'), { code: 'EACCES' });
  await ann.close();
  await assert.rejects(promises.readFile('/f'), { code: 'EBADF' });

  const admin = { is_admin: true, allow_readonly_writes: true, data_dir: (await store.config()).data_dir.value };
  const filler = await connect(admin);
  await filler.write('/archives/acme/f', 'x');
  await filler.close();
  const all = createFs(store).promises;
  await all.access('/archives/acme/f', constants.R_OK);
  await assert.rejects(all.access('/archives/acme', constants.W_OK), { code: 'EROFS' });
  await assert.rejects(all.access('/archives/acme/f', constants.W_OK), { code: 'EROFS' });
  assert.equal(await all.readFile('/archives/acme/f', 'utf8'), 'x');
});

test('no name leads out of the root', async (t) => {
  const store = await open(t);
  await store.write('/secret', 'x');
  const { promises, createReadStream, createWriteStream } = createFs(store, { root: 'workspace/acme/../ann/' });
  assert.deepEqual(await promises.readdir('/'), []);
  await promises.writeFile('../../../f', 'inside');
  assert.equal(await store.readText('/workspace/ann/f'), 'inside');
  await assert.rejects(promises.readFile('/../../secret'), { code: 'ENOENT' });
  await new Promise((resolve) => createWriteStream('/s').end('streamed').on('close', resolve));
  const chunks = [];
  for await (const chunk of createReadStream('/../s')) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), 'streamed');
  const entries = await promises.readdir('.', { withFileTypes: true });
  assert.deepEqual(entries.map(({ name, parentPath }) => [name, parentPath]), [['f', '/'], ['s', '/']]);
});

test('functions may be taken out of the view', async (t) => {
  const { writeFile, readFile } = createFs(await open(t)).promises;
  await writeFile('/f', 'x');
  assert.equal(await readFile('/f', { encoding: 'utf8', signal: new AbortController().signal }), 'x');
});

test('a call that its signal has ended throws what that of the host throws', (t) =>
  onBoth(t, async (fs, at, see) => {
    await fs.writeFile(at('/f'), 'x');
    for (const reason of [undefined, new Error('enough')]) {
      const outcome = (call) => {
        const abort = new AbortController();
        const promise = call(abort.signal).catch(({ name, code, message, cause }) => [name, code, message, cause === abort.signal.reason]);
        abort.abort(reason);
        return promise;
      };
      await see('readFile', () => outcome((signal) => fs.readFile(at('/f'), { signal })));
      await see('writeFile', () => outcome((signal) => fs.writeFile(at('/f'), 'y', { signal })));
      const given = AbortSignal.abort(reason);
      await see('given before', () => fs.readFile(at('/f'), { signal: given }).catch(({ code, cause }) => [code, cause === given.reason]));
    }
  }));

test('a signal ends a write that waits for its data', async (t) => {
  const { promises } = createFs(await open(t));
  const handle = await promises.open('/g', 'w');
  for (const write of [
    (data, signal) => promises.writeFile('/f', data, { signal }),
    (data, signal) => promises.writeFile('/f', Readable.from(data), { signal }),
    (data, signal) => handle.writeFile(data, { signal }),
  ]) {
    const abort = new AbortController();
    let ended = false;
    let goOn;
    const gate = new Promise((resolve) => (goOn = resolve));
    async function* chunks() {
      try {
        yield 'one';
        setImmediate(() => abort.abort());
        await gate;
        yield 'two';
        yield 'three';
      } finally {
        ended = true;
      }
    }
    const late = setTimeout(goOn, 60_000);
    await assert.rejects(write(chunks(), abort.signal), { name: 'AbortError', code: 'ABORT_ERR' });
    assert.equal(ended, false, 'the write waited for its data');
    clearTimeout(late);
    goOn();
    await settled(() => ended, () => 'the data was left open');
  }
  await handle.close();
  await assert.rejects(promises.stat('/f'), { code: 'ENOENT' });
});

test('files are held open as on the host', (t) =>
  onBoth(t, async (fs, at, see) => {
    await fs.mkdir(at('/d'));
    await fs.writeFile(at('/f'), 'one\ntwo\nthree\n');
    const using = async (path, flags, job) => {
      const handle = await fs.open(at(path), flags);
      try {
        return await job(handle);
      } finally {
        await handle.close();
      }
    };
    await see('read', () => using('/f', 'r', async (handle) => {
      const seen = [];
      const note = async ({ bytesRead, buffer }) => seen.push([bytesRead, Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).toString()]);
      await note(await handle.read(Buffer.alloc(4)));
      await note(await handle.read(Buffer.alloc(4), 1, 2));
      await note(await handle.read(Buffer.alloc(5), 0, 5, 8));
      await note(await handle.read(Buffer.alloc(2), { position: 1 }));
      await note(await handle.read({ buffer: Buffer.alloc(3), offset: 1, length: 1, position: -1 }));
      await note(await handle.read(new Uint8Array(2), 0, null, null));
      await note(await handle.read(Buffer.alloc(3), 0, 3, 100));
      seen.push((await handle.read()).bytesRead);
      seen.push((await handle.read()).bytesRead);
      return seen;
    }));
    await see('readFile', () => using('/f', undefined, async (handle) => [await handle.readFile('utf8'), (await handle.readFile()).length]));
    await see('readFile of the rest', () => using('/f', 'r', async (handle) => {
      await handle.read(Buffer.alloc(4));
      return handle.readFile({ encoding: 'utf8' });
    }));
    await see('stat', () => using('/f', 'r', async (handle) => [(await handle.stat()).size, (await handle.stat({ bigint: true })).isFile()]));
    await see('a range that does not fit', () => using('/f', 'r', (handle) => handle.read(Buffer.alloc(3), 1, 3).catch(({ code }) => code)));
    await see('write to what is read', () => using('/f', 'r', (handle) => handle.write('x')));
    await see('read what is written', () => using('/w', 'w', (handle) => handle.read()));
    await see('write', () => using('/w', 'w', async (handle) => {
      const seen = [];
      for (const args of [['héllo'], [Buffer.from(' world')], [Buffer.from('abcdef'), 1, 2], ['00ff', null, 'hex'], [Buffer.from('xyz'), { offset: 1 }]]) {
        const { bytesWritten, buffer } = await handle.write(...args);
        seen.push([bytesWritten, buffer === args[0]]);
      }
      await handle.writeFile('all');
      await handle.appendFile(Readable.from(['of', ' it']));
      await handle.sync();
      await handle.datasync();
      return [seen, (await handle.stat()).size];
    }));
    await see('what was written', () => fs.readFile(at('/w'), 'latin1'));
    await see('append', () => using('/w', 'a', async (handle) => [(await handle.write('more', 0)).bytesWritten, (await handle.stat()).size]));
    await see('what was appended', () => fs.readFile(at('/w'), 'latin1'));
    await see('nothing', () => using('/empty', 'w', async () => {}));
    await see('nothing is a file', () => fs.readFile(at('/empty'), 'utf8'));
    await see('exclusive', () => fs.open(at('/f'), 'wx'));
    await see('exclusive and new', () => using('/x', 'wx', async () => {}));
    await see('mode', async () => {
      await (await fs.open(at('/run'), 'w', 0o755)).close();
      return (await fs.stat(at('/run'))).mode.toString(8);
    });
    await see('open nothing', () => fs.open(at('/none')));
    await see('open with a wrong flag', () => fs.open(at('/f'), 'q').catch(({ code }) => code));
    await see('open a directory', () => using('/d', 'r', async (handle) => [(await handle.stat()).isDirectory(), await handle.sync()]));
    await see('read a directory', () => using('/d', 'r', (handle) => handle.readFile()));
    await see('write a directory', () => fs.open(at('/d'), 'w'));
    await see('closed', async () => {
      const handle = await fs.open(at('/f'));
      const closed = new Promise((resolve) => handle.on('close', () => resolve('close')));
      await Promise.all([handle.close(), handle.close()]);
      return [await closed, await handle.read(Buffer.alloc(1)).catch(({ code }) => code)];
    });
    await see('read stream', () => using('/f', 'r', async (handle) => {
      await handle.read(Buffer.alloc(4));
      const rest = await handle.createReadStream({ encoding: 'utf8', autoClose: false }).toArray();
      return [rest.join(''), (await handle.createReadStream({ encoding: 'utf8', start: 2, end: 5 }).toArray()).join('')];
    }));
    await see('lines', () => using('/f', 'r', async (handle) => {
      const lines = [];
      for await (const line of handle.readLines()) lines.push(line);
      return lines;
    }));
    await see('write stream', async () => {
      const handle = await fs.open(at('/s'), 'w');
      await pipeline(Readable.from(['one ', 'two']), handle.createWriteStream());
      return fs.readFile(at('/s'), 'utf8');
    });
    await see('truncate', async () => {
      const seen = [];
      for (const length of [undefined, 3, 7, 7, 4, 0]) {
        if (length === undefined) await fs.writeFile(at('/t'), 'content');
        else await fs.truncate(at('/t'), length);
        seen.push(await fs.readFile(at('/t'), 'utf8'));
      }
      return seen;
    });
    await see('truncate nothing', () => fs.truncate(at('/none'), 1));
    await see('truncate a directory', () => fs.truncate(at('/d')));
    await see('chown', () => fs.chown(at('/f'), process.getuid(), process.getgid()));
    await see('lchown of nothing', () => fs.lchown(at('/none'), 1, 1));
  }));

test('directories are opened and made up as on the host', (t) =>
  onBoth(t, async (fs, at, see) => {
    await fs.mkdir(at('/d/below'), { recursive: true });
    for (const name of ['1', '2', '3', 'below/4']) await fs.writeFile(at(`/d/${name}`), name);
    const named = (entry) => [String(entry.name), entry.isFile(), entry.isDirectory()];
    await see('opendir', async () => {
      const entries = [];
      for await (const entry of await fs.opendir(at('/d'), { bufferSize: 2 })) entries.push(named(entry));
      return entries.sort();
    });
    await see('opendir recursive', async () => {
      const entries = [];
      for await (const entry of await fs.opendir(at('/d'), { recursive: true })) entries.push(named(entry));
      return entries.sort();
    });
    await see('a directory is closed', async () => {
      const directory = await fs.opendir(at('/d/below'));
      const entries = [named(await directory.read()), await directory.read()];
      await directory.close();
      return [entries, await (async () => directory.read())().catch(({ code }) => code), directory.path === at('/d/below')];
    });
    await see('opendir of the root', async () => (await (await fs.opendir(at('/'))).read()).name);
    await see('opendir of nothing', () => fs.opendir(at('/none')));
    await see('opendir of a file', () => fs.opendir(at('/d/1')));
    await see('mkdtemp', async () => {
      const made = [await fs.mkdtemp(at('/d/tmp-')), await fs.mkdtemp(at('/d/tmp-'))];
      const are = await Promise.all(made.map(async (path) => (await fs.stat(path)).isDirectory()));
      return [are, made[0] !== made[1], made.map((path) => path.startsWith(at('/d/tmp-')) && path.length === at('/d/tmp-').length + 6)];
    });
    await see('mkdtemp in nothing', () => fs.mkdtemp(at('/none/tmp-')).catch(({ code, syscall }) => [code, syscall]));
  }));

test('a directory is read in pages, and gives names as buffers', async (t) => {
  const { promises } = createFs(await open(t));
  for (let i = 0; i < 5; i++) await promises.writeFile(`/d/${i}`, '');
  const names = [];
  for await (const { name } of await promises.opendir('/d', { encoding: 'buffer', bufferSize: 2 })) names.push(name);
  assert.deepEqual(names, ['0', '1', '2', '3', '4'].map((name) => Buffer.from(name)));
});

test('a handle sees what it opened, and writes the file as a whole', async (t) => {
  const store = await open(t);
  const { promises } = createFs(store);
  await promises.writeFile('/f', 'old content');
  const reading = await promises.open('/f');
  const writing = await promises.open('/f', 'w');
  await writing.write('new');
  assert.equal(await promises.readFile('/f', 'utf8'), 'old content');
  await assert.rejects(writing.write('x', 1), { code: 'ENOTSUP' });
  await writing.close();
  assert.equal(await promises.readFile('/f', 'utf8'), 'new');
  assert.deepEqual([(await reading.stat()).size, await reading.readFile('utf8')], [11, 'old content']);
  await reading[Symbol.asyncDispose]();
  await assert.rejects(promises.open('/f', 'r+'), { code: 'ENOTSUP' });
  const live = liveObjects();
  const broken = await promises.open('/f', 'w');
  const stream = broken.createWriteStream();
  // The pipeline ends before what it broke off has.
  const closed = new Promise((resolve) => stream.once('close', resolve));
  await assert.rejects(pipeline(Readable.from((async function* () { yield 'half'; throw new Error('broken'); })()), stream), /broken/);
  await closed;
  assert.equal(await promises.readFile('/f', 'utf8'), 'new');
  assert.equal(liveObjects(), live);
});

// Takes directory trees of the host into a store, in batches, and reads all of it back.
//
//     node ingest_tree.mjs [options] DIRECTORY...
//
// Files shorter than a piece (1 MiB) go in batches, one transaction each; longer ones through a stream, so that memory
// stays bounded whatever the trees hold. Symbolic links, special files, and names that Nexus refuses are skipped and
// counted. Then every file is read back and compared, byte by byte, with the file on the host.
import { createReadStream } from 'node:fs';
import { access, constants, opendir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { connect, liveObjects, NexusError } from 'nexusfs';

const PIECE_BYTES = 1 << 20;
const BATCH_BYTES = 16 << 20; // a batch holds its bytes in memory until it is committed

const { values: options, positionals: trees } = parseArgs({
  allowPositionals: true,
  options: {
    'data-dir': { type: 'string', default: './nexus-data' },
    tenant: { type: 'string' },
    prefix: { type: 'string' },
    batch: { type: 'string', default: '1000' },
    durability: { type: 'string', default: 'full' },
  },
});
if (trees.length === 0) {
  console.error('usage: node ingest_tree.mjs [--data-dir DIR] [--tenant NAME] [--prefix PATH] [--batch N] DIRECTORY...');
  process.exit(2);
}

const store = await connect({
  data_dir: options['data-dir'],
  tenant_id: options.tenant ?? null,
  durability: options.durability,
});
const prefix = options.prefix ?? (options.tenant ? `/shared/${options.tenant}/ingest` : '/ingest');
const skipped = { links: 0, special: 0, refused: 0, unreadable: 0 };

/** Every regular file below the trees: where it is, and where it goes. */
async function* filesOf(tree, place = `${prefix}/${basename(resolve(tree))}`) {
  for await (const entry of await opendir(tree)) {
    const file = { host: join(tree, entry.name), path: `${place}/${entry.name}` };
    if (entry.isDirectory()) yield* filesOf(file.host, file.path);
    else if (entry.isFile() && (await isReadable(file.host))) yield file;
    else if (entry.isFile()) skipped.unreadable++;
    else if (entry.isSymbolicLink()) skipped.links++;
    else skipped.special++;
  }
}

const isReadable = (file) => access(file, constants.R_OK).then(() => true, () => false);

/** Whether Nexus refuses the name: counted, and left out. */
async function isRefused({ path }) {
  try {
    await store.exists(path);
    return false;
  } catch (error) {
    if (!(error instanceof NexusError) || error.code !== 'INVALID_PATH') throw error;
    skipped.refused++;
    return true;
  }
}

async function ingest(counted) {
  let batch = store.batch();
  let bytes = 0;
  const commit = async () => {
    if (batch.length > 0) await batch.commit();
    batch = store.batch();
    bytes = 0;
  };
  for (const tree of trees) {
    for await (const file of filesOf(tree)) {
      if (await isRefused(file)) continue;
      const { size } = await stat(file.host);
      if (size < PIECE_BYTES) {
        batch.write(file.path, await readFile(file.host));
        bytes += size;
        if (batch.length >= Number(options.batch) || bytes >= BATCH_BYTES) await commit();
      } else {
        await pipeline(createReadStream(file.host), store.createWriteStream(file.path));
      }
      counted.files++;
      counted.bytes += size;
    }
  }
  await commit();
}

/** Whether two streams give the same bytes, however they are cut. */
async function sameBytes(one, other) {
  let rest = Buffer.alloc(0);
  const second = other[Symbol.asyncIterator]();
  for await (let chunk of one) {
    while (chunk.length > 0) {
      if (rest.length === 0) {
        const { value, done } = await second.next();
        if (done) return false;
        rest = value;
      }
      const length = Math.min(chunk.length, rest.length);
      if (chunk.compare(rest, 0, length, 0, length) !== 0) return false;
      chunk = chunk.subarray(length);
      rest = rest.subarray(length);
    }
  }
  return rest.length === 0 && (await second.next()).done === true;
}

async function compare(counted) {
  let different = 0;
  for (const tree of trees) {
    for await (const { host, path } of filesOf(tree)) {
      if (await isRefused({ path })) continue;
      if (!(await sameBytes(createReadStream(host), await store.openReader(path)))) {
        console.error(`${host}: differs from what the store holds`);
        different++;
      }
      counted.files++;
      counted.bytes += (await store.stat(path)).size;
    }
  }
  return different;
}

/** Runs one walk over the trees and prints how fast it was. */
async function timed(verb, walk) {
  const counted = { files: 0, bytes: 0 };
  const began = performance.now();
  const result = await walk(counted);
  const seconds = (performance.now() - began) / 1000;
  const rate = `${(counted.files / seconds).toFixed(0)} files/s, ${(counted.bytes / seconds / 2 ** 20).toFixed(1)} MiB/s`;
  console.log(`${verb} ${counted.files} files, ${counted.bytes} bytes, in ${seconds.toFixed(2)} s: ${rate}`);
  return [counted, result];
}

await timed('written  ', ingest);
const { links, special, refused, unreadable } = skipped;
console.log(`skipped   ${links} symbolic links, ${special} special files, ${refused} refused names, ${unreadable} unreadable`);
const stats = await store.storageStats();
const saved = stats.logical_bytes - stats.physical_bytes;
console.log(`store     ${stats.files} files, ${stats.distinct_contents} distinct contents, ${saved} bytes saved by storing each once`);
const [compared, different] = await timed('read back', compare);
console.log(`compared  ${compared.files} files: ${different} different`);

await store.close();
if (liveObjects() !== 0) throw new Error(`${liveObjects()} objects are still open`);
process.exitCode = different === 0 ? 0 : 1;

// A tour of Nexus in eight parts: files, metadata, persistence, routing and directories, mounts, namespaces, isolation,
// deduplication.
//
//     node embedded_demo.mjs [DATA_DIR]
//
// Without DATA_DIR the store lives in a temporary directory and goes at the end; a DATA_DIR should be new or empty.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect, liveObjects, version } from 'nexusfs';
import { refused, scratchDirectory } from './scratch.mjs';

const dataDir = process.argv[2] ?? join(scratchDirectory(), 'store');
const mountRoot = `${dataDir}-bulk`;
mkdirSync(mountRoot, { mode: 0o700 });

/** Runs a part with a store of its own config. */
async function withStore(config, part) {
  const store = await connect({ data_dir: dataDir, ...config });
  try {
    await part(store);
  } finally {
    await store.close();
  }
}

async function printFile(store, path) {
  console.log(`  ${path} holds "${await store.readText(path)}"`);
}

async function printEntries(title, listing) {
  const entries = await listing;
  console.log(`  ${title}:${entries.length === 0 ? ' nothing' : ''}`);
  for (const { path, kind, size } of entries) {
    console.log(kind === 'directory' ? `    ${path}/` : `    ${path}  ${size} bytes`);
  }
}

const printChildren = (store, path) => printEntries(path, store.list({ path, recursive: false }));

async function printExists(store, path) {
  console.log(`  ${path} ${(await store.exists(path)) ? 'exists' : 'does not exist'}`);
}

async function part1Files(store) {
  console.log('\nPart 1: files');

  // A write makes the parents, and replaces what was there as a whole.
  await store.write('/documents/report.txt', 'All is well');
  await store.write('/images/logo.svg', '<svg/>');
  await printFile(store, '/documents/report.txt');

  await store.append('/documents/report.txt', ', still');
  await printFile(store, '/documents/report.txt');

  const start = Buffer.alloc(7);
  const got = await store.readAt('/documents/report.txt', 4, start);
  console.log(`  ${got} bytes from offset 4: "${start}"`);

  // Conditions are checked in the transaction that writes: of two writers with one etag, one wins.
  const { etag } = await store.stat('/documents/report.txt');
  await store.write('/documents/report.txt', 'Mine', { ifMatch: etag });
  await refused('CONFLICT', store.write('/documents/report.txt', 'Yours', { ifMatch: etag }));

  await printEntries('all files', store.list());
  await printEntries('prefix /images', store.list({ prefix: '/images' }));

  await store.delete('/images/logo.svg');
  await printExists(store, '/images/logo.svg');
  await refused('NOT_FOUND', store.delete('/images/logo.svg'));
}

async function part2Metadata(store) {
  console.log('\nPart 2: metadata');

  // What the store keeps of every file.
  const entry = await store.stat('/documents/report.txt');
  console.log(`  size ${entry.size}, version ${entry.version}, ${entry.mimeType}`);
  console.log(`  etag ${entry.etag}`);
  console.log(`  changed after it was made: ${entry.modifiedAt >= entry.createdAt ? 'yes' : 'no'}`);

  // What you add: any JSON, under any key.
  await store.setMeta('/documents/report.txt', 'author', 'ada');
  await store.setMetaMany('/documents/report.txt', { pages: 3, review: { by: 'bob', ok: true } });
  console.log('  review:', JSON.stringify(await store.getMeta('/documents/report.txt', 'review')));
  await printEntries('written by ada', store.findByMeta('author', 'ada'));

  // The path id stays with the file through renames and overwrites.
  const id = await store.pathId('/documents/report.txt');
  await store.rename('/documents/report.txt', '/documents/final.txt');
  console.log(`  ${id} is now ${await store.pathOfId(id)}`);
}

async function part3Persistence() {
  console.log('\nPart 3: persistence');
  await withStore({}, (store) => store.write('/state/counter', '41'));
  console.log(`  closed; open objects: ${liveObjects()}`);

  await withStore({}, async (store) => {
    console.log('  opened again');
    await printFile(store, '/state/counter');
    const author = await store.getMeta('/documents/final.txt', 'author');
    console.log(`  /documents/final.txt is still by ${JSON.stringify(author)}`);
  });
}

async function part4RoutingAndDirectories(store) {
  console.log('\nPart 4: routing and directories');

  // However it is spelt, a file has one name; and no path leads out of the store.
  await store.write('project//src/./main.c', 'int main(void) { return 0; }');
  await printFile(store, '/project/src/main.c');
  await refused('INVALID_PATH', store.write('/project/../etc/passwd', 'x'));
  await refused('NOT_A_DIRECTORY', store.write('/project/src/main.c/below', 'x'));

  // A directory exists because it was made, or because something is in it.
  await store.mkdir('/project/build/objects', { parents: true });
  console.log(`  /project/src is${(await store.isDirectory('/project/src')) ? '' : ' not'} a directory`);
  await store.write('/project/notes.md', '# Notes\n\nTODO: write them\n');
  await printChildren(store, '/project');

  await printEntries('/project/**/*.{c,md}', store.glob('/project/**/*.{c,md}'));
  for (const { path, line, text } of await store.grep('TODO|FIXME')) console.log(`  ${path}:${line}: ${text}`);

  // A tree moves or is copied at once, and no content is moved.
  await store.copy('/project', '/backup/monday');
  await store.rename('/project/src', '/project/source');
  await printEntries('all files', store.list());

  await refused('NOT_EMPTY', store.rmdir('/project'));
  await store.rmdir('/project', { recursive: true });
  await printExists(store, '/project');
  await store.rmdir('/backup', { recursive: true });
}

async function part5Mounts() {
  console.log('\nPart 5: mounts');

  // The content below /models goes to another directory: another disk, say. Metadata stays in the one database.
  const mount = { name: 'bulk', path: '/models', backend: 'local', root: mountRoot };
  await withStore({ mounts: [mount] }, async (store) => {
    await store.write('/models/classifier.bin', 'weights');
    await store.write('/models-of-thought.txt', 'not below /models');
    for (const path of ['/models/classifier.bin', '/models-of-thought.txt']) {
      console.log(`  ${path} lives in "${(await store.stat(path)).backendName}"`);
    }
    // A rename from one backend to the other copies the content first; it still happens at once.
    await store.rename('/models-of-thought.txt', '/models/thought.txt');
    await printChildren(store, '/models');
  });

  // Without the mount the files are known, but their bytes are elsewhere.
  await withStore({}, async (store) => {
    await printChildren(store, '/models');
    await refused('NOT_MOUNTED', store.read('/models/classifier.bin'));
  });

  await withStore({ mounts: [{ ...mount, readonly: true }] }, async (store) => {
    await printFile(store, '/models/classifier.bin');
    await refused('READ_ONLY', store.write('/models/classifier.bin', 'x'));
  });
}

async function part6TenantsAgentsNamespaces() {
  console.log('\nPart 6: tenants, agents and namespaces');

  // The first segment of a path is its namespace. Five are built in; a config declares more, and they bind everyone who
  // opens the store from then on.
  const agent1 = { tenant_id: 'acme', agent_id: 'agent1' };
  const namespaces = [
    { name: 'analytics', requires_tenant: true },
    { name: 'audit', admin_only: true, requires_tenant: false },
  ];
  await withStore({ ...agent1, namespaces }, async (acme) => {
    await acme.write('/workspace/acme/agent1/plan.md', '1. Look around');
    await acme.write('/shared/acme/team.json', '{"project": "orbit"}');
    await acme.write('/external/public.txt', 'for everyone');
    await acme.write('/analytics/acme/daily.json', '{"revenue": 50000}');
    await printEntries('agent1 of acme sees', acme.list());

    await refused('ACCESS_DENIED', acme.write('/workspace/acme/agent2/plan.md', 'x'));
    await refused('ACCESS_DENIED', acme.write('/analytics/techinc/daily.json', 'x'));
    await refused('ACCESS_DENIED', acme.write('/audit/access.log', 'x'));
    await refused('ACCESS_DENIED', acme.write('/system/settings', 'x'));
    await refused('READ_ONLY', acme.write('/archives/acme/2025.tar', 'x'));

    // An admin passes the bounds of tenants; what is read-only stays so, unless the config says otherwise.
    await withStore({ is_admin: true, allow_readonly_writes: true }, async (admin) => {
      await admin.write('/audit/access.log', 'acme wrote a report');
      await admin.write('/archives/acme/2025.tar', 'old things');
    });
    await printFile(acme, '/archives/acme/2025.tar');
  });

  await withStore({ ...agent1, strict_namespaces: true }, (strict) =>
    refused('ACCESS_DENIED', strict.write('/documents/memo.txt', 'x')),
  );
}

async function part7Isolation(host) {
  console.log('\nPart 7: isolation end to end');

  // A host that serves many agents opens the store once and narrows a handle for each of them.
  const acme1 = await host.withIdentity({ tenantId: 'acme', agentId: 'agent1' });
  const acme2 = await host.withIdentity({ tenantId: 'acme', agentId: 'agent2' });
  const techinc = await host.withIdentity({ tenantId: 'techinc', agentId: 'agent1' });

  await acme1.write('/workspace/acme/agent1/secret.txt', 'the formula');
  await acme2.write('/workspace/acme/agent2/draft.txt', 'a draft');
  await techinc.write('/workspace/techinc/agent1/secret.txt', 'another formula');

  // Another tenant can neither read a file nor tell whether there is one.
  await refused('ACCESS_DENIED', techinc.read('/workspace/acme/agent1/secret.txt'));
  await refused('ACCESS_DENIED', techinc.read('/workspace/acme/agent1/no-such-file'));
  await printExists(techinc, '/workspace/acme/agent1/secret.txt');
  await printEntries('techinc finds /workspace/**/secret.txt', techinc.glob('/workspace/**/secret.txt'));

  // A hash is no key: of content that it may not read, a handle learns nothing.
  const { etag } = await acme1.stat('/workspace/acme/agent1/secret.txt');
  await refused('NOT_FOUND', techinc.contentInfo(etag));

  // Nor can it remove what it does not see from above.
  await refused('ACCESS_DENIED', techinc.rmdir('/workspace', { recursive: true }));

  // Agents of one tenant work apart in /workspace and together in /shared.
  await refused('ACCESS_DENIED', acme2.read('/workspace/acme/agent1/secret.txt'));
  await acme1.write('/shared/acme/handover.txt', 'over to you');
  await printFile(acme2, '/shared/acme/handover.txt');

  // A handle can be narrowed, never widened.
  await refused('ACCESS_DENIED', techinc.withIdentity({ tenantId: 'acme' }));

  await Promise.all([acme1.close(), acme2.close(), techinc.close()]);
}

async function part8Deduplication(store) {
  console.log('\nPart 8: deduplication');

  const printReferenceCount = async (etag) => {
    const { size, ref_count } = await store.contentInfo(etag);
    console.log(`  stored once, ${size} bytes, reference count ${ref_count}`);
  };
  const data = 'This is important data';
  const { etag } = await store.write('/reports/a.txt', data);
  await store.write('/reports/b.txt', data);
  await store.copy('/reports/b.txt', '/reports/c.txt');
  await printReferenceCount(etag);

  // The same bytes again are no further reference; other bytes give one back.
  await store.write('/reports/a.txt', data);
  await printReferenceCount(etag);
  await store.write('/reports/c.txt', 'Something else');
  await printReferenceCount(etag);

  // Content goes with the last file that holds it.
  await store.delete('/reports/a.txt');
  await printReferenceCount(etag);
  await printFile(store, '/reports/b.txt');
  await store.delete('/reports/b.txt');
  await refused('NOT_FOUND', store.contentInfo(etag));
}

console.log(`Nexus ${version()}`);
await withStore({}, part1Files);
await withStore({}, part2Metadata);
await part3Persistence();
await withStore({}, part4RoutingAndDirectories);
await part5Mounts();
await part6TenantsAgentsNamespaces();
await withStore({}, part7Isolation);
await withStore({}, part8Deduplication);
if (liveObjects() !== 0) throw new Error(`${liveObjects()} objects are still open`);
console.log('\nDone; every object was freed.');

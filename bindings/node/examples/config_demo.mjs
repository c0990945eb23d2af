// Four ways to configure a store: an object, YAML files, several tenants, an admin.
//
//     node config_demo.mjs DIRECTORY
//
// DIRECTORY holds config-basic.yaml and config-multi-tenant.yaml (the project has them in c_examples/). The store lives in
// a temporary directory and goes at the end.
import { join } from 'node:path';
import { connect, connectFile, liveObjects } from 'nexusfs';
import { refused, scratchDirectory } from './scratch.mjs';

const directory = process.argv[2];
if (directory === undefined) {
  console.error('usage: node config_demo.mjs DIRECTORY');
  process.exit(2);
}
const dataDir = join(scratchDirectory(), 'store');
process.env.NEXUS_DATA_DIR = dataDir; // both files say data_dir: ${NEXUS_DATA_DIR:-./nexus-data}

async function write(store, path, text) {
  await store.write(path, text);
  console.log(`  wrote ${path}`);
}

/** Prints one setting of the effective configuration, and where it comes from. */
async function printSetting(store, key) {
  const { source, value } = (await store.config())[key];
  console.log(`  "${key}":${JSON.stringify({ source, value })}`);
}

console.log('\n1. JSON, in the program');
const plain = await connect({ data_dir: dataDir, durability: 'normal', cache_size_mb: 32 });
await write(plain, '/documents/hello.txt', 'hello');
for (const key of ['durability', 'cache_size_mb', 'inline_max_bytes']) await printSetting(plain, key);
await plain.close();
// No key is accepted and then ignored.
await refused('INVALID_CONFIG', connect({ tenant: 'acme' }));
await refused('INVALID_CONFIG', connect({ cache_size_mb: 'big' }));

console.log('\n2. YAML: config-basic.yaml');
const basic = await connectFile(join(directory, 'config-basic.yaml'));
await printSetting(basic, 'durability');
await write(basic, '/documents/from-yaml.txt', 'hello');
await basic.close();

console.log('\n3. Several tenants: config-multi-tenant.yaml');
// The file takes its identity from ${TENANT_ID}; without the variable nothing opens.
const multiTenant = join(directory, 'config-multi-tenant.yaml');
delete process.env.TENANT_ID;
await refused('INVALID_CONFIG', connectFile(multiTenant));

process.env.TENANT_ID = 'acme';
const acme = await connectFile(multiTenant);
process.env.TENANT_ID = 'techinc';
const techinc = await connectFile(multiTenant);
await printSetting(techinc, 'tenant_id');
await write(acme, '/ml_models/acme/classifier.bin', 'weights');
await write(techinc, '/ml_models/techinc/classifier.bin', 'other weights');
await refused('ACCESS_DENIED', techinc.read('/ml_models/acme/classifier.bin'));
await refused('ACCESS_DENIED', acme.write('/catalogue/offers.json', 'x'));
await refused('ACCESS_DENIED', acme.write('/documents/hello.txt', 'x'));
await Promise.all([acme.close(), techinc.close()]);

console.log('\n4. An admin');
const admin = await connect({ data_dir: dataDir, is_admin: true });
await write(admin, '/catalogue/offers.json', '[]');
for await (const { path } of admin.glob('/ml_models/**')) console.log(`  sees ${path}`);
// /system and /archives are read-only for admins too, unless the config allows it.
await refused('READ_ONLY', admin.write('/system/motd', 'x'));
await admin.close();

const superior = await connect({ data_dir: dataDir, is_admin: true, allow_readonly_writes: true });
await write(superior, '/system/motd', 'welcome');
await superior.close();

if (liveObjects() !== 0) throw new Error(`${liveObjects()} objects are still open`);
console.log('\nThe two YAML files are yours to copy.');

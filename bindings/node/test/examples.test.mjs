// The examples print what those in c_examples/ print. NODE_EXAMPLES names the directory they are run from: their own, or
// one outside of the project where the package is installed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { PACKAGE, PROJECT, scratch } from './support.mjs';

const examples = process.env.NODE_EXAMPLES ?? join(PACKAGE, 'examples');

function run(t, name, ...args) {
  const env = { ...process.env, TMPDIR: scratch(t) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(examples, `${name}.mjs`), ...args], { env, encoding: 'utf8', timeout: 120_000 });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** What differs from run to run, as c_examples/expected/ writes it. */
function masked(output) {
  return output
    .replace(/[0-9a-f]{64}/g, '{etag}')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '{id}')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:[0-9.]+Z/g, '{time}')
    .replace(/in [0-9.]+ s: \d+ files\/s, [0-9.]+ MiB\/s/g, '{rate}');
}

/** Spaces in the JSON that C passes through as it was written, and that JavaScript writes anew. */
function expected(name) {
  const text = readFileSync(join(PROJECT, 'c_examples/expected', `${name}.txt`), 'utf8');
  return text.replace('{"by": "bob", "ok": true}', '{"by":"bob","ok":true}');
}

for (const [name, ...args] of [['embedded_demo'], ['config_demo', join(PROJECT, 'c_examples')], ['work_items']]) {
  test(`${name}.mjs prints what ${name}.c prints`, (t) => {
    assert.equal(masked(run(t, name, ...args)), expected(name));
  });
}

test('ingest_tree.mjs prints what ingest_tree.c prints', (t) => {
  const tree = join(scratch(t), 'tree');
  const made = spawnSync('cmake', [`-DTREE=${tree}`, '-P', join(PROJECT, 'cmake/MakeTree.cmake')], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  const store = join(scratch(t), 'store');
  const output = run(t, 'ingest_tree', '--data-dir', store, '--tenant', 'acme', '--batch', '7', tree);
  assert.equal(masked(output), expected('ingest_tree'));
});

test('worker.mjs works off its items', (t) => {
  const lines = run(t, 'worker').trim().split('\n').sort();
  assert.deepEqual(lines, ['/jobs/1 is completed', '/jobs/2 is completed', '/jobs/3 was given up: there is nothing to shout']);
});

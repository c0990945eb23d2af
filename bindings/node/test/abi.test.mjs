// What the binding knows of the C interface is what the header and a C compiler say.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { CONSTANTS, FUNCTIONS, STATUS, STRUCTS } from '../dist/abi.js';
import { layoutOf, native } from '../dist/library.js';
import { PACKAGE, PROJECT, scratch } from './support.mjs';

test('src/abi.ts is what the generator makes of the header', () => {
  execFileSync(process.execPath, [join(PACKAGE, 'scripts/generate.mjs'), '--check'], { stdio: 'pipe' });
});

test('structs and constants are laid out as a C compiler does it', (t) => {
  const lines = [];
  const say = (name, expression) => lines.push(`printf("${name} %lld\\n", (long long)(${expression}));`);
  const expected = {};
  for (const [name, members] of Object.entries(STRUCTS)) {
    const layout = layoutOf(name);
    say(name, `sizeof(${name})`);
    expected[name] = layout.size;
    for (const [member] of members) {
      say(`${name}.${member}`, `offsetof(${name}, ${member})`);
      expected[`${name}.${member}`] = layout.offsets[member];
    }
  }
  for (const [name, value] of Object.entries(CONSTANTS)) {
    say(name, `NEXUS_${name}`);
    expected[name] = value;
  }
  for (const [name, value] of Object.entries(STATUS)) {
    say(`STATUS_${name}`, `NEXUS_STATUS_${name}`);
    expected[`STATUS_${name}`] = value;
  }
  const directory = scratch(t);
  writeFileSync(join(directory, 'layout.c'), `#include <nexus.h>\n#include <stdio.h>\nint main(void) {\n${lines.join('\n')}\nreturn 0; }\n`);
  execFileSync('cc', ['-I', join(PROJECT, 'include'), '-o', join(directory, 'layout'), join(directory, 'layout.c')]);
  const output = execFileSync(join(directory, 'layout'), { encoding: 'utf8' }).trim().split('\n');
  const actual = Object.fromEntries(output.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
  assert.deepEqual(actual, expected);
});

test('the library has every call of the header', () => {
  for (const name of Object.keys(FUNCTIONS)) assert.equal(typeof native[name].async, 'function', name);
});

test('every call of the header is used, or another does its work', () => {
  const instead = {
    nexus_write: 'nexus_write_with', nexus_append: 'nexus_append_with', nexus_delete: 'nexus_delete_with',
    nexus_rename: 'nexus_rename_with', nexus_copy: 'nexus_copy_with', nexus_set_meta: 'nexus_set_meta_with',
    nexus_error_status: 'the status that the call returned', nexus_status_name: 'STATUS',
  };
  const sources = readdirSync(join(PACKAGE, 'src'), { recursive: true }).filter((name) => name.endsWith('.ts') && name !== 'abi.ts');
  const text = sources.map((name) => readFileSync(join(PACKAGE, 'src', name), 'utf8')).join('\n');
  const used = new Set(text.match(/\bnexus_\w+/g));
  const unused = Object.keys(FUNCTIONS).filter((name) => !used.has(name) && !(name in instead));
  assert.deepEqual(unused, []);
});

test('the library is found by NEXUS_LIBRARY, then by the loader, and its absence is told', (t) => {
  const directory = scratch(t);
  mkdirSync(join(directory, 'lib'));
  copyFileSync(process.env.NEXUS_LIBRARY, join(directory, 'lib/libnexusfs.so.0'));
  const version = (env) => {
    const code = "import { version } from 'nexusfs'; console.log(version());";
    const { NEXUS_LIBRARY: _, LD_LIBRARY_PATH: __, ...others } = process.env;
    return spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: PACKAGE, env: { ...others, ...env }, encoding: 'utf8' });
  };
  assert.match(version({ NEXUS_LIBRARY: join(directory, 'lib/libnexusfs.so.0') }).stdout, /^\d/);
  assert.match(version({ LD_LIBRARY_PATH: join(directory, 'lib') }).stdout, /^\d/);
  const wrong = version({ NEXUS_LIBRARY: join(directory, 'none.so') });
  assert.notEqual(wrong.status, 0, 'a wrong NEXUS_LIBRARY was passed over');
  assert.match(wrong.stderr, /none\.so/);
  const other = version({ NEXUS_LIBRARY: 'libc.so.6' });
  assert.notEqual(other.status, 0);
  assert.match(other.stderr, /nexus_abi_version/);
});

test('the committed lock file names no registry', () => {
  const lock = readFileSync(join(PACKAGE, 'package-lock.json'), 'utf8');
  assert.doesNotMatch(lock, /"resolved"/);
});

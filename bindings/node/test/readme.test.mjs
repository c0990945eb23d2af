// The programs in README.md run, and print what stands below them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { PACKAGE, scratch } from './support.mjs';

const text = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
const programs = [...text.matchAll(/```js\n([^]*?)```\n\n```text\n([^]*?)```/g)];

test('every program in README.md has its output below it', () => {
  assert.ok(programs.length >= 4);
  assert.equal(programs.length, text.split('```js').length - 1);
});

for (const [number, [, program, output]] of programs.entries()) {
  test(`program ${number + 1} of README.md`, (t) => {
    const directory = scratch(t);
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(PACKAGE, join(directory, 'node_modules/nexusfs'));
    writeFileSync(join(directory, 'program.mjs'), program);
    const run = spawnSync(process.execPath, ['program.mjs'], { cwd: directory, encoding: 'utf8', timeout: 60_000 });
    assert.deepEqual([run.status, run.stdout, run.stderr], [0, output, '']);
  });
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { PACKAGE } from './support.mjs';

test('the types hold what programs rely on, under tsc --strict', () => {
  const tsc = join(PACKAGE, 'node_modules/.bin/tsc');
  const { status, stdout } = spawnSync(tsc, ['--project', join(PACKAGE, 'test/types')], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

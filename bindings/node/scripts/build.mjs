// Compiles src/ to dist/, from scratch.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${project}/dist`, { recursive: true, force: true });
const { status } = spawnSync(`${project}/node_modules/.bin/tsc`, ['--project', project], { stdio: 'inherit' });
process.exit(status ?? 1);

// Compiles src/ to dist/, from scratch, and puts the license where npm packs it from.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${project}/dist`, { recursive: true, force: true });
copyFileSync(`${project}/../../LICENSE`, `${project}/LICENSE`);
const { status } = spawnSync(`${project}/node_modules/.bin/tsc`, ['--project', project], { stdio: 'inherit' });
process.exit(status ?? 1);

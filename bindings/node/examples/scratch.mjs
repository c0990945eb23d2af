// A temporary directory for the time of a run, and what the examples do about refusals.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NexusError } from 'nexusfs';

export function scratchDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-example-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Waits for a call that must be refused with `code`, and prints why. */
export async function refused(code, call) {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof NexusError) || error.code !== code) throw error;
    console.log(`  refused: ${error.message}`);
    return;
  }
  throw new Error(`expected ${code}`);
}

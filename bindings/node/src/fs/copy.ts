import { constants } from 'node:fs';
import { posix } from 'node:path';

import { NexusError } from '../error.js';
import type { Entry } from '../rows.js';
import type { Store } from '../store.js';
import { fsError } from './errors.js';
import { baseOf, type Name } from './paths.js';

export interface CopyOptions {
  /** Without it a directory is ERR_FS_EISDIR. */
  recursive?: boolean | undefined;
  /** Files there are replaced (the default); false: they stay. */
  force?: boolean | undefined;
  /** With `force` false, a file that is there is an error. */
  errorOnExist?: boolean | undefined;
  /** `COPYFILE_EXCL`: a file that is there is EEXIST, and nothing is copied. */
  mode?: number | undefined;
  /** Whether to copy a file or directory, by its paths. */
  filter?: ((source: string, destination: string) => boolean | Promise<boolean>) | undefined;
}

/** Copies a file, or a tree into a tree that may be there already, all at once. */
export async function copyTree(store: Store, source: Name, target: Name, options: CopyOptions): Promise<void> {
  const { recursive = false, force = true, errorOnExist = false, mode = 0, filter } = options;
  const exclusive = (mode & constants.COPYFILE_EXCL) !== 0;
  const entry = await store.stat(source.stored);
  const there = await kindsBelow(store, target.stored);
  refuseImpossible(entry, there.get(target.stored), source, target, recursive);

  const batch = store.batch();
  const below = entry.kind === 'directory' ? await store.list({ path: source.stored, includeDirectories: true }) : [];
  const refused: string[] = [];
  for (const one of [entry, ...below]) {
    if (refused.some((directory) => one.path.startsWith(directory))) continue;
    const rest = one.path.slice(baseOf(entry.path).length);
    const from = one === entry ? source.given : posix.join(source.given, rest);
    const to = one === entry ? target.given : posix.join(target.given, rest);
    if (filter !== undefined && !(await filter(from, to))) {
      refused.push(`${one.path}/`);
      continue;
    }
    const destination = one === entry ? target.stored : baseOf(target.stored) + rest;
    const existing = there.get(destination);
    refuseOtherKind(one.kind, existing, to);
    if (one.kind === 'directory') {
      if (destination !== '/') batch.mkdir(destination, { parents: true, existOk: true });
    } else if (force || exclusive || existing === undefined) {
      // What came to be meanwhile is replaced only where that was asked for.
      batch.copy(one.path, destination, { noReplace: exclusive || !force });
    } else if (errorOnExist) {
      throw fsError('ERR_FS_CP_EEXIST', 'EEXIST', 'cp', to);
    }
  }
  if (batch.length > 0) await batch.commit();
}

/** What there is at a path and below it. */
async function kindsBelow(store: Store, path: string): Promise<Map<string, Entry['kind']>> {
  try {
    const entry = await store.stat(path);
    const below = entry.kind === 'directory' ? await store.list({ path, includeDirectories: true }) : [];
    return new Map([entry, ...below].map((one) => [one.path, one.kind]));
  } catch (error) {
    if (error instanceof NexusError && error.code === 'NOT_FOUND') return new Map();
    throw error;
  }
}

function refuseImpossible(
  entry: Entry,
  existing: Entry['kind'] | undefined,
  source: Name,
  target: Name,
  recursive: boolean,
): void {
  if (source.stored === target.stored) throw fsError('ERR_FS_CP_EINVAL', 'EINVAL', 'cp', target.given);
  refuseOtherKind(entry.kind, existing, target.given);
  if (entry.kind !== 'directory') return;
  if (!recursive) throw fsError('ERR_FS_EISDIR', 'EISDIR', 'cp', source.given);
  if (`${target.stored}/`.startsWith(`${baseOf(source.stored)}/`)) {
    throw fsError('ERR_FS_CP_EINVAL', 'EINVAL', 'cp', target.given);
  }
}

/** A directory takes no file's place, nor a file a directory's. */
function refuseOtherKind(kind: Entry['kind'], existing: Entry['kind'] | undefined, to: string): void {
  if (existing === undefined || existing === kind) return;
  if (kind === 'directory') throw fsError('ERR_FS_CP_DIR_TO_NON_DIR', 'EISDIR', 'cp', to);
  throw fsError('ERR_FS_CP_NON_DIR_TO_DIR', 'ENOTDIR', 'cp', to);
}

import { constants } from 'node:fs';
import { posix } from 'node:path';

import { NexusError } from '../error.js';
import type { Entry } from '../rows.js';
import type { Store } from '../store.js';
import { fsError } from './errors.js';
import { baseOf, type Name } from './paths.js';
import { modeMetadata, modeOf } from './posix.js';
import { ask, type Script } from './script.js';
import type { View } from './view.js';

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
export function* copyTree(view: View, source: Name, target: Name, options: CopyOptions): Script<void> {
  const { store } = view;
  const { recursive = false, force = true, errorOnExist = false, mode = 0, filter } = options;
  const exclusive = (mode & constants.COPYFILE_EXCL) !== 0;
  const entry = yield* ask(store, 'stat', source.stored);
  const there = yield* kindsBelow(store, target.stored);
  refuseImpossible(entry, there.get(target.stored), source, target, recursive);

  const batch = store.batch();
  const below = entry.kind === 'directory' ? yield* ask(store, 'list', { path: source.stored, includeDirectories: true }) : [];
  const refused: string[] = [];
  for (const one of [entry, ...below]) {
    if (refused.some((directory) => one.path.startsWith(directory))) continue;
    const rest = one.path.slice(baseOf(entry.path).length);
    const from = one === entry ? source.given : posix.join(source.given, rest);
    const to = one === entry ? target.given : posix.join(target.given, rest);
    if (filter !== undefined && !(yield* ask(asking(filter), 'about', from, to))) {
      refused.push(`${one.path}/`);
      continue;
    }
    const destination = one === entry ? target.stored : baseOf(target.stored) + rest;
    const existing = there.get(destination);
    refuseOtherKind(one.kind, existing, to);
    if (one.kind === 'directory') {
      if (destination === '/') continue;
      batch.mkdir(destination, { parents: true, existOk: true });
      const kept = existing === undefined && one.pathId !== null ? modeOf(yield* ask(store, 'listMeta', one.path, { bigint: true })) : undefined;
      if (kept !== undefined) batch.setMetaMany(destination, modeMetadata(kept));
    } else if (force || exclusive || existing === undefined) {
      // What came to be meanwhile is replaced only where that was asked for.
      batch.copy(one.path, destination, { noReplace: exclusive || !force });
    } else if (errorOnExist) {
      throw fsError('ERR_FS_CP_EEXIST', 'EEXIST', 'cp', to);
    }
  }
  if (batch.length > 0) yield* ask(batch, 'commit');
}

type Filter = NonNullable<CopyOptions['filter']>;

/** A filter whose answer may be a promise, but not in cpSync. */
function asking(filter: Filter) {
  return {
    about: async (from: string, to: string): Promise<boolean> => filter(from, to),
    aboutSync: (from: string, to: string): boolean => {
      const answer = filter(from, to);
      if (typeof answer === 'boolean') return answer;
      throw Object.assign(new TypeError('Expected boolean to be returned from the "filter" function'), { code: 'ERR_INVALID_RETURN_VALUE' });
    },
  };
}

/** What there is at a path and below it. */
function* kindsBelow(store: Store, path: string): Script<Map<string, Entry['kind']>> {
  try {
    const entry = yield* ask(store, 'stat', path);
    const below = entry.kind === 'directory' ? yield* ask(store, 'list', { path, includeDirectories: true }) : [];
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

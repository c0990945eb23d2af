import type { Store } from '../store.js';
import { systemError } from './errors.js';
import type { Name } from './paths.js';

export interface CopyOptions {
  /** Without it a directory is ERR_FS_EISDIR. */
  recursive?: boolean | undefined;
  /** Files there are replaced (the default); false: they stay. */
  force?: boolean | undefined;
  /** With `force` false, a file that is there is an error. */
  errorOnExist?: boolean | undefined;
  /** Whether to copy a file or directory, by its paths. */
  filter?: ((source: string, destination: string) => boolean | Promise<boolean>) | undefined;
}

/** Copies a file, or a tree into a tree that may be there already, all at once. */
export async function copyTree(store: Store, source: Name, target: Name, options: CopyOptions): Promise<void> {
  const { recursive = false, force = true, errorOnExist = false, filter } = options;
  const entry = await store.stat(source.stored);
  if (entry.kind === 'directory' && !recursive) {
    throw Object.assign(systemError('EISDIR', 'cp', source.given), { code: 'ERR_FS_EISDIR' });
  }
  if (entry.kind === 'directory' && `${target.stored}/`.startsWith(`${source.stored}/`)) {
    throw Object.assign(systemError('EINVAL', 'cp', source.given, target.given), { code: 'ERR_FS_CP_EINVAL' });
  }
  const batch = store.batch();
  const below = entry.kind === 'directory' ? await store.list({ path: source.stored, includeDirectories: true }) : [];
  const refused: string[] = [];
  for (const one of [entry, ...below]) {
    const rest = one.path.slice(entry.path.length);
    const destination = target.stored + rest;
    if (refused.some((directory) => one.path.startsWith(directory))) continue;
    if (filter !== undefined && !(await filter(source.given + rest, target.given + rest))) {
      refused.push(`${one.path}/`);
      continue;
    }
    if (one.kind === 'directory') {
      batch.mkdir(destination, { parents: true, existOk: true });
    } else if (force || !(await store.exists(destination))) {
      batch.copy(one.path, destination);
    } else if (errorOnExist) {
      throw Object.assign(systemError('EEXIST', 'cp', target.given + rest), { code: 'ERR_FS_CP_EEXIST' });
    }
  }
  if (batch.length > 0) await batch.commit();
}

// What is known of files and directories, and changing it.
import { constants } from 'node:fs';

import type { Metadata } from '../../operations/metadata.js';
import type { Entry } from '../../rows.js';
import { systemError } from '../errors.js';
import { baseOf, type PathLike } from '../paths.js';
import { modeMetadata, modeNumber, mtimeMetadata } from '../posix.js';
import { ask, type Script } from '../script.js';
import { inForm, type BigIntStats, type StatOptions, type Stats } from '../stats.js';
import { isStatus, type View } from '../view.js';

export type Time = number | string | Date;

interface StatCallOptions extends StatOptions {
  /** Of statSync and lstatSync: with false, what is missing is undefined. */
  throwIfNoEntry?: boolean | undefined;
}

export function stat(view: View, path: PathLike, options?: StatCallOptions | null): Script<Stats | BigIntStats> {
  return describing(view, 'stat', path, options);
}

/** As stat: there are no symbolic links. */
export function lstat(view: View, path: PathLike, options?: StatCallOptions | null): Script<Stats | BigIntStats> {
  return describing(view, 'lstat', path, options);
}

function* describing(view: View, syscall: string, path: PathLike, options?: StatCallOptions | null): Script<Stats | BigIntStats> {
  try {
    return inForm(yield* statsAt(view, syscall, path), options);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (options?.throwIfNoEntry === false && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined as unknown as Stats;
    throw error;
  }
}

function statsAt(view: View, syscall: string, path: PathLike): Script<Stats> {
  return view.call(syscall, path, ({ stored }) => view.statsOf(stored));
}

export function* exists(view: View, path: PathLike): Script<boolean> {
  try {
    yield* statsAt(view, 'access', path);
    return true;
  } catch {
    return false;
  }
}

/** W_OK asks the policy, as a change would: EROFS or EACCES. X_OK looks for an execute bit. */
export function* access(view: View, path: PathLike, mode: number = constants.F_OK): Script<void> {
  yield* view.call('access', path, function* (name) {
    const stats = yield* statsAt(view, 'access', path);
    if (mode & constants.W_OK) yield* mayWrite(view, stats.isDirectory() ? `${baseOf(name.stored)}/.access` : name.stored);
    if (mode & constants.X_OK && (stats.mode & 0o111) === 0) throw systemError('EACCES', 'access', name.given);
  });
}

/**
 * Tries a deletion whose condition cannot hold: who may not write is refused before that is found. Of a directory, what may be
 * written is what is in it.
 */
function* mayWrite(view: View, stored: string): Script<void> {
  try {
    yield* ask(view.store, 'delete', stored, { ifMatch: '0'.repeat(64) });
  } catch (error) {
    const isAllowed = isStatus(error, 'CONFLICT') || isStatus(error, 'NOT_FOUND') || isStatus(error, 'IS_A_DIRECTORY');
    if (!isAllowed) throw error;
  }
}

/** Kept as metadata. A directory that was not made is made by it, so that it has metadata. */
export function* chmod(view: View, path: PathLike, mode: number | string): Script<void> {
  yield* view.call('chmod', path, ({ stored }) => describe(view, stored, () => modeMetadata(modeNumber(mode))));
}

/** The time of modification is kept as metadata, that of access is not. */
export function* utimes(view: View, path: PathLike, _accessed: Time, modified: Time): Script<void> {
  yield* view.call('utime', path, ({ stored, given }) => {
    const time = timeOf(modified, 'utime', given);
    return describe(view, stored, (etag) => mtimeMetadata(time, etag));
  });
}

export function timeOf(time: Time, syscall: string, path?: string): Date {
  const date = new Date(time instanceof Date ? time : Number(time) * 1000);
  if (Number.isNaN(date.getTime())) throw systemError('EINVAL', syscall, path);
  return date;
}

/** Adds to the metadata of what is at a path. Of the root of the store there is none: there it does nothing. */
export function* describe(view: View, stored: string, metadata: (etag: string | null) => Metadata): Script<void> {
  if (stored === '/') return;
  const entry = yield* entryAt(view, stored);
  if (entry !== undefined && (entry.kind === 'file' || entry.pathId !== null)) {
    yield* ask(view.store, 'setMetaMany', stored, metadata(entry.etag));
    return;
  }
  const batch = view.store.batch().mkdir(stored, { parents: true, existOk: true }).setMetaMany(stored, metadata(null));
  yield* ask(batch, 'commit');
}

/** What is there; undefined for a root that nothing was written below. */
function* entryAt(view: View, stored: string): Script<Entry | undefined> {
  try {
    return yield* ask(view.store, 'stat', stored);
  } catch (error) {
    if (view.root.is(stored) && isStatus(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Does nothing: the files of a store have no owner. */
export function* chown(view: View, path: PathLike, _uid: number, _gid: number): Script<void> {
  yield* statsAt(view, 'chown', path);
}

export function* lchown(view: View, path: PathLike, _uid: number, _gid: number): Script<void> {
  yield* statsAt(view, 'lchown', path);
}

/** EPERM, as on any file system without symbolic links. */
export function* symlink(view: View, target: PathLike, path: PathLike, _type?: string | null): Script<void> {
  throw systemError('EPERM', 'symlink', String(target), view.root.name(path, 'symlink').given);
}

/** EPERM: a file has one name. */
export function* link(view: View, existing: PathLike, path: PathLike): Script<void> {
  throw systemError('EPERM', 'link', view.root.name(existing, 'link').given, view.root.name(path, 'link').given);
}

/** Nothing is a symbolic link: EINVAL, or ENOENT where nothing is. */
export function* readlink(view: View, path: PathLike, _options?: unknown): Script<string> {
  yield* statsAt(view, 'readlink', path);
  throw systemError('EINVAL', 'readlink', view.root.name(path, 'readlink').given);
}

export function* realpath(view: View, path: PathLike, _options?: unknown): Script<string> {
  yield* statsAt(view, 'realpath', path);
  return view.root.outside(view.root.name(path, 'realpath').stored);
}

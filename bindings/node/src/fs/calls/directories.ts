// Making, reading and removing directories.
import { randomBytes } from 'node:crypto';

import { NexusError } from '../../error.js';
import type { Metadata } from '../../operations/metadata.js';
import type { Entry } from '../../rows.js';
import { Dir } from '../dir.js';
import type { Encoding } from '../data.js';
import { systemError, translated } from '../errors.js';
import { baseOf, textOf, type Name, type PathLike } from '../paths.js';
import { ask, type Script } from '../script.js';
import { Dirent } from '../stats.js';
import { isStatus, withEncoding, type View } from '../view.js';

export interface ReaddirOptions {
  encoding?: Encoding | null | undefined;
  withFileTypes?: boolean | undefined;
  recursive?: boolean | undefined;
}

export interface OpendirOptions {
  encoding?: Encoding | null | undefined;
  /** Entries read at once; 256 without it. */
  bufferSize?: number | undefined;
  recursive?: boolean | undefined;
}

export interface MkdirOptions {
  /** Missing parents are made too, and a directory that is there is no error. */
  recursive?: boolean | undefined;
  /** Permissions of what is made, without the bits of the umask. */
  mode?: number | string | undefined;
}

/** With `recursive`, gives the first directory that was made, or undefined. */
export function* mkdir(view: View, path: PathLike, options?: MkdirOptions | number | string | null): Script<string | undefined> {
  const { recursive = false, mode } = typeof options === 'object' && options !== null ? options : { mode: options };
  const job = function* ({ stored }: Name): Script<string | undefined> {
    if (!recursive) {
      if (view.root.is(stored)) throw new NexusError('ALREADY_EXISTS', 'the root is there');
      yield* make(view, stored, mode);
      return undefined;
    }
    const missing = yield* missingAbove(view, stored);
    const kept = view.modeOfNew('directory', mode);
    if (missing.length === 0 || kept === undefined) yield* ask(view.store, 'mkdir', stored, { parents: true, existOk: true });
    else yield* makeAll(view, stored, missing, kept);
    return missing[0] === undefined ? undefined : view.root.outside(missing[0]);
  };
  return yield* view.call('mkdir', path, job, { creates: recursive ? undefined : 'directory' });
}

function* make(view: View, stored: string, mode: number | string | null | undefined): Script<void> {
  const parents = view.root.is(stored.slice(0, stored.lastIndexOf('/')));
  const kept = view.modeOfNew('directory', mode);
  if (kept === undefined) yield* ask(view.store, 'mkdir', stored, { parents });
  else yield* ask(view.store.batch().mkdir(stored, { parents }).setMetaMany(stored, kept), 'commit');
}

/** Makes a directory and those above it with metadata, all at once. */
function* makeAll(view: View, stored: string, missing: string[], metadata: Metadata): Script<void> {
  for (const [at, outermost] of missing.entries()) {
    const batch = view.store.batch().mkdir(stored, { parents: true, existOk: true });
    for (const one of missing.slice(at)) batch.setMetaMany(one, metadata);
    try {
      yield* ask(batch, 'commit');
      return;
    } catch (error) {
      // Those of a namespace, a tenant or an agent are not for everybody to make: they are just there.
      const isGiven = (isStatus(error, 'ACCESS_DENIED') || isStatus(error, 'IS_A_DIRECTORY')) && outermost !== stored;
      if (!isGiven) throw error;
    }
  }
}

/** A directory and those above it that are missing, from the outermost on. */
function* missingAbove(view: View, stored: string): Script<string[]> {
  const missing: string[] = [];
  for (let path = stored; !view.root.is(path || '/'); path = path.slice(0, path.lastIndexOf('/'))) {
    if (yield* ask(view.store, 'exists', path)) break;
    missing.unshift(path);
  }
  return missing;
}

/** Makes a directory with a name that begins with `prefix` and is new, for its owner alone. */
export function* mkdtemp(view: View, prefix: PathLike, options?: { encoding?: Encoding | null | undefined } | Encoding | null): Script<string> {
  const { encoding } = withEncoding<{ encoding?: Encoding | null | undefined }>(options);
  for (;;) {
    const path = `${textOf(prefix)}${randomBytes(6).toString('base64url').slice(0, 6)}`;
    try {
      yield* view.call('mkdtemp', path, (name) => make(view, name.stored, 0o700));
      return encoded(path, encoding) as string;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

export function* readdir(
  view: View,
  path: PathLike,
  options?: ReaddirOptions | Encoding | null,
): Script<string[] | Buffer[] | Dirent[] | Dirent<Buffer>[]> {
  const { recursive = false, withFileTypes = false, encoding } = withEncoding<ReaddirOptions>(options);
  const name = view.root.name(path, 'scandir');
  const entries = yield* view.call('scandir', path, () => list(view, name, recursive));
  const inside = (entry: Entry): string => entry.path.slice(baseOf(name.stored).length + 1);
  if (!withFileTypes) return entries.map((entry) => encoded(inside(entry), encoding)) as string[];
  return entries.map((entry) => direntOf(view, entry, encoding)) as Dirent[];
}

function* list(view: View, name: Name, recursive: boolean): Script<Entry[]> {
  try {
    return yield* ask(view.store, 'list', { path: name.stored, recursive, includeDirectories: recursive });
  } catch (error) {
    if (view.root.is(name.stored) && isStatus(error, 'NOT_FOUND')) return [];
    throw error;
  }
}

/** Reads a directory entry by entry. */
export function* opendir(view: View, path: PathLike, options?: OpendirOptions | null): Script<Dir> {
  const { recursive = false, bufferSize = 256, encoding } = options ?? {};
  return yield* view.call('opendir', path, function* ({ stored, given }) {
    if (!(yield* view.statsOf(stored)).isDirectory()) throw systemError('ENOTDIR', 'opendir', given);
    let cursor: string | undefined | null;
    const page = function* (): Script<Dirent[] | undefined> {
      if (cursor === null) return undefined;
      try {
        const entries = yield* ask(view.store, 'list', { path: stored, recursive, includeDirectories: recursive, limit: bufferSize, cursor });
        cursor = entries.cursor;
        return entries.map((entry) => direntOf(view, entry, encoding)) as Dirent[];
      } catch (error) {
        if (view.root.is(stored) && isStatus(error, 'NOT_FOUND')) return undefined;
        throw translated(error, 'scandir', given);
      }
    };
    return new Dir(given, page);
  });
}

function direntOf(view: View, entry: Entry, encoding?: Encoding | null): Dirent<string | Buffer> {
  const at = entry.path.lastIndexOf('/');
  const parent = at === 0 ? '/' : entry.path.slice(0, at);
  return new Dirent(encoded(entry.path.slice(at + 1), encoding), view.root.outside(parent), entry.kind);
}

export function* rmdir(view: View, path: PathLike, options?: { recursive?: boolean } | null): Script<void> {
  const recursive = options?.recursive === true;
  yield* view.call('rmdir', path, ({ stored }) => ask(view.store, 'rmdir', stored, { recursive }));
}

/** A name in the form that the options ask for. */
function encoded(name: string, encoding: Encoding | null | undefined): string | Buffer {
  if (encoding === 'buffer') return Buffer.from(name);
  return encoding && encoding !== 'utf8' && encoding !== 'utf-8' ? Buffer.from(name).toString(encoding) : name;
}

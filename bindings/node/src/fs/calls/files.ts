// Reading, writing, moving and removing files.
import { constants } from 'node:fs';

import { copyTree, type CopyOptions } from '../copy.js';
import { contentOf, contentOfSync, type Encoding, type FileData } from '../data.js';
import { fsError, systemError } from '../errors.js';
import { writeMode } from '../flags.js';
import type { FileHandle } from '../handle.js';
import type { Name, PathLike } from '../paths.js';
import { ask, type Script } from '../script.js';
import { isStatus, withEncoding, type View } from '../view.js';

export interface ReadFileOptions {
  encoding?: Encoding | null | undefined;
  flag?: string | number | undefined;
  signal?: AbortSignal | undefined;
}

export interface WriteFileOptions {
  encoding?: BufferEncoding | null | undefined;
  /** `w` (replace), `a` (append), `wx` and `ax` (the file must not exist). */
  flag?: string | number | undefined;
  /** Permissions of a new file, without the bits of the umask. */
  mode?: number | string | undefined;
  signal?: AbortSignal | undefined;
}

export interface RmOptions {
  recursive?: boolean | undefined;
  force?: boolean | undefined;
}

const gathering = { of: contentOf, ofSync: contentOfSync };

export function* readFile(view: View, path: PathLike | FileHandle | number, options?: ReadFileOptions | Encoding | null): Script<string | Buffer> {
  const { encoding, signal } = withEncoding<ReadFileOptions>(options);
  const handle = openFile(view, path, 'read');
  const content = handle !== undefined
    ? yield* handle.held.readingRest()
    : yield* view.call('open', path as PathLike, ({ stored }) => ask(view.store, 'read', stored, { signal }), { signal });
  return encoding && encoding !== 'buffer' ? content.toString(encoding) : content;
}

/** Of a number or handle, the open file; undefined for a path. */
function openFile(view: View, path: unknown, syscall: string): FileHandle | undefined {
  if (typeof path === 'number') return view.handle(path, syscall);
  return typeof path === 'object' && path !== null && 'held' in path ? (path as FileHandle) : undefined;
}

/** Replaces the file at once: a reader sees the old or the new content. Missing parents come to be. */
export function* writeFile(
  view: View,
  path: PathLike | FileHandle | number,
  data: FileData,
  options?: WriteFileOptions | BufferEncoding | null,
): Script<void> {
  const { encoding, flag, mode, signal } = withEncoding<WriteFileOptions>(options);
  const handle = openFile(view, path, 'write');
  if (handle !== undefined) {
    yield* handle.held.writing(yield* ask(gathering, 'of', data, encoding ?? 'utf8', signal), null);
    return;
  }
  const job = function* (name: Name): Script<void> {
    const { appends, exclusive } = writeMode(flag || 'w', name.given);
    const content = yield* ask(gathering, 'of', data, encoding ?? 'utf8', signal);
    const kept = view.modeOfNew('file', mode);
    const change = appends ? 'append' : 'write';
    try {
      if (kept !== undefined && (yield* view.kindOf(name.stored, signal)) === undefined) {
        const batch = view.store.batch()[change](name.stored, content, { ifNoneMatch: true }).setMetaMany(name.stored, kept);
        if (yield* made(ask(batch, 'commit', { signal }), exclusive)) return;
      }
      yield* ask(view.store, change, name.stored, content, { ifNoneMatch: exclusive, signal });
    } catch (error) {
      if (exclusive && isStatus(error, 'CONFLICT')) throw systemError('EEXIST', 'open', name.given, undefined, error);
      throw error;
    }
  };
  yield* view.call('open', path as PathLike, job, { signal, creates: 'file' });
}

/** Whether a file was made; false where another has made one meanwhile, which may be written. */
function* made(script: Script<unknown>, exclusive: boolean): Script<boolean> {
  try {
    yield* script;
    return true;
  } catch (error) {
    if (exclusive || !isStatus(error, 'CONFLICT')) throw error;
    return false;
  }
}

/** Costs as much as writing the whole file. */
export function appendFile(view: View, path: PathLike | FileHandle | number, data: FileData, options?: WriteFileOptions | BufferEncoding | null): Script<void> {
  const given = withEncoding<WriteFileOptions>(options);
  return writeFile(view, path, data, { ...given, flag: given.flag || 'a' });
}

/** Cuts a file off, or fills it with zeros to that length. Costs as much as writing the whole file. */
export function* truncate(view: View, path: PathLike | number, length: number | null = 0): Script<void> {
  const size = Math.max(length ?? 0, 0);
  if (typeof path === 'number') return yield* view.handle(path, 'ftruncate').held.truncating(size);
  yield* view.call('open', path, function* ({ stored, given }) {
    for (;;) {
      const { kind, etag, size: old } = yield* ask(view.store, 'stat', stored);
      if (kind === 'directory' || etag === null) throw systemError('EISDIR', 'open', given);
      if (size === old) return;
      const kept = size === 0 ? Buffer.alloc(0) : (yield* ask(view.store, 'read', stored)).subarray(0, size);
      const content = Buffer.concat([kept], size);
      try {
        yield* ask(view.store, 'write', stored, content, { ifMatch: etag });
        return;
      } catch (error) {
        // It was changed meanwhile.
        if (!isStatus(error, 'CONFLICT')) throw error;
      }
    }
  });
}

export function* rm(view: View, path: PathLike, options?: RmOptions | null): Script<void> {
  const { recursive = false, force = false } = options ?? {};
  yield* view.call('rm', path, function* (name) {
    try {
      yield* remove(view, name, recursive);
    } catch (error) {
      // Another may have removed it meanwhile.
      if (!force || !isStatus(error, 'NOT_FOUND')) throw error;
    }
  });
}

function* remove(view: View, { stored, given }: Name, recursive: boolean): Script<void> {
  try {
    yield* ask(view.store, 'delete', stored);
  } catch (error) {
    if (!isStatus(error, 'IS_A_DIRECTORY')) throw error;
    if (!recursive) throw fsError('ERR_FS_EISDIR', 'EISDIR', 'rm', given);
    yield* ask(view.store, 'rmdir', stored, { recursive: true });
  }
}

export function* unlink(view: View, path: PathLike): Script<void> {
  yield* view.call('unlink', path, ({ stored }) => ask(view.store, 'delete', stored));
}

export function* rename(view: View, from: PathLike, to: PathLike): Script<void> {
  yield* view.call2('rename', from, to, function* (source, target) {
    const isNamedDirectory = target.endsWithSlash || target.endsWithDot;
    const isFile = function* (name: Name): Script<boolean> {
      return (yield* view.kindOf(name.stored)) === 'file';
    };
    if (isNamedDirectory && ((yield* isFile(source)) || (yield* isFile(target)))) {
      throw systemError('ENOTDIR', 'rename', source.given, target.given);
    }
    yield* ask(view.store, 'rename', source.stored, target.stored);
  });
}

/** The copy shares its content with the original, and has its permissions. */
export function* copyFile(view: View, from: PathLike, to: PathLike, mode: number = 0): Script<void> {
  const noReplace = (mode & constants.COPYFILE_EXCL) !== 0;
  yield* view.call2('copyfile', from, to, function* (source, target) {
    if ((yield* view.kindOf(source.stored)) === 'directory' || target.endsWithSlash) {
      throw systemError('EISDIR', 'copyfile', source.given, target.given);
    }
    yield* view.expectDirectory(target, 'copyfile', 'file');
    yield* ask(view.store, 'copy', source.stored, target.stored, { noReplace });
  });
}

export function* cp(view: View, from: PathLike, to: PathLike, options: CopyOptions = {}): Script<void> {
  yield* view.call2('cp', from, to, (source, target) => copyTree(view, source, target, options));
}

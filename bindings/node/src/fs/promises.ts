// The calls of node:fs/promises, on a store.
import { constants } from 'node:fs';

import type { CopyOptions } from './copy.js';
import * as description from './calls/description.js';
import * as directories from './calls/directories.js';
import * as files from './calls/files.js';
import { open } from './calls/open.js';
import type { Time } from './calls/description.js';
import type { MkdirOptions, OpendirOptions, ReaddirOptions } from './calls/directories.js';
import type { ReadFileOptions, RmOptions, WriteFileOptions } from './calls/files.js';
import type { Encoding, FileData } from './data.js';
import type { Dir } from './dir.js';
import type { FileHandle } from './handle.js';
import { textOf, type PathLike } from './paths.js';
import { promised } from './script.js';
import type { BigIntStats, Dirent, StatOptions, Stats } from './stats.js';
import type { View } from './view.js';

/** Only calls with a callback, and those that block, take numbers of open files. */
function noNumber<T>(path: T): T {
  if (typeof path === 'number') textOf(path);
  return path;
}

type NamesOptions = ReaddirOptions & { encoding?: BufferEncoding | null | undefined; withFileTypes?: false | undefined };

/** A view of a store, or of a directory in it, with the calls of `node:fs/promises`. */
export class FsPromises {
  readonly constants = constants;
  readonly #view: View;

  /** @internal */
  constructor(view: View) {
    this.#view = view;
    // Programs take single functions out of an fs, and copy its own enumerable properties.
    for (const name of Object.getOwnPropertyNames(FsPromises.prototype) as (keyof FsPromises)[]) {
      const method = this[name];
      if (typeof method === 'function' && name !== ('constructor' as string)) {
        const value = (method as Function).bind(this);
        Object.defineProperty(this, name, { value, enumerable: true, writable: true, configurable: true });
      }
    }
  }

  readFile(path: PathLike | FileHandle, options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  readFile(path: PathLike | FileHandle, options?: (ReadFileOptions & { encoding?: null | undefined | 'buffer' }) | null): Promise<Buffer>;
  readFile(path: PathLike | FileHandle, options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer>;
  async readFile(path: PathLike | FileHandle, options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer> {
    return promised(files.readFile(this.#view, noNumber(path), options));
  }

  /** Replaces the file at once: a reader sees the old or the new content. Missing parents come to be. */
  async writeFile(path: PathLike | FileHandle, data: FileData, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    return promised(files.writeFile(this.#view, noNumber(path), data, options));
  }

  /** Costs as much as writing the whole file. */
  async appendFile(path: PathLike | FileHandle, data: FileData, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    return promised(files.appendFile(this.#view, noNumber(path), data, options));
  }

  /**
   * Opens a file to read it (`r`), or to write it as a whole (`w`, `a`, `wx`, `ax`). What replaces a file appears when the handle
   * is closed.
   */
  async open(path: PathLike, flags: string | number | null = 'r', mode?: number | string | null): Promise<FileHandle> {
    return promised(open(this.#view, path, flags, mode));
  }

  /** Cuts a file off, or fills it with zeros to that length. Costs as much as writing the whole file. */
  async truncate(path: PathLike, length: number | null = 0): Promise<void> {
    return promised(files.truncate(this.#view, noNumber(path), length));
  }

  /** Reads a directory entry by entry. */
  opendir(path: PathLike, options: OpendirOptions & { encoding: 'buffer' }): Promise<Dir<Buffer>>;
  opendir(path: PathLike, options?: (OpendirOptions & { encoding?: BufferEncoding | null | undefined }) | null): Promise<Dir>;
  async opendir(path: PathLike, options?: OpendirOptions | null): Promise<Dir | Dir<Buffer>> {
    return promised(directories.opendir(this.#view, path, options));
  }

  /** Makes a directory with a name that begins with `prefix` and is new, for its owner alone. */
  async mkdtemp(prefix: PathLike, options?: { encoding?: Encoding | null | undefined } | Encoding | null): Promise<string> {
    return promised(directories.mkdtemp(this.#view, prefix, options));
  }

  readdir(path: PathLike, options: ReaddirOptions & { encoding: 'buffer'; withFileTypes: true }): Promise<Dirent<Buffer>[]>;
  readdir(path: PathLike, options: ReaddirOptions & { withFileTypes: true }): Promise<Dirent[]>;
  readdir(path: PathLike, options: 'buffer' | (ReaddirOptions & { encoding: 'buffer' })): Promise<Buffer[]>;
  readdir(path: PathLike, options?: NamesOptions | BufferEncoding | null): Promise<string[]>;
  async readdir(
    path: PathLike,
    options?: ReaddirOptions | Encoding | null,
  ): Promise<string[] | Buffer[] | Dirent[] | Dirent<Buffer>[]> {
    return promised(directories.readdir(this.#view, path, options));
  }

  stat(path: PathLike, options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  stat(path: PathLike, options?: (StatOptions & { bigint?: false | undefined }) | null): Promise<Stats>;
  stat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats>;
  async stat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats> {
    return promised(description.stat(this.#view, path, options));
  }

  /** As stat: there are no symbolic links. */
  lstat(path: PathLike, options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  lstat(path: PathLike, options?: (StatOptions & { bigint?: false | undefined }) | null): Promise<Stats>;
  lstat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats>;
  async lstat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats> {
    return promised(description.lstat(this.#view, path, options));
  }

  /** W_OK asks the policy, as a change would: EROFS or EACCES. X_OK looks for an execute bit. */
  async access(path: PathLike, mode: number = constants.F_OK): Promise<void> {
    return promised(description.access(this.#view, path, mode));
  }

  /** With `recursive`, gives the first directory that was made, or undefined. */
  async mkdir(path: PathLike, options?: MkdirOptions | number | string | null): Promise<string | undefined> {
    return promised(directories.mkdir(this.#view, path, options));
  }

  async rmdir(path: PathLike, options?: { recursive?: boolean } | null): Promise<void> {
    return promised(directories.rmdir(this.#view, path, options));
  }

  async rm(path: PathLike, options?: RmOptions | null): Promise<void> {
    return promised(files.rm(this.#view, path, options));
  }

  async unlink(path: PathLike): Promise<void> {
    return promised(files.unlink(this.#view, path));
  }

  async rename(from: PathLike, to: PathLike): Promise<void> {
    return promised(files.rename(this.#view, from, to));
  }

  /** The copy shares its content with the original, and has its permissions. */
  async copyFile(from: PathLike, to: PathLike, mode: number = 0): Promise<void> {
    return promised(files.copyFile(this.#view, from, to, mode));
  }

  async cp(from: PathLike, to: PathLike, options: CopyOptions = {}): Promise<void> {
    return promised(files.cp(this.#view, from, to, options));
  }

  /** Kept as metadata. A directory that was not made is made by it. */
  async chmod(path: PathLike, mode: number | string): Promise<void> {
    return promised(description.chmod(this.#view, path, mode));
  }

  lchmod(path: PathLike, mode: number | string): Promise<void> {
    return this.chmod(path, mode);
  }

  /** Does nothing: the files of a store have no owner. */
  async chown(path: PathLike, uid: number, gid: number): Promise<void> {
    return promised(description.chown(this.#view, path, uid, gid));
  }

  async lchown(path: PathLike, uid: number, gid: number): Promise<void> {
    return promised(description.lchown(this.#view, path, uid, gid));
  }

  /** The time of modification is kept as metadata, that of access is not. */
  async utimes(path: PathLike, accessed: Time, modified: Time): Promise<void> {
    return promised(description.utimes(this.#view, path, accessed, modified));
  }

  lutimes(path: PathLike, accessed: Time, modified: Time): Promise<void> {
    return this.utimes(path, accessed, modified);
  }

  /** EPERM, as on any file system without symbolic links. */
  async symlink(target: PathLike, path: PathLike, type?: string | null): Promise<void> {
    return promised(description.symlink(this.#view, target, path, type));
  }

  /** EPERM: a file has one name. */
  async link(existing: PathLike, path: PathLike): Promise<void> {
    return promised(description.link(this.#view, existing, path));
  }

  /** Nothing is a symbolic link: EINVAL, or ENOENT where nothing is. */
  async readlink(path: PathLike, options?: unknown): Promise<string> {
    return promised(description.readlink(this.#view, path, options));
  }

  async realpath(path: PathLike, options?: unknown): Promise<string> {
    return promised(description.realpath(this.#view, path, options));
  }
}

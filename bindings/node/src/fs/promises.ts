// The calls of node:fs/promises, on a store.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';

import { NexusError } from '../error.js';
import type { Entry } from '../rows.js';
import type { Store } from '../store.js';
import { copyTree, type CopyOptions } from './copy.js';
import { contentOf, type Encoding, type FileData } from './data.js';
import { Dir } from './dir.js';
import { fsError, systemError, translated, unlessAborted } from './errors.js';
import { onlyReads, writeMode } from './flags.js';
import { FileHandle, type OpenFile } from './handle.js';
import { baseOf, Root, textOf, type Name, type PathLike } from './paths.js';
import { hasExecuteBit, modeMetadata, modeNumber, mtimeMetadata } from './posix.js';
import { openSink } from './sink.js';
import { BigIntStats, Dirent, inForm, Stats, type StatOptions } from './stats.js';

export interface ReadFileOptions {
  encoding?: Encoding | null | undefined;
  flag?: string | number | undefined;
  signal?: AbortSignal | undefined;
}

export interface WriteFileOptions {
  encoding?: BufferEncoding | null | undefined;
  /** `w` (replace), `a` (append), `wx` and `ax` (the file must not exist). */
  flag?: string | number | undefined;
  /** Permissions of a new file. */
  mode?: number | string | undefined;
  signal?: AbortSignal | undefined;
}

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

type NamesOptions = ReaddirOptions & { encoding?: BufferEncoding | null | undefined; withFileTypes?: false | undefined };

export interface MkdirOptions {
  /** Missing parents are made too, and a directory that is there is no error. */
  recursive?: boolean | undefined;
  mode?: number | string | undefined;
}

/** A view of a store, or of a directory in it, with the calls of `node:fs/promises`. */
export class FsPromises {
  readonly constants = constants;
  readonly #store: Store;
  readonly #root: Root;

  constructor(store: Store, root: Root) {
    this.#store = store;
    this.#root = root;
    // Programs take single functions out of an fs.
    for (const name of Object.getOwnPropertyNames(FsPromises.prototype) as (keyof FsPromises)[]) {
      const method = this[name];
      if (typeof method === 'function' && name !== ('constructor' as string)) {
        Object.defineProperty(this, name, { value: (method as Function).bind(this) });
      }
    }
  }

  readFile(path: PathLike, options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  readFile(path: PathLike, options?: (ReadFileOptions & { encoding?: null | undefined | 'buffer' }) | null): Promise<Buffer>;
  readFile(path: PathLike, options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer>;
  async readFile(path: PathLike, options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer> {
    const { encoding, signal } = withEncoding(options);
    const content = await this.#call('open', path, ({ stored }) => this.#store.read(stored, { signal }), signal);
    return encoding && encoding !== 'buffer' ? content.toString(encoding) : content;
  }

  /** Replaces the file at once: a reader sees the old or the new content. Missing parents come to be. */
  async writeFile(path: PathLike, data: FileData, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    const { encoding, flag, mode, signal } = withEncoding(options);
    await this.#call('open', path, async (name) => {
      const { appends, exclusive } = writeMode(flag || 'w', name.given);
      const content = await contentOf(data, encoding ?? 'utf8', signal);
      const isNew = mode !== undefined && hasExecuteBit(mode) && !(await this.#store.exists(name.stored));
      try {
        const change = appends ? 'append' : 'write';
        if (isNew) {
          const batch = this.#store.batch()[change](name.stored, content, { ifNoneMatch: exclusive });
          await batch.setMetaMany(name.stored, modeMetadata(modeNumber(mode))).commit({ signal });
        } else {
          await this.#store[change](name.stored, content, { ifNoneMatch: exclusive, signal });
        }
      } catch (error) {
        if (exclusive && isStatus(error, 'CONFLICT')) throw systemError('EEXIST', 'open', name.given, undefined, error);
        throw error;
      }
    }, signal);
  }

  /** Costs as much as writing the whole file. */
  appendFile(path: PathLike, data: FileData, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    const given = withEncoding(options);
    return this.writeFile(path, data, { ...given, flag: given.flag || 'a' });
  }

  /**
   * Opens a file to read it (`r`), or to write it as a whole (`w`, `a`, `wx`, `ax`). What replaces a file appears when the handle
   * is closed.
   */
  async open(path: PathLike, flags: string | number | null = 'r', mode?: number | string | null): Promise<FileHandle> {
    const how = flags ?? 'r';
    return this.#call('open', path, async (name) =>
      new FileHandle(onlyReads(how) ? await this.#toRead(name) : await this.#toWrite(name, how, mode ?? undefined)),
    );
  }

  async #toRead({ stored }: Name): Promise<OpenFile> {
    // A file may be replaced between the calls: so until the entry that was seen is that of the content.
    for (;;) {
      const stats = await this.#statsOf(stored);
      if (stats.isDirectory()) return { stat: async () => stats };
      const { etag } = await this.#store.stat(stored);
      const reader = await this.#store.openReader(stored);
      const after = await this.#store.stat(stored).catch(() => undefined);
      if (etag !== null && after?.etag === etag && stats.size === reader.size) return { reader, stat: async () => stats };
      await reader.close();
    }
  }

  async #toWrite(name: Name, flags: string | number, mode: number | string | undefined): Promise<OpenFile> {
    const { appends } = writeMode(flags, name.given);
    const sink = await openSink(this.#store, name, { flags, mode });
    const stat = async (written: number): Promise<Stats> => {
      const size = appends ? (await this.#statsOf(name.stored)).size : written;
      return new Stats({ ...NOTHING_KNOWN, path: name.stored, kind: 'file', size, modifiedAt: new Date() }, {});
    };
    return { sink, appends, stat };
  }

  /** Cuts a file off, or fills it with zeros to that length. Costs as much as writing the whole file. */
  async truncate(path: PathLike, length: number | null = 0): Promise<void> {
    const size = Math.max(length ?? 0, 0);
    await this.#call('open', path, async ({ stored, given }) => {
      for (;;) {
        const { kind, etag, size: old } = await this.#store.stat(stored);
        if (kind === 'directory' || etag === null) throw systemError('EISDIR', 'open', given);
        if (size === old) return;
        const kept = size === 0 ? Buffer.alloc(0) : (await this.#store.read(stored)).subarray(0, size);
        const content = Buffer.concat([kept], size);
        try {
          await this.#store.write(stored, content, { ifMatch: etag });
          return;
        } catch (error) {
          // It was changed meanwhile.
          if (!isStatus(error, 'CONFLICT')) throw error;
        }
      }
    });
  }

  /** Reads a directory entry by entry. */
  opendir(path: PathLike, options: OpendirOptions & { encoding: 'buffer' }): Promise<Dir<Buffer>>;
  opendir(path: PathLike, options?: (OpendirOptions & { encoding?: BufferEncoding | null | undefined }) | null): Promise<Dir>;
  async opendir(path: PathLike, options?: OpendirOptions | null): Promise<Dir | Dir<Buffer>> {
    const { recursive = false, bufferSize, encoding } = options ?? {};
    return this.#call('opendir', path, async ({ stored, given }) => {
      if (!(await this.#statsOf(stored)).isDirectory()) throw systemError('ENOTDIR', 'opendir', given);
      const pages = this.#store.list({ path: stored, recursive, includeDirectories: recursive }).pages(bufferSize);
      return new Dir(given, this.#direntsOf(pages, stored, given, encoding)) as Dir;
    });
  }

  async *#direntsOf(
    pages: AsyncGenerator<Entry[]>,
    stored: string,
    given: string,
    encoding: Encoding | null | undefined,
  ): AsyncGenerator<Dirent<string | Buffer>, void, undefined> {
    try {
      for await (const page of pages) for (const entry of page) yield this.#direntOf(entry, encoding);
    } catch (error) {
      if (!this.#root.is(stored) || !isStatus(error, 'NOT_FOUND')) throw translated(error, 'scandir', given);
    }
  }

  /** Makes a directory with a name that begins with `prefix` and is new. */
  async mkdtemp(prefix: PathLike, options?: { encoding?: Encoding | null | undefined } | Encoding | null): Promise<string> {
    const { encoding } = withEncoding<{ encoding?: Encoding | null | undefined }>(options);
    for (;;) {
      const path = `${textOf(prefix)}${randomBytes(6).toString('base64url').slice(0, 6)}`;
      try {
        await this.#call('mkdtemp', path, (name) => this.#makeDirectory(name.stored));
        return encoded(path, encoding) as string;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  readdir(path: PathLike, options: ReaddirOptions & { encoding: 'buffer'; withFileTypes: true }): Promise<Dirent<Buffer>[]>;
  readdir(path: PathLike, options: ReaddirOptions & { withFileTypes: true }): Promise<Dirent[]>;
  readdir(path: PathLike, options: 'buffer' | (ReaddirOptions & { encoding: 'buffer' })): Promise<Buffer[]>;
  readdir(path: PathLike, options?: NamesOptions | BufferEncoding | null): Promise<string[]>;
  async readdir(
    path: PathLike,
    options?: ReaddirOptions | Encoding | null,
  ): Promise<string[] | Buffer[] | Dirent[] | Dirent<Buffer>[]> {
    const { recursive = false, withFileTypes = false, encoding } = withEncoding<ReaddirOptions>(options);
    const name = this.#root.name(path, 'scandir');
    const entries = await this.#call('scandir', path, () => this.#listDirectory(name, recursive));
    const inside = (entry: Entry): string => entry.path.slice(baseOf(name.stored).length + 1);
    if (!withFileTypes) return entries.map((entry) => encoded(inside(entry), encoding)) as string[];
    return entries.map((entry) => this.#direntOf(entry, encoding)) as Dirent[];
  }

  #direntOf(entry: Entry, encoding?: Encoding | null): Dirent<string | Buffer> {
    const at = entry.path.lastIndexOf('/');
    const parent = at === 0 ? '/' : entry.path.slice(0, at);
    return new Dirent(encoded(entry.path.slice(at + 1), encoding), this.#root.outside(parent), entry.kind);
  }

  async #listDirectory(name: Name, recursive: boolean): Promise<Entry[]> {
    try {
      return await this.#store.list({ path: name.stored, recursive, includeDirectories: recursive });
    } catch (error) {
      if (this.#root.is(name.stored) && isStatus(error, 'NOT_FOUND')) return [];
      throw error;
    }
  }

  stat(path: PathLike, options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  stat(path: PathLike, options?: (StatOptions & { bigint?: false | undefined }) | null): Promise<Stats>;
  stat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats>;
  async stat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats> {
    return inForm(await this.#stat('stat', path), options);
  }

  /** As stat: there are no symbolic links. */
  lstat(path: PathLike, options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  lstat(path: PathLike, options?: (StatOptions & { bigint?: false | undefined }) | null): Promise<Stats>;
  lstat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats>;
  async lstat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats> {
    return inForm(await this.#stat('lstat', path), options);
  }

  async #stat(syscall: string, path: PathLike): Promise<Stats> {
    return this.#call(syscall, path, ({ stored }) => this.#statsOf(stored));
  }

  async #statsOf(stored: string): Promise<Stats> {
    const [entry, metadata] = await Promise.allSettled([this.#store.stat(stored), this.#store.listMeta(stored)]);
    if (entry.status === 'rejected') {
      // A root that nothing was written below.
      const isEmptyRoot = this.#root.is(stored) && isStatus(entry.reason, 'NOT_FOUND');
      if (isEmptyRoot) return new Stats({ ...NOTHING_KNOWN, path: stored, kind: 'directory' }, {});
      throw entry.reason;
    }
    // A directory has no metadata.
    return new Stats(entry.value, metadata.status === 'fulfilled' ? metadata.value : {});
  }

  /** W_OK asks the policy, as a change would: EROFS or EACCES. X_OK looks for an execute bit. */
  async access(path: PathLike, mode: number = constants.F_OK): Promise<void> {
    await this.#call('access', path, async (name) => {
      const stats = await this.#stat('access', path);
      if (mode & constants.W_OK) await this.#mayWrite(stats.isDirectory() ? `${baseOf(name.stored)}/.access` : name.stored);
      if (mode & constants.X_OK && (stats.mode & 0o111) === 0) throw systemError('EACCES', 'access', name.given);
    });
  }

  /**
   * Tries a deletion whose condition cannot hold: who may not write is told so before that is found. Of a directory, what
   * may be written is what is in it.
   */
  async #mayWrite(stored: string): Promise<void> {
    try {
      await this.#store.delete(stored, { ifMatch: '0'.repeat(64) });
    } catch (error) {
      const isAllowed = isStatus(error, 'CONFLICT') || isStatus(error, 'NOT_FOUND') || isStatus(error, 'IS_A_DIRECTORY');
      if (!isAllowed) throw error;
    }
  }

  /** With `recursive`, gives the first directory that was made, or undefined. `mode` has no effect. */
  async mkdir(path: PathLike, options?: MkdirOptions | number | string | null): Promise<string | undefined> {
    const recursive = typeof options === 'object' && options !== null && options.recursive === true;
    return this.#call('mkdir', path, async ({ stored }) => {
      if (!recursive) {
        if (this.#root.is(stored)) throw new NexusError('ALREADY_EXISTS', 'the root is there');
        await this.#makeDirectory(stored);
        return undefined;
      }
      const first = await this.#firstMissing(stored);
      await this.#store.mkdir(stored, { parents: true, existOk: true });
      return first === undefined ? undefined : this.#root.outside(first);
    });
  }

  async #makeDirectory(stored: string): Promise<void> {
    await this.#store.mkdir(stored, { parents: this.#root.is(stored.slice(0, stored.lastIndexOf('/'))) });
  }

  async #firstMissing(stored: string): Promise<string | undefined> {
    let missing: string | undefined;
    for (let path = stored; !this.#root.is(path || '/'); path = path.slice(0, path.lastIndexOf('/'))) {
      if (await this.#store.exists(path)) break;
      missing = path;
    }
    return missing;
  }

  async rmdir(path: PathLike, options?: { recursive?: boolean } | null): Promise<void> {
    const recursive = options?.recursive === true;
    await this.#call('rmdir', path, ({ stored }) => this.#store.rmdir(stored, { recursive }));
  }

  async rm(path: PathLike, options?: { recursive?: boolean; force?: boolean } | null): Promise<void> {
    const { recursive = false, force = false } = options ?? {};
    await this.#call('rm', path, async (name) => {
      try {
        await this.#remove(name, recursive);
      } catch (error) {
        // Another may have removed it meanwhile.
        if (!force || !isStatus(error, 'NOT_FOUND')) throw error;
      }
    });
  }

  async #remove({ stored, given }: Name, recursive: boolean): Promise<void> {
    try {
      await this.#store.delete(stored);
    } catch (error) {
      if (!isStatus(error, 'IS_A_DIRECTORY')) throw error;
      if (!recursive) throw fsError('ERR_FS_EISDIR', 'EISDIR', 'rm', given);
      await this.#store.rmdir(stored, { recursive: true });
    }
  }

  async unlink(path: PathLike): Promise<void> {
    await this.#call('unlink', path, ({ stored }) => this.#store.delete(stored));
  }

  async rename(from: PathLike, to: PathLike): Promise<void> {
    await this.#call2('rename', from, to, (source, target) => this.#store.rename(source.stored, target.stored));
  }

  /** The copy shares its content with the original. */
  async copyFile(from: PathLike, to: PathLike, mode: number = 0): Promise<void> {
    const noReplace = (mode & constants.COPYFILE_EXCL) !== 0;
    await this.#call2('copyfile', from, to, async (source, target) => {
      if (await this.#store.isDirectory(source.stored)) {
        throw systemError('EISDIR', 'copyfile', source.given, target.given);
      }
      await this.#store.copy(source.stored, target.stored, { noReplace });
    });
  }

  async cp(from: PathLike, to: PathLike, options: CopyOptions = {}): Promise<void> {
    await this.#call2('cp', from, to, (source, target) => copyTree(this.#store, source, target, options));
  }

  /** Kept as metadata of the file. Directories have 0755: on them this does nothing. */
  async chmod(path: PathLike, mode: number | string): Promise<void> {
    await this.#call('chmod', path, ({ stored }) => this.#describe(stored, () => modeMetadata(modeNumber(mode))));
  }

  lchmod(path: PathLike, mode: number | string): Promise<void> {
    return this.chmod(path, mode);
  }

  /** Does nothing: the files of a store have no owner. */
  async chown(path: PathLike, _uid: number, _gid: number): Promise<void> {
    await this.#stat('chown', path);
  }

  async lchown(path: PathLike, _uid: number, _gid: number): Promise<void> {
    await this.#stat('lchown', path);
  }

  /** The time of modification is kept as metadata of the file, that of access is not. On directories it does nothing. */
  async utimes(path: PathLike, _accessed: number | string | Date, modified: number | string | Date): Promise<void> {
    await this.#call('utime', path, async (name) => {
      const time = new Date(modified instanceof Date ? modified : Number(modified) * 1000);
      if (Number.isNaN(time.getTime())) throw systemError('EINVAL', 'utime', name.given);
      await this.#describe(name.stored, (etag) => mtimeMetadata(time, etag));
    });
  }

  lutimes(path: PathLike, accessed: number | string | Date, modified: number | string | Date): Promise<void> {
    return this.utimes(path, accessed, modified);
  }

  async #describe(stored: string, metadata: (etag: string) => ReturnType<typeof modeMetadata>): Promise<void> {
    const { etag } = await this.#store.stat(stored);
    if (etag !== null) await this.#store.setMetaMany(stored, metadata(etag));
  }

  /** EPERM, as on any file system without symbolic links. */
  async symlink(target: PathLike, path: PathLike, _type?: string | null): Promise<void> {
    throw systemError('EPERM', 'symlink', String(target), this.#root.name(path, 'symlink').given);
  }

  /** EPERM: a file has one name. */
  async link(existing: PathLike, path: PathLike): Promise<void> {
    throw systemError('EPERM', 'link', this.#root.name(existing, 'link').given, this.#root.name(path, 'link').given);
  }

  /** Nothing is a symbolic link: EINVAL, or ENOENT where nothing is. */
  async readlink(path: PathLike, _options?: unknown): Promise<string> {
    await this.#stat('readlink', path);
    throw systemError('EINVAL', 'readlink', this.#root.name(path, 'readlink').given);
  }

  async realpath(path: PathLike, _options?: unknown): Promise<string> {
    await this.#stat('realpath', path);
    return this.#root.outside(this.#root.name(path, 'realpath').stored);
  }

  /** Runs a call on one name, and gives its error the form that fs has. */
  async #call<T>(syscall: string, path: PathLike, job: (name: Name) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const name = this.#root.name(path, syscall);
    try {
      return await job(name);
    } catch (error) {
      throw unlessAborted(translated(error, syscall, name.given), signal);
    }
  }

  async #call2<T>(syscall: string, from: PathLike, to: PathLike, job: (from: Name, to: Name) => Promise<T>): Promise<T> {
    const source = this.#root.name(from, syscall);
    const target = this.#root.name(to, syscall);
    try {
      return await job(source, target);
    } catch (error) {
      throw translated(error, syscall, source.given, target.given);
    }
  }
}

function isStatus(error: unknown, code: NexusError['code']): boolean {
  return error instanceof NexusError && error.code === code;
}

/** Of a file that the store has no entry of. */
const NOTHING_KNOWN = {
  size: 0,
  etag: null,
  version: 0,
  mimeType: null,
  pathId: null,
  backendName: null,
  createdAt: null,
  modifiedAt: null,
};

/** An encoding alone stands for options with it. */
function withEncoding<T extends object>(options: T | string | null | undefined): T {
  return (typeof options === 'string' ? { encoding: options } : (options ?? {})) as T;
}

/** A name in the form that the options ask for. */
function encoded(name: string, encoding: Encoding | null | undefined): string | Buffer {
  if (encoding === 'buffer') return Buffer.from(name);
  return encoding && encoding !== 'utf8' && encoding !== 'utf-8' ? Buffer.from(name).toString(encoding) : name;
}

// What stat and readdir tell of a file.
import type { Entry } from '../rows.js';
import { DIRECTORY_MODE, FILE_MODE, modeOf, mtimeOf } from './posix.js';

const DIRECTORY = 0o040000;
const FILE = 0o100000;

/** What a store has none of. */
class NothingSpecial {
  isSymbolicLink(): boolean {
    return false;
  }
  isBlockDevice(): boolean {
    return false;
  }
  isCharacterDevice(): boolean {
    return false;
  }
  isFIFO(): boolean {
    return false;
  }
  isSocket(): boolean {
    return false;
  }
}

/** Like fs.Stats, of a file or directory of a store. */
export class Stats extends NothingSpecial {
  readonly dev = 0;
  readonly nlink = 1;
  readonly uid: number;
  readonly gid: number;
  readonly rdev = 0;
  readonly blksize = 4096;
  readonly ino: number;
  readonly mode: number;
  readonly size: number;
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;

  constructor(entry: Entry, metadata: Record<string, unknown>) {
    super();
    const changed = entry.modifiedAt?.getTime() ?? 0;
    this.uid = process.getuid?.() ?? 0;
    this.gid = process.getgid?.() ?? 0;
    this.ino = inode(entry);
    const mode = modeOf(metadata);
    this.mode = entry.kind === 'directory' ? DIRECTORY | (mode ?? DIRECTORY_MODE) : FILE | (mode ?? FILE_MODE);
    this.size = entry.size;
    this.blocks = Math.ceil(entry.size / 512);
    this.mtimeMs = mtimeOf(metadata, entry.etag) ?? changed;
    this.atimeMs = this.mtimeMs;
    this.ctimeMs = changed;
    this.birthtimeMs = entry.createdAt?.getTime() ?? 0;
  }

  get atime(): Date {
    return new Date(this.atimeMs);
  }
  get mtime(): Date {
    return new Date(this.mtimeMs);
  }
  get ctime(): Date {
    return new Date(this.ctimeMs);
  }
  get birthtime(): Date {
    return new Date(this.birthtimeMs);
  }

  isFile(): boolean {
    return (this.mode & 0o170000) === FILE;
  }
  isDirectory(): boolean {
    return (this.mode & 0o170000) === DIRECTORY;
  }
}

const NANOSECONDS = 1_000_000n;

/** The same with whole numbers of any size, as `bigint: true` asks for. Times have milliseconds. */
export class BigIntStats extends NothingSpecial {
  readonly dev: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly rdev: bigint;
  readonly blksize: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly atimeMs: bigint;
  readonly mtimeMs: bigint;
  readonly ctimeMs: bigint;
  readonly birthtimeMs: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  readonly atime: Date;
  readonly mtime: Date;
  readonly ctime: Date;
  readonly birthtime: Date;
  readonly #stats: Stats;

  constructor(stats: Stats) {
    super();
    this.#stats = stats;
    this.dev = BigInt(stats.dev);
    this.nlink = BigInt(stats.nlink);
    this.uid = BigInt(stats.uid);
    this.gid = BigInt(stats.gid);
    this.rdev = BigInt(stats.rdev);
    this.blksize = BigInt(stats.blksize);
    this.ino = BigInt(stats.ino);
    this.mode = BigInt(stats.mode);
    this.size = BigInt(stats.size);
    this.blocks = BigInt(stats.blocks);
    this.atimeMs = BigInt(Math.trunc(stats.atimeMs));
    this.mtimeMs = BigInt(Math.trunc(stats.mtimeMs));
    this.ctimeMs = BigInt(stats.ctimeMs);
    this.birthtimeMs = BigInt(stats.birthtimeMs);
    this.atimeNs = this.atimeMs * NANOSECONDS;
    this.mtimeNs = this.mtimeMs * NANOSECONDS;
    this.ctimeNs = this.ctimeMs * NANOSECONDS;
    this.birthtimeNs = this.birthtimeMs * NANOSECONDS;
    this.atime = stats.atime;
    this.mtime = stats.mtime;
    this.ctime = stats.ctime;
    this.birthtime = stats.birthtime;
  }

  isFile(): boolean {
    return this.#stats.isFile();
  }
  isDirectory(): boolean {
    return this.#stats.isDirectory();
  }
}

export interface StatOptions {
  bigint?: boolean | undefined;
}

export function inForm(stats: Stats, options: StatOptions | null | undefined): Stats | BigIntStats {
  return options?.bigint === true ? new BigIntStats(stats) : stats;
}

/** The number of a file: 48 of the random bits of its id, which stay with it. */
function inode(entry: Entry): number {
  return entry.pathId === null ? 0 : Number.parseInt(entry.pathId.slice(-12), 16);
}

/** Like fs.Dirent. */
export class Dirent<Name extends string | Buffer = string> extends NothingSpecial {
  readonly name: Name;
  /** The directory that it is in. */
  readonly parentPath: string;
  /** An older name of `parentPath`. */
  readonly path: string;
  readonly #kind: Entry['kind'];

  constructor(name: Name, parentPath: string, kind: Entry['kind']) {
    super();
    this.name = name;
    this.parentPath = parentPath;
    this.path = parentPath;
    this.#kind = kind;
  }

  isFile(): boolean {
    return this.#kind === 'file';
  }
  isDirectory(): boolean {
    return this.#kind === 'directory';
  }
}

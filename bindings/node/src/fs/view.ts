// What all calls of a view share: the store, the root, and how a name and an error get the form that fs has.
import { NexusError } from '../error.js';
import type { Entry } from '../rows.js';
import type { Store } from '../store.js';
import { systemError, translated, unlessAborted } from './errors.js';
import type { FileHandle } from './handle.js';
import type { Name, PathLike, Root } from './paths.js';
import { DIRECTORY_MODE, FILE_MODE, modeMetadata, modeNumber } from './posix.js';
import { ask, askBoth, type Script } from './script.js';
import { Stats } from './stats.js';

type Creates = 'file' | 'directory' | undefined;

interface CallSettings {
  signal?: AbortSignal | undefined;
  /** What the call makes where nothing is. */
  creates?: Creates;
}

/** Numbers of open files begin here, far from the descriptors of the process. */
const FIRST_NUMBER = 2 ** 30;

export class View {
  readonly store: Store;
  readonly root: Root;
  /** Permission bits that nothing new has. */
  readonly umask: number;
  readonly #open = new Map<number, FileHandle>();
  #lastNumber = FIRST_NUMBER;

  constructor(store: Store, root: Root, umask: number) {
    this.store = store;
    this.root = root;
    this.umask = umask;
  }

  /** Runs a call on one name, and gives its error the form that fs has. */
  *call<T>(syscall: string, path: PathLike, job: (name: Name) => Script<T>, settings: CallSettings = {}): Script<T> {
    const name = this.root.name(path, syscall);
    try {
      yield* this.expectDirectory(name, syscall, settings.creates);
      return yield* job(name);
    } catch (error) {
      throw unlessAborted(translated(error, syscall, name.given), settings.signal);
    }
  }

  /** The same on two names. */
  *call2<T>(syscall: string, from: PathLike, to: PathLike, job: (from: Name, to: Name) => Script<T>): Script<T> {
    const source = this.root.name(from, syscall);
    const target = this.root.name(to, syscall);
    try {
      yield* this.expectDirectory(source, syscall, undefined);
      return yield* job(source, target);
    } catch (error) {
      throw translated(error, syscall, source.given, target.given);
    }
  }

  /** A name with a slash at its end is that of a directory. */
  *expectDirectory(name: Name, syscall: string, creates: Creates): Script<void> {
    if (name.endsWithSlash && creates === 'file') throw systemError('EISDIR', syscall, name.given);
    if (name.endsWithSlash && creates === 'directory') return;
    if (!name.endsWithSlash && !name.endsWithDot) return;
    const kind = yield* this.kindOf(name.stored);
    if (kind === 'file') throw systemError('ENOTDIR', syscall, name.given);
    if (kind === undefined && creates !== undefined) throw systemError('ENOENT', syscall, name.given);
  }

  /** What is there; undefined where nothing is. */
  *kindOf(stored: string, signal?: AbortSignal): Script<Entry['kind'] | undefined> {
    try {
      return (yield* ask(this.store, 'stat', stored, { signal })).kind;
    } catch (error) {
      if (isStatus(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  *statsOf(stored: string): Script<Stats> {
    // A key of another program may hold any number; it is not read.
    const [entry, metadata] = yield* askBoth(this.store, ['stat', stored], ['listMeta', stored, { bigint: true }]);
    if (entry.status === 'rejected') {
      // A root that nothing was written below.
      const isEmptyRoot = this.root.is(stored) && isStatus(entry.reason, 'NOT_FOUND');
      if (isEmptyRoot) return new Stats({ ...NOTHING_KNOWN, path: stored, kind: 'directory' }, {});
      throw entry.reason;
    }
    // A directory that was not made has no metadata.
    return new Stats(entry.value, metadata.status === 'fulfilled' ? metadata.value : {});
  }

  /** What is to be kept as the mode of a new file or directory; undefined where that is the usual one. */
  modeOfNew(kind: Entry['kind'], given: number | string | null | undefined): ReturnType<typeof modeMetadata> | undefined {
    const all = kind === 'file' ? 0o666 : 0o777;
    const usual = kind === 'file' ? FILE_MODE : DIRECTORY_MODE;
    const isGiven = given !== undefined && given !== null;
    const mode = (isGiven ? modeNumber(given) : all) & ~this.umask;
    return isGiven || mode !== usual ? modeMetadata(mode) : undefined;
  }

  /** Gives an open file a number. */
  number(handle: FileHandle): number {
    this.#open.set(++this.#lastNumber, handle);
    return this.#lastNumber;
  }

  /** The open file of a number. */
  handle(number: unknown, syscall: string): FileHandle {
    if (typeof number !== 'number') {
      const error = new TypeError(`The "fd" argument must be of type number. Received ${typeof number}`);
      throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
    }
    const handle = this.#open.get(number);
    if (handle === undefined) throw systemError('EBADF', syscall);
    return handle;
  }

  /** Takes the number away from an open file. */
  release(number: number): FileHandle {
    const handle = this.handle(number, 'close');
    this.#open.delete(number);
    return handle;
  }
}

export function isStatus(error: unknown, code: NexusError['code']): boolean {
  return error instanceof NexusError && error.code === code;
}

/** Of a file that the store has no entry of. */
export const NOTHING_KNOWN = {
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
export function withEncoding<T extends object>(options: T | string | null | undefined): T {
  return (typeof options === 'string' ? { encoding: options } : (options ?? {})) as T;
}

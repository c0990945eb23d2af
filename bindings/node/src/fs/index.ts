/** A view of a store with the calls of `node:fs/promises`, for programs that take an `fs`. */
import { constants } from 'node:fs';

import { expectKnown, names } from '../argument.js';
import type { Store } from '../store.js';
import { Root, type PathLike } from './paths.js';
import { FsPromises } from './promises.js';
import {
  createReadStream,
  createWriteStream,
  type ReadStream,
  type ReadStreamOptions,
  type WriteStream,
  type WriteStreamOptions,
} from './streams.js';

export interface FsOptions {
  /** The directory of the store that is `/` for the program; no name leads out of it. */
  root?: string | undefined;
}

/** What programs take as `fs`: the calls of `node:fs/promises` under `promises`, streams, and constants. */
export interface NexusFs {
  readonly promises: FsPromises;
  readonly constants: typeof constants;
  createReadStream(path: PathLike, options?: ReadStreamOptions | BufferEncoding | null): ReadStream;
  createWriteStream(path: PathLike, options?: WriteStreamOptions | BufferEncoding | null): WriteStream;
}

const OPTIONS = names('root');

/** Makes the view. It is used as long as the store is open, and needs no closing. */
export function createFs(store: Store, options: FsOptions = {}): NexusFs {
  expectKnown(options, OPTIONS);
  const root = new Root(options.root ?? '/');
  return {
    promises: new FsPromises(store, root),
    constants,
    createReadStream: (path, settings) => createReadStream(store, root, path, settings),
    createWriteStream: (path, settings) => createWriteStream(store, root, path, settings),
  };
}

export { FsPromises } from './promises.js';
export { BigIntStats, Dirent, Stats, type StatOptions } from './stats.js';
export type { CopyOptions } from './copy.js';
export type { SystemCode, SystemError } from './errors.js';
export type { PathLike } from './paths.js';
export type { ReadStream, ReadStreamOptions, WriteStream, WriteStreamOptions } from './streams.js';
export type { OpendirOptions, ReaddirOptions, ReadFileOptions, WriteFileOptions } from './promises.js';
export type { FileData } from './data.js';
export { Dir } from './dir.js';
export { FileHandle, type HandleStreamOptions } from './handle.js';

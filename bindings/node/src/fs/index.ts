/** A view of a store with the calls of `node:fs/promises`, for programs that take an `fs`. */
import { constants } from 'node:fs';

import type { Store } from '../store.js';
import type { ReadStreamOptions, WriteStreamOptions } from '../streams.js';
import { Root, type PathLike } from './paths.js';
import { FsPromises } from './promises.js';

export interface FsOptions {
  /** The directory of the store that is `/` for the program; no name leads out of it. */
  root?: string | undefined;
}

/** What programs take as `fs`: the calls of `node:fs/promises` under `promises`, streams, and constants. */
export interface NexusFs {
  readonly promises: FsPromises;
  readonly constants: typeof constants;
  createReadStream(path: PathLike, options?: ReadStreamOptions): ReturnType<Store['createReadStream']>;
  createWriteStream(path: PathLike, options?: WriteStreamOptions): ReturnType<Store['createWriteStream']>;
}

/** Makes the view. It is used as long as the store is open, and needs no closing. */
export function createFs(store: Store, options: FsOptions = {}): NexusFs {
  const root = new Root(options.root ?? '/');
  return {
    promises: new FsPromises(store, root),
    constants,
    createReadStream: (path, settings) => store.createReadStream(root.name(path, 'open').stored, settings),
    createWriteStream: (path, settings) => store.createWriteStream(root.name(path, 'open').stored, settings),
  };
}

export { FsPromises } from './promises.js';
export { Dirent, Stats } from './stats.js';
export type { CopyOptions } from './copy.js';
export type { SystemCode, SystemError } from './errors.js';
export type { PathLike } from './paths.js';
export type { FileData, ReaddirOptions, ReadFileOptions, WriteFileOptions } from './promises.js';

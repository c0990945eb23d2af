/** A view of a store with the calls of `node:fs`, for programs that take an `fs`. */
import { constants } from 'node:fs';

import { count, expectKnown, names } from '../argument.js';
import type { Store } from '../store.js';
import { callsOf } from './callbacks.js';
import { readFile } from './calls/files.js';
import { Dir } from './dir.js';
import { complete, completePromises } from './names.js';
import { Root, type PathLike } from './paths.js';
import { FsPromises } from './promises.js';
import { promised } from './script.js';
import { Dirent, Stats } from './stats.js';
import {
  createReadStream,
  createWriteStream,
  isReadStream,
  isWriteStream,
  type ReadStream,
  type ReadStreamOptions,
  type WriteStream,
  type WriteStreamOptions,
} from './streams.js';
import { View } from './view.js';

export interface FsOptions {
  /** The directory of the store that is `/` for the program; no name leads out of it. */
  root?: string | undefined;
  /** Permission bits that nothing new has; without it, those of the process when the view is made. */
  umask?: number | undefined;
}

type HostFs = typeof import('node:fs');

/**
 * What programs take as `fs`: every name of `node:fs`, as properties of its own. `promises` and the streams have the types of this
 * package; calls with a callback and those that block have node's types, and give this package's `Stats`, `Dirent` and `Dir`.
 * What cannot work is ENOSYS.
 */
export interface NexusFs extends Omit<HostFs, 'promises' | 'createReadStream' | 'createWriteStream'> {
  readonly promises: FsPromises;
  createReadStream(path: PathLike, options?: ReadStreamOptions | BufferEncoding | null): ReadStream;
  createWriteStream(path: PathLike, options?: WriteStreamOptions | BufferEncoding | null): WriteStream;
}

const OPTIONS = names('root', 'umask');

/** Makes the view. It is used as long as the store is open, and needs no closing. */
export function createFs(store: Store, options: FsOptions = {}): NexusFs {
  expectKnown(options, OPTIONS);
  const umask = options.umask === undefined ? process.umask() : count(options.umask, 'umask', 0o777);
  const view = new View(store, new Root(options.root ?? '/'), umask);
  const promises = new FsPromises(view);
  completePromises(promises);
  const reading = (path: PathLike, settings?: ReadStreamOptions | BufferEncoding | null): ReadStream => createReadStream(view, path, settings);
  const writing = (path: PathLike, settings?: WriteStreamOptions | BufferEncoding | null): WriteStream => createWriteStream(view, path, settings);
  const [OfReading, OfWriting] = [classOf('ReadStream', reading, isReadStream), classOf('WriteStream', writing, isWriteStream)];
  const fs: Record<string, unknown> = {
    ...callsOf(view),
    promises,
    constants,
    // Reading them of node:fs is deprecated.
    F_OK: constants.F_OK,
    R_OK: constants.R_OK,
    W_OK: constants.W_OK,
    X_OK: constants.X_OK,
    createReadStream: reading,
    createWriteStream: writing,
    openAsBlob: async (path: PathLike, settings?: { type?: string }) => new Blob([await promised(readFile(view, path))], settings),
    Stats,
    Dirent,
    Dir,
    ReadStream: OfReading,
    WriteStream: OfWriting,
    FileReadStream: OfReading,
    FileWriteStream: OfWriting,
  };
  complete(fs);
  return fs as unknown as NexusFs;
}

/** A class whose instances `make` makes, and `is` knows: with `new` or without, as those of node. */
function classOf<T>(name: string, make: (...args: any[]) => T, is: (stream: unknown) => boolean): object {
  const of = function (...args: unknown[]): T {
    return make(...args);
  };
  Object.defineProperty(of, 'name', { value: name });
  return Object.defineProperty(of, Symbol.hasInstance, { value: is });
}

export { FsPromises } from './promises.js';
export { BigIntStats, Dirent, Stats, type StatOptions } from './stats.js';
export type { CopyOptions } from './copy.js';
export type { SystemCode, SystemError } from './errors.js';
export type { PathLike } from './paths.js';
export type { ReadStream, ReadStreamOptions, WriteStream, WriteStreamOptions } from './streams.js';
export type { ReadFileOptions, WriteFileOptions } from './calls/files.js';
export type { OpendirOptions, ReaddirOptions } from './calls/directories.js';
export type { FileData } from './data.js';
export { Dir } from './dir.js';
export { FileHandle, type HandleStreamOptions } from './handle.js';

// Names as programs for fs give them, and as the store has them.
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

import { systemError } from './errors.js';

export type PathLike = string | Buffer | URL;

const MOST_BYTES_OF_NAME = 255;
const MOST_BYTES_OF_PATH = 4096;

/** A name, as it was given and as the store has it. */
export interface Name {
  /** For messages. */
  given: string;
  stored: string;
  /** Whether it says that it is a directory. */
  endsWithSlash: boolean;
  /** The same by a dot, which nothing can be made as. */
  endsWithDot: boolean;
}

/** What the paths below a directory begin with, without the slash. */
export function baseOf(directory: string): string {
  return directory === '/' ? '' : directory;
}

/** The part of a store below a directory, which is `/` for the program. */
export class Root {
  readonly #base: string;

  constructor(base: string) {
    this.#base = posix.resolve('/', base) === '/' ? '' : posix.resolve('/', base);
  }

  /** No name leads out: `..` stops at the root. Relative names begin there, too. */
  name(path: PathLike, syscall: string): Name {
    const given = textOf(path);
    if (given === '') throw systemError('ENOENT', syscall, given);
    const resolved = posix.resolve('/', given);
    const stored = resolved === '/' ? this.#base || '/' : this.#base + resolved;
    const long = resolved.split('/').some((segment) => Buffer.byteLength(segment) > MOST_BYTES_OF_NAME);
    if (long || Buffer.byteLength(stored) > MOST_BYTES_OF_PATH) throw systemError('ENAMETOOLONG', syscall, given);
    const below = resolved !== '/';
    return { given, stored, endsWithSlash: below && given.endsWith('/'), endsWithDot: below && given.endsWith('/.') };
  }

  /** Whether this is the root, which is there for the program even where nothing is below it. */
  is(stored: string): boolean {
    return stored === (this.#base || '/');
  }

  /** The program's name for a path of the store. */
  outside(stored: string): string {
    return stored === this.#base ? '/' : stored.slice(this.#base.length);
  }
}

export function textOf(path: unknown): string {
  if (typeof path === 'string') return path;
  if (path instanceof URL) return fileURLToPath(path);
  if (path instanceof Uint8Array) return Buffer.from(path).toString();
  const error = new TypeError('The "path" argument must be of type string or an instance of Buffer or URL.');
  throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

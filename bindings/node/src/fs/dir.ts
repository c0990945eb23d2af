import '../dispose.js';
import { systemError } from './errors.js';
import type { Dirent } from './stats.js';

/** Like fs.Dir: a directory that is read entry by entry, in bounded memory. */
export class Dir<Name extends string | Buffer = string> implements AsyncIterable<Dirent<Name>>, AsyncDisposable {
  readonly path: string;
  readonly #entries: AsyncGenerator<Dirent<Name>, void, undefined>;
  #isClosed = false;

  /** @internal */
  constructor(path: string, entries: AsyncGenerator<Dirent<Name>, void, undefined>) {
    this.path = path;
    this.#entries = entries;
  }

  /** The next entry; null at the end. */
  async read(): Promise<Dirent<Name> | null> {
    this.#expectOpen('read');
    const { done, value } = await this.#entries.next();
    return done ? null : value;
  }

  async close(): Promise<void> {
    this.#expectOpen('close');
    this.#isClosed = true;
    await this.#entries.return();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) await this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Dirent<Name>, void, undefined> {
    try {
      for (;;) {
        const entry = await this.read();
        if (entry === null) return;
        yield entry;
      }
    } finally {
      await this.close();
    }
  }

  #expectOpen(syscall: string): void {
    if (!this.#isClosed) return;
    throw Object.assign(systemError('EBADF', syscall, this.path), { code: 'ERR_DIR_CLOSED' });
  }
}

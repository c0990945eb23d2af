import '../dispose.js';
import { systemError } from './errors.js';
import { atOnce, promised, type Script } from './script.js';
import type { Dirent } from './stats.js';

/** Like fs.Dir: a directory that is read entry by entry, in bounded memory. */
export class Dir<Name extends string | Buffer = string> implements AsyncIterable<Dirent<Name>>, AsyncDisposable {
  readonly path: string;
  /** The next entries; undefined where there are no more. */
  readonly #page: () => Script<Dirent<Name>[] | undefined>;
  #entries: Dirent<Name>[] = [];
  #isClosed = false;
  /** The read before: one after the other takes an entry. */
  #last: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(path: string, page: () => Script<Dirent<Name>[] | undefined>) {
    this.path = path;
    this.#page = page;
  }

  /** The next entry; null at the end. */
  read(): Promise<Dirent<Name> | null>;
  read(callback: (error: Error | null, entry?: Dirent<Name> | null) => void): void;
  read(callback?: (error: Error | null, entry?: Dirent<Name> | null) => void): Promise<Dirent<Name> | null> | void {
    const reading = this.#read();
    if (callback === undefined) return reading;
    reading.then((entry) => process.nextTick(callback, null, entry), (error) => process.nextTick(callback, error));
  }

  #read(): Promise<Dirent<Name> | null> {
    const read = this.#last.then(() => promised(this.#next()));
    this.#last = read.catch(() => {});
    return read;
  }

  readSync(): Dirent<Name> | null {
    return atOnce(this.#next());
  }

  *#next(): Script<Dirent<Name> | null> {
    this.#expectOpen('read');
    while (this.#entries.length === 0) {
      const page = yield* this.#page();
      if (page === undefined) return null;
      this.#entries = page.reverse();
    }
    return this.#entries.pop() ?? null;
  }

  close(): Promise<void>;
  close(callback: (error: Error | null) => void): void;
  close(callback?: (error: Error | null) => void): Promise<void> | void {
    const closing = this.#close();
    if (callback === undefined) return closing;
    closing.then(() => process.nextTick(callback, null), (error) => process.nextTick(callback, error));
  }

  async #close(): Promise<void> {
    this.closeSync();
  }

  closeSync(): void {
    this.#expectOpen('close');
    this.#isClosed = true;
    this.#entries = [];
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

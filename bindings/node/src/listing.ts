import { count } from './argument.js';
import type { EntryList, PageOptions } from './operations/finding.js';
import type { Call } from './queue.js';
import type { Entry } from './rows.js';

/** Runs a call on a store, or on the handle of its signal. */
export type Runner = <T>(call: Call<T>) => Promise<T>;

/** Rows of a page where `for await` reads them. */
const PAGE = 256;

/**
 * Entries still to be looked up: `await` gives them all at once (or as many as `limit` says), as of one moment;
 * `for await` gives one after the other and reads them in pages, so that memory stays bounded.
 */
export class Listing implements PromiseLike<EntryList>, AsyncIterable<Entry> {
  readonly #runner: Runner;
  readonly #call: (page: PageOptions) => Call<EntryList>;
  readonly #options: PageOptions;
  #all: Promise<EntryList> | undefined;

  constructor(runner: Runner, options: PageOptions, call: (page: PageOptions) => Call<EntryList>) {
    this.#runner = runner;
    this.#options = options;
    this.#call = call;
  }

  async #run(): Promise<EntryList> {
    return this.#runner(this.#call(this.#options));
  }

  // An await looks for this method; it begins the call.
  then<A = EntryList, B = never>(
    onFulfilled?: ((entries: EntryList) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: any) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return (this.#all ??= this.#run()).then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<EntryList | B> {
    return this.then(null, onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<EntryList> {
    return this.then().finally(onFinally);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry, void, undefined> {
    for await (const page of this.pages()) yield* page;
  }

  /** Gives the entries page by page. Each page is of one moment; between them the store may change. */
  async *pages(size: number = PAGE): AsyncGenerator<EntryList, void, undefined> {
    let left = this.#options.limit === undefined ? Infinity : count(this.#options.limit, 'limit');
    let cursor = this.#options.cursor;
    if (count(size, 'size') === 0) throw new RangeError('a page has at least one row');
    // As in the library, a limit of 0 is none.
    if (left === 0) left = Infinity;
    while (left > 0) {
      const page = await this.#runner(this.#call({ ...this.#options, cursor, limit: Math.min(size, left) }));
      left -= page.length;
      yield page;
      if (page.cursor === null) return;
      cursor = page.cursor;
    }
  }
}


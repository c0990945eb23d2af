/** Runs jobs one after the other: readers and writers take one call at a time. */
export class Exclusive {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(job: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(job, job);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

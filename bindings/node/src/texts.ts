// Arrays of strings for C. koffi would make each string by itself, in one go: with tens of thousands the event loop stands
// still.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { addressOf } from './library.js';

const SLICE = 4096;

/** Strings, and pointers to them. */
export class Texts {
  readonly length: number;
  /** Good as long as this is kept. */
  readonly pointers: BigUint64Array;
  readonly #given: readonly unknown[];
  readonly #check: (value: unknown) => string;
  readonly #memory: Buffer[] = [];
  #made = 0;

  /** `check` refuses what is no such string. */
  constructor(given: readonly unknown[], check: (value: unknown) => string) {
    this.#given = Array.from(given);
    this.#check = check;
    this.length = this.#given.length;
    this.pointers = new BigUint64Array(this.length);
  }

  /** Makes them all at once. */
  make(): void {
    while (this.#made < this.length) this.#makeSlice();
  }

  /** Makes them in slices of about a millisecond. */
  async makeInSlices(): Promise<void> {
    while (this.#made < this.length) {
      this.#makeSlice();
      await nextTurn();
    }
  }

  #makeSlice(): void {
    const end = Math.min(this.#made + SLICE, this.length);
    const texts = this.#given.slice(this.#made, end).map((text) => `${this.#check(text)}\0`);
    const memory = Buffer.from(texts.join(''));
    this.#memory.push(memory);
    const base = addressOf(memory);
    for (let at = 0; this.#made < end; at = memory.indexOf(0, at) + 1) this.pointers[this.#made++] = base + BigInt(at);
  }
}

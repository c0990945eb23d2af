// Whole files. Measured: for small ones the quickest is one ranged read into a buffer that is kept, and a copy; for large
// ones a reader that fills the buffer which the caller gets, on the other thread. A view of the library's own memory
// saves one copy but outlives its buffer as soon as someone transfers it.
import koffi from 'koffi';

import { giveBack, nothing, output, run, runSync } from './call.js';
import { native } from './library.js';
import type { Call, Target } from './queue.js';
import { Steps } from './steps.js';

/** Up to here a file is read in one call. It is the default of `inline_max_bytes`, too. */
const SMALL = 64 * 1024;
/** Kept for the next reads; more are not in flight, unless the pool is larger than usual. */
const KEPT = 8;
/** Large files are read in steps of so many bytes: before each the read can be ended. */
const STEP = 4 << 20;

const spare: Buffer[] = [];

/** One ranged read from the beginning; its buffer is taken when the call is handed over, and goes back after it. */
class WholeRead implements Call<Buffer> {
  readonly fn = native.nexus_read_at;
  private readonly store: Target;
  private readonly path: string;
  private got: [number] | undefined;
  private room: Buffer | undefined;

  constructor(store: Target, path: string) {
    this.store = store;
    this.path = path;
  }

  get args(): unknown[] {
    this.room = spare.pop() ?? Buffer.allocUnsafeSlow(SMALL);
    this.got = output<number>();
    return [this.path, 0, this.room, SMALL, this.got];
  }

  result(): Buffer {
    const got = Number(this.got?.[0]);
    const content = Buffer.from((this.room as Buffer).subarray(0, got));
    this.giveBack();
    return content;
  }

  /** Where the buffer is full there may be more: then the file is read anew, as a whole. */
  resultInSlices(reason: unknown): Promise<Buffer> | Buffer {
    if (Number(this.got?.[0]) < SMALL) return this.result();
    this.giveBack();
    if (reason !== undefined) throw reason;
    return readLarge(this.store, this.path);
  }

  explain(error: unknown): unknown {
    this.giveBack();
    return error;
  }

  private giveBack(): void {
    if (this.room !== undefined && spare.length < KEPT) spare.push(this.room);
    this.room = undefined;
  }
}

export function readWhole(store: Target, path: string): Promise<Buffer> {
  return run(store, new WholeRead(store, path));
}

async function readLarge(store: Target, path: string): Promise<Buffer> {
  const reader = new Steps(store);
  try {
    await reader.open(native.nexus_reader_open, path);
    const size = output<number>();
    await reader.run({ fn: native.nexus_reader_size, args: [size], result: nothing });
    const content = Buffer.allocUnsafeSlow(Number(size[0]));
    let filled = 0;
    while (filled < content.length) {
      const room = content.subarray(filled, filled + STEP);
      const got = output<number>();
      await reader.run({ fn: native.nexus_reader_read, args: [room, room.length, got], result: nothing });
      if (Number(got[0]) === 0) return content.subarray(0, filled);
      filled += Number(got[0]);
    }
    return content;
  } finally {
    if (reader.native !== null) await giveBack(native.nexus_reader_close, reader.native);
    reader.finish();
  }
}

export function readWholeSync(store: Target, path: string): Buffer {
  const handle = output();
  runSync(store, { fn: native.nexus_read, args: [path, handle], result: nothing });
  try {
    const length = Number(native.nexus_buffer_len(handle[0]));
    if (length === 0) return Buffer.alloc(0);
    return Buffer.from(new Uint8Array(koffi.view(native.nexus_buffer_data(handle[0]), length)));
  } finally {
    native.nexus_buffer_free(handle[0]);
  }
}

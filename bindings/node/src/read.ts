// Whole files. Measured: for small ones the quickest is one ranged read into a buffer that is kept, and a copy; for large
// ones a reader that fills the buffer which the caller gets, on the other thread. A view of the library's own memory
// saves one copy but outlives its buffer as soon as someone transfers it.
import koffi from 'koffi';

import { nothing, output, run, runSync } from './call.js';
import { native } from './library.js';
import { Target, type Call } from './queue.js';

/** Up to here a file is read in one call. It is the default of `inline_max_bytes`, too. */
const SMALL = 64 * 1024;
/** Kept for the next reads; more are not in flight, unless the pool is larger than usual. */
const KEPT = 8;

const spare: Buffer[] = [];

/** One ranged read from the beginning; its buffer is taken when the call is handed over, and goes back after it. */
class SmallRead implements Call<Buffer | null> {
  readonly fn = native.nexus_read_at;
  private readonly path: string;
  private readonly got = output<number>();
  private room: Buffer | undefined;

  constructor(path: string) {
    this.path = path;
  }

  get args(): unknown[] {
    this.room = spare.pop() ?? Buffer.allocUnsafeSlow(SMALL);
    return [this.path, 0, this.room, SMALL, this.got];
  }

  /** The content; null where there may be more of it. */
  result(): Buffer | null {
    const got = Number(this.got[0]);
    const content = got < SMALL ? Buffer.from((this.room as Buffer).subarray(0, got)) : null;
    this.giveBack();
    return content;
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

export async function readWhole(store: Target, path: string): Promise<Buffer> {
  return (await run(store, new SmallRead(path))) ?? readLarge(store, path);
}

async function readLarge(store: Target, path: string): Promise<Buffer> {
  const handle = output();
  await run(store, { fn: native.nexus_reader_open, args: [path, handle], result: nothing });
  const reader = new Target(handle[0]);
  try {
    const size = output<number>();
    await run(reader, { fn: native.nexus_reader_size, args: [size], result: nothing });
    const content = Buffer.allocUnsafeSlow(Number(size[0]));
    let filled = 0;
    while (filled < content.length) {
      const room = content.subarray(filled);
      const got = output<number>();
      await run(reader, { fn: native.nexus_reader_read, args: [room, room.length, got], result: nothing });
      if (Number(got[0]) === 0) return content.subarray(0, filled);
      filled += Number(got[0]);
    }
    return content;
  } finally {
    await run(reader, { fn: native.nexus_reader_close, args: [], result: nothing });
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

import { bytes, count, expectKnown, json, maybeText, object, path as pathText, text, type Data, type Integer } from './argument.js';
import { nothing, output, runSync } from './call.js';
import { NexusError } from './error.js';
import { native, type NativeFunction } from './library.js';
import { BATCHED, CALL, conditions, mkdirFlags, moveFlags, type CallOptions, type MkdirOptions, type WriteOptions } from './operations/files.js';
import type { JsonValue, Metadata } from './operations/metadata.js';
import { BATCHED_FAIL, completion, failure } from './operations/work.js';
import { Target, type Call } from './queue.js';
import { takeRows, type Entry } from './rows.js';
import { Steps } from './steps.js';

/** The batch as a whole has a signal. */
type BatchedWriteOptions = Omit<WriteOptions, 'signal'>;

/** One operation, ready to be added to a batch of the library. */
type Operation = Call<void>;

/**
 * Changes to be made together, all or nothing. They are collected here, in order, and handed to the store by
 * {@link commit}; leave their buffers alone until then.
 */
export class Batch {
  readonly #store: Target;
  readonly #withStore: <T>(work: (store: Target) => Promise<T>, options: CallOptions) => Promise<T>;
  readonly #operations: Operation[] = [];
  #state: 'open' | 'being committed' | 'committed' = 'open';

  /** @internal */
  constructor(store: Target, withStore: <T>(work: (store: Target) => Promise<T>, options: CallOptions) => Promise<T>) {
    this.#store = store;
    this.#withStore = withStore;
  }

  /** How many operations there are. */
  get length(): number {
    return this.#operations.length;
  }

  write(path: string, data: Data, options: BatchedWriteOptions = {}): this {
    const view = bytes(data);
    return this.#add(native.nexus_batch_write, pathText(path), view, view.byteLength, conditions(options, BATCHED.write));
  }

  append(path: string, data: Data, options: BatchedWriteOptions = {}): this {
    const view = bytes(data);
    return this.#add(native.nexus_batch_append, pathText(path), view, view.byteLength, conditions(options, BATCHED.write));
  }

  delete(path: string): this {
    return this.#add(native.nexus_batch_delete, pathText(path));
  }

  rename(from: string, to: string, options: { noReplace?: boolean } = {}): this {
    return this.#add(native.nexus_batch_rename, pathText(from, 'from'), pathText(to, 'to'), moveFlags(options, BATCHED.move));
  }

  copy(from: string, to: string, options: { noReplace?: boolean } = {}): this {
    return this.#add(native.nexus_batch_copy, pathText(from, 'from'), pathText(to, 'to'), moveFlags(options, BATCHED.move));
  }

  mkdir(path: string, options: Omit<MkdirOptions, 'signal'> = {}): this {
    return this.#add(native.nexus_batch_mkdir, pathText(path), mkdirFlags(options, BATCHED.mkdir));
  }

  setMeta(path: string, key: string, value: JsonValue): this {
    return this.#add(native.nexus_batch_set_meta, pathText(path), text(key, 'key'), json(value, 'value'));
  }

  /** The same with the JSON text of the value. */
  setMetaJson(path: string, key: string, value: string): this {
    return this.#add(native.nexus_batch_set_meta, pathText(path), text(key, 'key'), text(value, 'value'));
  }

  setMetaMany(path: string, values: Metadata): this {
    return this.#add(native.nexus_batch_set_meta_many, pathText(path), json(object(values, 'values'), 'values'));
  }

  deleteMeta(path: string, key: string): this {
    return this.#add(native.nexus_batch_delete_meta, pathText(path), text(key, 'key'));
  }

  /** The batch then stores the files that the worker wrote if and only if it completes the item. */
  completeWork(path: string, lease: Integer, result?: JsonValue): this {
    return this.#add(native.nexus_batch_complete_work, ...completion(path, lease, result));
  }

  failWork(path: string, lease: Integer, why?: string, options: { retryAfterMs?: Integer } = {}): this {
    expectKnown(options, BATCHED_FAIL);
    return this.#add(native.nexus_batch_fail_work, ...failure(path, lease, why, options));
  }

  releaseWork(path: string, lease: Integer): this {
    return this.#add(native.nexus_batch_release_work, pathText(path), count(lease, 'lease'));
  }

  /** A condition: at this point of the batch, the file has this etag, or, for null, does not exist. */
  requireEtag(path: string, etag: string | null): this {
    return this.#add(native.nexus_batch_require_etag, pathText(path), maybeText(etag, 'etag'));
  }

  /** A condition: the lease token of a work item is valid. */
  requireLease(path: string, lease: Integer): this {
    return this.#add(native.nexus_batch_require_lease, pathText(path), count(lease, 'lease'));
  }

  /**
   * Makes all changes in one transaction, in order; each operation sees the earlier ones. Returns for each operation
   * the entry it left, or null. During the commit, another operation or commit is MISUSE. A failed commit changes
   * nothing, `error.index` is the failed operation, and the caller may retry.
   */
  async commit(options: CallOptions = {}): Promise<(Entry | null)[]> {
    expectKnown(options, CALL);
    this.#expectOpen();
    this.#state = 'being committed';
    try {
      const entries = await this.#withStore((store) => commitAll(store, this.#operations), options);
      this.#state = 'committed';
      return entries;
    } catch (error) {
      this.#state = 'open';
      throw error;
    }
  }

  commitSync(): (Entry | null)[] {
    this.#expectOpen();
    const entries = commitAllSync(this.#store, this.#operations);
    this.#state = 'committed';
    return entries;
  }

  #add(fn: NativeFunction, ...args: unknown[]): this {
    this.#expectOpen();
    this.#operations.push({ fn, args, result: nothing });
    return this;
  }

  #expectOpen(): void {
    if (this.#state !== 'open') throw new NexusError('MISUSE', `the batch is ${this.#state}`);
  }
}

/** Has a batch of the library make the changes. */
async function commitAll(store: Target, operations: readonly Operation[]): Promise<(Entry | null)[]> {
  const batch = new Steps(store);
  try {
    await batch.open(native.nexus_batch_new);
    await addAll(batch, operations);
    const results = output();
    return await batch.run({ fn: native.nexus_batch_commit, args: [results], ...takeRows('results', results) });
  } finally {
    if (batch.native !== null) native.nexus_batch_free(batch.native);
    batch.finish();
  }
}

function commitAllSync(store: Target, operations: readonly Operation[]): (Entry | null)[] {
  const made = output();
  const batch = new Target(runSync(store, { fn: native.nexus_batch_new, args: [made], result: () => made[0] }));
  try {
    for (const [index, operation] of operations.entries()) {
      try {
        runSync(batch, operation);
      } catch (error) {
        throw atIndex(error, index);
      }
    }
    const results = output();
    return runSync(batch, { fn: native.nexus_batch_commit, args: [results], ...takeRows('results', results) });
  } finally {
    native.nexus_batch_free(batch.native);
  }
}

/** Adds the operations one after the other: an object of the library takes one call at a time. */
async function addAll(batch: Steps, operations: readonly Operation[]): Promise<void> {
  for (const [index, operation] of operations.entries()) {
    try {
      await batch.run(operation);
    } catch (error) {
      throw atIndex(error, index);
    }
  }
}

/** Says of an error which operation failed. */
function atIndex(error: unknown, index: number): unknown {
  if (!(error instanceof NexusError) || error.code === 'CANCELLED') return error;
  return new NexusError(error.code, error.message, { path: error.path, index });
}


import './dispose.js';
import { expectKnown, maybeCount, maybePath, maybeText, names, path as pathText, signal as checkedSignal } from './argument.js';
import { cancelled, NexusError } from './error.js';
import { forget, watch } from './backstop.js';
import { Batch } from './batch.js';
import { giveBack, nothing, output, run, runQuick, runSync } from './call.js';
import type { EffectiveConfig } from './config.js';
import { native } from './library.js';
import { Listing } from './listing.js';
import { readWhole, readWholeSync } from './read.js';
import * as files from './operations/files.js';
import * as finding from './operations/finding.js';
import * as metadata from './operations/metadata.js';
import * as upkeep from './operations/upkeep.js';
import * as work from './operations/work.js';
import { Target, threadsAreTaken, type Call } from './queue.js';
import { Reader } from './reader.js';
import { Scope, withSignal, type ScopeParent } from './scope.js';
import { closedWith, runPrepared } from './steps.js';
import * as streams from './streams.js';
import { Writer } from './writer.js';

import type { CallOptions, WriteOptions } from './operations/files.js';
import type { EntryList, FindOptions, ListOptions } from './operations/finding.js';
import type { JsonValue } from './operations/metadata.js';
import type { WaitOptions } from './operations/work.js';
import type { ReadStreamOptions, WriteStreamOptions } from './streams.js';

/** A wait gives its thread to the next one as often as this. */
const WAIT_SLICE_MS = 100;

/** The calls that are one call of the library each: every one has a promise and a `...Sync` variant. */
const operations = {
  write: files.write,
  append: files.append,
  readAt: files.readAt,
  stat: files.stat,
  exists: files.exists,
  isDirectory: files.isDirectory,
  delete: files.delete,
  rename: files.rename,
  copy: files.copy,
  mkdir: files.mkdir,
  rmdir: files.rmdir,
  grep: finding.grep,
  contentIds: finding.contentIds,
  setMeta: metadata.setMeta,
  setMetaJson: metadata.setMetaJson,
  setMetaMany: metadata.setMetaMany,
  getMeta: metadata.getMeta,
  getMetaJson: metadata.getMetaJson,
  listMeta: metadata.listMeta,
  listMetaJson: metadata.listMetaJson,
  deleteMeta: metadata.deleteMeta,
  pathId: metadata.pathId,
  pathOfId: metadata.pathOfId,
  getReadyWork: work.getReadyWork,
  getPendingWork: work.getPendingWork,
  getBlockedWork: work.getBlockedWork,
  getInProgressWork: work.getInProgressWork,
  getWorkByPriority: work.getWorkByPriority,
  workJson: work.workJson,
  workExplain: work.workExplain,
  workStats: work.workStats,
  workClaim: work.workClaim,
  workHeartbeat: work.workHeartbeat,
  workComplete: work.workComplete,
  workFail: work.workFail,
  workRelease: work.workRelease,
  exportMetadata: upkeep.exportMetadata,
  importMetadata: upkeep.importMetadata,
  bundleExport: upkeep.bundleExport,
  bundleImport: upkeep.bundleImport,
  backup: upkeep.backup,
  verify: upkeep.verify,
  findDuplicates: upkeep.findDuplicates,
  gc: upkeep.gc,
  storageStats: upkeep.storageStats,
  contentInfo: upkeep.contentInfo,
};

type Operations = typeof operations;
type ResultOf<F> = F extends (...args: any[]) => Call<infer R> ? R : never;
export type Promised = {
  [K in keyof Operations]: (...args: Parameters<Operations[K]>) => Promise<ResultOf<Operations[K]>>;
};
export type Synchronous = {
  [K in keyof Operations as `${K}Sync`]: (...args: Parameters<Operations[K]>) => ResultOf<Operations[K]>;
};

// The calls of `operations` are defined on the prototype below.
export interface Store extends Promised, Synchronous {}

/**
 * An open store, as one identity sees it. Calls run on other threads, several at a time, and in no particular order
 * but that of your awaits; the `...Sync` variants block.
 */
export class Store implements AsyncDisposable {
  readonly #handle: Handle;

  /** @internal */
  constructor(handle: bigint) {
    this.#handle = new Handle(handle);
  }

  /** Reads a whole file and checks it against its etag. */
  async read(path: string, options: CallOptions = {}): Promise<Buffer> {
    expectKnown(options, files.CALL);
    const name = pathText(path);
    return this.#with((store) => readWhole(store, name), options);
  }

  readSync(path: string): Buffer {
    return readWholeSync(this.#handle, pathText(path));
  }

  /** Reads a whole file as UTF-8. */
  async readText(path: string, options: CallOptions = {}): Promise<string> {
    return (await this.read(path, options)).toString();
  }

  /** Lists a directory, or the paths with a prefix. `await` gives all, `for await` one after the other. */
  list(options: ListOptions = {}): Listing {
    return new Listing(this.#run, options, (page) => finding.listCall({ ...options, ...page }));
  }

  listSync(options: ListOptions = {}): EntryList {
    return runSync(this.#handle, finding.listCall(options));
  }

  /** Finds files whose path matches a pattern: `*` and `?` match within a segment, `**` across segments; `[a-z]`, `{a,b}`. */
  glob(pattern: string, options: FindOptions = {}): Listing {
    return new Listing(this.#run, options, (page) => finding.globCall(pattern, { ...options, ...page }));
  }

  globSync(pattern: string, options: FindOptions = {}): EntryList {
    return runSync(this.#handle, finding.globCall(pattern, options));
  }

  /** Finds the files that have a metadata key with a value. */
  findByMeta(key: string, value: JsonValue, options: FindOptions = {}): Listing {
    return new Listing(this.#run, options, (page) => finding.findByMetaCall(key, value, { ...options, ...page }));
  }

  findByMetaSync(key: string, value: JsonValue, options: FindOptions = {}): EntryList {
    return runSync(this.#handle, finding.findByMetaCall(key, value, options));
  }

  /** Creates a batch: changes that one transaction makes, all or none. */
  batch(): Batch {
    return new Batch(this.#handle, (job, options) => this.#with(job, options));
  }

  /**
   * Waits until an item may be claimable, because of any process or of time: true; false at the timeout. Another worker
   * may claim the item first, so alternate between claims and waits. Any number of waits may run at the same time: they
   * share the few threads of the pool.
   */
  async workWait(options: WaitOptions = {}): Promise<boolean> {
    expectKnown(options, work.WAIT);
    const prefix = maybePath(options.prefix, 'prefix');
    const end = performance.now() + (maybeCount(options.timeoutMs, 'timeoutMs') ?? Infinity);
    const begun = this.#handle.interrupts;
    return this.#with(async (store) => {
      for (;;) {
        const left = Math.max(end - performance.now(), 0);
        if (await run(store, work.waitCall(prefix, Math.min(left, WAIT_SLICE_MS)))) return true;
        if (left <= WAIT_SLICE_MS && performance.now() >= end) return false;
        // An interrupt between two slices met no call.
        options.signal?.throwIfAborted();
        if (this.#handle.interrupts !== begun) throw this.#handle.whyInterrupted();
      }
    }, options);
  }

  workWaitSync(options: WaitOptions = {}): boolean {
    expectKnown(options, work.WAIT);
    const timeoutMs = maybeCount(options.timeoutMs, 'timeoutMs') ?? -1;
    return runSync(this.#handle, work.waitCall(maybePath(options.prefix, 'prefix'), timeoutMs));
  }

  /** Opens a file for reading piece by piece. A signal ends reads, too, as long as the reader is open. */
  async openReader(path: string, options: CallOptions = {}): Promise<Reader> {
    expectKnown(options, files.CALL);
    const reader = output();
    const call = { fn: native.nexus_reader_open, args: [pathText(path), reader], result: () => reader[0] };
    return this.#open(call, options, (handle, scope) => new Reader(handle, this.#handle, scope));
  }

  openReaderSync(path: string): Reader {
    const reader = output();
    const call = { fn: native.nexus_reader_open, args: [pathText(path), reader], result: () => reader[0] };
    return new Reader(runSync(this.#handle, call), this.#handle);
  }

  /** Begins to write a file piece by piece. The commit checks the conditions. */
  async openWriter(path: string, options: WriteOptions = {}): Promise<Writer> {
    const writer = output();
    const args = [pathText(path), files.conditions(options), writer];
    const call = { fn: native.nexus_writer_open, args, result: () => writer[0] };
    return this.#open(call, options, (handle, scope) => new Writer(handle, this.#handle, scope));
  }

  openWriterSync(path: string, options: WriteOptions = {}): Writer {
    const writer = output();
    const args = [pathText(path), files.conditions(options), writer];
    return new Writer(runSync(this.#handle, { fn: native.nexus_writer_open, args, result: () => writer[0] }), this.#handle);
  }

  /** A file as a stream of node. */
  createReadStream(path: string, options: ReadStreamOptions = {}): ReturnType<typeof streams.readable> {
    const opening = streams.toRead(options);
    return streams.readable(() => this.openReader(path, opening), options);
  }

  /** A stream of node whose file appears when it has finished, which puts its entry in `entry`. */
  createWriteStream(path: string, options: WriteStreamOptions = {}): ReturnType<typeof streams.writable> {
    const opening = streams.toWrite(options);
    return streams.writable(() => this.openWriter(path, opening), options);
  }

  /** A file as a byte stream of the web. */
  readableStream(path: string, options: ReadStreamOptions = {}): ReadableStream<Uint8Array> {
    const opening = streams.toRead(options);
    return streams.readableWeb(() => this.openReader(path, opening), options);
  }

  /** A stream of the web whose file appears when it is closed. */
  writableStream(path: string, options: WriteStreamOptions = {}): WritableStream<Uint8Array | string> {
    const opening = streams.toWrite(options);
    return streams.writableWeb(() => this.openWriter(path, opening), options);
  }

  /** Derives a handle on the same store with a narrower identity, never an admin's. The call is cheap; the handle outlives this one. */
  async withIdentity(identity: Identity): Promise<Store> {
    return this.withIdentitySync(identity);
  }

  withIdentitySync(identity: Identity): Store {
    expectKnown(identity, IDENTITY);
    const { tenantId, agentId } = identity;
    return new Store(this.#handle.derive(maybeText(tenantId, 'tenantId'), maybeText(agentId, 'agentId')));
  }

  /**
   * Derives a handle with the same identity, including an admin's. `interrupt` and `close` of one do not end calls of
   * the other. The call is cheap, and the new handle outlives this one. To end a single call, pass it a signal.
   */
  async clone(): Promise<Store> {
    return this.cloneSync();
  }

  cloneSync(): Store {
    return new Store(this.#handle.clone());
  }

  /** The effective configuration: each key with its value and where it comes from. Secrets are redacted. */
  async config(): Promise<EffectiveConfig> {
    return this.configSync();
  }

  configSync(): EffectiveConfig {
    return this.#handle.config();
  }

  /** Ends the waiting calls and the calls in flight of this store with CANCELLED. Later calls work. */
  interrupt(): void {
    this.#handle.interrupt();
  }

  /** Whether it was not closed yet. */
  get isOpen(): boolean {
    return this.#handle.isOpen;
  }

  /**
   * Closes the store. Waiting calls and calls in flight end with CANCELLED. Readers, writers and derived handles stay
   * usable. Closing again is no error.
   */
  close(): Promise<void> {
    return this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal Runs one call, on a handle of its own if it has a signal. */
  readonly #run = <T>(call: Call<T>): Promise<T> => this.#handle.run(call);

  #with<T>(job: (store: Target) => Promise<T>, options: CallOptions): Promise<T> {
    const signal = checkedSignal(options.signal);
    return signal === undefined ? job(this.#handle) : withSignal(this.#handle, signal, job);
  }

  /** Opens a reader or writer. With a signal it keeps the handle that the signal interrupts. */
  async #open<T>(
    call: Call<bigint>,
    options: CallOptions,
    make: (handle: bigint, scope?: Scope) => T,
  ): Promise<T> {
    const signal = checkedSignal(options.signal);
    if (signal === undefined) return make(await run(this.#handle, call));
    const scope = await Scope.open(this.#handle, signal);
    try {
      return make(await run(scope, call), scope);
    } catch (error) {
      scope.close();
      throw scope.reasonFor(error);
    }
  }

  static {
    for (const [name, operation] of Object.entries(operations) as [string, (...args: any[]) => Call<unknown>][]) {
      const promised = function (this: Store, ...args: unknown[]): Promise<unknown> {
        try {
          return this.#handle.run(operation(...args));
        } catch (error) {
          return Promise.reject(error);
        }
      };
      const synchronous = function (this: Store, ...args: unknown[]): unknown {
        return runSync(this.#handle, operation(...args));
      };
      define(this.prototype, name, promised);
      define(this.prototype, `${name}Sync`, synchronous);
    }
  }
}

function define(prototype: object, name: string, value: (...args: unknown[]) => unknown): void {
  Object.defineProperty(value, 'name', { value: name });
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
}

export interface Identity {
  /** That of the handle, where it is absent. */
  tenantId?: string | null | undefined;
  agentId?: string | null | undefined;
}

const IDENTITY = names('tenantId', 'agentId');

/**
 * A handle of the library, and what is in flight on it. Its calls, and all that was opened on it, hold on to this: it is
 * garbage, and is given back, only when the store is garbage and they are done.
 */
class Handle extends Target implements ScopeParent {
  /** How often calls were interrupted. */
  interrupts = 0;
  #closing: Promise<void> | undefined;

  constructor(handle: bigint) {
    super(handle);
    watch(this, () => void giveBack(native.nexus_close, handle).catch(nothing));
  }

  get isOpen(): boolean {
    return this.#closing === undefined;
  }

  run<T>(call: Call<T>): Promise<T> {
    if (call.signal !== undefined) return withSignal(this, call.signal, (scope) => runPrepared(scope, call));
    return runPrepared(this, call);
  }

  derive(tenant: string | null, agent: string | null): bigint {
    const narrow = output();
    return runQuick(this, { fn: native.nexus_with_identity, args: [tenant, agent, narrow], result: () => narrow[0] });
  }

  clone(): bigint {
    // The library closes it later, when a thread has taken the close.
    if (!this.isOpen) throw new NexusError('MISUSE', 'the store is closed');
    const clone = output();
    return runQuick(this, { fn: native.nexus_clone, args: [clone], result: () => clone[0] });
  }

  config(): EffectiveConfig {
    const json = output<string>();
    return runQuick(this, { fn: native.nexus_config, args: [json], result: () => JSON.parse(json[0]) });
  }

  interrupt(): void {
    this.interrupts++;
    this.withdraw(this.whyInterrupted());
    this.cutOff();
  }

  /** Ends what the library is doing for it, readers and writers included. */
  override cutOff(): void {
    native.nexus_interrupt(this.native, output());
  }

  whyInterrupted(): NexusError {
    return cancelled(this.isOpen ? 'the call was interrupted' : CLOSING);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    forget(this);
    this.interrupts++;
    this.withdraw(cancelled(CLOSING));
    const over = closedWith(this);
    // The close ends the calls in flight, once a thread has taken it. An interrupt ends what readers and writers are doing, too.
    if (threadsAreTaken()) this.cutOff();
    await giveBack(native.nexus_close, this.native);
    await over;
  }
}

const CLOSING = 'the store is being closed';

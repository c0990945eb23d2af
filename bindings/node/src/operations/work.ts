// Files as work items.
import { choice, count, expectKnown, integer, maybeCount, maybeJson, maybePath, maybeText, names, path as pathText, signal, text, type Integer } from '../argument.js';
import { isOne, output, OutputCall, PlainCall, run, runQuick } from '../call.js';
import { parseExactly } from '../json.js';
import { native, options as struct } from '../library.js';
import { Target, type Call } from '../queue.js';
import { takeRows, type WorkItem, type WorkStatus } from '../rows.js';
import { CALL, type CallOptions } from './files.js';
import type { JsonValue } from './metadata.js';

/** What a work item waits for. */
export interface WorkExplanation {
  path: string;
  /** Null for a file that is not a work item. */
  status: WorkStatus | null;
  claimable: boolean;
  reason: string;
  [member: string]: any;
}

export interface WorkStats {
  total: number;
  by_status: Record<WorkStatus, number>;
  /** Disjoint. */
  views: { ready: number; delayed: number; blocked: number; pending: number; in_progress: number };
}

export interface ClaimOptions extends CallOptions {
  /** Only items whose paths begin with this. */
  prefix?: string | undefined;
  /** Most items to take, 1 to 10,000; 1 without it. */
  max?: Integer | undefined;
  /** Duration of the lease in milliseconds; 30,000 without it. */
  leaseMs?: Integer | undefined;
}

export interface FailOptions extends CallOptions {
  /** When the item is ready again; by default after min(2^(attempts - 1) s, 1 h). */
  retryAfterMs?: Integer | undefined;
}

export interface WaitOptions extends CallOptions {
  /** Only items whose paths begin with this. */
  prefix?: string | undefined;
  /** How long to wait, in milliseconds; without it, no timeout. */
  timeoutMs?: Integer | undefined;
}

const CLAIM = names(CALL, 'prefix', 'max', 'leaseMs');
const FAIL = names(CALL, 'retryAfterMs');
export const BATCHED_FAIL = names('retryAfterMs');
export const WAIT = names(CALL, 'prefix', 'timeoutMs');

/** Items that can be claimed: status ready, no open dependency, not_before reached. Ordered by priority, then by creation. */
export function getReadyWork(limit: Integer, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_ready_work, limit, options);
}

/** Items with status pending and no open dependency. */
export function getPendingWork(limit: Integer, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_pending_work, limit, options);
}

/** Blocked items, those with the most open dependencies first. */
export function getBlockedWork(limit: Integer, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_blocked_work, limit, options);
}

/** Items with status in_progress, those started last first. */
export function getInProgressWork(limit: Integer, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_in_progress_work, limit, options);
}

/** Every work item, of any status, by priority. */
export function getWorkByPriority(limit: Integer, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_work_by_priority, limit, options);
}

function query(fn: typeof native.nexus_get_ready_work, limit: Integer, options: CallOptions): Call<WorkItem[]> {
  expectKnown(options, CALL);
  const list = output();
  return {
    fn,
    args: [integer(limit, 'limit'), list],
    signal: signal(options.signal),
    ...takeRows('workItems', list),
  };
}

/** The queries above, by name. */
export type WorkView = 'ready' | 'pending' | 'blocked' | 'in_progress' | 'by_priority';

/**
 * At most `limit` items of a view as the library's own JSON text: an array of objects with the columns of the view, times
 * as RFC 3339, null where something is absent.
 */
export function workJson(view: WorkView, limit: Integer, options: CallOptions = {}): Call<string> {
  expectKnown(options, CALL);
  const list = output();
  const json = output<string>();
  const encode: Call<string> = { fn: native.nexus_work_list_json, args: [json], result: () => json[0] };
  const free = (): void => native.nexus_work_list_free(list[0]);
  return {
    fn: choice(VIEWS, view, 'view'),
    args: [integer(limit, 'limit'), list],
    signal: signal(options.signal),
    result() {
      try {
        return runQuick(new Target(list[0]), encode);
      } finally {
        free();
      }
    },
    resultInSlices: () => run(new Target(list[0]), encode).finally(free),
  };
}

// Getters, because naming a call loads the library.
const VIEWS = {
  get ready() {
    return native.nexus_get_ready_work;
  },
  get pending() {
    return native.nexus_get_pending_work;
  },
  get blocked() {
    return native.nexus_get_blocked_work;
  },
  get in_progress() {
    return native.nexus_get_in_progress_work;
  },
  get by_priority() {
    return native.nexus_get_work_by_priority;
  },
};

/** Explains what a work item waits for. */
export function workExplain(path: string, options: CallOptions = {}): Call<WorkExplanation> {
  expectKnown(options, CALL);
  return new OutputCall(native.nexus_work_explain, [pathText(path)], parseExactly, signal(options.signal));
}

/** Counts the work items below a prefix. */
export function workStats(prefix?: string, options: CallOptions = {}): Call<WorkStats> {
  expectKnown(options, CALL);
  return new OutputCall(native.nexus_work_stats, [maybePath(prefix, 'prefix')], parseExactly, signal(options.signal));
}

/**
 * Gives a worker the first ready items that the store's identity may change, each to this worker alone: it is in
 * progress under a lease, whose token (`lease`) finishes it. Nothing to claim is an empty array.
 */
export function workClaim(workerId: string, options: ClaimOptions = {}): Call<WorkItem[]> {
  expectKnown(options, CLAIM);
  const list = output();
  const set = struct('nexus_claim_options', {
    max: maybeCount(options.max, 'max', 0xffff_ffff),
    prefix: maybePath(options.prefix, 'prefix'),
    lease_ms: maybeCount(options.leaseMs, 'leaseMs'),
  });
  return {
    fn: native.nexus_work_claim,
    args: [text(workerId, 'workerId'), set, list],
    signal: signal(options.signal),
    ...takeRows('workItems', list),
  };
}

/** Extends the lease of an item: it expires `leaseMs` from now. LEASE_LOST if it is another worker's, or has expired. */
export function workHeartbeat(path: string, lease: Integer, leaseMs: Integer, options: CallOptions = {}): Call<void> {
  expectKnown(options, CALL);
  const args = [pathText(path), count(lease, 'lease'), count(leaseMs, 'leaseMs')];
  return new PlainCall(native.nexus_work_heartbeat, args, signal(options.signal));
}

/** Completes an item and ends its lease. `result` is stored as its metadata key of that name. */
export function workComplete(path: string, lease: Integer, result?: JsonValue, options: CallOptions = {}): Call<void> {
  expectKnown(options, CALL);
  const args = completion(path, lease, result);
  return new PlainCall(native.nexus_work_complete, args, signal(options.signal));
}

/** Ends an attempt as failed, and ends the lease. The item is ready again after a delay, or its status becomes failed. */
export function workFail(path: string, lease: Integer, why?: string, options: FailOptions = {}): Call<void> {
  expectKnown(options, FAIL);
  const args = failure(path, lease, why, options);
  return new PlainCall(native.nexus_work_fail, args, signal(options.signal));
}

/** Releases an item as if it had not been claimed. */
export function workRelease(path: string, lease: Integer, options: CallOptions = {}): Call<void> {
  expectKnown(options, CALL);
  const args = [pathText(path), count(lease, 'lease')];
  return new PlainCall(native.nexus_work_release, args, signal(options.signal));
}

/** The arguments of a completion, also in a batch. */
export function completion(path: string, lease: Integer, result: JsonValue | undefined): unknown[] {
  return [pathText(path), count(lease, 'lease'), maybeJson(result, 'result')];
}

export function failure(path: string, lease: Integer, why: string | undefined, options: FailOptions): unknown[] {
  const retryAfterMs = maybeCount(options.retryAfterMs, 'retryAfterMs') ?? 0;
  return [pathText(path), count(lease, 'lease'), maybeText(why, 'why'), retryAfterMs];
}

/** Waits on this thread, or on one of the pool. */
export function waitCall(prefix: string | null, timeoutMs: number): Call<boolean> {
  return new OutputCall(native.nexus_work_wait, [prefix, Math.ceil(timeoutMs)], isOne, undefined, 'wait');
}

// Files as work items.
import { integer, maybePath, path as pathText, signal } from '../argument.js';
import { output } from '../call.js';
import { native } from '../library.js';
import type { Call } from '../queue.js';
import { takeRows, type WorkItem, type WorkStatus } from '../rows.js';
import type { CallOptions } from './files.js';

/** What a work item waits for. */
export interface WorkExplanation {
  path: string;
  /** Null for a file that is no work item. */
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

/** Items that can be claimed: status ready, no open dependency, due. By priority, then by creation. */
export function getReadyWork(limit: number, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_ready_work, limit, options);
}

/** Items of status pending that no dependency holds up. */
export function getPendingWork(limit: number, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_pending_work, limit, options);
}

/** Items that are held up, those with the most open dependencies first. */
export function getBlockedWork(limit: number, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_blocked_work, limit, options);
}

/** Items of status in_progress, the latest started first. */
export function getInProgressWork(limit: number, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_in_progress_work, limit, options);
}

/** Every work item, of any status, by priority. */
export function getWorkByPriority(limit: number, options: CallOptions = {}): Call<WorkItem[]> {
  return query(native.nexus_get_work_by_priority, limit, options);
}

function query(fn: typeof native.nexus_get_ready_work, limit: number, options: CallOptions): Call<WorkItem[]> {
  const list = output();
  return {
    fn,
    args: [integer(limit, 'limit'), list],
    signal: signal(options.signal),
    ...takeRows('workItems', list),
  };
}

/** Says what a work item waits for. */
export function workExplain(path: string, options: CallOptions = {}): Call<WorkExplanation> {
  const json = output<string>();
  return {
    fn: native.nexus_work_explain,
    args: [pathText(path), json],
    signal: signal(options.signal),
    result: () => JSON.parse(json[0]),
  };
}

/** Counts the work items below a prefix. */
export function workStats(prefix?: string, options: CallOptions = {}): Call<WorkStats> {
  const json = output<string>();
  return {
    fn: native.nexus_work_stats,
    args: [maybePath(prefix, 'prefix'), json],
    signal: signal(options.signal),
    result: () => JSON.parse(json[0]),
  };
}

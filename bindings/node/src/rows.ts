// Rows of the library as objects of JavaScript.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { CONSTANTS } from './abi.js';
import { whole } from './json.js';
import { decodeRow, native, type NativeFunction } from './library.js';

/** What the store knows of one file or directory. */
export interface Entry {
  path: string;
  kind: 'file' | 'directory';
  /** Bytes of content; 0 for a directory. */
  size: number;
  /** SHA-256 of the content, 64 hexadecimal digits; null for a directory. */
  etag: string | null;
  /** 1 at creation; each change of content adds 1. 0 for a directory. */
  version: number;
  mimeType: string | null;
  /** A UUID that renames and overwrites keep; null for an implicit directory. */
  pathId: string | null;
  /** The backend that holds the content, `local` for the store's own; null for a directory. */
  backendName: string | null;
  /** Null for a directory without id. */
  createdAt: Date | null;
  modifiedAt: Date | null;
}

/** One line that grep found. */
export interface Match {
  path: string;
  /** Number of the line, from 1. */
  line: number;
  /** The line without its end. */
  text: string;
  /** Where the first match in the line begins and ends, in bytes of its UTF-8. */
  matchStart: number;
  matchEnd: number;
}

export type WorkStatus = 'ready' | 'pending' | 'blocked' | 'in_progress' | 'completed' | 'failed' | 'cancelled';

/** One work item. */
export interface WorkItem {
  pathId: string;
  tenantId: string | null;
  virtualPath: string;
  backendId: string;
  physicalPath: string;
  fileType: string;
  sizeBytes: number;
  contentHash: string;
  createdAt: Date | null;
  updatedAt: Date | null;
  status: WorkStatus;
  /** Lower comes first; null comes last. A BigInt beyond 2^53 - 1, where a number would be rounded. */
  priority: number | bigint | null;
  /** Number of open dependencies. */
  blockerCount: number;
  workerId: string | null;
  startedAt: Date | null;
  /** The item cannot be claimed before this time; null: no limit. */
  notBefore: Date | null;
  tags: string[];
  /** Number of claims so far. */
  attempts: number;
  /** Its lease token; 0 if it has no lease. */
  lease: number;
  leaseExpiresAt: Date | null;
  /** Whether the lease has expired, so that the item can be claimed again. */
  leaseExpired: boolean;
}

/** Microseconds since 1970, 0 for none. Dates have milliseconds. */
function date(micros: number | bigint): Date | null {
  if (micros === 0 || micros === 0n) return null;
  const millis = typeof micros === 'number' ? Math.floor(micros / 1000) : Number((micros - (((micros % 1000n) + 1000n) % 1000n)) / 1000n);
  return new Date(millis);
}

export function decodeEntry(pointer: bigint): Entry {
  const row = decodeRow('nexus_entry', pointer);
  return {
    path: row.path,
    kind: row.kind === CONSTANTS.KIND_DIRECTORY ? 'directory' : 'file',
    size: whole(row.size) as number,
    etag: row.etag,
    version: whole(row.version) as number,
    mimeType: row.mime_type,
    pathId: row.path_id,
    backendName: row.backend_name,
    createdAt: date(row.created_at),
    modifiedAt: date(row.modified_at),
  };
}

/** Null for an operation of a batch that left no entry. */
export function decodeResult(pointer: bigint): Entry | null {
  return decodeRow('nexus_entry', pointer).kind === CONSTANTS.KIND_NONE ? null : decodeEntry(pointer);
}

function decodeMatch(pointer: bigint): Match {
  const row = decodeRow('nexus_match', pointer);
  return {
    path: row.path,
    line: whole(row.line) as number,
    text: row.text,
    matchStart: whole(row.match_start) as number,
    matchEnd: whole(row.match_end) as number,
  };
}

function decodeWorkItem(pointer: bigint): WorkItem {
  const row = decodeRow('nexus_work_item', pointer);
  return {
    pathId: row.path_id,
    tenantId: row.tenant_id,
    virtualPath: row.virtual_path,
    backendId: row.backend_id,
    physicalPath: row.physical_path,
    fileType: row.file_type,
    sizeBytes: whole(row.size_bytes) as number,
    contentHash: row.content_hash,
    createdAt: date(row.created_at),
    updatedAt: date(row.updated_at),
    status: row.status,
    priority: row.has_priority === 1 ? whole(row.priority) : null,
    blockerCount: whole(row.blocker_count) as number,
    workerId: row.worker_id,
    startedAt: date(row.started_at),
    notBefore: date(row.not_before),
    tags: row.tags === null ? [] : JSON.parse(row.tags),
    attempts: whole(row.attempts) as number,
    lease: whole(row.lease) as number,
    leaseExpiresAt: date(row.lease_expires_at),
    leaseExpired: row.lease_expired === 1,
  };
}

/** Takes the one entry that a call handed out. */
export function takeEntry(pointer: bigint): Entry {
  const entry = decodeEntry(pointer);
  native.nexus_entry_free(pointer);
  return entry;
}

/** A kind of list of the library. */
interface ListKind<Row> {
  readonly len: NativeFunction;
  readonly at: NativeFunction;
  readonly free: NativeFunction;
  readonly decode: (pointer: any) => Row;
}

// Getters, because naming a call loads the library.
const KINDS = {
  get entries(): ListKind<Entry> {
    return {
      len: native.nexus_entries_len,
      at: native.nexus_entries_at,
      free: native.nexus_entries_free,
      decode: decodeEntry,
    };
  },
  get results(): ListKind<Entry | null> {
    return { ...KINDS.entries, decode: decodeResult };
  },
  get matches(): ListKind<Match> {
    return {
      len: native.nexus_matches_len,
      at: native.nexus_matches_at,
      free: native.nexus_matches_free,
      decode: decodeMatch,
    };
  },
  get workItems(): ListKind<WorkItem> {
    return {
      len: native.nexus_work_list_len,
      at: native.nexus_work_list_at,
      free: native.nexus_work_list_free,
      decode: decodeWorkItem,
    };
  },
  get strings(): ListKind<string | null> {
    return {
      len: native.nexus_strings_len,
      at: native.nexus_strings_at,
      free: native.nexus_strings_free,
      decode: (text) => text,
    };
  },
};

/** The rows of a list, with what `Extra` says of the list as a whole. */
type Rows<Row, Extra> = Row[] & Extra;

/** Both ways to take a list: at once, and in slices of about a millisecond. Either frees it. */
export interface TakeRows<T> {
  result(): T;
  resultInSlices(): Promise<T>;
}

const SLICE = 256;

export function takeRows<Kind extends keyof typeof KINDS, Extra = unknown>(
  kind: Kind,
  list: readonly [bigint],
  extra?: (list: bigint) => Extra,
): TakeRows<Rows<(typeof KINDS)[Kind] extends ListKind<infer Row> ? Row : never, Extra>> {
  type Row = (typeof KINDS)[Kind] extends ListKind<infer R> ? R : never;
  const { len, at, free, decode } = KINDS[kind] as unknown as ListKind<Row>;
  const take = (rows: Row[], end: number): void => {
    for (let i = rows.length; i < end; i++) rows.push(decode(at(list[0], i)));
  };
  const finish = (rows: Row[]): Rows<Row, Extra> => {
    if (extra === undefined) return rows as unknown as Rows<Row, Extra>;
    const described = Object.entries(extra(list[0]) as object).map(([name, value]) => [name, { value }]);
    return Object.defineProperties(rows, Object.fromEntries(described)) as Rows<Row, Extra>;
  };
  return {
    result() {
      try {
        const rows: Row[] = [];
        take(rows, Number(len(list[0])));
        return finish(rows);
      } finally {
        free(list[0]);
      }
    },
    async resultInSlices() {
      try {
        const rows: Row[] = [];
        const end = Number(len(list[0]));
        for (;;) {
          take(rows, Math.min(rows.length + SLICE, end));
          if (rows.length === end) return finish(rows);
          await nextTurn();
        }
      } finally {
        free(list[0]);
      }
    },
  };
}

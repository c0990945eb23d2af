// Export, import and upkeep: calls that may take long, tell how far they are, and can be ended.
import { fileURLToPath } from 'node:url';

import { CONSTANTS } from '../abi.js';
import { expectKnown, flag, maybeChoice, maybeCount, maybePath, maybeText, maybeTime, names, signal, text } from '../argument.js';
import { output, OutputCall } from '../call.js';
import { parseExactly, whole } from '../json.js';
import { native, options as struct } from '../library.js';
import type { Call } from '../queue.js';
import { CALL, type CallOptions } from './files.js';

export interface LongCallOptions extends CallOptions {
  /**
   * Receives the progress; the call waits until it returns. `total` is 0 if it is not known. If it returns false, the
   * call ends with CANCELLED. If it throws, the call rejects with that error.
   */
  onProgress?: ((done: number, total: number, what: string) => unknown) | undefined;
}

export interface ExportOptions extends LongCallOptions {
  /** Only paths that begin with this. */
  prefix?: string | undefined;
  /** Only files in the directories of this tenant, in every namespace. */
  tenantId?: string | undefined;
  /** Only files modified later. */
  modifiedAfter?: Date | undefined;
}

export interface ImportOptions extends LongCallOptions {
  /** How to import a path that exists. */
  mode?: 'skip' | 'overwrite' | 'remap' | 'auto' | undefined;
  /** Report the changes without making them. */
  dryRun?: boolean | undefined;
  /** How to import a work key whose value has the wrong type. */
  invalidWorkKeys?: 'refuse' | 'rename' | undefined;
  /** How to import a line whose content is missing: no file that may be read has it. */
  missingContent?: 'refuse' | 'skip' | undefined;
  /** What the mode `auto` compares: the times of the contents, or those of work, and the metadata, too. */
  newerBy?: 'content' | 'all' | undefined;
  /** Most lines; 0 or absent: by the size of the file. */
  maxLines?: number | undefined;
  /** Most bytes of all lines together. */
  maxBytes?: number | undefined;
  /** Most bytes of an unpacked bundle. */
  maxUnpacked?: number | undefined;
}

export interface VerifyOptions extends LongCallOptions {
  /** Read and hash every content. */
  content?: boolean | undefined;
  /** Repair the damage that the check finds. */
  repair?: boolean | undefined;
}

export interface ImportReport {
  created: number;
  updated: number;
  skipped: number;
  remapped: number;
  collisions: {
    path: string;
    /** Null where a directory was in the way. */
    existing_etag: string | null;
    imported_etag: string;
    resolution: string;
    message: string;
  }[];
  /** Lines that were omitted because their content is missing; they count as skipped. */
  missing: { path: string; etag: string }[];
  [member: string]: any;
}

const LONG = names(CALL, 'onProgress');
const EXPORT = names(LONG, 'prefix', 'tenantId', 'modifiedAfter');
const IMPORT = names(
  LONG, 'mode', 'dryRun', 'invalidWorkKeys', 'missingContent', 'newerBy', 'maxLines', 'maxBytes', 'maxUnpacked',
);
const VERIFY = names(LONG, 'content', 'repair');

const IMPORT_MODES = {
  skip: CONSTANTS.IMPORT_SKIP,
  overwrite: CONSTANTS.IMPORT_OVERWRITE,
  remap: CONSTANTS.IMPORT_REMAP,
  auto: CONSTANTS.IMPORT_AUTO,
};
const INVALID_KEYS = { refuse: CONSTANTS.KEYS_REFUSE, rename: CONSTANTS.KEYS_RENAME };
const MISSING_CONTENT = { refuse: CONSTANTS.MISSING_REFUSE, skip: CONSTANTS.MISSING_SKIP };
const NEWER_BY = { content: CONSTANTS.NEWER_BY_CONTENT, all: CONSTANTS.NEWER_BY_ALL };

/** Writes the metadata of files as JSON lines to a file of the host. Returns how many. */
export function exportMetadata(file: string | URL, options: ExportOptions = {}): Call<number> {
  const lines = output<number>();
  return long(native.nexus_export_metadata, [hostFile(file), exportOptions(options)], options, lines, () =>
    whole(lines[0]) as number,
  );
}

/** Imports a file that {@link exportMetadata} wrote, in one transaction. */
export function importMetadata(file: string | URL, options: ImportOptions = {}): Call<ImportReport> {
  return reporting(native.nexus_import_metadata, [hostFile(file), importOptions(options)], options);
}

/** Writes metadata and content of files to one file of the host: how a store moves. */
export function bundleExport(file: string | URL, options: ExportOptions = {}): Call<Record<string, any>> {
  return reporting(native.nexus_bundle_export, [hostFile(file), exportOptions(options)], options);
}

/** Imports a bundle that {@link bundleExport} wrote, and verifies it. */
export function bundleImport(file: string | URL, options: ImportOptions = {}): Call<ImportReport> {
  return reporting(native.nexus_bundle_import, [hostFile(file), importOptions(options)], options);
}

/** Copies the store, as of one moment and while it is in use, to a directory of the host. */
export function backup(directory: string | URL, options: LongCallOptions = {}): Call<Record<string, any>> {
  expectKnown(options, LONG);
  return reporting(native.nexus_backup, [hostFile(directory)], options);
}

/** Checks the store. The report has the errors, and what gc would remove. */
export function verify(options: VerifyOptions = {}): Call<Record<string, any>> {
  expectKnown(options, VERIFY);
  const flags =
    (flag(options.content, 'content') === 1 ? CONSTANTS.VERIFY_CONTENT : 0) |
    (flag(options.repair, 'repair') === 1 ? CONSTANTS.VERIFY_REPAIR : 0);
  return reporting(native.nexus_verify, [flags], options);
}

/** Finds files with the same content below a prefix. */
export function findDuplicates(prefix?: string, options: LongCallOptions = {}): Call<any> {
  expectKnown(options, LONG);
  return reporting(native.nexus_find_duplicates, [maybePath(prefix, 'prefix')], options);
}

/** Removes contents without references, and the remains of interrupted writes. */
export function gc(options: LongCallOptions = {}): Call<Record<string, any>> {
  expectKnown(options, LONG);
  return reporting(native.nexus_gc, [], options);
}

/** Measures the files that this handle may read. */
export function storageStats(options: CallOptions = {}): Call<Record<string, any>> {
  expectKnown(options, CALL);
  return new OutputCall(native.nexus_storage_stats, [], parseExactly, signal(options.signal), 'long');
}

/** Describes a content: its size, and the number of files with it that this handle may read. */
export function contentInfo(etag: string, options: CallOptions = {}): Call<{ etag: string; size: number; ref_count: number }> {
  expectKnown(options, CALL);
  return new OutputCall(native.nexus_content_info, [text(etag, 'etag')], parseExactly, signal(options.signal));
}

function exportOptions(options: ExportOptions): object {
  expectKnown(options, EXPORT);
  return struct('nexus_export_options', {
    prefix: maybePath(options.prefix, 'prefix'),
    tenant_id: maybeText(options.tenantId, 'tenantId'),
    modified_after: maybeTime(options.modifiedAfter, 'modifiedAfter'),
  });
}

function importOptions(options: ImportOptions): object {
  expectKnown(options, IMPORT);
  return struct('nexus_import_options', {
    mode: maybeChoice(IMPORT_MODES, options.mode, 'mode'),
    dry_run: flag(options.dryRun, 'dryRun'),
    invalid_work_keys: maybeChoice(INVALID_KEYS, options.invalidWorkKeys, 'invalidWorkKeys'),
    missing_content: maybeChoice(MISSING_CONTENT, options.missingContent, 'missingContent'),
    newer_by: maybeChoice(NEWER_BY, options.newerBy, 'newerBy'),
    max_lines: maybeCount(options.maxLines, 'maxLines'),
    max_bytes: maybeCount(options.maxBytes, 'maxBytes'),
    max_unpacked: maybeCount(options.maxUnpacked, 'maxUnpacked'),
  });
}

function hostFile(file: string | URL): string {
  return text(file instanceof URL ? fileURLToPath(file) : file, 'file');
}

/** A long call whose output is a JSON report. */
function reporting<T>(fn: typeof native.nexus_gc, args: unknown[], options: LongCallOptions): Call<T> {
  const report = output<string>();
  return long(fn, args, options, report, () => parseExactly(report[0]));
}

function long<T>(
  fn: typeof native.nexus_gc,
  args: unknown[],
  options: LongCallOptions,
  out: [unknown],
  result: () => T,
): Call<T> {
  const { onProgress } = options;
  const thrown: unknown[] = [];
  const progress = (_user: null, done: number, total: number, what: string): 0 | 1 => {
    try {
      return onProgress?.(whole(done) as number, whole(total) as number, what) === false ? 1 : 0;
    } catch (error) {
      thrown.push(error);
      return 1;
    }
  };
  return {
    fn,
    args: [...args, onProgress === undefined ? null : progress, null, out],
    lane: 'long',
    callsBack: onProgress !== undefined,
    signal: signal(options.signal),
    result,
    explain: (error) => (error.code === 'CANCELLED' && thrown.length > 0 ? thrown[0] : error),
  };
}


// Lists and searches.
import { expectKnown, flag, json, maybeCount, maybePath, maybeText, names, path as pathText, signal, text, type Integer } from '../argument.js';
import { output } from '../call.js';
import { whole } from '../json.js';
import { native, options as struct } from '../library.js';
import type { Call } from '../queue.js';
import { takeRows, type Entry, type Match } from '../rows.js';
import { Texts } from '../texts.js';
import { CALL, type CallOptions } from './files.js';
import type { JsonValue } from './metadata.js';

/** Entries, ordered by the bytes of their paths. */
export type EntryList = Entry[] & {
  /** What to pass as `cursor` for what follows; null at the end. */
  readonly cursor: string | null;
};

export type MatchList = Match[] & {
  /** The number of binary files skipped. */
  readonly skipped: number;
  /** Whether a limit ended the search early. */
  readonly truncated: boolean;
};

export interface PageOptions extends CallOptions {
  /** Most rows to return; all without it. */
  limit?: Integer | undefined;
  /** Where to go on: the `cursor` of the rows before. */
  cursor?: string | undefined;
}

export interface ListOptions extends PageOptions {
  /** The directory to list; `/` without it. Together with `prefix` it is INVALID_ARGUMENT. */
  path?: string | undefined;
  /**
   * Only paths that begin with this, which need not end on a segment: `/data` matches `/database`. Such a listing is
   * always recursive.
   */
  prefix?: string | undefined;
  /**
   * Everything below, files only (the default); false: direct children, files and directories. Ignored with `prefix`.
   */
  recursive?: boolean | undefined;
  /** In a recursive listing, directories too. */
  includeDirectories?: boolean | undefined;
}

export interface FindOptions extends PageOptions {
  /** The directory to search; `/` without it. */
  base?: string | undefined;
}

export interface GrepOptions extends CallOptions {
  ignoreCase?: boolean | undefined;
  /** The pattern is literal text, not a regular expression. */
  literal?: boolean | undefined;
  /** The directory or file to search; `filePattern` does not apply if it is a file. `/` without it. */
  base?: string | undefined;
  /**
   * Only files that match this glob pattern. A pattern without a `/` matches names at any depth below `base`, one with
   * a `/` paths below `base`, one that begins with `/` whole paths.
   */
  filePattern?: string | undefined;
  /** Most rows to return; 1,000 without it. */
  maxMatches?: Integer | undefined;
  /** Most bytes of content to search. */
  maxBytes?: Integer | undefined;
}

const PAGE = names(CALL, 'limit', 'cursor');
const LIST = names(PAGE, 'path', 'prefix', 'recursive', 'includeDirectories');
const FIND = names(PAGE, 'base');
const GREP = names(CALL, 'ignoreCase', 'literal', 'base', 'filePattern', 'maxMatches', 'maxBytes');

/** A page of at most so many rows is no long call. */
const SHORT_PAGE = 1000;

export function listCall(options: ListOptions): Call<EntryList> {
  expectKnown(options, LIST);
  const set = struct('nexus_list_options', {
    recursive: flag(options.recursive, 'recursive'),
    include_directories: flag(options.includeDirectories, 'includeDirectories'),
    path: maybePath(options.path, 'path'),
    prefix: maybePath(options.prefix, 'prefix'),
    limit: maybeCount(options.limit, 'limit'),
    cursor: maybeText(options.cursor, 'cursor'),
  });
  return entriesCall(native.nexus_list, [set], options);
}

export function globCall(pattern: string, options: FindOptions): Call<EntryList> {
  return entriesCall(native.nexus_glob, [text(pattern, 'pattern'), findOptions(options)], options);
}

export function findByMetaCall(key: string, value: JsonValue, options: FindOptions): Call<EntryList> {
  const args = [text(key, 'key'), json(value, 'value'), findOptions(options)];
  return entriesCall(native.nexus_find_by_meta, args, options);
}

function findOptions(options: FindOptions): object {
  expectKnown(options, FIND);
  return struct('nexus_find_options', {
    base: maybePath(options.base, 'base'),
    limit: maybeCount(options.limit, 'limit'),
    cursor: maybeText(options.cursor, 'cursor'),
  });
}

function entriesCall(fn: typeof native.nexus_list, args: unknown[], options: PageOptions): Call<EntryList> {
  const list = output();
  const cursor = (entries: bigint): { cursor: string | null } => ({ cursor: native.nexus_entries_cursor(entries) });
  return {
    fn,
    args: [...args, list],
    lane: Number(options.limit ?? Infinity) <= SHORT_PAGE ? 'short' : 'long',
    signal: signal(options.signal),
    ...takeRows('entries', list, cursor),
  };
}

/**
 * Searches the lines of files for a regular expression or a text, in time linear in their size. A byte-order mark in front
 * of a file is no part of its first line.
 */
export function grep(pattern: string, options: GrepOptions = {}): Call<MatchList> {
  expectKnown(options, GREP);
  const list = output();
  const set = struct('nexus_grep_options', {
    ignore_case: flag(options.ignoreCase, 'ignoreCase'),
    literal: flag(options.literal, 'literal'),
    base: maybePath(options.base, 'base'),
    file_pattern: maybeText(options.filePattern, 'filePattern'),
    max_matches: maybeCount(options.maxMatches, 'maxMatches'),
    max_bytes: maybeCount(options.maxBytes, 'maxBytes'),
  });
  const about = (matches: bigint): { skipped: number; truncated: boolean } => ({
    skipped: whole(native.nexus_matches_skipped(matches)) as number,
    truncated: native.nexus_matches_truncated(matches) === 1,
  });
  return {
    fn: native.nexus_grep,
    args: [text(pattern, 'pattern'), set, list],
    lane: 'long',
    signal: signal(options.signal),
    ...takeRows('matches', list, about),
  };
}

/** The etags of many files: null if the file does not exist or the handle may not read it. */
export function contentIds(paths: readonly string[], options: CallOptions = {}): Call<(string | null)[]> {
  expectKnown(options, CALL);
  const list = output();
  const texts = new Texts(Array.from(paths), (name) => pathText(name));
  return {
    fn: native.nexus_content_ids,
    get args() {
      texts.make();
      return [texts.pointers, texts.length, list];
    },
    prepare: () => texts.makeInSlices(),
    signal: signal(options.signal),
    ...takeRows('strings', list),
  };
}

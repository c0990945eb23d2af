// Files and directories.
import { CONSTANTS } from '../abi.js';
import { bytes, count, expectKnown, flag, maybeCount, maybePath, maybeText, names, path as pathText, room, signal, type Data, type Integer, type Names } from '../argument.js';
import { isOne, OutputCall, PlainCall } from '../call.js';
import { native, options as struct } from '../library.js';
import type { Call } from '../queue.js';
import { takeEntry, type Entry } from '../rows.js';

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, which then has changed nothing, with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Conditions on a change, which its transaction checks. A condition that is not met is CONFLICT or LEASE_LOST. */
export interface Conditions extends CallOptions {
  /** The file must exist with this etag. */
  ifMatch?: string | undefined;
  /** The work item that `lease` belongs to. */
  leasePath?: string | undefined;
  /** The lease token that must be valid for `leasePath`. */
  lease?: Integer | undefined;
}

export interface WriteOptions extends Conditions {
  /** The file must not exist. */
  ifNoneMatch?: boolean | undefined;
  /** By default an existing file keeps its MIME type, and that of a new file is guessed from its name. */
  mimeType?: string | undefined;
}

export interface MoveOptions extends Conditions {
  /** An existing target is ALREADY_EXISTS. */
  noReplace?: boolean | undefined;
}

export interface MkdirOptions extends CallOptions {
  /** Missing parents are made too. */
  parents?: boolean | undefined;
  /** An existing directory is no error. */
  existOk?: boolean | undefined;
}

export interface RmdirOptions extends CallOptions {
  /** With everything in it. */
  recursive?: boolean | undefined;
}

export const CALL = names('signal');
export const CONDITIONS = names(CALL, 'ifMatch', 'leasePath', 'lease');
export const WRITE = names(CONDITIONS, 'ifNoneMatch', 'mimeType');
const MOVE = names(CONDITIONS, 'noReplace');
const MKDIR = names(CALL, 'parents', 'existOk');
/** In a batch they have no signal of their own. */
export const BATCHED = { write: names('ifMatch', 'leasePath', 'lease', 'ifNoneMatch', 'mimeType'), move: names('noReplace'), mkdir: names('parents', 'existOk') };
const RMDIR = names(CALL, 'recursive');

/** The struct of conditions; null where there are none, which the library decodes faster. */
export function conditions(set: WriteOptions, known: Names = WRITE): object | null {
  expectKnown(set, known);
  const { ifMatch, ifNoneMatch, mimeType, leasePath, lease } = set;
  if ((ifMatch ?? ifNoneMatch ?? mimeType ?? leasePath ?? lease) === undefined) return null;
  return struct('nexus_write_options', {
    if_match: maybeText(ifMatch, 'ifMatch'),
    if_none_match: flag(ifNoneMatch, 'ifNoneMatch'),
    mime_type: maybeText(mimeType, 'mimeType'),
    lease_path: maybePath(leasePath, 'leasePath'),
    lease: maybeCount(lease, 'lease'),
  });
}

export function moveFlags(options: MoveOptions, known: Names = MOVE): number {
  expectKnown(options, known);
  return flag(options.noReplace, 'noReplace') === 1 ? CONSTANTS.NO_REPLACE : 0;
}

export function mkdirFlags(options: MkdirOptions, known: Names = MKDIR): number {
  expectKnown(options, known);
  return (
    (flag(options.parents, 'parents') === 1 ? CONSTANTS.MKDIR_PARENTS : 0) |
    (flag(options.existOk, 'existOk') === 1 ? CONSTANTS.MKDIR_EXIST_OK : 0)
  );
}

/** Writes a whole file, replacing what was there at once. Missing parent directories come to be. */
export function write(path: string, data: Data, options: WriteOptions = {}): Call<Entry> {
  return writing(native.nexus_write_with, path, data, options);
}

/** Appends to a file, or creates it. The cost is that of writing the whole file. */
export function append(path: string, data: Data, options: WriteOptions = {}): Call<Entry> {
  return writing(native.nexus_append_with, path, data, options);
}

function writing(fn: typeof native.nexus_write, path: string, data: Data, options: WriteOptions): Call<Entry> {
  if (typeof data === 'string') {
    return new TextCall(fn, [pathText(path), data, conditions(options)], takeEntry, signal(options.signal));
  }
  const view = bytes(data);
  return new OutputCall(fn, [pathText(path), view, view.byteLength, conditions(options)], takeEntry, signal(options.signal));
}

/** A call that takes bytes, of which it has the text until it is handed over. */
class TextCall extends OutputCall<Entry> {
  override get args(): unknown[] {
    const [path, text, options] = this.inputs as [string, string, object | null];
    const view = Buffer.from(text);
    this.out = [null];
    return [path, view, view.byteLength, options, this.out];
  }
}

/**
 * Reads a part of a file into `buffer`, from `offset` on. Returns how many bytes were read: fewer than fit only where
 * the file ends, 0 at its end.
 */
export function readAt(
  path: string,
  offset: Integer,
  buffer: NodeJS.ArrayBufferView,
  options: CallOptions = {},
): Call<number> {
  expectKnown(options, CALL);
  const view = room(buffer);
  const inputs = [pathText(path), count(offset, 'offset'), view, view.byteLength];
  return new OutputCall(native.nexus_read_at, inputs, Number, signal(options.signal));
}

/** Returns the entry of a file or directory. */
export function stat(path: string, options: CallOptions = {}): Call<Entry> {
  expectKnown(options, CALL);
  return new OutputCall(native.nexus_stat, [pathText(path)], takeEntry, signal(options.signal));
}

/** Whether there is a file or directory. What the handle may not see does not exist for it. */
export function exists(path: string, options: CallOptions = {}): Call<boolean> {
  return asking(native.nexus_exists, path, options);
}

/** Whether there is a directory. */
export function isDirectory(path: string, options: CallOptions = {}): Call<boolean> {
  return asking(native.nexus_is_directory, path, options);
}

function asking(fn: typeof native.nexus_exists, path: string, options: CallOptions): Call<boolean> {
  expectKnown(options, CALL);
  return new OutputCall(fn, [pathText(path)], isOne, signal(options.signal));
}

/** Deletes a file and its metadata. */
function delete_(path: string, options: Conditions = {}): Call<void> {
  const args = [pathText(path), conditions(options, CONDITIONS)];
  return new PlainCall(native.nexus_delete_with, args, signal(options.signal));
}
export { delete_ as delete };

/**
 * Renames a file or a directory with everything in it, at once; metadata goes along. A file replaces a file; a
 * directory needs a target that is absent or empty.
 */
export function rename(from: string, to: string, options: MoveOptions = {}): Call<void> {
  return moving(native.nexus_rename_with, from, to, options);
}

/** Copies a file, or a directory with everything in it, atomically. Within a backend it copies no content bytes. */
export function copy(from: string, to: string, options: MoveOptions = {}): Call<void> {
  return moving(native.nexus_copy_with, from, to, options);
}

function moving(fn: typeof native.nexus_rename_with, from: string, to: string, options: MoveOptions): Call<void> {
  const args = [pathText(from, 'from'), pathText(to, 'to'), moveFlags(options), conditions(options, MOVE)];
  return new PlainCall(fn, args, signal(options.signal));
}

/** Creates a directory, which exists even while it is empty. A write does not need one. */
export function mkdir(path: string, options: MkdirOptions = {}): Call<void> {
  return new PlainCall(native.nexus_mkdir, [pathText(path), mkdirFlags(options)], signal(options.signal));
}

/** Removes a directory. */
export function rmdir(path: string, options: RmdirOptions = {}): Call<void> {
  expectKnown(options, RMDIR);
  return new PlainCall(native.nexus_rmdir, [pathText(path), flag(options.recursive, 'recursive') ?? 0], signal(options.signal));
}

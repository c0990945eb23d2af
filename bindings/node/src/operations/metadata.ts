// What is said of files and directories. Values are any JSON. No integer is rounded on the way: one beyond 2^53 is a BigInt.
import { expectKnown, flag, json, names, object, path as pathText, signal, text } from '../argument.js';
import { OutputCall, PlainCall, same } from '../call.js';
import { parseExactly, parseSafely } from '../json.js';
import { native } from '../library.js';
import type { Call } from '../queue.js';
import { CALL, conditions, CONDITIONS, type CallOptions, type Conditions } from './files.js';

/** A value of JSON. A BigInt is an integer. */
export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** The metadata of a file. */
export type Metadata = { [key: string]: JsonValue };

export interface GetMetaOptions extends CallOptions {
  /**
   * Whether integers beyond 2^53 - 1 come as BigInts. Without it, one that a number would round is a RangeError, which
   * names the key.
   */
  bigint?: boolean | undefined;
}

const GET = names(CALL, 'bigint');

/** Sets one key of a file, or of an explicit directory. The keys of work items have types. */
export function setMeta(path: string, key: string, value: JsonValue, options: Conditions = {}): Call<void> {
  return setting(path, key, json(value, 'value'), options);
}

/** The same with the JSON text of the value, which is kept as it is. */
export function setMetaJson(path: string, key: string, value: string, options: Conditions = {}): Call<void> {
  return setting(path, key, text(value, 'value'), options);
}

function setting(path: string, key: string, value: string, options: Conditions): Call<void> {
  const args = [pathText(path), text(key, 'key'), value, conditions(options, CONDITIONS)];
  return new PlainCall(native.nexus_set_meta_with, args, signal(options.signal));
}

/** Sets several keys in one transaction, and keeps all other keys. */
export function setMetaMany(path: string, values: Metadata, options: CallOptions = {}): Call<void> {
  expectKnown(options, CALL);
  const args = [pathText(path), json(object(values, 'values'), 'values')];
  return new PlainCall(native.nexus_set_meta_many, args, signal(options.signal));
}

/** The value of one key; NOT_FOUND where it is absent. */
export function getMeta(path: string, key: string, options: GetMetaOptions = {}): Call<any> {
  const parse = parser(options, (member) => `metadata '${key}'${member === undefined ? '' : ` (in '${member}')`} of ${path}`);
  return getting(path, key, parse, options);
}

/** The JSON text of the value of one key, as it was given. */
export function getMetaJson(path: string, key: string, options: CallOptions = {}): Call<string> {
  expectKnown(options, CALL);
  return getting(path, key, same<string>, options);
}

function getting<T>(path: string, key: string, take: (text: string) => T, options: CallOptions): Call<T> {
  return new OutputCall(native.nexus_get_meta, [pathText(path), text(key, 'key')], take, signal(options.signal));
}

/** All keys and values. */
export function listMeta(path: string, options: GetMetaOptions = {}): Call<Record<string, any>> {
  const parse = parser(options, (key) => `metadata '${key}' of ${path}`);
  return new OutputCall(native.nexus_list_meta, [pathText(path)], parse, signal(options.signal));
}

/** The JSON text of an object with all keys and values. */
export function listMetaJson(path: string, options: CallOptions = {}): Call<string> {
  expectKnown(options, CALL);
  return new OutputCall(native.nexus_list_meta, [pathText(path)], same<string>, signal(options.signal));
}

function parser(options: GetMetaOptions, what: (key: string | undefined) => string): (text: string) => any {
  expectKnown(options, GET);
  if (flag(options.bigint, 'bigint') === 1) return parseExactly;
  return (text) => parseSafely(text, what);
}

/** Deletes one key; NOT_FOUND if it is absent. */
export function deleteMeta(path: string, key: string, options: CallOptions = {}): Call<void> {
  expectKnown(options, CALL);
  return new PlainCall(native.nexus_delete_meta, [pathText(path), text(key, 'key')], signal(options.signal));
}

/** The id of a file, or of an explicit directory: a UUID that never changes, and that renames and overwrites keep. */
export function pathId(path: string, options: CallOptions = {}): Call<string> {
  expectKnown(options, CALL);
  return new OutputCall(native.nexus_path_id, [pathText(path)], same<string>, signal(options.signal));
}

/** Where the file or directory with an id is now. */
export function pathOfId(id: string, options: CallOptions = {}): Call<string> {
  expectKnown(options, CALL);
  return new OutputCall(native.nexus_path_of_id, [text(id, 'id')], same<string>, signal(options.signal));
}

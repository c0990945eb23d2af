// What is said of files. Values are any JSON; numbers beyond 2^53 lose digits on the way, as everywhere in JavaScript.
import { json, object, path as pathText, signal, text } from '../argument.js';
import { OutputCall, PlainCall, same } from '../call.js';
import { native } from '../library.js';
import type { Call } from '../queue.js';
import { conditions, type CallOptions, type Conditions } from './files.js';

/** A value of JSON. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** The metadata of a file. */
export type Metadata = { [key: string]: JsonValue };

/** Sets one key. The keys of work items have types. */
export function setMeta(path: string, key: string, value: JsonValue, options: Conditions = {}): Call<void> {
  const args = [pathText(path), text(key, 'key'), json(value, 'value'), conditions(options)];
  return new PlainCall(native.nexus_set_meta_with, args, signal(options.signal));
}

/** Sets several keys at once; others stay. */
export function setMetaMany(path: string, values: Metadata, options: CallOptions = {}): Call<void> {
  const args = [pathText(path), json(object(values, 'values'), 'values')];
  return new PlainCall(native.nexus_set_meta_many, args, signal(options.signal));
}

/** The value of one key; NOT_FOUND where it is absent. */
export function getMeta(path: string, key: string, options: CallOptions = {}): Call<any> {
  return new OutputCall(native.nexus_get_meta, [pathText(path), text(key, 'key')], JSON.parse, signal(options.signal));
}

/** All keys and values. */
export function listMeta(path: string, options: CallOptions = {}): Call<Record<string, any>> {
  return new OutputCall(native.nexus_list_meta, [pathText(path)], JSON.parse, signal(options.signal));
}

/** Deletes one key; NOT_FOUND where it is absent. */
export function deleteMeta(path: string, key: string, options: CallOptions = {}): Call<void> {
  return new PlainCall(native.nexus_delete_meta, [pathText(path), text(key, 'key')], signal(options.signal));
}

/** The id of a file, or of a directory that was made: a UUID for its life, through renames and overwrites. */
export function pathId(path: string, options: CallOptions = {}): Call<string> {
  return new OutputCall(native.nexus_path_id, [pathText(path)], same<string>, signal(options.signal));
}

/** Where the file or directory with an id is now. */
export function pathOfId(id: string, options: CallOptions = {}): Call<string> {
  return new OutputCall(native.nexus_path_of_id, [text(id, 'id')], same<string>, signal(options.signal));
}

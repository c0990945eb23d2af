// What is said of files. Values are any JSON; numbers beyond 2^53 lose digits on the way, as everywhere in JavaScript.
import { json, object, path as pathText, signal, text } from '../argument.js';
import { nothing, output } from '../call.js';
import { native } from '../library.js';
import type { Call } from '../queue.js';
import { conditions, type CallOptions, type Conditions } from './files.js';

/** A value of JSON. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** The metadata of a file. */
export type Metadata = { [key: string]: JsonValue };

/** Sets one key. The keys of work items have types. */
export function setMeta(path: string, key: string, value: JsonValue, options: Conditions = {}): Call<void> {
  return {
    fn: native.nexus_set_meta_with,
    args: [pathText(path), text(key, 'key'), json(value, 'value'), conditions(options)],
    signal: signal(options.signal),
    result: nothing,
  };
}

/** Sets several keys at once; others stay. */
export function setMetaMany(path: string, values: Metadata, options: CallOptions = {}): Call<void> {
  return {
    fn: native.nexus_set_meta_many,
    args: [pathText(path), json(object(values, 'values'), 'values')],
    signal: signal(options.signal),
    result: nothing,
  };
}

/** The value of one key; NOT_FOUND where it is absent. */
export function getMeta(path: string, key: string, options: CallOptions = {}): Call<any> {
  const value = output<string>();
  return {
    fn: native.nexus_get_meta,
    args: [pathText(path), text(key, 'key'), value],
    signal: signal(options.signal),
    result: () => JSON.parse(value[0]),
  };
}

/** All keys and values. */
export function listMeta(path: string, options: CallOptions = {}): Call<Record<string, any>> {
  const values = output<string>();
  return {
    fn: native.nexus_list_meta,
    args: [pathText(path), values],
    signal: signal(options.signal),
    result: () => JSON.parse(values[0]),
  };
}

/** Deletes one key; NOT_FOUND where it is absent. */
export function deleteMeta(path: string, key: string, options: CallOptions = {}): Call<void> {
  return {
    fn: native.nexus_delete_meta,
    args: [pathText(path), text(key, 'key')],
    signal: signal(options.signal),
    result: nothing,
  };
}

/** The id of a file, or of a directory that was made: a UUID for its life, through renames and overwrites. */
export function pathId(path: string, options: CallOptions = {}): Call<string> {
  const id = output<string>();
  return { fn: native.nexus_path_id, args: [pathText(path), id], signal: signal(options.signal), result: () => id[0] };
}

/** Where the file or directory with an id is now. */
export function pathOfId(id: string, options: CallOptions = {}): Call<string> {
  const path = output<string>();
  return {
    fn: native.nexus_path_of_id,
    args: [text(id, 'id'), path],
    signal: signal(options.signal),
    result: () => path[0],
  };
}

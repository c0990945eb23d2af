// What C would misread is refused here: text that is not UTF-8 or has a NUL, numbers out of range, other types.
import { types } from 'node:util';

import { NexusError, type ErrorCode } from './error.js';
import { stringify } from './json.js';

/** Bytes to write. A view is used where it lies: leave it alone until the call has settled. Strings become UTF-8. */
export type Data = string | NodeJS.ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

export function wrongType(name: string, expected: string, value: unknown): TypeError {
  const found = value === null ? 'null' : typeof value;
  return Object.assign(new TypeError(`${name} must be ${expected}, not ${found}`), { code: 'ERR_INVALID_ARG_TYPE' });
}

export function text(value: unknown, name: string, code: ErrorCode = 'INVALID_ARGUMENT'): string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  if (value.includes('\0')) throw new NexusError(code, `${name} contains a NUL: ${JSON.stringify(value)}`);
  if (!value.isWellFormed()) throw new NexusError(code, `${name} is not well-formed Unicode: ${JSON.stringify(value)}`);
  return value;
}

export function path(value: unknown, name = 'path'): string {
  return text(value, name, 'INVALID_PATH');
}

/** A string, or null where it is absent. */
export function maybeText(value: unknown, name: string): string | null {
  return value === undefined || value === null ? null : text(value, name);
}

export function maybePath(value: unknown, name: string): string | null {
  return value === undefined || value === null ? null : path(value, name);
}

/** A whole number, which may be a BigInt. */
export type Integer = number | bigint;

/** A whole number from 0; undefined where it is absent. */
export function maybeCount(value: unknown, name: string, most?: number): number | undefined {
  return value === undefined ? undefined : count(value, name, most);
}

export function count(value: unknown, name: string, most = Number.MAX_SAFE_INTEGER): number {
  const number = integer(value, name);
  if (number >= 0 && number <= most) return number;
  throw new NexusError('INVALID_ARGUMENT', `${name} must be from 0 to ${most}, not ${number}`);
}

export function integer(value: unknown, name: string): number {
  if (typeof value === 'bigint') return fromBigInt(value, name);
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!Number.isSafeInteger(value)) throw new NexusError('INVALID_ARGUMENT', `${name} must be a whole number: ${value}`);
  return value;
}

function fromBigInt(value: bigint, name: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new NexusError('INVALID_ARGUMENT', `${name} must be from -(2^53 - 1) to 2^53 - 1: ${value}`);
}

/** What a word stands for; undefined where it is absent. */
export function maybeChoice<T>(choices: Record<string, T>, value: unknown, name: string): T | undefined {
  return value === undefined ? undefined : choice(choices, value, name);
}

export function choice<T>(choices: Record<string, T>, value: unknown, name: string): T {
  const word = text(value, name);
  // What every object inherits, such as 'constructor', is no choice.
  if (Object.hasOwn(choices, word)) return choices[word] as T;
  throw new NexusError('INVALID_ARGUMENT', `${name} must be one of ${Object.keys(choices).join(', ')}, not '${word}'`);
}

export function flag(value: unknown, name: string): 0 | 1 | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  return value ? 1 : 0;
}

/** A point in time, as microseconds since 1970. */
export function maybeTime(value: unknown, name: string): bigint | undefined {
  if (value === undefined) return undefined;
  if (!types.isDate(value)) throw wrongType(name, 'a Date', value);
  return BigInt(integer(value.getTime(), name)) * 1000n;
}

/** A JSON text of a value. */
export function json(value: unknown, name: string): string {
  const encoded = stringify(value);
  if (encoded === undefined) throw wrongType(name, 'a JSON value', value);
  return encoded;
}

/** A JSON text of a value; null where it is absent. */
export function maybeJson(value: unknown, name: string): string | null {
  return value === undefined ? null : json(value, name);
}

export function object(value: unknown, name: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(name, 'an object', value);
  return value;
}

/** The names of options that a call takes. */
export type Names = ReadonlySet<string>;

export function names(...of: (string | Names)[]): Names {
  return new Set(of.flatMap((one) => (typeof one === 'string' ? [one] : [...one])));
}

/** Refuses options that a call does not know: one that is misspelt would have no effect. */
export function expectKnown(options: object, known: Names): void {
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options);
  for (const name in options) {
    if (known.has(name) || (options as Record<string, unknown>)[name] === undefined) continue;
    const nearest = nearestOf(name, known);
    const advice = nearest === undefined ? 'it takes none' : `did you mean '${nearest}'?`;
    throw new NexusError('INVALID_ARGUMENT', `there is no option '${name}': ${advice}`);
  }
}

function nearestOf(name: string, known: Names): string | undefined {
  const plain = (text: string): string => text.replaceAll(/[_-]/g, '').toLowerCase();
  const distances = [...known].map((one) => [one, distance(plain(name), plain(one))] as const);
  return distances.sort(([, one], [, other]) => one - other)[0]?.[0];
}

/** How many letters have to be inserted, removed or replaced to make one text of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, replaced));
    }
    row = next;
  }
  return row[other.length] as number;
}

export function signal(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (!(value instanceof AbortSignal)) throw wrongType('signal', 'an AbortSignal', value);
  return value;
}

export function bytes(data: unknown): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  const view = viewOf(data);
  // Memory that can shrink could be gone by the time that another thread reads it.
  const { resizable } = view.buffer as { resizable?: boolean };
  return resizable ? Uint8Array.from(view) : view;
}

function viewOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  throw wrongType('data', 'a string, a Buffer, a typed array or an ArrayBuffer', data);
}

/** A place for bytes that another thread writes. */
export function room(buffer: unknown): Uint8Array {
  if (!ArrayBuffer.isView(buffer)) throw wrongType('buffer', 'a Buffer or a typed array', buffer);
  const view = viewOf(buffer);
  const { resizable } = view.buffer as { resizable?: boolean };
  if (resizable) throw new NexusError('INVALID_ARGUMENT', 'buffer must not lie in a resizable ArrayBuffer');
  return view;
}

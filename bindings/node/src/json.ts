// JSON without loss: integers beyond 2^53, which `JSON.parse` rounds and `JSON.stringify` refuses, are BigInts here.
//
// Node 20 does not give a reviver the text of a number. So numbers that would change are replaced by strings with
// a mark that nothing else has, and the strings by the numbers after parsing; writing goes the other way round.
import { randomUUID } from 'node:crypto';

/** Whether there may be a number that does not fit; else nothing has to be looked for. */
const SUSPICIOUS = /[\d.]{16}|\d[eE]/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Powers of ten up to this one are worked out: no program has a use for a greater integer. */
const GREATEST_EXPONENT = 4096;

/** A number that neither a number nor a BigInt of reasonable size holds. */
class OutOfRange {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * Parses a JSON text. An integer beyond the safe range is a BigInt; a number with a fraction or an exponent is one where it
 * is an integer that a number would round.
 */
export function parseExactly(text: string): any {
  return parse(text).value;
}

/** Parses a JSON text. A number that would be rounded is a RangeError, which says what to do instead. */
export function parseSafely(text: string, what: (key: string | undefined) => string): any {
  const { value, rounded } = parse(text, true);
  const first = rounded[0];
  if (first !== undefined) throw refusal(what(keyOf(value, rounded)), first.text);
  return value;
}

interface Rounded {
  readonly text: string;
  readonly value: bigint | OutOfRange;
}

/** With `tolerant`, integers that a number holds are numbers although they are beyond the safe range. */
function parse(text: string, tolerant = false): { value: any; rounded: Rounded[] } {
  const rounded: Rounded[] = [];
  if (!SUSPICIOUS.test(text)) return { value: JSON.parse(text), rounded };
  const mark = randomUUID();
  const pieces: string[] = [];
  let taken = 0;
  for (const [start, end] of numbersIn(text)) {
    const token = text.slice(start, end);
    const value = exactly(token, tolerant);
    if (value === undefined) continue;
    pieces.push(text.slice(taken, start), `"${mark}${rounded.length}"`);
    rounded.push({ text: token, value });
    taken = end;
  }
  if (rounded.length === 0) return { value: JSON.parse(text), rounded };
  pieces.push(text.slice(taken));
  const value = JSON.parse(pieces.join(''), (_key, member) => {
    if (typeof member !== 'string' || !member.startsWith(mark)) return member;
    const { text, value } = rounded[Number(member.slice(mark.length))] as Rounded;
    if (value instanceof OutOfRange && !tolerant) throw refusal('a value', text);
    return value;
  });
  return { value, rounded };
}

/** Where the numbers of a valid JSON text begin and end. */
function* numbersIn(text: string): Generator<[start: number, end: number]> {
  const beginning = /["\d-]/g;
  for (let at = 0; ; ) {
    beginning.lastIndex = at;
    const found = beginning.exec(text);
    if (found === null) return;
    if (found[0] === '"') {
      at = endOfString(text, found.index);
      continue;
    }
    NUMBER.lastIndex = found.index;
    const length = NUMBER.exec(text)?.[0].length ?? 1;
    at = found.index + length;
    yield [found.index, at];
  }
}

function endOfString(text: string, start: number): number {
  for (let end = start + 1; ; end++) {
    end = text.indexOf('"', end);
    if (end === -1) return text.length;
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** What a number is that a `number` would change; undefined for all others. */
function exactly(token: string, tolerant: boolean): bigint | OutOfRange | undefined {
  const number = Number(token);
  if (Number.isFinite(number) && Math.abs(number) <= Number.MAX_SAFE_INTEGER) return undefined;
  const value = integerOf(token);
  if (value === undefined) return Number.isFinite(number) ? undefined : new OutOfRange(token);
  const keeps = Number.isFinite(number) && integerOf(String(number)) === value;
  const isPlain = !/[.eE]/.test(token);
  return keeps && (tolerant || !isPlain) ? undefined : value;
}

/** The integer that a text stands for; undefined where it stands for none, or for a very great one. */
function integerOf(token: string): bigint | undefined {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const power = Number(exponent) - fraction.length;
  if (whole === '' || Math.abs(power) > GREATEST_EXPONENT) return undefined;
  const digits = BigInt(`${whole}${fraction}`);
  // What is this great has more digits than it has a fraction.
  const scale = 10n ** BigInt(Math.abs(power));
  if (power < 0 && digits % scale !== 0n) return undefined;
  const value = power < 0 ? digits / scale : digits * scale;
  return sign === '-' ? -value : value;
}

/** The member of an object that a rounded number is in. */
function keyOf(value: any, rounded: Rounded[]): string | undefined {
  const isRounded = (one: unknown): boolean => rounded.some((each) => each.value === one);
  const holds = (one: any): boolean =>
    isRounded(one) || (typeof one === 'object' && one !== null && !(one instanceof OutOfRange) && Object.values(one).some(holds));
  return typeof value === 'object' && value !== null ? Object.keys(value).find((key) => holds(value[key])) : undefined;
}

function refusal(what: string, text: string): RangeError {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  const advice = 'ask for it with { bigint: true }, or for its JSON text';
  return Object.assign(new RangeError(`${what} is ${shown}, which a number would change: ${advice}`), { code: 'ERR_OUT_OF_RANGE' });
}

/** The JSON text of a value, in which BigInts are integers; undefined for what is no JSON. */
export function stringify(value: unknown): string | undefined {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  let mark: string | undefined;
  const text = JSON.stringify(value, function (this: any, key, member) {
    // A `BigInt.prototype.toJSON` that some programs define has made a string of it.
    const original = this[key];
    if (typeof original !== 'bigint') return member;
    mark ??= randomUUID();
    return `${mark}${original}`;
  });
  return mark === undefined ? text : text?.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1');
}

/** An integer of the library: a number, or a BigInt where a number would round it. */
export function whole(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

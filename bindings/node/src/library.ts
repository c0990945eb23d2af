// Finds libnexusfs and declares its calls as src/abi.ts says.
import koffi from 'koffi';

import { CONSTANTS, DEFAULTS, FUNCTIONS, FUNCTION_TYPES, STRUCTS } from './abi.js';

/** A call of the library: synchronous, or on a thread of libuv's pool by `async`. */
export interface NativeFunction {
  (...args: unknown[]): any;
  /** Calls `done(error, result)` later. Nothing but the caller keeps the arguments alive meanwhile. */
  async(...args: [...unknown[], (error: unknown, result: any) => void]): void;
}

type FunctionName = keyof typeof FUNCTIONS;
export type OptionsName = keyof typeof DEFAULTS;
type StructName = OptionsName | 'nexus_entry' | 'nexus_match' | 'nexus_work_item';

const SONAME = 'libnexusfs.so.0';
// Where `cmake --install` puts it by default; the loader knows these only once `ldconfig` has run.
const PLACES = ['/usr/local/lib', `/usr/local/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`];

function open(): ReturnType<typeof koffi.load> {
  const chosen = process.env['NEXUS_LIBRARY'];
  const names = chosen ? [chosen] : [SONAME, ...PLACES.map((place) => `${place}/${SONAME}`)];
  const failures: string[] = [];
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
    }
  }
  const advice = 'set NEXUS_LIBRARY to its path, or make it known to the loader (ldconfig, LD_LIBRARY_PATH)';
  throw new Error(`libnexusfs cannot be loaded: ${advice}\n  ${failures.join('\n  ')}`);
}

/** Refuses a library whose binary interface is not the one of the header that src/abi.ts comes from. */
function checked(lib: ReturnType<typeof koffi.load>): ReturnType<typeof koffi.load> {
  const theirs = Number(lib.func('nexus_abi_version', 'uint32_t', [])());
  const [major, minor] = parts(theirs);
  const [ourMajor, ourMinor] = parts(CONSTANTS.ABI_VERSION);
  const compatible = major === ourMajor && (major === 0 ? minor === ourMinor : minor >= ourMinor);
  if (!compatible) {
    throw new Error(`${SONAME} has the interface ${major}.${minor}, this package needs ${ourMajor}.${ourMinor}`);
  }
  return lib;
}

function parts(version: number): [major: number, minor: number] {
  return [version >> 16, (version >> 8) & 0xff];
}

// The types have no names: names are shared by all users of koffi in the process.
const structs = Object.fromEntries(
  Object.entries(STRUCTS).map(([name, members]) => [name, koffi.struct(Object.fromEntries(members))]),
) as Record<StructName, ReturnType<typeof koffi.struct>>;
const functionTypes = Object.fromEntries(
  Object.entries(FUNCTION_TYPES).map(([name, [result, ...parameters]]) => [
    name,
    koffi.proto(result as string, parameters),
  ]),
);
/** A string that the library hands out: copied, then given back. */
const ownedString = koffi.disposable('str', (pointer: bigint) => native.nexus_string_free(pointer));

type Specification = Parameters<typeof koffi.sizeof>[0];

function parameter(type: string): Specification {
  const target = type.replace(/^_Out_ /, '').replace(/ ?\*$/, '');
  if (type === '_Out_ nexus_string *') return koffi.out(koffi.pointer(ownedString)) as unknown as Specification;
  if (type.startsWith('_Out_ ')) return koffi.out(koffi.pointer(target as Specification)) as unknown as Specification;
  if (target in structs) return koffi.pointer(structs[target as StructName]);
  if (target in functionTypes) return koffi.pointer(functionTypes[target] as Specification);
  return (type.endsWith('*') ? 'void *' : type) as Specification;
}

/**
 * The calls of the library. Using the first of them loads it and declares them all: a declaration that comes when a worker
 * thread is being terminated would end the process.
 */
export const native = {} as Record<FunctionName, NativeFunction>;
for (const name of Object.keys(FUNCTIONS) as FunctionName[]) {
  Object.defineProperty(native, name, {
    configurable: true,
    get() {
      declareAll();
      return native[name];
    },
  });
}

function declareAll(): void {
  const lib = checked(open());
  const declared = Object.entries(FUNCTIONS).map(([name, [result, ...parameters]]) => [
    name,
    { value: lib.func(name, result as Specification, parameters.map(parameter)) },
  ]);
  Object.defineProperties(native, Object.fromEntries(declared));
}

/** An options struct: its defaults, and what `set` has that is not undefined. */
export function options(name: OptionsName, set: Record<string, unknown>): object {
  const filled: Record<string, unknown> = { struct_size: koffi.sizeof(structs[name]), ...DEFAULTS[name] };
  for (const key in set) {
    if (set[key] !== undefined) filled[key] = set[key];
  }
  return filled;
}

/** Where a buffer is, as long as something keeps it. */
export function addressOf(memory: Uint8Array): bigint {
  return koffi.address(memory);
}

/** Copies the row at `pointer` into an object with the names of the header. */
export function decodeRow(name: 'nexus_entry' | 'nexus_match' | 'nexus_work_item', pointer: bigint): any {
  return koffi.decode(pointer, structs[name]);
}

/** The layout that koffi gave a struct, to be compared with a compiler's. */
export function layoutOf(name: string): { size: number; offsets: Record<string, number> } {
  const type = structs[name as StructName];
  const members = (STRUCTS[name] ?? []).map(([member]) => [member, koffi.offsetof(type, member)]);
  return { size: koffi.sizeof(type), offsets: Object.fromEntries(members) };
}

/** Makes a function that any thread of the library may call until it is given to {@link unregister}. */
export function registerLog(callback: (user: null, level: number, message: string) => void): bigint {
  return koffi.register(callback, koffi.pointer(functionTypes['nexus_log_fn'] as Specification));
}

export function unregister(callback: bigint): void {
  koffi.unregister(callback);
}

// Generates src/abi.ts from nexus.h: constants, struct layouts, option defaults and prototypes.
//
//   node scripts/generate.mjs [--check]     --check: only compare, and fail on a difference
//
// The header is regular (cbindgen writes it); what this does not understand is an error, never left out.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const headerPath = fileURLToPath(new URL('../../../include/nexus.h', import.meta.url));
const outputPath = fileURLToPath(new URL('../src/abi.ts', import.meta.url));

const SCALARS = new Set(['int32_t', 'uint32_t', 'int64_t', 'uint64_t', 'size_t']);

function withoutComments(text) {
  return text.replace(/\/\*[^]*?\*\//g, ' ').replace(/\/\/.*$/gm, '');
}

function readConstants(code) {
  const constants = {};
  for (const [, name, value] of code.matchAll(/^#define (NEXUS_\w+) (\d+)$/gm)) {
    constants[name.slice('NEXUS_'.length)] = Number(value);
  }
  return constants;
}

/** Splits `const char *const *paths` into its type, without `const`, and its name. */
function readDeclaration(text) {
  const plain = text.replace(/\bconst\b/g, '').replace(/\s+/g, ' ').trim();
  const found = /^(\w+) ?(\**) ?(\**)(\w+)$/.exec(plain.replace(/\* \*/g, '**'));
  if (!found) throw new Error(`not understood: ${text}`);
  return { type: found[1], stars: (found[2] + found[3]).length, name: found[4], readOnly: /^\s*const\b/.test(text) };
}

/** The type of a member as koffi spells it. Rows and options hold scalars and strings only. */
function memberType({ type, stars, name }) {
  if (stars === 0 && SCALARS.has(type)) return type;
  if (stars === 1 && type === 'char') return 'str';
  throw new Error(`a member of unknown type: ${type} ${name}`);
}

function readStructs(code) {
  const structs = {};
  for (const [, name, body] of code.matchAll(/typedef struct (\w+) \{([^}]*)\} \1;/g)) {
    const members = body.split(';').map((line) => line.trim()).filter(Boolean).map(readDeclaration);
    structs[name] = members.map((member) => [member.name, memberType(member)]);
  }
  return structs;
}

/** What an _INIT macro sets, but for `struct_size`. */
function readDefaults(code, structs, constants) {
  const defaults = {};
  for (const [, macro, body] of code.matchAll(/^#define NEXUS_(\w+)_INIT \{(.*)\}$/gm)) {
    const struct = `nexus_${macro.toLowerCase()}`;
    const values = body.split(',').map((value) => value.trim());
    if (values.length !== structs[struct].length) throw new Error(`${macro} does not fit ${struct}`);
    const entries = structs[struct].map(([member], i) => [member, readValue(values[i], struct, constants)]);
    defaults[struct] = Object.fromEntries(entries.filter(([member]) => member !== 'struct_size'));
  }
  return defaults;
}

function readValue(text, struct, constants) {
  if (text === 'NULL' || text === `sizeof(${struct})`) return null;
  if (/^\d+$/.test(text)) return Number(text);
  const constant = constants[text.replace('NEXUS_', '')];
  if (constant === undefined) throw new Error(`unknown default: ${text}`);
  return constant;
}

/** The type of a parameter as koffi spells it, `_Out_` included. */
function parameterType({ type, stars, name, readOnly }, functionTypes) {
  if (stars === 0 && functionTypes.has(type)) return `${type} *`;
  if (stars === 0) return scalarType(type, name);
  if (type === 'void' && stars === 1) return 'void *';
  if (type === 'char' && stars === 1) return readOnly ? 'str' : 'void *';
  if (type === 'char' && stars === 2) return readOnly ? 'str *' : '_Out_ nexus_string *';
  if (stars === 1 && SCALARS.has(type)) return `_Out_ ${type} *`;
  if (stars === 1) return `${type} *`;
  if (stars === 2) return `_Out_ void **`;
  throw new Error(`a parameter of unknown type: ${type} ${name}`);
}

function scalarType(type, name) {
  if (type === 'nexus_status') return 'int32_t';
  if (SCALARS.has(type)) return type;
  throw new Error(`unknown scalar: ${type} ${name}`);
}

function returnType(text) {
  const { type, stars } = readDeclaration(`${text} x`);
  if (stars === 0) return type === 'void' ? 'void' : scalarType(type, text);
  return type === 'char' ? 'str' : 'void *';
}

function readFunctions(code, functionTypes) {
  const functions = {};
  for (const [, result, name, parameters] of code.matchAll(/^((?:const )?\w+ \**)(nexus_\w+)\(([^)]*)\);/gm)) {
    const list = parameters.trim() === 'void' ? [] : parameters.split(',').map(readDeclaration);
    functions[name] = [returnType(result), ...list.map((parameter) => parameterType(parameter, functionTypes))];
  }
  return functions;
}

function readFunctionTypes(code) {
  const types = {};
  for (const [, result, name, parameters] of code.matchAll(/typedef (\w+) \(\*(\w+)\)\(([^)]*)\);/g)) {
    const list = parameters.split(',').map(readDeclaration).map((p) => parameterType(p, new Set()));
    types[name] = [result, ...list];
  }
  return types;
}

function generate() {
  const code = withoutComments(readFileSync(headerPath, 'utf8')).replace(/[ \t]+$/gm, '');
  const constants = readConstants(code);
  const structs = readStructs(code);
  const opaques = [...code.matchAll(/typedef struct (\w+) \1;/g)].map(([, name]) => name);
  const functionTypes = readFunctionTypes(code);
  const functions = readFunctions(code, new Set(Object.keys(functionTypes)));
  const declared = new Set(code.match(/\bnexus_\w+(?=\()/g));
  for (const name of declared) {
    if (!functions[name]) throw new Error(`the declaration of ${name} was not understood`);
  }
  const statuses = Object.entries(constants).filter(([name]) => name.startsWith('STATUS_'));
  const others = Object.entries(constants).filter(([name]) => !name.startsWith('STATUS_'));
  return [
    '// Generated from include/nexus.h by scripts/generate.mjs: run `npm run generate` after a change there.',
    '',
    '/** The statuses of calls, by name. */',
    `export const STATUS = ${lines(Object.fromEntries(statuses.map(([name, value]) => [name.slice('STATUS_'.length), value])))} as const;`,
    '',
    '/** The other constants of the header, without the prefix NEXUS_. */',
    `export const CONSTANTS = ${lines(Object.fromEntries(others))} as const;`,
    '',
    '/** Types whose members are not public. */',
    `export const OPAQUE_TYPES = ${JSON.stringify(opaques)};`,
    '',
    '/** Members of the public structs, in order. */',
    `export const STRUCTS: Record<string, [name: string, type: string][]> = ${nested(structs)};`,
    '',
    '/** What the _INIT macros set. */',
    `export const DEFAULTS = ${nested(readDefaults(code, structs, constants))} as const;`,
    '',
    '/** Result and parameters of the function types. */',
    `export const FUNCTION_TYPES: Record<string, string[]> = ${nested(functionTypes)};`,
    '',
    '/** Result and parameters of the calls. */',
    `export const FUNCTIONS = ${nested(functions)};`,
    '',
  ].join('\n');
}

function lines(object) {
  return `{\n${Object.entries(object).map(([key, value]) => `  ${key}: ${JSON.stringify(value)},\n`).join('')}}`;
}

function nested(object) {
  return lines(object).replaceAll('],[', '], [').replaceAll('","', '", "');
}

const generated = generate();
if (process.argv.includes('--check')) {
  if (readFileSync(outputPath, 'utf8') !== generated) {
    console.error('src/abi.ts does not match include/nexus.h: run `npm run generate`');
    process.exit(1);
  }
} else {
  writeFileSync(outputPath, generated);
}

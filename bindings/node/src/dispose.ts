// `await using` looks for these symbols; the first releases of Node 20 do not have them.
for (const name of ['dispose', 'asyncDispose'] as const) {
  if (Symbol[name] === undefined) {
    Object.defineProperty(Symbol, name, { value: Symbol.for(`nodejs.${name}`) });
  }
}

export {};

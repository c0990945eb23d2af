import { statSync } from 'node:fs';

import { output, run, runQuick } from './call.js';
import { twinConfig, type EffectiveConfig } from './config.js';
import { NexusError } from './error.js';
import { native } from './library.js';
import { Target } from './queue.js';

/**
 * Further handles with the rights of an admin's. They cannot be derived: the store is opened once more by its path, which
 * is cheap, because the library finds it open. So it has to be the same store that is still there.
 */
export class Twins {
  readonly #config: string;
  readonly #database: string;
  /** The library takes the same file for the same store. While that is open, no other file has its number. */
  readonly #identity: string | undefined;

  /** Those of the handle that was just opened. */
  constructor(effective: EffectiveConfig) {
    this.#config = twinConfig(effective);
    this.#database = effective.db_path.value;
    this.#identity = identityOf(this.#database);
  }

  async open(): Promise<bigint> {
    this.#expectSame();
    const handle = await connectHandle(this.#config);
    try {
      this.#expectSame();
      return handle;
    } catch (error) {
      native.nexus_close(handle, output());
      throw error;
    }
  }

  #expectSame(): void {
    if (this.#identity !== undefined && identityOf(this.#database) === this.#identity) return;
    const why = 'the call of an admin with a signal opens it by its path';
    throw new NexusError('IO', `the store is no longer at '${this.#database}', and ${why}`);
  }
}

/** What makes twins of a handle; undefined where its rights are derived. */
export function twinsOf(handle: Target): Twins | undefined {
  const effective = configOf(handle);
  return effective.is_admin.value === true ? new Twins(effective) : undefined;
}

export function configOf(handle: Target): EffectiveConfig {
  const json = output<string>();
  return runQuick(handle, { fn: native.nexus_config, args: [json], result: () => JSON.parse(json[0]) });
}

async function connectHandle(config: string): Promise<bigint> {
  const handle = output();
  return run(new Target(null), { fn: native.nexus_connect, args: [config, handle], result: () => handle[0] });
}

function identityOf(file: string): string | undefined {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

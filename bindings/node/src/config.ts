import { json, object } from './argument.js';
import { NexusError } from './error.js';

export interface NamespaceConfig {
  name: string;
  readonly?: boolean;
  admin_only?: boolean;
  requires_tenant?: boolean;
  remove?: boolean;
}

export interface MountConfig {
  name: string;
  path: string;
  backend: 'local';
  root: string;
  readonly?: boolean;
}

/**
 * The configuration of a store, with the keys of its JSON. A key that is not known is INVALID_CONFIG, and so is one of the
 * identity that is there as undefined: null is none.
 */
export interface Config {
  mode?: 'embedded';
  data_dir?: string;
  db_path?: string;
  tenant_id?: string | null;
  agent_id?: string | null;
  is_admin?: boolean;
  allow_readonly_writes?: boolean;
  strict_namespaces?: boolean;
  namespaces?: NamespaceConfig[];
  mounts?: MountConfig[];
  config_file?: string;
  durability?: 'full' | 'normal';
  cache_size_mb?: number;
  inline_max_bytes?: number;
  busy_timeout_ms?: number;
  housekeeping?: boolean;
  enable_vector_search?: boolean;
  enable_llm_cache?: boolean;
  url?: string;
  api_key?: string;
  timeout?: number;
}

/** Each key with its value, and where that comes from. */
export type EffectiveConfig = {
  [K in keyof Config]-?: { value: any; source: string };
};

/** Keys whose absence opens the store to everybody: one that is there has a value. */
const IDENTITY = ['tenant_id', 'agent_id', 'is_admin'] as const;

/** The JSON of a config. Null looks for a configuration file and uses the environment. */
export function configText(config: Config | null | undefined): string | null {
  if (config === null || config === undefined) return null;
  const given: Config = object(config, 'config');
  for (const key of IDENTITY) {
    // JSON leaves it out, as if nobody had been named.
    if (key in given && given[key] === undefined) {
      throw new NexusError('INVALID_CONFIG', `'${key}' has no value (null, written out, is none)`);
    }
  }
  return json(given, 'config');
}

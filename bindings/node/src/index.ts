/** Nexus: a filesystem for AI agents that a program embeds. */
import './dispose.js';
import './exit.js';
import { fileURLToPath } from 'node:url';

import { text } from './argument.js';
import { output, run, runSync } from './call.js';
import { configText, type Config } from './config.js';
import { native } from './library.js';
import { Target, type Call } from './queue.js';
import { Store } from './store.js';

/** Opens a store, and creates it if it does not exist. Null: reads the environment and a configuration file. */
export async function connect(config?: Config | null): Promise<Store> {
  return run(new Target(null), connecting(native.nexus_connect, configText(config)));
}

export function connectSync(config?: Config | null): Store {
  return runSync(new Target(null), connecting(native.nexus_connect, configText(config)));
}

/** Opens a store with the configuration of a YAML file. */
export async function connectFile(file: string | URL): Promise<Store> {
  return run(new Target(null), connecting(native.nexus_connect_file, fileText(file)));
}

export function connectFileSync(file: string | URL): Store {
  return runSync(new Target(null), connecting(native.nexus_connect_file, fileText(file)));
}

function connecting(fn: typeof native.nexus_connect, source: string | null): Call<Store> {
  const handle = output();
  return { fn, args: [source, handle], result: () => new Store(handle[0]) };
}

function fileText(file: string | URL): string {
  return text(file instanceof URL ? fileURLToPath(file) : file, 'file');
}

/** The version of the library, for example "0.1.0". */
export function version(): string {
  return native.nexus_version();
}

/** The version of the library's binary interface, as 0xMMmmpp: 256 is 0.1.0. */
export function abiVersion(): number {
  return native.nexus_abi_version();
}

/** The number of open objects of the library in this process: 0 in a program that has closed everything. */
export function liveObjects(): number {
  return Number(native.nexus_live_objects());
}

export { setLog, type LogLevel } from './log.js';
export { NexusError, type ErrorCode } from './error.js';
export { STATUS } from './abi.js';
export { Store, type Identity } from './store.js';
export { Batch } from './batch.js';
export { Listing } from './listing.js';
export { Reader } from './reader.js';
export { Writer } from './writer.js';
export type { Data, Integer } from './argument.js';
export type { Config, EffectiveConfig, MountConfig, NamespaceConfig } from './config.js';
export type { Entry, Match, WorkItem, WorkStatus } from './rows.js';
export type { GetMetaOptions, JsonValue, Metadata } from './operations/metadata.js';
export type { CallOptions, Conditions, MkdirOptions, MoveOptions, RmdirOptions, WriteOptions } from './operations/files.js';
export type { EntryList, FindOptions, GrepOptions, ListOptions, MatchList, PageOptions } from './operations/finding.js';
export type { ExportOptions, ImportOptions, ImportReport, LongCallOptions, VerifyOptions } from './operations/upkeep.js';
export type { ClaimOptions, FailOptions, WaitOptions, WorkExplanation, WorkStats, WorkView } from './operations/work.js';
export type { ReadStreamOptions, WriteStreamOptions } from './streams.js';

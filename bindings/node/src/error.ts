import { STATUS } from './abi.js';
import { native } from './library.js';

/** The name of a status: that of its constant in nexus.h, without NEXUS_STATUS_. */
export type StatusName = keyof typeof STATUS;
export type ErrorCode = Exclude<StatusName, 'OK'>;

const NAMES = new Map<number, ErrorCode>(
  Object.entries(STATUS).map(([name, value]) => [value, name as ErrorCode]),
);

/** The error of a failed call. A call that failed changed nothing. */
export class NexusError extends Error {
  /** The status by name, for example `NOT_FOUND`: what programs look at. */
  readonly code: ErrorCode;
  /** The number of the status. */
  readonly status: number;
  /** The path in the store that the error is about. */
  readonly path: string | undefined;
  /** Which operation of a batch failed, from 0. */
  readonly index: number | undefined;

  constructor(code: ErrorCode, message: string, details: { path?: string | undefined; index?: number | undefined } = {}) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
    this.path = details.path;
    this.index = details.index;
  }

  static {
    this.prototype.name = 'NexusError';
  }
}

/** Turns an error object of the library into an exception, and frees it. */
export function takeError(status: number, error: bigint | null): NexusError {
  // A status that this package does not know comes from a newer library.
  const code = NAMES.get(status) ?? 'INTERNAL';
  if (error === null) return new NexusError(code, `the call failed with status ${status}`);
  const index = Number(native.nexus_error_index(error));
  const thrown = new NexusError(code, native.nexus_error_message(error), {
    path: native.nexus_error_path(error) ?? undefined,
    index: index < 0 ? undefined : index,
  });
  native.nexus_error_free(error);
  return thrown;
}

/** Why a call ended that nobody has let begin. */
export function cancelled(message: string): NexusError {
  return new NexusError('CANCELLED', message);
}

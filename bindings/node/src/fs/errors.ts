// Errors as node's fs has them: a code like ENOENT, and the path as the program gave it.
import { constants } from 'node:os';

import { NexusError, type ErrorCode } from '../error.js';

export type SystemCode = keyof typeof DESCRIPTIONS;

const DESCRIPTIONS = {
  EACCES: 'permission denied',
  EBADF: 'bad file descriptor',
  EBUSY: 'resource busy or locked',
  ECANCELED: 'operation canceled',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ELOOP: 'too many symbolic links encountered',
  ENAMETOOLONG: 'name too long',
  ENODEV: 'no such device',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOSYS: 'function not implemented',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  ENOTSUP: 'operation not supported on socket',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  ESTALE: 'stale file handle',
};

const CODES: Record<ErrorCode, SystemCode> = {
  INVALID_ARGUMENT: 'EINVAL',
  INVALID_PATH: 'EINVAL',
  INVALID_CONFIG: 'EINVAL',
  NOT_FOUND: 'ENOENT',
  ALREADY_EXISTS: 'EEXIST',
  NOT_A_DIRECTORY: 'ENOTDIR',
  IS_A_DIRECTORY: 'EISDIR',
  NOT_EMPTY: 'ENOTEMPTY',
  ACCESS_DENIED: 'EACCES',
  READ_ONLY: 'EROFS',
  CONFLICT: 'EBUSY',
  CYCLE: 'ELOOP',
  LEASE_LOST: 'ESTALE',
  NOT_MOUNTED: 'ENODEV',
  BUSY: 'EBUSY',
  NO_SPACE: 'ENOSPC',
  CORRUPT: 'EIO',
  IO: 'EIO',
  UNSUPPORTED: 'ENOTSUP',
  VERSION_MISMATCH: 'EIO',
  CANCELLED: 'ECANCELED',
  MISUSE: 'EBADF',
  INTERNAL: 'EIO',
  PANIC: 'EIO',
};

/** An error of the kind that node's fs throws. `cause` is the store's own. */
export interface SystemError extends NodeJS.ErrnoException {
  code: SystemCode;
  errno: number;
  syscall: string;
  path?: string;
  dest?: string;
}

export function systemError(
  code: SystemCode,
  syscall: string,
  path?: string,
  dest?: string,
  cause?: unknown,
): SystemError {
  const of = path === undefined ? '' : ` '${path}'`;
  const target = dest === undefined ? '' : ` -> '${dest}'`;
  const message = `${code}: ${DESCRIPTIONS[code]}, ${syscall}${of}${target}`;
  const error = new Error(message, cause === undefined ? undefined : { cause }) as SystemError;
  error.errno = -constants.errno[code];
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}

const REFUSALS = {
  ERR_FS_EISDIR: 'Path is a directory',
  ERR_FS_CP_EEXIST: 'Target already exists',
  ERR_FS_CP_EINVAL: 'Invalid src or dest',
  ERR_FS_CP_DIR_TO_NON_DIR: 'Cannot overwrite non-directory with directory',
  ERR_FS_CP_NON_DIR_TO_DIR: 'Cannot overwrite directory with non-directory',
};

/** What node refuses by itself, without a call of the system: its `errno` is positive. */
export function fsError(code: keyof typeof REFUSALS, system: SystemCode, syscall: string, path: string): Error {
  const message = `${REFUSALS[code]}: ${syscall} returned ${system} (${DESCRIPTIONS[system]}) ${path}`;
  return Object.assign(new Error(message), { code, errno: constants.errno[system], syscall, path });
}

/** The error of a call of the store, for a call of fs. What is no error of the store stays as it is. */
export function translated(error: unknown, syscall: string, path?: string, dest?: string): unknown {
  return error instanceof NexusError ? systemError(CODES[error.code], syscall, path, dest, error) : error;
}

/** What a call that its signal has ended throws, whatever the reason; other errors stay as they are. */
export function unlessAborted(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted !== true || error !== signal.reason) return error;
  const aborted = new Error('The operation was aborted', { cause: error });
  return Object.assign(aborted, { name: 'AbortError', code: 'ABORT_ERR' });
}

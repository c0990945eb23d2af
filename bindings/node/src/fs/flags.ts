// How a file is opened to be written: the flags of node's fs.
import { constants } from 'node:fs';

import { systemError } from './errors.js';

export interface WriteMode {
  appends: boolean;
  /** The file must not exist. */
  exclusive: boolean;
}

const APPENDING = new Set(['a', 'ax', 'xa', 'as', 'sa', 'a+', 'ax+', 'xa+', 'as+', 'sa+']);
const REPLACING = new Set(['w', 'wx', 'xw', 'w+', 'wx+', 'xw+']);
const OTHERS = new Set(['r', 'rs', 'sr', 'r+', 'rs+', 'sr+']);

/** Whether the flags are of a file that is only read. */
export function onlyReads(flag: string | number): boolean {
  if (typeof flag === 'string') return flag === 'r' || flag === 'rs' || flag === 'sr';
  return (flag & (constants.O_WRONLY | constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND)) === 0;
}

/** Reads the flags of a file to be written. Those that would change a part of what is there, such as `r+`, are ENOTSUP. */
export function writeMode(flag: string | number, given: string): WriteMode {
  if (typeof flag === 'number') {
    const appends = (flag & constants.O_APPEND) !== 0;
    const exclusive = (flag & constants.O_EXCL) !== 0;
    const whole = appends || exclusive || (flag & constants.O_TRUNC) !== 0;
    if ((flag & constants.O_CREAT) === 0 || !whole) throw systemError('ENOTSUP', 'open', given);
    return { appends, exclusive };
  }
  if (OTHERS.has(flag)) throw systemError('ENOTSUP', 'open', given);
  if (!APPENDING.has(flag) && !REPLACING.has(flag)) {
    const error = new TypeError(`The argument 'flags' is invalid. Received ${JSON.stringify(flag)}`);
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
  }
  return { appends: APPENDING.has(flag), exclusive: flag.includes('x') };
}

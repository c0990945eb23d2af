// The scripts of the calls that have a callback and a `...Sync` variant, by their names in node:fs.
import type { FileHandle } from '../handle.js';
import { ask, type Script } from '../script.js';
import { inForm, type StatOptions } from '../stats.js';
import type { View } from '../view.js';
import * as description from './description.js';
import type { Time } from './description.js';
import * as directories from './directories.js';
import * as files from './files.js';
import { open } from './open.js';

type CallScript = (view: View, ...args: any[]) => Script<unknown>;

/** Calls on paths. */
export const ON_PATHS = {
  access: description.access,
  appendFile: files.appendFile,
  chmod: description.chmod,
  chown: description.chown,
  copyFile: files.copyFile,
  cp: files.cp,
  lchmod: description.chmod,
  lchown: description.lchown,
  link: description.link,
  lstat: description.lstat,
  lutimes: description.utimes,
  mkdir: directories.mkdir,
  mkdtemp: directories.mkdtemp,
  opendir: directories.opendir,
  readFile: files.readFile,
  readdir: directories.readdir,
  readlink: description.readlink,
  realpath: description.realpath,
  rename: files.rename,
  rm: files.rm,
  rmdir: directories.rmdir,
  stat: description.stat,
  symlink: description.symlink,
  truncate: files.truncate,
  unlink: files.unlink,
  utimes: description.utimes,
  writeFile: files.writeFile,
  *open(view: View, path: string, flags?: string | number | null, mode?: number | string | null): Script<number> {
    return view.number(yield* open(view, path, flags, mode));
  },
} satisfies Record<string, CallScript>;

const held = (view: View, number: unknown, syscall: string): FileHandle['held'] => view.handle(number, syscall).held;

/** Calls on the numbers of open files. */
export const ON_NUMBERS = {
  *close(view: View, number: number): Script<void> {
    yield* ask(view.release(number), 'close');
  },
  *fchmod(view: View, number: number, mode: number | string) {
    yield* held(view, number, 'fchmod').changingMode(mode);
  },
  *fchown(view: View, number: number) {
    yield* held(view, number, 'fchown').nothing('fchown');
  },
  *fdatasync(view: View, number: number) {
    yield* held(view, number, 'fdatasync').nothing('fdatasync');
  },
  *fstat(view: View, number: number, options?: StatOptions | null) {
    return inForm(yield* held(view, number, 'fstat').stating(), options);
  },
  *fsync(view: View, number: number) {
    yield* held(view, number, 'fsync').nothing('fsync');
  },
  *ftruncate(view: View, number: number, length?: number | null) {
    yield* held(view, number, 'ftruncate').truncating(length);
  },
  *futimes(view: View, number: number, accessed: Time, modified: Time) {
    yield* held(view, number, 'futime').changingTimes(accessed, modified);
  },
} satisfies Record<string, CallScript>;

/** Calls that give a number of bytes, and the buffers: their callbacks have both. */
export const OF_BYTES = {
  *read(view: View, number: number, ...args: any[]): Script<[number, unknown]> {
    const { bytesRead, buffer } = yield* held(view, number, 'read').reading(...args);
    return [bytesRead, buffer];
  },
  *readv(view: View, number: number, buffers: NodeJS.ArrayBufferView[], position?: number | null): Script<[number, unknown]> {
    return [yield* held(view, number, 'read').readingMany(buffers, position), buffers];
  },
  *write(view: View, number: number, data: string | NodeJS.ArrayBufferView, ...args: any[]): Script<[number, unknown]> {
    return [yield* held(view, number, 'write').writingPart(data, ...args), data];
  },
  *writev(view: View, number: number, buffers: NodeJS.ArrayBufferView[], position?: number | null): Script<[number, unknown]> {
    return [yield* held(view, number, 'write').writingMany(buffers, position), buffers];
  },
};

export const exists = description.exists;

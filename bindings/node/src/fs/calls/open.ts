// Opening files.
import { onlyReads, writeMode } from '../flags.js';
import { FileHandle } from '../handle.js';
import { HeldFile, type OpenFile } from '../held.js';
import type { Name, PathLike } from '../paths.js';
import { ask, type Script } from '../script.js';
import { openSink } from '../sink.js';
import { Stats } from '../stats.js';
import { isStatus, NOTHING_KNOWN, type View } from '../view.js';

/**
 * Opens a file to read it (`r`), or to write it as a whole (`w`, `a`, `wx`, `ax`). What replaces a file appears when the handle
 * is closed.
 */
export function* open(view: View, path: PathLike, flags: string | number | null = 'r', mode?: number | string | null): Script<FileHandle> {
  const how = flags ?? 'r';
  const reads = onlyReads(how);
  const job = function* (name: Name): Script<FileHandle> {
    const file = reads ? yield* toRead(view, name) : yield* toWrite(view, name, how, mode);
    return new FileHandle(new HeldFile(view, name.stored, file));
  };
  return yield* view.call('open', path, job, { creates: reads ? undefined : 'file' });
}

function* toRead(view: View, { stored }: Name): Script<OpenFile> {
  // A file may be replaced between the calls: so until the entry that was seen is that of the content.
  for (;;) {
    const stats = yield* view.statsOf(stored);
    if (stats.isDirectory()) return { *stat() { return stats; } };
    const { etag } = yield* ask(view.store, 'stat', stored);
    const reader = yield* ask(view.store, 'openReader', stored);
    const after = yield* etagAt(view, stored);
    if (etag !== null && after === etag && stats.size === reader.size) return { reader, *stat() { return stats; } };
    yield* ask(reader, 'close');
  }
}

function* etagAt(view: View, stored: string): Script<string | null | undefined> {
  try {
    return (yield* ask(view.store, 'stat', stored)).etag;
  } catch (error) {
    if (isStatus(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

function* toWrite(view: View, name: Name, flags: string | number, mode: number | string | null | undefined): Script<OpenFile> {
  const { appends } = writeMode(flags, name.given);
  const isNew = (yield* view.kindOf(name.stored)) === undefined;
  const sink = yield* openSink(view, name, { flags, mode });
  // What replaces a file keeps its metadata.
  const kept = isNew ? view.modeOfNew('file', mode) ?? {} : yield* ask(view.store, 'listMeta', name.stored, { bigint: true });
  return {
    sink,
    appends,
    *stat(written) {
      const size = appends ? yield* sizeAt(view, name.stored) : written;
      return new Stats({ ...NOTHING_KNOWN, path: name.stored, kind: 'file', size, modifiedAt: new Date() }, { 'posix.mode': kept['posix.mode'] });
    },
  };
}

/** Nothing is there yet where nothing was appended. */
function* sizeAt(view: View, stored: string): Script<number> {
  try {
    return (yield* ask(view.store, 'stat', stored)).size;
  } catch (error) {
    if (isStatus(error, 'NOT_FOUND')) return 0;
    throw error;
  }
}

// Permissions and times as metadata of a file or directory, in the form that `nexus put` and `nexus get` use, too:
//
//   posix.mode    permission bits in octal, for example "0755"
//   posix.mtime   when the content last changed, RFC 3339 in UTC
//   posix.etag    of files: the content that posix.mtime is about; once the file has another, that time is past
import type { Metadata } from '../operations/metadata.js';

const PERMISSIONS = 0o777;
/** Permissions of what has none kept. */
export const FILE_MODE = 0o644;
export const DIRECTORY_MODE = 0o755;

/** The permission bits of a file or directory; undefined where none were set. */
export function modeOf(metadata: Record<string, unknown>): number | undefined {
  const mode = metadata['posix.mode'];
  return typeof mode === 'string' && /^[0-7]{1,4}$/.test(mode) ? Number.parseInt(mode, 8) & PERMISSIONS : undefined;
}

/** The time that was set for a content, in milliseconds since 1970; undefined where there is none. */
export function mtimeOf(metadata: Record<string, unknown>, etag: string | null): number | undefined {
  const about = metadata['posix.etag'];
  if (typeof about === 'string' && about !== etag) return undefined;
  const time = metadata['posix.mtime'];
  const parsed = typeof time === 'string' ? Date.parse(time) : NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}

export function modeMetadata(mode: number): Metadata {
  return { 'posix.mode': (mode & PERMISSIONS).toString(8).padStart(4, '0') };
}

/** The etag of a directory is null. */
export function mtimeMetadata(time: Date, etag: string | null): Metadata {
  return { 'posix.mtime': time.toISOString(), ...(etag === null ? {} : { 'posix.etag': etag }) };
}

/** Permissions as programs give them: a number, or octal digits. */
export function modeNumber(mode: number | string): number {
  return typeof mode === 'string' ? Number.parseInt(mode, 8) : mode;
}

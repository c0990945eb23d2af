//! Export, import, collection of garbage, statistics.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::argument::{self, Output, optional_text, text};
use super::error::nexus_error;
use super::guard::guard;
use super::options::{self, nexus_export_options, nexus_import_options};
use super::progress::{Observer, nexus_progress_fn};
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use super::text::hand_out;
use crate::error::Result;
use crate::filesystem::{Progress, Store, VerifyOptions};

/// Runs a long call on the store `fs`, of whose progress `progress` is told.
///
/// # Safety
/// `progress` may be called with `user` as long as this runs.
unsafe fn observed<T>(
    fs: *mut nexus_fs,
    progress: nexus_progress_fn,
    user: *mut c_void,
    call: impl FnOnce(&Arc<dyn Store>, Progress<'_>) -> Result<T>,
) -> Result<T> {
    let store = STORES.get(fs)?;
    // SAFETY: the caller's promise.
    let mut observer = unsafe { Observer::new(progress, user, fs) };
    call(&store, &mut |done, total, what| {
        observer.tell(done, total, what)
    })
}

/// Hands out the report of a call that is done, where it is wanted.
fn give_text(output: Output<*mut c_char>, text: &str) -> Result<()> {
    if let Some(output) = output.wanted() {
        output.set(hand_out(text)?);
    }
    Ok(())
}

/// <!-- section: Upkeep -->
/// Writes the metadata of files as JSON lines sorted by path: path, backend_name, physical_path,
/// size, etag, mime_type, created_at, modified_at, version, path_id, custom_metadata. The file
/// appears whole or not at all.
///
/// @param fs        an open handle
/// @param file      a file of the host, which is replaced; not NULL
/// @param options   what to export; NULL for all the handle may read
/// @param progress  told of the progress, and may cancel; may be NULL
/// @param user      passed to `progress`
/// @param count     receives the number of lines; NULL where it is not wanted
/// @param error     receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH, UNSUPPORTED for a file with more than 256 MiB of
///         metadata, NO_SPACE, IO, CANCELLED
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_export_metadata(
    fs: *mut nexus_fs,
    file: *const c_char,
    options: *const nexus_export_options,
    progress: nexus_progress_fn,
    user: *mut c_void,
    count: *mut u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let count = Output::new(count);
        guard(error, || {
            let lines = observed(fs, progress, user, |fs, progress| {
                let file = text(file, "file")?;
                let options = options::export(options)?;
                fs.export_metadata(file, &options, progress)
            })?;
            if let Some(count) = count.wanted() {
                count.set(lines);
            }
            Ok(())
        })
    }
}

/// Reads what nexus_export_metadata wrote, in one transaction: a bad line leaves everything as it
/// was. The content must be in the store and readable by this handle. Numbers and times have the
/// bounds of the calls that write them: attempts 0 to 2^53 - 1, version 1 to 2^53, years 0 to 9999. A
/// work item under a live lease is not replaced: such a line is a bad one, unless it makes the item
/// cancelled. Lines are kept on the disk, in the store's tmp, until the import ends.
///
/// @param fs        an open handle
/// @param file      a plain file of the host; not NULL
/// @param options   how to import; NULL for the defaults
/// @param progress  told of the progress, and may cancel; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object: created, updated, skipped, remapped, collisions, each
///                  with path, existing_etag, imported_etag, resolution and message; renamed_keys,
///                  each with path, key and renamed_to; lost_dependencies, each with path and
///                  depends_on: ids of items that are not there; missing, each with path and etag:
///                  lines that were left out, and that count as skipped. The last three lists hold up
///                  to 64 MiB; what does not fit is counted as unlisted. To be freed with
///                  nexus_string_free; NULL where it is not wanted
/// @param error     receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for lines that cannot be read, and for more than the options allow; where lines cannot be imported, what
///         the first of them fails with: INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND,
///         IS_A_DIRECTORY, NOT_A_DIRECTORY, CYCLE, CONFLICT; BUSY, NO_SPACE, IO, CANCELLED
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_import_metadata(
    fs: *mut nexus_fs,
    file: *const c_char,
    options: *const nexus_import_options,
    progress: nexus_progress_fn,
    user: *mut c_void,
    report: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let report = Output::new(report);
        guard(error, || {
            let text = observed(fs, progress, user, |fs, progress| {
                let file = text(file, "file")?;
                let options = options::import(options)?;
                fs.import_metadata(file, &options, progress)
            })?;
            give_text(report, &text)
        })
    }
}

/// Writes files with their metadata, their contents and the directories that were made into one
/// file, a bundle: how a store, or a part of one, moves. It appears whole or not at all; as long as the
/// store does not change, its bytes are the same each time.
///
/// @param fs        an open handle
/// @param file      a file of the host, which is replaced; not NULL
/// @param options   what to export; NULL for all the handle may read
/// @param progress  told of the progress, and may cancel; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object, to be freed with nexus_string_free: files, directories,
///                  contents, content_bytes, sha256; NULL where it is not wanted
/// @param error     receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, CORRUPT for a damaged content, UNSUPPORTED for a file with more than
///         256 MiB of metadata, NOT_MOUNTED, NO_SPACE, IO, CANCELLED
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_bundle_export(
    fs: *mut nexus_fs,
    file: *const c_char,
    options: *const nexus_export_options,
    progress: nexus_progress_fn,
    user: *mut c_void,
    report: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let report = Output::new(report);
        guard(error, || {
            let text = observed(fs, progress, user, |fs, progress| {
                let file = text(file, "file")?;
                let options = options::export(options)?;
                fs.bundle_export(file, &options, progress)
            })?;
            give_text(report, &text)
        })
    }
}

/// Brings what nexus_bundle_export wrote into the store, in one transaction. The bundle is read to
/// its end and checked, every content by its hash, before anything of it can be seen. A bundle says at
/// its beginning what it holds: one beyond the bounds of the options is refused before it is unpacked.
///
/// @param fs        an open handle
/// @param file      a plain file of the host; not NULL
/// @param options   how to import; NULL for the defaults
/// @param progress  told of the progress, and may cancel; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object as from nexus_import_metadata, with the number of
///                  directories that were made, to be freed with nexus_string_free; NULL where it is
///                  not wanted
/// @param error     receives what went wrong; may be NULL
/// @return OK; CORRUPT for a bundle that was changed or cut off, or holds more than it says; UNSUPPORTED for one of a newer format;
///         INVALID_ARGUMENT for another file; for bad lines what nexus_import_metadata returns
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_bundle_import(
    fs: *mut nexus_fs,
    file: *const c_char,
    options: *const nexus_import_options,
    progress: nexus_progress_fn,
    user: *mut c_void,
    report: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let report = Output::new(report);
        guard(error, || {
            let text = observed(fs, progress, user, |fs, progress| {
                let file = text(file, "file")?;
                let options = options::import(options)?;
                fs.bundle_import(file, &options, progress)
            })?;
            give_text(report, &text)
        })
    }
}

/// Copies the store to a directory while others use it. Everything acknowledged before the call is in
/// the copy, which is a store of its own: it opens as a `data_dir`. The contents of mounts are copied
/// to `mounts/NAME` in it. A directory with an earlier copy of this store is brought up to date:
/// contents that it has are read, and copied again where they are damaged. Until the end it holds the
/// earlier one. A copy that ends early leaves contents in the directory, which the next one goes on
/// from. Needs an admin's handle, or one without tenant and agent.
///
/// @param fs          an open handle, with every mount that holds contents
/// @param target_dir  a directory of the host: missing, empty, or an earlier copy; not NULL
/// @param progress    told of the progress, and may cancel; may be NULL
/// @param user        passed to `progress`
/// @param report      receives a JSON object, to be freed with nexus_string_free: files,
///                    copied_contents, copied_bytes, unchanged_contents, removed_contents; damaged, the
///                    contents that were not copied because they are damaged in the store (the first
///                    1,000), each with path, hash and message; damaged_count; mounts, each with name
///                    and directory; NULL where it is not wanted
/// @param error       receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for a directory that is anything else, CONFLICT for an earlier copy that
///         is in use as a store, ACCESS_DENIED, NOT_MOUNTED, BUSY, NO_SPACE, IO, CANCELLED
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_backup(
    fs: *mut nexus_fs,
    target_dir: *const c_char,
    progress: nexus_progress_fn,
    user: *mut c_void,
    report: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let report = Output::new(report);
        guard(error, || {
            let text = observed(fs, progress, user, |fs, progress| {
                let target = text(target_dir, "target_dir")?;
                fs.backup(target, progress)
            })?;
            give_text(report, &text)
        })
    }
}

/// Removes content that no file has any more, and what broken-off writes left behind. If it ends
/// early, what was removed stays so. Gives back what a reader that stayed for long made of the
/// write-ahead log. Works with no byte free, as nexus_delete and nexus_rmdir do. Needs an admin's
/// handle, or one without tenant and agent. Holds no lock for long.
///
/// @param fs        an open handle
/// @param progress  told of the progress, and may cancel; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object, to be freed with nexus_string_free; NULL where it is
///                  not wanted
/// @param error     receives what went wrong; may be NULL
/// @return OK; ACCESS_DENIED, BUSY, IO, CANCELLED
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_gc(
    fs: *mut nexus_fs,
    progress: nexus_progress_fn,
    user: *mut c_void,
    report: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let report = Output::new(report);
        guard(error, || {
            let text = observed(fs, progress, user, |fs, progress| fs.gc(progress))?;
            give_text(report, &text)
        })
    }
}

/// For nexus_verify: every content is read and hashed.
pub const NEXUS_VERIFY_CONTENT: u32 = 1;
/// For nexus_verify: what is found is mended. Nothing that is whole is lost; damaged contents go to
/// quarantine/ in the directory of their backend, and files that cannot be read any more are removed.
pub const NEXUS_VERIFY_REPAIR: u32 = 2;

/// Checks the store while others go on using it: rows against each other, indexes (from which
/// reference counts are read), edges of work items, that every content is there and as long as it
/// should be, and with NEXUS_VERIFY_CONTENT every byte of it. Needs an admin's handle, or one without
/// tenant and agent. Holds no lock for long. Errors that it finds are in the report: the call returns
/// OK.
///
/// With NEXUS_VERIFY_REPAIR, `progress` is told of each step ("repair: ...") before the first is taken, and
/// may cancel then: what was mended before stays so.
///
/// @param fs        an open handle
/// @param flags     0, or NEXUS_VERIFY_CONTENT and NEXUS_VERIFY_REPAIR, or-ed
/// @param progress  told of the progress, and may cancel; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object, to be freed with nexus_string_free: error_count; errors
///                  (the first 1,000), each with kind, message and, where they apply, path and hash;
///                  reclaimable, what nexus_gc would remove: orphan_files, temporary_files,
///                  doomed_files, bytes; checked, what was looked at; not_checked, backends that this
///                  handle does not have. With NEXUS_VERIFY_REPAIR also repaired (steps) and
///                  repaired_count; lost, what was removed, each with path, etag, size, backend,
///                  metadata, reason and quarantined (where its bytes are), lost_count and lost_list
///                  (a file with all of them); failed_steps, which damage kept from being taken, each
///                  with step and message; remaining and remaining_count, what is still wrong;
///                  NULL where it is not wanted
/// @param error     receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, ACCESS_DENIED, BUSY, NO_SPACE for a repair, IO, CANCELLED
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_verify(
    fs: *mut nexus_fs,
    flags: u32,
    progress: nexus_progress_fn,
    user: *mut c_void,
    report: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let report = Output::new(report);
        guard(error, || {
            let text = observed(fs, progress, user, |fs, progress| {
                argument::flags(flags, NEXUS_VERIFY_CONTENT | NEXUS_VERIFY_REPAIR, "flags")?;
                let options = VerifyOptions {
                    content: flags & NEXUS_VERIFY_CONTENT != 0,
                    repair: flags & NEXUS_VERIFY_REPAIR != 0,
                };
                fs.verify(options, progress)
            })?;
            give_text(report, &text)
        })
    }
}

/// Finds files that have the same content, among those that this handle may read.
///
/// @param fs        an open handle
/// @param prefix    only paths that begin with this raw string; NULL for all
/// @param progress  told of the progress, and may cancel; may be NULL
/// @param user      passed to `progress`
/// @param json      receives a JSON object, to be freed with nexus_string_free: groups, the first
///                  1,000 by wasted_bytes, each with etag, size, count, wasted_bytes and the first
///                  100 paths; group_count, duplicate_files and wasted_bytes of all; not NULL
/// @param error     receives what went wrong; may be NULL
/// @return OK; IO, CANCELLED
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_find_duplicates(
    fs: *mut nexus_fs,
    prefix: *const c_char,
    progress: nexus_progress_fn,
    user: *mut c_void,
    json: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let json = Output::new(json);
        guard(error, || {
            let (json, text) = observed(fs, progress, user, |fs, progress| {
                let json = json.required("json")?;
                let prefix = optional_text(prefix, "prefix")?;
                Ok((json, fs.find_duplicates(prefix, progress)?))
            })?;
            json.set(hand_out(&text)?);
            Ok(())
        })
    }
}

/// Measures what this handle may read: logical and physical bytes, files, distinct contents,
/// savings, for each tenant.
///
/// @param fs     an open handle
/// @param json   receives a JSON object, to be freed with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; IO, CANCELLED
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_storage_stats(
    fs: *mut nexus_fs,
    json: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let json = Output::new(json);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let json = json.required("json")?;
            json.set(hand_out(&fs.storage_stats()?)?);
            Ok(())
        })
    }
}

/// Describes a content: `size`, and `ref_count`, the number of files with it that this handle may
/// read.
///
/// @param fs     an open handle
/// @param etag   64 hexadecimal digits; not NULL
/// @param json   receives a JSON object, to be freed with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, NOT_FOUND where no file with it may be read, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_content_info(
    fs: *mut nexus_fs,
    etag: *const c_char,
    json: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let json = Output::new(json);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let json = json.required("json")?;
            let etag = text(etag, "etag")?;
            json.set(hand_out(&fs.content_info(etag)?)?);
            Ok(())
        })
    }
}

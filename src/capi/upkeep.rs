//! Export, import, garbage collection, statistics.

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

/// Runs a long call on the store `fs`, and reports its progress to `progress`.
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

/// Stores the report of a successful call, if the caller wants it.
fn give_text(output: Output<*mut c_char>, text: &str) -> Result<()> {
    if let Some(output) = output.wanted() {
        output.set(hand_out(text)?);
    }
    Ok(())
}

/// <!-- section: Upkeep -->
/// Writes the metadata of files as JSON lines, sorted by path: path, backend_name, physical_path,
/// size, etag, mime_type, created_at, modified_at, version, path_id, custom_metadata. The call
/// creates or replaces the file atomically.
///
/// @param fs        an open handle
/// @param file      a file of the host, which is replaced; not NULL
/// @param options   what to export; NULL: all that the handle may read
/// @param progress  receives the progress, and may cancel the call; may be NULL
/// @param user      passed to `progress`
/// @param count     receives the number of lines; may be NULL
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

/// Imports a file that nexus_export_metadata wrote, in one transaction: one rejected line, and the
/// import changes nothing. The contents must be in the store, and this handle must be able to read
/// them. Numbers and times have the bounds of the calls that write them: attempts 0 to 2^53 - 1,
/// version 1 to 2^53, years 0 to 9999. The import rejects a line that would replace a work item
/// under a live lease, unless the line makes the item cancelled. It keeps the lines on the disk, in
/// tmp/ of the store, until it ends.
///
/// @param fs        an open handle
/// @param file      a regular file of the host; not NULL
/// @param options   how to import; NULL for the defaults
/// @param progress  receives the progress, and may cancel the call; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object: created, updated, skipped, remapped, collisions, each
///                  with path, existing_etag, imported_etag, resolution and message; renamed_keys,
///                  each with path, key and renamed_to; lost_dependencies, each with path and
///                  depends_on: ids of items that do not exist; missing, each with path and etag:
///                  lines that were omitted, and that count as skipped. The last three lists have
///                  up to 64 MiB together; unlisted counts the rows beyond that. Free it with
///                  nexus_string_free; may be NULL
/// @param error     receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for lines that cannot be parsed, and for more than the options
///         allow; the status of the first line that cannot be imported: INVALID_PATH,
///         ACCESS_DENIED, READ_ONLY, NOT_FOUND, IS_A_DIRECTORY, NOT_A_DIRECTORY, CYCLE, CONFLICT;
///         BUSY, NO_SPACE, IO, CANCELLED
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

/// Writes files with their metadata and contents, and the explicit directories, into one file, a
/// bundle. A bundle moves a store, or a part of it. The call creates or replaces the file
/// atomically. Exports of an unchanged store have the same bytes.
///
/// @param fs        an open handle
/// @param file      a file of the host, which is replaced; not NULL
/// @param options   what to export; NULL: all that the handle may read
/// @param progress  receives the progress, and may cancel the call; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object: files, directories, contents, content_bytes, sha256;
///                  free it with nexus_string_free; may be NULL
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

/// Imports a bundle that nexus_bundle_export wrote, in one transaction. The call reads the bundle
/// to its end, and checks every content against its hash, before any of it becomes visible. The
/// header of a bundle declares its sizes: the call rejects a bundle beyond the bounds of the
/// options before it unpacks it.
///
/// @param fs        an open handle
/// @param file      a regular file of the host; not NULL
/// @param options   how to import; NULL for the defaults
/// @param progress  receives the progress, and may cancel the call; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object as from nexus_import_metadata, with the number of
///                  directories created; free it with nexus_string_free; may be NULL
/// @param error     receives what went wrong; may be NULL
/// @return OK; CORRUPT for a bundle that was changed or truncated, or that has more than its header
///         declares; UNSUPPORTED for a newer format; INVALID_ARGUMENT for a file that is no bundle;
///         what nexus_import_metadata returns for rejected lines
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

/// Copies the store to a directory while other processes use the store. The copy has every commit
/// acknowledged before the call. It is a complete store, which opens as a `data_dir`. The call
/// copies the contents of mounts to `mounts/NAME` in it. If the directory has an earlier copy of
/// this store, the call updates it: it reads the contents that the copy has, and copies damaged
/// ones again. The directory holds the earlier copy until the call ends. A call that ends early
/// leaves contents in the directory, and the next call reuses them. Requires an admin's handle, or
/// one without tenant and agent.
///
/// @param fs          an open handle, with every mount that has contents
/// @param target_dir  a directory of the host: missing, empty, or with an earlier copy; not NULL
/// @param progress    receives the progress, and may cancel the call; may be NULL
/// @param user        passed to `progress`
/// @param report      receives a JSON object: files, copied_contents, copied_bytes,
///                    unchanged_contents, removed_contents; damaged, the contents that were not
///                    copied because they are damaged in the store (the first 1,000), each with
///                    path, hash and message; damaged_count; mounts, each with name and directory;
///                    free it with nexus_string_free; may be NULL
/// @param error       receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for any other directory, CONFLICT for an earlier copy that is in
///         use as a store, ACCESS_DENIED, NOT_MOUNTED, BUSY, NO_SPACE, IO, CANCELLED
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

/// Removes contents without references, and the remains of interrupted writes. If the call ends
/// early, contents removed so far stay removed. It truncates a WAL that grew during a long read. It
/// works on a full disk, as nexus_delete and nexus_rmdir do. It holds no lock for long. Requires an
/// admin's handle, or one without tenant and agent.
///
/// @param fs        an open handle
/// @param progress  receives the progress, and may cancel the call; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object; free it with nexus_string_free; may be NULL
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

/// Flag of nexus_verify: read and hash every content.
pub const NEXUS_VERIFY_CONTENT: u32 = 1;
/// Flag of nexus_verify: repair the damage that the check finds. Undamaged data is never lost.
/// Repair moves damaged contents to quarantine/ in the directory of their backend, and removes
/// files that cannot be read any more.
pub const NEXUS_VERIFY_REPAIR: u32 = 2;

/// Checks the store while other processes use it. It compares rows with each other, checks the
/// indexes (which give the reference counts) and the edges of work items, and checks that every
/// content exists with the right size. With NEXUS_VERIFY_CONTENT it also reads and hashes every
/// content. It holds no lock for long. The report lists the errors found, and the call still
/// returns OK. Requires an admin's handle, or one without tenant and agent.
///
/// With NEXUS_VERIFY_REPAIR, `progress` receives each step ("repair: ...") before the first one
/// runs, and may cancel then. Earlier repairs stay.
///
/// @param fs        an open handle
/// @param flags     bitwise OR of NEXUS_VERIFY_CONTENT and NEXUS_VERIFY_REPAIR, or 0
/// @param progress  receives the progress, and may cancel the call; may be NULL
/// @param user      passed to `progress`
/// @param report    receives a JSON object: error_count; errors (the first 1,000), each with kind,
///                  message and, if they apply, path and hash; reclaimable, what nexus_gc would
///                  remove: orphan_files, temporary_files, doomed_files (contents pending
///                  deletion), bytes; checked, the numbers of objects checked; not_checked,
///                  backends that this handle does not mount. With NEXUS_VERIFY_REPAIR also
///                  repaired (steps) and repaired_count; lost, the removed files, each with path,
///                  etag, size, backend, metadata, reason and quarantined (the location of its
///                  bytes), lost_count and lost_list (a file that lists all of them); failed_steps,
///                  which damage prevented, each with step and message; remaining and
///                  remaining_count, the errors that are left. Free it with nexus_string_free; may
///                  be NULL
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

/// Finds files with the same content, among those that this handle may read.
///
/// @param fs        an open handle
/// @param prefix    search count only items whose paths begin with these bytes; NULL: all items
///                  paths
/// @param progress  receives the progress, and may cancel the call; may be NULL
/// @param user      passed to `progress`
/// @param json      receives a JSON object: groups, the first 1,000 by wasted_bytes, each with
///                  etag, size, count, wasted_bytes and the first 100 paths; group_count,
///                  duplicate_files and wasted_bytes of all groups; free it with nexus_string_free;
///                  not NULL
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

/// Measures the files that this handle may read: logical and physical bytes, files, distinct
/// contents and savings, for each tenant.
///
/// @param fs     an open handle
/// @param json   receives a JSON object; free it with nexus_string_free; not NULL
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

/// Returns the `size` of a content and its `ref_count`: the number of files with this content that
/// this handle may read.
///
/// @param fs     an open handle
/// @param etag   64 hexadecimal digits; not NULL
/// @param json   receives a JSON object; free it with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, NOT_FOUND if the handle may read no file with it, IO
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

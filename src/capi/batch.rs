//! `nexus_batch`: changes made together, all or nothing.

use std::ffi::{c_char, c_void};
use std::ptr;

use parking_lot::Mutex;

use super::argument::{Output, bytes, optional_etag, optional_text, path as path_of, text};
use super::entry::{hand_out_results, nexus_entries};
use super::error::nexus_error;
use super::files::mkdir_options;
use super::fork::Engaged;
use super::guard::guard;
use super::handle::{Table, Tag, exclusive};
use super::options::{self, nexus_write_options};
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use super::unwind;
use crate::filesystem::{Batch, Conditions};

/// Changes that one transaction makes: all of them, or none.
pub struct nexus_batch {
    _opaque: [u8; 0],
}

pub(super) static BATCHES: Table<nexus_batch, Engaged<Mutex<Batch>>> =
    Table::new(Tag::Batch, "nexus_batch");

/// <!-- section: Batches -->
/// Creates a batch: changes that one transaction makes, all or none. A call that fails to add an
/// operation leaves the batch unchanged, and the commit makes the other changes.
///
/// @param fs     an open handle
/// @param batch  receives the batch; free it with nexus_batch_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_new(
    fs: *mut nexus_fs,
    batch: *mut *mut nexus_batch,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let batch = Output::new(batch);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let batch = batch.required("batch")?;
            batch.set(BATCHES.insert(Engaged::new(Mutex::new(Batch::new(fs.child()))))?);
            Ok(())
        })
    }
}

/// Adds a write; see nexus_write_with.
///
/// @param batch    an open batch
/// @param path     the file; not NULL
/// @param data     the bytes, which are copied; may be NULL if `len` is 0
/// @param len      how many
/// @param options  conditions and MIME type; NULL for none
/// @param error    receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY for the
///         path; NOT_MOUNTED, NO_SPACE, IO for the bytes; the commit reports all other failures
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_write(
    batch: *mut nexus_batch,
    path: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const nexus_write_options,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            let data = bytes(data, len, "data")?;
            batch.write(path, data, &options::write(options)?)
        })
    }
}

/// Adds an append; see nexus_append_with.
///
/// @param batch    an open batch
/// @param path     the file; not NULL
/// @param data     the bytes, which are copied; may be NULL if `len` is 0
/// @param len      how many
/// @param options  conditions and MIME type; NULL for none
/// @param error    receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_append(
    batch: *mut nexus_batch,
    path: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const nexus_write_options,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            let data = bytes(data, len, "data")?;
            batch.append(path, data, &options::write(options)?)
        })
    }
}

/// Adds a deletion; see nexus_delete.
///
/// @param batch  an open batch
/// @param path   the file; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_delete(
    batch: *mut nexus_batch,
    path: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            batch.delete(path, &Conditions::default())
        })
    }
}

/// Adds a rename; see nexus_rename.
///
/// @param batch  an open batch
/// @param from   the file or directory; not NULL
/// @param to     its new path; not NULL
/// @param flags  0 or NEXUS_NO_REPLACE
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_rename(
    batch: *mut nexus_batch,
    from: *const c_char,
    to: *const c_char,
    flags: u32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let from = path_of(from, "from")?;
            let to = path_of(to, "to")?;
            batch.rename(from, to, &options::relocate(flags, ptr::null())?)
        })
    }
}

/// Adds a copy; see nexus_copy.
///
/// @param batch  an open batch
/// @param from   the file or directory; not NULL
/// @param to     the path of the copy; not NULL
/// @param flags  0 or NEXUS_NO_REPLACE
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_copy(
    batch: *mut nexus_batch,
    from: *const c_char,
    to: *const c_char,
    flags: u32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let from = path_of(from, "from")?;
            let to = path_of(to, "to")?;
            batch.copy(from, to, &options::relocate(flags, ptr::null())?)
        })
    }
}

/// Adds the creation of a directory; see nexus_mkdir.
///
/// @param batch  an open batch
/// @param path   the directory; not NULL
/// @param flags  0, or NEXUS_MKDIR_PARENTS and NEXUS_MKDIR_EXIST_OK, or-ed
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_mkdir(
    batch: *mut nexus_batch,
    path: *const c_char,
    flags: u32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            batch.mkdir(path, mkdir_options(flags)?)
        })
    }
}

/// Adds a change of one metadata key; see nexus_set_meta.
///
/// @param batch       an open batch
/// @param path        the file; not NULL
/// @param key         the key, 1 to 255 bytes; not NULL
/// @param value_json  the value, a JSON text; not NULL
/// @param error       receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_set_meta(
    batch: *mut nexus_batch,
    path: *const c_char,
    key: *const c_char,
    value_json: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            let key = text(key, "key")?;
            let value = text(value_json, "value_json")?;
            batch.set_meta(path, key, value)
        })
    }
}

/// Adds a change of several metadata keys; see nexus_set_meta_many.
///
/// @param batch        an open batch
/// @param path         the file; not NULL
/// @param object_json  a JSON object; not NULL
/// @param error        receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_set_meta_many(
    batch: *mut nexus_batch,
    path: *const c_char,
    object_json: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            let object = text(object_json, "object_json")?;
            batch.set_meta_many(path, object)
        })
    }
}

/// Adds the deletion of one metadata key; see nexus_delete_meta.
///
/// @param batch  an open batch
/// @param path   the file; not NULL
/// @param key    the key, 1 to 255 bytes; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_delete_meta(
    batch: *mut nexus_batch,
    path: *const c_char,
    key: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            let key = text(key, "key")?;
            batch.delete_meta(path, key)
        })
    }
}

/// Adds nexus_work_complete. The batch then stores the files that the worker wrote if and only if
/// it completes the item.
///
/// @param batch  an open batch
/// @param path         the work item; not NULL
/// @param lease        its lease token
/// @param result_json  the result; NULL: none
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is
///         possible: LEASE_LOST if the lease token is not valid
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_complete_work(
    batch: *mut nexus_batch,
    path: *const c_char,
    lease: u64,
    result_json: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            batch.complete_work(path, lease, optional_text(result_json, "result_json")?)
        })
    }
}

/// Adds nexus_work_fail.
///
/// @param batch  an open batch
/// @param path            the work item; not NULL
/// @param lease           its lease token
/// @param error_text      the reason; NULL: ""
/// @param retry_after_ms  delay until it is ready again; 0: min(2^(attempts - 1) s, 1 h)
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is
///         possible: LEASE_LOST if the lease token is not valid
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_fail_work(
    batch: *mut nexus_batch,
    path: *const c_char,
    lease: u64,
    error_text: *const c_char,
    retry_after_ms: u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            let error_text = optional_text(error_text, "error_text")?.unwrap_or("");
            batch.fail_work(path, lease, error_text, retry_after_ms)
        })
    }
}

/// Adds nexus_work_release.
///
/// @param batch  an open batch
/// @param path   the work item; not NULL
/// @param lease  its lease token
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is
///         possible: LEASE_LOST if the lease token is not valid
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_release_work(
    batch: *mut nexus_batch,
    path: *const c_char,
    lease: u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            batch.release_work(path, lease)
        })
    }
}

/// Adds a condition: at this point of the batch, the file has this etag, or does not exist. The
/// commit returns CONFLICT if the condition is not met.
///
/// @param batch  an open batch
/// @param path   the file; not NULL
/// @param etag   64 hexadecimal digits; NULL: the file must not exist
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_require_etag(
    batch: *mut nexus_batch,
    path: *const c_char,
    etag: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            batch.require_etag(path, optional_etag(etag, "etag")?)
        })
    }
}

/// Adds a condition: the lease token of a work item is valid. The commit returns LEASE_LOST if it
/// is not.
///
/// @param batch  an open batch
/// @param path   the work item; not NULL
/// @param lease  its lease token, from 1
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH; the commit reports whether the operation is possible
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_require_lease(
    batch: *mut nexus_batch,
    path: *const c_char,
    lease: u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let path = path_of(path, "path")?;
            batch.require_lease(path, lease)
        })
    }
}

/// Makes all changes of a batch in one transaction, in the order of their additions; each operation
/// sees the earlier ones. A failed commit changes nothing, nexus_error_index returns the failed
/// operation, and the caller may retry. After OK, only nexus_batch_free may follow.
///
/// @param batch    an open batch
/// @param results  receives one row for each operation, in order: the entry it left, or
///                 NEXUS_KIND_NONE; free them with nexus_entries_free; may be NULL
/// @param error    receives what went wrong; may be NULL
/// @return OK; what the single calls return; BUSY, NO_SPACE, IO; MISUSE for a committed batch
///
/// Threads: one at a time for one batch: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_batch_commit(
    batch: *mut nexus_batch,
    results: *mut *mut nexus_entries,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let results = Output::new(results);
        guard(error, || {
            let batch = BATCHES.get(batch)?;
            let mut batch = exclusive(&batch)?;
            let entries = batch.commit()?;
            if let Some(results) = results.wanted() {
                results.set(hand_out_results(&entries)?);
            }
            Ok(())
        })
    }
}

/// Frees a batch. Uncommitted changes are discarded.
///
/// @param batch  the batch; NULL and one that was freed are ignored
///
/// Threads: any, but not while another call uses the batch.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_batch_free(batch: *mut nexus_batch) {
    unwind::release(|| drop(BATCHES.remove(batch)));
}

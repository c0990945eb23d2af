//! Claims: taking work items under a lease, and finishing them.

use std::ffi::c_char;
use std::time::Duration;

use super::argument::{Output, optional_path, optional_text, path as path_of, text};
use super::error::nexus_error;
use super::guard::guard;
use super::options::{self, nexus_claim_options};
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use super::work_list::{WORK_LISTS, WorkList, nexus_work_list};

/// Claims the first ready work items that the handle may change, ordered by priority, lower first,
/// then by creation. Only one worker gets an item, even if other threads and processes claim at the
/// same time. The claim sets the status to in_progress, counts an attempt and starts a lease. The
/// worker needs the lease token (`lease` in the row) to finish the item. An item whose lease has
/// expired is ready again; that attempt has failed.
///
/// @param fs         an open handle
/// @param worker_id  who claims: 1 to 255 bytes; not NULL
/// @param options    prefix, number of items and duration of the lease; NULL: one item, for 30 s
/// @param items      receives the rows, none if no item can be claimed; free them with
///                   nexus_work_list_free; not NULL
/// @param error      receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for an option out of range, INVALID_PATH, BUSY, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_claim(
    fs: *mut nexus_fs,
    worker_id: *const c_char,
    options: *const nexus_claim_options,
    items: *mut *mut nexus_work_list,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let items = Output::new(items);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let items = items.required("items")?;
            let worker_id = text(worker_id, "worker_id")?;
            let claimed = fs.work_claim(worker_id, &options::claim(options)?)?;
            items.set(WORK_LISTS.insert(WorkList::new(claimed))?);
            Ok(())
        })
    }
}

/// Extends the lease of a work item: it expires `lease_ms` from now.
///
/// @param fs        an open handle
/// @param path      the work item; not NULL
/// @param lease     its lease token
/// @param lease_ms  milliseconds, 1 to 366 days
/// @param error  receives what went wrong; may be NULL
/// @return OK; LEASE_LOST if the token is not the newest of the item, the lease has expired, or the
///         item does not exist any more; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY,
///         BUSY, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_heartbeat(
    fs: *mut nexus_fs,
    path: *const c_char,
    lease: u64,
    lease_ms: u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            fs.work_heartbeat(path_of(path, "path")?, lease, lease_ms)
        })
    }
}

/// Completes a work item and ends its lease. The same transaction makes the items ready that depend
/// on nothing else. Use nexus_batch_complete_work to store files in that transaction, too.
///
/// @param fs           an open handle
/// @param path         the work item; not NULL
/// @param lease        its lease token
/// @param result_json  the result, stored as its metadata key `result`; NULL: none
/// @param error  receives what went wrong; may be NULL
/// @return OK; LEASE_LOST if the token is not the newest of the item, the lease has expired, or the
///         item does not exist any more; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY,
///         BUSY, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_complete(
    fs: *mut nexus_fs,
    path: *const c_char,
    lease: u64,
    result_json: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            fs.work_complete(path, lease, optional_text(result_json, "result_json")?)
        })
    }
}

/// Ends an attempt at a work item as failed, and ends its lease. The item is ready again after a
/// delay. If it has used up its `max_attempts`, its status becomes failed.
///
/// @param fs              an open handle
/// @param path            the work item; not NULL
/// @param lease           its lease token
/// @param error_text      the reason, stored as its metadata key `last_error`: at most 64 KiB;
///                        NULL: ""
/// @param retry_after_ms  delay until it is ready again, at most 366 days; 0: min(2^(attempts - 1)
///                        s, 1 h)
/// @param error  receives what went wrong; may be NULL
/// @return OK; LEASE_LOST if the token is not the newest of the item, the lease has expired, or the
///         item does not exist any more; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY,
///         BUSY, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_fail(
    fs: *mut nexus_fs,
    path: *const c_char,
    lease: u64,
    error_text: *const c_char,
    retry_after_ms: u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let error_text = optional_text(error_text, "error_text")?.unwrap_or("");
            fs.work_fail(path, lease, error_text, retry_after_ms)
        })
    }
}

/// Releases a work item as if it had not been claimed: it is ready again, and the attempt does not
/// count. It can be claimed at once, unless its `not_before` was set to a later time meanwhile.
///
/// @param fs     an open handle
/// @param path   the work item; not NULL
/// @param lease  its lease token
/// @param error  receives what went wrong; may be NULL
/// @return OK; LEASE_LOST if the token is not the newest of the item, the lease has expired, or the
///         item does not exist any more; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, READ_ONLY,
///         BUSY, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_release(
    fs: *mut nexus_fs,
    path: *const c_char,
    lease: u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            fs.work_release(path_of(path, "path")?, lease)
        })
    }
}

/// Waits until an item may be claimable for this handle: because any process has changed the store,
/// a `not_before` has been reached, or a lease has expired. Another worker may claim the item
/// first, so alternate between claims and waits. Returns at once if an item is claimable already.
/// The wait uses almost no CPU.
///
/// @param fs          an open handle
/// @param prefix      wait only for items whose paths begin with these bytes; NULL: all items
/// @param timeout_ms  how long to wait, in milliseconds; 0: do not wait; negative: no timeout
/// @param available   receives 1 if an item may be claimable, 0 at the timeout; not NULL
/// @param error       receives what went wrong; may be NULL
/// @return OK, also at the timeout; CANCELLED by nexus_interrupt or nexus_close; INVALID_PATH, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_wait(
    fs: *mut nexus_fs,
    prefix: *const c_char,
    timeout_ms: i64,
    available: *mut i32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let available = Output::new(available);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let available = available.required("available")?;
            let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
            let prefix = optional_path(prefix, "prefix")?;
            available.set(i32::from(fs.work_wait(prefix, timeout)?));
            Ok(())
        })
    }
}

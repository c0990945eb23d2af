//! Queries over work items.

use std::ffi::c_char;
use std::sync::Arc;

use super::argument::{Output, optional_path, path as path_of};
use super::error::nexus_error;
use super::guard::guard;
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use super::text::hand_out;
use super::work_list::{WORK_LISTS, WorkList, nexus_work_list};
use crate::error::{Error, Result};
use crate::filesystem::{Store, WorkView};

fn hand_out_items(
    fs: &Arc<dyn Store>,
    view: WorkView,
    limit: i64,
    items: Output<*mut nexus_work_list>,
) -> Result<()> {
    let limit = usize::try_from(limit)
        .map_err(|_| Error::invalid_argument(format!("limit is {limit}; it cannot be negative")))?;
    items.set(WORK_LISTS.insert(WorkList::new(fs.work(view, limit)?))?);
    Ok(())
}

/// <!-- section: Work items -->
/// Returns the work items that can be claimed: status ready, no open dependency, and `not_before`
/// reached. Ordered by priority, lower first, then by creation.
///
/// @param fs     an open handle
/// @param limit  most rows to return; 0: none
/// @param items  receives the rows; free them with nexus_work_list_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for a negative limit, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_get_ready_work(
    fs: *mut nexus_fs,
    limit: i64,
    items: *mut *mut nexus_work_list,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let items = Output::new(items);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let items = items.required("items")?;
            hand_out_items(&fs, WorkView::Ready, limit, items)
        })
    }
}

/// Returns the work items with status pending and no open dependency. Ordered by priority, then by
/// creation.
///
/// @param fs     an open handle
/// @param limit  most rows to return; 0: none
/// @param items  receives the rows; free them with nexus_work_list_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for a negative limit, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_get_pending_work(
    fs: *mut nexus_fs,
    limit: i64,
    items: *mut *mut nexus_work_list,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let items = Output::new(items);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let items = items.required("items")?;
            hand_out_items(&fs, WorkView::Pending, limit, items)
        })
    }
}

/// Returns the blocked work items: those with status ready, pending or blocked and an open
/// dependency, and those that were set to blocked. Ordered by the number of open dependencies, most
/// first, then by priority and creation.
///
/// @param fs     an open handle
/// @param limit  most rows to return; 0: none
/// @param items  receives the rows; free them with nexus_work_list_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for a negative limit, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_get_blocked_work(
    fs: *mut nexus_fs,
    limit: i64,
    items: *mut *mut nexus_work_list,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let items = Output::new(items);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let items = items.required("items")?;
            hand_out_items(&fs, WorkView::Blocked, limit, items)
        })
    }
}

/// Returns the work items with status in_progress, those started last first.
///
/// @param fs     an open handle
/// @param limit  most rows to return; 0: none
/// @param items  receives the rows; free them with nexus_work_list_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for a negative limit, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_get_in_progress_work(
    fs: *mut nexus_fs,
    limit: i64,
    items: *mut *mut nexus_work_list,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let items = Output::new(items);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let items = items.required("items")?;
            hand_out_items(&fs, WorkView::InProgress, limit, items)
        })
    }
}

/// Returns the work items of every status. Ordered by priority, then by creation.
///
/// @param fs     an open handle
/// @param limit  most rows to return; 0: none
/// @param items  receives the rows; free them with nexus_work_list_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for a negative limit, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_get_work_by_priority(
    fs: *mut nexus_fs,
    limit: i64,
    items: *mut *mut nexus_work_list,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let items = Output::new(items);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let items = items.required("items")?;
            hand_out_items(&fs, WorkView::ByPriority, limit, items)
        })
    }
}

/// Explains what a work item waits for. For a file that is not a work item, `status` is null and
/// `claimable` is false.
///
/// @param fs     an open handle
/// @param path   the work item; not NULL
/// @param json   receives a JSON object; free it with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IS_A_DIRECTORY, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_explain(
    fs: *mut nexus_fs,
    path: *const c_char,
    json: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let json = Output::new(json);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let json = json.required("json")?;
            let path = path_of(path, "path")?;
            json.set(hand_out(&fs.work_explain(path)?)?);
            Ok(())
        })
    }
}

/// Counts work items. The counts of `by_status` add up to their number. The `views` (ready,
/// delayed, blocked, pending, in_progress) are disjoint.
///
/// @param fs      an open handle
/// @param prefix  count only items whose paths begin with these bytes; NULL: all items
/// @param json    receives a JSON object; free it with nexus_string_free; not NULL
/// @param error   receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_stats(
    fs: *mut nexus_fs,
    prefix: *const c_char,
    json: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let json = Output::new(json);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let json = json.required("json")?;
            let prefix = optional_path(prefix, "prefix")?;
            json.set(hand_out(&fs.work_stats(prefix)?)?);
            Ok(())
        })
    }
}

//! `nexus_error`: what went wrong in one call.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use super::handle::{Table, Tag, reserved};
use super::status::{self, NEXUS_STATUS_MISUSE, NEXUS_STATUS_PANIC, nexus_status};
use super::text::c_string;
use super::unwind;
use crate::error::Error;

/// Describes why one call failed. A call returns it only if the caller passes a `nexus_error **`.
pub struct nexus_error {
    _opaque: [u8; 0],
}

pub(super) struct Failure {
    status: nexus_status,
    message: CString,
    path: Option<CString>,
    index: i64,
}

pub(super) static ERRORS: Table<nexus_error, Failure> = Table::new(Tag::Error, "nexus_error");

/// The error that every call returns in a child forked while a store was open. It is in no table,
/// because the locks of a table may be held forever there.
const AFTER_FORK: usize = reserved(Tag::Error);
const AFTER_FORK_MESSAGE: &CStr =
    c"this process was forked while a store was open, which SQLite does not survive: exec first";

/// Returns the handle of the error for calls after a fork.
pub(super) fn after_fork() -> *mut nexus_error {
    ptr::without_provenance_mut(AFTER_FORK)
}

/// Returns a new error object with the status, message and path of `error`.
pub(super) fn from_failure(error: &Error) -> *mut nexus_error {
    insert(Failure {
        status: status::of(error.kind()),
        message: c_string(error.to_string()),
        path: error.path().map(c_string),
        index: error
            .index()
            .and_then(|index| i64::try_from(index).ok())
            .unwrap_or(-1),
    })
}

/// Returns a new error object of status PANIC.
pub(super) fn from_panic(message: &str) -> *mut nexus_error {
    insert(Failure {
        status: NEXUS_STATUS_PANIC,
        message: c_string(message),
        path: None,
        index: -1,
    })
}

/// Returns NULL if the table is full; the caller still has the status.
fn insert(failure: Failure) -> *mut nexus_error {
    ERRORS.insert(failure).unwrap_or(ptr::null_mut())
}

/// Returns the status that the call returned.
///
/// @param error  an error; not NULL
/// @return its status; NEXUS_STATUS_MISUSE if `error` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_error_status(error: *const nexus_error) -> nexus_status {
    unwind::accessor(NEXUS_STATUS_MISUSE, || {
        ERRORS
            .find(error)
            .map_or(NEXUS_STATUS_MISUSE, |failure| failure.status)
    })
}

/// Returns the message of an error: one line for people. Programs should use the status.
///
/// @param error  an error; not NULL
/// @return NUL-terminated UTF-8, valid until the error is freed; never NULL, even if `error` is
///         NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_error_message(error: *const nexus_error) -> *const c_char {
    let unknown = c"this is no nexus_error, or it was freed".as_ptr();
    unwind::accessor(unknown, || {
        if error.addr() == AFTER_FORK {
            return AFTER_FORK_MESSAGE.as_ptr();
        }
        ERRORS
            .find(error)
            .map_or(unknown, |failure| failure.message.as_ptr())
    })
}

/// Returns the path in the store that the error is about.
///
/// @param error  an error; not NULL
/// @return NUL-terminated UTF-8, valid until the error is freed; NULL if the error is about no
///         path, or if `error` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_error_path(error: *const nexus_error) -> *const c_char {
    unwind::accessor(ptr::null(), || {
        let failure = ERRORS.find(error);
        let path = failure.as_ref().and_then(|failure| failure.path.as_ref());
        path.map_or(ptr::null(), |path| path.as_ptr())
    })
}

/// Returns the index of the batch operation that failed.
///
/// @param error  an error; not NULL
/// @return the index of the operation, from 0, in the order of the additions; -1 if the error is
///         about no operation, or if `error` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_error_index(error: *const nexus_error) -> i64 {
    unwind::accessor(-1, || {
        ERRORS.find(error).map_or(-1, |failure| failure.index)
    })
}

/// Frees an error.
///
/// @param error  an error; NULL and one that was freed are ignored
///
/// Threads: any.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_error_free(error: *mut nexus_error) {
    unwind::release(|| drop(ERRORS.remove(error)));
}

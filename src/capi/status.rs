//! Statuses: the one number every call returns.

use std::ffi::{CStr, c_char};

use super::unwind;
use crate::error::ErrorKind;

/// The status that a call returns: one of the NEXUS_STATUS_ constants. Their values never change.
/// Later versions may add constants, so handle values that you do not know.
pub type nexus_status = i32;

/// The call succeeded.
pub const NEXUS_STATUS_OK: i32 = 0;
/// An argument is malformed or out of range.
pub const NEXUS_STATUS_INVALID_ARGUMENT: i32 = 1;
/// A path breaks a rule of path names.
pub const NEXUS_STATUS_INVALID_PATH: i32 = 2;
/// The configuration is wrong, or names a store that does not belong to it.
pub const NEXUS_STATUS_INVALID_CONFIG: i32 = 3;
/// No such file, directory, key or id.
pub const NEXUS_STATUS_NOT_FOUND: i32 = 4;
/// The target path already exists.
pub const NEXUS_STATUS_ALREADY_EXISTS: i32 = 5;
/// The path names a file, but the call needs a directory.
pub const NEXUS_STATUS_NOT_A_DIRECTORY: i32 = 6;
/// The path names a directory, but the call needs a file.
pub const NEXUS_STATUS_IS_A_DIRECTORY: i32 = 7;
/// The directory has entries.
pub const NEXUS_STATUS_NOT_EMPTY: i32 = 8;
/// The access policy does not allow the call for the identity of the handle.
pub const NEXUS_STATUS_ACCESS_DENIED: i32 = 9;
/// The namespace or the mount is read-only.
pub const NEXUS_STATUS_READ_ONLY: i32 = 10;
/// A condition is not met.
pub const NEXUS_STATUS_CONFLICT: i32 = 11;
/// The dependencies would form a cycle.
pub const NEXUS_STATUS_CYCLE: i32 = 12;
/// The lease token is no longer valid for the work item.
pub const NEXUS_STATUS_LEASE_LOST: i32 = 13;
/// The backend that holds the content is not configured.
pub const NEXUS_STATUS_NOT_MOUNTED: i32 = 14;
/// Timed out after `busy_timeout_ms` waiting for another writer.
pub const NEXUS_STATUS_BUSY: i32 = 15;
/// The device is full. Reads, deletions and nexus_gc still work.
pub const NEXUS_STATUS_NO_SPACE: i32 = 16;
/// Stored bytes are missing, or did not match their hash in two reads.
pub const NEXUS_STATUS_CORRUPT: i32 = 17;
/// The operating system reported an error.
pub const NEXUS_STATUS_IO: i32 = 18;
/// This build or this system does not support the call.
pub const NEXUS_STATUS_UNSUPPORTED: i32 = 19;
/// The store was written by a newer version.
pub const NEXUS_STATUS_VERSION_MISMATCH: i32 = 20;
/// nexus_interrupt, nexus_close or a progress function ended the call.
pub const NEXUS_STATUS_CANCELLED: i32 = 21;
/// An object that is not open, or a call that is not allowed now.
pub const NEXUS_STATUS_MISUSE: i32 = 22;
/// A defect in Nexus: an internal check failed.
pub const NEXUS_STATUS_INTERNAL: i32 = 23;
/// A defect in Nexus: a panic ended the call. Other objects stay usable.
pub const NEXUS_STATUS_PANIC: i32 = 24;

/// Returns the status of an error of `kind`.
pub(super) fn of(kind: ErrorKind) -> nexus_status {
    match kind {
        ErrorKind::InvalidArgument => NEXUS_STATUS_INVALID_ARGUMENT,
        ErrorKind::InvalidPath => NEXUS_STATUS_INVALID_PATH,
        ErrorKind::InvalidConfig => NEXUS_STATUS_INVALID_CONFIG,
        ErrorKind::NotFound => NEXUS_STATUS_NOT_FOUND,
        ErrorKind::AlreadyExists => NEXUS_STATUS_ALREADY_EXISTS,
        ErrorKind::NotADirectory => NEXUS_STATUS_NOT_A_DIRECTORY,
        ErrorKind::IsADirectory => NEXUS_STATUS_IS_A_DIRECTORY,
        ErrorKind::NotEmpty => NEXUS_STATUS_NOT_EMPTY,
        ErrorKind::AccessDenied => NEXUS_STATUS_ACCESS_DENIED,
        ErrorKind::ReadOnly => NEXUS_STATUS_READ_ONLY,
        ErrorKind::Conflict => NEXUS_STATUS_CONFLICT,
        ErrorKind::Cycle => NEXUS_STATUS_CYCLE,
        ErrorKind::LeaseLost => NEXUS_STATUS_LEASE_LOST,
        ErrorKind::NotMounted => NEXUS_STATUS_NOT_MOUNTED,
        ErrorKind::Busy => NEXUS_STATUS_BUSY,
        ErrorKind::NoSpace => NEXUS_STATUS_NO_SPACE,
        ErrorKind::Corrupt => NEXUS_STATUS_CORRUPT,
        ErrorKind::Io => NEXUS_STATUS_IO,
        ErrorKind::Unsupported => NEXUS_STATUS_UNSUPPORTED,
        ErrorKind::VersionMismatch => NEXUS_STATUS_VERSION_MISMATCH,
        ErrorKind::Cancelled => NEXUS_STATUS_CANCELLED,
        ErrorKind::Misuse => NEXUS_STATUS_MISUSE,
        ErrorKind::Internal => NEXUS_STATUS_INTERNAL,
    }
}

/// The names of the statuses, each at its value.
const NAMES: [&CStr; NEXUS_STATUS_PANIC as usize + 1] = [
    c"NEXUS_STATUS_OK",
    c"NEXUS_STATUS_INVALID_ARGUMENT",
    c"NEXUS_STATUS_INVALID_PATH",
    c"NEXUS_STATUS_INVALID_CONFIG",
    c"NEXUS_STATUS_NOT_FOUND",
    c"NEXUS_STATUS_ALREADY_EXISTS",
    c"NEXUS_STATUS_NOT_A_DIRECTORY",
    c"NEXUS_STATUS_IS_A_DIRECTORY",
    c"NEXUS_STATUS_NOT_EMPTY",
    c"NEXUS_STATUS_ACCESS_DENIED",
    c"NEXUS_STATUS_READ_ONLY",
    c"NEXUS_STATUS_CONFLICT",
    c"NEXUS_STATUS_CYCLE",
    c"NEXUS_STATUS_LEASE_LOST",
    c"NEXUS_STATUS_NOT_MOUNTED",
    c"NEXUS_STATUS_BUSY",
    c"NEXUS_STATUS_NO_SPACE",
    c"NEXUS_STATUS_CORRUPT",
    c"NEXUS_STATUS_IO",
    c"NEXUS_STATUS_UNSUPPORTED",
    c"NEXUS_STATUS_VERSION_MISMATCH",
    c"NEXUS_STATUS_CANCELLED",
    c"NEXUS_STATUS_MISUSE",
    c"NEXUS_STATUS_INTERNAL",
    c"NEXUS_STATUS_PANIC",
];

/// Returns the name of a status, for messages and logs.
///
/// @param status  any value
/// @return the name of its constant, for example "NEXUS_STATUS_NOT_FOUND"; "unknown status" for a
///         value that is none; never NULL; static memory
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_status_name(status: nexus_status) -> *const c_char {
    unwind::accessor(c"unknown status".as_ptr(), || {
        let name = usize::try_from(status).ok().and_then(|at| NAMES.get(at));
        name.copied().unwrap_or(c"unknown status").as_ptr()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(status: nexus_status) -> &'static str {
        // SAFETY: a name is static and NUL-terminated.
        unsafe { CStr::from_ptr(nexus_status_name(status)) }
            .to_str()
            .unwrap()
    }

    #[test]
    fn each_status_has_its_constants_name() {
        assert_eq!(name(NEXUS_STATUS_OK), "NEXUS_STATUS_OK");
        assert_eq!(name(of(ErrorKind::LeaseLost)), "NEXUS_STATUS_LEASE_LOST");
        assert_eq!(name(NEXUS_STATUS_PANIC), "NEXUS_STATUS_PANIC");
        for unknown in [-1, NEXUS_STATUS_PANIC + 1, i32::MIN, i32::MAX] {
            assert_eq!(name(unknown), "unknown status");
        }
    }
}

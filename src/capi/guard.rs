//! The guard around every export that returns a status: errors and panics become one.

use std::ptr;

use super::error::{self, nexus_error};
use super::fork;
use super::status::{self, NEXUS_STATUS_OK, NEXUS_STATUS_PANIC, nexus_status};
use super::unwind::{panic_message, quietly};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{self, Level};

/// Runs the body of an export that returns a status. It sets `error` to NULL first, and to an error
/// object on failure, unless `error` is NULL.
///
/// # Safety
/// `error` is NULL or writable.
pub(super) unsafe fn guard(
    error: *mut *mut nexus_error,
    body: impl FnOnce() -> Result<()>,
) -> nexus_status {
    let report = |failure| {
        if !error.is_null() {
            // SAFETY: the caller's promise.
            unsafe { *error = failure };
        }
    };
    report(ptr::null_mut());
    if fork::is_poisoned() {
        report(error::after_fork());
        return status::NEXUS_STATUS_MISUSE;
    }
    let wanted = !error.is_null();
    let outcome = quietly(|| match body() {
        Ok(()) => NEXUS_STATUS_OK,
        Err(failure) => {
            log::emit(gravity_of(&failure), &failure);
            if wanted {
                report(error::from_failure(&failure));
            }
            status::of(failure.kind())
        }
    });
    outcome.unwrap_or_else(|payload| {
        let said = quietly(|| {
            let message = panic_message(&*payload);
            log::emit(Level::Error, &message);
            wanted.then(|| error::from_panic(&message))
        });
        if let Ok(Some(failure)) = said {
            report(failure);
        }
        NEXUS_STATUS_PANIC
    })
}

/// Returns the level at which a failed call is logged.
fn gravity_of(failure: &Error) -> Level {
    match failure.kind() {
        ErrorKind::Corrupt | ErrorKind::Io | ErrorKind::Internal => Level::Error,
        ErrorKind::NoSpace | ErrorKind::Busy => Level::Warn,
        _ => Level::Debug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::error::{
        nexus_error_free, nexus_error_index, nexus_error_message, nexus_error_path,
        nexus_error_status,
    };
    use crate::capi::status::NEXUS_STATUS_CONFLICT;
    use crate::capi::unwind::is_calling;
    use std::ffi::CStr;

    fn run(body: impl FnOnce() -> Result<()>) -> (nexus_status, *mut nexus_error) {
        let mut error = ptr::dangling_mut();
        // SAFETY: `error` is writable.
        let status = unsafe { guard(&mut error, body) };
        (status, error)
    }

    fn message(error: *const nexus_error) -> String {
        // SAFETY: a message is NUL-terminated and lives until the error is freed.
        unsafe { CStr::from_ptr(nexus_error_message(error)) }
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn success_leaves_no_error() {
        let (status, error) = run(|| Ok(()));
        assert_eq!(status, NEXUS_STATUS_OK);
        assert!(error.is_null(), "the error was not reset");
    }

    #[test]
    fn a_failure_tells_status_message_path_and_index() {
        let (status, error) =
            run(|| Err(Error::conflict("etag differs").at("/a/b").in_operation(3)));
        assert_eq!(status, NEXUS_STATUS_CONFLICT);
        assert_eq!(nexus_error_status(error), NEXUS_STATUS_CONFLICT);
        assert_eq!(message(error), "operation 3: etag differs: /a/b");
        // SAFETY: the path is NUL-terminated and lives until the error is freed.
        let path = unsafe { CStr::from_ptr(nexus_error_path(error)) };
        assert_eq!(path, c"/a/b");
        assert_eq!(nexus_error_index(error), 3);
        nexus_error_free(error);
        assert_eq!(
            nexus_error_status(error),
            status::NEXUS_STATUS_MISUSE,
            "a freed error was read"
        );
    }

    #[test]
    fn a_panic_becomes_a_status_and_says_where() {
        let (status, error) = run(|| panic!("the {} broke", "cog"));
        assert_eq!(status, NEXUS_STATUS_PANIC);
        let said = message(error);
        assert!(said.contains("the cog broke (capi/guard.rs:"), "{said}");
        nexus_error_free(error);
        let (status, _) = run(|| Ok(()));
        assert_eq!(status, NEXUS_STATUS_OK, "the guard is usable after a panic");
        assert!(!is_calling(), "the panic left its mark on the thread");
    }

    #[test]
    fn without_an_error_pointer_only_the_status_is_told() {
        // SAFETY: NULL is allowed.
        let status = unsafe { guard(ptr::null_mut(), || Err(Error::cancelled())) };
        assert_eq!(status, status::NEXUS_STATUS_CANCELLED);
        // SAFETY: as above.
        let status = unsafe { guard(ptr::null_mut(), || panic!("unheard")) };
        assert_eq!(status, NEXUS_STATUS_PANIC);
    }
}

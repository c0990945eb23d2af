//! The library itself: versions, the count of open objects, the log.

use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::Ordering;

use super::batch::BATCHES;
use super::buffer::BUFFERS;
use super::entry::{ENTRY_LISTS, OPEN_ENTRIES};
use super::error::{ERRORS, nexus_error};
use super::guard::guard;
use super::matches::MATCH_LISTS;
use super::reader::READERS;
use super::status::nexus_status;
use super::store::STORES;
use super::strings::STRING_LISTS;
use super::text::OPEN_STRINGS;
use super::unwind;
use super::work_list::WORK_LISTS;
use super::writer::WRITERS;
use crate::error::{Error, Result};
use crate::log::{self, Level};

/// The version of the binary interface that this header describes, as 0xMMmmpp (256 is 0.1.0): it
/// is compatible with every library of the same MM and an equal or higher mm. While MM is 0, mm
/// must be equal.
pub const NEXUS_ABI_VERSION: u32 = 0x000100;

/// Log level: damage, failed input and output, defects.
pub const NEXUS_LOG_ERROR: i32 = 1;
/// Log level: a full disk, timeouts of waits, misspelt environment variables.
pub const NEXUS_LOG_WARN: i32 = 2;
/// Log level: a store was opened.
pub const NEXUS_LOG_INFO: i32 = 3;
/// Log level: every other failed call.
pub const NEXUS_LOG_DEBUG: i32 = 4;

/// Receives one line of the log, on the thread of the call that logs it. It may not close a handle
/// or set the log function (MISUSE). Lines that its own calls would log are dropped.
///
/// @param user     what was passed with the function
/// @param level    one of the NEXUS_LOG_ constants
/// @param message  the line, without a line end; valid during the call of the function
///
/// It must return normally: no exception, no longjmp.
pub type nexus_log_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, level: i32, message: *const c_char)>;

/// <!-- section: Library -->
/// Returns the version of the library.
///
/// @return for example "0.1.0"; never NULL; static memory
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the version of the library's binary interface.
///
/// @return NEXUS_ABI_VERSION of the header the library was built with
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_abi_version() -> u32 {
    NEXUS_ABI_VERSION
}

/// Returns the number of objects that the caller has not closed or freed yet: stores, readers,
/// writers, batches, buffers, lists, errors, single entries and strings. A host that frees
/// everything ends with 0. An object counts until its close has returned, in any thread. If the
/// number is 0, the library uses no file of a store any more.
///
/// @return the number of open objects
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_live_objects() -> u64 {
    unwind::accessor(0, || {
        [
            STORES.open(),
            READERS.open(),
            WRITERS.open(),
            BATCHES.open(),
            BUFFERS.open(),
            ENTRY_LISTS.open(),
            MATCH_LISTS.open(),
            STRING_LISTS.open(),
            WORK_LISTS.open(),
            ERRORS.open(),
            OPEN_ENTRIES.load(Ordering::Relaxed),
            OPEN_STRINGS.load(Ordering::Relaxed),
        ]
        .iter()
        .sum()
    })
}

/// Sets the log function of the process. A process has at most one, and initially none. Only
/// threads inside a call of this library call it. When nexus_set_log_callback returns, the previous
/// function is not running and will not be called again.
///
/// @param callback  the function; NULL for none
/// @param user      passed to it
/// @param level     the least severe level to log, one of the NEXUS_LOG_ constants; ignored if
///                  `callback` is NULL
/// @param error     receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT for an unknown level; MISUSE within the log function
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_set_log_callback(
    callback: nexus_log_fn,
    user: *mut c_void,
    level: i32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let set = match callback {
                None => log::set(Level::Error, None),
                Some(function) => {
                    let receiver = HostLog { function, user };
                    let receiver = move |level, line: &str| receiver.tell(level, line);
                    log::set(log_level(level)?, Some(Box::new(receiver)))
                }
            };
            if set {
                Ok(())
            } else {
                Err(Error::misuse("the log function cannot replace itself"))
            }
        })
    }
}

fn log_level(level: i32) -> Result<Level> {
    match level {
        NEXUS_LOG_ERROR => Ok(Level::Error),
        NEXUS_LOG_WARN => Ok(Level::Warn),
        NEXUS_LOG_INFO => Ok(Level::Info),
        NEXUS_LOG_DEBUG => Ok(Level::Debug),
        other => Err(Error::invalid_argument(format!(
            "level is {other}, which is none of its constants"
        ))),
    }
}

/// The host's log function.
struct HostLog {
    function: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    user: *mut c_void,
}

// SAFETY: the host promised that its function may be called on any thread that makes calls.
unsafe impl Send for HostLog {}
// SAFETY: as above.
unsafe impl Sync for HostLog {}

impl HostLog {
    fn tell(&self, level: Level, line: &str) {
        // A thread of the library's own has nothing to do in the host's code.
        if unwind::is_calling() {
            let line = CString::new(line.replace('\0', " ")).unwrap_or_default();
            // SAFETY: the host's promise; the line is NUL-terminated.
            unsafe { (self.function)(self.user, level as i32, line.as_ptr()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::status::{
        NEXUS_STATUS_INVALID_ARGUMENT, NEXUS_STATUS_MISUSE, NEXUS_STATUS_OK,
    };
    use std::ffi::CStr;
    use std::ptr;

    #[derive(Default)]
    struct Heard {
        lines: Vec<(i32, String)>,
        /// What setting the log function from within it returned.
        within: nexus_status,
    }

    unsafe extern "C" fn hear(user: *mut c_void, level: i32, message: *const c_char) {
        // SAFETY: the test passes a `Heard` that outlives the function's use.
        let (heard, line) = unsafe { (&mut *user.cast::<Heard>(), CStr::from_ptr(message)) };
        heard.lines.push((level, line.to_str().unwrap().to_owned()));
        // SAFETY: NULL is allowed.
        heard.within = unsafe { nexus_set_log_callback(None, ptr::null_mut(), 0, ptr::null_mut()) };
    }

    fn set(callback: nexus_log_fn, heard: &mut Heard, level: i32) -> nexus_status {
        let user = ptr::from_mut(heard).cast();
        // SAFETY: `hear` may be called with a `Heard` until it is unset.
        unsafe { nexus_set_log_callback(callback, user, level, ptr::null_mut()) }
    }

    #[test]
    fn the_host_hears_calls_only_and_cannot_reset_the_log_while_it_hears() {
        let mut heard = Heard::default();
        for unknown in [-1, 0, 5] {
            let status = set(Some(hear), &mut heard, unknown);
            assert_eq!(status, NEXUS_STATUS_INVALID_ARGUMENT, "level {unknown}");
        }
        assert_eq!(set(Some(hear), &mut heard, NEXUS_LOG_INFO), NEXUS_STATUS_OK);
        log::emit(Level::Error, &"said outside a call");
        let call = || {
            log::emit(Level::Info, &"said in a call");
            log::emit(Level::Debug, &"too much detail");
            Ok(())
        };
        // SAFETY: NULL is allowed for the error.
        assert_eq!(unsafe { guard(ptr::null_mut(), call) }, NEXUS_STATUS_OK);
        assert_eq!(set(None, &mut heard, 0), NEXUS_STATUS_OK);
        assert_eq!(heard.lines, [(NEXUS_LOG_INFO, "said in a call".to_owned())]);
        assert_eq!(heard.within, NEXUS_STATUS_MISUSE);
    }

    #[test]
    fn the_version_is_the_packages() {
        // SAFETY: static and NUL-terminated.
        let version = unsafe { CStr::from_ptr(nexus_version()) };
        assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    }
}

//! `nexus_fs`: a store and the identity it is used with.

use std::ffi::c_char;
use std::sync::Arc;

use super::argument::{Output, optional_text, text};
use super::error::nexus_error;
use super::fork::{self, Engaged, EngineUse};
use super::guard::guard;
use super::handle::{Table, Tag};
use super::progress;
use super::status::nexus_status;
use super::text::hand_out;
use crate::error::{Error, Result};
use crate::filesystem::Store;
use crate::log;

/// A handle: an open store with the identity that uses it.
pub struct nexus_fs {
    _opaque: [u8; 0],
}

pub(super) static STORES: Table<nexus_fs, Engaged<Arc<dyn Store>>> =
    Table::new(Tag::Fs, "nexus_fs");

fn hand_out_store(
    fs: Output<*mut nexus_fs>,
    open: impl FnOnce() -> Result<Arc<dyn Store>>,
) -> Result<()> {
    fork::watch()?;
    // Counted from the start: a fork during the opening is as bad as one after it.
    let engine = EngineUse::new();
    let store = open()?;
    fs.set(STORES.insert(Engaged::begun(engine, store))?);
    Ok(())
}

/// <!-- section: Stores -->
/// Opens a store, and creates it if it does not exist. Any number of processes, and of handles in
/// one process, may have a store open at the same time.
///
/// Each key takes its value from the first source that sets it: `config_json`, the environment, a
/// configuration file, the default. tenant_id, agent_id and is_admin all come from the first source
/// that sets any of them. In YAML, a key without a value is INVALID_CONFIG; an explicit null means
/// no value. A URL for a key that needs a path (data_dir, db_path, config_file, the root of a
/// mount) is INVALID_CONFIG, and the message names the right key. Booleans in environment variables
/// are true/false, yes/no, on/off or 1/0 in any case. A malformed variable is INVALID_CONFIG if its
/// value is needed; otherwise the library logs a warning that names it. No message contains the
/// credentials of a URL.
///
/// Only the owner can access the files that a store creates, whatever the umask. The library
/// creates a store only in a directory whose cas/ and tmp/ are empty or missing. A symbolic link or
/// a pipe instead of a file or directory of the store is INVALID_CONFIG.
///
/// @param config_json  a JSON object with the configuration; NULL: read the environment and the
///                     first configuration file found (./nexus.yaml, ./nexus.yml,
///                     ~/.nexus/config.yaml)
/// @param fs           receives the handle; close it with nexus_close; not NULL
/// @param error        receives what went wrong; may be NULL
/// @return OK; INVALID_CONFIG, VERSION_MISMATCH, BUSY, NO_SPACE, CORRUPT, IO,
///         UNSUPPORTED
///
/// Threads: any, at once. After a fork with an open store: MISUSE, as for every other call.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_connect(
    config_json: *const c_char,
    fs: *mut *mut nexus_fs,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let fs = Output::new(fs);
        guard(error, || {
            let fs = fs.required("fs")?;
            let config = optional_text(config_json, "config_json")?;
            hand_out_store(fs, || Ok(Arc::new(crate::connect(config)?)))
        })
    }
}

/// Opens a store with the configuration of a file.
///
/// @param yaml_path  a YAML file of the host, a regular one (or /dev/null); not NULL
/// @param fs         receives the handle; close it with nexus_close; not NULL
/// @param error      receives what went wrong; may be NULL
/// @return OK; what nexus_connect returns; INVALID_CONFIG if the file does not exist
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_connect_file(
    yaml_path: *const c_char,
    fs: *mut *mut nexus_fs,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let fs = Output::new(fs);
        guard(error, || {
            let fs = fs.required("fs")?;
            let file = text(yaml_path, "yaml_path")?;
            hand_out_store(fs, || Ok(Arc::new(crate::connect_file(file)?)))
        })
    }
}

/// Derives a handle on the same store with a narrower identity, never an admin's. The call is
/// cheap: it reads no file. The new handle outlives `fs`.
///
/// @param fs      an open handle
/// @param tenant  the tenant; NULL for that of `fs`
/// @param agent   the agent; NULL for that of `fs`
/// @param narrow  receives the handle; close it with nexus_close; not NULL
/// @param error   receives what went wrong; may be NULL
/// @return OK; ACCESS_DENIED if `fs` has another tenant or agent; INVALID_ARGUMENT for a name
///         that is no path segment
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_with_identity(
    fs: *mut nexus_fs,
    tenant: *const c_char,
    agent: *const c_char,
    narrow: *mut *mut nexus_fs,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let narrow = Output::new(narrow);
        guard(error, || {
            let store = STORES.get(fs)?;
            let narrow = narrow.required("narrow")?;
            let tenant = optional_text(tenant, "tenant")?;
            let agent = optional_text(agent, "agent")?;
            hand_out_store(narrow, || store.with_identity(tenant, agent))
        })
    }
}

/// Derives a handle on the same store with the same identity, including an admin's. nexus_interrupt
/// and nexus_close on one handle do not end calls on the other, so use a clone for a call that must
/// be interrupted separately. The call is as cheap as nexus_with_identity. It reads no
/// configuration and no file, so it works even if the data directory has been moved. The new handle
/// outlives `fs`.
///
/// @param fs     an open handle
/// @param clone  receives the handle; close it with nexus_close; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_clone(
    fs: *mut nexus_fs,
    clone: *mut *mut nexus_fs,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let clone = Output::new(clone);
        guard(error, || {
            let store = STORES.get(fs)?;
            let clone = clone.required("clone")?;
            hand_out_store(clone, || store.clone_handle())
        })
    }
}

/// Returns the effective configuration: a JSON object with an object of `value` and `source` for
/// each key. Secrets are redacted.
///
/// @param fs     an open handle
/// @param json   receives the text; free it with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_config(
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
            json.set(hand_out(&fs.config())?);
            Ok(())
        })
    }
}

/// Interrupts the calls in flight on a handle, and on the readers, writers and batches opened on
/// it: they return CANCELLED. Later calls work. A writer whose write was interrupted can only be
/// aborted.
///
/// @param fs     an open handle
/// @param error  receives what went wrong; may be NULL
/// @return OK
///
/// Threads: any, at once; that is its use.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_interrupt(
    fs: *mut nexus_fs,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            STORES.get(fs)?.interrupt();
            Ok(())
        })
    }
}

/// Closes a handle. It interrupts the calls in flight on the handle, which return CANCELLED, and
/// waits for them. Readers, writers, batches and handles derived from it stay usable. The last of
/// them to be closed closes the store.
///
/// @param fs     an open handle; the call closes it, whatever it returns except MISUSE
/// @param error  receives what went wrong; may be NULL
/// @return OK; MISUSE if the handle is not open, or if a progress function of a call on it, or the
///         log function, calls nexus_close
///
/// Threads: any; of several concurrent nexus_close calls, one succeeds.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_close(
    fs: *mut nexus_fs,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            if progress::is_inside(fs) || log::is_receiving() {
                return Err(Error::misuse(
                    "a nexus_fs cannot be closed from within a call on it: it would wait for itself",
                ));
            }
            let store = STORES.remove(fs)?;
            store.shut_down();
            store.wait_for_others();
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::entry::nexus_entry;
    use crate::capi::error::{nexus_error_free, nexus_error_message, nexus_error_status};
    use crate::capi::files::{nexus_stat, nexus_write};
    use crate::capi::status::{NEXUS_STATUS_MISUSE, NEXUS_STATUS_OK};
    use std::ffi::CStr;
    use std::ptr;

    fn message(error: *const nexus_error) -> String {
        // SAFETY: a message is NUL-terminated and lives until the error is freed.
        unsafe { CStr::from_ptr(nexus_error_message(error)) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn what_is_no_open_store_is_misuse() {
        let buffer = crate::capi::buffer::BUFFERS.insert(Vec::new()).unwrap();
        for (fs, expected) in [
            (ptr::null_mut(), "the nexus_fs is NULL"),
            (buffer.cast(), "this is no nexus_fs"),
            (
                ptr::without_provenance_mut(0x4100_0000_0000_0010),
                "this nexus_fs is not open: it was closed or freed",
            ),
            (ptr::without_provenance_mut(0x10), "this is no nexus_fs"),
        ] {
            let mut entry: *mut nexus_entry = ptr::dangling_mut();
            let mut error = ptr::null_mut();
            // SAFETY: the handle may be anything; the other pointers are valid.
            let status = unsafe { nexus_stat(fs, c"/a".as_ptr(), &mut entry, &mut error) };
            assert_eq!(status, NEXUS_STATUS_MISUSE);
            assert!(entry.is_null(), "the output was left alone");
            assert_eq!(message(error), expected);
            nexus_error_free(error);
            // SAFETY: as above.
            let status = unsafe { nexus_close(fs, ptr::null_mut()) };
            assert_eq!(status, NEXUS_STATUS_MISUSE);
        }
        crate::capi::buffer::nexus_buffer_free(buffer);
    }

    /// Runs `check` in a child process, which ends at once; returns whether it held.
    fn holds_in_child(check: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child runs `check`, which takes no lock another thread may hold, and ends
        // without running anything of this process.
        unsafe {
            match libc::fork() {
                0 => libc::_exit(if check() { 0 } else { 1 }),
                child => {
                    let mut status = -1;
                    assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
                    status == 0
                }
            }
        }
    }

    /// Whether every kind of call is refused, with a message, and nothing is allocated for it.
    fn is_refused() -> bool {
        let mut fs = ptr::dangling_mut();
        let mut error = ptr::null_mut();
        // SAFETY: the pointers are valid, the handle may be anything.
        unsafe {
            let connect = nexus_connect(c"{}".as_ptr(), &mut fs, &mut error);
            let write = nexus_write(ptr::null_mut(), ptr::null(), ptr::null(), 0, &mut error);
            let refused = [connect, write, nexus_error_status(error)]
                .iter()
                .all(|&status| status == NEXUS_STATUS_MISUSE);
            let said = CStr::from_ptr(nexus_error_message(error)).to_bytes();
            nexus_error_free(error);
            refused && fs.is_null() && said.ends_with(b"exec first")
        }
    }

    #[test]
    fn a_child_forked_while_a_store_was_open_is_refused() {
        fork::watch().unwrap();
        assert!(
            holds_in_child(|| !fork::is_poisoned()),
            "no store was open, and yet the child is refused"
        );
        let _open = EngineUse::new();
        assert!(
            holds_in_child(is_refused),
            "a child of a process with an open store was served"
        );
        assert!(!fork::is_poisoned(), "the parent is refused, too");
        // SAFETY: NULL is allowed for the error.
        let status = unsafe { crate::capi::guard::guard(ptr::null_mut(), || Ok(())) };
        assert_eq!(status, NEXUS_STATUS_OK);
    }
}

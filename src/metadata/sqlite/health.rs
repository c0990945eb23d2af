//! Whether the engine may go on writing.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::ffi;

use crate::error::{Error, ErrorKind, Result};

/// Remembers that a sync failed. After that the kernel may take pages for clean that never reached the
/// disk, so a later sync proves nothing: what the log holds is unknown until it is opened again.
#[derive(Debug, Default)]
pub(super) struct Health {
    sync_failed: AtomicBool,
}

impl Health {
    /// Returns an error once a sync has failed.
    pub fn check(&self) -> Result<()> {
        match self.sync_failed.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Io, OUTCOME_UNKNOWN)),
            false => Ok(()),
        }
    }

    /// Passes `result` on, after looking whether a sync failed.
    pub fn observe<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            if !is_failed_sync(&error) {
                return error;
            }
            self.sync_failed.store(true, Ordering::Relaxed);
            Error::new(ErrorKind::Io, OUTCOME_UNKNOWN).caused_by(error)
        })
    }
}

/// Returns whether `error` says that a sync failed.
pub(super) fn is_failed_sync(error: &Error) -> bool {
    matches!(
        error.sqlite_code(),
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    )
}

const OUTCOME_UNKNOWN: &str = "the outcome of a commit is unknown: a sync failed; reopen the store";

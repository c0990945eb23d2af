//! Whether the engine may go on writing.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::ffi;

use crate::error::{Error, ErrorKind, Result};

/// Remembers that a sync failed, or that a failed commit could not be taken back. After a failed sync the kernel may
/// take pages for clean that never reached the disk, so a later one proves nothing: what the log holds is unknown
/// until it is opened again.
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

/// Returns the error for a commit that failed with `error` and may come back all the same, because of `why`. Like a failed
/// sync, it is for [`Health::observe`].
pub(super) fn unknown_outcome(error: &Error, why: &Error) -> Error {
    let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
    let what = format!("{error}; it could not be taken back: {why}");
    rusqlite::Error::SqliteFailure(code, Some(what)).into()
}

/// Returns whether `error` says that a sync failed.
pub(super) fn is_failed_sync(error: &Error) -> bool {
    matches!(
        error.sqlite_code(),
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    )
}

const OUTCOME_UNKNOWN: &str = "the outcome of a commit is unknown; reopen the store";

//! Classification of failures of commits and syncs.

use rusqlite::ffi;

use crate::driver::vfs::UNSYNCED;
use crate::error::{Error, ErrorKind};

/// The result code of a commit whose sync found no room, and that could not be undone for the same reason.
pub(super) const UNSETTLED: i32 = ffi::SQLITE_FULL | (78 << 8);

/// Returns the error for a commit that failed with `error` and may still reappear, because of `why`. Like a failed
/// sync, it is for [`super::health::Health::observe`].
pub(super) fn unknown_outcome(error: &Error, why: &Error) -> Error {
    let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
    let what = format!("{error}; it could not be taken back: {why}");
    rusqlite::Error::SqliteFailure(code, Some(what)).into()
}

/// Returns the error for a commit whose sync found no room, and that may reappear after a power loss, because there was
/// no room to undo it either. For [`super::health::Health::observe`].
pub(in super::super) fn unsettled_outcome() -> Error {
    let code = ffi::Error::new(UNSETTLED);
    Error::new(ErrorKind::Io, OUTCOME_UNSETTLED)
        .caused_by(rusqlite::Error::SqliteFailure(code, None))
}

/// Returns whether `error` is that of such a commit.
pub(in super::super) fn is_unsettled(error: &Error) -> bool {
    error.sqlite_code() == Some(UNSETTLED)
}

/// Returns whether `error` says that a sync failed.
pub(super) fn is_failed_sync(error: &Error) -> bool {
    matches!(
        error.sqlite_code(),
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    )
}

/// Returns whether `error` says that a sync of the WAL found no room.
pub(super) fn is_unsynced(error: &Error) -> bool {
    error.sqlite_code() == Some(UNSYNCED)
}

/// Returns whether there was no room, in a sync or before.
pub(in super::super) fn is_out_of_room(error: &Error) -> bool {
    error.kind() == ErrorKind::NoSpace
}

/// Returns the error for a call that found no room, and changed nothing.
pub(super) fn no_space() -> Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None).into()
}

const OUTCOME_UNSETTLED: &str =
    "no space left to sync a commit: its outcome is unknown until there is room";

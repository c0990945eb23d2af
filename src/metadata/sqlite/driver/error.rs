//! Mapping of SQLite's errors to errors of calls.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};
use crate::metadata::StoreError;

/// Returns SQLite's extended result code, where SQLite is the cause.
pub(in super::super) fn sqlite_code(error: &Error) -> Option<i32> {
    extended_code(std::error::Error::source(error)?.downcast_ref()?)
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let kind = match source.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                // Another process has held a short-held lock of the WAL-index for seconds.
                | ErrorCode::FileLockingProtocolFailed,
            ) => ErrorKind::Busy,
            Some(ErrorCode::DiskFull) => ErrorKind::NoSpace,
            // The WAL-index, which the first open of a database creates, could not grow.
            Some(_) if extended_code(&source) == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => {
                ErrorKind::NoSpace
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
            // A value that no version of this program wrote.
            None if is_unreadable(&source) => ErrorKind::Corrupt,
            Some(ErrorCode::OperationInterrupted) => ErrorKind::Cancelled,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory,
            ) => ErrorKind::Io,
            _ => ErrorKind::Internal,
        };
        let what = match kind {
            ErrorKind::Busy => Cow::Borrowed("timed out waiting for another writer"),
            ErrorKind::NoSpace => Cow::Borrowed("no space left for the database"),
            // The text of these names the file.
            _ if source.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
                Cow::Borrowed("database: cannot open the database file")
            }
            _ if matches!(source, rusqlite::Error::InvalidPath(_)) => {
                Cow::Borrowed("database: the path of the database is not usable")
            }
            _ => Cow::Owned(format!("database: {source}")),
        };
        Error::new(kind, what).caused_by(source)
    }
}

/// Returns whether a column has an impossible value: another type, text that is not UTF-8, a number out of range.
fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
    };
    matches!(
        error,
        FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..)
    )
}

fn extended_code(error: &rusqlite::Error) -> Option<i32> {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => Some(failure.extended_code),
        _ => None,
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_be_read_is_damage() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for value in ["CAST(x'2f80' AS TEXT)", "1", "NULL"] {
            let sql = format!("SELECT {value}");
            let read = connection.query_row(&sql, [], |row| row.get::<_, String>(0));
            let error = Error::from(read.unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{value}: {error}");
        }
    }

    #[test]
    fn a_database_that_cannot_be_opened_is_reported_without_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("missing/metadata.db");
        let error = Error::from(rusqlite::Connection::open(&path).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.to_string(), "database: cannot open the database file");
        let error = Error::from(rusqlite::Error::InvalidPath(path));
        assert!(!error.to_string().contains("missing"), "{error}");
    }
}

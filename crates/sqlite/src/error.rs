//! What failures of SQLite mean for the caller.
//!
//! [`Error`] is the error of all crates, which a failure of SQLite becomes at once: its kind and its text are those that the caller
//! gets. It is a type of this store, because only its own types can be made of an error of `rusqlite` by `?`. What implements a
//! trait of the metadata hands it out as the error of all.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use nexusfs_core::content::Unprepared;
use nexusfs_core::error;
pub(crate) use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata;

/// Shorthand for results with [`Error`].
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this store.
pub(crate) struct Error(error::Error);

/// Functions that return what that of the same name of the error of all returns.
macro_rules! constructors {
    ($($name:ident),*) => {
        impl Error {
            $(pub fn $name(what: impl Into<Cow<'static, str>>) -> Self {
                Error(error::Error::$name(what))
            })*
        }
    };
}

constructors! {
    conflict, corrupt, internal, invalid_argument, invalid_config, not_found, unsupported
}

impl Error {
    pub fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Error(error::Error::new(kind, what))
    }

    pub fn cancelled() -> Self {
        Error(error::Error::cancelled())
    }

    pub fn io(doing: &'static str, source: std::io::Error) -> Self {
        Error(error::Error::io(doing, source))
    }

    #[must_use]
    pub fn at(self, path: impl Into<Box<str>>) -> Self {
        Error(self.0.at(path))
    }

    #[must_use]
    pub fn in_operation(self, index: usize) -> Self {
        Error(self.0.in_operation(index))
    }

    #[must_use]
    pub fn caused_by(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Error(self.0.caused_by(source))
    }

    /// Returns SQLite's extended result code, where SQLite is the cause.
    pub fn sqlite_code(&self) -> Option<i32> {
        extended_code(std::error::Error::source(&self.0)?.downcast_ref()?)
    }
}

impl Deref for Error {
    type Target = error::Error;

    fn deref(&self) -> &error::Error {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        Error(error)
    }
}

impl From<Error> for error::Error {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// Why a request was not carried out: [`metadata::StoreError`] with the error of this store.
#[derive(Debug)]
pub(crate) enum StoreError {
    RulesChanged,
    Unprepared(Vec<Unprepared>),
    Failed(Error),
}

/// Result of a request to the store.
pub(crate) type StoreResult<T> = std::result::Result<T, StoreError>;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        StoreError::Failed(error)
    }
}

impl From<error::Error> for StoreError {
    fn from(error: error::Error) -> Self {
        StoreError::Failed(error.into())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Failed(error.into())
    }
}

impl From<Error> for metadata::StoreError {
    fn from(error: Error) -> Self {
        Self::Failed(error.0)
    }
}

impl From<StoreError> for metadata::StoreError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::RulesChanged => Self::RulesChanged,
            StoreError::Unprepared(contents) => Self::Unprepared(contents),
            StoreError::Failed(error) => Self::Failed(error.0),
        }
    }
}

/// For requests that are made without a grant, and so never meet changed rules.
impl From<StoreError> for error::Error {
    fn from(error: StoreError) -> Self {
        metadata::StoreError::from(error).into()
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error(error.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let kind = match source.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                // Another process holds a lock of the log's index, which is held for an instant, for seconds.
                | ErrorCode::FileLockingProtocolFailed,
            ) => ErrorKind::Busy,
            Some(ErrorCode::DiskFull) => ErrorKind::NoSpace,
            // The index of the log, which the first to open a database makes, could not grow.
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
            ErrorKind::Busy => Cow::Borrowed("the store is busy with another's commit"),
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

/// Returns whether a column holds what it never does: another type, text that is no UTF-8, a number out of range.
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

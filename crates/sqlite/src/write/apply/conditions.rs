//! Conditions of a change, checked in the transaction that makes it.

use nexusfs_core::metadata::Conditions;
use nexusfs_core::path::VirtualPath;

use super::super::transaction::Transaction;
use crate::db::rows::{Kind, PathRow};
use crate::error::{Error, ErrorKind, Result};
use crate::queue;

/// Checks `conditions` on `path`, whose row is `row`.
pub(super) fn check(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    row: Option<&PathRow>,
    conditions: &Conditions,
) -> Result<()> {
    if let Some(expected) = &conditions.if_match {
        match row.map(|row| row.file.as_ref()) {
            Some(Some(file)) if file.etag == *expected => {}
            Some(Some(_)) => return Err(Error::conflict("the etag does not match").at(path)),
            Some(None) => return Err(is_directory(path)),
            None => return Err(Error::conflict("the file does not exist").at(path)),
        }
    }
    if conditions.if_none_match && row.is_some() {
        return Err(Error::conflict("the file exists").at(path));
    }
    if let Some((item, token)) = &conditions.lease {
        queue::check_lease(&mut tx.work, item, *token)?;
    }
    Ok(())
}

/// Returns the row of the file at `path`, after checking `conditions` on it.
pub(super) fn existing_file(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    conditions: &Conditions,
) -> Result<PathRow> {
    let row = crate::db::rows::find(tx.connection, path.as_str())?;
    check(tx, path, row.as_ref(), conditions)?;
    match row {
        Some(row) if row.kind == Kind::File => Ok(row),
        Some(_) => Err(is_directory(path)),
        None => Err(not_found(path)),
    }
}

/// Returns the error for a directory where a file is needed.
pub(super) fn is_directory(path: &VirtualPath) -> Error {
    Error::new(ErrorKind::IsADirectory, "is a directory").at(path)
}

/// Returns the error for a name that does not exist.
pub(super) fn not_found(path: &VirtualPath) -> Error {
    Error::not_found("no such file or directory").at(path)
}

//! Rows of `paths` as values.

use std::sync::Arc;

use nexusfs_core::content::ContentHash;
use nexusfs_core::metadata::{Entry, FileInfo};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::time::Micros;
use rusqlite::{OptionalExtension, Row};

use super::backends::BackendNames;
use crate::driver::statements::Connection;
use crate::error::{Error, Result};

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    File = 1,
    MadeDirectory = 2,
    ImpliedDirectory = 3,
}

/// A row of `paths`.
#[derive(Debug, Clone)]
pub(in super::super) struct PathRow {
    pub path: String,
    pub kind: Kind,
    pub path_id: Option<PathId>,
    pub created_at: Micros,
    pub modified_at: Micros,
    pub file: Option<FileRow>,
}

/// The part of it that only files have.
#[derive(Debug, Clone)]
pub(in super::super) struct FileRow {
    pub etag: ContentHash,
    pub size: u64,
    pub version: u64,
    pub backend_id: i64,
    pub content_id: i64,
    pub mime_type: Arc<str>,
    pub mime_given: bool,
}

/// The columns that [`decode`] reads, in order.
macro_rules! path_columns {
    () => {
        "p.path, p.kind, p.path_id, p.created_at, p.modified_at, p.etag, p.size, p.version, \
         p.backend_id, p.content_id, p.mime_type, p.mime_given"
    };
}
pub(in super::super) use path_columns;

/// Number of columns that [`decode`] reads.
pub(in super::super) const PATH_COLUMNS: usize = 12;

/// Reads the columns of [`path_columns`] from column `first` on.
pub(in super::super) fn decode(row: &Row<'_>, first: usize) -> Result<PathRow> {
    let kind = kind_at(row, first + 1)?;
    let file = match kind {
        Kind::File => Some(FileRow {
            etag: blob::<32>(row, first + 5).map(ContentHash::from_bytes)?,
            size: row.get::<_, i64>(first + 6)? as u64,
            version: row.get::<_, i64>(first + 7)? as u64,
            backend_id: row.get(first + 8)?,
            content_id: row.get(first + 9)?,
            mime_type: row.get(first + 10)?,
            mime_given: row.get(first + 11)?,
        }),
        Kind::MadeDirectory | Kind::ImpliedDirectory => None,
    };
    Ok(PathRow {
        path: row.get(first)?,
        kind,
        path_id: path_id_at(row, first + 2, kind)?,
        created_at: row.get(first + 3)?,
        modified_at: row.get(first + 4)?,
        file,
    })
}

/// Reads a kind; one that does not exist is damage.
pub(in super::super) fn kind_at(row: &Row<'_>, column: usize) -> Result<Kind> {
    match row.get_ref(column)?.as_i64() {
        Ok(1) => Ok(Kind::File),
        Ok(2) => Ok(Kind::MadeDirectory),
        Ok(3) => Ok(Kind::ImpliedDirectory),
        _ => Err(damaged()),
    }
}

/// Returns what is at `path`.
pub(in super::super) fn kind_of(connection: &Connection, path: &str) -> Result<Option<Kind>> {
    connection
        .prepare_cached("SELECT kind FROM paths WHERE path = ?1")?
        .query_row([path], |row| Ok(kind_at(row, 0)))
        .optional()?
        .transpose()
}

fn path_id_at(row: &Row<'_>, column: usize, kind: Kind) -> Result<Option<PathId>> {
    match kind {
        Kind::ImpliedDirectory => Ok(None),
        _ => blob::<16>(row, column).map(PathId::from_bytes).map(Some),
    }
}

/// Returns the error for a row that no version of this program wrote.
pub(in super::super) fn damaged() -> Error {
    Error::corrupt("a row of the database is damaged")
}

/// Reads a blob of exactly `N` bytes.
pub(in super::super) fn blob<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N]> {
    let bytes = row.get_ref(column)?.as_blob().ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(damaged)
}

/// Reads a number; `None` for anything else.
pub(in super::super) fn integer(row: &Row<'_>, column: usize) -> Option<i64> {
    row.get_ref(column).ok()?.as_i64().ok()
}

/// Reads a number of things; 0 for anything else.
pub(in super::super) fn count(row: &Row<'_>, column: usize) -> u64 {
    let number = integer(row, column).unwrap_or(0);
    u64::try_from(number).unwrap_or(0)
}

/// Reads a text; `None` for anything else.
pub(in super::super) fn text(row: &Row<'_>, column: usize) -> Option<String> {
    let text = row.get_ref(column).ok()?.as_str().ok()?;
    Some(text.to_owned())
}

/// Returns the row at `path`.
pub(in super::super) fn find(connection: &Connection, path: &str) -> Result<Option<PathRow>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        path_columns!(),
        " FROM paths AS p WHERE p.path = ?1"
    ))?;
    let mut rows = statement.query([path])?;
    rows.next()?.map(|row| decode(row, 0)).transpose()
}

/// Returns the path whose id is `id`.
pub(in super::super) fn find_path_of_id(
    connection: &Connection,
    id: PathId,
) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT path FROM paths WHERE path_id = ?1")?;
    Ok(statement
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?)
}

impl PathRow {
    /// Returns the entry that callers see.
    pub fn into_entry(self, backends: &BackendNames) -> Result<Entry> {
        let implied = self.kind == Kind::ImpliedDirectory;
        Ok(Entry {
            path: VirtualPath::from_stored(self.path),
            path_id: self.path_id,
            created_at: if implied { 0 } else { self.created_at },
            modified_at: if implied { 0 } else { self.modified_at },
            file: match self.file {
                Some(file) => Some(FileInfo {
                    etag: file.etag,
                    size: file.size,
                    version: file.version,
                    mime_type: file.mime_type,
                    backend: backends.name(file.backend_id)?,
                }),
                None => None,
            },
        })
    }
}

//! Reads of metadata, and searches by metadata.

use nexusfs_core::metadata::{MetadataQuery, MetadataValue};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::Visible;
use rusqlite::OptionalExtension;

use crate::db::rows::{self, Kind};
use crate::driver::statements::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::queue;

/// Returns an error unless `path` is a file.
pub(in super::super) fn require_file(connection: &Connection, path: &VirtualPath) -> Result<()> {
    match rows::kind_of(connection, path.as_str())? {
        Some(Kind::File) => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::IsADirectory, "is a directory").at(path)),
        None => Err(Error::not_found("no such file or directory").at(path)),
    }
}

/// Returns an error unless `path` can have metadata: a file, or an explicit directory.
pub(in super::super) fn require_described(
    connection: &Connection,
    path: &VirtualPath,
) -> Result<()> {
    match rows::kind_of(connection, path.as_str())? {
        Some(Kind::File | Kind::MadeDirectory) => Ok(()),
        Some(Kind::ImpliedDirectory) => Err(without_metadata(path)),
        None => Err(Error::not_found("no such file or directory").at(path)),
    }
}

/// Returns the error for metadata of an implicit directory.
pub(in super::super) fn without_metadata(path: &VirtualPath) -> Error {
    let what = "is a directory that was not made, so it has no metadata";
    Error::new(ErrorKind::IsADirectory, what).at(path)
}

/// Returns the JSON text of the untyped `key` of what is at `path`.
pub(in super::super) fn value(
    connection: &Connection,
    path: &VirtualPath,
    key: &str,
) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT value FROM metadata WHERE path = ?1 AND key = ?2")?
        .query_row([path.as_str(), key], |row| row.get(0))
        .optional()?)
}

/// Returns all untyped keys of what is at `path` with their JSON texts.
pub(in super::super) fn values(
    connection: &Connection,
    path: &VirtualPath,
) -> Result<Vec<(String, String)>> {
    Ok(connection
        .prepare_cached("SELECT key, value FROM metadata WHERE path = ?1 ORDER BY key")?
        .query_map([path.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?)
}

/// Returns all keys of what is at `path`, typed or not, with their JSON texts, by key.
pub(in super::super) fn all_values(
    connection: &Connection,
    path: &VirtualPath,
) -> Result<Vec<(String, String)>> {
    let mut values = self::values(connection, path)?;
    values.extend(queue::all(connection, path)?);
    values.sort();
    Ok(values)
}

/// Returns the first visible paths that `query` is about, in order.
pub(in super::super) fn paths(
    connection: &Connection,
    query: &MetadataQuery,
    visible: &Visible,
) -> Result<Vec<String>> {
    let rest = match &query.after {
        Some(last) => query.range.after(last),
        None => Some(query.range.clone()),
    };
    let mut paths = Vec::new();
    for range in rest.iter().flat_map(|rest| visible.within(rest)) {
        let limit = query.limit - paths.len();
        if limit == 0 {
            break;
        }
        match &query.value {
            MetadataValue::Work(field) => {
                paths.extend(queue::find(connection, field, &range, limit, visible)?);
            }
            MetadataValue::Json { digest, .. } => {
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let mut statement = connection.prepare_cached(
                    "SELECT path FROM metadata
                     WHERE key = ?1 AND digest = ?2 AND path >= ?3 AND path < ?4
                     ORDER BY path LIMIT ?5",
                )?;
                let found = statement.query_map(
                    (&query.key, digest, &range.start, &range.end, limit),
                    |row| row.get(0),
                )?;
                for path in found {
                    paths.push(path?);
                }
            }
        }
    }
    Ok(paths)
}

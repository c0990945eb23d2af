//! Look-ups of single paths.

use nexusfs_core::content::{BlockHashes, ContentHash, StoredContent};
use nexusfs_core::metadata::{Entry, Grant};
use rusqlite::Row;

use crate::db::backends::BackendCache;
use crate::db::rows::{self, PATH_COLUMNS, PathRow, blob, decode, path_columns};
use crate::db::versions;
use crate::driver::statements::Connection;
use crate::error::{Error, Result, StoreResult};

/// Returns the entry at `path`. One statement reads the store's row and the name, so that it needs
/// no transaction around it.
pub(in super::super) fn entry(
    connection: &Connection,
    backends: &BackendCache,
    path: &str,
    grant: &Grant,
) -> StoreResult<Option<Entry>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT s.schema_version, s.rules_version, ",
        path_columns!(),
        " FROM store AS s LEFT JOIN paths AS p ON p.path = ?1 WHERE s.id = 1"
    ))?;
    let mut found = statement.query([path])?;
    let Some(row) = guarded(found.next()?, grant)? else {
        return Ok(None);
    };
    Ok(Some(to_entry(decode(row, 2)?, backends, connection)?))
}

/// Returns the file at `path` and the location of its content.
pub(in super::super) fn content(
    connection: &Connection,
    backends: &BackendCache,
    path: &str,
    grant: &Grant,
) -> StoreResult<Option<(Entry, Option<StoredContent>)>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT s.schema_version, s.rules_version, ",
        path_columns!(),
        ", c.hash, c.blocks, c.data
         FROM store AS s
         LEFT JOIN paths AS p ON p.path = ?1
         LEFT JOIN content AS c ON c.id = p.content_id
         WHERE s.id = 1"
    ))?;
    let mut found = statement.query([path])?;
    let Some(row) = guarded(found.next()?, grant)? else {
        return Ok(None);
    };
    let entry = to_entry(decode(row, 2)?, backends, connection)?;
    let Some(file) = &entry.file else {
        return Ok(Some((entry, None)));
    };
    let first = 2 + PATH_COLUMNS;
    let damaged = || nexusfs_core::content::missing(&file.etag).at(path);
    let hash = ContentHash::from_bytes(blob::<32>(row, first).map_err(|_| damaged())?);
    if hash != file.etag {
        return Err(damaged().into());
    }
    let blocks: Option<Vec<u8>> = row.get(first + 1)?;
    let stored = StoredContent {
        backend: file.backend.clone(),
        hash,
        size: file.size,
        data: row.get(first + 2)?,
        blocks: BlockHashes::from_bytes(blocks.unwrap_or_default()),
    };
    Ok(Some((entry, Some(stored))))
}

/// Returns the row if there is a name, after checking the versions in its first two columns.
fn guarded<'r, 's>(row: Option<&'r Row<'s>>, grant: &Grant) -> StoreResult<Option<&'r Row<'s>>> {
    let row = row.ok_or_else(|| Error::corrupt("the database has no store row"))?;
    versions::verify(row.get(0)?, row.get(1)?, grant.rules.version)?;
    let exists = row.get_ref(2)? != rusqlite::types::ValueRef::Null;
    Ok(exists.then_some(row))
}

/// Returns the entry at `path`, inside a transaction.
pub(in super::super) fn find(
    connection: &Connection,
    backends: &BackendCache,
    path: &str,
) -> Result<Option<Entry>> {
    rows::find(connection, path)?
        .map(|row| to_entry(row, backends, connection))
        .transpose()
}

/// Returns the entry that callers see of `row`.
pub(in super::super) fn to_entry(
    row: PathRow,
    backends: &BackendCache,
    connection: &Connection,
) -> Result<Entry> {
    let backend_id = row.file.as_ref().map_or(1, |file| file.backend_id);
    row.into_entry(&*backends.with(backend_id, connection)?)
}

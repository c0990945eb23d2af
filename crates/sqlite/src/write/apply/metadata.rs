//! Changing metadata.

use nexusfs_core::metadata::{Conditions, Entry, MetadataValue};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::work::is_work_key;

use super::super::transaction::Transaction;
use super::conditions::{check, is_directory, not_found};
use crate::db::rows::{self, Kind, PathRow};
use crate::error::{Error, Result};
use crate::queue;
use crate::read::find::without_metadata;

/// Sets keys of the file or explicit directory at `path`.
pub(super) fn set(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    values: &[(String, MetadataValue)],
    conditions: &Conditions,
) -> Result<Option<Entry>> {
    let row = described(tx, path, conditions)?;
    if row.file.is_none() {
        let is_work =
            |(_, value): &(String, MetadataValue)| matches!(value, MetadataValue::Work(_));
        if values.iter().any(is_work) {
            return Err(is_directory(path));
        }
    }
    set_on(tx, &row, values)?;
    tx.entry(row).map(Some)
}

/// Returns the row of the file or explicit directory at `path`, after checking `conditions` on it.
fn described(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    conditions: &Conditions,
) -> Result<PathRow> {
    let row = rows::find(tx.connection, path.as_str())?;
    check(tx, path, row.as_ref(), conditions)?;
    match row {
        Some(row) if row.kind != Kind::ImpliedDirectory => Ok(row),
        Some(_) => Err(without_metadata(path)),
        None => Err(not_found(path)),
    }
}

/// Sets keys of the file or directory `row`. Work keys are for files.
pub(super) fn set_on(
    tx: &mut Transaction<'_>,
    row: &PathRow,
    values: &[(String, MetadataValue)],
) -> Result<()> {
    let mut fields = Vec::new();
    for (key, value) in values {
        match value {
            MetadataValue::Work(field) => fields.push(field),
            MetadataValue::Json { text, digest } => {
                tx.run(
                    "INSERT INTO metadata (path, key, value, digest) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (path, key)
                     DO UPDATE SET value = excluded.value, digest = excluded.digest",
                    (&row.path, key, text, digest),
                )?;
            }
        }
    }
    if fields.is_empty() {
        return Ok(());
    }
    queue::set(&mut tx.work, row, &fields)
}

/// Removes one key of the file or explicit directory at `path`.
pub(super) fn delete(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    key: &str,
) -> Result<Option<Entry>> {
    let row = described(tx, path, &Conditions::default())?;
    let found = if is_work_key(key) && row.file.is_none() {
        return Err(is_directory(path));
    } else if is_work_key(key) {
        queue::clear(&mut tx.work, &row, key)?
    } else {
        tx.run(
            "DELETE FROM metadata WHERE path = ?1 AND key = ?2",
            (path.as_str(), key),
        )? > 0
    };
    if !found {
        return Err(Error::not_found(format!("no metadata key {key:?}")).at(path));
    }
    tx.entry(row).map(Some)
}

//! Whether another file may replace an item.

use nexusfs_core::path_id::PathId;
use nexusfs_core::work::under_lease;
use rusqlite::OptionalExtension;

use super::graph::edges::id_at;
use super::transaction::WorkTransaction;
use crate::db::time::BootTime;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Checks that no live lease protects the item at `path` from replacement: only the holder may change its status, and a
/// replacement has another one. A caller that has presented the valid token may.
///
/// # Errors
/// `Conflict` for a live lease that the caller has not proved to hold.
pub(in super::super) fn check_replaceable(tx: &WorkTransaction<'_>, path: &str) -> Result<()> {
    match leased(tx.connection, path, tx.time.boot())? {
        Some(id) if !tx.changes.held.contains(&id) => Err(under_lease().at(path).into()),
        _ => Ok(()),
    }
}

/// Returns the id of the item at `path` if it is under a live lease.
pub(in super::super) fn leased(
    connection: &Connection,
    path: &str,
    now: BootTime,
) -> Result<Option<PathId>> {
    connection
        .prepare_cached("SELECT path_id FROM work WHERE path = ?1 AND lease_deadline > ?2")?
        .query_row((path, now.0), |row| Ok(id_at(row, 0)))
        .optional()?
        .transpose()
}

//! Rows of `work`, as files and their typed keys change.

use rusqlite::{OptionalExtension, ToSql};

use super::super::rows::PathRow;
use super::super::transaction::Transaction;
use super::edges;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Micros, PathId, now};
use crate::path::VirtualPath;
use crate::range::PathRange;
use crate::work::{Status, WorkField, is_library_key};

/// `rank` of an item without priority: it comes last.
const LAST_RANK: i64 = i64::MAX;

/// Sets typed keys of the file `row`.
pub(in super::super) fn set(
    tx: &mut Transaction<'_>,
    row: &PathRow,
    fields: &[&WorkField],
) -> Result<()> {
    let id = id_of(row)?;
    tx.run(
        "INSERT INTO work (path, path_id, created_at, rank) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (path) DO NOTHING",
        (&row.path, id.as_bytes(), row.created_at, LAST_RANK),
    )?;
    for field in fields {
        set_field(tx, &row.path, id, field)?;
    }
    tx.work.touched.insert(id);
    Ok(())
}

fn set_field(tx: &mut Transaction<'_>, path: &str, id: PathId, field: &WorkField) -> Result<()> {
    match field {
        WorkField::Status(status) => set_status(tx, path, id, Some(*status)),
        WorkField::Priority(priority) => {
            let sql = "UPDATE work SET priority = ?2, rank = ?2 WHERE path = ?1";
            tx.run(sql, (path, priority)).map(drop)
        }
        WorkField::DependsOn(references) => edges::replace(tx, id, references),
        WorkField::NotBefore(time) => {
            let sql = "UPDATE work SET not_before = ?2, delayed = ?3 WHERE path = ?1";
            tx.run(sql, (path, time, *time > now())).map(drop)
        }
        WorkField::WorkerId(worker) => set_column(tx, path, "worker_id", worker),
        WorkField::StartedAt(time) => set_column(tx, path, "started_at", time),
        WorkField::CompletedAt(time) => set_column(tx, path, "completed_at", time),
        WorkField::Tags(_) => set_column(tx, path, "tags", &field.to_json()),
        WorkField::MaxAttempts(attempts) => set_column(tx, path, "max_attempts", attempts),
    }
}

fn set_column(tx: &Transaction<'_>, path: &str, column: &str, value: &dyn ToSql) -> Result<()> {
    let sql = format!("UPDATE work SET {column} = ?2 WHERE path = ?1");
    tx.run(&sql, [&path as &dyn ToSql, value]).map(drop)
}

/// Sets or removes the status, and opens or closes the edges to the item accordingly.
fn set_status(
    tx: &mut Transaction<'_>,
    path: &str,
    id: PathId,
    status: Option<Status>,
) -> Result<()> {
    tx.run(
        "UPDATE work SET status = ?2, delayed = coalesce(not_before > ?3, 0) WHERE path = ?1",
        (path, status.map(Status::name), now()),
    )?;
    edges::set_blocking(tx, id, is_blocking(status))
}

/// Returns whether an item waits for a file of this status. A file without one is no work item.
fn is_blocking(status: Option<Status>) -> bool {
    status.is_some_and(|status| status != Status::Completed)
}

/// Removes a typed key of the file `row`; returns whether it was set.
pub(in super::super) fn clear(tx: &mut Transaction<'_>, row: &PathRow, key: &str) -> Result<bool> {
    if is_library_key(key) {
        let what = format!("metadata key '{key}' cannot be removed: only the library writes it");
        return Err(Error::invalid_argument(what).at(row.path.as_str()));
    }
    let id = id_of(row)?;
    let was_set = match key {
        "depends_on" => edges::remove(tx, id)?,
        _ => tx
            .connection
            .prepare_cached(&format!(
                "SELECT {key} IS NOT NULL FROM work WHERE path = ?1"
            ))?
            .query_row([&row.path], |row| row.get(0))
            .optional()?
            .unwrap_or(false),
    };
    if !was_set {
        return Ok(false);
    }
    match key {
        "depends_on" => {}
        "status" => set_status(tx, &row.path, id, None)?,
        "priority" => {
            let sql = "UPDATE work SET priority = NULL, rank = ?2 WHERE path = ?1";
            tx.run(sql, (&row.path, LAST_RANK))?;
        }
        "not_before" => {
            let sql = "UPDATE work SET not_before = NULL, delayed = 0 WHERE path = ?1";
            tx.run(sql, [&row.path])?;
        }
        _ => set_column(tx, &row.path, key, &rusqlite::types::Null)?,
    }
    tx.work.touched.insert(id);
    remove_if_empty(tx, &row.path)?;
    Ok(true)
}

/// A file without any typed key has no row.
fn remove_if_empty(tx: &Transaction<'_>, path: &str) -> Result<()> {
    tx.run(
        "DELETE FROM work
         WHERE path = ?1 AND attempts = 0
           AND coalesce(status, priority, dependencies, not_before, worker_id, started_at,
                        completed_at, tags, max_attempts, last_error, result, lease) IS NULL",
        [path],
    )?;
    Ok(())
}

/// The files in `range` are being deleted (their rows in `paths` may be gone already).
pub(in super::super) fn deleted(tx: &mut Transaction<'_>, range: &PathRange) -> Result<()> {
    let bounds = [&range.start, &range.end];
    let any = tx
        .connection
        .prepare_cached("SELECT 1 FROM work WHERE path >= ?1 AND path < ?2 LIMIT 1")?
        .exists(bounds)?;
    if !any {
        return Ok(());
    }
    edges::bury(tx, range)?;
    tx.run("DELETE FROM work WHERE path >= ?1 AND path < ?2", bounds)?;
    Ok(())
}

/// The file `source` was copied to `path`, which has the id `path_id` and was created at `created_at`.
/// The copy depends on what the source depends on, and nobody works on it.
pub(in super::super) fn copied(
    tx: &mut Transaction<'_>,
    source: &PathRow,
    path: &VirtualPath,
    path_id: PathId,
    created_at: Micros,
) -> Result<()> {
    let copied = tx.run(
        "INSERT INTO work (path, path_id, created_at, status, priority, rank, dependencies,
                           open_edges, delayed, not_before, completed_at, tags, max_attempts)
         SELECT ?2, ?3, ?4, iif(status = 'in_progress', 'ready', status), priority, rank,
                dependencies, open_edges, delayed, not_before,
                iif(status = 'in_progress', NULL, completed_at), tags, max_attempts
         FROM work WHERE path = ?1",
        (&source.path, path.as_str(), path_id.as_bytes(), created_at),
    )?;
    if copied > 0 {
        edges::copy(tx, id_of(source)?, path_id)?;
        tx.work.touched.insert(path_id);
    }
    Ok(())
}

/// The file `row` was imported and its metadata set: nobody works on it. Items that waited for the
/// file of this id before it was deleted wait for it again.
pub(in super::super) fn imported(tx: &mut Transaction<'_>, row: &PathRow) -> Result<()> {
    tx.run(
        "UPDATE work SET status = 'ready', worker_id = NULL, started_at = NULL,
                         completed_at = NULL
         WHERE path = ?1 AND status = 'in_progress'",
        [&row.path],
    )?;
    let id = id_of(row)?;
    edges::unbury(tx, id)?;
    edges::set_blocking(tx, id, is_blocking(status_at(tx, &row.path)?))
}

fn status_at(tx: &Transaction<'_>, path: &str) -> Result<Option<Status>> {
    let name: Option<Option<String>> = tx
        .connection
        .prepare_cached("SELECT status FROM work WHERE path = ?1")?
        .query_row([path], |row| row.get(0))
        .optional()?;
    Ok(name.flatten().as_deref().and_then(Status::parse))
}

/// Checks that the work item at `path` is held under the lease `token`.
pub(in super::super) fn check_lease(
    tx: &Transaction<'_>,
    path: &VirtualPath,
    token: u64,
) -> Result<()> {
    let held: Option<Option<i64>> = tx
        .connection
        .prepare_cached("SELECT lease FROM work WHERE path = ?1")?
        .query_row([path.as_str()], |row| row.get(0))
        .optional()?;
    match held.flatten() {
        Some(lease) if u64::try_from(lease) == Ok(token) => Ok(()),
        _ => Err(Error::new(ErrorKind::LeaseLost, "the lease is no longer held").at(path)),
    }
}

fn id_of(row: &PathRow) -> Result<PathId> {
    row.path_id
        .ok_or_else(|| Error::corrupt("a file has no id").at(row.path.as_str()))
}

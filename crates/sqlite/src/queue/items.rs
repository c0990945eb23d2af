//! Rows of `work`, as files and their typed keys change.

use nexusfs_core::access::Rules;
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::time::Micros;
use nexusfs_core::work::{MOST_ATTEMPTS, Status, WorkField, WorkHistory, is_library_key};
use rusqlite::{OptionalExtension, ToSql};

use super::graph::edges;
use super::order::ranges::parent;
use super::order::{Term, directories, partitions};
use super::transaction::WorkTransaction;
use crate::db::rows::PathRow;
use crate::driver::statements::Connection;
use crate::error::{Error, Result};

/// Sets typed keys of the file `row`.
pub(in super::super) fn set(
    tx: &mut WorkTransaction<'_>,
    row: &PathRow,
    fields: &[&WorkField],
) -> Result<()> {
    let id = id_of(row)?;
    let before = match state(tx, &row.path)? {
        Some(state) => state,
        None => insert(tx, row, id)?,
    };
    let cancelled = |field: &&WorkField| matches!(field, WorkField::Status(Status::Cancelled));
    if before.is_leased(tx)
        && !fields.iter().any(cancelled)
        && let Some(field) = fields.iter().find(|field| is_of_the_holder(field.key()))
    {
        check_held(tx, row, id, field.key())?;
    }
    for field in fields {
        set_field(tx, &row.path, id, &before, field)?;
    }
    tx.changes.touched.insert(id);
    tx.changes.supplied = true;
    Ok(())
}

/// Gives the file a row.
fn insert(tx: &WorkTransaction<'_>, row: &PathRow, id: PathId) -> Result<ItemState> {
    let (directory, scope) = place_of(&tx.grant.rules, &row.path);
    tx.run(
        "INSERT INTO work (path, path_id, created_at, directory, scope, rank)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            &row.path,
            id.as_bytes(),
            row.created_at,
            directory,
            scope,
            Term::Absent,
        ),
    )?;
    Ok(ItemState::default())
}

/// What decides which changes of an item are allowed, and what follows from them.
#[derive(Default)]
struct ItemState {
    status: Option<Status>,
    lease: Option<i64>,
    lease_deadline: Option<i64>,
}

impl ItemState {
    /// Returns whether the item has a live lease.
    fn is_leased(&self, tx: &WorkTransaction<'_>) -> bool {
        self.lease_deadline
            .is_some_and(|deadline| deadline > tx.time.boot().0)
    }
}

fn state(tx: &WorkTransaction<'_>, path: &str) -> Result<Option<ItemState>> {
    Ok(tx
        .connection
        .prepare_cached("SELECT status, lease, lease_deadline FROM work WHERE path = ?1")?
        .query_row([path], |row| {
            Ok(ItemState {
                status: super::graph::explain::status(row, 0),
                lease: row.get(1)?,
                lease_deadline: row.get(2)?,
            })
        })
        .optional()?)
}

/// Returns whether only the holder of a lease may change `key` while the lease is live.
fn is_of_the_holder(key: &str) -> bool {
    matches!(
        key,
        "status" | "worker_id" | "started_at" | "completed_at" | "depends_on"
    )
}

fn check_held(tx: &WorkTransaction<'_>, row: &PathRow, id: PathId, key: &str) -> Result<()> {
    if tx.changes.held.contains(&id) {
        return Ok(());
    }
    let what = format!("metadata key '{key}' belongs to the worker that holds the item's lease");
    Err(Error::conflict(what).at(row.path.as_str()))
}

fn set_field(
    tx: &mut WorkTransaction<'_>,
    path: &str,
    id: PathId,
    before: &ItemState,
    field: &WorkField,
) -> Result<()> {
    match field {
        WorkField::Status(status) => set_status(tx, path, id, before, Some(*status)),
        WorkField::Priority(priority) => {
            let sql = "UPDATE work SET priority = ?2, rank = ?2 WHERE path = ?1";
            tx.run(sql, (path, priority)).map(drop)
        }
        WorkField::DependsOn(references) => edges::replace(tx, id, references),
        WorkField::NotBefore(time) => {
            let sql = "UPDATE work SET not_before = ?2, delayed = ?3 WHERE path = ?1";
            let is_delayed = *time > tx.time.wall();
            tx.run(sql, (path, time, is_delayed))?;
            let (_, scope) = place_of(&tx.grant.rules, path);
            partitions::watch(tx.connection, scope, is_delayed.then_some(*time), None)
        }
        WorkField::WorkerId(worker) => set_column(tx, path, "worker_id", worker),
        WorkField::StartedAt(time) => set_column(tx, path, "started_at", time),
        WorkField::CompletedAt(time) => set_column(tx, path, "completed_at", time),
        WorkField::Tags(_) => set_column(tx, path, "tags", &field.to_json()),
        WorkField::MaxAttempts(attempts) => set_column(tx, path, "max_attempts", attempts),
    }
}

fn set_column(tx: &WorkTransaction<'_>, path: &str, column: &str, value: &dyn ToSql) -> Result<()> {
    let sql = format!("UPDATE work SET {column} = ?2 WHERE path = ?1");
    tx.connection
        .prepare_composed(&sql)?
        .execute([&path as &dyn ToSql, value])?;
    Ok(())
}

/// Sets or removes the status, and opens or closes the edges to the item accordingly.
fn set_status(
    tx: &mut WorkTransaction<'_>,
    path: &str,
    id: PathId,
    before: &ItemState,
    status: Option<Status>,
) -> Result<()> {
    let status_number = status.map(Status::number);
    // The index of all items is left alone while a file stays one.
    if before.status.is_some() == status.is_some() {
        tx.run(
            "UPDATE work SET status = ?2 WHERE path = ?1",
            (path, status_number),
        )?;
    } else {
        tx.run(
            "UPDATE work SET status = ?2, item = iif(?2 IS NULL, NULL, 1) WHERE path = ?1",
            (path, status_number),
        )?;
    }
    // The holder of a live lease keeps it; `in_progress` set by another caller has no lease.
    let keeps_lease = status == Some(Status::InProgress) && before.is_leased(tx);
    if before.lease.is_some() && !keeps_lease {
        tx.run(end_lease!(), [path])?;
    }
    edges::set_blocking(tx, id, is_blocking(status))
}

/// Returns whether an item waits for a file of this status. A file without one is no work item.
fn is_blocking(status: Option<Status>) -> bool {
    status.is_some_and(|status| status != Status::Completed)
}

/// Removes a typed key of the file `row`; returns whether it was set.
pub(in super::super) fn clear(
    tx: &mut WorkTransaction<'_>,
    row: &PathRow,
    key: &str,
) -> Result<bool> {
    if is_library_key(key) {
        let what = format!("metadata key '{key}' cannot be removed: only the library writes it");
        return Err(Error::invalid_argument(what).at(row.path.as_str()));
    }
    let id = id_of(row)?;
    let was_set = match key {
        "depends_on" => edges::remove(tx, id)?,
        _ => tx
            .connection
            .prepare_composed(&format!(
                "SELECT {key} IS NOT NULL FROM work WHERE path = ?1"
            ))?
            .query_row([&row.path], |row| row.get(0))
            .optional()?
            .unwrap_or(false),
    };
    if !was_set {
        return Ok(false);
    }
    let before = state(tx, &row.path)?.unwrap_or_default();
    if before.is_leased(tx) && is_of_the_holder(key) {
        check_held(tx, row, id, key)?;
    }
    match key {
        "depends_on" => {}
        "status" => set_status(tx, &row.path, id, &before, None)?,
        "priority" => {
            let sql = "UPDATE work SET priority = NULL, rank = ?2 WHERE path = ?1";
            tx.run(sql, (&row.path, Term::Absent))?;
        }
        "not_before" => {
            let sql = "UPDATE work SET not_before = NULL, delayed = 0 WHERE path = ?1";
            tx.run(sql, [&row.path])?;
        }
        _ => set_column(tx, &row.path, key, &rusqlite::types::Null)?,
    }
    tx.changes.touched.insert(id);
    tx.changes.supplied = true;
    remove_if_empty(tx, &row.path)?;
    Ok(true)
}

/// A file without any typed key has no row.
fn remove_if_empty(tx: &WorkTransaction<'_>, path: &str) -> Result<()> {
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
pub(in super::super) fn deleted(tx: &mut WorkTransaction<'_>, range: &PathRange) -> Result<()> {
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

/// The file `source` was copied to `path`, which has the id `path_id` and was created at `created_at`. The copy has the
/// dependencies of the source, and no worker.
pub(in super::super) fn copied(
    tx: &mut WorkTransaction<'_>,
    source: &PathRow,
    path: &VirtualPath,
    path_id: PathId,
    created_at: Micros,
) -> Result<()> {
    let (directory, scope) = place_of(&tx.grant.rules, path.as_str());
    let copied = tx.run(
        "INSERT INTO work (path, path_id, created_at, directory, scope, item, status, priority, rank,
                           dependencies, open_edges, delayed, not_before, completed_at, tags,
                           max_attempts)
         SELECT ?2, ?3, ?4, ?5, ?6, item, iif(status = 2 /* in_progress */, 1 /* ready */, status), priority, rank,
                dependencies, open_edges, delayed, not_before,
                iif(status = 2 /* in_progress */, NULL, completed_at), tags, max_attempts
         FROM work WHERE path = ?1",
        (
            &source.path,
            path.as_str(),
            path_id.as_bytes(),
            created_at,
            directory,
            scope,
        ),
    )?;
    if copied > 0 {
        partitions::watch_item(tx.connection, scope, path.as_str())?;
        tx.changes.supplied = true;
        edges::copy(tx, id_of(source)?, path_id)?;
        tx.changes.touched.insert(path_id);
    }
    Ok(())
}

/// The file `row` was imported and its metadata set: it has no worker. Items that depended on the file of this id
/// before it was deleted depend on it again.
pub(in super::super) fn imported(
    tx: &mut WorkTransaction<'_>,
    row: &PathRow,
    history: &WorkHistory,
) -> Result<()> {
    tx.run(
        "UPDATE work SET status = 1 /* ready */, worker_id = NULL, started_at = NULL,
                         completed_at = NULL
         WHERE path = ?1 AND status = 2 /* in_progress */",
        [&row.path],
    )?;
    let id = id_of(row)?;
    if *history != WorkHistory::default() {
        if state(tx, &row.path)?.is_none() {
            insert(tx, row, id)?;
        }
        tx.run(
            "UPDATE work SET attempts = ?2, last_error = ?3, result = ?4 WHERE path = ?1",
            (
                &row.path,
                history.attempts.clamp(0, MOST_ATTEMPTS),
                &history.last_error,
                &history.result,
            ),
        )?;
    }
    edges::unbury(tx, id)?;
    let status = state(tx, &row.path)?.and_then(|state| state.status);
    edges::set_blocking(tx, id, is_blocking(status))
}

fn id_of(row: &PathRow) -> Result<PathId> {
    row.path_id
        .ok_or_else(|| Error::corrupt("a file has no id").at(row.path.as_str()))
}

/// The rules of the namespace `name` have changed: its items may belong to other partitions.
pub(in super::super) fn rescope(connection: &Connection, rules: &Rules, name: &str) -> Result<()> {
    let root = format!("/{name}");
    directories::rescope(connection, &root, |directory| rules.scope_of(directory))?;
    let range = PathRange::under(&root);
    let directories = connection
        .prepare_cached("SELECT DISTINCT directory FROM work WHERE path >= ?1 AND path < ?2")?
        .query_map([&range.start, &range.end], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    for directory in directories {
        let scope = rules.scope_of(&directory);
        let below = PathRange::under(&directory);
        connection
            .prepare_cached(
                "UPDATE work SET scope = ?2 WHERE path >= ?3 AND path < ?4 AND directory = ?1",
            )?
            .execute((&directory, scope, &below.start, &below.end))?;
        // The bounds of the old partition are unknown to the new one, so the next claim must check it.
        connection
            .prepare_cached("INSERT OR REPLACE INTO work_scopes VALUES (?1, 0, 0)")?
            .execute([scope])?;
    }
    Ok(())
}

/// Returns the directory and the owner partition of the item at `path`.
pub(in super::super) fn place_of<'a>(rules: &Rules, path: &'a str) -> (&'a str, &'a str) {
    let directory = parent(path);
    (directory, rules.scope_of(directory))
}

/// Recomputes the queue columns of the item at `path`, and makes the next claim check its partition. A lease without a
/// deadline has expired.
pub(in super::super) fn place_again(
    connection: &Connection,
    rules: &Rules,
    path: &str,
) -> Result<()> {
    let (directory, scope) = place_of(rules, path);
    connection
        .prepare_cached(
            "UPDATE work SET
                 directory = ?2, scope = ?3, item = iif(status IS NULL, NULL, 1),
                 rank = coalesce(priority, ?4),
                 delayed = (not_before IS NOT NULL AND delayed <> 0),
                 lease_deadline = iif(lease IS NULL, lease_deadline, coalesce(lease_deadline, 0))
             WHERE path = ?1",
        )?
        .execute((path, directory, scope, Term::Absent))?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO work_scopes
             SELECT scope, 0, 0 FROM work
             WHERE path = ?1 AND (delayed = 1 OR lease_deadline IS NOT NULL)",
        )?
        .execute([path])?;
    directories::announce_again(connection, directory, scope)
}

//! Edges between work items: stored, opened, closed, and kept when a blocker is deleted.

use std::collections::{BTreeSet, HashSet};

use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::DependencyRef;
use rusqlite::{OptionalExtension, Row};

use super::super::order::directories::Firsts;
use super::super::transaction::{Named, PendingEdges, WorkTransaction};
use crate::db::rows::{self, Kind, blob};
use crate::error::{Error, ErrorKind, Result};

/// Replaces the dependencies of `item` by those that `references` name, once all changes are applied.
pub(in super::super) fn replace(
    tx: &mut WorkTransaction<'_>,
    item: PathId,
    references: &[DependencyRef],
) -> Result<()> {
    remove_rows(tx, item)?;
    tx.run(
        "UPDATE work SET dependencies = 0, open_edges = 0 WHERE path_id = ?1",
        [item.as_bytes()],
    )?;
    let mut named = Vec::with_capacity(references.len());
    for reference in references {
        let bound = match reference {
            DependencyRef::Id(id) => Some(*id),
            DependencyRef::Path(path) => {
                rows::find(tx.connection, path.as_str())?.and_then(|row| row.path_id)
            }
        };
        let reference = reference.clone();
        named.push(Named { reference, bound });
    }
    let operation = tx.changes.operation;
    tx.changes
        .pending
        .insert(item, PendingEdges { operation, named });
    Ok(())
}

/// Removes the dependencies of `item`; returns whether `depends_on` was set.
pub(in super::super) fn remove(tx: &mut WorkTransaction<'_>, item: PathId) -> Result<bool> {
    tx.changes.pending.remove(&item);
    remove_rows(tx, item)?;
    let changed = tx.run(
        "UPDATE work SET dependencies = NULL, open_edges = 0
         WHERE path_id = ?1 AND dependencies IS NOT NULL",
        [item.as_bytes()],
    )?;
    Ok(changed > 0)
}

fn remove_rows(tx: &WorkTransaction<'_>, item: PathId) -> Result<()> {
    tx.run("DELETE FROM edges WHERE item_id = ?1", [item.as_bytes()])?;
    Ok(())
}

/// Stores the dependencies named for `item`; returns whether there are any.
pub(super) fn store(
    tx: &mut WorkTransaction<'_>,
    item: PathId,
    pending: &PendingEdges,
) -> Result<bool> {
    let mut seen = HashSet::with_capacity(pending.named.len());
    for named in &pending.named {
        let blocker = resolve(tx, named)?;
        if !seen.insert(blocker) {
            continue;
        }
        tx.run(
            "INSERT INTO edges (item_id, blocker_id, open, position)
             VALUES (?1, ?2,
                     EXISTS (SELECT 1 FROM work WHERE path_id = ?2 AND status <> 3 /* completed */),
                     ?3)",
            (item.as_bytes(), blocker.as_bytes(), seen.len() as i64 - 1),
        )?;
    }
    tx.run(
        "UPDATE work
         SET dependencies = ?2,
             open_edges = (SELECT count(*) FROM edges WHERE item_id = ?1 AND open = 1)
         WHERE path_id = ?1",
        (item.as_bytes(), seen.len() as i64),
    )?;
    Ok(!seen.is_empty())
}

/// Resolves the reference. A file that the caller may not see is treated as missing.
fn resolve(tx: &WorkTransaction<'_>, named: &Named) -> Result<PathId> {
    let visible = &tx.grant.visible;
    if let Some(id) = named.bound
        && let Some(path) = rows::find_path_of_id(tx.connection, id)?
        && visible.contains(&path)
    {
        return file_at(tx, &path, named);
    }
    match &named.reference {
        DependencyRef::Path(path) if visible.contains(path.as_str()) => {
            file_at(tx, path.as_str(), named)
        }
        _ => Err(unknown(named)),
    }
}

fn file_at(tx: &WorkTransaction<'_>, path: &str, named: &Named) -> Result<PathId> {
    match rows::find(tx.connection, path)? {
        Some(row) if row.kind == Kind::File => row.path_id.ok_or_else(|| unknown(named)),
        Some(_) => {
            let what = "a work item cannot depend on a directory";
            Err(Error::new(ErrorKind::IsADirectory, what).at(path))
        }
        None => Err(unknown(named)),
    }
}

fn unknown(named: &Named) -> Error {
    let error = Error::not_found("no such file to depend on");
    match &named.reference {
        DependencyRef::Id(id) => error.at(id.to_string()),
        DependencyRef::Path(path) => error.at(path),
    }
}

const HAS_DEPENDENTS: &str = "SELECT 1 FROM edges WHERE blocker_id = ?1 LIMIT 1";
const COUNT_OPENED: &str = "\
    UPDATE work SET open_edges = min(open_edges, 9007199254740990) + 1
    WHERE path_id IN (SELECT item_id FROM edges WHERE blocker_id = ?1 AND open = 0)";
const OPEN: &str = "UPDATE edges SET open = 1 WHERE blocker_id = ?1 AND open = 0";
/// Dependents of the blocker, their positions in the queue, and whether they have no other open dependency.
const WAITING: &str = "\
    SELECT e.item_id, w.path, w.directory, w.scope, w.rank, w.created_at,
           w.open_edges = 1 AND w.delayed = 0
           AND (w.status IS 1 /* ready */ OR (w.status IS 4 /* blocked */ AND coalesce(w.dependencies, 0) > 0))
    FROM edges AS e CROSS JOIN work AS w ON w.path_id = e.item_id
    WHERE e.blocker_id = ?1 AND e.item_id > ?2 AND e.open = 1
    ORDER BY e.item_id LIMIT ?3";
const COUNT_CLOSED: &str = "UPDATE work SET open_edges = max(open_edges - 1, 0) WHERE path = ?1";
/// A blocked item without open dependencies is ready.
const COUNT_CLOSED_AT_END: &str = "\
    UPDATE work
    SET open_edges = max(open_edges - 1, 0),
        status = iif(status = 4 /* blocked */ AND open_edges = 1 AND dependencies > 0, 1 /* ready */, status)
    WHERE path = ?1";
const CLOSE: &str = "UPDATE edges SET open = 0 WHERE item_id = ?1 AND blocker_id = ?2";
/// Items that are read at once.
const PAGE: usize = 1024;

/// Opens the edges to `blocker`, or has [`close_at_end()`] close them.
pub(in super::super) fn set_blocking(
    tx: &mut WorkTransaction<'_>,
    blocker: PathId,
    blocking: bool,
) -> Result<()> {
    // Edges that were named may be stored before they would be closed.
    tx.changes.closed.remove(&blocker);
    let mut statement = tx.connection.prepare_cached(HAS_DEPENDENTS)?;
    if !statement.exists([blocker.as_bytes()])? {
        return Ok(());
    }
    drop(statement);
    if !blocking {
        tx.changes.closed.insert(blocker);
        return Ok(());
    }
    if tx.run(COUNT_OPENED, [blocker.as_bytes()])? > 0 {
        tx.run(OPEN, [blocker.as_bytes()])?;
    }
    Ok(())
}

/// Closes the edges to files that block no more. Items without open dependencies become ready, and are enqueued.
pub(super) fn close_at_end(tx: &mut WorkTransaction<'_>) -> Result<()> {
    let mut firsts = Firsts::default();
    for blocker in std::mem::take(&mut tx.changes.closed) {
        close_edges_to(tx, blocker, COUNT_CLOSED_AT_END, |_| {}, &mut firsts)?;
    }
    firsts.announce(tx.connection)
}

/// As [`close_at_end()`], before other changes of the set, which decide what becomes ready.
fn close_early(tx: &mut WorkTransaction<'_>) -> Result<()> {
    let mut touched = BTreeSet::new();
    for blocker in std::mem::take(&mut tx.changes.closed) {
        let mut touch = |item| {
            touched.insert(item);
        };
        close_edges_to(
            tx,
            blocker,
            COUNT_CLOSED,
            &mut touch,
            &mut Firsts::default(),
        )?;
    }
    tx.changes.touched.extend(touched);
    Ok(())
}

fn close_edges_to(
    tx: &mut WorkTransaction<'_>,
    blocker: PathId,
    count: &'static str,
    mut closed: impl FnMut(PathId),
    firsts: &mut Firsts,
) -> Result<()> {
    let mut count = tx.connection.prepare_cached(count)?;
    let mut close = tx.connection.prepare_cached(CLOSE)?;
    let mut last: Option<PathId> = None;
    loop {
        tx.grant.call.check()?;
        let waiting = waiting(tx, blocker, last, firsts)?;
        for (item, path) in &waiting {
            count.execute([path])?;
            close.execute((item.as_bytes(), blocker.as_bytes()))?;
            closed(*item);
        }
        tx.changes.supplied |= !waiting.is_empty();
        match waiting.last() {
            Some((item, _)) if waiting.len() == PAGE => last = Some(*item),
            _ => return Ok(()),
        }
    }
}

/// Returns some dependents of `blocker`, by id from `after` on, and records the queue positions of those without
/// another open dependency.
fn waiting(
    tx: &WorkTransaction<'_>,
    blocker: PathId,
    after: Option<PathId>,
    firsts: &mut Firsts,
) -> Result<Vec<(PathId, String)>> {
    let after: &[u8] = after.as_ref().map_or(&[], |id| id.as_bytes());
    let mut statement = tx.connection.prepare_cached(WAITING)?;
    let mut found = statement.query((blocker.as_bytes(), after, PAGE as i64))?;
    let mut waiting = Vec::new();
    while let Some(row) = found.next()? {
        waiting.push((id_at(row, 0)?, row.get(1)?));
        if row.get(6)? {
            firsts.note(row, 2)?;
        }
    }
    Ok(waiting)
}

/// The items in `range` are being deleted: their own edges are removed, and open edges to them keep their paths as
/// tombstones.
pub(in super::super) fn bury(tx: &mut WorkTransaction<'_>, range: &PathRange) -> Result<()> {
    let bounds = [&range.start, &range.end];
    // A deleted file that was completed blocks no item.
    close_early(tx)?;
    if !tx.changes.pending.is_empty() {
        let mut statement = tx
            .connection
            .prepare_cached("SELECT path_id FROM work WHERE path >= ?1 AND path < ?2")?;
        let mut found = statement.query(bounds)?;
        while let Some(row) = found.next()? {
            tx.changes.pending.remove(&id_at(row, 0)?);
        }
    }
    tx.run(
        "DELETE FROM edges
         WHERE item_id IN (SELECT path_id FROM work WHERE path >= ?1 AND path < ?2)",
        bounds,
    )?;
    tx.run(
        "UPDATE edges
         SET blocker_path = (SELECT path FROM work WHERE path_id = edges.blocker_id)
         WHERE open = 1
           AND blocker_id IN (SELECT path_id FROM work WHERE path >= ?1 AND path < ?2)",
        bounds,
    )?;
    Ok(())
}

/// Returns whether the caller may create a file of the id `blocker`, which none has now. Its status would
/// open and close the edges that are left: the caller must see where the deleted file was, or, where that
/// is not kept because the edge was closed, who depended on it.
pub(in super::super::super) fn may_revive(
    tx: &WorkTransaction<'_>,
    blocker: PathId,
) -> Result<bool> {
    let mut statement = tx.connection.prepare_cached(
        "SELECT coalesce(e.blocker_path, w.path)
         FROM edges AS e LEFT JOIN work AS w ON w.path_id = e.item_id
         WHERE e.blocker_id = ?1",
    )?;
    let mut found = statement.query([blocker.as_bytes()])?;
    while let Some(row) = found.next()? {
        let place: Option<String> = row.get(0)?;
        if !place.is_some_and(|place| tx.grant.visible.contains(&place)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The file `blocker` exists again.
pub(in super::super) fn unbury(tx: &mut WorkTransaction<'_>, blocker: PathId) -> Result<()> {
    tx.run(
        "UPDATE edges SET blocker_path = NULL WHERE blocker_id = ?1 AND blocker_path IS NOT NULL",
        [blocker.as_bytes()],
    )?;
    Ok(())
}

const EDGES_OF: &str = "\
    SELECT e.blocker_id, e.open, e.position, e.blocker_path, coalesce(p.path, e.blocker_path)
    FROM edges AS e LEFT JOIN paths AS p ON p.path_id = e.blocker_id
    WHERE e.item_id = ?1";
const COUNT_COPIED: &str = "\
    UPDATE work
    SET dependencies = (SELECT count(*) FROM edges WHERE item_id = ?1),
        open_edges = (SELECT count(*) FROM edges WHERE item_id = ?1 AND open = 1),
        status = iif(?2 AND status IN (1 /* ready */, 4 /* blocked */), 5 /* pending */, status)
    WHERE path_id = ?1";

/// Gives `target`, which has a row already, the dependencies of `source`, except those that the caller may not see and
/// therefore cannot depend on. If one of those is open, a person must decide what the copy waits for.
pub(in super::super) fn copy(
    tx: &mut WorkTransaction<'_>,
    source: PathId,
    target: PathId,
) -> Result<()> {
    if let Some(pending) = tx.changes.pending.get(&source) {
        let pending = PendingEdges {
            operation: tx.changes.operation,
            ..pending.clone()
        };
        tx.changes.pending.insert(target, pending);
    }
    let visible = &tx.grant.visible;
    let (mut hidden, mut hidden_open) = (false, false);
    let mut edges = tx.connection.prepare_cached(EDGES_OF)?;
    let mut found = edges.query([source.as_bytes()])?;
    while let Some(row) = found.next()? {
        let (open, position): (bool, i64) = (row.get(1)?, row.get(2)?);
        let tombstone: Option<String> = row.get(3)?;
        let place: Option<String> = row.get(4)?;
        // The path of a deleted completed item is unknown.
        if !place.map_or(visible.nearly_all, |place| visible.contains(&place)) {
            (hidden, hidden_open) = (true, hidden_open || open);
            continue;
        }
        tx.run(
            "INSERT INTO edges (item_id, blocker_id, open, position, blocker_path)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                target.as_bytes(),
                id_at(row, 0)?.as_bytes(),
                open,
                position,
                tombstone,
            ),
        )?;
    }
    if hidden {
        tx.run(COUNT_COPIED, (target.as_bytes(), hidden_open))?;
    }
    Ok(())
}

/// Returns whether a file of the id `item` has typed keys.
pub(super) fn has_row(tx: &WorkTransaction<'_>, item: PathId) -> Result<bool> {
    let found: Option<i64> = tx
        .connection
        .prepare_cached("SELECT 1 FROM work WHERE path_id = ?1")?
        .query_row([item.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

/// Reads an id.
pub(in super::super) fn id_at(row: &Row<'_>, column: usize) -> Result<PathId> {
    blob::<16>(row, column).map(PathId::from_bytes)
}

/// The statements that a completion runs, for the test of their query plans.
#[cfg(test)]
pub(in super::super) const STATEMENTS: [&str; 9] = [
    HAS_DEPENDENTS,
    COUNT_OPENED,
    OPEN,
    WAITING,
    COUNT_CLOSED,
    COUNT_CLOSED_AT_END,
    CLOSE,
    EDGES_OF,
    COUNT_COPIED,
];

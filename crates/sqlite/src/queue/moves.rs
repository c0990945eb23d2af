//! Rows of `work` as trees of files are moved.

use std::collections::{BTreeMap, BTreeSet};

use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::PathRange;
use nexusfs_core::time::Micros;

use super::items::place_of;
use super::order::directories::{self, Firsts};
use super::order::partitions;
use super::order::ranges::parent;
use super::transaction::WorkTransaction;
use crate::db::time::BootTime;
use crate::error::Result;

/// For a part of a tree whose items all move to one partition.
const MOVE: &str = "\
    UPDATE OR FAIL work
    SET path = ?1 || substr(path, ?2), directory = ?1 || substr(directory, ?2), scope = ?5
    WHERE path >= ?3 AND path < ?4";
const MOVE_ONE: &str = "\
    UPDATE OR FAIL work SET path = ?2, directory = ?3, scope = ?4 WHERE path = ?1";
const CLAIMABLE_IN: &str = "\
    SELECT directory, scope, rank, created_at FROM work NOT INDEXED
    WHERE path >= ?1 AND path < ?2
      AND status = 1 /* ready */ AND open_edges = 0 AND delayed = 0";
const TIMED_IN: &str = "\
    SELECT scope, iif(delayed = 1, not_before, NULL), lease_deadline FROM work NOT INDEXED
    WHERE path >= ?1 AND path < ?2 AND (delayed = 1 OR lease_deadline IS NOT NULL)";

/// Moves the typed keys of the files in a part of the tree `from` to the paths below `to`, which may be in another
/// directory and partition.
pub(in super::super) fn moved(
    tx: &mut WorkTransaction<'_>,
    part: &PathRange,
    from: &VirtualPath,
    to: &VirtualPath,
) -> Result<()> {
    let paths = paths_in(tx, part)?;
    let target_of = |path: &str| format!("{to}{}", &path[from.as_str().len()..]);
    let left: BTreeSet<&str> = paths.iter().map(|path| parent(path)).collect();
    match only_scope(tx, &paths, target_of) {
        Some(scope) if !part.contains(from.as_str()) => {
            // substr counts characters.
            let rest = from.as_str().chars().count() as i64 + 1;
            tx.run(MOVE, (to.as_str(), rest, &part.start, &part.end, scope))?;
            // Everything in these directories moves.
            for directory in left {
                directories::remove(tx.connection, directory)?;
            }
        }
        _ => {
            for path in &paths {
                let target = target_of(path);
                let (directory, scope) = place_of(&tx.grant.rules, &target);
                tx.run(MOVE_ONE, (path, &target, directory, scope))?;
            }
        }
    }
    tx.changes.supplied = true;
    announce(tx, &range_at(part, from, to))
}

/// Returns where the paths of `part`, which is `from` or lies under it, are once `from` is called `to`.
fn range_at(part: &PathRange, from: &VirtualPath, to: &VirtualPath) -> PathRange {
    let moved = |bound: &str| format!("{to}{}", &bound[from.as_str().len()..]);
    PathRange {
        start: moved(&part.start),
        end: moved(&part.end),
    }
}

/// Returns the partition of all of `paths` after the move, if there is exactly one.
fn only_scope(
    tx: &WorkTransaction<'_>,
    paths: &BTreeSet<String>,
    target_of: impl Fn(&str) -> String,
) -> Option<String> {
    let mut only: Option<String> = None;
    let mut last = String::new();
    for path in paths {
        if only.is_some() && parent(path) == last {
            continue;
        }
        parent(path).clone_into(&mut last);
        let target = target_of(path);
        let (_, scope) = place_of(&tx.grant.rules, &target);
        match &only {
            Some(only) if only != scope => return None,
            Some(_) => {}
            None => only = Some(scope.to_owned()),
        }
    }
    only
}

/// Enqueues the items that were moved to `range`.
fn announce(tx: &WorkTransaction<'_>, range: &PathRange) -> Result<()> {
    let bounds = [&range.start, &range.end];
    let mut firsts = Firsts::default();
    let mut statement = tx.connection.prepare_cached(CLAIMABLE_IN)?;
    let mut found = statement.query(bounds)?;
    while let Some(row) = found.next()? {
        firsts.note(row, 0)?;
    }
    firsts.announce(tx.connection)?;
    let mut times: BTreeMap<String, (Option<Micros>, Option<i64>)> = BTreeMap::new();
    let mut statement = tx.connection.prepare_cached(TIMED_IN)?;
    let mut found = statement.query(bounds)?;
    while let Some(row) = found.next()? {
        let (due, deadline) = times.entry(row.get(0)?).or_default();
        *due = row.get(1).map(|next| earlier(*due, next))?;
        *deadline = row.get(2).map(|next| earlier(*deadline, next))?;
    }
    for (scope, (due, deadline)) in times {
        partitions::watch(tx.connection, &scope, due, deadline.map(BootTime))?;
    }
    Ok(())
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

/// Returns the paths in `part` that have typed keys.
pub(in super::super) fn paths_in(
    tx: &WorkTransaction<'_>,
    part: &PathRange,
) -> Result<BTreeSet<String>> {
    Ok(tx
        .connection
        .prepare_cached("SELECT path FROM work WHERE path >= ?1 AND path < ?2")?
        .query_map([&part.start, &part.end], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

/// The statements above, for the test of their query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 4] = [MOVE, MOVE_ONE, CLAIMABLE_IN, TIMED_IN];

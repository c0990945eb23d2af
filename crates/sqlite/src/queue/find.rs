//! Files found by the value of a typed key, in the order of their paths.
//!
//! Priorities, tags and dependencies have indexes of their own, which no claim and no completion changes. Of the
//! statuses, those that claims and completions set have none: one more index cost each pair of them 4 % and more. Ready
//! and running items are found in the indexes of the queues. The other keys scan the typed keys in the range: completed
//! items, which are most items of a store, workers, times, and `max_attempts`.

use std::collections::HashSet;

use nexusfs_core::path::{VirtualPath, first_segment};
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::{PathRange, Visible};
use nexusfs_core::work::{DependencyRef, Status, WorkField};
use rusqlite::Rows;
use rusqlite::types::ToSql;

use super::graph::edges::id_at;
use super::read::dependency_ids;
use crate::db::rows::{self, integer, text};
use crate::driver::statements::Connection;
use crate::error::Result;

/// Items of another status that a search for ready ones skips, in path order, before it reads the queues.
const PASSED_OVER: usize = 1024;

const BY_PRIORITY: &str = "\
    SELECT path FROM work INDEXED BY work_by_priority_value
    WHERE priority = ?1 AND path >= ?2 AND path < ?3 ORDER BY path LIMIT ?4";
const BY_TAGS: &str = "\
    SELECT path FROM work INDEXED BY work_by_tags
    WHERE tags = ?1 AND path >= ?2 AND path < ?3 ORDER BY path LIMIT ?4";
/// Statuses from 4 on.
const BY_STATUS: &str = "\
    SELECT path FROM work INDEXED BY work_by_status
    WHERE status = ?1 AND status >= 4 AND path >= ?2 AND path < ?3 ORDER BY path LIMIT ?4";
const COMPLETED: &str = "\
    SELECT path FROM work NOT INDEXED
    WHERE status = ?1 AND path >= ?2 AND path < ?3 ORDER BY path LIMIT ?4";
/// The owner partitions of a range begin at the fourth parameter.
const RUNNING: &str = "\
    SELECT path FROM work INDEXED BY work_running
    WHERE status = 2 /* in_progress */ AND scope >= ?4 AND scope < ?2 AND path >= ?1 AND path < ?2
    ORDER BY path LIMIT ?3";
const IN_ORDER: &str = "\
    SELECT path, status FROM work NOT INDEXED WHERE path >= ?1 AND path < ?2 ORDER BY path";
/// A ready item is claimable, or delayed, or waits for others.
const READY: &str = "\
    SELECT path FROM work INDEXED BY work_claimable
    WHERE status = 1 /* ready */ AND (open_edges = 0 AND delayed = 0)
      AND directory >= ?4 AND directory < ?2 AND path >= ?1 AND path < ?2
    UNION ALL
    SELECT path FROM work INDEXED BY work_delayed
    WHERE delayed = 1 AND status = 1 /* ready */ AND scope >= ?4 AND scope < ?2 AND path >= ?1 AND path < ?2
    UNION ALL
    SELECT path FROM work INDEXED BY work_blocked
    WHERE (status = 4 /* blocked */ OR (status IN (1 /* ready */, 5 /* pending */) AND open_edges > 0))
      AND status = 1 AND delayed = 0 AND path >= ?1 AND path < ?2
    ORDER BY path LIMIT ?3";

/// Returns the paths in `range` of the first `limit` files whose typed key has the value `field`, in order.
/// Dependencies outside of `visible` are not found.
pub(in super::super) fn find(
    connection: &Connection,
    field: &WorkField,
    range: &PathRange,
    limit: usize,
    visible: &Visible,
) -> Result<Vec<String>> {
    let search = Search {
        connection,
        range,
        limit,
    };
    match field {
        WorkField::Status(Status::Ready) => search.ready(),
        WorkField::Status(Status::InProgress) => search.in_partitions(RUNNING),
        WorkField::Status(Status::Completed) => {
            search.indexed(COMPLETED, &Status::Completed.number())
        }
        WorkField::Status(status) => search.indexed(BY_STATUS, &status.number()),
        WorkField::Priority(priority) => search.indexed(BY_PRIORITY, priority),
        WorkField::Tags(_) => search.indexed(BY_TAGS, &field.to_json()),
        WorkField::WorkerId(worker) => search.by_column("worker_id", worker),
        WorkField::StartedAt(time) => search.by_column("started_at", time),
        WorkField::CompletedAt(time) => search.by_column("completed_at", time),
        WorkField::NotBefore(time) => search.by_column("not_before", time),
        WorkField::MaxAttempts(attempts) => search.by_column("max_attempts", attempts),
        WorkField::DependsOn(references) if references.is_empty() => {
            search.by_column("dependencies", &0_i64)
        }
        WorkField::DependsOn(references) => {
            let Some(ids) = visible_ids(connection, references, visible)? else {
                return Ok(Vec::new());
            };
            dependents_on_exactly(connection, &ids, range, limit)
        }
    }
}

/// A search for the first files of a range.
struct Search<'a> {
    connection: &'a Connection,
    range: &'a PathRange,
    limit: usize,
}

impl Search<'_> {
    fn indexed(&self, sql: &'static str, value: &dyn ToSql) -> Result<Vec<String>> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(sql)?;
        let params = rusqlite::params![value, self.range.start, self.range.end, limit];
        paths_of(statement.query(params)?)
    }

    /// As `indexed`, with a statement that goes through owner partitions.
    fn in_partitions(&self, sql: &'static str) -> Result<Vec<String>> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let first = first_partition(self.range);
        let mut statement = self.connection.prepare_cached(sql)?;
        paths_of(statement.query((&self.range.start, &self.range.end, limit, first))?)
    }

    fn by_column(&self, column: &str, value: &dyn ToSql) -> Result<Vec<String>> {
        let sql = format!(
            "SELECT path FROM work NOT INDEXED WHERE {column} = ?1 AND path >= ?2 AND path < ?3
             ORDER BY path LIMIT ?4"
        );
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_composed(&sql)?;
        let params = rusqlite::params![value, self.range.start, self.range.end, limit];
        paths_of(statement.query(params)?)
    }

    /// Scans items in path order, as long as many of them are ready; then reads the whole queues, which have another
    /// order.
    fn ready(&self) -> Result<Vec<String>> {
        let mut paths = Vec::new();
        let mut passed_over = 0;
        let mut statement = self.connection.prepare_cached(IN_ORDER)?;
        let mut found = statement.query((&self.range.start, &self.range.end))?;
        while paths.len() < self.limit {
            let Some(row) = found.next()? else {
                return Ok(paths);
            };
            let Some(path) = text(row, 0) else { continue };
            if integer(row, 1) == Some(Status::Ready.number()) {
                paths.push(path);
                continue;
            }
            passed_over += 1;
            if passed_over < PASSED_OVER.max(paths.len()) {
                continue;
            }
            if let Some(rest) = self.range.after(&path) {
                let rest = Search {
                    connection: self.connection,
                    range: &rest,
                    limit: self.limit - paths.len(),
                };
                paths.extend(rest.in_partitions(READY)?);
            }
            return Ok(paths);
        }
        Ok(paths)
    }
}

/// Returns the paths of rows, without those that are damaged.
fn paths_of(mut found: Rows<'_>) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    while let Some(row) = found.next()? {
        paths.extend(text(row, 0));
    }
    Ok(paths)
}

/// Returns where the owner partitions and directories of the paths in `range` begin. Those of a path may be as short as its
/// first segment; those of a file at the root are empty, and come before all others wherever the file is.
fn first_partition(range: &PathRange) -> &str {
    let (name, below) = first_segment(range.start.strip_prefix('/').unwrap_or(""));
    let namespace = &range.start[..range.start.len().min(name.len() + 1)];
    match below {
        Some(_) if range.end <= PathRange::under(namespace).end => namespace,
        _ => "",
    }
}

/// Returns the ids that `references` name, or `None` if one of them names nothing that is visible.
fn visible_ids(
    connection: &Connection,
    references: &[DependencyRef],
    visible: &Visible,
) -> Result<Option<Vec<PathId>>> {
    let mut ids = Vec::with_capacity(references.len());
    let mut seen = HashSet::with_capacity(references.len());
    for reference in references {
        let row = match reference {
            DependencyRef::Id(id) => {
                rows::find_path_of_id(connection, *id)?.map(VirtualPath::from_stored)
            }
            DependencyRef::Path(path) => Some(path.clone()),
        };
        let row = match row.filter(|path| visible.contains(path.as_str())) {
            Some(path) => rows::find(connection, path.as_str())?,
            None => None,
        };
        match row.and_then(|row| row.path_id) {
            Some(id) if seen.insert(id) => ids.push(id),
            Some(_) => {}
            None => return Ok(None),
        }
    }
    Ok(Some(ids))
}

/// Returns the items in `range` whose dependencies are `ids`, in that order.
fn dependents_on_exactly(
    connection: &Connection,
    ids: &[PathId],
    range: &PathRange,
    limit: usize,
) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT w.path, w.path_id
         FROM edges AS e CROSS JOIN work AS w ON w.path_id = e.item_id
         WHERE e.blocker_id = ?1 AND e.position = 0 AND w.dependencies = ?2
           AND w.path >= ?3 AND w.path < ?4
         ORDER BY w.path",
    )?;
    let mut paths = Vec::new();
    let Some(first) = ids.first() else {
        return Ok(paths);
    };
    let count = ids.len() as i64;
    let mut found = statement.query((first.as_bytes(), count, &range.start, &range.end))?;
    while paths.len() < limit
        && let Some(row) = found.next()?
    {
        if dependency_ids(connection, id_at(row, 1)?)? == ids {
            paths.push(row.get(0)?);
        }
    }
    Ok(paths)
}

/// The statements that use indexes, for the test that checks their plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 5] = [BY_PRIORITY, BY_TAGS, BY_STATUS, RUNNING, READY];

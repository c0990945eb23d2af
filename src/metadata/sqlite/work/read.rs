//! Typed keys as metadata: read as JSON, found by value.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row};
use serde::de::IgnoredAny;

use super::super::rows::{count, integer, text};
use super::super::statements::Connection;
use super::edges::id_at;
use super::explain::status;
use crate::error::Result;
use crate::metadata::PathId;
use crate::path::VirtualPath;
use crate::range::{PathRange, Visible};
use crate::work::{DependencyRef, Status, WorkField, format_time, json_string};

/// Returns the JSON text of one typed key of the file at `path`; `None` if it is absent.
pub(in super::super) fn value(
    connection: &Connection,
    path: &VirtualPath,
    key: &str,
) -> Result<Option<String>> {
    let all = read(connection, path, |wanted| wanted == key)?;
    Ok(all.into_iter().next().map(|(_, json)| json))
}

/// Returns all typed keys of the file at `path` with their JSON texts, by key.
pub(in super::super) fn all(
    connection: &Connection,
    path: &VirtualPath,
) -> Result<Vec<(String, String)>> {
    read(connection, path, |_| true)
}

fn read(
    connection: &Connection,
    path: &VirtualPath,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(String, String)>> {
    let found = connection
        .prepare_cached(
            "SELECT attempts, completed_at, dependencies, last_error, lease_expires_at,
                    max_attempts, not_before, priority, result, started_at, status, tags,
                    worker_id, path_id
             FROM work WHERE path = ?1",
        )?
        .query_row([path.as_str()], |row| {
            Ok((
                columns(row),
                row.get::<_, Option<i64>>(2)?.is_some(),
                id_at(row, 13),
            ))
        })
        .optional()?;
    let Some((mut columns, has_dependencies, id)) = found else {
        return Ok(Vec::new());
    };
    if has_dependencies && wanted("depends_on") {
        columns[2].1 = Some(dependencies(connection, id?)?);
    }
    let present = columns
        .into_iter()
        .filter_map(|(key, json)| Some((key.to_owned(), json?)))
        .filter(|(key, _)| wanted(key));
    Ok(present.collect())
}

type Columns = [(&'static str, Option<String>); 13];

/// Reads the columns as JSON, in the order of their keys, all but the dependencies. A damaged column is absent, so that an
/// export of many files does not end with it.
fn columns(row: &Row<'_>) -> Columns {
    let number = |column| integer(row, column).map(|number| number.to_string());
    let time = |column| integer(row, column).map(|time| json_string(&format_time(time)));
    let text = |column| text(row, column).map(|text| json_string(&text));
    let json = |column| {
        super::super::rows::text(row, column)
            .filter(|json| serde_json::from_str::<IgnoredAny>(json).is_ok())
    };
    let status = status(row, 10).map(|status| json_string(status.name()));
    [
        (
            "attempts",
            Some(count(row, 0))
                .filter(|n| *n > 0)
                .map(|n| n.to_string()),
        ),
        ("completed_at", time(1)),
        ("depends_on", None),
        ("last_error", text(3)),
        ("lease_expires_at", time(4)),
        ("max_attempts", number(5)),
        ("not_before", time(6)),
        ("priority", number(7)),
        ("result", json(8)),
        ("started_at", time(9)),
        ("status", status),
        ("tags", json(11)),
        ("worker_id", text(12)),
    ]
}

fn dependencies(connection: &Connection, item: PathId) -> Result<String> {
    let ids = dependency_ids(connection, item)?;
    Ok(WorkField::DependsOn(ids.into_iter().map(DependencyRef::Id).collect()).to_json())
}

fn dependency_ids(connection: &Connection, item: PathId) -> Result<Vec<PathId>> {
    let mut statement = connection
        .prepare_cached("SELECT blocker_id FROM edges WHERE item_id = ?1 ORDER BY position")?;
    let mut found = statement.query([item.as_bytes()])?;
    let mut ids = Vec::new();
    while let Some(row) = found.next()? {
        ids.push(id_at(row, 0)?);
    }
    Ok(ids)
}

/// Returns the paths in `range` of the first `limit` files whose typed key has the value `field`, in
/// order. Dependencies that `visible` does not show are found by nobody.
pub(in super::super) fn find(
    connection: &Connection,
    field: &WorkField,
    range: &PathRange,
    limit: usize,
    visible: &Visible,
) -> Result<Vec<String>> {
    let by_column = |column: &str, value: &dyn rusqlite::ToSql| {
        let sql = format!(
            "SELECT path FROM work WHERE {column} = ?1 AND path >= ?2 AND path < ?3
             ORDER BY path LIMIT ?4"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_composed(&sql)?;
        let found = statement.query_map(
            rusqlite::params![value, range.start, range.end, limit],
            |row| row.get(0),
        )?;
        Ok(found.collect::<rusqlite::Result<Vec<String>>>()?)
    };
    match field {
        WorkField::Status(status) => by_status(connection, *status, range, limit),
        WorkField::Priority(priority) => by_column("priority", priority),
        WorkField::WorkerId(worker) => by_column("worker_id", worker),
        WorkField::StartedAt(time) => by_column("started_at", time),
        WorkField::CompletedAt(time) => by_column("completed_at", time),
        WorkField::NotBefore(time) => by_column("not_before", time),
        WorkField::Tags(_) => by_column("tags", &field.to_json()),
        WorkField::MaxAttempts(attempts) => by_column("max_attempts", attempts),
        WorkField::DependsOn(references) if references.is_empty() => {
            by_column("dependencies", &0_i64)
        }
        WorkField::DependsOn(references) => {
            let Some(ids) = visible_ids(connection, references, visible)? else {
                return Ok(Vec::new());
            };
            dependents_on_exactly(connection, &ids, range, limit)
        }
    }
}

fn by_status(
    connection: &Connection,
    status: Status,
    range: &PathRange,
    limit: usize,
) -> Result<Vec<String>> {
    // The index leaves out the statuses that every item passes through.
    let (index, condition) = match status {
        Status::Ready | Status::InProgress | Status::Completed => ("NOT INDEXED", ""),
        _ => ("INDEXED BY work_by_status", "AND status >= 4"),
    };
    let sql = format!(
        "SELECT path FROM work {index}
         WHERE status = {} {condition} AND path >= ?1 AND path < ?2 ORDER BY path LIMIT ?3",
        status.number()
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_composed(&sql)?;
    let found = statement.query_map((&range.start, &range.end, limit), |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
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
                super::super::rows::find_path_of_id(connection, *id)?.map(VirtualPath::from_stored)
            }
            DependencyRef::Path(path) => Some(path.clone()),
        };
        let row = match row.filter(|path| visible.contains(path.as_str())) {
            Some(path) => super::super::rows::find(connection, path.as_str())?,
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

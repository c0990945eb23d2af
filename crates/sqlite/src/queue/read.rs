//! Typed keys as metadata, read as JSON.

use nexusfs_core::json::json_string;
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::time::format_time;
use nexusfs_core::work::{DependencyRef, WorkField};
use rusqlite::{OptionalExtension, Row};
use serde::de::IgnoredAny;

use super::graph::edges::id_at;
use super::graph::explain::status;
use crate::db::rows::{count, integer, text};
use crate::driver::statements::Connection;
use crate::error::Result;

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
        crate::db::rows::text(row, column)
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

/// Returns the ids of what `item` depends on, in order.
pub(super) fn dependency_ids(connection: &Connection, item: PathId) -> Result<Vec<PathId>> {
    let mut statement = connection
        .prepare_cached("SELECT blocker_id FROM edges WHERE item_id = ?1 ORDER BY position")?;
    let mut found = statement.query([item.as_bytes()])?;
    let mut ids = Vec::new();
    while let Some(row) = found.next()? {
        ids.push(id_at(row, 0)?);
    }
    Ok(ids)
}

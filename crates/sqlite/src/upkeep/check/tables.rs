//! Tables against their indexes, and the pages that both are made of.

use nexusfs_core::call::Call;
use nexusfs_core::metadata::{CheckedRows, FindingKind, RowCursor, RowKey};
use rusqlite::OptionalExtension;

use super::page::Page;
use crate::db::columns;
use crate::driver::statements::Connection;
use crate::error::{Error, Result};

/// Checks the table `number`, in the order of their names. SQLite reads all of it in one statement, in a read
/// transaction that delays no writer; the call can be interrupted meanwhile.
pub(super) fn check(connection: &Connection, number: usize, call: &Call) -> Result<CheckedRows> {
    let mut page = Page::default();
    let Some(table) = table(connection, number)? else {
        return Ok(page.ended(Some(RowCursor::Paths(Vec::new()))));
    };
    let said = integrity(connection, &table).and_then(|mut lines| {
        lines.extend(stale_entries(connection, &table)?);
        Ok(lines)
    });
    call.check()?;
    let key = || RowKey::Table(table.clone());
    match said {
        Ok(lines) => {
            for line in lines {
                let kind = match line.contains("index ") {
                    true => FindingKind::Index,
                    false => FindingKind::Database,
                };
                page.find(kind, key(), None, format!("{table}: {line}"));
            }
        }
        Err(error) => {
            let what = format!("{table} cannot be read: {error}");
            page.find(FindingKind::Database, key(), None, what);
        }
    }
    if let Some(wrong) = wrong_rows(connection, &table)? {
        let what = format!("{table}: {wrong} rows have a value that no call writes");
        page.find(FindingKind::DamagedRow, key(), None, what);
    }
    page.checked.rows = 1;
    Ok(page.ended(Some(RowCursor::Table(number + 1))))
}

/// Returns the number of rows of a small table with impossible values, if there are any.
fn wrong_rows(connection: &Connection, table: &str) -> Result<Option<i64>> {
    let Some(small) = columns::SMALL.iter().find(|small| small.name == table) else {
        return Ok(None);
    };
    let sql = format!("SELECT count(*) FROM {table} WHERE {}", small.wrong);
    let count: i64 = connection
        .prepare_composed(&sql)?
        .query_row([], |row| row.get(0))?;
    Ok(Some(count).filter(|count| *count > 0))
}

fn table(connection: &Connection, number: usize) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             ORDER BY name LIMIT 1 OFFSET ?1",
        )?
        .query_row([number as i64], |row| row.get(0))
        .optional()?)
}

fn integrity(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check('{table}')"))?;
    let lines = statement
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()
        .map_err(Error::from)?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Returns errors in the numbers of entries of partial indexes: entries whose rows are missing, which SQLite's check
/// ignores.
fn stale_entries(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1",
    )?;
    let indexes = statement
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(String, Option<String>)>>>()?;
    let mut lines = Vec::new();
    for (index, sql) in indexes {
        let Some((_, condition)) = sql.as_deref().and_then(|sql| sql.split_once("WHERE ")) else {
            continue;
        };
        let count = |sql: String| connection.query_row(&sql, [], |row| row.get::<_, i64>(0));
        let entries = count(format!(
            "SELECT count(*) FROM {table} INDEXED BY {index} WHERE {condition}"
        ))?;
        // As a condition, even NOT INDEXED, it would be answered from the index.
        let rows = count(format!(
            "SELECT count(*) FILTER (WHERE {condition}) FROM {table}"
        ))?;
        if entries != rows {
            lines.push(format!(
                "the index {index} has {entries} entries for {rows} rows"
            ));
        }
    }
    Ok(lines)
}

//! What every transaction reads first, and the ranges it then runs on.

use std::borrow::Cow;

use rusqlite::OptionalExtension;

use super::connection;
use super::schema::{SCHEMA_VERSION, newer_schema};
use crate::error::{Error, Result};
use crate::metadata::sqlite::driver::statements::Connection;
use crate::metadata::{StoreError, StoreResult};
use crate::range::{PathRange, Visible};

/// Checks that the schema is known and the rules are those of `rules_version`.
pub(in super::super) fn check(connection: &Connection, rules_version: i64) -> StoreResult<()> {
    compare(self::rules_version(connection)?, rules_version)
}

/// Compares what a statement read of the store's row.
pub(in super::super) fn verify(schema: i64, rules: i64, granted_rules: i64) -> StoreResult<()> {
    check_schema(schema)?;
    compare(rules, granted_rules)
}

fn compare(rules: i64, granted_rules: i64) -> StoreResult<()> {
    match rules == granted_rules {
        true => Ok(()),
        false => Err(StoreError::RulesChanged),
    }
}

/// Returns the version of the rules, if the schema is known.
pub(in super::super) fn rules_version(connection: &Connection) -> Result<i64> {
    let versions = connection::beginning(|| {
        Ok(connection
            .prepare_cached("SELECT schema_version, rules_version FROM store WHERE id = 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    })?;
    let (schema, rules) =
        versions.ok_or_else(|| Error::corrupt("the database has no store row"))?;
    check_schema(schema)?;
    Ok(rules)
}

/// Returns an error if `schema` is newer than this version knows.
fn check_schema(schema: i64) -> Result<()> {
    if schema > SCHEMA_VERSION {
        Err(newer_schema(schema))
    } else {
        Ok(())
    }
}

/// Returns `visible` with its parts below each child of a directory made explicit.
pub(in super::super) fn resolve<'a>(
    visible: &'a Visible,
    connection: &Connection,
) -> Result<Cow<'a, Visible>> {
    let Some((directory, _)) = &visible.each_child else {
        return Ok(Cow::Borrowed(visible));
    };
    let mut children = Vec::new();
    let mut rest = PathRange::under(directory);
    while let Some(child) = first_text(connection, &rest)? {
        // Rows are sorted by path, and every ancestor has a row, so a child comes before what is
        // under it; names like `child-1` sort in between and are found in turn.
        rest.start = format!("{child}\u{1}");
        if child[directory.len() + 1..].contains('/') {
            let end = child[directory.len() + 1..].find('/').unwrap_or(0) + directory.len() + 1;
            rest.start = format!("{}0", &child[..end]);
            continue;
        }
        children.push(child);
    }
    Ok(visible.resolve(children))
}

/// Returns the first path in `range`, as far as it can be read.
pub(in super::super) fn first_path(
    connection: &Connection,
    range: &PathRange,
) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached(FIRST_PATHS)?
        .query_row([&range.start, &range.end], |row| {
            let bytes = row.get_ref(0)?.as_bytes().unwrap_or_default();
            Ok(String::from_utf8_lossy(bytes).into_owned())
        })
        .optional()?)
}

/// Returns the first path in `range` that is text.
fn first_text(connection: &Connection, range: &PathRange) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached(FIRST_PATHS)?;
    let mut rows = statement.query([&range.start, &range.end])?;
    while let Some(row) = rows.next()? {
        if let Ok(path) = row.get_ref(0)?.as_str() {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}

const FIRST_PATHS: &str = "SELECT path FROM paths WHERE path >= ?1 AND path < ?2 ORDER BY path";

//! Changes of whole trees, a part at a time.
//!
//! A tree may have a million rows. A statement that changes all of them cannot be interrupted, and SQLite collects the
//! keys of the rows in memory first. So each statement gets the rows of one part, and the call is checked before each.

use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::PathRange;
use rusqlite::OptionalExtension;

use super::super::transaction::Transaction;
use crate::db::rows::{Kind, PathRow};
use crate::error::Result;

/// Rows of one part: a few milliseconds.
pub(in super::super::super) const PART_ROWS: i64 = 500;

/// A table whose rows go by path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    Paths,
    Metadata,
    Work,
}

impl Table {
    /// Returns the statement that finds the last path of a part that has as many rows as it may.
    fn end_of_part(self) -> &'static str {
        macro_rules! end_of_part {
            ($table:literal) => {
                concat!(
                    "SELECT path FROM ",
                    $table,
                    " WHERE path >= ?1 AND path < ?2 ORDER BY path LIMIT 1 OFFSET ?3"
                )
            };
        }
        match self {
            Table::Paths => end_of_part!("paths"),
            Table::Metadata => end_of_part!("metadata"),
            Table::Work => end_of_part!("work"),
        }
    }
}

/// Applies `change` to the rows of `table` in `range`, a part at a time. All rows of a path are in one part; the last
/// part may have none.
///
/// # Errors
/// Those of `change`, and `Cancelled` before a part if the call was interrupted.
pub(super) fn in_parts(
    tx: &mut Transaction<'_>,
    table: Table,
    range: &PathRange,
    mut change: impl FnMut(&mut Transaction<'_>, &PathRange) -> Result<()>,
) -> Result<()> {
    let mut rest = range.clone();
    loop {
        tx.grant.call.check()?;
        let last: Option<String> = tx
            .connection
            .prepare_cached(table.end_of_part())?
            .query_row((&rest.start, &rest.end, PART_ROWS - 1), |row| row.get(0))
            .optional()?;
        let Some(last) = last else {
            return change(tx, &rest);
        };
        let mut part = rest.clone();
        part.end = PathRange::of_path(&last).end;
        rest.start.clone_from(&part.end);
        change(tx, &part)?;
    }
}

/// Restarts the transaction without other members, if `row` is the root of a tree of many rows: a savepoint copies each
/// page that is changed in it, and the others would wait.
///
/// # Errors
/// Any, where `tx.wants_alone` is set then.
pub(super) fn alone_if_many(tx: &mut Transaction<'_>, row: &PathRow) -> Result<()> {
    if tx.is_alone || row.kind == Kind::File {
        return Ok(());
    }
    let under = PathRange::under(&row.path);
    let is_large = tx
        .connection
        .prepare_cached("SELECT 1 FROM paths WHERE path >= ?1 AND path < ?2 LIMIT 1 OFFSET ?3")?
        .exists((&under.start, &under.end, PART_ROWS))?;
    match is_large {
        true => Err(tx.want_alone()),
        false => Ok(()),
    }
}

/// Returns `path` itself, and all paths below it.
pub(super) fn of_tree(path: &VirtualPath) -> [PathRange; 2] {
    [
        PathRange::of_path(path.as_str()),
        PathRange::under(path.as_str()),
    ]
}

//! The ranges of paths that a transaction runs on.

use std::borrow::Cow;

use nexusfs_core::range::{PathRange, Visible};
use rusqlite::OptionalExtension;

use crate::driver::statements::Connection;
use crate::error::Result;

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

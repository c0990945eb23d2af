//! Checks the rows against each other, in pages of short read transactions.
//!
//! Every commit leaves consistent rows, and a page is one snapshot, so an inconsistency is an error despite concurrent
//! changes.

mod contents;
mod edges;
mod page;
mod paths;
mod tables;
mod work;

pub(in super::super) use self::contents::{id_of, page as contents, pending_deletions};
use nexusfs_core::call::Call;
use nexusfs_core::metadata::{CheckedRows, FindingKind, RowCursor, RowKey};

use self::page::{Page, next_table};
use crate::db::backends::BackendNames;
use crate::driver::statements::Connection;
use crate::error::{ErrorKind, Result};

/// Checks a page of rows from `cursor` on.
pub(in super::super) fn rows(
    connection: &Connection,
    backends: &BackendNames,
    cursor: &RowCursor,
    call: &Call,
) -> Result<CheckedRows> {
    let checked = match cursor {
        RowCursor::Table(number) => return tables::check(connection, *number, call),
        RowCursor::Paths(after) => paths::check(connection, backends, after),
        RowCursor::Contents(after) => contents::check(connection, backends, *after),
        RowCursor::Metadata(path, key) => work::check_metadata(connection, path, key),
        RowCursor::Work(after) => work::check(connection, after),
        RowCursor::Edges(item, blocker) => edges::check(connection, item, blocker),
    };
    match checked {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            let mut page = Page::default();
            let what = format!("{} cannot be read: {error}", cursor.what());
            page.find(FindingKind::Database, RowKey::Other, None, what);
            Ok(page.ended(next_table(cursor)))
        }
        checked => checked,
    }
}

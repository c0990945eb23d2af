//! Checking the rows against each other, in pages of short read transactions.
//!
//! Every commit leaves rows that agree, and a page looks at one moment, so what it finds is wrong
//! whatever others do meanwhile.

mod contents;
mod edges;
mod paths;
mod tables;
mod work;

use rusqlite::Row;

pub(in super::super) use self::contents::{confirm, doomed, page as contents, paths as paths_of};
use crate::call::Call;
use crate::content::ContentHash;
use crate::error::{ErrorKind, Result};
use crate::metadata::sqlite::db::backends::BackendNames;
use crate::metadata::sqlite::db::rows::integer;
use crate::metadata::sqlite::driver::statements::Connection;
use crate::metadata::{CheckedRows, Finding, FindingKind, RowCursor, RowKey};

/// Rows of one page.
const PAGE: i64 = 512;

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

/// Returns where the table after that of `cursor` begins.
fn next_table(cursor: &RowCursor) -> Option<RowCursor> {
    match cursor {
        RowCursor::Table(_) => Some(RowCursor::Paths(Vec::new())),
        RowCursor::Paths(_) => Some(RowCursor::Contents(i64::MIN)),
        RowCursor::Contents(_) => Some(RowCursor::Metadata(String::new(), String::new())),
        RowCursor::Metadata(..) => Some(RowCursor::Work(String::new())),
        RowCursor::Work(_) => Some(RowCursor::Edges([0; 16], [0; 16])),
        RowCursor::Edges(..) => None,
    }
}

/// A page in the making.
#[derive(Debug, Default)]
struct Page {
    checked: CheckedRows,
}

impl Page {
    /// Notes that something is wrong.
    fn find(&mut self, kind: FindingKind, row: RowKey, path: Option<&str>, message: String) {
        self.checked.findings.push(Finding {
            kind,
            row,
            path: path.map(str::to_owned),
            hash: None,
            message,
        });
    }

    /// Notes that something is wrong with the path `path`.
    fn find_at(&mut self, kind: FindingKind, path: &str, message: impl Into<String>) {
        let row = RowKey::Path(path.to_owned());
        self.find(kind, row, Some(path), message.into());
    }

    /// Names the content that the latest finding is about.
    fn about(&mut self, hash: Option<ContentHash>) {
        if let Some(latest) = self.checked.findings.last_mut() {
            latest.hash = hash;
        }
    }

    /// Returns the page; the check goes on at `next`.
    fn ended(mut self, next: Option<RowCursor>) -> CheckedRows {
        self.checked.next = next;
        self.checked
    }

    /// Returns the page; the check goes on after `last`, if the page was full, else with the next table.
    fn ended_after(self, cursor: &RowCursor, last: Option<RowCursor>) -> CheckedRows {
        let next = match last {
            Some(last) if self.checked.rows == PAGE as u64 => Some(last),
            _ => next_table(cursor),
        };
        self.ended(next)
    }
}

/// Reads a blob of `N` bytes; `None` for anything else.
fn blob<const N: usize>(row: &Row<'_>, column: usize) -> Option<[u8; N]> {
    crate::metadata::sqlite::db::rows::blob::<N>(row, column).ok()
}

fn hash(row: &Row<'_>, column: usize) -> Option<ContentHash> {
    blob::<32>(row, column).map(ContentHash::from_bytes)
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Option<&'r str> {
    row.get_ref(column).ok()?.as_str().ok()
}

fn is_null(row: &Row<'_>, column: usize) -> bool {
    matches!(row.get_ref(column), Ok(rusqlite::types::ValueRef::Null))
}

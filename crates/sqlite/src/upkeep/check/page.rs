//! A page of rows that are checked, and reading columns of which nothing is known.

use nexusfs_core::content::ContentHash;
use nexusfs_core::metadata::{CheckedRows, Finding, FindingKind, RowCursor, RowKey};
use rusqlite::Row;

use crate::db::rows;

/// Rows of one page.
pub(super) const PAGE: i64 = 512;

/// Returns where the table after that of `cursor` begins.
pub(super) fn next_table(cursor: &RowCursor) -> Option<RowCursor> {
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
pub(super) struct Page {
    pub checked: CheckedRows,
}

impl Page {
    /// Adds a finding.
    pub fn find(&mut self, kind: FindingKind, row: RowKey, path: Option<&str>, message: String) {
        self.checked.findings.push(Finding {
            kind,
            row,
            path: path.map(str::to_owned),
            hash: None,
            message,
        });
    }

    /// Adds a finding about the path `path`.
    pub fn find_at(&mut self, kind: FindingKind, path: &str, message: impl Into<String>) {
        let row = RowKey::Path(path.to_owned());
        self.find(kind, row, Some(path), message.into());
    }

    /// Names the content that the latest finding is about.
    pub fn about(&mut self, hash: Option<ContentHash>) {
        if let Some(latest) = self.checked.findings.last_mut() {
            latest.hash = hash;
        }
    }

    /// Returns the page; the check goes on at `next`.
    pub fn ended(mut self, next: Option<RowCursor>) -> CheckedRows {
        self.checked.next = next;
        self.checked
    }

    /// Returns the page; the check goes on after `last`, if the page was full, else with the next table.
    pub fn ended_after(self, cursor: &RowCursor, last: Option<RowCursor>) -> CheckedRows {
        let next = match last {
            Some(last) if self.checked.rows == PAGE as u64 => Some(last),
            _ => next_table(cursor),
        };
        self.ended(next)
    }
}

/// Reads a blob of `N` bytes; `None` for anything else.
pub(super) fn blob<const N: usize>(row: &Row<'_>, column: usize) -> Option<[u8; N]> {
    rows::blob::<N>(row, column).ok()
}

pub fn hash(row: &Row<'_>, column: usize) -> Option<ContentHash> {
    blob::<32>(row, column).map(ContentHash::from_bytes)
}

pub fn text<'r>(row: &'r Row<'_>, column: usize) -> Option<&'r str> {
    row.get_ref(column).ok()?.as_str().ok()
}

pub fn is_null(row: &Row<'_>, column: usize) -> bool {
    matches!(row.get_ref(column), Ok(rusqlite::types::ValueRef::Null))
}

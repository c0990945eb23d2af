//! Edges between work items. One to a deleted blocker is legitimate: open with a tombstone, or closed.

use nexusfs_core::metadata::{CheckedRows, FindingKind, RowCursor, RowKey};
use nexusfs_core::path_id::PathId;

use super::page::{PAGE, Page, blob, is_null, text};
use crate::db::rows::integer;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Checks the edges after that of `item` to `blocker`.
pub(super) fn check(
    connection: &Connection,
    item: &[u8; 16],
    blocker: &[u8; 16],
) -> Result<CheckedRows> {
    let mut page = Page::default();
    let mut statement = connection.prepare_cached(
        "SELECT e.item_id, e.blocker_id, e.open, e.blocker_path, i.path, p.kind,
                EXISTS (SELECT 1 FROM work AS b
                        WHERE b.path_id = e.blocker_id AND b.status <> 3 /* completed */)
         FROM edges AS e
         LEFT JOIN work AS i ON i.path_id = e.item_id
         LEFT JOIN paths AS p ON p.path_id = e.blocker_id
         WHERE (e.item_id, e.blocker_id) > (?1, ?2) ORDER BY e.item_id, e.blocker_id LIMIT ?3",
    )?;
    let mut found = statement.query((item, blocker, PAGE))?;
    let mut last = (*item, *blocker);
    while let Some(row) = found.next()? {
        page.checked.rows += 1;
        let (Some(item), Some(blocker)) = (blob::<16>(row, 0), blob::<16>(row, 1)) else {
            let what = "a row of edges is damaged".to_owned();
            page.find(
                FindingKind::Database,
                RowKey::Table("edges".to_owned()),
                None,
                what,
            );
            return Ok(page.ended(None));
        };
        last = (item, blocker);
        let key = RowKey::Edge(PathId::from_bytes(item), PathId::from_bytes(blocker));
        let id = PathId::from_bytes(blocker);
        let is_open = integer(row, 2);
        let should_be_open = integer(row, 6);
        let Some(path) = text(row, 4) else {
            let what = format!(
                "the item {}, which waits for {id}, does not exist",
                PathId::from_bytes(item)
            );
            page.find(FindingKind::DanglingEdge, key, None, what);
            continue;
        };
        match integer(row, 5) {
            Some(1) if is_open != should_be_open || !is_null(row, 3) => {
                let what = format!("whether the item waits for {id} is not what that says");
                page.find(FindingKind::WrongEdge, key, Some(path), what);
            }
            Some(1) => {}
            _ if is_open == Some(0) => {}
            _ if is_open == Some(1) && text(row, 3).is_some() => {}
            _ => {
                let what = format!("the item waits for {id}, which does not exist");
                page.find(FindingKind::DanglingEdge, key, Some(path), what);
            }
        }
    }
    let cursor = RowCursor::Edges([0; 16], [0; 16]);
    Ok(page.ended_after(&cursor, Some(RowCursor::Edges(last.0, last.1))))
}

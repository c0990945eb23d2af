//! Checks of metadata, and of the typed keys of work items.

use nexusfs_core::metadata::{CheckedRows, FindingKind, MetadataValue, RowCursor, RowKey};
use rusqlite::Row;

use super::page::{PAGE, Page, blob, is_null, next_table, text};
use crate::db::columns;
use crate::db::rows::integer;
use crate::driver::statements::Connection;
use crate::error::Result;
use crate::queue;
use crate::write::namespaces;

/// Checks the metadata after `path` and `key`.
pub(super) fn check_metadata(
    connection: &Connection,
    path: &str,
    key: &str,
) -> Result<CheckedRows> {
    let mut page = Page::default();
    let mut statement = connection.prepare_cached(
        "SELECT m.path, m.key, m.value, m.digest, p.kind
         FROM metadata AS m LEFT JOIN paths AS p ON p.path = m.path
         WHERE (m.path, m.key) > (?1, ?2) ORDER BY m.path, m.key LIMIT ?3",
    )?;
    let mut found = statement.query((path, key, PAGE))?;
    let mut last = (path.to_owned(), key.to_owned());
    while let Some(row) = found.next()? {
        page.checked.rows += 1;
        let (Some(path), Some(key)) = (text(row, 0), text(row, 1)) else {
            let what = "a row of metadata is damaged".to_owned();
            page.find(
                FindingKind::Database,
                RowKey::Table("metadata".to_owned()),
                None,
                what,
            );
            return Ok(page.ended(next_table(&RowCursor::Metadata(last.0, last.1))));
        };
        last = (path.to_owned(), key.to_owned());
        let row_key = || RowKey::Metadata(path.to_owned(), key.to_owned());
        if !matches!(integer(row, 4), Some(1 | 2)) {
            let what = format!("metadata '{key}' of a file or directory that does not exist");
            page.find(FindingKind::OrphanRow, row_key(), Some(path), what);
            continue;
        }
        match text(row, 2).map(|value| MetadataValue::parse(key, value)) {
            Some(Ok(MetadataValue::Json { digest, .. })) if blob::<16>(row, 3) == Some(digest) => {}
            Some(Ok(MetadataValue::Json { .. })) => {
                let what = format!("metadata '{key}' is not found by its value");
                page.find(FindingKind::WrongDigest, row_key(), Some(path), what);
            }
            _ => {
                let what = format!("the value of metadata '{key}' is damaged");
                page.find(FindingKind::DamagedRow, row_key(), Some(path), what);
            }
        }
    }
    let cursor = RowCursor::Metadata(String::new(), String::new());
    Ok(page.ended_after(&cursor, Some(RowCursor::Metadata(last.0, last.1))))
}

/// Columns of an item, then its position in the queues, then whether the bounds of its partition and its directory are
/// low enough, then the columns of [`columns::WORK`].
const ITEMS: &str = "\
    SELECT w.path, w.path_id, p.path_id, p.kind, w.created_at = p.created_at,
           w.rank = coalesce(w.priority, x''),
           w.dependencies,
           (SELECT count(*) FROM edges AS e WHERE e.item_id = w.path_id),
           w.open_edges,
           (SELECT count(*) FROM edges AS e WHERE e.item_id = w.path_id AND e.open = 1),
           w.status, w.item IS iif(w.status IS NULL, NULL, 1), w.directory, w.scope,
           w.delayed = 0 OR (w.delayed = 1 AND w.not_before IS NOT NULL),
           w.delayed = 0 OR coalesce(s.next_due <= w.not_before, 0),
           w.lease IS NULL OR w.lease_deadline IS NOT NULL,
           w.status IS NOT 2 /* in_progress */ OR w.lease_deadline IS NULL
               OR coalesce(s.next_expiry <= w.lease_deadline, 0),
           w.status IS NOT 1 /* ready */ OR w.open_edges > 0 OR w.delayed = 1
               OR coalesce(d.scope = w.scope
                           AND (d.first_rank, d.first_created) <= (w.rank, w.created_at), 0),
           w.status, w.priority, w.dependencies, w.open_edges, w.delayed, w.not_before, w.worker_id, w.started_at,
           w.completed_at, w.tags, w.max_attempts, w.attempts, w.last_error, w.result, w.lease, w.lease_deadline,
           w.lease_expires_at
    FROM work AS w
    LEFT JOIN paths AS p ON p.path = w.path
    LEFT JOIN work_scopes AS s ON s.scope = w.scope
    LEFT JOIN work_directories AS d ON d.directory = w.directory
    WHERE w.path > ?1 ORDER BY w.path LIMIT ?2";

/// The first of the columns of [`columns::WORK`].
const FIRST: usize = 19;

/// Returns the first column with an impossible value, and that value.
fn impossible(row: &Row<'_>) -> Result<Option<(&'static str, String)>> {
    for (index, column) in columns::WORK.iter().enumerate() {
        let value = row.get_ref(FIRST + index)?;
        if !column.may_hold(value) {
            return Ok(Some((column.name, columns::shown(value))));
        }
    }
    Ok(None)
}

/// Checks the typed keys of the files after `after`.
pub(super) fn check(connection: &Connection, after: &str) -> Result<CheckedRows> {
    let rules = namespaces::load(connection)?;
    let mut page = Page::default();
    let mut statement = connection.prepare_cached(ITEMS)?;
    let mut found = statement.query((after, PAGE))?;
    let mut last = after.to_owned();
    while let Some(row) = found.next()? {
        page.checked.rows += 1;
        let Some(path) = text(row, 0) else {
            let what = "a row of work is damaged".to_owned();
            page.find(
                FindingKind::Database,
                RowKey::Table("work".to_owned()),
                None,
                what,
            );
            return Ok(page.ended(next_table(&RowCursor::Work(last))));
        };
        path.clone_into(&mut last);
        let key = RowKey::Work(path.to_owned());
        if integer(row, 3) != Some(1) || blob::<16>(row, 1) != blob::<16>(row, 2) {
            let what = "work keys of a file that does not exist".to_owned();
            page.find(FindingKind::OrphanRow, key, Some(path), what);
            continue;
        }
        if let Some((column, value)) = impossible(row)? {
            let what = format!("the item's '{column}' is {value}, which no call writes");
            page.find(FindingKind::DamagedRow, key, Some(path), what);
            continue;
        }
        let is_so = |column| integer(row, column) == Some(1);
        let (directory, scope) = queue::place_of(&rules, path);
        let (edges, open) = (integer(row, 7), integer(row, 9));
        let counted = if is_null(row, 6) {
            Some(0)
        } else {
            integer(row, 6)
        };
        if counted != edges || integer(row, 8) != open {
            let what = format!(
                "the item has {} dependencies, {} of them open, and its row says {} and {}",
                edges.unwrap_or(0),
                open.unwrap_or(0),
                counted.unwrap_or(-1),
                integer(row, 8).unwrap_or(-1),
            );
            page.find(FindingKind::WrongCount, key, Some(path), what);
        } else if ![4, 5, 11, 14].into_iter().all(is_so)
            || text(row, 12) != Some(directory)
            || text(row, 13) != Some(scope)
        {
            let what = "the item's place in the queues is wrong".to_owned();
            page.find(FindingKind::WrongCount, key, Some(path), what);
        } else if !is_so(15) {
            let what = "no claim would notice when the item falls due".to_owned();
            page.find(FindingKind::WrongCount, key, Some(path), what);
        } else if !is_so(16) || !is_so(17) {
            let what = "no claim would notice when the lease of the item expires".to_owned();
            page.find(FindingKind::WrongCount, key, Some(path), what);
        } else if !is_so(18) {
            let what = "no claim would find the item".to_owned();
            page.find(FindingKind::WrongCount, key, Some(path), what);
        }
    }
    let cursor = RowCursor::Work(String::new());
    Ok(page.ended_after(&cursor, Some(RowCursor::Work(last))))
}

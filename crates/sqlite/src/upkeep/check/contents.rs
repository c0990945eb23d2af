//! Checks of the rows of contents; their bytes are checked outside of the database.

use nexusfs_core::content::{BLOCK_BYTES, BlockHashes, ContentHash};
use nexusfs_core::metadata::{
    CheckedRows, ContentCursor, ContentKey, ContentRow, FindingKind, Paged, PendingDeletions,
    RowCursor, RowKey,
};
use rusqlite::Row;

use super::page::{PAGE, Page, hash, is_null};
use crate::db::backends::BackendNames;
use crate::db::holders::{self, has_holder};
use crate::db::rows::integer;
use crate::driver::statements::Connection;
use crate::error::{Error, Result};

/// Inline bytes after which a page of contents ends early.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Checks the rows of the contents after `after`.
pub(super) fn check(
    connection: &Connection,
    backends: &BackendNames,
    after: i64,
) -> Result<CheckedRows> {
    let mut page = Page::default();
    let mut statement = connection.prepare_cached(concat!(
        "SELECT id, backend_id, hash, size, length(blocks), length(data), typeof(data), ",
        has_holder!("c"),
        " FROM content AS c WHERE id > ?1 ORDER BY id LIMIT ?2"
    ))?;
    let mut found = statement.query((after, PAGE))?;
    let mut last = after;
    while let Some(row) = found.next()? {
        page.checked.rows += 1;
        last = row.get(0)?;
        let hash = hash(row, 2);
        let key = ContentKey {
            id: last,
            backend: integer(row, 1),
            hash,
        };
        let is_held = integer(row, 7) == Some(1);
        if !is_held {
            let what = "the row of a content that no file has".to_owned();
            page.find(FindingKind::OrphanRow, RowKey::Content(key), None, what);
        } else if hash.is_none() || !is_whole(row, backends) {
            let what = "the row of a content is damaged".to_owned();
            page.find(FindingKind::DamagedRow, RowKey::Content(key), None, what);
        } else {
            continue;
        }
        page.about(hash);
    }
    let cursor = RowCursor::Contents(after);
    Ok(page.ended_after(&cursor, Some(RowCursor::Contents(last))))
}

/// Returns whether lengths and backend of the row can be true.
fn is_whole(row: &Row<'_>, backends: &BackendNames) -> bool {
    let (Some(backend), Some(size)) = (integer(row, 1), integer(row, 3)) else {
        return false;
    };
    let blocks = integer(row, 4).unwrap_or(0);
    let is_inline = !is_null(row, 5);
    let expected = match size > BLOCK_BYTES as i64 && !is_inline {
        true => (size as u64).div_ceil(BLOCK_BYTES as u64) as i64 * 32,
        false => 0,
    };
    // The length of inline bytes is checked with the bytes.
    size >= 0 && backends.name(backend).is_ok() && blocks == expected
}

/// Returns the rows of some contents after the one with the id `after`; those that are damaged are left
/// out.
pub(in super::super::super) fn page(
    connection: &Connection,
    backends: &BackendNames,
    after: i64,
    with_data: bool,
) -> Result<Paged<ContentRow, ContentCursor>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, backend_id, hash, size, blocks, data IS NOT NULL, iif(?3, data, NULL)
         FROM content WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut found = statement.query((after, PAGE, with_data))?;
    let mut rows = Vec::new();
    let mut next = None;
    let mut bytes = 0;
    let mut seen = 0;
    while let Some(row) = found.next()? {
        let id: i64 = row.get(0)?;
        seen += 1;
        if seen == PAGE {
            next = Some(cursor_after(id));
        }
        let (Some(hash), Some(size)) = (hash(row, 2), integer(row, 3)) else {
            continue;
        };
        let is_inline: bool = row.get(5)?;
        let data: Option<Vec<u8>> = match row.get_ref(6)?.as_bytes() {
            Ok(data) => Some(data.to_vec()),
            Err(_) if is_inline => Some(Vec::new()),
            Err(_) => None,
        };
        bytes += data.as_ref().map_or(0, Vec::len);
        let blocks: Option<Vec<u8>> = row.get_ref(4)?.as_blob().ok().map(<[u8]>::to_vec);
        rows.push(ContentRow {
            id,
            backend_id: integer(row, 1),
            backend: integer(row, 1).and_then(|id| backends.name(id).ok()),
            hash,
            size: size as u64,
            data,
            blocks: BlockHashes::from_bytes(blocks.unwrap_or_default()),
        });
        if bytes >= PAGE_BYTES {
            next = Some(cursor_after(id));
            break;
        }
    }
    Ok((rows, next))
}

/// Returns a page of the contents that are pending deletion and that no path has.
pub(in super::super::super) fn pending_deletions(
    connection: &Connection,
    backends: &BackendNames,
    after: Option<(i64, ContentHash)>,
) -> Result<Paged<PendingDeletions, (i64, ContentHash)>> {
    let (backend, last) = after.map_or((i64::MIN, [0; 32]), |(id, hash)| (id, *hash.as_bytes()));
    let mut statement = connection.prepare_cached(
        "SELECT backend_id, hash FROM pending_deletions
         WHERE (backend_id, hash) > (?1, ?2) ORDER BY backend_id, hash LIMIT ?3",
    )?;
    let mut found = statement.query((backend, last, PAGE))?;
    let mut all: Vec<PendingDeletions> = Vec::new();
    let mut count = 0;
    let mut next = None;
    while let Some(row) = found.next()? {
        count += 1;
        let (Some(id), Some(hash)) = (integer(row, 0), hash(row, 1)) else {
            continue;
        };
        next = (count == PAGE).then_some((id, hash));
        // A path has it again: it stays.
        if holders::need_file(connection, id, &hash)? {
            continue;
        }
        let Ok(name) = backends.name(id) else {
            continue;
        };
        match all.last_mut() {
            Some(one) if one.backend == name => one.hashes.push(hash),
            _ => all.push(PendingDeletions {
                backend: name,
                hashes: vec![hash],
            }),
        }
    }
    Ok((all, next))
}

/// Returns where a page of contents ended that ended with the row `id`.
fn cursor_after(id: i64) -> ContentCursor {
    ContentCursor(id.to_be_bytes().to_vec())
}

/// Returns the id of the row with which the page before ended.
pub(in super::super::super) fn id_of(cursor: &ContentCursor) -> Result<i64> {
    let bytes = cursor.0.as_slice().try_into();
    bytes
        .map(i64::from_be_bytes)
        .map_err(|_| Error::internal("a cursor of contents is that of another store"))
}

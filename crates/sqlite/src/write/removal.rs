//! Contents that are pending deletion, being removed, or reserved.
//!
//! The commit that drops the last reference to a content inserts it into `pending_deletions`. Its bytes are removed
//! outside of any lock, between two transactions: the first marks the content as being removed, the second deletes the
//! row. A transaction that needs the content meanwhile is not applied; its caller waits until the removal has ended.
//! The WAL is synced after the first transaction, so that after power loss no path names a removed content.
//!
//! A store has at most one removal at a time. It holds an exclusive lock (see [`Pins`](super::pins)), which the kernel
//! releases with the process. So a process that gets the lock knows that marked contents were left by a dead process,
//! and continues its removal.

use std::collections::HashSet;

use nexusfs_core::content::ContentHash;
use nexusfs_core::time::Micros;
use rusqlite::OptionalExtension;

use crate::db::holders;
use crate::db::random::RandomPool;
use crate::db::rows::blob;
use crate::db::time::BootTime;
use crate::driver::statements::Connection;
use crate::error::Result;

/// How long an upload of a dead process may still be in progress.
const UPLOAD_GRACE: Micros = 30 * 1_000_000;

/// Marks up to `limit` of the contents of the backend that are pending deletion, and returns them. The caller holds the lock
/// of removals.
pub(in super::super) fn begin(
    connection: &Connection,
    backend_id: i64,
    limit: usize,
    now: BootTime,
) -> Result<Vec<ContentHash>> {
    connection
        .prepare_cached("DELETE FROM reservations WHERE expires_at <= ?1")?
        .execute([now.0])?;
    let mut begun = Vec::new();
    let mut after = [0; 32];
    loop {
        let pending = connection
            .prepare_cached(
                "SELECT hash FROM pending_deletions WHERE backend_id = ?1 AND hash >= ?2
                 ORDER BY hash LIMIT ?3",
            )?
            .query_map((backend_id, &after, limit as i64), |row| {
                Ok(blob::<32>(row, 0))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let is_last = pending.len() < limit;
        for hash in pending {
            let hash = ContentHash::from_bytes(hash?);
            after = *hash.as_bytes();
            if holders::need_file(connection, backend_id, &hash)? {
                forget(connection, backend_id, &hash)?;
            } else if !is_reserved(connection, backend_id, &hash)? {
                mark(connection, backend_id, &hash, now)?;
                begun.push(hash);
            }
        }
        // Reserved contents are skipped, however many there are.
        let Some(next) = successor(after) else {
            return Ok(begun);
        };
        if is_last || !begun.is_empty() {
            return Ok(begun);
        }
        after = next;
    }
}

/// Marks those of `hashes` that have no reference, no reservation and no row in `pending_deletions`, and returns them.
/// The caller holds the lock of removals.
pub(in super::super) fn begin_of(
    connection: &Connection,
    backend_id: i64,
    hashes: &[ContentHash],
    now: BootTime,
) -> Result<Vec<ContentHash>> {
    let mut begun = Vec::new();
    for hash in hashes {
        if is_orphan(connection, backend_id, hash)? {
            mark(connection, backend_id, hash, now)?;
            begun.push(*hash);
        }
    }
    Ok(begun)
}

/// Deletes the rows of removed contents.
pub(in super::super) fn end(
    connection: &Connection,
    backend_id: i64,
    hashes: &[ContentHash],
) -> Result<()> {
    for hash in hashes {
        forget(connection, backend_id, hash)?;
    }
    Ok(())
}

/// Returns whether anything of the backend is pending deletion.
pub(in super::super) fn has_pending(connection: &Connection, backend_id: i64) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM pending_deletions WHERE backend_id = ?1 LIMIT 1")?
        .exists([backend_id])?)
}

/// Marks a content without references as pending deletion.
pub(in super::super) fn note(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pending_deletions (backend_id, hash, begun_at)
             VALUES (?1, ?2, NULL)",
        )?
        .execute((backend_id, hash.as_bytes()))?;
    Ok(())
}

/// Returns since when the content is being removed, if it is.
pub(in super::super) fn begun_at(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
) -> Result<Option<BootTime>> {
    let begun: Option<Option<i64>> = connection
        .prepare_cached(
            "SELECT begun_at FROM pending_deletions WHERE backend_id = ?1 AND hash = ?2",
        )?
        .query_row((backend_id, hash.as_bytes()), |row| row.get(0))
        .optional()?;
    Ok(begun.flatten().map(BootTime))
}

/// Takes back the mark of a content whose removal a dead process left. The caller holds the lock of removals. Returns
/// whether the content may be written: a removal request that is still in progress must not overtake an upload.
pub(in super::super) fn take_back(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
    is_uploaded: bool,
    now: BootTime,
) -> Result<bool> {
    let Some(begun) = begun_at(connection, backend_id, hash)? else {
        return Ok(true);
    };
    if is_uploaded && now < begun.after(UPLOAD_GRACE) {
        return Ok(false);
    }
    note(connection, backend_id, hash)?;
    Ok(true)
}

/// Reserves contents until `expires_at`, and returns the number of the reservation and which of them have references.
/// None of them is being removed.
pub(in super::super) fn reserve(
    connection: &Connection,
    backend_id: i64,
    hashes: &[ContentHash],
    expires_at: BootTime,
) -> Result<(i64, HashSet<ContentHash>)> {
    let id = RandomPool::default().below(i64::MAX)?;
    let mut held = HashSet::new();
    for hash in hashes {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO reservations (id, backend_id, hash, expires_at)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((id, backend_id, hash.as_bytes(), expires_at.0))?;
        if holders::need_file(connection, backend_id, hash)? {
            held.insert(*hash);
        }
    }
    Ok((id, held))
}

/// Ends a reservation.
pub(in super::super) fn release(connection: &Connection, id: i64) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM reservations WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Returns whether the reservation still keeps the content.
pub(in super::super) fn keeps(
    connection: &Connection,
    id: i64,
    backend_id: i64,
    hash: &ContentHash,
) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM reservations WHERE backend_id = ?1 AND hash = ?2 AND id = ?3",
        )?
        .exists((backend_id, hash.as_bytes(), id))?)
}

/// Returns those of `hashes` that no path has as files of the backend, that no row of a content names, and that are
/// neither pending deletion nor reserved.
pub(in super::super) fn orphans(
    connection: &Connection,
    backend_id: i64,
    hashes: &[ContentHash],
) -> Result<Vec<ContentHash>> {
    let mut orphans = Vec::new();
    for hash in hashes {
        if is_orphan(connection, backend_id, hash)? {
            orphans.push(*hash);
        }
    }
    without_row(connection, backend_id, &orphans)
}

/// Returns those of `hashes` that no row of a content names as files of the backend. References are known from an
/// index; a removal must not rely on an index alone.
pub(in super::super) fn without_row(
    connection: &Connection,
    backend_id: i64,
    hashes: &[ContentHash],
) -> Result<Vec<ContentHash>> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let mut named = HashSet::new();
    let wanted: HashSet<_> = hashes.iter().collect();
    let mut statement = connection
        .prepare_cached("SELECT hash FROM content WHERE backend_id = ?1 AND data IS NULL")?;
    let mut rows = statement.query([backend_id])?;
    while let Some(row) = rows.next()? {
        if let Ok(hash) = blob::<32>(row, 0).map(ContentHash::from_bytes)
            && wanted.contains(&hash)
        {
            named.insert(hash);
        }
    }
    let unnamed = hashes.iter().filter(|hash| !named.contains(*hash));
    Ok(unnamed.copied().collect())
}

fn is_orphan(connection: &Connection, backend_id: i64, hash: &ContentHash) -> Result<bool> {
    let is_pending = connection
        .prepare_cached("SELECT 1 FROM pending_deletions WHERE backend_id = ?1 AND hash = ?2")?
        .exists((backend_id, hash.as_bytes()))?;
    Ok(!is_pending
        && !holders::need_file(connection, backend_id, hash)?
        && !is_reserved(connection, backend_id, hash)?)
}

fn is_reserved(connection: &Connection, backend_id: i64, hash: &ContentHash) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM reservations WHERE backend_id = ?1 AND hash = ?2 LIMIT 1")?
        .exists((backend_id, hash.as_bytes()))?)
}

fn mark(connection: &Connection, backend_id: i64, hash: &ContentHash, now: BootTime) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pending_deletions (backend_id, hash, begun_at)
             VALUES (?1, ?2, ?3)",
        )?
        .execute((backend_id, hash.as_bytes(), now.0))?;
    Ok(())
}

fn forget(connection: &Connection, backend_id: i64, hash: &ContentHash) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM pending_deletions WHERE backend_id = ?1 AND hash = ?2")?
        .execute((backend_id, hash.as_bytes()))?;
    Ok(())
}

/// Returns the next hash in byte order.
fn successor(mut hash: [u8; 32]) -> Option<[u8; 32]> {
    for byte in hash.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(hash);
        }
    }
    None
}

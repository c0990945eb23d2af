//! Removing the files of contents that no path holds any more.
//!
//! The commit that drops a content only notes it in `doomed`. The file goes in a later transaction, whose
//! write lock makes sure that no path comes to hold the content again meanwhile: a writer puts a file in
//! place and commits its row under the same lock. First in that transaction all earlier ones are made durable,
//! so that after power loss no path names what is gone. What it changes itself may be lost: what is doomed
//! once more is removed once more.

use std::collections::HashSet;

use super::pins::Pins;
use crate::call::Call;
use crate::config::Durability;
use crate::content::{ContentHash, Placement};
use crate::error::Result;
use crate::metadata::sqlite::db::connection::set_synchronous;
use crate::metadata::sqlite::db::rows::blob;
use crate::metadata::sqlite::db::versions;
use crate::metadata::sqlite::driver::statements::Connection;
use crate::metadata::sqlite::driver::vfs;
use crate::metadata::sqlite::wal::commit::in_transaction;
use crate::metadata::sqlite::wal::unacknowledged;

/// Most files that one transaction removes, so that others need not wait long.
const STEP: i64 = 256;

/// Removes what is doomed in the backends of `placement`, as long as `call` is not interrupted.
pub(super) fn sweep(
    connection: &Connection,
    placement: &Placement,
    pins: &Pins,
    call: &Call,
) -> Result<()> {
    while !call.is_cancelled() && step(connection, placement, pins)? > 0 {}
    Ok(())
}

/// Removes some of what is doomed in the backends of `placement`; returns how many files, 0 at the end, and
/// where somebody copies the store and may need them.
pub(in super::super) fn step(
    connection: &Connection,
    placement: &Placement,
    pins: &Pins,
) -> Result<u64> {
    pins.unless_held(|| step_unpinned(connection, placement))
}

fn step_unpinned(connection: &Connection, placement: &Placement) -> Result<u64> {
    // Nothing may be touched in a store that a newer version took over.
    versions::rules_version(connection)?;
    for name in placement.writable_names() {
        let Some(id) = backend_id(connection, name)? else {
            continue;
        };
        if is_any_doomed(connection, id)? {
            return removing(connection, || {
                remove_doomed(connection, placement, id, name)
            });
        }
    }
    Ok(0)
}

fn is_any_doomed(connection: &Connection, backend_id: i64) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM doomed WHERE backend_id = ?1 LIMIT 1")?
        .exists([backend_id])?)
}

/// Runs `work`, which removes files, in a write transaction.
fn removing<T>(connection: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    set_synchronous(connection, Durability::Normal)?;
    // The files make room.
    vfs::freeing(|| {
        in_transaction(connection, || {
            unacknowledged::overwrite(connection)?;
            work()
        })
    })
}

/// Removes the files of those of `hashes` that no path holds and no row of a content names, and returns which.
/// Doomed ones are left to [`sweep`], which knows when they may go.
pub(in super::super) fn remove_orphans(
    connection: &Connection,
    placement: &Placement,
    backend: &str,
    hashes: &[ContentHash],
) -> Result<Vec<ContentHash>> {
    let Some(id) = backend_id(connection, backend)? else {
        return Ok(Vec::new());
    };
    // Rows that come after this are in the indexes, which are asked again under the lock.
    let orphans = orphans(connection, id, hashes)?;
    let mut removed = Vec::new();
    for step in orphans.chunks(STEP as usize) {
        removing(connection, || {
            for hash in step {
                if is_orphan(connection, id, hash)? {
                    placement.store(backend)?.remove(hash)?;
                    removed.push(*hash);
                }
            }
            Ok(())
        })?;
    }
    Ok(removed)
}

/// Returns those of `hashes` that no path holds as files of the backend, that no row of a content names, and that
/// are not doomed.
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

/// Returns those of `hashes` that no row of a content names as files of the backend. That paths hold a content is
/// known from an index; what is removed for good must not rest on that alone.
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

/// Returns whether no path holds the content as a file of the backend, and it is not doomed either.
pub(in super::super) fn is_orphan(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
) -> Result<bool> {
    let doomed = connection
        .prepare_cached("SELECT 1 FROM doomed WHERE backend_id = ?1 AND hash = ?2")?
        .exists((backend_id, hash.as_bytes()))?;
    Ok(!doomed && !is_held(connection, backend_id, hash)?)
}

fn remove_doomed(
    connection: &Connection,
    placement: &Placement,
    backend_id: i64,
    name: &str,
) -> Result<u64> {
    let doomed = connection
        .prepare_cached("SELECT hash FROM doomed WHERE backend_id = ?1 LIMIT ?2")?
        .query_map([backend_id, STEP], |row| Ok(blob::<32>(row, 0)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let count = doomed.len() as u64;
    for hash in doomed {
        let hash = ContentHash::from_bytes(hash?);
        if !is_held(connection, backend_id, &hash)? {
            placement.store(name)?.remove(&hash)?;
        }
        connection
            .prepare_cached("DELETE FROM doomed WHERE backend_id = ?1 AND hash = ?2")?
            .execute((backend_id, hash.as_bytes()))?;
    }
    Ok(count)
}

/// Returns whether some path holds the content as a file of the backend. (One that is inline needs no
/// file, even where an earlier one left it.)
pub(in super::super) fn is_held(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM paths AS p JOIN content AS c ON c.id = p.content_id
             WHERE p.etag = ?1 AND p.backend_id = ?2 AND c.data IS NULL LIMIT 1",
        )?
        .exists((hash.as_bytes(), backend_id))?)
}

fn backend_id(connection: &Connection, name: &str) -> Result<Option<i64>> {
    use rusqlite::OptionalExtension;
    Ok(connection
        .prepare_cached("SELECT id FROM backends WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

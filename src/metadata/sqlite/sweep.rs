//! Removing the files of contents that no path holds any more.
//!
//! The commit that drops a content only notes it in `doomed`. Once that is durable, the file goes in a
//! later transaction, whose write lock makes sure that no path comes to hold the content again meanwhile:
//! a writer puts a file in place and commits its row under the same lock.

use super::connection::{in_transaction, synced};
use super::guard;
use super::pins::Pins;
use super::rows::blob;
use super::statements::Connection;
use crate::content::{ContentHash, Placement};
use crate::error::Result;

/// Most files that one transaction removes, so that others need not wait long.
const STEP: i64 = 256;

/// Removes what is doomed in the backends of `placement`; returns how many files.
pub(super) fn sweep(connection: &Connection, placement: &Placement, pins: &Pins) -> Result<u64> {
    let mut removed = 0;
    loop {
        let step = step(connection, placement, pins)?;
        removed += step;
        if step == 0 {
            return Ok(removed);
        }
    }
}

/// Removes some of what is doomed in the backends of `placement`; returns how many files, 0 at the end, and
/// where somebody copies the store and may need them.
pub(super) fn step(connection: &Connection, placement: &Placement, pins: &Pins) -> Result<u64> {
    pins.unless_held(|| step_unpinned(connection, placement))
}

fn step_unpinned(connection: &Connection, placement: &Placement) -> Result<u64> {
    // Nothing may be touched in a store that a newer version took over.
    guard::rules_version(connection)?;
    make_durable(connection)?;
    for name in placement.writable_names() {
        let Some(id) = backend_id(connection, name)? else {
            continue;
        };
        if is_any_doomed(connection, id)? {
            return in_transaction(connection, || {
                overwrite_undecided(connection)?;
                remove_doomed(connection, placement, id, name)
            });
        }
    }
    Ok(0)
}

fn is_any_doomed(connection: &Connection, backend_id: i64) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM doomed WHERE backend_id = ?1 AND durable LIMIT 1")?
        .exists([backend_id])?)
}

/// Makes the commits durable that dropped contents without a sync: after power loss, a path that still
/// holds such a content must find it.
fn make_durable(connection: &Connection) -> Result<()> {
    let pending = connection
        .prepare_cached("SELECT 1 FROM doomed WHERE durable = 0 LIMIT 1")?
        .exists([])?;
    if !pending {
        return Ok(());
    }
    // The sync of this commit covers everything before it in the log.
    synced(connection, || {
        in_transaction(connection, || {
            connection
                .prepare_cached("UPDATE doomed SET durable = 1 WHERE durable = 0")?
                .execute([])?;
            Ok(())
        })
    })
}

/// Removes the files of those of `hashes` that no path holds, and returns which. Doomed ones are left to
/// [`sweep`], which knows when they may go.
pub(super) fn remove_orphans(
    connection: &Connection,
    placement: &Placement,
    backend: &str,
    hashes: &[ContentHash],
) -> Result<Vec<ContentHash>> {
    let Some(id) = backend_id(connection, backend)? else {
        return Ok(Vec::new());
    };
    let mut orphans = Vec::new();
    for hash in hashes {
        if is_orphan(connection, id, hash)? {
            orphans.push(*hash);
        }
    }
    if orphans.is_empty() {
        return Ok(orphans);
    }
    settle_log(connection)?;
    in_transaction(connection, || {
        overwrite_undecided(connection)?;
        let mut removed = Vec::new();
        for hash in orphans {
            if is_orphan(connection, id, &hash)? {
                placement.store(backend)?.remove(&hash)?;
                removed.push(hash);
            }
        }
        Ok(removed)
    })
}

/// Decides about commits whose process died while it synced the log. Their frames are in the log, but
/// nobody sees them; when the log is next recovered they come back, and name contents that look unused now. A commit that writes a frame, however small, takes their place.
pub(super) fn settle_log(connection: &Connection) -> Result<()> {
    in_transaction(connection, || raise_collections(connection))
}

/// Does what [`settle_log`] does for commits whose process died since, before anything is removed in this
/// transaction: puts a frame of it in the place of theirs. Frames are chained by checksums, so a recovery of
/// the log ends there, also if this process dies before it commits.
fn overwrite_undecided(connection: &Connection) -> Result<()> {
    raise_collections(connection)?;
    connection.cache_flush()?;
    Ok(())
}

/// Changes a row, so that the commit of this transaction writes a frame.
fn raise_collections(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached("UPDATE store SET collections = collections + 1 WHERE id = 1")?
        .execute([])?;
    Ok(())
}

/// Returns whether no path holds the content as a file of the backend, and it is not doomed either.
pub(super) fn is_orphan(
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
        .prepare_cached("SELECT hash FROM doomed WHERE backend_id = ?1 AND durable LIMIT ?2")?
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
pub(super) fn is_held(
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;

    use rusqlite::OpenFlags;

    use super::super::log_file;
    use super::*;

    const FILES: [&str; 3] = ["db", "db-wal", "db-shm"];

    fn open(directory: &Path) -> Connection {
        let (path, flags) = (directory.join("db"), OpenFlags::default());
        let file_system = log_file::file_system().unwrap();
        let opened = rusqlite::Connection::open_with_flags_and_vfs(path, flags, file_system);
        let connection = Connection::from(opened.unwrap());
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
            .unwrap();
        connection
    }

    fn copy(from: &Path, to: &Path, files: &[&str]) {
        fs::create_dir(to).unwrap();
        for file in files {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }

    fn rows(connection: &Connection) -> i64 {
        connection
            .query_row("SELECT count(*) FROM paths", [], |row| row.get(0))
            .unwrap()
    }

    /// Returns how many rows a recovery finds, where a commit of two rows was left undecided in the log and
    /// `collect` then died in its transaction.
    fn rows_after(collect: impl FnOnce(&Connection)) -> i64 {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::create_dir(at("first")).unwrap();
        let first = open(&at("first"));
        first
            .execute_batch(
                "CREATE TABLE store (id INTEGER PRIMARY KEY, collections INTEGER);
                 INSERT INTO store VALUES (1, 0);
                 CREATE TABLE paths (path TEXT);",
            )
            .unwrap();
        copy(&at("first"), &at("second"), &FILES[..2]);
        let second = open(&at("second"));
        assert_eq!(rows(&second), 0);
        // The first commits; the second gets the frames of it behind its back, as from a process that died.
        let decided = fs::metadata(at("first").join("db-wal")).unwrap().len() as usize;
        first
            .execute_batch("BEGIN; INSERT INTO paths VALUES ('/a'), (zeroblob(9000)); COMMIT")
            .unwrap();
        let log = fs::read(at("first").join("db-wal")).unwrap();
        let mut behind = fs::OpenOptions::new()
            .append(true)
            .open(at("second").join("db-wal"))
            .unwrap();
        behind.write_all(&log[decided..]).unwrap();
        assert_eq!(rows(&second), 0, "nobody sees what is undecided");
        second.execute_batch("BEGIN IMMEDIATE").unwrap();
        collect(&second);
        copy(&at("second"), &at("third"), &FILES[..2]);
        rows(&open(&at("third")))
    }

    #[test]
    fn a_collection_that_dies_leaves_no_undecided_commit() {
        let comes_back = rows_after(|connection| raise_collections(connection).unwrap());
        assert_eq!(
            comes_back, 2,
            "the story that this is about does not happen"
        );
        let gone = rows_after(|connection| overwrite_undecided(connection).unwrap());
        assert_eq!(gone, 0, "a commit came back whose contents may be gone");
    }
}

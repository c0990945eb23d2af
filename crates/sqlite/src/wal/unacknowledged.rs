//! Unacknowledged commits left in the WAL.
//!
//! The frames of a commit are written and synced before the commit is visible. If its process dies in between, or if
//! SQLite then fails (it has no room to index them), they stay in the WAL. Processes that have the store open do not
//! see them, but WAL recovery treats them as a commit. So before a content is removed that they may name, and before a
//! commit is reported as failed, a new frame overwrites them. Checksums chain the frames, so WAL recovery ends at the
//! new frame.

use std::time::Duration;

use super::failures::{
    is_failed_sync, is_out_of_room, is_unsynced, no_space, unknown_outcome, unsettled_outcome,
};
use crate::db::connection::{abandon, begin_writing, waiting_for};
use crate::driver::statements::Connection;
use crate::driver::vfs;
use crate::error::{Error, Result};

/// How long to wait for other writers, to undo a commit.
const PATIENCE: Duration = Duration::from_secs(10);
/// A frame is written in two pieces, outside of a commit.
const FRAME_WRITES: u64 = 2;
/// Number of attempts if its sync finds no room, each with one more step of the reserve.
const ATTEMPTS: u32 = 3;

/// Ensures that the transaction whose commit failed with `error` never reappears. Returns why it failed, or that the
/// outcome is unknown.
pub(in super::super) fn take_back(connection: &Connection, error: Error) -> Error {
    // After a failed sync, the state of the WAL is unknown and stays so, unless the sync failed for lack of room.
    let may_come_back = vfs::has_whole_commit(connection).unwrap_or(true);
    if is_failed_sync(&error) || !may_come_back {
        return error;
    }
    abandon(connection);
    // Independent of the failed call: this waits for other writers and ignores interrupts.
    let unsynced = is_unsynced(&error);
    match waiting_for(PATIENCE, || settle(connection, unsynced)) {
        Ok(()) if unsynced => no_space(),
        Ok(()) => error,
        Err(why) if unsynced && is_out_of_room(&why) || is_unsynced(&why) => unsettled_outcome(),
        Err(why) => unknown_outcome(&error, &why),
    }
}

/// Overwrites the first frame of an unacknowledged commit, durably. With `unsynced`, after a sync of the WAL found no room, all
/// acknowledged commits in the WAL are written again before, so that the next sync covers them.
///
/// # Errors
/// [`is_unsynced`] where there is no room for the sync; `NoSpace` if there is none for the frame; `Io` if the WAL does
/// not have its commits any more; `Busy`, `Cancelled`.
pub(super) fn settle(connection: &Connection, unsynced: bool) -> Result<()> {
    let mut unsynced = unsynced;
    let mut attempts = ATTEMPTS;
    loop {
        let settled = vfs::freeing(|| put_in_place(connection, unsynced));
        abandon(connection);
        attempts -= 1;
        match settled {
            Err(error)
                if is_unsynced(&error) && attempts > 0 && vfs::give_up_reserve(connection)? =>
            {
                unsynced = true;
            }
            settled => return settled,
        }
    }
}

fn put_in_place(connection: &Connection, unsynced: bool) -> Result<()> {
    begin_writing(connection)?;
    if unsynced {
        vfs::rewrite(connection)?;
    }
    change_a_row(connection)?;
    let before = vfs::writes(connection)?;
    // If this fails as the commit did, the frame in the WAL is enough.
    if let Err(failed) = connection.cache_flush()
        && vfs::writes(connection)? < before + FRAME_WRITES
    {
        return Err(failed.into());
    }
    if unsynced {
        // The rest of the commit needs no room.
        vfs::cut_tail(connection)?;
    }
    vfs::sync(connection)
}

/// Changes a row, so that there is a frame to be written.
fn change_a_row(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached("UPDATE store SET collections = collections + 1 WHERE id = 1")?
        .execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;

    use rusqlite::OpenFlags;

    use super::*;

    const FILES: [&str; 3] = ["db", "db-wal", "db-shm"];

    fn open(directory: &Path) -> Connection {
        let (path, flags) = (directory.join("db"), OpenFlags::default());
        let file_system = vfs::file_system().unwrap();
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

    /// Returns how many rows a recovery finds, where an unacknowledged commit of two rows was left in the WAL and
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
        collect(&second);
        copy(&at("second"), &at("third"), &FILES[..2]);
        rows(&open(&at("third")))
    }

    #[test]
    fn a_commit_that_is_synced_before_a_removal_leaves_no_unacknowledged_one() {
        let comes_back = rows_after(|connection| {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            change_a_row(connection).unwrap();
        });
        assert_eq!(
            comes_back, 2,
            "the story that this is about does not happen"
        );
        let gone = rows_after(|connection| {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            change_a_row(connection).unwrap();
            connection.execute_batch("COMMIT").unwrap();
            vfs::sync(connection).unwrap();
        });
        assert_eq!(gone, 0, "a commit came back whose contents may be gone");
    }
}

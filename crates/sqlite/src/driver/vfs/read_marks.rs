//! Read marks of the WAL-index that may stay behind the newest frame.
//!
//! A connection that begins to read takes a shared lock on one of four marks: numbers of frames that a checkpoint may
//! not copy beyond while the lock is held. SQLite first moves a mark to the newest frame, which takes a lock and an
//! unlock more: two of the four system calls of a read after a commit, two of the six of a commit. A slightly older
//! mark protects the reader as well. Its only cost is that a concurrent checkpoint leaves the few frames in between to
//! the next one. SQLite itself uses such a mark if the locks of all four are taken (`walTryBeginRead`).
//!
//! So while there is a recent mark, a request for the lock that moves one returns SQLITE_BUSY. Checkpoints and
//! recoveries move marks, too, but take their own lock first.

use std::ffi::c_int;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::ffi::{SQLITE_SHM_EXCLUSIVE, SQLITE_SHM_LOCK};

/// Frames that a mark may stay behind.
const RECENT: u32 = 256;
/// Where the WAL-index has the number of the newest frame (<https://sqlite.org/walformat.html#the_wal_index_file_format>).
const NEWEST_FRAME: usize = 16;
/// Where it has the marks of all locks of readers.
const MARKS: usize = 100;
/// Bytes of a mark.
const MARK_BYTES: usize = 4;
/// The locks that a checkpoint and a recovery hold.
const MOVERS: Range<c_int> = 1..3;
/// The locks of readers whose marks move. A holder of the lock before them reads no WAL.
const READERS: Range<c_int> = 4..8;
const FIRST_READER: c_int = 3;

/// The locks of one connection that allow it to move any mark.
#[derive(Debug, Default)]
pub(super) struct ReadMarks {
    movers: u8,
}

impl ReadMarks {
    /// Returns whether this request of `xShmLock` is to be answered with SQLITE_BUSY: it is for moving a mark, and one of `index`
    /// is recent.
    ///
    /// # Safety
    /// `index` is null or the first region of the WAL-index, mapped.
    pub unsafe fn refuse(
        &self,
        index: *const AtomicU32,
        first: c_int,
        number: c_int,
        flags: c_int,
    ) -> bool {
        let moves = number == 1
            && flags == SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE
            && READERS.contains(&first)
            && self.movers == 0;
        // SAFETY: the caller's; the region is longer than what is read, which processes share as whole numbers.
        moves && !index.is_null() && unsafe { has_recent(index) }
    }

    /// Records a granted request.
    pub fn granted(&mut self, first: c_int, number: c_int, flags: c_int) {
        if flags & SQLITE_SHM_EXCLUSIVE == 0 {
            return;
        }
        for lock in MOVERS.filter(|lock| (first..first + number).contains(lock)) {
            match flags & SQLITE_SHM_LOCK {
                0 => self.movers &= !(1 << lock),
                _ => self.movers |= 1 << lock,
            }
        }
    }
}

/// # Safety
/// `index` is the first region of the WAL-index, mapped.
unsafe fn has_recent(index: *const AtomicU32) -> bool {
    // SAFETY: the caller's.
    let number = |at: usize| unsafe { (*index.byte_add(at)).load(Ordering::Acquire) };
    let newest = number(NEWEST_FRAME);
    READERS.into_iter().any(|lock| {
        let mark = number(MARKS + MARK_BYTES * (lock - FIRST_READER) as usize);
        // A mark that is not in use is greater than any frame.
        newest
            .checked_sub(mark)
            .is_some_and(|behind| behind <= RECENT)
    })
}

#[cfg(test)]
mod tests {
    use super::super::database::number_of_index;
    use super::super::tests::open_texts;
    use super::*;
    use crate::driver::statements::Connection;

    /// Commits two pages or more.
    fn commit(connection: &Connection) {
        connection
            .execute_batch(
                "BEGIN IMMEDIATE; INSERT INTO t (text) VALUES (printf('%.*c', 5000, 'x')); COMMIT",
            )
            .unwrap();
    }

    fn count(connection: &Connection) -> i64 {
        let sql = "SELECT count(*) FROM t";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn checkpoint(connection: &Connection) -> (i64, i64) {
        let counts = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?));
        connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], counts)
            .unwrap()
    }

    /// The newest frame, and the mark closest to it.
    fn marked(connection: &Connection) -> (u32, u32) {
        let newest = number_of_index(connection, NEWEST_FRAME);
        let marks = (1..5).map(|mark| number_of_index(connection, MARKS + MARK_BYTES * mark));
        (newest, marks.filter(|mark| *mark <= newest).max().unwrap())
    }

    #[test]
    fn a_mark_moves_once_in_many_frames_and_readers_see_the_newest_commit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let (writer, reader) = (open_texts(&path), open_texts(&path));
        let mut moves = 0;
        let mut last = marked(&reader).1;
        for round in 1..=1000 {
            commit(&writer);
            assert_eq!(count(&reader), round);
            let (newest, mark) = marked(&reader);
            assert!(newest - mark <= RECENT, "{newest} {mark}");
            moves += u32::from(mark != last);
            last = mark;
        }
        let frames = marked(&reader).0;
        assert!(frames >= 2000);
        assert!((1..=frames / RECENT + 1).contains(&moves), "{moves} moves");
    }

    #[test]
    fn a_checkpoint_copies_all_that_nobody_reads() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let (writer, reader) = (open_texts(&path), open_texts(&path));
        for _ in 0..10 {
            commit(&writer);
            count(&reader);
            let (frames, copied) = checkpoint(&writer);
            assert_eq!(frames, copied);
        }
        writer
            .execute_batch("PRAGMA wal_checkpoint(RESTART)")
            .unwrap();
        commit(&writer);
        assert!(marked(&writer).0 < 10, "the WAL did not start over");
    }

    #[test]
    fn what_a_reader_sees_stays_while_others_commit_and_copy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let (writer, reader, copier) = (open_texts(&path), open_texts(&path), open_texts(&path));
        for behind in [0, 1, 50, 300] {
            commit(&writer);
            count(&reader);
            (0..behind).for_each(|_| commit(&writer));
            reader.execute_batch("BEGIN").unwrap();
            let before = count(&reader);
            let newest = marked(&reader).0;
            for _ in 0..100 {
                commit(&writer);
                let (_, copied) = checkpoint(&copier);
                assert!(
                    copied <= i64::from(newest),
                    "what is not the reader's was copied"
                );
            }
            // From the file: not from the reader's cache.
            reader.execute_batch("PRAGMA shrink_memory").unwrap();
            assert_eq!(count(&reader), before);
            reader.execute_batch("COMMIT").unwrap();
            assert_eq!(count(&reader), before + 100);
            let (frames, copied) = checkpoint(&copier);
            assert_eq!(frames, copied);
        }
    }
}

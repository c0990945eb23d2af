//! The header of the WAL-index, which every commit of any process changes.
//!
//! The WAL-index is memory that all connections share. Reading its header needs no file lock and no system call, so
//! that polling for commits many times a second costs almost nothing.
//!
//! <https://sqlite.org/walformat.html#the_wal_index_header> describes it: its first 48 bytes count the commits, among
//! others.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::ffi;

use super::open_file::file_of;
use super::statements::Connection;

/// Bytes that are mapped as one region.
pub(in super::super) const REGION: c_int = 32 * 1024;
/// The header's numbers of four bytes.
const LEN: usize = 12;

/// The contents of the header. Only valid for comparisons: half of it may be of the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Head([u32; LEN]);

impl Head {
    /// Returns the number of frames in the WAL. Like the next functions, only valid under the write lock.
    pub fn frames(&self) -> u32 {
        self.0[4]
    }

    /// Returns how many pages the database has.
    pub fn pages(&self) -> u32 {
        self.0[5]
    }

    /// Returns the checksum of the last frame.
    pub fn checksum(&self) -> [u32; 2] {
        [self.0[6], self.0[7]]
    }
}

/// Reads the header of the WAL-index of `connection`, which has read something before; `None` if there is no WAL-index.
pub(in super::super) fn head(connection: &Connection) -> Option<Head> {
    let file = file_of(connection, ffi::SQLITE_FCNTL_FILE_POINTER);
    let mut region = ptr::null_mut();
    // SAFETY: the database's file, if there is one, is open as long as the connection is. Its `xShmMap` gives the first
    // region that the connection has mapped already, or none, as it is told not to make one. A region stays where it
    // is until the connection is closed, and is shared with others, who write whole numbers.
    unsafe {
        let methods = file.as_ref()?.pMethods.as_ref()?;
        if methods.iVersion < 2 {
            return None;
        }
        let mapped = methods.xShmMap?(file, 0, REGION, 0, &raw mut region);
        if mapped != ffi::SQLITE_OK || region.is_null() {
            return None;
        }
        let numbers = &*region.cast_const().cast::<[AtomicU32; LEN]>();
        Some(Head(
            numbers
                .each_ref()
                .map(|number| number.load(Ordering::Acquire)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::connection::{self, Role};

    #[test]
    fn the_head_changes_with_each_commit_of_another_and_with_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let writer = connection::open(&path, Role::Creator, 64).unwrap();
        writer
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)")
            .unwrap();
        let reader = connection::open(&path, Role::Reader, 64).unwrap();
        let read = || -> i64 {
            reader
                .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
                .unwrap()
        };
        read();
        for round in 0..100 {
            let before = head(&reader);
            assert!(before.is_some());
            assert_eq!(read(), round);
            assert_eq!(head(&reader), before, "reading changed it");
            writer
                .execute_batch("BEGIN; INSERT INTO t VALUES (1); ROLLBACK")
                .unwrap();
            assert_eq!(head(&reader), before, "what was rolled back changed it");
            writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
            assert_ne!(head(&reader), before, "a commit did not change it");
            if round % 10 == 0 {
                let committed = head(&reader);
                writer
                    .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
                    .unwrap();
                let emptied = head(&reader);
                writer.execute_batch("UPDATE t SET n = 2").unwrap();
                assert!(![committed, emptied].contains(&head(&reader)));
            }
        }
    }
}

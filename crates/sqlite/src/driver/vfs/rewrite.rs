//! Rewrites the WAL after a sync found no room.
//!
//! After a failed sync, the kernel may treat pages as clean that never reached the disk, or drop them, and the next
//! sync succeeds although they are missing. So that sync only covers writes after the failure. It is unknown which
//! frames the failed sync was about: other processes write to the WAL, too, and commits under `normal` are not synced.
//! So all frames are read back, compared with their checksums, and written again.
//!
//! <https://sqlite.org/fileformat2.html#the_write_ahead_log> describes frames and checksums.

use rusqlite::ffi;

use super::super::statements::Connection;
use super::super::wal_index;
use super::appended::{FIRST_FRAME, FRAME_HEADER, PAGE};
use super::{LogFile, checked, original_of, with_log, write_original};
use crate::error::{Error, Result};

/// Frames that are written at once: as many as SQLite's function takes.
const FRAMES_AT_ONCE: usize = 31;
const FRAME: usize = FRAME_HEADER + PAGE;
/// In the header of the WAL: checksums take its numbers as big-endian ones.
const BIG_ENDIAN: u32 = 0x377f_0683;
const LITTLE_ENDIAN: u32 = 0x377f_0682;

/// Rewrites the commits in the WAL of `connection`, which is in a write transaction and has written nothing yet.
///
/// # Errors
/// `Io` if it does not hold them any more.
pub(in super::super::super) fn rewrite(connection: &Connection) -> Result<()> {
    let head = wal_index::head(connection);
    let head = head.ok_or_else(|| Error::internal("the database has no WAL-index"))?;
    if head.frames() == 0 {
        return Ok(());
    }
    let copied = with_log(connection, |log| rewrite_frames(log, head.frames()))??;
    match copied == head.checksum() {
        true => Ok(()),
        false => Err(lost()),
    }
}

/// Writes the header and so many frames again, and returns the checksum of the last one.
fn rewrite_frames(log: &mut LogFile, frames: u32) -> Result<[u32; 2]> {
    let mut header = [0; FIRST_FRAME as usize];
    read(log, 0, &mut header)?;
    let is_big_endian = match word(&header, 0, true) {
        BIG_ENDIAN => true,
        LITTLE_ENDIAN => false,
        _ => return Err(lost()),
    };
    let checksum = |sum, bytes: &[u8]| checksum(sum, bytes, is_big_endian);
    let mut sum = checksum([0; 2], &header[..24]);
    if sum != [word(&header, 24, true), word(&header, 28, true)] {
        return Err(lost());
    }
    write(log, 0, &header)?;
    let mut piece = vec![0; FRAMES_AT_ONCE * FRAME];
    let mut offset = FIRST_FRAME;
    let mut left = frames as usize;
    while left > 0 {
        let count = left.min(FRAMES_AT_ONCE);
        let piece = &mut piece[..count * FRAME];
        read(log, offset, piece)?;
        for frame in piece.chunks(FRAME) {
            let (header, page) = frame.split_at(FRAME_HEADER);
            sum = checksum(checksum(sum, &header[..8]), page);
            if sum != [word(header, 16, true), word(header, 20, true)] {
                return Err(lost());
            }
        }
        write(log, offset, piece)?;
        offset += piece.len() as i64;
        left -= count;
    }
    Ok(sum)
}

fn checksum([mut first, mut second]: [u32; 2], bytes: &[u8], is_big_endian: bool) -> [u32; 2] {
    for at in (0..bytes.len()).step_by(8) {
        first = first
            .wrapping_add(word(bytes, at, is_big_endian))
            .wrapping_add(second);
        second = second
            .wrapping_add(word(bytes, at + 4, is_big_endian))
            .wrapping_add(first);
    }
    [first, second]
}

fn word(bytes: &[u8], at: usize, is_big_endian: bool) -> u32 {
    let word = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    match is_big_endian {
        true => u32::from_be_bytes(word),
        false => u32::from_le_bytes(word),
    }
}

fn read(log: &mut LogFile, offset: i64, into: &mut [u8]) -> Result<()> {
    let file = std::ptr::from_mut(log);
    // SAFETY: it is an open log, which nobody else uses meanwhile, and there is room for so many bytes.
    let code = unsafe {
        let original = original_of(file);
        match (*original)
            .pMethods
            .as_ref()
            .and_then(|methods| methods.xRead)
        {
            Some(read) => read(
                original,
                into.as_mut_ptr().cast(),
                into.len() as i32,
                offset,
            ),
            None => ffi::SQLITE_IOERR,
        }
    };
    match code {
        ffi::SQLITE_IOERR_SHORT_READ => Err(lost()),
        code => checked(code),
    }
}

fn write(log: &mut LogFile, offset: i64, bytes: &[u8]) -> Result<()> {
    // SAFETY: it is an open log, which nobody else uses meanwhile.
    checked(unsafe { write_original(std::ptr::from_mut(log).cast(), offset, bytes) })
}

fn lost() -> Error {
    let what = "the write-ahead log lost commits that were not synced";
    Error::io(what, std::io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::db::connection::{self, Role};
    use crate::driver::vfs;

    /// A WAL of 102 frames, whose last transaction is open.
    fn open(directory: &std::path::Path) -> Connection {
        let path = directory.join("db");
        let connection = connection::open(&path, Role::Creator, 1024).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)")
            .unwrap();
        for number in 0..100 {
            connection
                .execute("INSERT INTO t VALUES (?1)", [number])
                .unwrap();
        }
        connection::begin_writing(&connection).unwrap();
        connection
    }

    #[test]
    fn the_log_is_written_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let connection = open(directory.path());
        let log = directory.path().join("db-wal");
        let before = fs::read(&log).unwrap();
        let writes = vfs::writes(&connection).unwrap();
        rewrite(&connection).unwrap();
        assert_eq!(vfs::writes(&connection).unwrap() - writes, 5);
        assert_eq!(fs::read(&log).unwrap(), before);
    }

    #[test]
    fn a_page_that_was_dropped_is_noticed() {
        for (frame, expected) in [(0, false), (57, false), (99, false), (500, true)] {
            let directory = tempfile::tempdir().unwrap();
            let connection = open(directory.path());
            let log = directory.path().join("db-wal");
            let mut bytes = fs::read(&log).unwrap();
            let at = FIRST_FRAME as usize + frame * FRAME + FRAME_HEADER;
            if let Some(page) = bytes.get_mut(at..at + PAGE) {
                page.fill(0);
            }
            fs::write(&log, &bytes).unwrap();
            assert_eq!(rewrite(&connection).is_ok(), expected, "frame {frame}");
        }
    }
}

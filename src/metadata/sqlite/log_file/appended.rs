//! What was appended to the log and is not in its file yet.

/// Bytes of a frame before its page (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
const FRAME_HEADER: usize = 24;
/// Where the first frame begins: the log's own header is written at once.
const FIRST_FRAME: i64 = 32;
/// Held back at most, and so written at once: SQLite's function takes no more.
const MOST_HELD: usize = 0x1ffff;

/// Frames that follow each other, from `start` on.
#[derive(Debug, Default)]
pub(super) struct Appended {
    start: i64,
    bytes: Vec<u8>,
    last: Last,
    /// SQLite has read of the log since, when the disk was full.
    read_since: bool,
}

/// What came last.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    /// The header of a frame within a transaction.
    Header,
    /// The header of the frame that ends one.
    EndingHeader,
}

/// Why a write failed: a result code of SQLite, or there was no memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Code(i32),
    NoMemory,
}

impl Appended {
    /// Takes in `bytes`, which belong at `offset` of the file. Writes with `out` what need not wait: all but a frame
    /// that follows on what came before, until the last one of its transaction has come.
    ///
    /// SQLite goes back in the log in two ways. After a rollback it appends anew, and what is held from there on belongs
    /// to nothing any more. To put the checksums of a transaction right it writes headers again without their pages;
    /// it reads their frames before, which wrote all that was held, and each is written at once.
    ///
    /// # Errors
    /// Where `out` failed, nothing is held any more: SQLite rolls the transaction back.
    pub fn write(
        &mut self,
        offset: i64,
        bytes: &[u8],
        out: impl FnMut(i64, &[u8]) -> i32,
    ) -> Result<(), Failure> {
        let result = self.take_in(offset, bytes, out);
        if result.is_err() {
            *self = Appended::default();
        }
        result
    }

    fn take_in(
        &mut self,
        offset: i64,
        bytes: &[u8],
        mut out: impl FnMut(i64, &[u8]) -> i32,
    ) -> Result<(), Failure> {
        let before = std::mem::take(&mut self.last);
        let is_header = bytes.len() == FRAME_HEADER && offset >= FIRST_FRAME;
        if is_header && !self.bytes.is_empty() && !self.read_since {
            self.give_up_from(offset);
        }
        if offset != self.end() || !is_header && before == Last::Other {
            self.flush(&mut out)?;
            done(out(offset, bytes))?;
            self.start = offset + bytes.len() as i64;
            return Ok(());
        }
        if self.bytes.len() + bytes.len() > MOST_HELD {
            self.flush(&mut out)?;
        }
        self.hold(bytes)?;
        if is_header {
            // The size of the database after the transaction that this frame ends; else 0.
            let ends = bytes[4..8] != [0; 4];
            self.last = if ends {
                Last::EndingHeader
            } else {
                Last::Header
            };
        } else if before == Last::EndingHeader {
            self.flush(out)?;
        }
        Ok(())
    }

    /// Writes with `out` what is held, before `length` bytes at `offset` are read. If there is no room for it, that
    /// matters only to who reads it.
    pub fn before_read(
        &mut self,
        offset: i64,
        length: i64,
        out: impl FnMut(i64, &[u8]) -> i32,
    ) -> Result<(), Failure> {
        let is_held = offset < self.end() && self.start < offset + length;
        let written = self.flush(out);
        self.read_since = written.is_err();
        if is_held { written } else { Ok(()) }
    }

    /// Writes what is held with `out`.
    pub fn flush(&mut self, mut out: impl FnMut(i64, &[u8]) -> i32) -> Result<(), Failure> {
        if !self.bytes.is_empty() {
            done(out(self.start, &self.bytes))?;
            self.start = self.end();
            self.bytes.clear();
            self.read_since = false;
        }
        Ok(())
    }

    /// Where the next frame goes, if it follows.
    fn end(&self) -> i64 {
        self.start + self.bytes.len() as i64
    }

    fn give_up_from(&mut self, offset: i64) {
        if offset < self.end() {
            self.bytes.truncate((offset - self.start).max(0) as usize);
            self.start = self.start.min(offset);
        }
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes
            .try_reserve(bytes.len())
            .map_err(|_| Failure::NoMemory)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

fn done(code: i32) -> Result<(), Failure> {
    match code {
        0 => Ok(()),
        code => Err(Failure::Code(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file, and how often it was written.
    #[derive(Default)]
    struct File {
        bytes: Vec<u8>,
        writes: usize,
        full: bool,
    }

    impl File {
        fn write(&mut self, offset: i64, bytes: &[u8]) -> i32 {
            if self.full {
                return FULL;
            }
            let (start, end) = (offset as usize, offset as usize + bytes.len());
            self.bytes.resize(self.bytes.len().max(end), 0);
            self.bytes[start..end].copy_from_slice(bytes);
            self.writes += 1;
            0
        }
    }

    /// `SQLITE_FULL`.
    const FULL: i32 = 13;
    const PAGE: usize = 512;
    const FRAME: usize = FRAME_HEADER + PAGE;

    fn place(frame: usize) -> i64 {
        FIRST_FRAME + (frame * FRAME) as i64
    }

    /// Appends a frame full of `mark`; it ends a transaction if `ends`.
    fn append(
        appended: &mut Appended,
        file: &mut File,
        frame: usize,
        mark: u8,
        ends: bool,
    ) -> Result<(), Failure> {
        let mut header = [mark; FRAME_HEADER];
        header[4..8].copy_from_slice(&u32::from(ends).to_be_bytes());
        appended.write(place(frame), &header, |offset, bytes| {
            file.write(offset, bytes)
        })?;
        let page = place(frame) + FRAME_HEADER as i64;
        appended.write(page, &[mark; PAGE], |offset, bytes| {
            file.write(offset, bytes)
        })
    }

    fn marks(file: &File) -> Vec<u8> {
        (0..)
            .map_while(|frame| file.bytes.get(place(frame) as usize + FRAME_HEADER))
            .copied()
            .collect()
    }

    /// A log whose own header is written.
    fn log() -> (Appended, File) {
        let (mut appended, mut file) = <(Appended, File)>::default();
        let begun = appended.write(0, &[0; 32], |offset, bytes| file.write(offset, bytes));
        begun.unwrap();
        file.writes = 0;
        (appended, file)
    }

    #[test]
    fn a_transaction_is_written_at_once_when_its_last_frame_comes() {
        let (mut appended, mut file) = log();
        for (frame, ends) in [(0, false), (1, false), (2, true), (3, true)] {
            append(&mut appended, &mut file, frame, 7 + frame as u8, ends).unwrap();
            assert_eq!(file.writes, [0, 0, 1, 2][frame]);
        }
        assert_eq!(marks(&file), [7, 8, 9, 10]);
    }

    #[test]
    fn frames_after_a_rollback_take_the_place_of_those_before() {
        let (mut appended, mut file) = log();
        append(&mut appended, &mut file, 0, 1, true).unwrap();
        for frame in 1..5 {
            append(&mut appended, &mut file, frame, 2, false).unwrap();
        }
        // To a savepoint, then all of it.
        append(&mut appended, &mut file, 3, 3, false).unwrap();
        assert_eq!(file.writes, 1);
        append(&mut appended, &mut file, 1, 4, true).unwrap();
        assert_eq!((file.writes, &*marks(&file)), (2, &[1, 4][..]));
    }

    #[test]
    fn headers_that_are_put_right_are_written_at_once() {
        let (mut appended, mut file) = log();
        append(&mut appended, &mut file, 0, 1, false).unwrap();
        append(&mut appended, &mut file, 1, 2, true).unwrap();
        for frame in 0..2 {
            appended.flush(|_, _| panic!("nothing is held")).unwrap();
            let again = appended.write(place(frame), &[9; FRAME_HEADER], |offset, bytes| {
                file.write(offset, bytes)
            });
            again.unwrap();
            assert_eq!(file.bytes[place(frame) as usize], 9);
        }
        append(&mut appended, &mut file, 2, 3, true).unwrap();
        append(&mut appended, &mut file, 3, 4, true).unwrap();
        assert_eq!(marks(&file), [1, 2, 3, 4]);
    }

    #[test]
    fn a_page_that_is_written_again_comes_after_the_first_time() {
        let (mut appended, mut file) = log();
        append(&mut appended, &mut file, 0, 1, false).unwrap();
        append(&mut appended, &mut file, 1, 2, false).unwrap();
        let page = place(0) + FRAME_HEADER as i64;
        let again = appended.write(page, &[5; PAGE], |offset, bytes| file.write(offset, bytes));
        again.unwrap();
        assert_eq!((file.writes, &*marks(&file)), (2, &[5, 2][..]));
        append(&mut appended, &mut file, 2, 3, true).unwrap();
        assert_eq!(marks(&file), [5, 2, 3]);
    }

    #[test]
    fn a_large_transaction_goes_out_in_pieces() {
        let (mut appended, mut file) = log();
        let frames = 3 * MOST_HELD / FRAME;
        for frame in 0..frames {
            append(&mut appended, &mut file, frame, 1, false).unwrap();
            assert!(appended.bytes.len() <= MOST_HELD);
        }
        assert!((2..=3).contains(&file.writes), "{} writes", file.writes);
    }

    #[test]
    fn what_a_full_disk_refused_is_given_up() {
        let (mut appended, mut file) = log();
        append(&mut appended, &mut file, 0, 1, true).unwrap();
        append(&mut appended, &mut file, 1, 2, false).unwrap();
        file.full = true;
        let failed = append(&mut appended, &mut file, 2, 3, true);
        assert_eq!(failed, Err(Failure::Code(FULL)));
        let read = appended.before_read(0, place(3), |_, _| panic!("something is held"));
        assert_eq!(read, Ok(()));
        file.full = false;
        append(&mut appended, &mut file, 1, 4, true).unwrap();
        assert_eq!(marks(&file), [1, 4]);
    }

    #[test]
    fn a_full_disk_keeps_nobody_from_reading_what_was_there_before() {
        let (mut appended, mut file) = log();
        append(&mut appended, &mut file, 0, 1, true).unwrap();
        append(&mut appended, &mut file, 1, 2, false).unwrap();
        file.full = true;
        let mut read = |file: &mut File, frame| {
            appended.before_read(place(frame), FRAME as i64, |offset, bytes| {
                file.write(offset, bytes)
            })
        };
        assert_eq!(read(&mut file, 0), Ok(()));
        assert_eq!(read(&mut file, 1), Err(Failure::Code(FULL)));
        // What comes may be the header of a frame that was read: what is held counts.
        file.full = false;
        append(&mut appended, &mut file, 0, 3, false).unwrap();
        assert_eq!(marks(&file), [3, 2]);
    }

    #[test]
    fn a_frame_elsewhere_is_written_at_once() {
        let (mut appended, mut file) = log();
        append(&mut appended, &mut file, 0, 1, false).unwrap();
        append(&mut appended, &mut file, 2, 3, false).unwrap();
        assert_eq!((file.writes, &*marks(&file)), (3, &[1, 0, 3][..]));
    }
}

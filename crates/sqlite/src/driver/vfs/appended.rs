//! The frames of a commit that are not written to the WAL yet.

/// Bytes of a frame before its page (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
pub(super) const FRAME_HEADER: usize = 24;
/// Where the first frame begins: behind the log's own header.
pub(super) const FIRST_FRAME: i64 = 32;
/// Bytes of a page. Where a database has others, each piece is written at once.
pub(super) const PAGE: usize = 4096;
/// Most bytes that are collected, and written in one call: SQLite's function takes no more.
const MOST_HELD: usize = 0x1ffff;

/// Frames of one commit that follow each other, from `start` on.
#[derive(Debug, Default)]
pub(super) struct Appended {
    start: i64,
    bytes: Vec<u8>,
    state: State,
    /// The number of the commit that `state` and `bytes` belong to.
    commit: u64,
    /// The last frame of the newest commit was written.
    is_whole: bool,
}

/// What comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Frame,
    /// The page of a frame.
    Page,
    /// The page of the frame that ends the transaction.
    LastPage,
    /// No collected frame: the transaction is complete, or failed.
    Rest,
}

/// Why a write failed: a result code of SQLite, or there was no memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Code(i32),
    NoMemory,
}

impl Appended {
    /// Takes `bytes` at `offset` of the file, for the commit of this number. Collects consecutive frames until the last
    /// one of the transaction, and writes everything else with `out`. Bytes outside of a commit, number 0, are written
    /// at once: their transaction may be rolled back, and the VFS is not notified of that.
    ///
    /// # Errors
    /// If `out` failed, all collected frames are dropped: SQLite rolls the transaction back.
    pub fn write(
        &mut self,
        commit: u64,
        offset: i64,
        bytes: &[u8],
        out: impl FnMut(i64, &[u8]) -> i32,
    ) -> Result<(), Failure> {
        self.drop_others(commit);
        let result = self.take_in(offset, bytes, out);
        self.drop_if_failed(result)
    }

    fn take_in(
        &mut self,
        offset: i64,
        bytes: &[u8],
        mut out: impl FnMut(i64, &[u8]) -> i32,
    ) -> Result<(), Failure> {
        let is_header = self.state == State::Frame && is_header(offset, bytes);
        let is_page = matches!(self.state, State::Page | State::LastPage)
            && offset == self.end()
            && bytes.len() == PAGE;
        if self.commit == 0 || !is_header && !is_page {
            self.flush(&mut out)?;
            return done(out(offset, bytes));
        }
        if offset != self.end() || self.bytes.len() + bytes.len() > MOST_HELD {
            self.flush(&mut out)?;
            self.start = offset;
        }
        self.hold(bytes)?;
        self.state = match self.state {
            // The size of the database after the transaction that this frame ends; else 0.
            State::Frame if bytes[4..8] != [0; 4] => State::LastPage,
            State::Frame => State::Page,
            State::Page => State::Frame,
            State::LastPage | State::Rest => {
                self.flush(out)?;
                self.is_whole = true;
                State::Rest
            }
        };
        Ok(())
    }

    /// Returns how many pages the database has after the commit of this number, if `bytes` at `offset` begin its last frame.
    pub fn pages_after(&self, commit: u64, offset: i64, bytes: &[u8]) -> Option<u32> {
        let begins_frame = self.commit != commit || self.state == State::Frame;
        let pages = bytes.get(4..8)?.try_into().map(u32::from_be_bytes).ok()?;
        (commit != 0 && begins_frame && is_header(offset, bytes) && pages != 0).then_some(pages)
    }

    /// Drops the collected frames: the commit of this number failed, perhaps before its first frame.
    pub fn fail(&mut self, commit: u64) {
        self.drop_others(commit);
        self.bytes.clear();
        self.state = State::Rest;
    }

    /// Returns whether all of the newest commit was written, so that it may reappear if it failed.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Writes the collected frames with `out`, if they belong to the commit of this number.
    ///
    /// # Errors
    /// As [`Appended::write`].
    pub fn write_held(
        &mut self,
        commit: u64,
        out: impl FnMut(i64, &[u8]) -> i32,
    ) -> Result<(), Failure> {
        self.drop_others(commit);
        let result = self.flush(out);
        self.drop_if_failed(result)
    }

    fn drop_if_failed(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        if result.is_err() {
            self.fail(self.commit);
        }
        result
    }

    /// A commit that is over has left nothing here, or failed.
    fn drop_others(&mut self, commit: u64) {
        if self.commit != commit {
            self.bytes.clear();
            self.state = State::default();
            self.commit = commit;
            // What follows a commit says nothing of it.
            self.is_whole &= commit == 0;
        }
    }

    fn flush(&mut self, mut out: impl FnMut(i64, &[u8]) -> i32) -> Result<(), Failure> {
        if !self.bytes.is_empty() {
            done(out(self.start, &self.bytes))?;
            self.start = self.end();
            self.bytes.clear();
        }
        Ok(())
    }

    /// Where what follows goes.
    fn end(&self) -> i64 {
        self.start + self.bytes.len() as i64
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes
            .try_reserve(bytes.len())
            .map_err(|_| Failure::NoMemory)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

fn is_header(offset: i64, bytes: &[u8]) -> bool {
    let frame = (FRAME_HEADER + PAGE) as i64;
    bytes.len() == FRAME_HEADER && offset >= FIRST_FRAME && (offset - FIRST_FRAME) % frame == 0
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

    /// `SQLITE_FULL`.
    const FULL: i32 = 13;
    const FRAME: usize = FRAME_HEADER + PAGE;

    /// A file of which the pieces are kept, as they were written.
    #[derive(Default)]
    struct Log {
        appended: Appended,
        bytes: Vec<u8>,
        writes: usize,
        full: bool,
    }

    impl Log {
        fn write(&mut self, commit: u64, offset: i64, piece: &[u8]) -> Result<(), Failure> {
            let Log {
                appended,
                bytes,
                writes,
                full,
            } = self;
            appended.write(commit, offset, piece, |offset, piece| {
                if *full {
                    return FULL;
                }
                let (start, end) = (offset as usize, offset as usize + piece.len());
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(piece);
                *writes += 1;
                0
            })
        }

        /// Appends a frame full of `mark`; it ends a transaction if `ends`.
        fn append(
            &mut self,
            commit: u64,
            frame: usize,
            mark: u8,
            ends: bool,
        ) -> Result<(), Failure> {
            let mut header = [mark; FRAME_HEADER];
            header[4..8].copy_from_slice(&u32::from(ends).to_be_bytes());
            self.write(commit, place(frame), &header)?;
            self.write(commit, place(frame) + FRAME_HEADER as i64, &[mark; PAGE])
        }

        fn marks(&self) -> Vec<u8> {
            (0..)
                .map_while(|frame| self.bytes.get(place(frame) as usize + FRAME_HEADER))
                .copied()
                .collect()
        }
    }

    fn place(frame: usize) -> i64 {
        FIRST_FRAME + (frame * FRAME) as i64
    }

    #[test]
    fn a_commit_is_written_in_one_piece_when_its_last_frame_comes() {
        let mut log = Log::default();
        for (frame, commit, ends) in [(0, 1, false), (1, 1, false), (2, 1, true), (3, 2, true)] {
            log.append(commit, frame, 7 + frame as u8, ends).unwrap();
            assert_eq!(log.writes, [0, 0, 1, 2][frame]);
        }
        assert_eq!(log.marks(), [7, 8, 9, 10]);
    }

    #[test]
    fn outside_of_a_commit_all_is_written_at_once() {
        let mut log = Log::default();
        log.append(0, 0, 1, false).unwrap();
        assert_eq!((log.writes, log.marks()), (2, vec![1]));
    }

    #[test]
    fn headers_that_are_put_right_after_the_last_frame_are_written_at_once() {
        let mut log = Log::default();
        log.append(0, 0, 1, false).unwrap();
        log.append(1, 1, 2, true).unwrap();
        for frame in 0..2 {
            log.write(1, place(frame), &[9; FRAME_HEADER]).unwrap();
            assert_eq!(log.bytes[place(frame) as usize], 9);
        }
        assert_eq!(log.marks(), [1, 2]);
    }

    #[test]
    fn a_page_that_is_written_again_comes_after_what_was_before() {
        let mut log = Log::default();
        log.append(1, 0, 1, false).unwrap();
        log.append(1, 1, 2, false).unwrap();
        let page = place(0) + FRAME_HEADER as i64;
        log.write(1, page, &[5; PAGE]).unwrap();
        log.append(1, 2, 3, true).unwrap();
        assert_eq!(log.marks(), [5, 2, 3]);
    }

    #[test]
    fn pieces_of_a_frame_are_written_at_once() {
        let mut log = Log::default();
        let header = [1; FRAME_HEADER];
        let page = place(0) + FRAME_HEADER as i64;
        log.write(1, place(0), &header).unwrap();
        let split = PAGE - FRAME_HEADER;
        log.write(1, page, &[1; PAGE][split..]).unwrap();
        log.write(1, page + split as i64, &[2; FRAME_HEADER])
            .unwrap();
        assert_eq!(log.bytes.len(), place(1) as usize);
    }

    #[test]
    fn a_large_commit_goes_out_in_pieces() {
        let mut log = Log::default();
        let frames = 3 * MOST_HELD / FRAME;
        for frame in 0..frames {
            log.append(1, frame, 1, false).unwrap();
            assert!(log.appended.bytes.len() <= MOST_HELD);
        }
        log.append(1, frames, 1, true).unwrap();
        assert_eq!(log.marks(), vec![1; frames + 1]);
        assert!((3..=4).contains(&log.writes), "{} writes", log.writes);
    }

    #[test]
    fn what_a_full_disk_refused_is_dropped() {
        let mut log = Log::default();
        log.append(1, 0, 1, true).unwrap();
        log.append(2, 1, 2, false).unwrap();
        log.full = true;
        assert_eq!(log.append(2, 2, 3, true), Err(Failure::Code(FULL)));
        let held = log
            .appended
            .write_held(2, |_, _| panic!("something is held"));
        assert_eq!(held, Ok(()));
        log.full = false;
        log.append(3, 1, 4, true).unwrap();
        assert_eq!(log.marks(), [1, 4]);
    }

    #[test]
    fn a_commit_that_failed_before_its_first_piece_is_not_whole() {
        let mut log = Log::default();
        log.append(1, 0, 1, true).unwrap();
        assert!(log.appended.is_whole());
        log.appended.fail(2);
        assert!(!log.appended.is_whole(), "it is taken for the one before");
        log.append(3, 1, 2, true).unwrap();
        assert!(log.appended.is_whole());
        assert_eq!(log.marks(), [1, 2]);
    }

    #[test]
    fn what_could_not_be_written_before_a_read_is_dropped() {
        let mut log = Log::default();
        log.append(1, 0, 1, false).unwrap();
        let refused = log.appended.write_held(1, |_, _| FULL);
        assert_eq!(refused, Err(Failure::Code(FULL)));
        let again = log
            .appended
            .write_held(1, |_, _| panic!("something is held"));
        assert_eq!(again, Ok(()));
    }

    #[test]
    fn what_a_failed_commit_left_is_written_by_nobody() {
        for next in [0, 2] {
            let mut log = Log::default();
            log.append(1, 0, 1, false).unwrap();
            let held = log
                .appended
                .write_held(next, |_, _| panic!("something is held"));
            assert_eq!(held, Ok(()));
            assert_eq!(log.writes, 0);
        }
    }
}

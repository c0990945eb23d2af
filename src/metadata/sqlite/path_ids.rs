//! New ids of files and directories.

use parking_lot::Mutex;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};
use crate::metadata::{Micros, PathId};

/// Random bytes of one id.
const RANDOM: usize = 8;
/// Random bytes that are asked for at once; the system never cuts a request of this size short.
const DRAWN: usize = 256;

/// Makes path ids, with random bytes that are asked of the system for many ids at once.
///
/// It lives as long as its engine, so no two processes ever draw from the same bytes: a child that is
/// forked while an engine is open cannot use it.
#[derive(Debug, Default)]
pub(super) struct PathIds(Mutex<Pool>);

#[derive(Debug)]
struct Pool {
    bytes: [u8; DRAWN],
    /// Where the bytes begin that were not used yet.
    next: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Pool {
            bytes: [0; DRAWN],
            next: DRAWN,
        }
    }
}

impl PathIds {
    /// Returns the id of what comes to be at `time`.
    pub fn next(&self, time: Micros) -> Result<PathId> {
        self.0.lock().take().map(|random| PathId::at(time, random))
    }
}

impl Pool {
    fn take(&mut self) -> Result<[u8; RANDOM]> {
        if self.next == self.bytes.len() {
            let got = getrandom(&mut self.bytes, GetRandomFlags::empty())
                .map_err(|error| Error::io("cannot draw random bytes", error.into()))?;
            if got < self.bytes.len() {
                return Err(Error::internal("the system gave too few random bytes"));
            }
            self.next = 0;
        }
        let random = self.bytes[self.next..].first_chunk().copied();
        self.next = (self.next + RANDOM).min(self.bytes.len());
        random.ok_or_else(|| Error::internal("random bytes are used up"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_differ_and_follow_their_times() {
        let ids = PathIds::default();
        let times = (0..1000).map(|n| 1_700_000_000_000_000 + n * 7);
        let made: Vec<_> = times.map(|time| ids.next(time).unwrap()).collect();
        assert!(made.is_sorted(), "ids are not in the order of their times");
        let same: BTreeSet<_> = (0..1000).map(|_| ids.next(5).unwrap()).collect();
        assert_eq!(same.len(), 1000, "an id was given twice");
    }
}

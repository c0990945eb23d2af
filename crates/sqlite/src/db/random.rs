//! Random bytes, which are requested from the system for many uses at once.

use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};

/// Random bytes of one use.
const WORD: usize = 8;
/// Random bytes that are asked for at once; the system never cuts a request of this size short.
const DRAWN: usize = 256;

/// Random bytes that were drawn and not used yet.
///
/// It lives as long as its engine, so no two processes ever draw from the same bytes: a child that is
/// forked while an engine is open cannot use it.
#[derive(Debug)]
pub(in super::super) struct RandomPool {
    bytes: [u8; DRAWN],
    /// Where the bytes begin that were not used yet.
    next: usize,
}

impl Default for RandomPool {
    fn default() -> Self {
        RandomPool {
            bytes: [0; DRAWN],
            next: DRAWN,
        }
    }
}

impl RandomPool {
    /// Returns unguessable bytes.
    pub fn take(&mut self) -> Result<[u8; WORD]> {
        if self.next == self.bytes.len() {
            let got = getrandom(&mut self.bytes, GetRandomFlags::empty())
                .map_err(|error| Error::io("cannot draw random bytes", error.into()))?;
            if got < self.bytes.len() {
                return Err(Error::internal("the system gave too few random bytes"));
            }
            self.next = 0;
        }
        let random = self.bytes[self.next..].first_chunk().copied();
        self.next = (self.next + WORD).min(self.bytes.len());
        random.ok_or_else(|| Error::internal("random bytes are used up"))
    }

    /// Returns a number from 0 to `bound` - 1, each as likely as the others but for one part in 2^64 / `bound`.
    pub fn below(&mut self, bound: i64) -> Result<i64> {
        let random = u64::from_ne_bytes(self.take()?);
        Ok(((u128::from(random) * bound.max(1) as u128) >> 64) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_over_their_range() {
        let mut pool = RandomPool::default();
        let mut seen = [0; 8];
        for _ in 0..8000 {
            seen[pool.below(8).unwrap() as usize] += 1;
        }
        assert!(
            seen.iter().all(|times| (700..1300).contains(times)),
            "{seen:?}"
        );
        assert_eq!(pool.below(1).unwrap(), 0);
    }
}

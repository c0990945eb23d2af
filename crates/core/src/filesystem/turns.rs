//! Serialises appends to one file.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};

/// How often a waiting call looks whether it was interrupted.
const INTERRUPT_CHECK: Duration = Duration::from_millis(20);

/// Locks for files, by their paths. Two files may share one.
pub(super) struct Turns {
    locks: [Mutex<()>; 64],
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        Turns {
            locks: [const { Mutex::new(()) }; 64],
            hasher: RandomState::new(),
        }
    }
}

impl Turns {
    /// Waits for a turn at the file at `path`, which lasts until the result is dropped.
    ///
    /// # Errors
    /// `Cancelled`; `Busy` when the call's patience ends.
    pub fn wait(&self, path: &str, call: &Call) -> Result<MutexGuard<'_, ()>> {
        let number = self.hasher.hash_one(path) as usize % self.locks.len();
        let deadline = call.busy_deadline();
        loop {
            if let Some(turn) = self.locks[number].try_lock_for(INTERRUPT_CHECK) {
                return Ok(turn);
            }
            call.check()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let what = "timed out waiting for others to append to the same file";
                return Err(Error::new(ErrorKind::Busy, what));
            }
        }
    }
}

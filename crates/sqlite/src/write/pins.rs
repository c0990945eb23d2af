//! The lock between copies of a store and removals of contents.
//!
//! A copy needs the contents that its snapshot of the database names, however long it takes. It holds a shared lock
//! (`flock`) on a file beside the database. So does, briefly, a writer of a content whose removal a dead process left.
//! A removal holds the exclusive lock, and does not begin without it. The kernel releases the lock with the process, so
//! a killed copy pins nothing, and a slow or suspended one never loses its pin.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::call::Call;
use nexusfs_core::host::directory::lock_file_at;
use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, ErrorKind, Result};

/// How long a copy waits between attempts while contents are being removed.
const PAUSE: Duration = Duration::from_micros(200);
const FAILED: &str = "cannot lock the contents of the store";

/// The lock of one database.
#[derive(Debug)]
pub(in super::super) struct Pins {
    path: PathBuf,
}

/// A held lock, shared or exclusive.
#[derive(Debug)]
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Unlocked explicitly: a forked child may have the file open, too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Pins {
    /// Returns the lock that belongs to the database at `database`.
    pub fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-pins");
        Pins { path: path.into() }
    }

    /// Keeps the files of contents that are dropped from now on, until the result is dropped.
    pub fn hold(&self, call: &Call) -> Result<Box<dyn Send>> {
        let held = Held(self.open()?);
        let deadline = call.busy_deadline();
        loop {
            match flock(&held.0, FlockOperation::NonBlockingLockShared) {
                Ok(()) => return Ok(Box::new(held)),
                Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(error) => return Err(failed(error.into())),
            }
            call.check()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let what = "files of dropped contents are being removed";
                return Err(Error::new(ErrorKind::Busy, what));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Takes the shared lock, unless a removal is under way.
    pub fn try_hold(&self) -> Result<Option<Box<dyn Send>>> {
        self.try_lock(FlockOperation::NonBlockingLockShared)
    }

    /// Takes the exclusive lock, unless something is pinned or a removal is under way; with `wait`, after that.
    pub fn remove(&self, wait: bool, call: &Call) -> Result<Option<Box<dyn Send>>> {
        let deadline = call.busy_deadline();
        let mut pinned = 0;
        loop {
            let taken = self.try_lock(FlockOperation::NonBlockingLockExclusive)?;
            if taken.is_some() || !wait {
                return Ok(taken);
            }
            // Once may be because a removal ended in between.
            pinned += u32::from(self.try_hold()?.is_some());
            if pinned == 2 {
                return Ok(None);
            }
            call.check()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }

    fn try_lock(&self, operation: FlockOperation) -> Result<Option<Box<dyn Send>>> {
        let held = Held(self.open()?);
        match flock(&held.0, operation) {
            Ok(()) => Ok(Some(Box::new(held))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(failed(error.into())),
        }
    }

    fn open(&self) -> Result<File> {
        Ok(lock_file_at(&self.path, FAILED)?)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io(FAILED, error)
}

//! The lock of a data directory.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::call::Call;
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::host::directory::{Directory, refused};
use nexusfs_core::host::layout::LOCK;
use rustix::fs::{FlockOperation, flock};

/// How long a waiter for the directory's lock sleeps between attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// The lock that serialises the creation of stores and mounts, among the threads of a process as well as across processes.
pub(crate) struct DirectoryLock {
    file: File,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // A child that was forked meanwhile has the file open, too: closing it here would not be enough.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl DirectoryLock {
    /// Takes the lock of `data_dir`, waiting for others as `call` allows.
    ///
    /// # Errors
    /// `Busy` saying `meanwhile`, which is what the other does; `Cancelled`, `Io`.
    pub fn take(data_dir: &Path, meanwhile: &'static str, call: &Call) -> Result<Self> {
        let failed = |error| refused("cannot lock data_dir", error);
        let file = Directory::open(data_dir)
            .and_then(|directory| directory.lock_file(LOCK))
            .map_err(failed)?;
        let deadline = call.busy_deadline();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(DirectoryLock { file }),
                Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(error) => return Err(failed(error.into())),
            }
            call.check()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Error::new(ErrorKind::Busy, meanwhile));
            }
            thread::sleep(PAUSE);
        }
    }
}

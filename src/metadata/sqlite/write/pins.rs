//! Keeping the files of dropped contents while somebody copies the store.
//!
//! A copy needs the files that its moment of the database names, however long it takes. Whoever makes one
//! holds a shared lock (`flock`) on a file beside the database; a sweep takes the exclusive one, and does
//! nothing where it cannot. The kernel drops the lock with the process, so a copy that was killed
//! pins nothing, and one that is slow or suspended never loses its pin.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};

use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::host::directory::lock_file_at;

/// How long a copy waits between attempts while files are being swept.
const PAUSE: Duration = Duration::from_millis(1);
const FAILED: &str = "cannot lock the contents of the store";

/// The lock of one database.
#[derive(Debug)]
pub(in super::super) struct Pins {
    path: PathBuf,
    /// What sweeps lock, opened once.
    sweeping: Mutex<Option<File>>,
}

/// A lock that is held, shared or not.
#[derive(Debug)]
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Not left to the closing: a forked child may have the file open too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Pins {
    /// Returns the lock that belongs to the database at `database`.
    pub fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-pins");
        Pins {
            path: path.into(),
            sweeping: Mutex::default(),
        }
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

    /// Runs `work`, which removes files, unless something is pinned. Nothing can be pinned meanwhile.
    pub fn unless_held<T: Default>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut sweeping = self.sweeping.lock();
        let file = match sweeping.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let result = match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let result = work();
                flock(&file, FlockOperation::Unlock).map_err(|error| failed(error.into()))?;
                result
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(T::default()),
            Err(error) => Err(failed(error.into())),
        };
        *sweeping = Some(file);
        result
    }

    fn open(&self) -> Result<File> {
        lock_file_at(&self.path, FAILED)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io(FAILED, error)
}

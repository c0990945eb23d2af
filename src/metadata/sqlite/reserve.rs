//! Room that a store keeps for reading and deleting on a full disk.
//!
//! Opening a database takes 32 KiB for the WAL-index, and a deletion takes room in the WAL before it frees any. So a file
//! beside the database holds some blocks. Where an opening or a deletion meets a full disk, the file becomes shorter, step
//! by step, and what it held is free for the next attempt. When there is room again, the file takes it back.
//!
//! Only room counts: the file's bytes mean nothing, and nothing is lost where the file is missing.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::fcntl::posix_fallocate;
use rustix::fs::{FlockOperation, flock, fstatvfs};

use crate::host::directory::lock_file_at;

/// What comes after the name of the database.
const SUFFIX: &str = "-reserve";
/// Bytes that the file holds where there is room.
pub(super) const WHOLE: u64 = 1024 * 1024;
/// Bytes that are given up at once: a region of the WAL-index.
pub(super) const STEP: u64 = 32 * 1024;
/// A block of most file systems: less than that is not worth taking back.
const LEAST: u64 = 4096;
/// How often another's change of the file is waited for: one takes microseconds, unless its process is stopped.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(1);

/// How often any reserve of this process was given up in part.
static GIVEN_UP: AtomicU64 = AtomicU64::new(0);

/// Returns how often any reserve of this process was given up in part. A difference says that one may have to be restored.
pub(super) fn times_given_up() -> u64 {
    GIVEN_UP.load(Ordering::Relaxed)
}

/// The reserve of one database.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    GiveUp,
    Restore,
}

impl Reserve {
    /// Returns the one that belongs to the database at `database`.
    pub fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push(SUFFIX);
        Reserve { path: path.into() }
    }

    /// Returns whether the file holds less than it should.
    pub fn is_short(&self) -> bool {
        let length = self.path.symlink_metadata().map(|file| file.len());
        !length.is_ok_and(|length| length >= WHOLE)
    }

    /// Frees one step of the file. Returns whether there was anything to free.
    pub fn give_up(&self) -> bool {
        let given_up = self.locked(Use::GiveUp, |file, length| {
            file.set_len(length.saturating_sub(STEP))?;
            Ok(length > 0)
        });
        let given_up = given_up.unwrap_or(false);
        GIVEN_UP.fetch_add(u64::from(given_up), Ordering::Relaxed);
        given_up
    }

    /// Takes as many blocks as are missing, or as there are. Returns whether none is missing any more.
    pub fn restore(&self) -> bool {
        let restored = self.locked(Use::Restore, |file, mut length| {
            // Asked first, because some file systems work hard before they say that there is no room.
            let room = fstatvfs(file)?;
            let room = room.f_bavail.saturating_mul(room.f_frsize) / LEAST * LEAST;
            let mut more = WHOLE.saturating_sub(length).min(room);
            while more >= LEAST {
                match posix_fallocate(file, length as i64, more as i64) {
                    Ok(()) => length += more,
                    // Some file systems keep the part that they could take.
                    Err(_) => file.set_len(length)?,
                }
                more = (more / 2 / LEAST * LEAST).min(WHOLE.saturating_sub(length));
            }
            Ok(length >= WHOLE)
        });
        restored.unwrap_or(false)
    }

    /// Runs `work` on the file and its length. Threads and processes change it one after the other; a restoration can
    /// wait for the next one.
    fn locked<T>(
        &self,
        what: Use,
        work: impl FnOnce(&File, u64) -> io::Result<T>,
    ) -> io::Result<T> {
        if what == Use::GiveUp && !self.path.exists() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = lock_file_at(&self.path, "cannot open the reserve").map_err(io::Error::other)?;
        let mut attempts = match what {
            Use::GiveUp => ATTEMPTS,
            Use::Restore => 1,
        };
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            attempts -= 1;
            if attempts == 0 || error != rustix::io::Errno::WOULDBLOCK {
                return Err(error.into());
            }
            thread::sleep(PAUSE);
        }
        let length = file.metadata()?.len();
        work(&file, length)
    }
}

/// A reserve that takes back what is missing when it is dropped.
pub(super) struct KeptReserve(Reserve);

impl KeptReserve {
    /// Returns the one of the database at `database`.
    pub fn of(database: &Path) -> Self {
        KeptReserve(Reserve::of(database))
    }
}

impl Drop for KeptReserve {
    fn drop(&mut self) {
        if self.0.is_short() {
            self.0.restore();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn what_is_given_up_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(&directory.path().join("db"));
        assert!(!reserve.give_up(), "nothing is there");
        assert!(reserve.is_short() && reserve.restore() && !reserve.is_short());
        let file = directory.path().join("db-reserve");
        let held = || file.metadata().unwrap().blocks() * 512;
        assert!(held() >= WHOLE, "no blocks are behind its length");
        let steps = (0..).take_while(|_| reserve.give_up()).count() as u64;
        assert_eq!((steps, held()), (WHOLE / STEP, 0));
        assert!(reserve.restore() && held() >= WHOLE);
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_not_a_file_of_its_own_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (
            directory.path().join("mine"),
            directory.path().join("db-reserve"),
        );
        std::fs::write(&target, "mine").unwrap();
        symlink(&target, &link).unwrap();
        let reserve = Reserve::of(&directory.path().join("db"));
        assert!(!reserve.restore() && !reserve.give_up());
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    }
}

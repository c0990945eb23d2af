//! The reserve: disk space for opens and deletions on a full disk.
//!
//! Opening a database needs 32 KiB for the WAL-index, and a deletion needs room in the WAL before it frees any. So a
//! file beside the database has some allocated blocks. If an open or a deletion finds the disk full, the file is
//! truncated step by step, and the freed blocks are available for the next attempt. When there is room again, the file
//! is extended again.
//!
//! Only the blocks matter: the bytes of the file mean nothing, and a missing file loses nothing.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::host::directory::lock_file_at;
use nix::errno::Errno;
use nix::fcntl::posix_fallocate;
use parking_lot::Mutex;
use rustix::fs::{FlockOperation, StatVfs, flock, fstatvfs, statvfs};

/// What comes after the name of the database.
const SUFFIX: &str = "-reserve";
/// Bytes of the file if there is room.
pub(in super::super) const WHOLE: u64 = 1024 * 1024;
/// Bytes that are given up at once: a region of the WAL-index.
pub(super) const STEP: u64 = 32 * 1024;
/// A block of most file systems: less than that is not worth taking back.
const LEAST: u64 = 4096;
/// Number of waits for another process's change of the file: a change takes microseconds, unless the process is
/// suspended.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(1);
/// Interval between attempts of an open store to refill the reserve.
const RESTORE_WAIT: Duration = Duration::from_secs(1);

/// How often any reserve of this process was given up in part.
static GIVEN_UP: AtomicU64 = AtomicU64::new(0);

/// Returns how often any reserve of this process was given up in part. A difference says that one may have to be restored.
pub(in super::super) fn times_given_up() -> u64 {
    GIVEN_UP.load(Ordering::Relaxed)
}

/// Returns how many bytes the file system of `file` has room for.
pub(in super::super) fn room(file: &Path) -> io::Result<u64> {
    Ok(room_of(&statvfs(file)?))
}

fn room_of(file_system: &StatVfs) -> u64 {
    file_system.f_bavail.saturating_mul(file_system.f_frsize)
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

/// The result of an attempt to refill the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Restored {
    Whole,
    /// There is no room for the rest, or another process changes the file.
    Short,
    /// The file system cannot keep blocks for it, or what is at its path is no file.
    Never,
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

    /// Takes as many blocks as are missing, or as there are.
    pub fn restore(&self) -> Restored {
        let restored = self.locked(Use::Restore, |file, mut length| {
            // Asked first, because some file systems work hard before they say that there is no room.
            let room = room_of(&fstatvfs(file)?);
            let mut more = WHOLE.saturating_sub(length).min(room / LEAST * LEAST);
            while more >= LEAST {
                match posix_fallocate(file, length as i64, more as i64) {
                    Ok(()) => length += more,
                    Err(Errno::EOPNOTSUPP) => return Ok(Restored::Never),
                    // Some file systems keep the part that they could take.
                    Err(_) => file.set_len(length)?,
                }
                more = (more / 2 / LEAST * LEAST).min(WHOLE.saturating_sub(length));
            }
            Ok(match length >= WHOLE {
                true => Restored::Whole,
                false => Restored::Short,
            })
        });
        restored.unwrap_or_else(|_| match self.path.symlink_metadata() {
            Ok(found) if !found.is_file() => Restored::Never,
            _ => Restored::Short,
        })
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

/// The reserve of an open store, and when an attempt to restore it was last made.
///
/// An attempt opens the file, locks it and asks for the room of the file system. So while the reserve stays short, not every
/// commit makes one.
#[derive(Debug)]
pub(in super::super) struct Upkeep {
    reserve: Reserve,
    last: Mutex<Last>,
}

/// The last attempt, and how often reserves had been given up when it began.
#[derive(Debug, Clone, Copy)]
enum Last {
    None,
    Whole(u64),
    Short(u64, Instant),
    Never,
}

impl Upkeep {
    /// Returns that of the database at `database`.
    pub fn of(database: &Path) -> Self {
        Upkeep {
            reserve: Reserve::of(database),
            last: Mutex::new(Last::None),
        }
    }

    /// Takes back what is missing, as far as there is room. Where that is not all, it is tried again in a second, or once this process
    /// gave up more; and never where it cannot succeed.
    pub fn restore(&self) {
        self.restore_at(times_given_up(), Instant::now);
    }

    fn restore_at(&self, given_up: u64, now: impl Fn() -> Instant) {
        let mut last = self.last.lock();
        let is_due = match *last {
            Last::None => true,
            Last::Whole(at) => at != given_up,
            Last::Short(at, tried) => {
                at != given_up || now().saturating_duration_since(tried) >= RESTORE_WAIT
            }
            Last::Never => false,
        };
        if is_due {
            *last = match self.reserve.restore() {
                Restored::Whole => Last::Whole(given_up),
                Restored::Short => Last::Short(given_up, now()),
                Restored::Never => Last::Never,
            };
        }
    }

    /// Returns whether this process gave up blocks, and some are missing.
    pub fn is_used(&self) -> bool {
        times_given_up() != 0 && self.reserve.is_short()
    }
}

/// A reserve that takes back what is missing when it is dropped.
pub(in super::super) struct KeptReserve(Reserve);

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
        assert!(reserve.is_short());
        assert_eq!(reserve.restore(), Restored::Whole);
        assert!(!reserve.is_short());
        let file = directory.path().join("db-reserve");
        let held = || file.metadata().unwrap().blocks() * 512;
        assert!(held() >= WHOLE, "no blocks are behind its length");
        let steps = (0..).take_while(|_| reserve.give_up()).count() as u64;
        assert_eq!((steps, held()), (WHOLE / STEP, 0));
        assert_eq!(reserve.restore(), Restored::Whole);
        assert!(held() >= WHOLE);
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
        assert_eq!(reserve.restore(), Restored::Never);
        assert!(!reserve.give_up());
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    }

    #[test]
    fn a_short_reserve_is_restored_once_a_second_or_when_more_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let upkeep = Upkeep::of(&directory.path().join("db"));
        let file = File::create(directory.path().join("db-reserve")).unwrap();
        let start = Instant::now();
        let is_whole_after = |given_up, wait| {
            upkeep.restore_at(given_up, || start + wait);
            !upkeep.reserve.is_short()
        };
        let second = RESTORE_WAIT;
        flock(&file, FlockOperation::LockExclusive).unwrap();
        assert!(!is_whole_after(0, Duration::ZERO), "another has it");
        flock(&file, FlockOperation::Unlock).unwrap();
        assert!(!is_whole_after(0, second / 2), "it was tried at once");
        assert!(is_whole_after(0, second), "it was not tried again");
        file.set_len(WHOLE - STEP).unwrap();
        assert!(!is_whole_after(0, 3 * second), "it was whole");
        assert!(is_whole_after(1, 3 * second), "more was given up");
    }

    #[test]
    fn what_can_never_be_restored_is_not_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db-reserve");
        std::fs::create_dir(&path).unwrap();
        let upkeep = Upkeep::of(&directory.path().join("db"));
        let start = Instant::now();
        upkeep.restore_at(0, || start);
        std::fs::remove_dir(&path).unwrap();
        upkeep.restore_at(1, || start + 2 * RESTORE_WAIT);
        assert!(!path.exists());
    }
}

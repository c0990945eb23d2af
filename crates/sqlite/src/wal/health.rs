//! Whether the engine may still write.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::failures::{UNSETTLED, is_failed_sync, is_out_of_room, no_space, unsettled_outcome};
use super::unacknowledged;
use crate::driver::statements::Connection;
use crate::driver::vfs::UNSYNCED;
use crate::error::{Error, ErrorKind, Result};

/// Records failed syncs, and failed commits that could not be undone. After a failed sync, the kernel may treat pages
/// as clean that never reached the disk, so a later sync proves nothing.
///
/// If the sync found no room, the WAL is written again when there is room ([`Health::settle`]). Until then, there is
/// neither a commit nor a checkpoint. After any other failure, the state of the WAL is unknown until it is opened
/// again.
#[derive(Debug, Default)]
pub(in super::super) struct Health {
    sync_failed: AtomicBool,
    /// How often a sync of the WAL found no room.
    unsynced: AtomicU64,
    /// Of these, how many the WAL was written again after.
    settled: AtomicU64,
}

impl Health {
    /// Returns an error once a sync has failed.
    pub fn check(&self) -> Result<()> {
        match self.sync_failed.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Io, OUTCOME_UNKNOWN)),
            false => Ok(()),
        }
    }

    /// Returns whether a sync of the WAL would prove that all of it is on the disk.
    pub fn is_sound(&self) -> bool {
        self.check().is_ok()
            && self.unsynced.load(Ordering::Acquire) == self.settled.load(Ordering::Acquire)
    }

    /// Makes sure that `connection`, outside of any transaction, may write.
    ///
    /// # Errors
    /// `NoSpace` while there is still no room to sync the WAL; `Io` once its state is unknown; `Busy`, `Cancelled`.
    pub fn settle(&self, connection: &Connection) -> Result<()> {
        if self.is_sound() {
            return Ok(());
        }
        self.check()?;
        let unsynced = self.unsynced.load(Ordering::Acquire);
        match unacknowledged::settle(connection, true) {
            Ok(()) => {
                self.settled.store(unsynced, Ordering::Release);
                Ok(())
            }
            Err(error) if is_out_of_room(&error) => Err(no_space()),
            Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Cancelled) => {
                Err(error)
            }
            Err(error) => Err(self.lose(error)),
        }
    }

    /// Returns `result`, after checking whether a sync failed.
    pub fn observe<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match error.sqlite_code() {
            Some(UNSYNCED) => {
                self.unsynced.fetch_add(1, Ordering::AcqRel);
                no_space()
            }
            Some(UNSETTLED) => {
                self.unsynced.fetch_add(1, Ordering::AcqRel);
                unsettled_outcome()
            }
            _ if is_failed_sync(&error) => self.lose(error),
            _ => error,
        })
    }

    fn lose(&self, error: Error) -> Error {
        self.sync_failed.store(true, Ordering::Relaxed);
        Error::new(ErrorKind::Io, OUTCOME_UNKNOWN).caused_by(error)
    }
}

const OUTCOME_UNKNOWN: &str = "the outcome of a commit is unknown; reopen the store";

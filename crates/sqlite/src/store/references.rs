//! References to contents, for the removal of their bytes.

use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::call::Call;
use nexusfs_core::config::Durability;
use nexusfs_core::content::ContentHash;
use nexusfs_core::error;
use nexusfs_core::metadata::{
    ContentCursor, ContentKey, ContentRow, Paged, PendingDeletions, References, Removal,
    Reservation,
};
use nexusfs_core::time::Micros;
use parking_lot::Mutex;

use crate::SqliteStore;
use crate::db::{connection, holders};
use crate::driver::statements::Connection;
use crate::driver::vfs;
use crate::error::{Error, ErrorKind, Result};
use crate::upkeep::check;
use crate::wal::checkpoint;
use crate::write::member::Awaited;
use crate::write::removal;

/// Interval at which a writer polls for the end of a removal.
const PAUSE: Duration = Duration::from_millis(1);

/// A connection for syncs of the WAL that do not block writers; the first sync opens it.
#[derive(Default)]
pub(in super::super) struct Syncing(Mutex<Option<Connection>>);

impl Syncing {
    /// Closes it.
    pub fn close(&self) {
        *self.0.lock() = None;
    }
}

impl SqliteStore {
    /// Makes everything durable that was committed before.
    fn sync_wal(&self, call: &Call) -> Result<()> {
        connection::waiting_as(call, || {
            let mut kept = self.syncing.0.lock();
            let connection = match kept.take() {
                Some(connection) => connection,
                None => checkpoint::open_connection(&self.path)?,
            };
            // SQLite opens the WAL at the first read.
            connection.query_row("SELECT 1 FROM store", [], |_| Ok(()))?;
            let synced = vfs::freeing(|| vfs::sync(&connection));
            self.writer.observe(synced)?;
            *kept = Some(connection);
            Ok(())
        })
    }

    /// Marks contents that `choose` returns as being removed; `None` if it returns none, or if another process removes
    /// contents or has pinned all.
    fn begin(
        &self,
        backend: &str,
        wait: bool,
        call: &Call,
        choose: impl FnOnce(&Connection, i64) -> Result<Vec<ContentHash>>,
    ) -> Result<Option<Removal>> {
        let Some(guard) = self.pins.remove(wait, call)? else {
            return Ok(None);
        };
        let hashes = self.removing(call, |connection| {
            let id = self.backends.id(backend, connection)?;
            choose(connection, id)
        })?;
        if hashes.is_empty() {
            return Ok(None);
        }
        self.sync_wal(call)?;
        Ok(Some(Removal {
            backend: backend.into(),
            hashes,
            guard,
        }))
    }

    /// Runs `work`, which makes room, in a write transaction of its own. What it changes may be lost with power.
    fn removing<T>(&self, call: &Call, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        vfs::freeing(|| self.writer.transaction_of(Durability::Normal, call, work))
    }

    fn begin_pending(
        &self,
        backend: &str,
        limit: usize,
        wait: bool,
        call: &Call,
    ) -> Result<Option<Removal>> {
        // Most often there is nothing, and no lock to be taken.
        if !self.has_pending_deletions(backend, call)? {
            return Ok(None);
        }
        let now = self.time.boot();
        self.begin(backend, wait, call, |connection, id| {
            removal::begin(connection, id, limit, now)
        })
    }

    fn begin_orphans(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> Result<Option<Removal>> {
        // Rows that come after this are in the indexes, which are asked again under the lock.
        let known = self.readers.moment(call, |connection| {
            let id = self.backends.id(backend, connection)?;
            removal::orphans(connection, id, hashes)
        })?;
        if known.is_empty() {
            return Ok(None);
        }
        let now = self.time.boot();
        self.begin(backend, true, call, |connection, id| {
            removal::begin_of(connection, id, &known, now)
        })
    }

    fn end(&self, removal: Removal, call: &Call) -> Result<()> {
        self.removing(call, |connection| {
            let id = self.backends.id(&removal.backend, connection)?;
            removal::end(connection, id, &removal.hashes)
        })
    }

    fn reserve_for(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        time: Duration,
        call: &Call,
    ) -> Result<Reservation> {
        let time = Micros::try_from(time.as_micros()).unwrap_or(Micros::MAX);
        let expires_at = self.time.boot().after(time);
        loop {
            let (backend_id, reserved) =
                self.writer
                    .transaction_of(Durability::Normal, call, |connection| {
                        let id = self.backends.id(backend, connection)?;
                        for hash in hashes {
                            if removal::begun_at(connection, id, hash)?.is_some() {
                                return Ok((id, Err(*hash)));
                            }
                        }
                        let reserved = removal::reserve(connection, id, hashes, expires_at)?;
                        Ok((id, Ok(reserved)))
                    })?;
            match reserved {
                Ok((id, held)) => {
                    return Ok(Reservation {
                        id,
                        backend: backend.into(),
                        hashes: hashes.to_vec(),
                        held,
                    });
                }
                Err(hash) => self.await_removal(Awaited { backend_id, hash }, true, call)?,
            }
        }
    }

    /// Waits until the content is not being removed any more.
    pub(super) fn await_removal(
        &self,
        awaited: Awaited,
        is_uploaded: bool,
        call: &Call,
    ) -> Result<()> {
        let Awaited { backend_id, hash } = awaited;
        let deadline = call.busy_deadline();
        loop {
            call.check()?;
            let begun = self.readers.moment(call, |connection| {
                removal::begun_at(connection, backend_id, &hash)
            })?;
            if begun.is_none() {
                return Ok(());
            }
            // If no removal is in progress, the process that marked it has died.
            if let Some(_idle) = self.pins.try_hold()? {
                let now = self.time.boot();
                let is_free =
                    self.writer
                        .transaction_of(Durability::Normal, call, |connection| {
                            removal::take_back(connection, backend_id, &hash, is_uploaded, now)
                        })?;
                if is_free {
                    return Ok(());
                }
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let what = "timed out waiting until the same content was removed";
                return Err(Error::new(ErrorKind::Busy, what));
            }
            thread::sleep(PAUSE);
        }
    }
}

impl References for SqliteStore {
    fn reserve(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        time: Duration,
        call: &Call,
    ) -> error::Result<Reservation> {
        self.reserve_for(backend, hashes, time, call)
            .map_err(Into::into)
    }

    fn release(&self, reservation: &Reservation, call: &Call) -> error::Result<()> {
        let release = |connection: &_| removal::release(connection, reservation.id);
        self.writer
            .transaction_of(Durability::Normal, call, release)
            .map_err(Into::into)
    }

    fn has_pending_deletions(&self, backend: &str, call: &Call) -> error::Result<bool> {
        self.readers
            .look(call, |connection| {
                let id = self.backends.id(backend, connection)?;
                Ok(removal::has_pending(connection, id)?)
            })
            .map_err(Into::into)
    }

    fn begin_removal(
        &self,
        backend: &str,
        limit: usize,
        wait: bool,
        call: &Call,
    ) -> error::Result<Option<Removal>> {
        self.begin_pending(backend, limit, wait, call)
            .map_err(Into::into)
    }

    fn begin_removal_of(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> error::Result<Option<Removal>> {
        self.begin_orphans(backend, hashes, call)
            .map_err(Into::into)
    }

    fn end_removal(&self, removal: Removal, call: &Call) -> error::Result<()> {
        self.end(removal, call).map_err(Into::into)
    }

    fn pin(&self, call: &Call) -> error::Result<Box<dyn Send>> {
        self.pins.hold(call).map_err(Into::into)
    }

    fn unreferenced(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> error::Result<Vec<ContentHash>> {
        self.writer
            .locked(call, |connection| {
                let id = self.backends.id(backend, connection)?;
                removal::orphans(connection, id, hashes)
            })
            .map_err(Into::into)
    }

    fn visit_pending_deletions(
        &self,
        found: &mut dyn FnMut(&PendingDeletions) -> error::Result<()>,
        call: &Call,
    ) -> error::Result<()> {
        let mut after = None;
        loop {
            let (page, next) = self.readers.moment(call, |connection| {
                let backends = self.readable_backends(connection)?;
                check::pending_deletions(connection, &backends, after)
            })?;
            page.iter().try_for_each(&mut *found)?;
            match next {
                Some(_) => after = next,
                None => return Ok(()),
            }
        }
    }

    fn contents(
        &self,
        after: Option<&ContentCursor>,
        with_data: bool,
        call: &Call,
    ) -> error::Result<Paged<ContentRow, ContentCursor>> {
        let after = after.map_or(Ok(i64::MIN), check::id_of)?;
        self.readers
            .moment(call, |connection| {
                let backends = self.readable_backends(connection)?;
                check::contents(connection, &backends, after, with_data)
            })
            .map_err(Into::into)
    }

    fn paths_of_content(
        &self,
        content: &ContentKey,
        limit: usize,
        call: &Call,
    ) -> error::Result<(Vec<String>, u64)> {
        self.readers
            .moment(call, |connection| {
                holders::paths_of(connection, content.id, content.hash.as_ref(), limit)
            })
            .map_err(Into::into)
    }
}

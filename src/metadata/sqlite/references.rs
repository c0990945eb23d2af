//! Which contents are needed, for those who keep their bytes.

use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::SqliteStore;
use super::db::connection;
use super::driver::statements::Connection;
use super::driver::vfs;
use super::wal::checkpoint;
use super::write::member::Awaited;
use super::write::removal;
use crate::call::Call;
use crate::config::Durability;
use crate::content::ContentHash;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Removal, Reservation};
use crate::time::Micros;

/// How long a writer waits between looks whether a removal has ended.
const PAUSE: Duration = Duration::from_millis(1);

/// A connection for syncs of the WAL that keep nobody from writing; opened by the first of them.
#[derive(Default)]
pub(super) struct Syncing(Mutex<Option<Connection>>);

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
            // SQLite has the WAL open once something was read.
            connection.query_row("SELECT 1 FROM store", [], |_| Ok(()))?;
            let synced = vfs::freeing(|| vfs::sync(&connection));
            self.writer.observe(synced)?;
            *kept = Some(connection);
            Ok(())
        })
    }

    /// Marks contents that `choose` returns as being removed; `None` where it returns none, or where others remove some or
    /// have pinned all.
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

    pub(super) fn begin_pending(
        &self,
        backend: &str,
        limit: usize,
        wait: bool,
        call: &Call,
    ) -> Result<Option<Removal>> {
        let now = self.time.boot();
        self.begin(backend, wait, call, |connection, id| {
            removal::begin(connection, id, limit, now)
        })
    }

    pub(super) fn begin_orphans(
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

    pub(super) fn end(&self, removal: Removal, call: &Call) -> Result<()> {
        self.removing(call, |connection| {
            let id = self.backends.id(&removal.backend, connection)?;
            removal::end(connection, id, &removal.hashes)
        })
    }

    pub(super) fn reserve_for(
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
            // Where no removal is under way, the one that marked it died.
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

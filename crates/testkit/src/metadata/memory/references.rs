//! Which contents are needed.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::call::Call;
use nexusfs_core::content::ContentHash;
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::metadata::{PendingDeletions, Removal, Reservation};

use super::MemoryStore;
use super::state::{ContentName, State};

/// How long an upload of a process that died may still be under way, in microseconds.
const UPLOAD_GRACE: i64 = 30 * 1_000_000;
/// How long to wait between attempts.
const PAUSE: Duration = Duration::from_millis(1);

impl State {
    fn is_reserved(&self, name: &ContentName) -> bool {
        self.reservations
            .keys()
            .any(|(_, reserved)| reserved == name)
    }

    /// Returns whether nothing in the store speaks of the content.
    fn is_orphan(&self, name: &ContentName) -> bool {
        !self.pending.contains_key(name) && !self.is_held_as_file(name) && !self.is_reserved(name)
    }
}

impl MemoryStore {
    pub(super) fn begin_pending(
        &self,
        backend: &str,
        limit: usize,
        wait: bool,
        call: &Call,
    ) -> Result<Option<Removal>> {
        self.begin(backend, wait, call, |state, now| {
            state.reservations.retain(|_, expires_at| *expires_at > now);
            let of_backend = |name: &&ContentName| *name.0 == *backend;
            let names: Vec<_> = state.pending.keys().filter(of_backend).cloned().collect();
            let mut begun = Vec::new();
            for name in names {
                if begun.len() == limit {
                    break;
                }
                if state.is_held_as_file(&name) {
                    state.pending.remove(&name);
                } else if !state.is_reserved(&name) {
                    begun.push(name.1);
                }
            }
            begun
        })
    }

    pub(super) fn begin_orphans(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> Result<Option<Removal>> {
        if self.orphans(backend, hashes)?.is_empty() {
            return Ok(None);
        }
        self.begin(backend, true, call, |state, _| {
            let is_orphan = |hash: &&ContentHash| state.is_orphan(&(backend.into(), **hash));
            hashes.iter().filter(is_orphan).copied().collect()
        })
    }

    /// Marks contents that `choose` returns as being removed.
    fn begin(
        &self,
        backend: &str,
        wait: bool,
        call: &Call,
        choose: impl FnOnce(&mut State, i64) -> Vec<ContentHash>,
    ) -> Result<Option<Removal>> {
        let Some(guard) = self.database.pins.remove(wait, call)? else {
            return Ok(None);
        };
        let now = self.now().boot;
        let mut state = self.database.state.lock();
        state.backend_id(backend)?;
        let hashes = choose(&mut state, now);
        if hashes.is_empty() {
            return Ok(None);
        }
        let backend: Arc<str> = backend.into();
        for hash in &hashes {
            state
                .pending
                .insert((Arc::clone(&backend), *hash), Some(now));
        }
        Ok(Some(Removal {
            backend,
            hashes,
            guard: Box::new(guard),
        }))
    }

    pub(super) fn end(&self, removal: &Removal) {
        let mut state = self.database.state.lock();
        for hash in &removal.hashes {
            state.pending.remove(&(Arc::clone(&removal.backend), *hash));
        }
    }

    pub(super) fn orphans(
        &self,
        backend: &str,
        hashes: &[ContentHash],
    ) -> Result<Vec<ContentHash>> {
        let state = self.database.state.lock();
        state.backend_id(backend)?;
        let is_orphan = |hash: &&ContentHash| state.is_orphan(&(backend.into(), **hash));
        Ok(hashes.iter().filter(is_orphan).copied().collect())
    }

    pub(super) fn reserve_for(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        time: Duration,
        call: &Call,
    ) -> Result<Reservation> {
        let time = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let expires_at = self.now().boot.saturating_add(time);
        let backend: Arc<str> = backend.into();
        let names = || hashes.iter().map(|hash| (Arc::clone(&backend), *hash));
        loop {
            let mut state = self.database.state.lock();
            state.backend_id(&backend)?;
            let is_removed = |name: &ContentName| matches!(state.pending.get(name), Some(Some(_)));
            if let Some(awaited) = names().find(is_removed) {
                drop(state);
                self.await_removal(&awaited, true, call)?;
                continue;
            }
            state.newest_reservation += 1;
            let id = state.newest_reservation;
            for name in names() {
                state.reservations.insert((id, name), expires_at);
            }
            let is_held = |name: &ContentName| state.is_held_as_file(name);
            let held = names().filter(is_held).map(|(_, hash)| hash).collect();
            return Ok(Reservation {
                id,
                backend: Arc::clone(&backend),
                hashes: hashes.to_vec(),
                held,
            });
        }
    }

    /// Waits until the content is not being removed any more.
    pub(super) fn await_removal(
        &self,
        name: &ContentName,
        is_uploaded: bool,
        call: &Call,
    ) -> Result<()> {
        let deadline = call.busy_deadline();
        loop {
            call.check()?;
            let begun_at = self
                .database
                .state
                .lock()
                .pending
                .get(name)
                .copied()
                .flatten();
            let Some(begun_at) = begun_at else {
                return Ok(());
            };
            // Where no removal is under way, the one that marked it was given up.
            if let Some(_idle) = self.database.pins.try_pin() {
                let is_over = self.now().boot >= begun_at.saturating_add(UPLOAD_GRACE);
                let mut state = self.database.state.lock();
                if (!is_uploaded || is_over)
                    && let Some(mark) = state.pending.get_mut(name)
                {
                    *mark = None;
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

    /// Returns what is pending deletion and held by nobody.
    pub(super) fn pending_deletions(&self) -> Vec<PendingDeletions> {
        let state = self.database.state.lock();
        let mut all: Vec<PendingDeletions> = Vec::new();
        for name in state.pending.keys() {
            if state.is_held_as_file(name) {
                continue;
            }
            match all.last_mut() {
                Some(last) if last.backend == name.0 => last.hashes.push(name.1),
                _ => all.push(PendingDeletions {
                    backend: Arc::clone(&name.0),
                    hashes: vec![name.1],
                }),
            }
        }
        all
    }
}

//! Folding the write-ahead log into the database.
//!
//! Each commit reports how long the log is. Each time it has grown by so many pages, a thread makes a
//! passive checkpoint, which delays nobody. Commits that follow each other without a pause add to the log
//! meanwhile, so such a checkpoint never reaches the end; the writer then folds in the short rest itself,
//! which lets the log start over. Overwriting the log is faster than growing it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::SigSet;
use parking_lot::{Condvar, Mutex};

use super::connection::{self, Role};
use super::health::Health;
use super::statements::Connection;
use crate::config::Durability;
use crate::error::{Error, Result};

/// Pages that the log may grow by before a checkpoint is due, with commits that are synced.
const DUE_PAGES_FULL: u64 = 4_000;
/// The same with commits that are not: checkpoints sync, so fewer are made.
const DUE_PAGES_NORMAL: u64 = 16_000;
/// Pages in the log (256 MiB) from which the writer waits for readers to let it start over.
const WAIT_PAGES: u64 = 65_536;
/// How long it waits, at each time that a checkpoint is due.
const READER_WAIT: Duration = Duration::from_millis(50);
/// Page cache of the checkpointing connection, in KiB; it reads the log, not the cache.
const CACHE_KIB: u32 = 64;

/// The length of the log, as the writer sees it.
#[derive(Debug, Default)]
pub(super) struct Log {
    pages: AtomicU64,
    /// Its length when a checkpoint was last due.
    due_at: AtomicU64,
    /// The thread made a checkpoint since the writer last let the log start over.
    is_folded: AtomicBool,
    health: Arc<Health>,
    /// Whether a thread makes the checkpoints.
    has_thread: bool,
    wish: Mutex<Wish>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Wish {
    #[default]
    Nothing,
    Checkpoint,
    Stop,
}

impl Log {
    /// Does what the length of the log asks for. Called by the writer after each commit, outside of any
    /// transaction.
    pub fn committed(&self, connection: &Connection, durability: Durability) {
        if self.is_folded.swap(false, Ordering::Acquire) {
            self.start_over(connection, Duration::ZERO);
            return;
        }
        let pages = self.pages.load(Ordering::Relaxed);
        let due_at = self.due_at.load(Ordering::Relaxed);
        // A log that became shorter started over.
        let grown = pages.checked_sub(due_at).unwrap_or(pages);
        let due = match durability {
            Durability::Full => DUE_PAGES_FULL,
            Durability::Normal => DUE_PAGES_NORMAL,
        };
        if pages < due_at {
            self.due_at.store(0, Ordering::Relaxed);
        }
        if grown < due {
            return;
        }
        self.due_at.store(pages, Ordering::Relaxed);
        if pages >= WAIT_PAGES {
            self.start_over(connection, READER_WAIT);
        } else if self.has_thread {
            self.ask(Wish::Checkpoint);
        } else {
            self.start_over(connection, Duration::ZERO);
        }
    }

    /// Folds in what is left of the log and lets it start over, unless readers that began earlier still
    /// need it after `patience`. What fails is tried again when a checkpoint is next due.
    fn start_over(&self, connection: &Connection, patience: Duration) {
        let _ = connection::waiting_for(patience, || {
            self.checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)")
        });
    }

    fn checkpoint(&self, connection: &Connection, pragma: &str) -> Result<()> {
        self.health
            .observe(connection.execute_batch(pragma).map_err(Into::into))
    }

    fn ask(&self, wish: Wish) {
        let mut current = self.wish.lock();
        if *current != Wish::Stop && *current != wish {
            *current = wish;
            self.changed.notify_one();
        }
    }

    fn next(&self) -> Wish {
        let mut wish = self.wish.lock();
        while *wish == Wish::Nothing {
            self.changed.wait(&mut wish);
        }
        match *wish {
            Wish::Checkpoint => std::mem::take(&mut *wish),
            other => other,
        }
    }
}

/// The thread, if there is one.
pub(super) struct Checkpointer {
    log: Arc<Log>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Watches the log that `writer` grows, with a thread of its own if `housekeeping`.
    pub fn start(
        path: &Path,
        writer: &mut Connection,
        housekeeping: bool,
        health: &Arc<Health>,
    ) -> Result<Self> {
        let log = Arc::new(Log {
            health: Arc::clone(health),
            has_thread: housekeeping,
            ..Log::default()
        });
        let seen = Arc::clone(&log);
        writer.wal_hook(Some(move |_: &mut _, pages: i32| {
            seen.pages
                .store(pages.unsigned_abs().into(), Ordering::Relaxed);
            Ok(())
        }))?;
        let thread = match housekeeping {
            true => Some(spawn(path, &log)?),
            false => None,
        };
        Ok(Checkpointer { log, thread })
    }

    /// Returns the log that is watched.
    pub fn log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// Ends the thread and waits for it.
    pub fn stop(&mut self) {
        self.log.ask(Wish::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts the thread with all signals blocked: they are the host's.
fn spawn(path: &Path, log: &Arc<Log>) -> Result<JoinHandle<()>> {
    let connection = connection::open(path, Role::Writer, CACHE_KIB)?;
    let log = Arc::clone(log);
    let failed = |error: std::io::Error| Error::io("cannot start the housekeeping thread", error);
    let before = SigSet::thread_get_mask().map_err(|error| failed(error.into()))?;
    SigSet::all()
        .thread_set_mask()
        .map_err(|error| failed(error.into()))?;
    let thread = thread::Builder::new()
        .name("nexus".to_owned())
        .spawn(move || {
            while log.next() == Wish::Checkpoint {
                let folded = log.checkpoint(&connection, "PRAGMA wal_checkpoint(PASSIVE)");
                log.is_folded.store(folded.is_ok(), Ordering::Release);
            }
        });
    before
        .thread_set_mask()
        .map_err(|error| failed(error.into()))?;
    thread.map_err(failed)
}

//! Folding the write-ahead log into the database.
//!
//! Each commit reports how long the log is. Beyond a length, a thread makes a passive checkpoint, which
//! delays nobody. Commits that follow each other without a pause keep such checkpoints from ever
//! catching up, so beyond a greater length the writer itself makes one that lets the log start over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use nix::sys::signal::SigSet;
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::connection::{self, Role};
use crate::config::Durability;
use crate::error::{Error, Result};

/// Pages in the log from which a checkpoint is due, after a commit that was synced.
const DUE_PAGES_FULL: u64 = 4_000;
/// The same after one that was not: checkpoints sync, so fewer are made.
const DUE_PAGES_NORMAL: u64 = 16_000;
/// Pages in the log from which the writer makes it start over: 256 MiB.
const RESTART_PAGES: u64 = 65_536;
/// Page cache of the checkpointing connection, in KiB; it reads the log, not the cache.
const CACHE_KIB: u32 = 64;

/// The length of the log, as the writer sees it.
#[derive(Debug, Default)]
pub(super) struct Log {
    pages: AtomicU64,
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
        let pages = self.pages.load(Ordering::Relaxed);
        let due = match durability {
            Durability::Full => DUE_PAGES_FULL,
            Durability::Normal => DUE_PAGES_NORMAL,
        };
        // A checkpoint that fails is tried again after the next commit.
        if pages >= RESTART_PAGES {
            let _ = connection.execute_batch("PRAGMA wal_checkpoint(RESTART)");
        } else if pages >= due && self.has_thread {
            self.ask(Wish::Checkpoint);
        } else if pages >= due {
            let _ = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)");
        }
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
    pub fn start(path: &Path, writer: &mut Connection, housekeeping: bool) -> Result<Self> {
        let log = Arc::new(Log {
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
                let _ = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)");
            }
        });
    before
        .thread_set_mask()
        .map_err(|error| failed(error.into()))?;
    thread.map_err(failed)
}

//! Checkpoints: copying the WAL into the database file.
//!
//! Each commit reports the length of the WAL. Each time it has grown by a number of pages, a thread makes a passive
//! checkpoint, which delays no reader and no writer. Commits without a pause append to the WAL meanwhile, so such a
//! checkpoint never reaches the end. The writer then checkpoints the short rest itself, and the WAL starts over.
//! Overwriting the WAL is faster than growing it.
//!
//! A WAL that is too long, because of a long read, is truncated: by the thread, which tries once a second until no
//! reader needs it any more, by `gc`, at the close, and at the next open.
//!
//! The thread also extends the database file before commits need it: a commit requires that the file has blocks for all
//! its pages, and would otherwise wait for their allocation.
//!
//! On a full disk, deletions need room in the WAL. [`Log::make_room`] finds it, with the help of the [reserve].

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nexusfs_core::config::Durability;
use parking_lot::{Condvar, Mutex};
use rusqlite::config::DbConfig;

use super::failures::no_space;
use super::health::Health;
use crate::db::connection::{self, Role, WAL_KEPT_BYTES};
use crate::driver::reserve::{self, Upkeep};
use crate::driver::statements::Connection;
use crate::driver::{vfs, wal_index};
use crate::error::{Error, Result};
use crate::thread;

/// Pages that the WAL may grow by before a checkpoint is due, with synced commits.
const DUE_PAGES_FULL: u64 = 4_000;
/// The same with commits that are not: checkpoints sync, so fewer are made.
const DUE_PAGES_NORMAL: u64 = 16_000;
/// Pages in the WAL (256 MiB) from which the writer waits for readers, so that the WAL can start over.
const WAIT_PAGES: u64 = 65_536;
/// How long it waits, at each time that a checkpoint is due.
const READER_WAIT: Duration = Duration::from_millis(50);
/// Bytes of the WAL from which the thread truncates it. Commits without a pause make it longer than it should stay
/// while the thread checkpoints it, but not as long as that; a WAL that is truncated between them only has to grow
/// again.
const LONG_BYTES: u64 = 2 * WAL_KEPT_BYTES;
/// Pages in the WAL from which the thread polls until it can be truncated.
const LONG_PAGES: u64 = LONG_BYTES / PAGE_BYTES;
/// Interval between attempts of the thread to truncate the WAL.
const CUT_WAIT: Duration = Duration::from_secs(1);
/// Most pages left to copy when the WAL is truncated, which happens under the write lock.
const CUT_PAGES: u64 = DUE_PAGES_FULL;
/// Pages that the database's file is made longer by: a quarter, within these bounds, if that is little beside the room there is.
const AHEAD: RangeInclusive<u32> = 32..=1024;
/// How many times as much room there has to be for that.
const ROOM: u64 = 64;
/// Page cache of the checkpointing connection, in KiB; it reads the WAL, not the cache.
const CACHE_KIB: u32 = 64;
/// Bytes that the database may grow by at the expense of the reserve.
const GROWTH: u64 = reserve::WHOLE / 4;
const PAGE_BYTES: u64 = 4096;
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The length of the WAL, as the writer sees it.
#[derive(Debug)]
pub(in super::super) struct Log {
    database: PathBuf,
    reserve: Upkeep,
    pages: AtomicU64,
    /// Its length when a checkpoint was last due.
    due_at: AtomicU64,
    /// The thread has made a checkpoint since the WAL last started over.
    is_folded: AtomicBool,
    /// The thread knows that the WAL is longer than it should stay.
    is_watched: AtomicBool,
    /// Pages of the database from which its file is to be made longer.
    grows_at: AtomicU32,
    health: Arc<Health>,
    /// Whether a thread makes the checkpoints.
    has_thread: bool,
    wish: Mutex<Wish>,
    changed: Condvar,
}

/// The greater one comes first; the thread extends the file for every request.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    #[default]
    Nothing,
    Room,
    Checkpoint,
    Stop,
}

impl Log {
    fn new(database: &Path, health: &Arc<Health>, has_thread: bool) -> Self {
        Log {
            reserve: Upkeep::of(database),
            database: database.to_owned(),
            pages: AtomicU64::default(),
            due_at: AtomicU64::default(),
            is_folded: AtomicBool::default(),
            is_watched: AtomicBool::default(),
            grows_at: AtomicU32::default(),
            health: Arc::clone(health),
            has_thread,
            wish: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Makes or requests the checkpoint that the length of the WAL requires. Called by the writer after each commit,
    /// outside of any transaction.
    pub fn committed(&self, connection: &Connection, durability: Durability) {
        let has_grown =
            |head: wal_index::Head| head.pages() >= self.grows_at.load(Ordering::Relaxed);
        if self.has_thread && wal_index::head(connection).is_some_and(has_grown) {
            self.grows_at.store(u32::MAX, Ordering::Relaxed);
            self.ask(Wish::Room);
        }
        let pages = self.pages.load(Ordering::Relaxed);
        let patience = match pages >= WAIT_PAGES {
            true => READER_WAIT,
            false => Duration::ZERO,
        };
        if self.is_folded.swap(false, Ordering::Acquire) {
            self.start_over(connection, patience);
            return;
        }
        let due_at = self.due_at.load(Ordering::Relaxed);
        // A WAL that became shorter has started over.
        let grown = pages.checked_sub(due_at).unwrap_or(pages);
        let due = match durability {
            Durability::Full => DUE_PAGES_FULL,
            Durability::Normal => DUE_PAGES_NORMAL,
        };
        if pages < due_at {
            self.due_at.store(0, Ordering::Relaxed);
        }
        if grown < due {
            if self.has_thread && pages > LONG_PAGES && !self.is_watched.load(Ordering::Relaxed) {
                self.is_watched.store(true, Ordering::Relaxed);
                self.ask(Wish::Checkpoint);
            }
            return;
        }
        self.due_at.store(pages, Ordering::Relaxed);
        match self.has_thread {
            true => self.ask(Wish::Checkpoint),
            false => self.start_over(connection, patience),
        }
    }

    /// Checkpoints the rest of the WAL so that it starts over, unless readers that began earlier still need it after
    /// `patience`. A failed attempt is repeated when the next checkpoint is due.
    fn start_over(&self, connection: &Connection, patience: Duration) {
        let _ = connection::waiting_for(patience, || {
            self.checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)")
        });
    }

    /// Makes a checkpoint, and returns how many pages it left in the WAL; `None` if a concurrent checkpoint prevented
    /// it.
    fn checkpoint(&self, connection: &Connection, pragma: &'static str) -> Result<Option<u64>> {
        // A sync that proves nothing must not lead to a database that is half new.
        self.health.check()?;
        if !self.health.is_sound() {
            return Err(no_space());
        }
        let made = connection.query_row(pragma, [], |row| {
            let (busy, pages, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((busy == 0).then_some(pages.saturating_sub(copied).unsigned_abs()))
        });
        self.health.observe(made.map_err(Into::into))
    }

    /// Makes a passive checkpoint. The rest must be short before the writer copies it.
    fn fold(&self, connection: &Connection) {
        let left = self.checkpoint(connection, PASSIVE);
        let is_little = matches!(left, Ok(Some(left)) if left <= DUE_PAGES_NORMAL);
        self.is_folded.store(is_little, Ordering::Release);
    }

    /// Truncates the WAL to zero, if it is longer than it should stay and no reader needs it.
    pub fn cut_back(&self, connection: &Connection) -> Result<()> {
        self.cut_back_from(WAL_KEPT_BYTES, connection).map(drop)
    }

    /// Truncates the WAL to zero, if it has more than `length` bytes and no reader needs it. It delays no reader, and
    /// writers only briefly, because most pages were copied before.
    ///
    /// Returns whether the WAL is that short. Otherwise the caller may try again later.
    fn cut_back_from(&self, length: u64, connection: &Connection) -> Result<bool> {
        if self.length() <= length {
            return Ok(true);
        }
        connection::waiting_for(Duration::ZERO, || {
            self.checkpoint(connection, PASSIVE)?;
            // Commits made meanwhile.
            let left = self.checkpoint(connection, PASSIVE)?;
            if left.is_some_and(|left| left <= CUT_PAGES) {
                self.checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)")?;
            }
            Ok(self.length() <= length)
        })
    }

    /// The length of the WAL file, in bytes; 0 if there is none.
    fn length(&self) -> u64 {
        let mut log = self.database.as_os_str().to_owned();
        log.push("-wal");
        Path::new(&log).metadata().map_or(0, |file| file.len())
    }

    /// Refills the reserve as far as there is room, or leaves it to a later call.
    pub fn restore_reserve(&self) {
        self.reserve.restore();
    }

    /// Extends the database file beyond the needs of current commits, as far as there is room.
    fn make_room_ahead(&self, connection: &Connection) {
        let Some(head) = wal_index::head(connection) else {
            return;
        };
        let ahead = (head.pages() / 4).clamp(*AHEAD.start(), *AHEAD.end());
        let until = head.pages().saturating_add(ahead);
        let is_much_room = reserve::room(&self.database)
            .is_ok_and(|room| room / ROOM >= u64::from(ahead) * PAGE_BYTES);
        let next = match is_much_room && vfs::have_pages_ahead(connection, until) {
            true => until - ahead / 2,
            // Tried again when the commits have come so far without.
            false => until,
        };
        self.grows_at.store(next, Ordering::Relaxed);
    }

    /// Makes the WAL start over on a full disk, so that the next commit finds room in its file. The database gets a
    /// part of the reserve for that; if it needed more, deletions get all of it.
    pub fn make_room(&self, connection: &Connection) {
        let length = self.database.metadata().map_or(0, |file| file.len());
        let pages = wal_index::head(connection).map_or(0, |head| u64::from(head.pages()));
        if (pages * PAGE_BYTES).saturating_sub(length) <= GROWTH {
            vfs::freeing(|| self.start_over(connection, Duration::ZERO));
        }
    }

    /// Prepares the WAL for the close of `connection`, the last one, which checkpoints and removes it.
    pub fn closing(&self, connection: &Connection) {
        let settled = connection::waiting_for(Duration::ZERO, || self.health.settle(connection));
        if settled.is_err() {
            // The next open of the store recovers the WAL.
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            return;
        }
        let _ = self.cut_back(connection);
        if self.reserve.is_used() {
            self.make_room(connection);
        }
    }

    fn ask(&self, wish: Wish) {
        let mut current = self.wish.lock();
        if *current < wish {
            *current = wish;
            self.changed.notify_one();
        }
    }

    /// Waits for a request, up to `limit`.
    fn next(&self, limit: Option<Duration>) -> Wish {
        let mut wish = self.wish.lock();
        while *wish == Wish::Nothing {
            match limit {
                None => self.changed.wait(&mut wish),
                Some(limit) if self.changed.wait_for(&mut wish, limit).timed_out() => break,
                Some(_) => {}
            }
        }
        match *wish {
            Wish::Stop => Wish::Stop,
            _ => std::mem::take(&mut *wish),
        }
    }

    /// The main loop of the thread.
    fn watch(&self, connection: &Connection) {
        // A WAL that another process left is truncated as by gc.
        let mut length = WAL_KEPT_BYTES;
        loop {
            let is_short = self.cut_back_from(length, connection).unwrap_or(false);
            if is_short {
                length = LONG_BYTES;
            }
            self.is_watched.store(!is_short, Ordering::Relaxed);
            match self.next((!is_short).then_some(CUT_WAIT)) {
                Wish::Checkpoint => self.fold(connection),
                Wish::Nothing | Wish::Room => {}
                Wish::Stop => return,
            }
            self.make_room_ahead(connection);
        }
    }
}

/// The thread, if there is one.
pub(in super::super) struct Checkpointer {
    log: Arc<Log>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Watches the WAL of `writer`, with a thread if `housekeeping`.
    pub fn start(
        path: &Path,
        writer: &mut Connection,
        housekeeping: bool,
        health: &Arc<Health>,
    ) -> Result<Self> {
        let log = Arc::new(Log::new(path, health, housekeeping));
        log.restore_reserve();
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

    /// Returns the WAL that is watched.
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

/// Opens a connection that makes checkpoints.
pub(in super::super) fn open_connection(database: &Path) -> Result<Connection> {
    connection::open(database, Role::Writer, CACHE_KIB)
}

/// Starts the thread.
fn spawn(path: &Path, log: &Arc<Log>) -> Result<JoinHandle<()>> {
    let connection = open_connection(path)?;
    let log = Arc::clone(log);
    let watch = move || log.watch(&connection);
    thread::spawn("nexus", watch)
        .map_err(|error| Error::io("cannot start the housekeeping thread", error))
}

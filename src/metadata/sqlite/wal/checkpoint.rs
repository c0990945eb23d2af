//! Folding the write-ahead log into the database.
//!
//! Each commit reports how long the log is. Each time it has grown by so many pages, a thread makes a
//! passive checkpoint, which delays nobody. Commits that follow each other without a pause add to the log
//! meanwhile, so such a checkpoint never reaches the end; the writer then folds in the short rest itself,
//! which lets the log start over. Overwriting the log is faster than growing it.
//!
//! A log that is longer than it should stay, because somebody read for a long time, is cut back: by the thread, which
//! tries once a second until nobody needs it any more, by `gc`, at closing, and at the next opening.
//!
//! The thread also makes the database's file longer, before commits need it: a commit is made only if the file has blocks for
//! all pages, and whoever waits for it would wait for those too.
//!
//! On a full disk deletions need room in the log. [`Log::make_room`] finds it, with the help of the [reserve].

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::config::DbConfig;

use super::failures::no_space;
use super::health::Health;
use crate::config::Durability;
use crate::error::{Error, Result};
use crate::host;
use crate::metadata::sqlite::db::connection::{self, Role, WAL_KEPT_BYTES};
use crate::metadata::sqlite::driver::reserve::{self, Upkeep};
use crate::metadata::sqlite::driver::statements::Connection;
use crate::metadata::sqlite::driver::{vfs, wal_index};

/// Pages that the log may grow by before a checkpoint is due, with commits that are synced.
const DUE_PAGES_FULL: u64 = 4_000;
/// The same with commits that are not: checkpoints sync, so fewer are made.
const DUE_PAGES_NORMAL: u64 = 16_000;
/// Pages in the log (256 MiB) from which the writer waits for readers to let it start over.
const WAIT_PAGES: u64 = 65_536;
/// How long it waits, at each time that a checkpoint is due.
const READER_WAIT: Duration = Duration::from_millis(50);
/// Bytes of the log from which the thread cuts it back. Commits without a pause make it longer than it should stay, while the thread
/// copies it, but not as long as that; a log that is cut back between them only has to grow again.
const LONG_BYTES: u64 = 2 * WAL_KEPT_BYTES;
/// Pages in the log from which the thread watches until it can be cut back.
const LONG_PAGES: u64 = LONG_BYTES / PAGE_BYTES;
/// How long the thread waits between attempts to cut the log back.
const CUT_WAIT: Duration = Duration::from_secs(1);
/// Pages of a log that is cut back, at most: it is done under the write lock.
const CUT_PAGES: u64 = DUE_PAGES_FULL;
/// Pages that the database's file is made longer by: a quarter, within these bounds, if that is little beside the room there is.
const AHEAD: RangeInclusive<u32> = 32..=1024;
/// How many times as much room there has to be for that.
const ROOM: u64 = 64;
/// Page cache of the checkpointing connection, in KiB; it reads the log, not the cache.
const CACHE_KIB: u32 = 64;
/// Bytes that the database may grow by at the expense of the reserve.
const GROWTH: u64 = reserve::WHOLE / 4;
const PAGE_BYTES: u64 = 4096;
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The length of the log, as the writer sees it.
#[derive(Debug)]
pub(in super::super) struct Log {
    database: PathBuf,
    reserve: Upkeep,
    pages: AtomicU64,
    /// Its length when a checkpoint was last due.
    due_at: AtomicU64,
    /// The thread made a checkpoint since the writer last let the log start over.
    is_folded: AtomicBool,
    /// The thread knows that the log is longer than it should stay.
    is_watched: AtomicBool,
    /// Pages of the database from which its file is to be made longer.
    grows_at: AtomicU32,
    health: Arc<Health>,
    /// Whether a thread makes the checkpoints.
    has_thread: bool,
    wish: Mutex<Wish>,
    changed: Condvar,
}

/// The greater one comes first; the thread makes room whatever it is asked for.
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

    /// Does what the length of the log asks for. Called by the writer after each commit, outside of any
    /// transaction.
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

    /// Copies what is left of the log and lets it start over, unless readers that began earlier still
    /// need it after `patience`. What fails is tried again when a checkpoint is next due.
    fn start_over(&self, connection: &Connection, patience: Duration) {
        let _ = connection::waiting_for(patience, || {
            self.checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)")
        });
    }

    /// Makes a checkpoint, and returns how many pages it left in the log; `None` where another's kept it from all it was
    /// to do.
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

    /// Makes a checkpoint that delays nobody. What it leaves has to be little before the writer copies it.
    fn fold(&self, connection: &Connection) {
        let left = self.checkpoint(connection, PASSIVE);
        let is_little = matches!(left, Ok(Some(left)) if left <= DUE_PAGES_NORMAL);
        self.is_folded.store(is_little, Ordering::Release);
    }

    /// Cuts the log back to nothing, if it is longer than it should stay and nobody needs it.
    pub fn cut_back(&self, connection: &Connection) -> Result<()> {
        self.cut_back_from(WAL_KEPT_BYTES, connection).map(drop)
    }

    /// Cuts the log back to nothing, if it has more than `length` bytes and nobody needs it. It delays no reader, and writers
    /// hardly: what they wait for was copied before.
    ///
    /// Returns whether the log is that short. Else it may be tried again later.
    fn cut_back_from(&self, length: u64, connection: &Connection) -> Result<bool> {
        if self.length() <= length {
            return Ok(true);
        }
        connection::waiting_for(Duration::ZERO, || {
            self.checkpoint(connection, PASSIVE)?;
            // What was committed meanwhile.
            let left = self.checkpoint(connection, PASSIVE)?;
            if left.is_some_and(|left| left <= CUT_PAGES) {
                self.checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)")?;
            }
            Ok(self.length() <= length)
        })
    }

    /// The length of the log's file, in bytes; 0 if there is none.
    fn length(&self) -> u64 {
        let mut log = self.database.as_os_str().to_owned();
        log.push("-wal");
        Path::new(&log).metadata().map_or(0, |file| file.len())
    }

    /// Takes back what is missing of the reserve, as far as there is room, or leaves it to a later call.
    pub fn restore_reserve(&self) {
        self.reserve.restore();
    }

    /// Makes the database's file longer than commits need it by now, as far as there is room.
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

    /// Lets the log start over on a full disk, so that what comes next finds room in its file. The database gets a part of
    /// the reserve for that; where it would need more, deletions get all.
    pub fn make_room(&self, connection: &Connection) {
        let length = self.database.metadata().map_or(0, |file| file.len());
        let pages = wal_index::head(connection).map_or(0, |head| u64::from(head.pages()));
        if (pages * PAGE_BYTES).saturating_sub(length) <= GROWTH {
            vfs::freeing(|| self.start_over(connection, Duration::ZERO));
        }
    }

    /// Does what is left to do for the log before `connection`, the last one, is closed, which copies it into the database
    /// and removes it.
    pub fn closing(&self, connection: &Connection) {
        let settled = connection::waiting_for(Duration::ZERO, || self.health.settle(connection));
        if settled.is_err() {
            // Whoever opens the store next reads the log.
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

    /// Waits for a wish, up to `limit`.
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

    /// What the thread does.
    fn watch(&self, connection: &Connection) {
        // What another process left is cut back as by gc.
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
    /// Watches the log that `writer` grows, with a thread of its own if `housekeeping`.
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

/// Opens a connection that makes checkpoints.
pub(in super::super) fn open_connection(database: &Path) -> Result<Connection> {
    connection::open(database, Role::Writer, CACHE_KIB)
}

/// Starts the thread.
fn spawn(path: &Path, log: &Arc<Log>) -> Result<JoinHandle<()>> {
    let connection = open_connection(path)?;
    let log = Arc::clone(log);
    let watch = move || log.watch(&connection);
    host::thread::spawn("nexus", watch)
        .map_err(|error| Error::io("cannot start the housekeeping thread", error))
}

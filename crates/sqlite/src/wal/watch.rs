//! Detection of changes, by this process and by others.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nexusfs_core::call::Call;
use parking_lot::{Condvar, Mutex};

use crate::db::connection::{self, Role};
use crate::driver::statements::Connection;
use crate::driver::wal_index;
use crate::error::Result;

/// Interval at which waiting threads poll for commits of other processes.
const PERIOD: Duration = Duration::from_millis(20);

/// Counts the changes that a thread may wait for.
pub(in super::super) struct Changes {
    path: PathBuf,
    count: Mutex<u64>,
    changed: Condvar,
    watcher: Mutex<Watcher>,
}

/// Detects commits of other processes. All waiting threads share it, so their number costs nothing.
#[derive(Default)]
struct Watcher {
    connection: Option<Connection>,
    /// The header of the WAL-index before the last query of SQLite.
    head: Option<wal_index::Head>,
    /// `PRAGMA data_version` of the newest detected commit.
    version: i64,
    looked_at: Option<Instant>,
}

impl Changes {
    /// Returns the changes of the database at `path`.
    pub fn new(path: PathBuf) -> Self {
        Changes {
            path,
            count: Mutex::default(),
            changed: Condvar::new(),
            watcher: Mutex::default(),
        }
    }

    /// Counts a change of this process.
    pub fn note(&self) {
        *self.count.lock() += 1;
        self.changed.notify_all();
    }

    /// Returns the count, which includes every commit of any process until now.
    pub fn count(&self, call: &Call) -> Result<u64> {
        self.look(&mut self.watcher.lock(), call)?;
        Ok(*self.count.lock())
    }

    /// Waits until the count is not `seen`, or until `deadline`.
    pub fn wait(&self, seen: u64, deadline: Option<Instant>, call: &Call) -> Result<()> {
        loop {
            call.check()?;
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(());
            }
            let mut count = self.count.lock();
            if *count != seen {
                return Ok(());
            }
            let pause = deadline.map_or(PERIOD, |deadline| PERIOD.min(deadline - now));
            self.changed.wait_for(&mut count, pause);
            let changed = *count != seen;
            drop(count);
            if changed {
                return Ok(());
            }
            if let Some(mut watcher) = self.watcher.try_lock()
                && watcher
                    .looked_at
                    .is_none_or(|at| at.elapsed() >= PERIOD / 2)
            {
                self.glance(&mut watcher, call)?;
            }
        }
    }

    /// Closes the watcher's connection.
    pub fn close(&self) {
        self.watcher.lock().connection = None;
    }

    /// Polls, unless no process has committed since.
    fn glance(&self, watcher: &mut Watcher, call: &Call) -> Result<()> {
        let head = watcher.connection.as_ref().and_then(wal_index::head);
        if head.is_none() || head != watcher.head {
            return self.look(watcher, call);
        }
        watcher.looked_at = Some(Instant::now());
        Ok(())
    }

    fn look(&self, watcher: &mut Watcher, call: &Call) -> Result<()> {
        let version = connection::waiting_as(call, || -> Result<i64> {
            let connection = match watcher.connection.take() {
                Some(connection) => connection,
                None => connection::open(&self.path, Role::Reader, 0)?,
            };
            watcher.head = wal_index::head(&connection);
            let version = connection::beginning(|| {
                Ok(connection
                    .prepare_cached("PRAGMA data_version")?
                    .query_row([], |row| row.get(0))?)
            })?;
            watcher.connection = Some(connection);
            Ok(version)
        })?;
        watcher.looked_at = Some(Instant::now());
        if std::mem::replace(&mut watcher.version, version) != version {
            self.note();
        }
        Ok(())
    }
}

//! A store of Nexus: metadata in SQLite, contents in directories of the machine.
//!
//! | what | where |
//! |---|---|
//! | errors, those of SQLite too | `error` |
//! | SQLite itself: statements, files | `driver` |
//! | connections, tables, rows | `db` |
//! | the WAL: commits, checkpoints, failures | `wal` |
//! | the work queue | `queue` |
//! | what is read | `read` |
//! | what is written: the queue of commits, and what each change does | `write` |
//! | verify, repair and copy of the whole database | `upkeep` |
//! | opening the database; what the store does for each of the traits | `opening`, `store` |
//! | contents as files | [`files`] |
//! | opening a store, as a configuration names it; copying one | `open` |
//! | threads without signals; the clocks | `thread`, `clock` |

mod clock;
mod db;
mod driver;
mod error;
pub mod files;
mod open;
mod opening;
mod queue;
mod read;
mod store;
mod thread;
mod upkeep;
mod wal;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use nexusfs_core::clock::Clock;
use nexusfs_core::metadata::{MetadataStore, Upkeep};

pub use self::clock::SystemClock;
use self::db::backends::{BackendCache, BackendNames};
use self::db::time::Time;
use self::driver::reserve::KeptReserve;
use self::driver::statements::Connection;
use self::error::ErrorKind;
pub use self::open::open;
use self::opening::store_uuid;
use self::read::readers::Readers;
use self::store::references::Syncing;
use self::wal::checkpoint::Checkpointer;
use self::wal::watch::Changes;
use self::write::commit_queue::Writer;
use self::write::pins::Pins;

/// What an engine asks of its database.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Bound of all page caches together, in KiB.
    pub cache_kib: u32,
    /// A thread makes checkpoints; otherwise the committing threads do.
    pub housekeeping: bool,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// The metadata of one store, in one database.
pub struct SqliteStore {
    // Dropped in this order: the writer's connection is the last one, so that closing it checkpoints the WAL.
    checkpointer: Checkpointer,
    readers: Readers,
    writer: Writer,
    backends: Arc<BackendCache>,
    syncing: Syncing,
    pins: Pins,
    time: Arc<Time>,
    changes: Arc<Changes>,
    path: PathBuf,
    /// Takes the room that closing the others left.
    _reserve: KeptReserve,
}

impl SqliteStore {
    /// Returns the backends, as they were known before if they cannot be read any more.
    fn readable_backends(&self, connection: &Connection) -> error::Result<Arc<BackendNames>> {
        match self.backends.reload(connection) {
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(self.backends.current()),
            backends => backends,
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.checkpointer.stop();
        self.readers.close();
        self.changes.close();
        self.syncing.close();
        self.writer.finish();
    }
}

impl MetadataStore for SqliteStore {
    fn upkeep(&self) -> Option<&dyn Upkeep> {
        Some(self)
    }
}

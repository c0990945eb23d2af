//! Opening the database of a store.

use std::path::Path;
use std::sync::Arc;

use nexusfs_core::call::Call;
use nexusfs_core::error::Result;

use super::db::backends::BackendCache;
use super::db::connection::{self, Role, beginning};
use super::db::schema;
use super::db::time::Time;
use super::driver::reserve::KeptReserve;
use super::driver::vfs;
use super::read::readers::Readers;
use super::store::references::Syncing;
use super::wal::checkpoint::Checkpointer;
use super::wal::health::Health;
use super::wal::watch::Changes;
use super::write::commit_queue::Writer;
use super::write::group::GroupContext;
use super::write::pins::Pins;
use super::{SqliteOptions, SqliteStore};

impl SqliteStore {
    /// Opens the database at `path`, creating it as the store `uuid` if it is missing or empty, and
    /// returns it with the UUID that it has. The caller holds the lock of the data directory.
    pub fn open(
        path: &Path,
        uuid: &str,
        options: SqliteOptions,
        call: &Call,
    ) -> Result<(Self, String)> {
        let writer_kib = options.cache_kib / 2;
        // On a full disk, too: a store must be open before anything in it can be deleted.
        let mut opening = || {
            let options = options.clone();
            let mut connection = connection::open(path, Role::Creator, writer_kib)?;
            let uuid = beginning(|| schema::prepare(&mut connection, uuid))?;
            let boot_id = options.clock.boot_id()?;
            let boot_number = beginning(|| schema::enter_boot(&mut connection, &boot_id))?;
            let time = Arc::new(Time::new(options.clock, boot_number));
            let changes = Arc::new(Changes::new(path.to_owned()));
            let backends = Arc::new(BackendCache::default());
            beginning(|| backends.reload(&connection))?;
            let pins = Pins::of(path);
            let health = Arc::new(Health::default());
            let checkpointer =
                Checkpointer::start(path, &mut connection, options.housekeeping, &health)?;
            let context = GroupContext::new(
                Arc::clone(&backends),
                checkpointer.log(),
                health,
                Arc::clone(&time),
            );
            let store = SqliteStore {
                checkpointer,
                readers: Readers::new(path.to_owned(), options.cache_kib - writer_kib),
                writer: Writer::new(connection, context, Arc::clone(&changes)),
                backends,
                syncing: Syncing::default(),
                pins,
                time,
                changes,
                path: path.to_owned(),
                _reserve: KeptReserve::of(path),
            };
            Ok((store, uuid))
        };
        Ok(connection::waiting_as(call, || {
            vfs::freeing(|| connection::confirming(&mut opening))
        })?)
    }
}

/// Returns the UUID of the store in the database at `path`, or `None` if there is no database or an
/// empty one. Changes nothing.
pub fn store_uuid(path: &Path, call: &Call) -> Result<Option<String>> {
    // Reading the size opens no descriptor: closing a descriptor of the database outside of SQLite would drop the locks
    // of this process.
    if !path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
        return Ok(None);
    }
    Ok(connection::waiting_as(call, || {
        connection::confirming(|| {
            let connection = connection::open(path, Role::Writer, 0)?;
            beginning(|| schema::read_uuid(&connection))
        })
    })?)
}

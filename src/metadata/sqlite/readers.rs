//! Connections for reading, one for each thread that reads at the moment.

use std::path::PathBuf;

use parking_lot::Mutex;
use rusqlite::Connection;

use super::connection::{self, Role};
use super::guard;
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Grant, StoreError, StoreResult};

/// Most connections that stay open while nobody reads.
const IDLE: usize = 8;

/// Hands out connections; opens more as they are needed.
pub(super) struct Readers {
    path: PathBuf,
    cache_kib: u32,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Returns readers of the database at `path`. Their page caches together hold `cache_kib` KiB, as
    /// long as no more than [`IDLE`] read at once.
    pub fn new(path: PathBuf, cache_kib: u32) -> Self {
        Readers {
            path,
            cache_kib: cache_kib / IDLE as u32,
            idle: Mutex::default(),
        }
    }

    /// Runs `work` on a connection.
    pub fn with<T>(
        &self,
        call: &Call,
        work: impl FnOnce(&Connection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        let idle = self.idle.lock().pop();
        connection::waiting_as(call, || {
            let connection = match idle {
                Some(connection) => connection,
                None => connection::open(&self.path, Role::Reader, self.cache_kib)?,
            };
            let result = work(&connection);
            let mut idle = self.idle.lock();
            if idle.len() < IDLE {
                idle.push(connection);
            }
            result
        })
        .map_err(|error| match error {
            StoreError::Failed(error) if error.kind() == ErrorKind::Busy && call.is_cancelled() => {
                StoreError::Failed(Error::cancelled())
            }
            other => other,
        })
    }

    /// Runs `work` in one read transaction, whose rules are those of `grant`.
    pub fn snapshot<T>(
        &self,
        grant: &Grant,
        work: impl FnOnce(&Connection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.with(&grant.call, |connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let result =
                guard::check(connection, grant.rules_version).and_then(|()| work(connection));
            let ended: Result<()> = connection
                .prepare_cached("ROLLBACK")
                .and_then(|mut statement| statement.execute([]).map(drop))
                .map_err(Into::into);
            let value = result?;
            ended?;
            Ok(value)
        })
    }

    /// Closes the idle connections.
    pub fn close(&self) {
        self.idle.lock().clear();
    }
}

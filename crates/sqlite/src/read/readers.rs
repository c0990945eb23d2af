//! Read connections, one for each reading thread.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use nexusfs_core::call::Call;
use nexusfs_core::metadata::Grant;
use parking_lot::Mutex;

use super::scan;
use crate::db::connection::{self, Role};
use crate::db::versions;
use crate::driver::statements::Connection;
use crate::error::{Error, ErrorKind, Result, StoreError, StoreResult};

/// Most idle connections that stay open.
const IDLE: usize = 8;

/// A pool of connections, which opens more when needed.
///
/// Connections are numbered. The first has half of the page cache, the second half of what is left, and so
/// on; the free one with the lowest number is taken. So a single thread has a large cache, and all of
/// them together stay within the bound.
pub(in super::super) struct Readers {
    path: PathBuf,
    cache_kib: u32,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    idle: BTreeMap<usize, Connection>,
    /// Numbers of the connections in use.
    busy: BTreeSet<usize>,
}

impl Pool {
    /// Takes the idle connection with the lowest number, or the lowest number that is free.
    fn take(&mut self) -> (usize, Option<Connection>) {
        let (number, connection) = match self.idle.pop_first() {
            Some((number, connection)) => (number, Some(connection)),
            None => {
                let free = (0..).find(|number| !self.busy.contains(number));
                (free.unwrap_or(usize::MAX), None)
            }
        };
        self.busy.insert(number);
        (number, connection)
    }
}

impl Readers {
    /// Returns readers of the database at `path`, whose page caches together hold `cache_kib` KiB.
    pub fn new(path: PathBuf, cache_kib: u32) -> Self {
        Readers {
            path,
            cache_kib,
            pool: Mutex::default(),
        }
    }

    /// Runs `work` on a connection; on another one again if what it read seems damaged. Only damage that two reads find
    /// counts, and a page that was read wrongly must not stay in memory.
    pub fn with<T>(
        &self,
        call: &Call,
        mut work: impl FnMut(&Connection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        match self.once(call, &mut work) {
            Err(StoreError::Failed(error)) if error.kind() == ErrorKind::Corrupt => {
                self.close();
                self.once(call, &mut work)
            }
            result => result,
        }
    }

    fn once<T>(
        &self,
        call: &Call,
        work: &mut dyn FnMut(&Connection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        let (number, idle) = self.pool.lock().take();
        let mut lease = Lease {
            pool: &self.pool,
            number,
            connection: idle,
        };
        connection::waiting_as(call, || {
            let connection = match lease.connection.take() {
                Some(connection) => connection,
                None => self.open(number)?,
            };
            let result = work(&connection);
            let is_damaged = matches!(&result, Err(StoreError::Failed(error)) if error.kind() == ErrorKind::Corrupt);
            if !is_damaged {
                lease.connection = Some(connection);
            }
            result
        })
        .map_err(|error| match error {
            StoreError::Failed(error)
                if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Cancelled)
                    && call.is_cancelled() =>
            {
                StoreError::Failed(Error::cancelled())
            }
            other => other,
        })
    }

    fn open(&self, number: usize) -> Result<Connection> {
        let connection = connection::open(&self.path, Role::Reader, self.cache_of(number))?;
        scan::register(&connection)?;
        Ok(connection)
    }

    /// Runs `work`, single statements outside of a transaction, on a connection.
    pub fn look<T>(
        &self,
        call: &Call,
        mut work: impl FnMut(&Connection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.with(call, |connection| {
            connection::beginning(|| match work(connection) {
                Err(StoreError::Failed(error)) => Err(error),
                other => Ok(other),
            })?
        })
    }

    /// Returns the page cache of connection `number`, in KiB.
    fn cache_of(&self, number: usize) -> u32 {
        u32::try_from(number + 1)
            .ok()
            .and_then(|halvings| self.cache_kib.checked_shr(halvings))
            .unwrap_or(0)
    }

    /// Runs `work` in one read transaction, whose rules are those of `grant`.
    pub fn snapshot<T>(
        &self,
        grant: &Grant,
        mut work: impl FnMut(&Connection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.with(&grant.call, |connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let result = versions::check(connection, grant.rules.version)
                .and_then(|()| connection::interruptible(|| work(connection)));
            let ended: Result<()> = connection
                .prepare_cached("ROLLBACK")
                .and_then(|mut statement| statement.execute([]).map(drop))
                .map_err(Into::into);
            let value = result?;
            ended?;
            Ok(value)
        })
    }

    /// Runs `work` in one read transaction, without a grant: for the upkeep of the whole store.
    pub fn moment<T>(
        &self,
        call: &Call,
        mut work: impl FnMut(&Connection) -> Result<T>,
    ) -> Result<T> {
        self.with(call, |connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let result = versions::rules_version(connection)
                .and_then(|_| connection::interruptible(|| work(connection)));
            connection::abandon(connection);
            Ok(result?)
        })
        .map_err(Into::into)
    }

    /// Closes the idle connections.
    pub fn close(&self) {
        self.pool.lock().idle.clear();
    }
}

/// A number in use; gives it back, with the connection unless that was lost to a panic.
struct Lease<'a> {
    pool: &'a Mutex<Pool>,
    number: usize,
    connection: Option<Connection>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.pool.lock();
        pool.busy.remove(&self.number);
        if let Some(connection) = self.connection.take()
            && pool.idle.len() < IDLE
        {
            pool.idle.insert(self.number, connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nexusfs_core::call::Interrupts;

    use super::*;
    use crate::db::schema;

    /// Ends, so that a statement that goes on is a failure and not a hang.
    const LONG: &str =
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 1000000)
         SELECT count(*) FROM n";

    #[test]
    fn a_long_statement_of_the_upkeep_is_broken_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let mut creator = connection::open(&path, Role::Creator, 64).unwrap();
        schema::prepare(&mut creator, "00000000-0000-4000-8000-000000000000").unwrap();
        let readers = Readers::new(path, 64);
        let interrupts = Interrupts::default();
        let counted = |interrupt: bool| {
            readers.moment(&interrupts.begin(Duration::ZERO), |connection| {
                if interrupt {
                    interrupts.interrupt();
                }
                Ok(connection.query_row(LONG, [], |row| row.get::<_, i64>(0))?)
            })
        };
        let error = counted(true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(counted(false).unwrap(), 1_000_000, "on the same connection");
    }
}

//! The end of a write transaction.

use super::unacknowledged;
use crate::db::connection::{abandon, begin_writing};
use crate::db::versions;
use crate::driver::statements::Connection;
use crate::driver::vfs;
use crate::error::Result;

/// Commits the transaction that is open. If that fails, it has to be abandoned, and never comes back.
pub(in super::super) fn commit(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare_cached("COMMIT")?;
    let committed = vfs::committing(connection, || statement.execute([]));
    drop(statement);
    match committed {
        Ok(_) => Ok(()),
        Err(error) => Err(unacknowledged::take_back(connection, error.into())),
    }
}

/// Runs `work` in a write transaction, which is rolled back if it fails. A schema that this version does
/// not know is left alone.
pub(in super::super) fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    begin_writing(connection)?;
    let result = versions::rules_version(connection)
        .and_then(|_| work())
        .and_then(|value| {
            commit(connection)?;
            Ok(value)
        });
    if result.is_err() {
        abandon(connection);
    }
    result
}

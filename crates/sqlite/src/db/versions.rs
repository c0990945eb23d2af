//! What every transaction reads first.

use rusqlite::OptionalExtension;

use super::connection;
use super::schema::{SCHEMA_VERSION, newer_schema};
use crate::driver::statements::Connection;
use crate::error::{Error, Result, StoreError, StoreResult};

/// Checks that the schema is known and the rules are those of `rules_version`.
pub(in super::super) fn check(connection: &Connection, rules_version: i64) -> StoreResult<()> {
    compare(self::rules_version(connection)?, rules_version)
}

/// Compares what a statement read of the store's row.
pub(in super::super) fn verify(schema: i64, rules: i64, granted_rules: i64) -> StoreResult<()> {
    check_schema(schema)?;
    compare(rules, granted_rules)
}

fn compare(rules: i64, granted_rules: i64) -> StoreResult<()> {
    match rules == granted_rules {
        true => Ok(()),
        false => Err(StoreError::RulesChanged),
    }
}

/// Returns the rules version, if the schema is known.
pub(in super::super) fn rules_version(connection: &Connection) -> Result<i64> {
    let versions = connection::beginning(|| {
        Ok(connection
            .prepare_cached("SELECT schema_version, rules_version FROM store WHERE id = 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    })?;
    let (schema, rules) =
        versions.ok_or_else(|| Error::corrupt("the database has no store row"))?;
    check_schema(schema)?;
    Ok(rules)
}

/// Returns an error if `schema` is newer than this version knows.
fn check_schema(schema: i64) -> Result<()> {
    if schema > SCHEMA_VERSION {
        Err(newer_schema(schema))
    } else {
        Ok(())
    }
}

//! Creation and migration of the database.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::leases;
use crate::error::{Error, ErrorKind, Result};

/// Marks a database as a Nexus store: `NXUS`.
const APPLICATION_ID: i32 = 0x4e58_5553;
/// The newest schema that this version knows.
pub(super) const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;
/// Bytes of a page; 8 KiB would double the file for contents of 4 KiB.
const PAGE_SIZE: i32 = 4096;

/// Migration `n` turns schema `n` into `n + 1`. They stay for good: stores of every version are
/// opened by every later one.
const MIGRATIONS: [&str; 2] = [
    include_str!("schema/001_initial.sql"),
    include_str!("schema/002_directories_of_work.sql"),
];

/// Brings the database to the newest schema, creating it as the store `uuid` if it is empty, and
/// returns the store's UUID. The caller holds the lock of the data directory.
///
/// # Errors
/// `InvalidConfig` if the file is a database of something else; `VersionMismatch` if it was written by
/// a newer version.
pub(super) fn prepare(connection: &mut Connection, uuid: &str) -> Result<String> {
    if is_empty(connection)? {
        connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |row| {
        row.get::<_, String>(0)
    })?;
    // Most often there is nothing to do, and no need to wait for another's long commit.
    if let Some(uuid) = current_uuid(connection)? {
        return Ok(uuid);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let uuid = migrate(&transaction, uuid)?;
    transaction.commit()?;
    Ok(uuid)
}

/// Returns the number of the boot called `boot_id`, a new one if the store was not open in it yet. The
/// caller holds the lock of the data directory.
pub(super) fn enter_boot(connection: &mut Connection, boot_id: &str) -> Result<i64> {
    let read = |connection: &Connection| {
        connection.query_row("SELECT boot_number, boot_id FROM store", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
    };
    let (number, known) = read(connection)?;
    if known == boot_id {
        return Ok(number);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (number, known) = read(&transaction)?;
    if known == boot_id {
        return Ok(number);
    }
    transaction.execute(
        "UPDATE store SET boot_number = ?1, boot_id = ?2",
        (number + 1, boot_id),
    )?;
    if !known.is_empty() {
        leases::pass_over_lost(&transaction)?;
    }
    transaction.commit()?;
    Ok(number + 1)
}

/// Returns the UUID of the store in a database that exists, without changing anything.
///
/// # Errors
/// As [`prepare`].
pub(super) fn read_uuid(connection: &Connection) -> Result<Option<String>> {
    if is_empty(connection)? {
        return Ok(None);
    }
    check_application(connection)?;
    let version = read_version(connection)?;
    if version > SCHEMA_VERSION {
        return Err(newer_schema(version));
    }
    read_store_uuid(connection).map(Some)
}

/// Returns the UUID of the store in a database of the newest schema.
fn current_uuid(connection: &Connection) -> Result<Option<String>> {
    if is_empty(connection)? {
        return Ok(None);
    }
    check_application(connection)?;
    if read_version(connection)? != SCHEMA_VERSION {
        return Ok(None);
    }
    read_store_uuid(connection).map(Some)
}

fn read_store_uuid(connection: &Connection) -> Result<String> {
    Ok(connection.query_row("SELECT uuid FROM store", [], |row| row.get(0))?)
}

fn is_empty(connection: &Connection) -> Result<bool> {
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(objects == 0)
}

fn migrate(transaction: &Transaction<'_>, uuid: &str) -> Result<String> {
    let empty = is_empty(transaction)?;
    if !empty {
        check_application(transaction)?;
    }
    let from = if empty { 0 } else { read_version(transaction)? };
    let known = usize::try_from(from)
        .ok()
        .and_then(|from| MIGRATIONS.get(from..));
    let Some(pending) = known else {
        return Err(newer_schema(from));
    };
    for migration in pending {
        transaction.execute_batch(migration)?;
    }
    if empty {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute(
            "INSERT INTO store (id, uuid, schema_version, rules_version, lease_sequence, boot_number,
                                boot_id, collections)
             VALUES (1, ?1, ?2, 1, 0, 0, '', 0)",
            (uuid, SCHEMA_VERSION),
        )?;
        transaction.execute(
            "INSERT INTO backends (id, name, uuid) VALUES (1, 'local', ?1)",
            [uuid],
        )?;
    } else if !pending.is_empty() {
        transaction.execute("UPDATE store SET schema_version = ?1", [SCHEMA_VERSION])?;
    }
    read_store_uuid(transaction)
}

fn check_application(connection: &Connection) -> Result<()> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    Err(Error::invalid_config(
        "db_path is a SQLite database of another application",
    ))
}

fn read_version(connection: &Connection) -> Result<i64> {
    let version = connection
        .query_row("SELECT schema_version FROM store", [], |row| row.get(0))
        .optional()?;
    version.ok_or_else(|| Error::corrupt("the database has no store row"))
}

/// Returns the error for a database that a newer version wrote.
pub(super) fn newer_schema(version: i64) -> Error {
    Error::new(
        ErrorKind::VersionMismatch,
        format!("the store has schema {version}, newer than {SCHEMA_VERSION}"),
    )
}

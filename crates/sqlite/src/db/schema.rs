//! Creation and migration of the database.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::lease_tokens;
use crate::error::{Error, ErrorKind, Result};

/// Marks a database as a Nexus store: `NXUS`.
const APPLICATION_ID: i32 = 0x4e58_5553;
/// The newest schema that this version knows.
pub(super) const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;
/// Bytes of a page; 8 KiB would double the file for contents of 4 KiB.
const PAGE_SIZE: i32 = 4096;

/// Migration `n` turns schema `n` into `n + 1`. They stay for good: stores of every version are
/// opened by every later one.
const MIGRATIONS: [&str; 7] = [
    include_str!("schema/001_initial.sql"),
    include_str!("schema/002_directories_of_work.sql"),
    include_str!("schema/003_covering_claimable.sql"),
    include_str!("schema/004_doomed.sql"),
    include_str!("schema/005_status_numbers.sql"),
    include_str!("schema/006_strict_work.sql"),
    include_str!("schema/007_pending_deletions.sql"),
];

/// Brings the database to the newest schema, creating it as the store `uuid` if it is empty, and
/// returns the store's UUID. The caller holds the lock of the data directory.
///
/// # Errors
/// `InvalidConfig` if the file is a database of something else; `VersionMismatch` if it was written by
/// a newer version.
pub(in super::super) fn prepare(connection: &mut Connection, uuid: &str) -> Result<String> {
    if is_empty(connection)? {
        connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    let mode = set_journal_mode(connection, "WAL")?;
    if !matches!(mode.as_str(), "wal" | "memory") {
        return Err(Error::unsupported(
            "a database in this place cannot have a write-ahead log",
        ));
    }
    // Most often there is nothing to do, and no need to wait for another writer's long commit.
    if let Some(uuid) = current_uuid(connection)? {
        return Ok(uuid);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let uuid = migrate(&transaction, uuid)?;
    transaction.commit()?;
    Ok(uuid)
}

/// Sets the journal mode, and returns the one that the database has then. The first row of the statement comes before
/// its commit, which may fail.
pub(in super::super) fn set_journal_mode(connection: &Connection, mode: &str) -> Result<String> {
    let mut statement = connection.prepare(&format!("PRAGMA journal_mode = {mode}"))?;
    let modes = statement.query_map([], |row| row.get(0))?;
    let modes = modes.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(modes.into_iter().next().unwrap_or_default())
}

/// Returns the number of the boot called `boot_id`, a new one if the store was not open in it yet. The
/// caller holds the lock of the data directory.
pub(in super::super) fn enter_boot(connection: &mut Connection, boot_id: &str) -> Result<i64> {
    let read = |connection: &Connection| {
        connection.query_row("SELECT boot_number, boot_id FROM store", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
    };
    let (number, known) = read(connection)?;
    if known == boot_id {
        return Ok(number);
    }
    // The skipped numbers must survive the next power loss.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (number, known) = read(&transaction)?;
    if known == boot_id {
        return Ok(number);
    }
    transaction.execute(
        "UPDATE store SET boot_number = ?1, boot_id = ?2",
        (number.saturating_add(1), boot_id),
    )?;
    if !known.is_empty() {
        lease_tokens::pass_over_lost(&transaction)?;
    }
    transaction.commit()?;
    Ok(number.saturating_add(1))
}

/// Returns the UUID of the store in a database that exists, without changing anything.
///
/// # Errors
/// As [`prepare`].
pub(in super::super) fn read_uuid(connection: &Connection) -> Result<Option<String>> {
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

#[cfg(test)]
mod tests {
    use nexusfs_core::work::Status;

    use super::*;

    /// Returns a database as version 1 of the schema made it, with two directories of work items.
    fn schema_1() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .unwrap();
        connection
            .execute_batch(
                "INSERT INTO store (id, uuid, schema_version, rules_version, lease_sequence, boot_number,
                                    boot_id, collections)
                 VALUES (1, 'the-uuid', 1, 1, 77, 3, 'boot', 0);
                 INSERT INTO work (path, path_id, created_at, directory, scope, item, status, priority, rank,
                                   delayed, not_before)
                 VALUES ('/q/a', x'00000000000000000000000000000001', 20, '/q', '/q', 1, 'ready', 5, 5, 0, NULL),
                        ('/q/b', x'00000000000000000000000000000002', 10, '/q', '/q', 1, 'ready', 6, 6, 0, NULL),
                        ('/q/c', x'00000000000000000000000000000003', 1, '/q', '/q', 1, 'ready', 1, 1, 1, 9),
                        ('/shared/t/x/d', x'00000000000000000000000000000004', 30, '/shared/t/x', '/shared/t', 1, 'ready', 2, 2, 0, NULL),
                        ('/other/e', x'00000000000000000000000000000005', 40, '/other', '/other', 1, 'completed', 2, 2, 0, NULL),
                        ('/other/f', x'00000000000000000000000000000006', 41, '/other', '/other', 1, 'in_progress', 2, 2, 0, NULL),
                        ('/other/g', x'00000000000000000000000000000007', 42, '/other', '/other', 1, 'blocked', 2, 2, 0, NULL),
                        ('/other/h', x'00000000000000000000000000000008', 43, '/other', '/other', 1, 'pending', 2, 2, 0, NULL),
                        ('/other/i', x'00000000000000000000000000000009', 44, '/other', '/other', 1, 'failed', 2, 2, 0, NULL),
                        ('/other/j', x'0000000000000000000000000000000a', 45, '/other', '/other', 1, 'cancelled', 2, 2, 0, NULL),
                        ('/other/k', x'0000000000000000000000000000000b', 46, '/other', '/other', NULL, NULL, 2, 2, 0, NULL);
                 INSERT INTO doomed VALUES (1, zeroblob(32), 0), (2, zeroblob(32), 1), (2, x'06', 1);",
            )
            .unwrap();
        connection
    }

    #[test]
    fn a_store_of_schema_1_keeps_its_queue_its_tokens_and_its_pending_deletions() {
        let mut connection = schema_1();
        assert_eq!(prepare(&mut connection, "another").unwrap(), "the-uuid");
        assert_eq!(read_version(&connection).unwrap(), SCHEMA_VERSION);
        let directories: Vec<(String, String, i64, i64)> = connection
            .prepare("SELECT directory, scope, first_rank, first_created FROM work_directories")
            .unwrap()
            .query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert_eq!(
            directories,
            [
                ("/q".to_owned(), "/q".to_owned(), 5, 10),
                ("/shared/t/x".to_owned(), "/shared/t".to_owned(), 2, 30),
            ],
            "each with claimable items, and none of those before its bound"
        );
        let tokens: (i64, i64) = connection
            .query_row(
                "SELECT lease_sequence, lease_holder FROM store",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(tokens, (77, 0), "tokens go on, and nobody has reserved any");
        let statuses: Vec<Option<Status>> = connection
            .prepare("SELECT status FROM work ORDER BY path_id")
            .unwrap()
            .query_map([], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.and_then(Status::from_number))
            })
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        let expected = [
            Status::Ready,
            Status::Ready,
            Status::Ready,
            Status::Ready,
            Status::Completed,
            Status::InProgress,
            Status::Blocked,
            Status::Pending,
            Status::Failed,
            Status::Cancelled,
        ];
        assert_eq!(statuses[..10], expected.map(Some));
        assert_eq!(statuses[10..], [None]);
        let pending: i64 = connection
            .query_row(
                "SELECT count(*) FROM pending_deletions WHERE begun_at IS NULL",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(pending, 2, "what was to be removed still is");
    }

    /// Rows of earlier schemas may hold any type and any number, since their tables took all.
    #[test]
    fn rows_of_a_wrong_type_or_an_extreme_value_stay_items_with_values_in_range() {
        let mut connection = schema_1();
        for migration in &MIGRATIONS[1..5] {
            connection.execute_batch(migration).unwrap();
        }
        connection
            .execute_batch(
                "UPDATE store SET schema_version = 5;
                 INSERT INTO paths (path, kind, path_id, created_at, modified_at)
                 VALUES ('/x/id', 1, x'00112233445566778899aabbccddeeff', 70, 70);
                 INSERT INTO work (path, path_id, created_at, directory, scope, item, status, priority, rank)
                 VALUES ('/x/attempts', zeroblob(16), 50, '/x', '/x', 1, 1, NULL, 9223372036854775807),
                        ('/x/last', randomblob(16), 51, '/x', '/x', 1, 1, 9223372036854775807,
                         9223372036854775807),
                        ('/x/lease', randomblob(16), 52, '/x', '/x', 1, 2, 1e300, 5),
                        ('/x/id', 'an id', 'long ago', '/x', '/x', 1, 5, 'high', 'high');
                 UPDATE work SET attempts = 9223372036854775807, max_attempts = -3 WHERE path = '/x/attempts';
                 UPDATE work SET attempts = 9.3e18, max_attempts = 'many', open_edges = -1, dependencies = -1,
                                 delayed = 7
                 WHERE path = '/x/last';
                 UPDATE work SET lease = 'token', lease_deadline = 9.3e18, lease_expires_at = 'soon',
                                 started_at = 'now', tags = x'5b5d', not_before = x'00', delayed = 1
                 WHERE path = '/x/lease';",
            )
            .unwrap();
        prepare(&mut connection, "another").unwrap();
        let row = |path: &str, columns: &str| -> String {
            let sql = format!("SELECT concat_ws(' ', {columns}) FROM work WHERE path = ?1");
            connection
                .query_row(&sql, [path], |row| row.get(0))
                .unwrap()
        };
        let numbers = "attempts, quote(max_attempts), open_edges, quote(dependencies), delayed";
        assert_eq!(row("/x/attempts", numbers), "9007199254740991 1 0 NULL 0");
        assert_eq!(row("/x/last", numbers), "9007199254740991 NULL 0 0 0");
        let lease =
            "status, lease, lease_deadline, quote(lease_expires_at), quote(started_at), tags";
        assert_eq!(row("/x/lease", lease), "2 1 0 NULL NULL []");
        assert_eq!(
            row("/x/lease", "priority, rank, delayed"),
            "9223372036854775807 9223372036854775807 0"
        );
        assert_eq!(
            row(
                "/x/id",
                "hex(path_id), created_at, quote(priority), quote(rank)"
            ),
            "00112233445566778899AABBCCDDEEFF 70 NULL X''"
        );
        let next_expiry: i64 = connection
            .query_row(
                "SELECT next_expiry FROM work_scopes WHERE scope = '/x'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(
            next_expiry, 0,
            "the next claim finds that the lease has ended"
        );
        let order: Vec<String> = connection
            .prepare("SELECT path FROM work WHERE directory = '/x' AND status = 1 ORDER BY rank")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert_eq!(
            order,
            ["/x/last", "/x/attempts"],
            "no priority comes after the greatest one"
        );
    }

    #[test]
    fn items_with_a_damaged_id_or_that_of_another_item_stay_with_ids_of_their_own() {
        let mut connection = schema_1();
        for migration in &MIGRATIONS[1..5] {
            connection.execute_batch(migration).unwrap();
        }
        // Without the UNIQUE of both tables, which damaged indexes do not ensure.
        connection
            .execute_batch(
                "UPDATE store SET schema_version = 5;
                 DROP INDEX paths_by_id;
                 INSERT INTO paths (path, kind, path_id, created_at, modified_at)
                 VALUES ('/x/free', 1, x'000000000000000000000000000000f1', 1, 1),
                        ('/x/free too', 1, x'000000000000000000000000000000f1', 1, 1),
                        ('/x/text', 1, 'no id', 1, 1), ('/x/short', 1, x'f2', 1, 1),
                        ('/x/taken', 1, x'000000000000000000000000000000f3', 1, 1),
                        ('/x/twice', 1, x'000000000000000000000000000000f4', 1, 1),
                        ('/x/twice of another', 1, x'000000000000000000000000000000f5', 1, 1);
                 DELETE FROM work;
                 CREATE TABLE untyped AS SELECT * FROM work;
                 DROP TABLE work;
                 CREATE TABLE work AS SELECT * FROM untyped;
                 DROP TABLE untyped;
                 INSERT INTO work (path, path_id, created_at, directory, scope, item, status, open_edges, delayed)
                 SELECT column1, column2, 1, '/x', '/x', 1, 1, 0, 0
                 FROM (VALUES ('/x/free', 'an id'), ('/x/free too', NULL), ('/x/text', 'an id'),
                              ('/x/short', 5), ('/x/taken', x'00'),
                              ('/x/holds it', x'000000000000000000000000000000f3'),
                              ('/x/twice of another', x'000000000000000000000000000000f4'),
                              ('/x/twice', x'000000000000000000000000000000f4'),
                              ('/x/unknown', x'000000000000000000000000000000f6'),
                              ('/x/unknown too', x'000000000000000000000000000000f6'));",
            )
            .unwrap();
        prepare(&mut connection, "another").unwrap();
        let ids: Vec<(String, Vec<u8>)> = connection
            .prepare("SELECT path, path_id FROM work ORDER BY path")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert_eq!(ids.len(), 10, "no item is lost: {ids:?}");
        let known = |name: &str| {
            let (_, id) = ids.iter().find(|(path, _)| path[3..] == *name).unwrap();
            assert_eq!(id.len(), 16, "{name}");
            id[..15].iter().all(|byte| *byte == 0).then_some(id[15])
        };
        assert_eq!(known("free"), Some(0xf1), "as its file");
        assert_eq!(known("free too"), None, "the id was given to the first");
        assert_eq!(known("text"), None);
        assert_eq!(known("short"), None);
        assert_eq!(known("taken"), None, "another item has the id of its file");
        assert_eq!(known("holds it"), Some(0xf3));
        assert_eq!(known("twice"), Some(0xf4), "as its file");
        assert_eq!(known("twice of another"), Some(0xf5), "as its file");
        assert_eq!(known("unknown"), Some(0xf6), "the first keeps it");
        assert_eq!(known("unknown too"), None);
    }

    #[test]
    fn stores_of_every_earlier_schema_become_the_same() {
        let schema_of = |connection: &Connection| -> Vec<String> {
            connection
                .prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
                .unwrap()
                .query_map([], |row| row.get(0))
                .unwrap()
                .collect::<rusqlite::Result<_>>()
                .unwrap()
        };
        let items_of = |connection: &Connection| -> Vec<String> {
            connection
                .prepare("SELECT concat_ws(' ', path, status, hex(rank), delayed) FROM work ORDER BY path")
                .unwrap()
                .query_map([], |row| row.get(0))
                .unwrap()
                .collect::<rusqlite::Result<_>>()
                .unwrap()
        };
        let mut reference = schema_1();
        prepare(&mut reference, "another").unwrap();
        for version in 2..MIGRATIONS.len() {
            let mut connection = schema_1();
            for migration in &MIGRATIONS[1..version] {
                connection.execute_batch(migration).unwrap();
            }
            connection
                .execute("UPDATE store SET schema_version = ?1", [version as i64])
                .unwrap();
            prepare(&mut connection, "another").unwrap();
            assert_eq!(
                schema_of(&connection),
                schema_of(&reference),
                "from schema {version}"
            );
            assert_eq!(
                items_of(&connection),
                items_of(&reference),
                "from schema {version}"
            );
        }
    }

    #[test]
    fn a_newer_schema_is_left_alone() {
        let mut connection = schema_1();
        connection
            .execute("UPDATE store SET schema_version = ?1", [SCHEMA_VERSION + 1])
            .unwrap();
        let error = prepare(&mut connection, "another").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::VersionMismatch);
    }
}

//! A copy of the database, which is a separate store.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nexusfs_core::call::Call;
use nexusfs_core::content::ContentHash;
use nexusfs_core::error;
use nexusfs_core::host::directory::create_file_at;
use nexusfs_core::metadata::{
    ContentCursor, ContentKey, ContentRow, CopyIdentity, MetadataCopy, Paged,
};
use rusqlite::OptionalExtension;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use super::check;
use crate::db::backends::BackendCache;
use crate::db::connection::{self, Role, abandon};
use crate::db::{holders, lease_tokens, schema};
use crate::driver::statements::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::write::removal;

/// Pages that are copied between two checks for interrupts.
const STEP: i32 = 1024;
/// Page cache of a copy, in KiB.
const CACHE_KIB: u32 = 2048;
/// How long to wait if SQLite reports a lock.
const PAUSE: Duration = Duration::from_millis(1);
/// The tables with users' data, with the keys that order their rows.
const USER_DATA: [(&str, &str); 5] = [
    ("paths", "path"),
    ("metadata", "path, key"),
    ("work", "path"),
    ("edges", "item_id, blocker_id"),
    ("namespaces", "name"),
];

/// A copy whose database is complete. Dropped before the file was given another name, it leaves nothing.
pub(in super::super) struct Copy {
    connection: Connection,
    backends: BackendCache,
    _name: Name,
}

/// Writes the database of `source`, as it is at one moment, to `file`, and makes it the store `identity`. The file is
/// complete: no WAL belongs to it.
pub(in super::super) fn create(
    source: &Connection,
    file: &Path,
    identity: &CopyIdentity,
    step: &mut dyn FnMut(u64, u64) -> error::Result<()>,
) -> Result<Copy> {
    remove_database(file)?;
    let name = Name(file.to_owned());
    let connection = build(source, file, identity, step)?;
    let backends = BackendCache::default();
    backends.reload(&connection)?;
    Ok(Copy {
        connection,
        backends,
        _name: name,
    })
}

/// The temporary name of a copy: a file that still has it when this is dropped is removed.
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        let _ = remove_database(&self.0);
    }
}

fn build(
    source: &Connection,
    file: &Path,
    identity: &CopyIdentity,
    step: &mut dyn FnMut(u64, u64) -> error::Result<()>,
) -> Result<Connection> {
    let created = create_file_at(file);
    created.map_err(|error| Error::io("cannot create the copy of the database", error))?;
    let mut target = connection::open(file, Role::Writer, CACHE_KIB)?;
    // The open transaction keeps one snapshot for this connection. Otherwise each commit of another connection would
    // restart the copy.
    source.prepare_cached("BEGIN")?.execute([])?;
    let copied = copy_pages(source, &mut target, step);
    abandon(source);
    copied?;
    stand_alone(&target)?;
    target.pragma_update(None, "synchronous", "FULL")?;
    target.execute_batch("BEGIN IMMEDIATE")?;
    let adopted = adopt(&target, identity)
        // There is no WAL, from which a failed commit could reappear.
        .and_then(|()| Ok(target.execute_batch("COMMIT")?));
    if adopted.is_err() {
        abandon(&target);
    }
    adopted?;
    check_complete(&target, file, identity)?;
    Ok(target)
}

/// Returns an error unless the file of the copy is complete: its header names no WAL, there is none, and the file is
/// the intended store.
fn check_complete(connection: &Connection, file: &Path, identity: &CopyIdentity) -> Result<()> {
    let failed = |error| Error::io("cannot read the copy of the database", error);
    let mut header = [0; 20];
    File::open(file)
        .and_then(|mut file| file.read_exact(&mut header))
        .map_err(failed)?;
    let log = beside(file, "-wal").try_exists().map_err(failed)?;
    let uuid: String = connection.query_row("SELECT uuid FROM store", [], |row| row.get(0))?;
    match header[18..] == [1, 1] && !log && uuid == identity.uuid {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::Io,
            "the copy of the database is not complete",
        )),
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    step: &mut dyn FnMut(u64, u64) -> error::Result<()>,
) -> Result<()> {
    connection::beginning(|| Ok(source.query_row("SELECT 1 FROM store", [], |_| Ok(()))?))?;
    let backup = Backup::new(source, target)?;
    loop {
        let result = backup.step(STEP)?;
        let progress = backup.progress();
        let total = u64::from(progress.pagecount.unsigned_abs());
        let left = u64::from(progress.remaining.unsigned_abs());
        step(total.saturating_sub(left), total)?;
        match result {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => thread::sleep(PAUSE),
        }
    }
}

/// Checkpoints the WAL of a database and switches it to a rollback journal. Fails if another connection has it open.
fn stand_alone(connection: &Connection) -> Result<()> {
    match schema::set_journal_mode(connection, "DELETE")?.as_str() {
        "delete" => Ok(()),
        _ => Err(Error::new(ErrorKind::Busy, IN_USE)),
    }
}

const IN_USE: &str = "the copy is open as a store";

/// Gives the database the identity of another store: a copy and its original must not share directories.
fn adopt(connection: &Connection, identity: &CopyIdentity) -> Result<()> {
    lease_tokens::advance(connection)?;
    // Tokens of the original are not valid in the copy: those leases have expired there.
    connection.execute(
        "UPDATE work SET lease_deadline = 0 WHERE lease_deadline IS NOT NULL",
        [],
    )?;
    // Also in the same boot as the original, so independent of its boot number.
    connection.execute(
        "UPDATE work_scopes SET next_expiry = 0 WHERE next_expiry IS NOT NULL",
        [],
    )?;
    connection.execute("DELETE FROM pending_deletions", [])?;
    connection.execute("DELETE FROM reservations", [])?;
    connection.execute("UPDATE store SET uuid = ?1", [&identity.uuid])?;
    connection.execute(
        "UPDATE backends SET uuid = ?1 WHERE name = 'local'",
        [&identity.uuid],
    )?;
    for (name, place) in &identity.places {
        connection.execute(
            "UPDATE backends SET uuid = ?2 WHERE name = ?1",
            [&**name, place.as_str()],
        )?;
    }
    Ok(())
}

impl MetadataCopy for Copy {
    fn contents(
        &self,
        after: Option<&ContentCursor>,
    ) -> error::Result<Paged<ContentRow, ContentCursor>> {
        let after = after.map_or(Ok(i64::MIN), check::id_of)?;
        let backends = self.backends.current();
        Ok(check::contents(&self.connection, &backends, after, false)?)
    }

    fn unnamed(&self, backend: &str, hashes: &[ContentHash]) -> error::Result<Vec<ContentHash>> {
        match self.backends.current().find(backend) {
            Some(id) => Ok(removal::without_row(&self.connection, id, hashes)?),
            None => Ok(hashes.to_vec()),
        }
    }

    fn first_path_of(&self, content: &ContentKey) -> error::Result<Option<String>> {
        let (paths, _) = holders::paths_of(&self.connection, content.id, content.hash.as_ref(), 1)?;
        Ok(paths.into_iter().next())
    }

    fn files(&self) -> error::Result<u64> {
        let sql = "SELECT count(*) FROM paths WHERE kind = 1";
        let count = number(&self.connection, sql)?;
        Ok(count as u64)
    }

    fn content_bytes(&self) -> error::Result<u64> {
        let sql = "SELECT coalesce(sum(size), 0) FROM content WHERE data IS NULL";
        let bytes = number(&self.connection, sql)?;
        Ok(bytes as u64)
    }

    fn digest(&self) -> error::Result<String> {
        Ok(digest(&self.connection)?)
    }
}

/// Returns the number that `sql` gives.
fn number(connection: &Connection, sql: &str) -> Result<i64> {
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Returns the digest of the users' data in the database at `file`, which no process has open, and removes its WAL;
/// `None` if there is no database.
pub(in super::super) fn digest_of(file: &Path, call: &Call) -> Result<Option<String>> {
    if !file.exists() {
        return Ok(None);
    }
    connection::waiting_as(call, || {
        let connection = connection::open(file, Role::Writer, CACHE_KIB)?;
        stand_alone(&connection).map_err(|error| match error.kind() {
            ErrorKind::Busy => Error::new(ErrorKind::Busy, IN_USE),
            _ => error,
        })?;
        digest(&connection).map(Some)
    })
}

fn digest(connection: &Connection) -> Result<String> {
    let mut hasher = Sha256::new();
    for (table, order) in USER_DATA {
        let exists = connection
            .query_row(
                "SELECT 1 FROM sqlite_schema WHERE name = ?1",
                [table],
                |_| Ok(()),
            )
            .optional()?;
        if exists.is_none() {
            continue;
        }
        hasher.update(table.as_bytes());
        let mut statement =
            connection.prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                let (kind, bytes): (u8, &[u8]) = match row.get_ref(column)? {
                    ValueRef::Null => (0, &[]),
                    ValueRef::Integer(value) => (1, &value.to_be_bytes()),
                    ValueRef::Real(value) => (2, &value.to_be_bytes()),
                    ValueRef::Text(value) => (3, value),
                    ValueRef::Blob(value) => (4, value),
                };
                hasher.update([kind]);
                hasher.update((bytes.len() as u64).to_be_bytes());
                hasher.update(bytes);
            }
        }
    }
    let hash: [u8; 32] = hasher.finalize().into();
    Ok(ContentHash::from_bytes(hash).to_string())
}

/// Removes the database at `file`, which no process has open, with its companion files.
fn remove_database(file: &Path) -> Result<()> {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        match fs::remove_file(beside(file, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("cannot remove an unfinished copy", error));
            }
            _ => {}
        }
    }
    Ok(())
}

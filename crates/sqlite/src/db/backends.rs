//! The ids of backends, which rows hold, and their names, which callers see.

use std::sync::Arc;

use parking_lot::RwLock;
use rusqlite::OptionalExtension;

use crate::driver::statements::Connection;
use crate::error::{Error, Result};

/// A snapshot of the table `backends`. Backends are added, never changed or removed.
#[derive(Debug, Default)]
pub(in super::super) struct BackendNames(Vec<(i64, Arc<str>)>);

impl BackendNames {
    /// Returns the name of the backend `id`.
    pub fn name(&self, id: i64) -> Result<Arc<str>> {
        self.0
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, name)| Arc::clone(name))
            .ok_or_else(|| Error::corrupt("a row of the database names an unknown backend"))
    }

    /// Returns the ids of all.
    pub fn ids(&self) -> impl Iterator<Item = i64> {
        self.0.iter().map(|(id, _)| *id)
    }

    /// Returns the id of the backend `name`, if it is known.
    pub fn find(&self, name: &str) -> Option<i64> {
        let found = self.0.iter().find(|(_, known)| **known == *name);
        found.map(|(id, _)| *id)
    }
}

/// The newest snapshot.
#[derive(Debug, Default)]
pub(in super::super) struct BackendCache(RwLock<Arc<BackendNames>>);

impl BackendCache {
    /// Returns the snapshot, which has the backend `id` if it exists: another process may have added it since the last
    /// read.
    pub fn with(&self, id: i64, connection: &Connection) -> Result<Arc<BackendNames>> {
        let names = self.current();
        if names.name(id).is_ok() {
            return Ok(names);
        }
        self.reload(connection)
    }

    /// Returns the id of the backend `name`, which another process may have added since the last read.
    pub fn id(&self, name: &str, connection: &Connection) -> Result<i64> {
        if let Some(id) = self.current().find(name) {
            return Ok(id);
        }
        self.reload(connection)?
            .find(name)
            .ok_or_else(|| Error::internal(format!("the backend '{name}' is not registered")))
    }

    /// Returns the snapshot as it is.
    pub fn current(&self) -> Arc<BackendNames> {
        Arc::clone(&self.0.read())
    }

    /// Reads the table again, outside of any transaction that adds to it.
    pub fn reload(&self, connection: &Connection) -> Result<Arc<BackendNames>> {
        let mut statement = connection.prepare_cached("SELECT id, name FROM backends")?;
        let names = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let names = Arc::new(BackendNames(names));
        // A connection in a read transaction may have an older snapshot.
        let mut newest = self.0.write();
        if names.0.len() > newest.0.len() {
            *newest = Arc::clone(&names);
        }
        Ok(names)
    }
}

/// Returns the identity of the backend `name`, if it is known.
pub(in super::super) fn uuid(connection: &Connection, name: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT uuid FROM backends WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

/// Adds the backend `name` with the identity `wanted`, unless another process has just added it.
pub(in super::super) fn register(connection: &Connection, name: &str, wanted: &str) -> Result<()> {
    connection.execute(
        "INSERT OR IGNORE INTO backends (name, uuid) VALUES (?1, ?2)",
        [name, wanted],
    )?;
    match uuid(connection, name)? {
        Some(known) if known == wanted => Ok(()),
        _ => Err(elsewhere(name)),
    }
}

/// Returns the error for a mount whose directory is not the one that the store knows.
pub(in super::super) fn elsewhere(name: &str) -> Error {
    Error::invalid_config(format!(
        "mounts: the backend '{name}' of this store lives in another directory"
    ))
}

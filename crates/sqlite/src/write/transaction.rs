//! One write set being applied, inside a group's SQLite transaction.

use std::borrow::Cow;
use std::sync::Arc;

use nexusfs_core::content::{ContentHash, Prepared, Routes, Staged, Unprepared};
use nexusfs_core::metadata::{Entry, Grant};
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::Visible;
use nexusfs_core::time::Micros;
use rusqlite::Params;

use super::held::Imports;
use super::member::Awaited;
use super::path_ids::PathIds;
use super::publications::Publications;
use crate::db::backends::{BackendCache, BackendNames};
use crate::db::rows::{self, PathRow};
use crate::db::time::Time;
use crate::db::visible;
use crate::driver::statements::Connection;
use crate::error::{Error, Result};
use crate::queue::WorkTransaction;
use crate::read::listing;

/// The state of one write set: what its changes need, and the work left before the commit.
pub(in super::super) struct Transaction<'a> {
    pub connection: &'a Connection,
    pub grant: &'a Grant,
    pub routes: &'a Routes,
    backends: &'a BackendCache,
    /// Contents that earlier members of the group staged, and that are not published before the end of the group.
    pub earlier: &'a Publications,
    /// Staged contents that rows now name.
    pub staged: Vec<(Arc<str>, Arc<dyn Staged>)>,
    /// Contents that were prepared for the changes.
    pub prepared: &'a Prepared,
    /// Contents that changes need and that were not prepared: the set is not applied.
    pub unprepared: Vec<Unprepared>,
    /// A content that a change needs and that is being removed: the set is not applied.
    pub awaited: Option<Awaited>,
    /// The number of the change that is applied.
    pub change: usize,
    /// Whether contents were dropped, which are pending deletion after the commit.
    pub has_dropped: bool,
    /// For the changes of work items.
    pub work: WorkTransaction<'a>,
    /// What imports need, while changes that hold some are applied.
    pub imports: Option<Imports>,
    /// It is the only member of its group.
    pub is_alone: bool,
    /// It was given up, to be the only member of another group.
    pub wants_alone: bool,
    time: &'a Time,
    path_ids: &'a PathIds,
}

impl<'a> Transaction<'a> {
    pub fn new(
        connection: &'a Connection,
        grant: &'a Grant,
        routes: &'a Routes,
        prepared: &'a Prepared,
        backends: &'a BackendCache,
        stamps: &'a Stamps,
        earlier: &'a Publications,
    ) -> Self {
        Transaction {
            connection,
            grant,
            routes,
            backends,
            earlier,
            staged: Vec::new(),
            prepared,
            unprepared: Vec::new(),
            awaited: None,
            change: 0,
            has_dropped: false,
            work: WorkTransaction::new(connection, grant, &stamps.time),
            imports: None,
            is_alone: false,
            wants_alone: false,
            time: &stamps.time,
            path_ids: &stamps.path_ids,
        }
    }

    /// Runs a statement that returns no rows; returns how many rows it changed.
    pub fn run(&self, sql: &'static str, params: impl Params) -> Result<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)?)
    }

    /// Returns the current time, later than that of every change before.
    pub fn now(&self) -> Micros {
        self.time.of_change()
    }

    /// Returns an id for an entry that is created at `time`.
    pub fn new_path_id(&self, time: Micros) -> Result<PathId> {
        self.path_ids.next(time)
    }

    /// Gives the write set up, until it is the only member of its group.
    pub fn want_alone(&mut self) -> Error {
        self.wants_alone = true;
        Error::internal("a change of many rows beside others")
    }

    /// Rejects the set: a change needs a content that was not prepared.
    pub fn need(&mut self, unprepared: Unprepared) -> Error {
        self.unprepared.push(unprepared);
        Error::internal("a content was not prepared")
    }

    /// Defers the set until the removal of a content has ended.
    pub fn wait_for(&mut self, backend_id: i64, hash: ContentHash) -> Error {
        self.awaited = Some(Awaited { backend_id, hash });
        Error::internal("a content is being removed")
    }

    /// Returns the row at `path` if it exists for the caller, which may read at least a part of it: a gate does not
    /// exist because of other owners' entries.
    pub fn seen(&self, path: &str) -> Result<Option<PathRow>> {
        let row = rows::find(self.connection, path)?;
        if row.is_none() || self.grant.visible.contains(path) {
            return Ok(row);
        }
        let exists = listing::gate_exists(self.connection, &*self.visible()?, path)?;
        Ok(row.filter(|_| exists))
    }

    /// Returns the id of the backend `name`.
    pub fn backend_id(&self, name: &str) -> Result<i64> {
        self.backends.id(name, self.connection)
    }

    /// Returns the backends that are known.
    pub fn backend_names(&self) -> Arc<BackendNames> {
        self.backends.current()
    }

    /// Returns the name of the backend `id`.
    pub fn backend_name(&self, id: i64) -> Result<Arc<str>> {
        self.backends.with(id, self.connection)?.name(id)
    }

    /// Returns `row` as callers see it.
    pub fn entry(&self, row: PathRow) -> Result<Entry> {
        let names = match &row.file {
            Some(file) => self.backends.with(file.backend_id, self.connection)?,
            None => self.backends.current(),
        };
        row.into_entry(&names)
    }

    /// Returns what the caller may read, resolved against what exists now.
    pub fn visible(&self) -> Result<Cow<'a, Visible>> {
        visible::resolve(&self.grant.visible, self.connection)
    }
}

/// What marks a new row: its time and its id.
#[derive(Debug)]
pub(in super::super) struct Stamps {
    pub time: Arc<Time>,
    path_ids: PathIds,
}

impl Stamps {
    pub fn new(time: Arc<Time>) -> Self {
        Stamps {
            time,
            path_ids: PathIds::default(),
        }
    }
}

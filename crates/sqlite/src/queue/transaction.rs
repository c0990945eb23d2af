//! The interface of a transaction that changes the queue, and its state until the end.

use std::collections::{BTreeMap, BTreeSet};

use nexusfs_core::metadata::Grant;
use nexusfs_core::path_id::PathId;
use nexusfs_core::work::DependencyRef;
use rusqlite::Params;

use crate::db::time::Time;
use crate::driver::statements::Connection;
use crate::error::Result;

/// A transaction that changes work items.
pub(in super::super) struct WorkTransaction<'a> {
    pub connection: &'a Connection,
    pub grant: &'a Grant,
    pub time: &'a Time,
    /// Work items whose edges or statuses changed.
    pub changes: WorkChanges,
}

impl<'a> WorkTransaction<'a> {
    pub fn new(connection: &'a Connection, grant: &'a Grant, time: &'a Time) -> Self {
        WorkTransaction {
            connection,
            grant,
            time,
            changes: WorkChanges::default(),
        }
    }

    /// Runs a statement that returns no rows; returns how many rows it changed.
    pub fn run(&self, sql: &'static str, params: impl Params) -> Result<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)?)
    }

    /// The changes that follow belong to the operation `index`.
    pub fn begin_operation(&mut self, index: usize) {
        self.changes.operation = index;
    }
}

/// The input of [`super::settle()`].
#[derive(Debug, Default)]
pub(in super::super) struct WorkChanges {
    /// Index of the change that is being applied.
    pub(super) operation: usize,
    /// New dependencies of items. They are stored by [`super::settle()`], since they may name files that a
    /// later change creates.
    pub(super) pending: BTreeMap<PathId, PendingEdges>,
    /// Items whose status or edges changed.
    pub(super) touched: BTreeSet<PathId>,
    /// Items that block no more. [`super::settle()`] closes the edges to them.
    pub(super) closed: BTreeSet<PathId>,
    /// Items whose lease the caller has proved to hold.
    pub(super) held: BTreeSet<PathId>,
    /// An item may have become claimable.
    pub supplied: bool,
}

/// Dependencies that were named for an item and are not stored yet.
#[derive(Debug, Clone)]
pub(super) struct PendingEdges {
    /// Index of the change that named them.
    pub operation: usize,
    pub named: Vec<Named>,
}

#[derive(Debug, Clone)]
pub(super) struct Named {
    pub reference: DependencyRef,
    /// The file at the path when it was named: later changes may move it.
    pub bound: Option<PathId>,
}

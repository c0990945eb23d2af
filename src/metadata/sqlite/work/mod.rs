//! Work items in the database: the side table, the edges, and what follows from a change.
//!
//! Called by the changes of files while they are applied; [`settle`] then does what the whole set of
//! changes entails, before it is committed.

#![allow(unused_variables, dead_code)]

use super::rows::PathRow;
use super::transaction::Transaction;
use crate::error::Result;
use crate::metadata::{Micros, PathId};
use crate::path::VirtualPath;
use crate::range::PathRange;
use crate::work::WorkField;

/// What [`settle`] has to look at.
#[derive(Debug, Default)]
pub(super) struct WorkChanges {}

/// Sets typed keys of the file `row`.
pub(super) fn set(tx: &mut Transaction<'_>, row: &PathRow, fields: &[&WorkField]) -> Result<()> {
    Ok(())
}

/// Removes a typed key of the file `row`; returns whether it was set.
pub(super) fn clear(tx: &mut Transaction<'_>, row: &PathRow, key: &str) -> Result<bool> {
    Ok(false)
}

/// The files in `range` are being deleted (their rows in `paths` may be gone already).
pub(super) fn deleted(tx: &mut Transaction<'_>, range: &PathRange) -> Result<()> {
    Ok(())
}

/// The file `source` was copied to `path`, which has the id `path_id` and was created at `created_at`.
pub(super) fn copied(
    tx: &mut Transaction<'_>,
    source: &PathRow,
    path: &VirtualPath,
    path_id: PathId,
    created_at: Micros,
) -> Result<()> {
    Ok(())
}

/// The file `row` was imported and its metadata set: nobody works on it.
pub(super) fn imported(tx: &mut Transaction<'_>, row: &PathRow) -> Result<()> {
    Ok(())
}

/// Checks that the work item at `path` is held under the lease `token`.
pub(super) fn check_lease(tx: &Transaction<'_>, path: &VirtualPath, token: u64) -> Result<()> {
    Ok(())
}

/// Does what the changes entail: refuses cycles, and makes blocked items ready whose last edge closed.
pub(super) fn settle(tx: &mut Transaction<'_>) -> Result<()> {
    Ok(())
}

// Stubs of what is read; the signatures are what the store calls.
use crate::access::Rules;
use crate::call::Call;
use crate::range::Visible;
use crate::work::{Explanation, WorkCounts, WorkItem, WorkView};
use rusqlite::Connection;

pub(super) fn value(c: &Connection, path: &VirtualPath, key: &str) -> Result<Option<String>> {
    Ok(None)
}
pub(super) fn all(c: &Connection, path: &VirtualPath) -> Result<Vec<(String, String)>> {
    Ok(Vec::new())
}
pub(super) fn find(
    c: &Connection,
    f: &WorkField,
    r: &PathRange,
    limit: usize,
) -> Result<Vec<String>> {
    Ok(Vec::new())
}
pub(super) fn view(
    c: &Connection,
    view: WorkView,
    limit: usize,
    visible: &Visible,
    rules: &Rules,
    call: &Call,
) -> Result<Vec<WorkItem>> {
    Ok(Vec::new())
}
pub(super) fn counts(
    c: &Connection,
    r: &PathRange,
    visible: &Visible,
    call: &Call,
) -> Result<WorkCounts> {
    Ok(WorkCounts::default())
}
pub(super) fn explain(
    c: &Connection,
    path: &VirtualPath,
    visible: &Visible,
) -> Result<Explanation> {
    Ok(Explanation {
        status: None,
        dependencies: 0,
        open: Vec::new(),
        not_before: None,
        worker_id: None,
    })
}

//! Applying changes.

mod conditions;
mod content;
mod directories;
mod files;
mod import;
mod metadata;
pub(in super::super) mod parts;
mod relocate;
mod remove;

use nexusfs_core::metadata::{Change, Entry};

use super::removal;
use super::transaction::Transaction;
use crate::error::Result;
use crate::queue;

/// Applies `changes` in order, then their consequences for work items. Returns the entry that each left.
pub(in super::super) fn all(
    tx: &mut Transaction<'_>,
    changes: &[Change],
) -> Result<Vec<Option<Entry>>> {
    let batch = changes.len() > 1;
    let mut entries = Vec::with_capacity(changes.len());
    import::begin(tx, changes);
    while let Some(change) = changes.get(entries.len()) {
        let index = entries.len();
        if batch {
            tx.grant.call.check()?;
        }
        tx.change = index;
        tx.work.begin_operation(index);
        let completions = queue::completions(changes, index);
        if completions.len() > 1 {
            entries.resize(index + completions.len(), None);
            queue::complete_some(&mut tx.work, changes, completions)?;
        } else {
            entries.push(one(tx, change).map_err(|error| change.failed(index, error.into()))?);
        }
    }
    import::end(tx)?;
    // What was reserved for these changes, paths hold now, or nobody does.
    for reservation in tx.prepared.reservations() {
        removal::release(tx.connection, reservation)?;
    }
    queue::settle(&mut tx.work)?;
    Ok(entries)
}

fn one(tx: &mut Transaction<'_>, change: &Change) -> Result<Option<Entry>> {
    match change {
        Change::Write {
            path,
            content,
            backend,
            conditions,
            mime_type,
        } => files::write(tx, path, content, backend, conditions, mime_type.as_deref()).map(Some),
        Change::Append {
            path,
            data: _,
            conditions,
            mime_type,
        } => files::append(tx, path, conditions, mime_type.as_deref()).map(Some),
        Change::Delete { path, conditions } => remove::file(tx, path, conditions).map(|()| None),
        Change::Rename(relocation) => relocate::rename(tx, relocation),
        Change::Copy(relocation) => relocate::copy(tx, relocation),
        Change::MakeDirectory {
            path,
            parents,
            exist_ok,
            given_depth,
        } => directories::make(tx, path, *parents, *exist_ok, *given_depth).map(Some),
        Change::RemoveDirectory { path, recursive } => {
            remove::directory(tx, path, *recursive).map(|()| None)
        }
        Change::SetMetadata {
            path,
            values,
            conditions,
        } => metadata::set(tx, path, values, conditions),
        Change::DeleteMetadata { path, key } => metadata::delete(tx, path, key),
        Change::Require { path, conditions } => {
            let row = tx.seen(path.as_str())?;
            conditions::check(tx, path, row.as_ref(), conditions).map(|()| None)
        }
        Change::Heartbeat { path, token, lease } => {
            queue::heartbeat(&mut tx.work, path, *token, *lease).map(|()| None)
        }
        Change::CompleteWork {
            path,
            token,
            result,
        } => queue::complete(&mut tx.work, path, *token, result.as_deref()).map(|()| None),
        Change::FailWork {
            path,
            token,
            error,
            retry_after,
        } => queue::fail(&mut tx.work, path, *token, error, *retry_after).map(|()| None),
        Change::ReleaseWork { path, token } => {
            queue::release(&mut tx.work, path, *token).map(|()| None)
        }
        Change::Import(source) => import::all(tx, &**source).map(|()| None),
    }
}

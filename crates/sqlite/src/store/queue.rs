//! The store as a queue of work items.

use std::time::Instant;

use nexusfs_core::access::ClaimScope;
use nexusfs_core::call::Call;
use nexusfs_core::error::Result;
use nexusfs_core::metadata::{Claim, Grant, Queue, StoreResult, Supply, Watch};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::{Explanation, WorkCounts, WorkItem, WorkView};

use crate::db::{lease_tokens, visible};
use crate::read::find;
use crate::wal::watch::Changes;
use crate::{SqliteStore, queue};

impl Queue for SqliteStore {
    fn claim(&self, claim: Claim, grant: &Grant) -> StoreResult<Vec<WorkItem>> {
        self.writer.claim(claim, grant.clone()).map_err(Into::into)
    }

    fn supply(&self, scope: &ClaimScope, grant: &Grant) -> StoreResult<Supply> {
        self.readers
            .snapshot(grant, |connection| {
                Ok(queue::supply(
                    connection,
                    &self.backends,
                    &self.time,
                    scope,
                    grant,
                )?)
            })
            .map_err(Into::into)
    }

    fn work(&self, view: WorkView, limit: usize, grant: &Grant) -> StoreResult<Vec<WorkItem>> {
        self.readers
            .snapshot(grant, |connection| {
                let visible = visible::resolve(&grant.visible, connection)?;
                let views = queue::Views {
                    connection,
                    visible: &visible,
                    backends: &self.backends,
                    rules: &grant.rules,
                    call: &grant.call,
                    time: &self.time,
                };
                Ok(views.view(view, limit)?)
            })
            .map_err(Into::into)
    }

    fn work_counts(&self, range: &PathRange, grant: &Grant) -> StoreResult<WorkCounts> {
        self.readers
            .snapshot(grant, |connection| {
                let visible = visible::resolve(&grant.visible, connection)?;
                let now = self.time.wall();
                Ok(queue::counts(
                    connection,
                    range,
                    &visible,
                    now,
                    &grant.call,
                )?)
            })
            .map_err(Into::into)
    }

    fn explain(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Explanation> {
        self.readers
            .snapshot(grant, |connection| {
                find::require_file(connection, path)?;
                let visible = visible::resolve(&grant.visible, connection)?;
                Ok(queue::explain(
                    connection,
                    path,
                    &visible,
                    self.time.boot(),
                )?)
            })
            .map_err(Into::into)
    }

    fn is_leased(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool> {
        self.readers
            .snapshot(grant, |connection| {
                let holder = queue::leased(connection, path.as_str(), self.time.boot())?;
                Ok(holder.is_some())
            })
            .map_err(Into::into)
    }

    fn pass_over_leases(&self, call: &Call) -> Result<()> {
        self.writer
            .transaction(call, lease_tokens::pass_over_others)
            .map_err(Into::into)
    }

    fn watch(&self, call: &Call) -> Result<Box<dyn Watch + '_>> {
        Ok(Box::new(Watching {
            changes: &self.changes,
            seen: self.changes.count(call)?,
        }))
    }
}

/// One who waits.
struct Watching<'a> {
    changes: &'a Changes,
    /// The count of changes that was seen last.
    seen: u64,
}

impl Watch for Watching<'_> {
    fn wait(&mut self, deadline: Option<Instant>, call: &Call) -> Result<bool> {
        self.changes.wait(self.seen, deadline, call)?;
        let seen = self.changes.count(call)?;
        Ok(std::mem::replace(&mut self.seen, seen) != seen)
    }
}

//! Work items.

use std::time::Instant;

use super::{Grant, StoreResult};
use crate::access::ClaimScope;
use crate::call::Call;
use crate::error::Result;
use crate::metadata::{Claim, Supply};
use crate::path::VirtualPath;
use crate::range::PathRange;
use crate::work::{Explanation, WorkCounts, WorkItem, WorkView};

/// Gives out work items, and says what there is of them. What changes one is a [`Change`](crate::metadata::Change).
pub trait Queue: Send + Sync {
    /// Gives the worker the first items that it may take, each under a lease of its own, in one
    /// transaction.
    fn claim(&self, claim: Claim, grant: &Grant) -> StoreResult<Vec<WorkItem>>;

    /// Returns whether there is something to claim.
    fn supply(&self, scope: &ClaimScope, grant: &Grant) -> StoreResult<Supply>;

    /// Returns the first `limit` work items of `view` that the grant sees.
    fn work(&self, view: WorkView, limit: usize, grant: &Grant) -> StoreResult<Vec<WorkItem>>;

    /// Returns how many work items that the grant sees in `range` have which state.
    fn work_counts(&self, range: &PathRange, grant: &Grant) -> StoreResult<WorkCounts>;

    /// Returns what the file at `path` waits for.
    fn explain(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Explanation>;

    /// Returns whether the item at `path`, seen or not, is under a live lease.
    fn is_leased(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool>;

    /// Raises the sequence of lease tokens beyond those that any other store has given out until now.
    fn pass_over_leases(&self, call: &Call) -> Result<()>;

    /// Returns what notices changes of the queue from now on.
    fn watch(&self, call: &Call) -> Result<Box<dyn Watch + '_>>;
}

/// Notices changes that could make something claimable, of any process.
pub trait Watch: Send {
    /// Waits until something changed since the last wait, or since this was made, or until `deadline`. Returns whether something
    /// changed.
    fn wait(&mut self, deadline: Option<Instant>, call: &Call) -> Result<bool>;
}

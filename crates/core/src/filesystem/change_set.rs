//! Changes as one value: what a batch collects and a store commits.

use std::sync::Arc;

use crate::metadata::Change;

/// Changes that are committed together: in order, each seeing the earlier ones, all or nothing. A [`Batch`](super::Batch)
/// collects them, and [`Store::commit`](super::Store::commit) makes them.
#[derive(Debug, Clone, Default)]
pub struct ChangeSet(Arc<Vec<Change>>);

impl ChangeSet {
    /// Adds a change, to be made after the others.
    pub fn push(&mut self, change: Change) {
        Arc::make_mut(&mut self.0).push(change);
    }

    /// Returns the changes, in order.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// Returns the changes as a commit shares them.
    pub(crate) fn shared(&self) -> &Arc<Vec<Change>> {
        &self.0
    }
}

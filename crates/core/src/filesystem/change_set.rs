//! Changes as one value: what a batch collects and a store commits.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::change::check;
use crate::metadata::Change;

/// Changes that are committed together: in order, each seeing the earlier ones, all or nothing. A [`Batch`](super::Batch)
/// collects them, and [`Store::commit`](super::Store::commit) makes them.
///
/// The serialised form is a list of operations with their bytes. Read elsewhere, the set can be committed there: every rule is checked
/// as for a batch, and contents go where that handle keeps them.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
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

impl<'de> Deserialize<'de> for ChangeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let changes = Vec::<Change>::deserialize(deserializer)?;
        for (index, change) in changes.iter().enumerate() {
            check(change).map_err(|error| D::Error::custom(error.in_operation(index)))?;
        }
        Ok(ChangeSet(Arc::new(changes)))
    }
}

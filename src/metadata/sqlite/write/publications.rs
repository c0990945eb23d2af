//! Contents that come into place with a commit.

use std::cell::RefCell;
use std::sync::Arc;

use crate::content::{ContentHash, Placement, Staged};
use crate::error::Result;

/// The contents that the rows of a transaction name and that are not in place yet.
#[derive(Default)]
pub(in super::super) struct Publications(RefCell<Vec<Publication>>);

struct Publication {
    backend: Arc<str>,
    placement: Arc<Placement>,
    content: Arc<dyn Staged>,
}

impl Publications {
    pub fn add(&self, placement: &Arc<Placement>, staged: Vec<(Arc<str>, Arc<dyn Staged>)>) {
        let publications = staged.into_iter().map(|(backend, content)| Publication {
            backend,
            placement: Arc::clone(placement),
            content,
        });
        self.0.borrow_mut().extend(publications);
    }

    /// Returns one of them.
    pub fn find(&self, backend: &str, hash: &ContentHash) -> Option<Arc<dyn Staged>> {
        let pending = self.0.borrow();
        let found = pending
            .iter()
            .find(|one| *one.backend == *backend && one.content.hash() == *hash);
        found.map(|one| Arc::clone(&one.content))
    }

    /// Puts all in place, durably; those of one backend together.
    pub fn publish(self) -> Result<()> {
        let mut pending = self.0.into_inner();
        while let Some(first) = pending.first() {
            let (backend, placement) = (Arc::clone(&first.backend), Arc::clone(&first.placement));
            let (now, later): (Vec<_>, Vec<_>) =
                pending.into_iter().partition(|one| one.backend == backend);
            let contents: Vec<&dyn Staged> = now.iter().map(|one| &*one.content).collect();
            placement.store(&backend)?.publish(&contents)?;
            pending = later;
        }
        Ok(())
    }
}

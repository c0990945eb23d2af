//! Publications of contents, just before a commit.

use std::cell::RefCell;
use std::sync::Arc;

use nexusfs_core::call::Call;
use nexusfs_core::content::{ContentHash, Publisher, Staged};

use super::member::{Member, Request};
use crate::error::Result;

/// The contents that rows of a transaction name and that are not published yet.
#[derive(Default)]
pub(in super::super) struct Publications(RefCell<Vec<Publication>>);

struct Publication {
    backend: Arc<str>,
    publisher: Arc<dyn Publisher>,
    call: Call,
    content: Arc<dyn Staged>,
}

impl Publications {
    pub(super) fn add(&self, member: &Member, staged: Vec<(Arc<str>, Arc<dyn Staged>)>) {
        let Request::Changes(set) = &member.request else {
            return;
        };
        let publications = staged.into_iter().map(|(backend, content)| Publication {
            backend,
            publisher: Arc::clone(&set.publisher),
            call: member.grant.call.clone(),
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

    /// Publishes all of them durably; those of one backend together.
    pub fn publish(self) -> Result<()> {
        let mut pending = self.0.into_inner();
        while let Some(first) = pending.first() {
            let (backend, publisher) = (Arc::clone(&first.backend), Arc::clone(&first.publisher));
            let call = first.call.clone();
            let (now, later): (Vec<_>, Vec<_>) =
                pending.into_iter().partition(|one| one.backend == backend);
            let contents: Vec<&dyn Staged> = now.iter().map(|one| &*one.content).collect();
            publisher.publish(&backend, &contents, &call)?;
            pending = later;
        }
        Ok(())
    }
}

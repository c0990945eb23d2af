//! A member of the commit queue and of a group.

use std::sync::atomic::{AtomicBool, Ordering};

use nexusfs_core::config::Durability;
use nexusfs_core::content::ContentHash;
use nexusfs_core::metadata::{Change, Claim, Committed, Grant, WriteSet};
use nexusfs_core::work::WorkItem;
use parking_lot::{Condvar, Mutex};

use crate::error::StoreError;

/// The request of a member.
pub(super) enum Request {
    Changes(WriteSet),
    Claim(Claim),
}

impl Request {
    pub fn durability(&self) -> Durability {
        match self {
            Request::Changes(set) => set.durability,
            Request::Claim(claim) => claim.durability,
        }
    }

    /// Returns whether it only removes names, and so may use the reserve of a full disk.
    pub fn frees_room(&self) -> bool {
        let Request::Changes(set) = self else {
            return false;
        };
        let removes = |change: &Change| {
            matches!(
                change,
                Change::Delete { .. } | Change::RemoveDirectory { .. }
            )
        };
        set.changes.iter().any(removes)
            && set
                .changes
                .iter()
                .all(|change| removes(change) || matches!(change, Change::Require { .. }))
    }
}

/// What a member left.
pub(super) enum Reply {
    Committed(Committed),
    Claimed(Vec<WorkItem>),
}

/// What a member left, or why nothing.
pub(super) type Outcome = Result<Reply, Refusal>;

/// Why a member left nothing.
pub(in super::super) enum Refusal {
    /// For its caller.
    Store(StoreError),
    /// The removal of a content must end first.
    Awaits(Awaited),
}

impl<E: Into<StoreError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Refusal::Store(error.into())
    }
}

/// A content whose removal must end first.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Awaited {
    pub backend_id: i64,
    pub hash: ContentHash,
}

/// A write set in the queue.
pub(super) struct Member {
    pub request: Request,
    pub grant: Grant,
    /// It changes many rows, so that no other member shares its group.
    is_alone: AtomicBool,
    /// Its commit must be synced, whatever its durability.
    is_synced: AtomicBool,
    pub ticket: Ticket,
}

#[derive(Default)]
pub(super) struct Ticket {
    pub state: Mutex<State>,
    pub changed: Condvar,
}

#[derive(Default)]
pub(super) enum State {
    #[default]
    Queued,
    /// A leader works on it: its outcome will come.
    Taken,
    /// It is to lead the next group.
    Leader,
    Done(Outcome),
}

impl Member {
    pub fn new(request: Request, grant: Grant) -> Self {
        Member {
            request,
            grant,
            is_alone: AtomicBool::new(false),
            is_synced: AtomicBool::new(false),
            ticket: Ticket::default(),
        }
    }

    /// Makes it the only member of its group.
    pub fn must_be_alone(&self) {
        self.is_alone.store(true, Ordering::Relaxed);
    }

    /// Defers it to a later group, whose commit is synced.
    pub fn must_be_synced(&self) {
        self.is_synced.store(true, Ordering::Relaxed);
    }

    pub fn durability(&self) -> Durability {
        match self.is_synced.load(Ordering::Relaxed) {
            true => Durability::Full,
            false => self.request.durability(),
        }
    }

    pub fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }

    pub fn resolve(&self, state: State) {
        *self.ticket.state.lock() = state;
        self.ticket.changed.notify_one();
    }
}

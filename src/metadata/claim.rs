//! What a worker asks for.

use std::sync::Arc;
use std::time::Duration;

use super::Micros;
use crate::config::Durability;
use crate::range::{PathRange, Visible};

/// Which items a caller may take.
#[derive(Debug, Clone)]
pub struct ClaimScope {
    /// What the caller may change.
    pub changeable: Arc<Visible>,
    /// What may be changed at all, in order: for what `changeable` leaves to be found out.
    pub writable: Arc<[PathRange]>,
    /// What it asks for; `None` for all.
    pub prefix: Option<PathRange>,
    /// Nothing binds the caller to a part of the store, and it asks for all: items that it may not take
    /// are few.
    pub whole: bool,
}

/// A worker's request for items.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who asks.
    pub worker_id: String,
    /// Most items to take.
    pub max: usize,
    /// How long the lease lasts.
    pub lease: Micros,
    /// Which items.
    pub scope: ClaimScope,
    /// Whether the commit must survive power loss.
    pub durability: Durability,
}

/// Whether there is something to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// At this moment.
    Now,
    /// Not before this much time has passed, unless something changes.
    After(Duration),
    /// Not unless something changes.
    None,
}

//! The request of a claim.

use std::time::Duration;

use crate::access::ClaimScope;
use crate::config::Durability;
use crate::time::Micros;

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

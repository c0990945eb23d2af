//! The work items that a caller may claim.

use std::sync::Arc;

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

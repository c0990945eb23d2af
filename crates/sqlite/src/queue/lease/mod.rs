//! Calls of the holder of a lease.

pub(super) mod complete;
pub(super) mod finish;

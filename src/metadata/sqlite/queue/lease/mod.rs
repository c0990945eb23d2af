//! What the holder of a lease does.

pub(super) mod complete;
pub(super) mod finish;

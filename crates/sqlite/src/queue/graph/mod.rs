//! The dependencies of work items.

pub(super) mod cycles;
pub(super) mod edges;
pub(super) mod explain;
pub(super) mod settle;

//! The upkeep of the whole database.
//!
//! | what | where |
//! |---|---|
//! | whether the rows agree | `check` |
//! | repairing them | `repair` |
//! | a copy of the database | `copy` |

pub(super) mod check;
pub(super) mod copy;
pub(super) mod repair;

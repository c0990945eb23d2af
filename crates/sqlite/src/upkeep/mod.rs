//! The upkeep of the whole database.
//!
//! | what | where |
//! |---|---|
//! | consistency of the rows | `check` |
//! | repair of rows | `repair` |
//! | a copy of the database | `copy` |

pub(super) mod check;
pub(super) mod copy;
pub(super) mod repair;

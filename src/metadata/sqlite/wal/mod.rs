//! The WAL: what commits leave in it.
//!
//! | what | where |
//! |---|---|
//! | commits | `commit` |
//! | checkpoints | `checkpoint` |
//! | failed syncs; unacknowledged commits | `health`, `unacknowledged` |
//! | noticing commits of others | `watch` |

pub(super) mod checkpoint;
pub(super) mod commit;
pub(super) mod health;
pub(super) mod unacknowledged;
pub(super) mod watch;

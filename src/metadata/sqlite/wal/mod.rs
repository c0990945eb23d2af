//! The WAL: what commits leave in it.
//!
//! | what | where |
//! |---|---|
//! | commits | `commit` |
//! | checkpoints | `checkpoint` |
//! | failed syncs; unacknowledged commits; their errors | `health`, `unacknowledged`, `failures` |
//! | noticing commits of others | `watch` |

pub(super) mod checkpoint;
pub(super) mod commit;
pub(super) mod failures;
pub(super) mod health;
pub(super) mod unacknowledged;
pub(super) mod watch;

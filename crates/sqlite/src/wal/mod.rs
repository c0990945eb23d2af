//! The WAL: commits, checkpoints, failures.
//!
//! | what | where |
//! |---|---|
//! | commits | `commit` |
//! | checkpoints | `checkpoint` |
//! | failed syncs; unacknowledged commits; their errors | `health`, `unacknowledged`, `failures` |
//! | detection of commits by other processes | `watch` |

pub(super) mod checkpoint;
pub(super) mod commit;
pub(super) mod failures;
pub(super) mod health;
pub(super) mod unacknowledged;
pub(super) mod watch;

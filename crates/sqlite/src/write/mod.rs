//! Writes: from the commit queue to the rows.
//!
//! | what | where |
//! |---|---|
//! | the one writer and group commit | `commit_queue`, `member`, `group` |
//! | one caller's part of a group; ids of new files | `transaction`, `path_ids` |
//! | publications of contents; references to contents | `publications`, `held` |
//! | what each change does | `apply` |
//! | namespaces | `namespaces` |
//! | removal of contents without references, and pins for a copy | `removal`, `pins` |

pub(super) mod apply;
pub(super) mod commit_queue;
pub(super) mod group;
mod held;
pub(super) mod member;
pub(super) mod namespaces;
pub(super) mod path_ids;
pub(super) mod pins;
mod publications;
pub(super) mod removal;
pub(super) mod transaction;

//! Work items: files with a status, a priority and dependencies.
//!
//! This module defines the typed keys; the metadata store stores them, in the same transaction as the files.

mod field;
mod history;
mod item;
mod lease;
mod row;

pub use field::{DependencyRef, Status, WorkField, is_library_key, is_work_key};
pub use history::WorkHistory;
pub use item::{Blocker, ExpiredLease, Explanation, WorkCounts, WorkItem, WorkView};
pub(crate) use lease::is_retry_delay;
pub use lease::{LeaseToken, MOST_ATTEMPTS, back_off, lease_length, retry_delay, under_lease};
pub use row::{WorkRow, rfc3339};

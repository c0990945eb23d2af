//! Work items: files with a status, a priority and dependencies.
//!
//! This module knows the typed keys and what they mean; the metadata store keeps them, in the same
//! transaction as the files.

mod field;
mod item;

pub use field::{DependencyRef, Status, WorkField, is_work_key};
pub use item::{Blocker, Explanation, WorkCounts, WorkItem, WorkView};

/// stub
pub fn format_time(_: crate::metadata::Micros) -> String {
    String::new()
}

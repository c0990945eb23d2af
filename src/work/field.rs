//! The typed metadata keys.

use crate::error::{Error, Result};
use crate::metadata::{Micros, PathId};
use crate::path::VirtualPath;

/// Where a work item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// May be worked on, once no edge is open.
    Ready,
    /// Waits for its owner.
    Pending,
    /// Waits for its dependencies or, without any, is held by hand.
    Blocked,
    /// Is being worked on.
    InProgress,
    /// Done.
    Completed,
    /// Given up.
    Failed,
    /// Withdrawn.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 7] = [
        Status::Ready,
        Status::Pending,
        Status::Blocked,
        Status::InProgress,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
    ];

    /// Returns the name, for example `in_progress`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ready => "ready",
            Status::Pending => "pending",
            Status::Blocked => "blocked",
            Status::InProgress => "in_progress",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }

    /// Returns the status called `name`.
    pub fn parse(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A dependency as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyRef {
    /// By path id.
    Id(PathId),
    /// By path.
    Path(VirtualPath),
}

/// The value of one typed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkField {
    /// `status`
    Status(Status),
    /// `priority`
    Priority(i64),
    /// `depends_on`
    DependsOn(Vec<DependencyRef>),
    /// `worker_id`
    WorkerId(String),
    /// `started_at`
    StartedAt(Micros),
    /// `completed_at`
    CompletedAt(Micros),
    /// `not_before`
    NotBefore(Micros),
    /// `tags`
    Tags(Vec<String>),
    /// `max_attempts`
    MaxAttempts(i64),
}

/// Returns whether `key` is typed.
pub fn is_work_key(key: &str) -> bool {
    let _ = key;
    todo!()
}

impl WorkField {
    /// Returns the value that `json` gives the typed `key`.
    ///
    /// # Errors
    /// `InvalidArgument`, naming key and value, for a wrong type or a key that only the library writes.
    pub fn parse(key: &str, json: &str) -> Result<WorkField> {
        let _ = (key, json);
        Err(Error::internal("not built"))
    }
}

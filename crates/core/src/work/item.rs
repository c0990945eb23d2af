//! The rows of queries over work items.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Status;
use crate::content::ContentHash;
use crate::path::VirtualPath;
use crate::path_id::PathId;
use crate::time::Micros;

/// The five queries over work items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkView {
    /// Status ready, no open edge, `not_before` past; by priority, then creation.
    Ready,
    /// Status blocked, or ready or pending with an open edge; most open edges first, then priority
    /// and creation.
    Blocked,
    /// Status pending and not blocked; by priority, then creation.
    Pending,
    /// Status `in_progress`; latest start first.
    InProgress,
    /// Every file with a status; by priority, then creation.
    ByPriority,
}

/// One work item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// Id of the file.
    pub path_id: PathId,
    /// Tenant segment of the path, where its namespace has one.
    pub tenant_id: Option<String>,
    /// The file.
    pub path: VirtualPath,
    /// The backend that holds its content.
    pub backend: Arc<str>,
    /// Hash of its content.
    pub etag: ContentHash,
    /// Its MIME type.
    pub mime_type: Arc<str>,
    /// Its length in bytes.
    pub size: u64,
    /// When the file was created.
    pub created_at: Micros,
    /// When its content last changed.
    pub updated_at: Micros,
    /// Its status.
    pub status: Status,
    /// Lower comes first; absent comes last.
    pub priority: Option<i64>,
    /// Number of open edges.
    pub blocker_count: u64,
    /// Who works on it, or did when it was completed or failed.
    pub worker_id: Option<String>,
    /// Since when.
    pub started_at: Option<Micros>,
    /// Not to be worked on before.
    pub not_before: Option<Micros>,
    /// JSON array of strings.
    pub tags: Option<String>,
    /// How often it was claimed.
    pub attempts: u64,
    /// Token of its lease; 0 for none.
    pub lease: u64,
    /// When the lease ends, by the wall clock.
    pub lease_expires_at: Option<Micros>,
    /// The lease has expired, and no worker has claimed the item since.
    pub lease_expired: bool,
}

/// How many work items there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkCounts {
    /// By status, in the order of [`Status::ALL`].
    pub by_status: [u64; 7],
    /// Ready, no open edge, `not_before` past.
    pub ready: u64,
    /// Ready and no open edge, but for `not_before`.
    pub delayed: u64,
    /// In the blocked view.
    pub blocked: u64,
    /// In the pending view.
    pub pending: u64,
    /// In progress.
    pub in_progress: u64,
}

/// One open edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// The item that is waited for; `None` where the caller may not see it.
    pub path_id: Option<PathId>,
    /// Where it is, or was when it was deleted.
    pub path: Option<String>,
    /// Its status; `None` where it was deleted or may not be seen.
    pub status: Option<Status>,
    /// It was deleted before it was completed.
    pub deleted: bool,
    /// It is in progress under an expired lease, and no worker has claimed it since.
    pub expired_lease: Option<ExpiredLease>,
}

/// An expired lease of an item that no worker has claimed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredLease {
    /// When, by the wall clock.
    pub at: Option<Micros>,
    /// No attempt is left: the next claim that meets the item lets it fail.
    pub is_last: bool,
}

/// Why an item can or cannot be worked on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The status; `None` if the file is no work item.
    pub status: Option<Status>,
    /// All dependencies, open or not.
    pub dependencies: u64,
    /// The open ones, in the order of `depends_on`.
    pub open: Vec<Blocker>,
    /// Not to be worked on before.
    pub not_before: Option<Micros>,
    /// That time had not passed when a transaction last checked it.
    pub delayed: bool,
    /// Who works on it, or did when it was completed or failed.
    pub worker_id: Option<String>,
    /// How often it was claimed.
    pub attempts: u64,
    /// How often it may be; `None` for any number.
    pub max_attempts: Option<u64>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When its lease ends, by the wall clock.
    pub lease_expires_at: Option<Micros>,
    /// The lease has ended; the item can be claimed.
    pub lease_expired: bool,
}

//! The JSON form of a work item.

use serde::Serialize;
use serde_json::value::RawValue;

use super::WorkItem;
use crate::time;
use crate::time::Micros;

/// A work item as it is written as JSON: the columns of the views, times as RFC 3339 text.
#[derive(Debug, Serialize)]
pub struct WorkRow<'a> {
    path_id: String,
    tenant_id: Option<&'a str>,
    virtual_path: &'a str,
    backend_id: &'a str,
    physical_path: String,
    file_type: &'a str,
    size_bytes: u64,
    content_hash: String,
    created_at: Option<String>,
    updated_at: Option<String>,
    status: &'static str,
    priority: Option<i64>,
    blocker_count: u64,
    worker_id: Option<&'a str>,
    started_at: Option<String>,
    not_before: Option<String>,
    tags: Option<&'a RawValue>,
    attempts: u64,
    lease: Option<u64>,
    lease_expires_at: Option<String>,
    lease_expired: bool,
}

impl<'a> WorkRow<'a> {
    /// Returns the form of `item`.
    pub fn new(item: &'a WorkItem) -> Self {
        let hash = item.etag.to_string();
        let tags = item.tags.as_deref();
        WorkRow {
            path_id: item.path_id.to_string(),
            tenant_id: item.tenant_id.as_deref(),
            virtual_path: item.path.as_str(),
            backend_id: &item.backend,
            physical_path: hash.clone(),
            file_type: &item.mime_type,
            size_bytes: item.size,
            content_hash: hash,
            created_at: rfc3339(item.created_at),
            updated_at: rfc3339(item.updated_at),
            status: item.status.name(),
            priority: item.priority,
            blocker_count: item.blocker_count,
            worker_id: item.worker_id.as_deref(),
            started_at: item.started_at.and_then(rfc3339),
            not_before: item.not_before.and_then(rfc3339),
            tags: tags.and_then(|tags| serde_json::from_str(tags).ok()),
            attempts: item.attempts,
            lease: (item.lease != 0).then_some(item.lease),
            lease_expires_at: item.lease_expires_at.and_then(rfc3339),
            lease_expired: item.lease_expired,
        }
    }
}

/// Returns `time` as text; `None` for one that no calendar has.
pub fn rfc3339(time: Micros) -> Option<String> {
    time::calendar_text(time)
}

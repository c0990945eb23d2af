//! The JSON form of a work item: the columns of the views, as the C interface's `nexus_work_list_json` has them.

use nexus::filesystem::WorkItem;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::time;

#[derive(Serialize)]
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
            created_at: time(item.created_at),
            updated_at: time(item.updated_at),
            status: item.status.name(),
            priority: item.priority,
            blocker_count: item.blocker_count,
            worker_id: item.worker_id.as_deref(),
            started_at: item.started_at.and_then(time),
            not_before: item.not_before.and_then(time),
            tags: tags.and_then(|tags| serde_json::from_str(tags).ok()),
            attempts: item.attempts,
            lease: (item.lease != 0).then_some(item.lease),
            lease_expires_at: item.lease_expires_at.and_then(time),
            lease_expired: item.lease_expired,
        }
    }
}

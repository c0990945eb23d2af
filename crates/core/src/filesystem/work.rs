//! Queries over work items.

use serde_json::{Map, Value, json};

use super::listing::prefix_range;
use super::{Filesystem, WorkItem, WorkView};
use crate::error::Result;
use crate::path::VirtualPath;
use crate::time::format_time;
use crate::work::{Blocker, ExpiredLease, Explanation, Status};

impl Filesystem {
    /// Returns the first `limit` items of `view` that the caller may read. Tokens of leases are 0 in items that the
    /// caller may not change, and for a tenant or agent in a namespace without owners.
    pub fn work(&self, view: WorkView, limit: usize) -> Result<Vec<WorkItem>> {
        let call = self.begin();
        self.granted(&call, |policy, grant| {
            let mut items = self.store().work(view, limit, grant)?;
            for item in items.iter_mut().filter(|item| item.lease != 0) {
                if !policy.shows_lease(&item.path) {
                    item.lease = 0;
                }
            }
            Ok(items)
        })
    }

    /// Returns as JSON why the item at `path` can or cannot be worked on: its status, whether it is
    /// `claimable`, the number of `dependencies`, and what is `open` (id, path, status, reason).
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `AccessDenied`.
    pub fn work_explain(&self, path: &str) -> Result<String> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        let explanation = self.granted(&call, |policy, grant| {
            self.require_whole(&path, policy, grant)?;
            self.store().explain(&path, grant)
        })?;
        Ok(explain(&path, &explanation).to_string())
    }

    /// Returns as JSON how many items under the raw `prefix` the caller may read: `total`, `by_status`
    /// (sums to the total), and `views`, which are disjoint.
    pub fn work_stats(&self, prefix: Option<&str>) -> Result<String> {
        let call = self.begin();
        let range = prefix_range(prefix.unwrap_or(""));
        let counts = self.granted(&call, |_, grant| self.store().work_counts(&range, grant))?;
        let by_status: Map<String, Value> = Status::ALL
            .iter()
            .zip(counts.by_status)
            .map(|(status, count)| (status.name().to_owned(), count.into()))
            .collect();
        Ok(json!({
            "total": counts.by_status.iter().sum::<u64>(),
            "by_status": by_status,
            "views": {
                "ready": counts.ready,
                "delayed": counts.delayed,
                "blocked": counts.blocked,
                "pending": counts.pending,
                "in_progress": counts.in_progress,
            },
        })
        .to_string())
    }
}

fn explain(path: &VirtualPath, explanation: &Explanation) -> Value {
    let delayed = explanation
        .not_before
        .filter(|time| explanation.delayed && *time > crate::time::now());
    let may_start = match explanation.status {
        Some(Status::Ready) => true,
        Some(Status::InProgress) => explanation.lease_expired && has_attempts_left(explanation),
        _ => false,
    };
    let claimable = may_start && explanation.open.is_empty() && delayed.is_none();
    json!({
        "path": path.as_str(),
        "status": explanation.status.map(Status::name),
        "claimable": claimable,
        "reason": reason(explanation, delayed.is_some()),
        "dependencies": explanation.dependencies,
        "open": explanation.open.iter().map(explain_blocker).collect::<Vec<_>>(),
        "not_before": explanation.not_before.map(format_time),
        "worker_id": explanation.worker_id,
        "attempts": explanation.attempts,
        "max_attempts": explanation.max_attempts,
        "last_error": explanation.last_error,
        "lease_expires_at": explanation.lease_expires_at.map(format_time),
        "lease_expired": explanation.lease_expired,
    })
}

fn reason(explanation: &Explanation, delayed: bool) -> &'static str {
    match explanation.status {
        None => "the file is no work item: it has no status",
        Some(Status::InProgress) if !explanation.lease_expired => "it is being worked on",
        Some(Status::InProgress) if !has_attempts_left(explanation) => {
            "its lease has expired, and it has no attempt left"
        }
        Some(Status::Ready | Status::Pending | Status::Blocked | Status::InProgress)
            if !explanation.open.is_empty() =>
        {
            "it waits for its dependencies"
        }
        Some(Status::Ready | Status::InProgress) if delayed => "its not_before has not passed",
        Some(Status::Ready) => "it may be worked on",
        Some(Status::Pending) => "it is pending until its owner makes it ready",
        Some(Status::Blocked) => "it is held by hand: blocked without dependencies",
        Some(Status::InProgress) => "its lease has expired: it may be claimed",
        Some(Status::Completed) => "it is completed",
        Some(Status::Failed) => "it failed",
        Some(Status::Cancelled) => "it was cancelled",
    }
}

fn has_attempts_left(explanation: &Explanation) -> bool {
    explanation
        .max_attempts
        .is_none_or(|most| explanation.attempts < most)
}

fn explain_blocker(blocker: &Blocker) -> Value {
    let reason = match (blocker.path_id, blocker.deleted, blocker.status) {
        (None, ..) => "not visible".to_owned(),
        (_, true, _) => "deleted before it was completed".to_owned(),
        (.., Some(Status::Failed)) => "failed".to_owned(),
        (.., Some(Status::Cancelled)) => "cancelled".to_owned(),
        _ => match &blocker.expired_lease {
            Some(lease) => expired(lease),
            None => "not completed yet".to_owned(),
        },
    };
    let lease = blocker.expired_lease.as_ref();
    json!({
        "path_id": blocker.path_id.map(|id| id.to_string()),
        "path": blocker.path,
        "status": blocker.status.map(Status::name),
        "reason": reason,
        "lease_expired": lease.is_some(),
        "lease_expires_at": lease.and_then(|lease| lease.at).map(format_time),
    })
}

fn expired(lease: &ExpiredLease) -> String {
    let when = lease
        .at
        .map_or_else(String::new, |time| format!(" at {}", format_time(time)));
    match lease.is_last {
        true => format!("not completed: its last lease ended{when}, and it has no attempt left"),
        false => format!("not completed yet: its last lease ended{when}; it may be claimed again"),
    }
}

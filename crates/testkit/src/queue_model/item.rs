//! A file of the model, and what time and workers do to it alone.

use std::collections::BTreeMap;

use nexusfs_core::path_id::PathId;
use serde_json::{Value, json};

pub const SECOND: i64 = 1_000_000;
/// The worker of every claim, and the one that is set by hand.
pub const WORKER: &str = "worker";
pub const BY_HAND: &str = "by hand";

/// Now, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub wall: i64,
    pub boot: i64,
    pub since_boot: i64,
}

#[derive(Debug, Clone)]
pub struct Lease {
    pub token: u64,
    boot: i64,
    deadline: i64,
    expires_at: i64,
}

/// Why the last attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastError {
    Said,
    Expired,
}

/// A file.
#[derive(Debug, Clone)]
pub struct Item {
    pub id: PathId,
    pub created_at: i64,
    pub status: Option<&'static str>,
    pub priority: Option<i64>,
    pub depends_on: Option<Vec<PathId>>,
    pub worker: Option<&'static str>,
    pub started_at: Option<i64>,
    pub completed_at: Option<i64>,
    pub not_before: Option<i64>,
    pub max_attempts: Option<i64>,
    pub attempts: i64,
    pub last_error: Option<LastError>,
    pub has_result: bool,
    pub lease: Option<Lease>,
    /// Its `not_before` was to come, and no claim has surely seen since that it has passed.
    pub was_delayed: bool,
}

impl Item {
    /// Returns a file that is no work item.
    pub fn new() -> Self {
        Item {
            id: PathId::generate(),
            created_at: 0,
            status: None,
            priority: None,
            depends_on: None,
            worker: None,
            started_at: None,
            completed_at: None,
            not_before: None,
            max_attempts: None,
            attempts: 0,
            last_error: None,
            has_result: false,
            lease: None,
            was_delayed: false,
        }
    }

    /// Returns a copy, without what belongs to the run of the item.
    pub fn copy(&self) -> Self {
        let runs = self.status == Some("in_progress");
        Item {
            status: if runs { Some("ready") } else { self.status },
            priority: self.priority,
            depends_on: self.depends_on.clone(),
            completed_at: self.completed_at.filter(|_| !runs),
            not_before: self.not_before,
            max_attempts: self.max_attempts,
            was_delayed: self.was_delayed,
            ..Item::new()
        }
    }

    /// Returns whether others wait for it.
    pub fn is_open(&self) -> bool {
        self.status.is_some_and(|status| status != "completed")
    }

    /// Returns how long its lease lasts yet.
    pub fn time_left(&self, lease: &Lease, now: Now) -> i64 {
        if lease.boot == now.boot {
            lease.deadline - now.since_boot
        } else {
            0
        }
    }

    pub fn is_held(&self, now: Now) -> bool {
        let lease = self.lease.as_ref();
        lease.is_some_and(|lease| self.time_left(lease, now) > 0)
    }

    pub fn has_expired(&self, now: Now) -> bool {
        self.lease.is_some() && !self.is_held(now)
    }

    pub fn has_no_attempt_left(&self) -> bool {
        self.max_attempts.is_some_and(|most| self.attempts >= most)
    }

    /// The lease `token` lasts `seconds` from now on.
    pub fn hold(&mut self, token: u64, seconds: i64, now: Now) {
        self.lease = Some(Lease {
            token,
            boot: now.boot,
            deadline: now.since_boot + seconds * SECOND,
            expires_at: now.wall + seconds * SECOND,
        });
    }

    /// Its lease has ended without a word: a failed attempt.
    pub fn expire(&mut self) {
        self.lease = None;
        self.last_error = Some(LastError::Expired);
        if self.has_no_attempt_left() {
            self.status = Some("failed");
        } else {
            self.give_up();
        }
    }

    /// It is ready again.
    pub fn give_up(&mut self) {
        self.status = Some("ready");
        self.worker = None;
        self.started_at = None;
    }

    /// Returns the keys that are read of it, all but `last_error`.
    pub fn keys(&self) -> BTreeMap<String, Value> {
        let time = |time: i64| json!(nexusfs_core::time::format_time(time));
        let ids = |ids: &Vec<PathId>| json!(ids.iter().map(PathId::to_string).collect::<Vec<_>>());
        let attempts = Some(self.attempts).filter(|attempts| *attempts > 0);
        let lease = self.lease.as_ref();
        let keys = [
            ("status", self.status.map(Value::from)),
            ("priority", self.priority.map(Value::from)),
            ("depends_on", self.depends_on.as_ref().map(ids)),
            ("worker_id", self.worker.map(Value::from)),
            ("started_at", self.started_at.map(time)),
            ("completed_at", self.completed_at.map(time)),
            ("not_before", self.not_before.map(time)),
            ("max_attempts", self.max_attempts.map(Value::from)),
            ("attempts", attempts.map(Value::from)),
            ("result", self.has_result.then(|| json!({"n": 1}))),
            (
                "lease_expires_at",
                lease.map(|lease| time(lease.expires_at)),
            ),
        ];
        let present = keys.into_iter();
        present
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect()
    }
}

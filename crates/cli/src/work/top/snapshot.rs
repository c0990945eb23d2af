//! The queue at one moment.

use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::{Filesystem, WorkItem, WorkView};
use nexusfs_core::work::Status;
use serde_json::{Value, json};

use crate::failure::Result;
use nexusfs_core::work::WorkRow;

/// Rows that are read; a screen shows fewer.
const ROWS: usize = 100;

/// How many items there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub ready: u64,
    pub delayed: u64,
    pub blocked: u64,
    pub pending: u64,
    pub in_progress: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
}

/// An item that waits, and for what.
pub struct Blocked {
    pub item: WorkItem,
    pub reason: String,
}

pub struct Snapshot {
    pub counts: Counts,
    pub running: Vec<WorkItem>,
    pub blocked: Vec<Blocked>,
}

impl Snapshot {
    pub fn take(fs: &Filesystem) -> Result<Snapshot> {
        let stats: Value = serde_json::from_str(&fs.work_stats(None)?)?;
        let view = |name: &str| stats["views"][name].as_u64().unwrap_or(0);
        let status = |status: Status| stats["by_status"][status.name()].as_u64().unwrap_or(0);
        let mut blocked = Vec::new();
        for item in fs.work(WorkView::Blocked, ROWS)? {
            let reason = match fs.work_explain(item.path.as_str()) {
                Ok(text) => reason(&serde_json::from_str(&text)?),
                // Gone since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            blocked.push(Blocked { item, reason });
        }
        Ok(Snapshot {
            counts: Counts {
                ready: view("ready"),
                delayed: view("delayed"),
                blocked: view("blocked"),
                pending: view("pending"),
                in_progress: view("in_progress"),
                completed: status(Status::Completed),
                failed: status(Status::Failed),
                cancelled: status(Status::Cancelled),
            },
            running: fs.work(WorkView::InProgress, ROWS)?,
            blocked,
        })
    }

    pub fn to_json(&self) -> Value {
        let counts = &self.counts;
        let running: Vec<_> = self.running.iter().map(WorkRow::new).collect();
        let blocked: Vec<_> = self
            .blocked
            .iter()
            .map(|blocked| json!({"item": WorkRow::new(&blocked.item), "reason": blocked.reason}))
            .collect();
        json!({
            "counts": {
                "ready": counts.ready,
                "delayed": counts.delayed,
                "blocked": counts.blocked,
                "pending": counts.pending,
                "in_progress": counts.in_progress,
                "completed": counts.completed,
                "failed": counts.failed,
                "cancelled": counts.cancelled,
            },
            "running": running,
            "blocked": blocked,
        })
    }
}

/// Returns the first thing that an item waits for, and how many more there are.
fn reason(explanation: &Value) -> String {
    let open = explanation["open"].as_array();
    let Some((first, rest)) = open.and_then(|open| open.split_first()) else {
        return "held by hand".to_owned();
    };
    let why = first["reason"].as_str().unwrap_or_default();
    let path = first["path"].as_str().unwrap_or("an item");
    match rest.len() {
        0 => format!("{path}: {why}"),
        more => format!("{path}: {why} (+{more})"),
    }
}

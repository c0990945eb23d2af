//! The five lists of work items.

use clap::Args;
use nexusfs_core::filesystem::{WorkItem, WorkView};
use nexusfs_core::time::{Micros, now};

use crate::failure::Result;
use crate::json::JsonArray;
use crate::session::Session;
use crate::table::{Rows, cell, status_cell};
use crate::text::{clock, span};
use nexusfs_core::work::WorkRow;

/// List work items.
#[derive(Debug, Args)]
pub struct List {
    /// Most items to list; 0 lists none
    #[arg(short, long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

impl List {
    pub fn run(self, view: WorkView, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let out = &mut session.out;
        if out.json {
            let mut array = JsonArray::default();
            for item in &fs.work(view, self.limit)? {
                array.add(out, &WorkRow::new(item))?;
            }
            return array.finish(out);
        }
        // One row more than shown: it says whether there are more.
        let mut items = fs.work(view, self.limit.saturating_add(usize::from(self.limit > 0)))?;
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        if items.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(out, headings(view));
        for item in &items {
            rows.add(cells(view, item));
        }
        rows.print(out)?;
        match more {
            true => out.summary(format_args!("… (--limit {} reached)", self.limit)),
            false => Ok(()),
        }
    }
}

fn headings(view: WorkView) -> &'static [&'static str] {
    match view {
        WorkView::Ready | WorkView::Pending => &[">PRIORITY", ">ATTEMPTS", "CREATED", "PATH"],
        WorkView::Blocked => &[">WAITS FOR", ">PRIORITY", "STATUS", "CREATED", "PATH"],
        WorkView::InProgress => &["WORKER", ">RUNNING", ">ATTEMPT", ">LEASE LEFT", "PATH"],
        WorkView::ByPriority => &[">PRIORITY", "STATUS", ">ATTEMPTS", "CREATED", "PATH"],
    }
}

fn cells(view: WorkView, item: &WorkItem) -> Vec<comfy_table::Cell> {
    let priority = cell(shown(item.priority));
    let created = cell(clock(Some(item.created_at)));
    let attempts = cell(item.attempts.to_string());
    let path = cell(item.path.as_str());
    match view {
        WorkView::Ready | WorkView::Pending => vec![priority, attempts, created, path],
        WorkView::Blocked => vec![
            cell(match item.blocker_count {
                0 => "by hand".to_owned(),
                count => count.to_string(),
            }),
            priority,
            status_cell(item.status),
            created,
            path,
        ],
        WorkView::InProgress => vec![
            cell(shown(item.worker_id.as_deref())),
            cell(shown(item.started_at.map(since))),
            attempts,
            cell(lease_left(item)),
            path,
        ],
        WorkView::ByPriority => vec![priority, status_cell(item.status), attempts, created, path],
    }
}

/// Returns what is left of the item's lease.
pub fn lease_left(item: &WorkItem) -> String {
    match (item.lease, item.lease_expires_at) {
        (0, _) | (_, None) => "-".to_owned(),
        _ if item.lease_expired => "expired".to_owned(),
        (_, Some(end)) => span(((end - now()) / 1_000_000).max(0)),
    }
}

/// Returns how long ago `time` was.
pub fn since(time: Micros) -> String {
    span((now() - time) / 1_000_000)
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

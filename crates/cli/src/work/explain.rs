//! `work status` and `work explain`.

use clap::Args;
use nexusfs_core::work::Status as WorkStatus;
use serde_json::Value;

use crate::failure::Result;
use crate::output::HEADING;
use crate::session::Session;
use crate::table::{Rows, cell, status_cell};
use crate::text::printable;

/// Count the items by status.
#[derive(Debug, Args)]
pub struct Status {
    /// Only paths that begin with this text, which need not end at a '/'
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

/// Explain why an item can or cannot be claimed.
#[derive(Debug, Args)]
pub struct Explain {
    path: String,
}

/// The lists that no item is in two of, and what each means.
const VIEWS: [(&str, &str); 5] = [
    ("ready", "may be worked on now"),
    ("delayed", "ready, but not before a time to come"),
    ("blocked", "wait for other items, or are held by hand"),
    ("pending", "wait for their owner"),
    ("in_progress", "are being worked on"),
];

impl Status {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let text = fs.work_stats(self.prefix.as_deref())?;
        let out = &mut session.out;
        if out.json {
            return out.line(text);
        }
        let stats: Value = serde_json::from_str(&text)?;
        let mut rows = Rows::new(out, &["STATUS", ">ITEMS"]);
        for status in WorkStatus::ALL {
            let count = &stats["by_status"][status.name()];
            rows.add(vec![status_cell(status), cell(count.to_string())]);
        }
        rows.add(vec![cell("total"), cell(stats["total"].to_string())]);
        rows.print(out)?;
        out.line("")?;
        let mut rows = Rows::new(out, &["QUEUE", ">ITEMS", "MEANING"]);
        for (view, meaning) in VIEWS {
            let count = &stats["views"][view];
            rows.add(vec![cell(view), cell(count.to_string()), cell(meaning)]);
        }
        rows.print(out)
    }
}

impl Explain {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let text = fs.work_explain(&self.path)?;
        let out = &mut session.out;
        if out.json {
            return out.line(text);
        }
        let explanation: Value = serde_json::from_str(&text)?;
        let text = |value: &Value| match value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut lines = vec![
            ("path", text(&explanation["path"])),
            ("status", text(&explanation["status"])),
            ("claimable", text(&explanation["claimable"])),
            ("because", text(&explanation["reason"])),
            ("waits for", text(&explanation["dependencies"])),
        ];
        for (key, name) in [
            ("not_before", "not before"),
            ("worker_id", "worker"),
            ("lease_expires_at", "lease until"),
            ("attempts", "attempts"),
            ("max_attempts", "at most"),
            ("last_error", "last error"),
        ] {
            if !explanation[key].is_null() {
                lines.push((name, text(&explanation[key])));
            }
        }
        for (name, value) in lines {
            let name = out.paint(HEADING, format!("{name:>11}")).to_string();
            out.line(format_args!("{name}  {}", printable(&value)))?;
        }
        let Some(open) = explanation["open"]
            .as_array()
            .filter(|open| !open.is_empty())
        else {
            return Ok(());
        };
        out.line("")?;
        let mut rows = Rows::new(out, &["STATUS", "REASON", "OPEN"]);
        for blocker in open {
            let status = blocker["status"].as_str().and_then(WorkStatus::parse);
            rows.add(vec![
                status.map_or_else(|| cell("-"), status_cell),
                cell(text(&blocker["reason"])),
                cell(text(&blocker["path"])),
            ]);
        }
        rows.print(out)
    }
}

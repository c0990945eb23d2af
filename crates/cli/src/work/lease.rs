//! `work claim`, and what the holder of a lease does: `heartbeat`, `complete`, `fail`, `release`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use nexusfs_core::filesystem::{ClaimOptions, WriteOptions};
use nexusfs_core::host::address::refuse_url;
use serde_json::json;

use super::views::lease_left;
use crate::duration;
use crate::failure::{Failure, Result};
use crate::json::JsonArray;
use crate::session::Session;
use crate::table::{Rows, cell};
use nexusfs_core::work::WorkRow;

/// How long a lease lasts unless it is said.
pub const LEASE: &str = "30s";

/// Take ready items for this worker alone.
///
/// The lease token that each comes with is what completes it, fails it, gives it back, and keeps it.
#[derive(Debug, Args)]
pub struct Claim {
    /// Name of the worker; by default host and process
    #[arg(long, value_name = "ID")]
    worker: Option<String>,
    /// Most items to take
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    max: usize,
    /// How long the lease lasts without a heartbeat
    #[arg(long, value_name = "SPAN", default_value = LEASE, value_parser = duration::parse)]
    lease: Duration,
    /// Only items whose path begins with this text
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Wait so long for something to take
    #[arg(short, long, value_name = "SPAN", value_parser = duration::parse)]
    wait: Option<Duration>,
}

/// Keep the lease of an item for longer.
#[derive(Debug, Args)]
pub struct Heartbeat {
    path: String,
    /// The lease token
    lease: u64,
    /// How long it lasts from now on
    #[arg(long = "for", value_name = "SPAN", default_value = LEASE, value_parser = duration::parse)]
    span: Duration,
}

/// Complete an item.
#[derive(Debug, Args)]
pub struct Complete {
    path: String,
    /// The lease token
    lease: u64,
    /// The result, as JSON; it becomes the metadata 'result'
    #[arg(long, value_name = "JSON")]
    result: Option<String>,
    /// In the same transaction, write the file FILE of the host to PATH; may be repeated
    #[arg(long, value_name = "PATH=FILE", value_parser = assignment)]
    write: Vec<(String, PathBuf)>,
}

/// Give up the attempt at an item.
///
/// It is ready again later, or failed if it has no attempts left.
#[derive(Debug, Args)]
pub struct Fail {
    path: String,
    /// The lease token
    lease: u64,
    /// Why; it becomes the metadata 'last_error'
    #[arg(default_value = "")]
    error: String,
    /// When it may be tried again, instead of the back-off
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    retry_after: Option<Duration>,
}

/// Give an item back.
///
/// It is ready again, and the attempt does not count.
#[derive(Debug, Args)]
pub struct Release {
    path: String,
    /// The lease token
    lease: u64,
}

impl Claim {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let worker = self.worker.unwrap_or_else(worker_id);
        let options = ClaimOptions {
            prefix: self.prefix,
            max: self.max,
            lease_ms: duration::milliseconds(self.lease),
        };
        let end = self
            .wait
            .and_then(|wait| std::time::Instant::now().checked_add(wait));
        let mut items = fs.work_claim(&worker, &options)?;
        while let (true, Some(end)) = (items.is_empty(), end) {
            // Another worker may be faster: then it waits on.
            let left = end.saturating_duration_since(std::time::Instant::now());
            let found = fs.work_wait(options.prefix.as_deref(), Some(left))?;
            if !found && left.is_zero() {
                break;
            }
            items = fs.work_claim(&worker, &options)?;
        }
        let out = &mut session.out;
        if out.json {
            let mut array = JsonArray::default();
            for item in &items {
                array.add(out, &WorkRow::new(item))?;
            }
            return array.finish(out);
        }
        if items.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(out, &[">LEASE", ">LEASE LEFT", ">ATTEMPT", "PATH"]);
        for item in &items {
            rows.add(vec![
                cell(item.lease.to_string()),
                cell(lease_left(item)),
                cell(item.attempts.to_string()),
                cell(item.path.as_str()),
            ]);
        }
        rows.print(out)
    }
}

impl Heartbeat {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        fs.work_heartbeat(&self.path, self.lease, duration::milliseconds(self.span))?;
        told(session, &self.path, "in_progress")
    }
}

impl Complete {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let mut batch = fs.batch();
        for (path, file) in &self.write {
            session.own_store()?.refuse(file)?;
            let data = std::fs::read(file).map_err(|error| Failure::host("read", file, &error))?;
            batch.write(path, &data, &WriteOptions::default())?;
        }
        batch.complete_work(&self.path, self.lease, self.result.as_deref())?;
        let done = batch.commit();
        done.map_err(|error| Failure::from(error.outside_batch()))?;
        told(session, &self.path, "completed")
    }
}

impl Fail {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let retry = self.retry_after.map_or(0, duration::milliseconds);
        fs.work_fail(&self.path, self.lease, &self.error, retry)?;
        // With its attempts used up it is failed, else ready.
        let status = fs.get_meta(&self.path, "status")?;
        told(session, &self.path, status.trim_matches('"'))
    }
}

impl Release {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        fs.work_release(&self.path, self.lease)?;
        told(session, &self.path, "ready")
    }
}

/// Says as JSON what became of an item; in text, no news is good news.
fn told(session: &mut Session, path: &str, status: &str) -> Result<()> {
    match session.out.json {
        true => session.out.json(&json!({"path": path, "status": status})),
        false => Ok(()),
    }
}

/// Returns a name for the worker that this process is.
pub fn worker_id() -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    format!("{host}:{}", std::process::id())
}

fn assignment(text: &str) -> Result<(String, PathBuf), String> {
    // The path may have a '=' of its own; a file of the host that has one is written './a=b'.
    match text.rsplit_once('=') {
        Some((path, file)) if !path.is_empty() && !file.is_empty() => {
            let file = Path::new(file);
            refuse_url(file).map_err(|reason| format!("FILE {reason}"))?;
            Ok((path.to_owned(), file.to_owned()))
        }
        _ => Err("not of the form PATH=FILE".to_owned()),
    }
}

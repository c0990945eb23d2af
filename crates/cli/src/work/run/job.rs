//! One item: its command, its heartbeats, and how it ends.

use std::time::{Duration, Instant};

use nexusfs_core::error::{Error, ErrorKind};
use nexusfs_core::filesystem::WorkItem;
use serde_json::Value;

use super::child::Child;
use super::worker::Worker;
use crate::duration;
use crate::failure::Failure;

/// The pause between two checks of what may end a command, but for its own end.
const PAUSE: Duration = Duration::from_millis(40);

/// An item that was worked on.
pub struct Job {
    pub item: WorkItem,
    pub took: Duration,
    pub end: End,
}

/// How it ended.
pub enum End {
    Completed,
    /// The attempt failed.
    Failed(String),
    /// Given back, because the worker stops.
    Released,
    /// The lease was lost, or what became of the item could not be stored.
    Lost(String),
    /// Given back, because no command can be run at all.
    Useless(Failure),
}

/// Why a command is ended.
enum Halt {
    Stopped,
    TimedOut,
    LeaseLost(Error),
    NoInput(Error),
}

impl Job {
    /// Works on `item` to its end.
    pub fn run(worker: &Worker, item: WorkItem) -> Job {
        let began = Instant::now();
        let end = work(worker, &item, began);
        Job {
            item,
            took: began.elapsed(),
            end,
        }
    }
}

fn work(worker: &Worker, item: &WorkItem, began: Instant) -> End {
    let (fs, path, lease) = (&worker.fs, item.path.as_str(), item.lease);
    let content = match fs.open_reader(path) {
        Ok(content) => content,
        Err(error) => {
            return store(
                fs.work_fail(path, lease, &error.to_string(), worker.retry_after_ms),
                End::Failed(error.to_string()),
            );
        }
    };
    let mut child = match Child::start(worker, item, content) {
        Ok(child) => child,
        Err(failure) => return store(fs.work_release(path, lease), End::Useless(failure)),
    };
    match watch(worker, item, &mut child, began) {
        None => finish(worker, item, child),
        Some(halt) => {
            let outcome = child.end();
            match halt {
                Halt::Stopped => store(fs.work_release(path, lease), End::Released),
                Halt::LeaseLost(error) => End::Lost(error.to_string()),
                Halt::NoInput(error) => {
                    fail(worker, item, format!("cannot read the content: {error}"))
                }
                Halt::TimedOut => {
                    let text = format!("timed out\n{}", outcome.stderr);
                    fail(worker, item, text)
                }
            }
        }
    }
}

/// Keeps the lease until the command has ended. Returns why it has to be ended, if so.
fn watch(worker: &Worker, item: &WorkItem, child: &mut Child, began: Instant) -> Option<Halt> {
    let period = worker.lease / 3;
    let mut next = began + period;
    let mut held_until = began + worker.lease;
    loop {
        if child.has_ended_within(PAUSE) {
            return None;
        }
        if let Some(error) = child.input_error() {
            return Some(Halt::NoInput(error));
        }
        if worker.stop.count() > 1 {
            return Some(Halt::Stopped);
        }
        if worker
            .timeout
            .is_some_and(|timeout| began.elapsed() >= timeout)
        {
            return Some(Halt::TimedOut);
        }
        if Instant::now() >= next {
            let asked = Instant::now();
            let length = duration::milliseconds(worker.lease);
            match worker
                .fs
                .work_heartbeat(item.path.as_str(), item.lease, length)
            {
                Ok(()) => held_until = asked + worker.lease,
                // A store that is busy may answer again before the lease ends.
                Err(error) if is_passing(&error) && Instant::now() < held_until => {}
                Err(error) => return Some(Halt::LeaseLost(error)),
            }
            next = asked + period;
        }
    }
}

fn is_passing(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Busy | ErrorKind::Io | ErrorKind::NoSpace
    )
}

/// Completes the item or fails the attempt, by how the command ended.
fn finish(worker: &Worker, item: &WorkItem, mut child: Child) -> End {
    let outcome = child.outcome();
    match outcome.error {
        None => {
            let result = worker.capture.then(|| result_of(&outcome.stdout));
            let (path, lease) = (item.path.as_str(), item.lease);
            match worker.fs.work_complete(path, lease, result.as_deref()) {
                // What it printed cannot be a result: too long, or too deep.
                Err(error) if error.kind() == ErrorKind::InvalidArgument => {
                    fail(worker, item, format!("the output is no result: {error}"))
                }
                completed => store(completed, End::Completed),
            }
        }
        Some(error) => fail(worker, item, format!("{error}\n{}", outcome.stderr)),
    }
}

fn fail(worker: &Worker, item: &WorkItem, error: String) -> End {
    let error = error.trim_end().to_owned();
    let (path, lease) = (item.path.as_str(), item.lease);
    let failed = worker
        .fs
        .work_fail(path, lease, &error, worker.retry_after_ms);
    store(failed, End::Failed(error))
}

/// Returns `end` if it could be stored.
fn store(stored: nexusfs_core::error::Result<()>, end: End) -> End {
    match stored {
        Ok(()) => end,
        Err(error) => End::Lost(error.to_string()),
    }
}

/// Returns what was printed as JSON: as it is, or as a string.
fn result_of(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    let text = text.trim();
    match serde_json::from_str::<&serde_json::value::RawValue>(text) {
        Ok(_) => text.to_owned(),
        Err(_) => Value::from(text).to_string(),
    }
}

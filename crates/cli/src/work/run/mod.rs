//! `work run`: a worker that runs a command for each item.
//!
//! ```text
//! mod      claims while there is room, waits while there is nothing, stops when it is asked to
//!  └ job     one item: its command, its heartbeats, and how it ends
//!     ├ worker       what all jobs have in common
//!     └ child        the command: its input, what it says, and its end
//!        └ supervisors   those of the worker, of which those without a command are used again
//!           └ supervisor   what the worker says to the process that ends the command's group, also when the worker is killed
//!              └ group         that process
//! ```

mod child;
mod group;
mod job;
mod supervisor;
mod supervisors;
mod worker;

pub use self::group::supervise;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use nexusfs_core::filesystem::{ClaimOptions, WorkItem};
use serde_json::json;

use self::job::{End, Job};
use self::supervisors::{Program, Supervisors};
use self::worker::Worker;
use super::lease::{LEASE, worker_id};
use crate::duration;
use crate::failure::{Exit, Failure, Result};
use crate::session::Session;
use crate::signals::{self, StopCount};
use crate::text::{counted, printable};

/// How long the loop sleeps at most before it polls for signals.
const LOOK: Duration = Duration::from_millis(200);
/// How long it leaves the queue alone when another worker was faster.
const OVERTAKEN: Duration = Duration::from_millis(10);

/// Run a command for each ready item.
///
/// The command gets the item's content on stdin and, in its environment, NEXUS_WORK_PATH, NEXUS_WORK_LEASE, NEXUS_WORK_ID (the path id),
/// NEXUS_WORK_ATTEMPT and NEXUS_WORK_WORKER; NEXUS_DATA_DIR and the identity are set, so that it can call nexus. While it runs, its lease is kept.
/// Exit status 0 completes the item; any other fails the attempt, with the end of what the command wrote to stderr as the error.
///
/// SIGTERM or Ctrl-C ends it: it claims nothing more and lets what runs finish. After --grace, or at a second signal, the commands are ended and their items
/// given back. A closed terminal (SIGHUP) and SIGQUIT do so at once. A command that lost its lease is ended, too. If the worker itself is killed, its commands
/// are ended, and their items can be claimed again when the leases end. A command is ended with its process group: by SIGTERM, after 5 seconds by SIGKILL.
/// Ctrl-Z stops the commands together with the worker.
///
/// With --json, each item that ended is a line of JSON, and what commands print goes to stderr.
#[derive(Debug, Args)]
pub struct Run {
    /// Commands that run at once
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Only items whose path begins with this text
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Name of the worker; by default host and process
    #[arg(long, value_name = "ID")]
    worker: Option<String>,
    /// How long a lease lasts; it is renewed after a third of it
    #[arg(long, value_name = "SPAN", default_value = LEASE, value_parser = duration::parse)]
    lease: Duration,
    /// Longest run of a command; then the attempt fails
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// When a failed item may be tried again, instead of the back-off
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    retry_after: Option<Duration>,
    /// How long what runs may go on after a signal
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = duration::parse)]
    grace: Duration,
    /// Keep what the command prints as the item's result: JSON as it is, other text as a string
    #[arg(long)]
    capture: bool,
    /// End when there is nothing to claim, with 1 if an attempt failed
    #[arg(long)]
    drain: bool,
    /// End after so many items, with 1 if an attempt failed
    #[arg(long, value_name = "N")]
    max_items: Option<u64>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// How often an item ended in which way.
#[derive(Default)]
struct Sums {
    completed: u64,
    failed: u64,
    released: u64,
    lost: u64,
}

impl Run {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let stop = StopCount::install()?;
        let supervisors = Arc::new(Supervisors::default());
        let running = Arc::clone(&supervisors);
        signals::around_stops(move |stopped| running.stop_during(stopped))?;
        let options = ClaimOptions {
            prefix: self.prefix.clone(),
            max: 1,
            lease_ms: duration::milliseconds(self.lease),
        };
        let id = self.worker.clone().unwrap_or_else(worker_id);
        let worker = Arc::new(Worker {
            program: Program {
                command: self.command.clone(),
                variables: variables(session, &id)?,
            },
            fs,
            id,
            lease: self.lease,
            timeout: self.timeout,
            retry_after_ms: self.retry_after.map_or(0, duration::milliseconds),
            capture: self.capture,
            json: session.out.json,
            stop,
            supervisors,
        });
        let (sender, ended) = channel();
        let mut shift = Shift {
            args: &self,
            worker,
            options,
            sender,
            ended,
            running: 0,
            started: 0,
            stop_at: None,
            failure: None,
            sums: Sums::default(),
            session,
        };
        shift.work();
        let Shift { sums, failure, .. } = shift;
        if !session.out.json && !session.out.quiet {
            let others = match (sums.released, sums.lost) {
                (0, 0) => String::new(),
                (released, lost) => format!(", {released} given back, {lost} lost"),
            };
            let (completed, failed) = (sums.completed, sums.failed);
            let attempts = counted(completed + failed, "attempt");
            tell(&format!(
                "{attempts}: {completed} completed, {failed} failed{others}"
            ));
        }
        match failure {
            Some(failure) => Err(failure),
            None if sums.failed > 0 && (self.drain || self.max_items.is_some()) => {
                Err(Failure::Quiet(Exit::Failure))
            }
            None => Ok(()),
        }
    }
}

/// The loop of a worker.
struct Shift<'a> {
    args: &'a Run,
    worker: Arc<Worker>,
    options: ClaimOptions,
    sender: Sender<Job>,
    ended: Receiver<Job>,
    running: u64,
    started: u64,
    /// When what runs is ended, after a signal.
    stop_at: Option<Instant>,
    /// What makes it useless to go on.
    failure: Option<Failure>,
    sums: Sums,
    session: &'a mut Session,
}

impl Shift<'_> {
    fn work(&mut self) {
        loop {
            while let Ok(job) = self.ended.try_recv() {
                self.ended(job);
            }
            self.look_for_signals();
            let wanted = self.wanted();
            if wanted == 0 {
                if self.running == 0 {
                    return;
                }
                if let Ok(job) = self.ended.recv_timeout(LOOK) {
                    self.ended(job);
                }
                continue;
            }
            self.options.max = wanted;
            let items = match self.worker.fs.work_claim(&self.worker.id, &self.options) {
                Ok(items) => items,
                Err(error) => {
                    self.failure.get_or_insert(error.into());
                    continue;
                }
            };
            if items.is_empty() {
                if self.args.drain && self.running == 0 {
                    return;
                }
                self.wait();
            }
            for item in items {
                self.start(item);
            }
        }
    }

    /// Returns how many items may be claimed now.
    fn wanted(&self) -> usize {
        if self.failure.is_some() || self.worker.stop.count() > 0 {
            return 0;
        }
        let room = u64::from(self.args.jobs).saturating_sub(self.running);
        let left = match self.args.max_items {
            Some(most) => most.saturating_sub(self.started),
            None => u64::MAX,
        };
        usize::try_from(room.min(left)).unwrap_or(usize::MAX)
    }

    fn look_for_signals(&mut self) {
        if self.worker.stop.count() > 0 && self.stop_at.is_none() {
            self.stop_at = Instant::now().checked_add(self.args.grace);
            if self.running > 0 && !self.session.out.quiet {
                let jobs = counted(self.running, "command");
                tell(&format!(
                    "stopping: {jobs} may finish (a second signal ends it)"
                ));
            }
        }
        // From then on the jobs see a second signal.
        if self.stop_at.is_some_and(|at| at <= Instant::now()) {
            self.worker.stop.insist();
        }
    }

    /// Waits until there may be something to claim, or a command ended.
    fn wait(&mut self) {
        if self.running > 0 {
            if let Ok(job) = self.ended.recv_timeout(LOOK / 4) {
                self.ended(job);
            }
            return;
        }
        match self
            .worker
            .fs
            .work_wait(self.options.prefix.as_deref(), Some(LOOK))
        {
            Ok(true) => thread::sleep(OVERTAKEN),
            Ok(false) => {}
            Err(error) => {
                self.failure.get_or_insert(error.into());
            }
        }
    }

    fn start(&mut self, item: WorkItem) {
        self.running += 1;
        self.started += 1;
        let worker = Arc::clone(&self.worker);
        let sender = self.sender.clone();
        thread::spawn(move || {
            let job = Job::run(&worker, item);
            // The loop waits for every job it started.
            let _ = sender.send(job);
        });
    }

    /// Counts and reports how a job ended.
    fn ended(&mut self, job: Job) {
        self.running -= 1;
        let (event, error) = match job.end {
            End::Completed => {
                self.sums.completed += 1;
                ("completed", None)
            }
            End::Failed(error) => {
                self.sums.failed += 1;
                ("failed", Some(error))
            }
            End::Released => {
                self.sums.released += 1;
                ("released", None)
            }
            End::Lost(error) => {
                self.sums.lost += 1;
                ("lost", Some(error))
            }
            End::Useless(failure) => {
                self.sums.released += 1;
                self.failure.get_or_insert(failure);
                return;
            }
        };
        let item = &job.item;
        let seconds = job.took.as_secs_f64();
        let out = &mut self.session.out;
        if out.json {
            let row = json!({
                "event": event,
                "path": item.path.as_str(),
                "lease": item.lease,
                "attempt": item.attempts,
                "seconds": seconds,
                "error": error,
            });
            // Running jobs finish even if the output is closed.
            if let Err(failure) = out.json(&row).and_then(|()| out.finish()) {
                self.failure.get_or_insert(match failure {
                    Failure::BrokenPipe => {
                        Failure::new(Exit::Failure, "the output was closed by its reader")
                    }
                    other => other,
                });
            }
            return;
        }
        if !out.quiet {
            let attempt = match item.attempts {
                1 => String::new(),
                attempt => format!(", attempt {attempt}"),
            };
            let error = error.map_or(String::new(), |error| {
                format!(": {}", error.lines().next().unwrap_or_default())
            });
            tell(&format!(
                "{event} {} ({seconds:.1}s{attempt}){error}",
                item.path
            ));
        }
    }
}

/// Returns the variables by which a command finds the store that the worker works on, as the same identity, and the name of
/// the worker.
fn variables(session: &Session, worker: &str) -> Result<Vec<(&'static str, Option<OsString>)>> {
    let config = session.config()?;
    let settings = &config.settings;
    let path = |path: &Path| Some(path.as_os_str().to_owned());
    let text = |text: &Option<String>| text.as_ref().map(OsString::from);
    let mut variables = vec![
        ("NEXUS_DATA_DIR", path(&settings.data_dir)),
        ("NEXUS_DB_PATH", path(&settings.db_path)),
        ("NEXUS_IS_ADMIN", Some(settings.is_admin.to_string().into())),
        ("NEXUS_TENANT_ID", text(&settings.tenant_id)),
        ("NEXUS_AGENT_ID", text(&settings.agent_id)),
        ("NEXUS_WORK_WORKER", Some(worker.into())),
    ];
    if let Some(file) = &session.global.config {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        variables.push(("NEXUS_CONFIG_FILE", path(&file)));
    }
    Ok(variables)
}

/// Says `text` on stderr, where it does not mix with what commands print.
fn tell(text: &str) {
    let line = format!("nexus: {}\n", printable(text));
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}

//! The command: its input, what it says, and its end.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nexusfs_core::error::Error;
use nexusfs_core::filesystem::{Reader, WorkItem};
use parking_lot::Mutex;
use rustix::process::Pid;

use super::supervisor::{Order, Report, Supervisor};
use super::supervisors::Supervisors;
use super::worker::Worker;
use crate::failure::Failure;

/// How much of the end of stderr becomes the error.
const STDERR_BYTES: usize = 4 * 1024;
/// How much of stdout can become the result; the store refuses more.
const STDOUT_BYTES: usize = 1024 * 1024 + 1;
/// How much of the content is in memory.
const PIECE: usize = 64 * 1024;
/// How long to wait for the rest of the output when the command has ended: what it left in the background may keep
/// its streams open.
const REST: Duration = Duration::from_secs(1);

/// A command that was started.
pub struct Child {
    /// `None` once it has ended.
    supervisor: Option<Arc<Supervisor>>,
    supervisors: Arc<Supervisors>,
    group: Pid,
    end: Option<Ended>,
    stderr: Listener,
    stdout: Option<Listener>,
    input_error: Arc<Mutex<Option<Error>>>,
}

enum Ended {
    By(ExitStatus),
    /// Its supervisor was killed, and it with it.
    Unsupervised,
}

/// How a command ended.
pub struct Outcome {
    /// What makes it a failure.
    pub error: Option<String>,
    /// The end of what it wrote there.
    pub stderr: String,
    /// The begin of what it wrote there, if that was listened to.
    pub stdout: Vec<u8>,
}

impl Child {
    /// Starts the command of `worker` for `item` under a supervisor, in a process group of its own: a Ctrl-C is for the
    /// worker, and what ends the command ends all that it started.
    pub fn start(worker: &Worker, item: &WorkItem, content: Reader) -> Result<Child, Failure> {
        let Some(program) = worker.program.command.first() else {
            return Err(Failure::usage("a command is needed"));
        };
        let failed = |error| Failure::host("run", Path::new(program), &error);
        let (stdin, input) = io::pipe().map_err(failed)?;
        let (heard, stderr) = io::pipe().map_err(failed)?;
        let (captured, stdout) = match worker.capture {
            true => io::pipe().map(|(captured, stdout)| (Some(captured), Some(stdout))),
            false => Ok((None, None)),
        }
        .map_err(failed)?;
        let stream = match (&stdout, worker.json) {
            (Some(stdout), _) => stdout.as_fd(),
            (None, true) => rustix::stdio::stderr(),
            (None, false) => rustix::stdio::stdout(),
        };
        let values = [
            item.path.to_string(),
            item.lease.to_string(),
            item.path_id.to_string(),
            item.attempts.to_string(),
        ];
        let streams = [stdin.as_fd(), stream, stderr.as_fd()];
        let (supervisor, group) = worker
            .supervisors
            .run(&worker.program, &values, streams)
            .map_err(failed)?;
        let input_error = Arc::new(Mutex::new(None));
        let failed = Arc::clone(&input_error);
        thread::spawn(move || *failed.lock() = feed(content, input).err());
        Ok(Child {
            supervisor: Some(supervisor),
            supervisors: Arc::clone(&worker.supervisors),
            group,
            end: None,
            stderr: Listener::start(heard, Keep::Last(STDERR_BYTES), true),
            stdout: captured
                .map(|captured| Listener::start(captured, Keep::First(STDOUT_BYTES), false)),
            input_error,
        })
    }

    /// Waits up to `patience` for the end of the command. Returns whether it has ended.
    pub fn has_ended_within(&mut self, patience: Duration) -> bool {
        let Some(supervisor) = &self.supervisor else {
            return true;
        };
        match supervisor.report(Some(patience)) {
            Ok(Some(Report::Ended(status))) => {
                self.end = Some(Ended::By(status));
                if let Some(supervisor) = self.supervisor.take() {
                    self.supervisors.put_back(supervisor);
                }
            }
            Ok(_) => return false,
            Err(_) => {
                Supervisor::clean_up(self.group);
                self.end = Some(Ended::Unsupervised);
                self.supervisor = None;
            }
        }
        true
    }

    /// Returns what went wrong with reading the content for it.
    pub fn input_error(&self) -> Option<Error> {
        self.input_error.lock().take()
    }

    /// Ends the command and its process group: asks first, then kills. Returns how it ended.
    pub fn end(&mut self) -> Outcome {
        if let Some(supervisor) = &self.supervisor {
            supervisor.order(Order::End);
        }
        while !self.has_ended_within(REST) {}
        self.outcome()
    }

    /// Returns how it ended; it must have.
    pub fn outcome(&mut self) -> Outcome {
        let error = match &self.end {
            Some(Ended::By(status)) => match (status.code(), status.signal()) {
                (Some(0), _) => None,
                (Some(code), _) => Some(format!("exit status {code}")),
                (None, Some(signal)) => Some(format!("killed by signal {signal}")),
                (None, None) => Some("ended in an unknown way".to_owned()),
            },
            Some(Ended::Unsupervised) => Some("its supervisor was killed".to_owned()),
            None => Some("ended in an unknown way".to_owned()),
        };
        Outcome {
            error,
            stderr: String::from_utf8_lossy(&self.stderr.heard()).into_owned(),
            stdout: self
                .stdout
                .as_ref()
                .map(Listener::heard)
                .unwrap_or_default(),
        }
    }
}

/// Writes the content to the command. One that does not want it all is no error.
fn feed(mut content: Reader, mut stdin: io::PipeWriter) -> Result<(), Error> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = content.read(&mut piece)?;
        if count == 0 || stdin.write_all(&piece[..count]).is_err() {
            return Ok(());
        }
    }
}

/// What is kept of a stream.
#[derive(Clone, Copy)]
enum Keep {
    First(usize),
    Last(usize),
}

/// Reads a stream of the command to its end, so that it never blocks, and keeps a part.
struct Listener {
    kept: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl Listener {
    fn start(mut stream: impl Read + Send + 'static, keep: Keep, pass_on: bool) -> Listener {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (sender, ended) = channel();
        let shared = Arc::clone(&kept);
        thread::spawn(move || {
            let mut piece = vec![0; PIECE];
            while let Ok(count @ 1..) = stream.read(&mut piece) {
                let heard = &piece[..count];
                if pass_on {
                    let _ = io::stderr().write_all(heard);
                }
                let mut kept = shared.lock();
                match keep {
                    Keep::First(most) => {
                        let room = most.saturating_sub(kept.len()).min(count);
                        kept.extend_from_slice(&heard[..room]);
                    }
                    Keep::Last(most) => {
                        kept.extend_from_slice(heard);
                        let surplus = kept.len().saturating_sub(most);
                        kept.drain(..surplus);
                    }
                }
            }
            let _ = sender.send(());
        });
        Listener { kept, ended }
    }

    /// Returns what was kept.
    fn heard(&self) -> Vec<u8> {
        let _ = self.ended.recv_timeout(REST);
        self.kept.lock().clone()
    }
}

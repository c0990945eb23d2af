//! The command: its input, what it says, and its end.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nexus::error::Error;
use nexus::filesystem::{Reader, WorkItem};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};

use super::Worker;
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
    process: std::process::Child,
    status: Option<ExitStatus>,
    stderr: Listener,
    stdout: Option<Listener>,
    input_error: Arc<Mutex<Option<Error>>>,
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
    /// Starts the command of `worker` for `item`, in a process group of its own: a Ctrl-C is for the worker, and what
    /// ends the command ends all that it started.
    pub fn start(worker: &Worker, item: &WorkItem, content: Reader) -> Result<Child, Failure> {
        let (program, arguments) = match worker.command.split_first() {
            Some(parts) => parts,
            None => return Err(Failure::usage("a command is needed")),
        };
        let stdout = match (worker.capture, worker.json) {
            (true, _) => Stdio::piped(),
            (false, true) => Stdio::from(io::stderr()),
            (false, false) => Stdio::inherit(),
        };
        let mut process = Command::new(program);
        for (name, value) in &worker.variables {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
        let mut process = process
            .args(arguments)
            .env("NEXUS_WORK_PATH", item.path.as_str())
            .env("NEXUS_WORK_LEASE", item.lease.to_string())
            .env("NEXUS_WORK_ID", item.path_id.to_string())
            .env("NEXUS_WORK_ATTEMPT", item.attempts.to_string())
            .env("NEXUS_WORK_WORKER", &worker.id)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| Failure::host("run", Path::new(program), &error))?;
        let input_error = Arc::new(Mutex::new(None));
        if let Some(stdin) = process.stdin.take() {
            let failed = Arc::clone(&input_error);
            thread::spawn(move || *failed.lock() = feed(content, stdin).err());
        }
        let stderr = Listener::start(process.stderr.take(), Keep::Last(STDERR_BYTES), true);
        let stdout = worker.capture.then(|| {
            let stdout = process.stdout.take();
            Listener::start(stdout, Keep::First(STDOUT_BYTES), false)
        });
        Ok(Child {
            process,
            status: None,
            stderr,
            stdout,
            input_error,
        })
    }

    /// Returns whether the command has ended.
    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            // An error here means that there is no such process.
            self.status = self
                .process
                .try_wait()
                .unwrap_or_else(|_| Some(ExitStatus::default()));
        }
        self.status.is_some()
    }

    /// Returns what went wrong with reading the content for it.
    pub fn input_error(&self) -> Option<Error> {
        self.input_error.lock().take()
    }

    /// Sends `signal` to the command and to what it started.
    pub fn signal(&mut self, signal: Signal) {
        // Its number is its own until it was waited for.
        let id = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        if let (false, Some(id)) = (self.has_ended(), id) {
            let _ = kill_process_group(id, signal);
        }
    }

    /// Returns how it ended; it must have.
    pub fn outcome(&mut self) -> Outcome {
        let status = self.status.unwrap_or_default();
        let error = match (status.code(), status.signal()) {
            (Some(0), _) => None,
            (Some(code), _) => Some(format!("exit status {code}")),
            (None, Some(signal)) => Some(format!("killed by signal {signal}")),
            (None, None) => Some("ended in an unknown way".to_owned()),
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
fn feed(mut content: Reader, mut stdin: std::process::ChildStdin) -> Result<(), Error> {
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
    fn start(stream: Option<impl Read + Send + 'static>, keep: Keep, pass_on: bool) -> Listener {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (sender, ended) = channel();
        let Some(mut stream) = stream else {
            return Listener { kept, ended };
        };
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

//! The supervisor of a command: the process that ends the command's process group. [`supervisor`](super::supervisor) says
//! for whom, and how the two speak.
//!
//! As a subreaper it is the parent of all that the command leaves behind, so it learns when the group is empty.

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recv, recvmsg, send,
};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process_group, set_child_subreaper,
    test_kill_process_group, wait,
};
use signal_hook::consts::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGKILL, SIGPIPE, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP,
    SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGVTALRM,
};

use super::supervisor::{NAME, Order, Report, VARIABLES, wait_for};
use crate::signals::Ignored;

/// How long a command that is asked to end has for that before it is killed; and how long the kernel has for killing it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for the end of a process whose parent is not the supervisor, so that no signal reports its end.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest message of a worker: the path of an item, and some numbers.
const LONGEST: usize = 16 * 1024;
/// Signals that may be sent to all processes of a session, and that must not end or stop a supervisor.
const HARMLESS: [i32; 14] = [
    SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPIPE, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
    SIGUSR1, SIGUSR2, SIGVTALRM,
];

/// Runs this process as a supervisor, if it was started as one.
pub fn supervise() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    let command: Vec<OsString> = arguments.collect();
    let done = Control::new().and_then(|control| control.serve(&command));
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

/// What the supervisor hears of.
struct Control {
    worker: OwnedFd,
    /// Readable when a child has ended.
    ended: UnixStream,
}

impl Control {
    fn new() -> io::Result<Control> {
        rustix::thread::set_name(c"work-supervisor")?;
        set_child_subreaper(Some(getpid()))?;
        let worker = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        let (ended, children) = UnixStream::pair()?;
        ended.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(SIGCHLD, children)?;
        // A handler, which a command does not inherit, unlike an ignored signal.
        let ignored = Ignored::by_this_process();
        for signal in HARMLESS {
            if !ignored.has(signal) {
                signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
            }
        }
        Ok(Control { worker, ended })
    }

    /// Runs `command` as often as the worker orders it, until the worker is gone.
    fn serve(&self, command: &[OsString]) -> io::Result<()> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut message = vec![0; LONGEST];
        loop {
            let (length, streams) = self.receive(&mut message)?;
            if length == 0 {
                return Ok(());
            }
            // What is for a command that has ended meanwhile is for none.
            let Some(values) = message[..length].strip_prefix(&[Order::Run as u8]) else {
                continue;
            };
            let [stdin, stdout, stderr] = streams.map(|stream| stream.map(Stdio::from));
            let mut process = Command::new(program);
            process
                .args(arguments)
                .envs(
                    VARIABLES
                        .into_iter()
                        .zip(values.split(|byte| *byte == 0).map(OsStr::from_bytes)),
                )
                .stdin(stdin.unwrap_or_else(Stdio::null))
                .stdout(stdout.unwrap_or_else(Stdio::null))
                .stderr(stderr.unwrap_or_else(Stdio::null))
                .process_group(0);
            let started = process.spawn();
            // Its copies of the streams: they end with the command.
            drop(process);
            match started {
                Ok(child) => {
                    let leader = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                    let leader = leader.ok_or(io::ErrorKind::InvalidData)?;
                    // A worker that is gone is noticed below.
                    let _ = self.report(Report::Started(leader));
                    let status = Group::new(leader).watch(self)?;
                    self.report(Report::Ended(status))?;
                }
                Err(error) => self.report(Report::NotStarted(error))?,
            }
        }
    }

    fn report(&self, report: Report) -> io::Result<()> {
        send(&self.worker, &report.to_bytes(), SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for a message. Returns its length, 0 if the worker is gone, and the streams that came with it.
    fn receive(&self, message: &mut [u8]) -> io::Result<(usize, [Option<OwnedFd>; 3])> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut message = [IoSliceMut::new(message)];
        let received = loop {
            match recvmsg(
                &self.worker,
                &mut message,
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Ok((0, [None, None, None])),
                received => break received?,
            }
        };
        let mut streams = ancillary.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(streams) => streams.collect(),
            _ => Vec::new(),
        });
        let streams = [streams.next(), streams.next(), streams.next()];
        Ok((received.bytes, streams))
    }
}

/// Whether the group is to end.
#[derive(Clone, Copy)]
enum End {
    NotAsked,
    /// SIGTERM was sent; SIGKILL follows at this moment.
    Asked(Instant),
    /// SIGKILL was sent. What is left at this moment cannot be killed.
    Killed(Instant),
}

/// The command's process group.
struct Group {
    leader: Pid,
    /// How the command ended.
    status: Option<ExitStatus>,
    end: End,
}

impl Group {
    fn new(leader: Pid) -> Group {
        Group {
            leader,
            status: None,
            end: End::NotAsked,
        }
    }

    /// Executes the worker's orders until the command has ended. If it was asked to, or the worker is gone, until its
    /// whole group has.
    fn watch(&mut self, control: &Control) -> io::Result<ExitStatus> {
        let mut has_worker = true;
        loop {
            self.reap(&control.ended);
            let now = Instant::now();
            let (done, pause) = match self.end {
                End::NotAsked => (self.status.is_some(), None),
                End::Asked(until) if until <= now => {
                    let _ = kill_process_group(self.leader, Signal::KILL);
                    self.end = End::Killed(now + PATIENCE);
                    (false, Some(PAUSE))
                }
                End::Asked(_) => (self.is_gone(), Some(PAUSE)),
                End::Killed(until) => (until <= now || self.is_gone(), Some(PAUSE)),
            };
            if done {
                return Ok(self.status.unwrap_or(ExitStatus::from_raw(SIGKILL)));
            }
            let files = [control.ended.as_fd(), control.worker.as_fd()];
            let files = &files[..if has_worker { 2 } else { 1 }];
            wait_for(files, pause)?;
            if has_worker {
                has_worker = self.obey(&control.worker);
            }
        }
    }

    /// Executes an order, if there is one. Returns whether there is a worker yet.
    fn obey(&mut self, worker: &OwnedFd) -> bool {
        let mut order = [0];
        let signal = |signal| {
            let _ = kill_process_group(self.leader, signal);
        };
        match recv(worker, &mut order[..], RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN | Errno::INTR) => return true,
            Ok((_, 1)) if order[0] == Order::Stop as u8 => signal(Signal::STOP),
            Ok((_, 1)) if order[0] == Order::Continue as u8 => signal(Signal::CONT),
            received => {
                signal(Signal::TERM);
                // One that is stopped hears of it.
                signal(Signal::CONT);
                if matches!(self.end, End::NotAsked) {
                    self.end = End::Asked(Instant::now() + PATIENCE);
                }
                return matches!(received, Ok((_, 1)));
            }
        }
        true
    }

    /// Takes the statuses of all that has ended.
    fn reap(&mut self, ended: &UnixStream) {
        let mut rest = [0; 64];
        while matches!((&*ended).read(&mut rest), Ok(1..)) {}
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.leader {
                self.status = Some(ExitStatus::from_raw(status.as_raw()));
            }
        }
    }

    /// Returns whether no process of the group is left. Its number is not another's while one is.
    fn is_gone(&self) -> bool {
        test_kill_process_group(self.leader) == Err(Errno::SRCH)
    }
}

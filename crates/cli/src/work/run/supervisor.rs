//! What a worker and the process between it and a command say to each other, and the worker's end of that.
//!
//! The process, a [supervisor](super::group), ends the command's process group when the worker asks for that, and when the
//! worker itself ends, in whatever way: the kernel then closes the worker's end of their socket. It is this program under
//! another name, in a process group of its own, so that a signal to the worker's group does not reach it. It runs one command at
//! a time, and many after each other: starting it costs more than most commands do.

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, send, sendmsg, socketpair,
};
use rustix::process::{Pid, Signal, getpgid, kill_process_group};

/// How often a command that a killed supervisor did not report is searched for, and the pause between.
const UNREPORTED_CHECKS: u32 = 10;
const UNREPORTED_PAUSE: Duration = Duration::from_millis(20);
/// Name of the process. It is not the name of the program, by which a user may kill all workers.
pub(super) const NAME: &str = "work-supervisor";
/// The variables of its environment that name an item, in the order of their values in [`Order::Run`].
pub(super) const VARIABLES: [&str; 4] = [
    "NEXUS_WORK_PATH",
    "NEXUS_WORK_LEASE",
    "NEXUS_WORK_ID",
    "NEXUS_WORK_ATTEMPT",
];

/// What a worker wants: the first byte of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Run the command. The message has the values of [`VARIABLES`], a NUL byte after each, and stdin, stdout and stderr.
    Run = b'r' as isize,
    /// End the group: SIGTERM, and SIGKILL after a while for what is left of it.
    End = b'e' as isize,
    Stop = b's' as isize,
    Continue = b'c' as isize,
}

/// What became of the command.
#[derive(Debug)]
pub enum Report {
    Started(Pid),
    NotStarted(io::Error),
    /// If it was asked to end, then so has every process of its group.
    Ended(ExitStatus),
}

impl Report {
    pub(super) fn to_bytes(&self) -> [u8; 5] {
        let (kind, number) = match self {
            Report::Started(pid) => (b's', pid.as_raw_nonzero().get()),
            Report::NotStarted(error) => (b'n', error.raw_os_error().unwrap_or_default()),
            Report::Ended(status) => (b'e', status.into_raw()),
        };
        let [a, b, c, d] = number.to_le_bytes();
        [kind, a, b, c, d]
    }

    fn from_bytes(bytes: [u8; 5]) -> Option<Report> {
        let [kind, a, b, c, d] = bytes;
        let number = i32::from_le_bytes([a, b, c, d]);
        match kind {
            b's' => Pid::from_raw(number).map(Report::Started),
            b'n' => Some(Report::NotStarted(io::Error::from_raw_os_error(number))),
            b'e' => Some(Report::Ended(ExitStatus::from_raw(number))),
            _ => None,
        }
    }
}

/// The worker's end of the socket, and the process.
#[derive(Debug)]
pub struct Supervisor {
    socket: OwnedFd,
    process: Child,
}

impl Supervisor {
    /// Starts a supervisor that runs `command`; `prepare` gives it its environment.
    pub fn start(
        command: &[OsString],
        prepare: impl FnOnce(&mut Command),
    ) -> io::Result<Supervisor> {
        let (socket, other) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        // The file that runs, whatever is under its name by now.
        let mut process = Command::new("/proc/self/exe");
        prepare(&mut process);
        let process = process
            .arg0(NAME)
            .args(command)
            .stdin(Stdio::from(other))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Supervisor { socket, process })
    }

    /// Starts the command for the item that `values` of [`VARIABLES`] name. Returns its process group.
    ///
    /// # Errors
    /// The command could not be started, or the supervisor is gone.
    pub fn run(&self, values: &[String; 4], streams: [BorrowedFd<'_>; 3]) -> io::Result<Pid> {
        let mut message = vec![Order::Run as u8];
        for value in values {
            message.extend_from_slice(value.as_bytes());
            message.push(0);
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&streams));
        let message = [IoSlice::new(&message)];
        sendmsg(&self.socket, &message, &mut ancillary, SendFlags::NOSIGNAL)?;
        match self.report(None) {
            Ok(Some(Report::Started(group))) => Ok(group),
            Ok(Some(Report::NotStarted(error))) => Err(error),
            // The next report of a supervisor that was killed says so again, and ends the group.
            Ok(_) | Err(_) => {
                Self::unreported(values).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
        }
    }

    /// Returns the process group of the command that this supervisor, which was killed, had started for the item that
    /// `values` name and not reported yet. The environment of the command and of what it started has the values.
    fn unreported(values: &[String; 4]) -> Option<Pid> {
        let wanted: Vec<_> = VARIABLES
            .into_iter()
            .zip(values)
            .map(|(name, value)| format!("{name}={value}").into_bytes())
            .collect();
        for _ in 0..UNREPORTED_CHECKS {
            let processes = std::fs::read_dir("/proc").ok()?;
            let group = processes.flatten().find_map(|process| {
                let id = process.file_name().to_str()?.parse().ok()?;
                let environment = std::fs::read(process.path().join("environ")).ok()?;
                let has = |value| environment.split(|byte| *byte == 0).any(|v| v == value);
                wanted
                    .iter()
                    .all(|value| has(value.as_slice()))
                    .then(|| getpgid(Pid::from_raw(id)).ok())?
            });
            if group.is_some() {
                return group;
            }
            // Between its fork and its exec a command has the supervisor's environment.
            std::thread::sleep(UNREPORTED_PAUSE);
        }
        None
    }

    /// Gives `order`. A supervisor that is gone needs none.
    pub fn order(&self, order: Order) {
        let _ = send(&self.socket, &[order as u8], SendFlags::NOSIGNAL);
    }

    /// Waits for the next report up to `patience`, or as long as it takes. `None` if none came.
    ///
    /// # Errors
    /// The supervisor was killed.
    pub fn report(&self, patience: Option<Duration>) -> io::Result<Option<Report>> {
        if !wait_for(&[self.socket.as_fd()], patience)? {
            return Ok(None);
        }
        let mut bytes = [0; 5];
        let received = loop {
            match recv(&self.socket, &mut bytes[..], RecvFlags::empty()) {
                // It ended before it read an order; what it reported comes next.
                Err(Errno::CONNRESET) => {}
                received => break received?.1,
            }
        };
        match Report::from_bytes(bytes) {
            Some(report) if received == bytes.len() => Ok(Some(report)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Ends what a supervisor that was killed has left.
    pub fn clean_up(group: Pid) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

impl Drop for Supervisor {
    /// Waits for its end, which comes with that of the socket.
    fn drop(&mut self) {
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        let _ = self.process.wait();
    }
}

/// Waits until one of `files` can be read or was closed at the other end. Returns whether one was.
pub(super) fn wait_for(files: &[BorrowedFd<'_>], patience: Option<Duration>) -> io::Result<bool> {
    let mut files: Vec<_> = files
        .iter()
        .map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN))
        .collect();
    let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
    loop {
        match poll(&mut files, patience.as_ref()) {
            Err(Errno::INTR) if patience.is_none() => {}
            // Who waits for a time checks again anyway.
            Err(Errno::INTR) => return Ok(false),
            polled => return Ok(polled? > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let reports = [
            Report::Started(getpid()),
            Report::NotStarted(io::Error::from_raw_os_error(2)),
            Report::Ended(ExitStatus::from_raw(9)),
            Report::Ended(ExitStatus::from_raw(3 << 8)),
        ];
        for report in reports {
            let read = Report::from_bytes(report.to_bytes());
            assert_eq!(format!("{:?}", Some(report)), format!("{read:?}"));
        }
    }
}

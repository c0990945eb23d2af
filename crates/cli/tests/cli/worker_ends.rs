//! However `work run` ends, its commands end with it, and their items are given back.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal::{self, *};
use nix::unistd::Pid;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::process::{WaitOptions, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::store::Store;

/// Longest wait for an end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// A command with a process beside it, which keep each other waiting for ever.
const ENDLESS: &str = "sleep 100000 & echo running $$ $PPID; wait";

const NEXUS: &str = env!("CARGO_BIN_EXE_nexus");

/// Returns `program`, which will start nexus, to be run where nexus is run.
fn through(store: &Store, program: &str, arguments: &[&str]) -> Command {
    let nexus = store.command();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(store.path(""));
    for (name, value) in nexus.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn with_items(count: usize) -> Store {
    let store = Store::new();
    for number in 0..count {
        let path = format!("/q/{number}");
        store.ok(&["write", &path, "content"]);
        store.ok(&["meta", "set", &path, "status", "ready"]);
    }
    store
}

fn explain(store: &Store) -> (String, i64) {
    let item = store.json(&["work", "explain", "/q/0"]);
    let status = item["status"].as_str().unwrap().to_owned();
    (status, item["attempts"].as_i64().unwrap())
}

/// A worker whose command runs.
struct Worker {
    process: Child,
    /// Every process of the commands has it open; the supervisors do not.
    stdout: BufReader<ChildStdout>,
    command: Pid,
    supervisor: Pid,
}

impl Worker {
    fn start(store: &Store, options: &[&str], script: &str) -> Worker {
        let mut command = store.command();
        command.args(["work", "run"]).args(options);
        Worker::of(command.args(["--", "sh", "-c", script]))
    }

    /// Starts `command`, and waits for the line by which the script of its item says that it runs.
    fn of(command: &mut Command) -> Worker {
        let stdio = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = stdio.spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ids: Vec<_> = line.split_whitespace().skip(1).collect();
        let id = |index: usize| Pid::from_raw(ids[index].parse().unwrap());
        Worker {
            command: id(0),
            supervisor: id(1),
            process,
            stdout,
        }
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.process.id() as i32);
        nix::sys::signal::kill(id, signal).unwrap();
    }

    /// Sends `signal` for the first time to a worker whose commands may finish after it, and waits until it was heard.
    fn ask(&mut self, signal: Signal) {
        self.signal(signal);
        let mut line = String::new();
        let mut stderr = BufReader::new(self.process.stderr.as_mut().unwrap());
        stderr.read_line(&mut line).unwrap();
        assert!(line.contains("stopping"), "{line}");
    }

    /// Waits until the worker and every process of its commands are gone. Returns the worker's exit code.
    fn end(mut self, how: &str) -> Option<i32> {
        let (sender, closed) = channel();
        let mut stdout = self.stdout;
        thread::spawn(move || sender.send(stdout.read_to_end(&mut Vec::new()).unwrap()));
        let closed = closed.recv_timeout(PATIENCE);
        assert!(closed.is_ok(), "{how}: a process of the command lives on");
        self.process.wait().unwrap().code()
    }
}

#[test]
fn a_signal_that_ends_the_worker_ends_the_command_and_gives_the_item_back() {
    for signals in [
        &[SIGHUP][..],
        &[SIGQUIT],
        &[SIGTERM, SIGTERM],
        &[SIGINT, SIGINT],
        &[SIGTERM, SIGHUP],
    ] {
        let store = with_items(1);
        let mut worker = Worker::start(&store, &["--grace", "1h"], ENDLESS);
        let (last, before) = signals.split_last().unwrap();
        for signal in before {
            worker.ask(*signal);
        }
        worker.signal(*last);
        assert_eq!(worker.end(&format!("{signals:?}")), Some(0));
        assert_eq!(explain(&store), ("ready".into(), 0), "{signals:?}");
    }
}

#[test]
fn a_closed_terminal_ends_the_command_and_gives_the_item_back() {
    let store = with_items(1);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let stdin = rustix::fs::open(&*name, flags, Mode::empty()).unwrap();
    // The worker leads the session of the terminal, as after `exec nexus work run` in a shell.
    let mut command = through(&store, "setsid", &["--ctty", NEXUS, "work", "run"]);
    command.args(["--", "sh", "-c", ENDLESS]);
    let worker = Worker::of(command.stdin(stdin));
    // Its copy of the terminal.
    drop(command);
    drop(terminal);
    assert_eq!(worker.end("a closed terminal"), Some(0));
    assert_eq!(explain(&store), ("ready".into(), 0));
}

#[test]
fn a_worker_that_is_killed_takes_its_commands_along_and_its_items_are_run_again() {
    let store = with_items(3);
    let options = ["--jobs", "3", "--lease", "1s"];
    let worker = Worker::start(&store, &options, ENDLESS);
    worker.signal(SIGKILL);
    assert_eq!(worker.end("SIGKILL"), None);
    let again = store.run(&["work", "run", "--max-items", "3", "--", "true"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(explain(&store).0, "completed");
}

#[test]
fn a_command_that_ignores_the_request_to_end_is_killed() {
    for signal in [SIGHUP, SIGKILL] {
        let store = with_items(1);
        let script = format!("trap '' TERM; {ENDLESS}");
        let worker = Worker::start(&store, &[], &script);
        worker.signal(signal);
        worker.end(&format!("{signal:?}"));
    }
}

#[test]
fn a_stopped_command_ends_with_its_worker() {
    let store = with_items(1);
    let worker = Worker::start(&store, &[], ENDLESS);
    nix::sys::signal::killpg(worker.command, SIGSTOP).unwrap();
    worker.signal(SIGKILL);
    worker.end("a stopped command");
}

#[test]
fn an_item_is_given_back_when_the_last_process_of_its_command_has_ended() {
    let store = with_items(1);
    mknodat(CWD, store.path("go"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    // The shell ends at once, and what it started puts something in order first.
    let script = "(trap 'read -r go < go; touch in-order; exit' TERM; echo running $$ $PPID; \
                  while :; do sleep 0.01; done) & wait";
    let mut worker = Worker::start(&store, &[], script);
    worker.signal(SIGHUP);
    // It opens when the process is there to read.
    drop(File::options().write(true).open(store.path("go")).unwrap());
    let stderr = BufReader::new(worker.process.stderr.as_mut().unwrap());
    let released = stderr
        .lines()
        .any(|line| line.unwrap().contains("released /q/0"));
    assert!(released && store.path("in-order").exists());
    assert_eq!(worker.end("SIGHUP"), Some(0));
    assert_eq!(explain(&store), ("ready".into(), 0));
}

#[test]
fn a_killed_supervisor_takes_its_command_along_and_the_attempt_fails() {
    let store = with_items(1);
    let worker = Worker::start(&store, &["--max-items", "1"], ENDLESS);
    nix::sys::signal::kill(worker.supervisor, SIGKILL).unwrap();
    assert_eq!(worker.end("a killed supervisor"), Some(1));
    assert_eq!(
        store.json(&["meta", "get", "/q/0", "last_error"]),
        "its supervisor was killed"
    );
}

#[test]
fn what_a_command_leaves_in_the_background_goes_on_when_it_has_completed() {
    let store = with_items(1);
    mknodat(CWD, store.path("go"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let script = "(read -r go < go; echo went on) 2>/dev/null & echo running $$ $PPID";
    let mut worker = Worker::start(&store, &["--drain"], script);
    assert!(worker.process.wait().unwrap().success());
    assert_eq!(explain(&store).0, "completed");
    std::fs::write(store.path("go"), "go\n").unwrap();
    let mut rest = String::new();
    worker.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "went on\n");
}

#[test]
fn a_command_may_signal_its_whole_group() {
    let store = with_items(1);
    let script = "trap 'echo heard; exit 0' USR1 TERM; echo running $$ $PPID; kill -USR1 0";
    let mut worker = Worker::start(&store, &["--drain"], script);
    let mut rest = String::new();
    worker.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), worker.end("")), ("heard\n", Some(0)));
    assert_eq!(explain(&store).0, "completed");
}

#[test]
fn a_hangup_that_the_worker_was_started_to_ignore_ends_nothing() {
    let store = with_items(1);
    mknodat(CWD, store.path("go"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let script = "trap '' HUP; exec \"$0\" work run --drain -- sh -c \
                  'echo running $$ $PPID; read -r go < go'";
    let worker = Worker::of(&mut through(&store, "sh", &["-c", script, NEXUS]));
    worker.signal(SIGHUP);
    nix::sys::signal::kill(worker.command, SIGHUP).unwrap();
    std::fs::write(store.path("go"), "go\n").unwrap();
    assert_eq!(worker.end("an ignored SIGHUP"), Some(0));
    assert_eq!(explain(&store).0, "completed");
}

#[test]
fn a_worker_that_is_stopped_stops_its_command_and_goes_on_with_it() {
    let store = with_items(1);
    mknodat(CWD, store.path("go"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let script = "echo running $$ $PPID; read -r go < go";
    let worker = Worker::start(&store, &["--drain", "--lease", "1h"], script);
    worker.signal(SIGTSTP);
    let id = rustix::process::Pid::from_raw(worker.process.id() as i32);
    let (_, status) = waitpid(id, WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped(), "{status:?}");
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", worker.command)).unwrap();
        stat.rsplit(") ").next().unwrap().chars().next().unwrap()
    };
    let began = std::time::Instant::now();
    while state() != 'T' {
        assert!(began.elapsed() < PATIENCE, "the command goes on");
        thread::yield_now();
    }
    worker.signal(SIGCONT);
    std::fs::write(store.path("go"), "go\n").unwrap();
    assert_eq!(worker.end("SIGCONT"), Some(0));
    assert_eq!(explain(&store), ("completed".into(), 1));
}

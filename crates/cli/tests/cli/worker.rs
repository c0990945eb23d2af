//! `work run`: a worker that runs a command for each item.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::store::{Run, Store};

fn with_items(names: &[&str]) -> Store {
    let store = Store::new();
    for name in names {
        let path = format!("/q/{name}");
        store.ok(&["write", &path, &format!("content of {name}")]);
        store.ok(&["meta", "set", &path, "status", "ready"]);
    }
    store
}

fn status(store: &Store, name: &str) -> Value {
    store.json(&["meta", "get", &format!("/q/{name}"), "status"])
}

/// Starts a worker, and waits until its command says that it runs.
fn start(store: &Store, options: &[&str], script: &str) -> (Child, impl BufRead) {
    let mut worker: Command = store.command();
    worker.args(["work", "run"]).args(options);
    worker.args(["--", "sh", "-c", script]);
    let mut child = worker
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "running\n");
    (child, said)
}

fn signal(child: &Child) {
    let id = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
}

fn end_of(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn the_command_gets_the_content_and_the_environment() {
    let store = with_items(&["a"]);
    let script = "cat; echo; echo $NEXUS_WORK_PATH $NEXUS_WORK_ATTEMPT $NEXUS_WORK_WORKER; \
                  test ${#NEXUS_WORK_ID} = 36 -a $NEXUS_WORK_LEASE -gt 0 || exit 1; \
                  \"$NEXUS\" write /q/result done --lease $NEXUS_WORK_LEASE --lease-path $NEXUS_WORK_PATH";
    let mut command = store.command();
    command
        .args([
            "work", "run", "--drain", "--worker", "w7", "--", "sh", "-c", script,
        ])
        .env("NEXUS", env!("CARGO_BIN_EXE_nexus"));
    let run: Run = crate::store::finish(&mut command);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.text(), "content of a\n/q/a 1 w7\n");
    assert!(
        run.stderr.contains("nexus: completed /q/a"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("1 attempt: 1 completed, 0 failed\n"),
        "{}",
        run.stderr
    );
    assert_eq!(status(&store, "a"), "completed");
    assert_eq!(store.ok(&["cat", "/q/result"]), "done");
}

#[test]
fn the_command_has_the_identity_of_the_worker() {
    let store = Store::new();
    store.host_file("nexus.yaml", "tenant_id: acme\nagent_id: bot\n");
    for (options, expected) in [
        (&["--admin"][..], "- - true"),
        (&["--tenant", "rival"], "rival - false"),
        (&[], "other own false"),
    ] {
        let item = ["--admin", "write", "/q/a", "x"];
        store.ok(&item);
        store.ok(&["--admin", "meta", "set", "/q/a", "status", "ready"]);
        let script = "echo ${NEXUS_TENANT_ID--} ${NEXUS_AGENT_ID--} $NEXUS_IS_ADMIN";
        let mut command = store.command();
        command
            .args(options)
            .args(["work", "run", "--drain", "--", "sh", "-c", script])
            .env("NEXUS_TENANT_ID", "other")
            .env("NEXUS_AGENT_ID", "own");
        let run = crate::store::finish(&mut command);
        assert_eq!(
            (run.code, run.text()),
            (Some(0), format!("{expected}\n")),
            "{options:?}: {}",
            run.stderr
        );
    }
}

#[test]
fn the_exit_status_completes_or_fails() {
    let store = with_items(&["bad", "good", "killed"]);
    store.ok(&["meta", "set", "/q/killed", "max_attempts", "1"]);
    let script =
        "case $NEXUS_WORK_PATH in */bad) echo broken >&2; exit 3;; */killed) kill -9 $$;; esac";
    let arguments = [
        "work",
        "run",
        "--drain",
        "--json",
        "--jobs",
        "3",
        "--retry-after",
        "1h",
        "--",
        "sh",
        "-c",
        script,
    ];
    let run = store.run(&arguments);
    assert_eq!(run.code, Some(1), "an attempt failed: {run:?}");
    let text = run.text();
    let mut rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    rows.sort_by_key(|row| row["path"].as_str().unwrap().to_owned());
    let events: Vec<_> = rows
        .iter()
        .map(|row| (row["event"].as_str(), row["error"].as_str()))
        .collect();
    assert_eq!(
        events,
        [
            (Some("failed"), Some("exit status 3\nbroken")),
            (Some("completed"), None),
            (Some("failed"), Some("killed by signal 9")),
        ]
    );
    assert_eq!(status(&store, "bad"), "ready");
    assert_eq!(
        store.json(&["meta", "get", "/q/bad", "last_error"]),
        "exit status 3\nbroken"
    );
    assert_eq!(status(&store, "good"), "completed");
    assert_eq!(
        status(&store, "killed"),
        "failed",
        "its one attempt is used up"
    );
}

#[test]
fn what_it_prints_can_be_the_result() {
    let store = with_items(&["json", "text"]);
    let script =
        "case $NEXUS_WORK_PATH in */json) echo '{\"n\": [1]}';; *) echo plain; echo words;; esac";
    store.run(&[
        "work",
        "run",
        "--drain",
        "--capture",
        "--",
        "sh",
        "-c",
        script,
    ]);
    assert_eq!(
        store.json(&["meta", "get", "/q/json", "result"]),
        json!({"n": [1]})
    );
    assert_eq!(
        store.json(&["meta", "get", "/q/text", "result"]),
        "plain\nwords"
    );
}

#[test]
fn a_chain_runs_in_the_order_of_its_dependencies() {
    let store = with_items(&["1", "2", "3"]);
    store.ok(&[
        "meta",
        "set",
        "/q/1",
        "status",
        "blocked",
        "depends_on",
        "/q/2",
    ]);
    store.ok(&[
        "meta",
        "set",
        "/q/2",
        "status",
        "blocked",
        "depends_on",
        "/q/3",
    ]);
    let run = store.run(&[
        "work",
        "run",
        "--jobs",
        "4",
        "--drain",
        "--",
        "sh",
        "-c",
        "echo $NEXUS_WORK_PATH",
    ]);
    assert_eq!(run.text(), "/q/3\n/q/2\n/q/1\n");
}

#[test]
fn a_lease_is_kept_while_the_command_runs() {
    let store = with_items(&["a"]);
    // The command ends when its lease was renewed twice, which happens after a third of it each.
    let script = "end() { \"$NEXUS\" meta get /q/a lease_expires_at; }; \
                  for renewal in 1 2; do before=$(end); until test \"$(end)\" != \"$before\"; do :; done; done";
    let mut command = store.command();
    command
        .args(["work", "run", "--drain", "--lease", "6s", "--", "sh", "-c"])
        .arg(script)
        .env("NEXUS", env!("CARGO_BIN_EXE_nexus"));
    let run: Run = crate::store::finish(&mut command);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(status(&store, "a"), "completed");
    assert_eq!(store.json(&["meta", "get", "/q/a", "attempts"]), 1);
}

#[test]
fn a_command_that_lost_its_lease_is_ended() {
    let store = with_items(&["a"]);
    let (child, _said) = start(
        &store,
        &["--lease", "600ms", "--max-items", "1"],
        "echo running; sleep 1000",
    );
    store.ok(&["meta", "set", "/q/a", "status", "cancelled"]);
    let (code, said) = end_of(child);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nexus: lost /q/a"), "{said}");
    assert_eq!(status(&store, "a"), "cancelled");
}

#[test]
fn a_command_that_takes_too_long_fails() {
    let store = with_items(&["a"]);
    let run = store.run(&[
        "work",
        "run",
        "--max-items",
        "1",
        "--timeout",
        "100ms",
        "--",
        "sleep",
        "1000",
    ]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(
        store.json(&["meta", "get", "/q/a", "last_error"]),
        "timed out"
    );
}

#[test]
fn a_signal_lets_what_runs_finish_and_claims_no_more() {
    let store = with_items(&["a", "b"]);
    let script = "echo running; read -r go < go";
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, store.path("go"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let (mut child, _said) = start(&store, &[], script);
    signal(&child);
    let mut said = BufReader::new(child.stderr.as_mut().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("stopping"), "{line}");
    std::fs::write(store.path("go"), "go\n").unwrap();
    let (code, said) = end_of(child);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        (status(&store, "a"), status(&store, "b")),
        (json!("completed"), json!("ready")),
        "{said}"
    );
}

#[test]
fn without_a_reader_what_runs_is_finished_and_no_more_is_claimed() {
    for full in [false, true] {
        let store = with_items(&["a", "b", "c"]);
        // The first ends when the second runs, which takes longer.
        let script = "case $NEXUS_WORK_PATH in */a) until test -e running; do sleep 0.01; done;; \
                      */b) touch running; sleep 0.5;; esac";
        let mut command = store.command();
        command.args([
            "work", "run", "--json", "--jobs", "2", "--", "sh", "-c", script,
        ]);
        match full {
            false => command.stdout(std::io::pipe().unwrap().1),
            true => command.stdout(std::fs::File::create("/dev/full").unwrap()),
        };
        let run = crate::store::finish(&mut command);
        let reason = match full {
            false => "nexus: the output was closed by its reader\n",
            true => "nexus: cannot write the output: No space left on device\n",
        };
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), reason));
        assert_eq!(
            ["a", "b", "c"].map(|name| status(&store, name)),
            ["completed", "completed", "ready"]
        );
    }
}

#[test]
fn after_a_second_signal_or_the_grace_the_item_is_given_back() {
    for (options, signals) in [(&["--grace", "1h"][..], 2), (&["--grace", "100ms"], 1)] {
        let store = with_items(&["a"]);
        let (mut child, _said) = start(&store, options, "echo running; sleep 1000");
        for _ in 0..signals {
            signal(&child);
            // Two signals in one moment are one.
            let mut said = BufReader::new(child.stderr.as_mut().unwrap());
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            assert!(
                line.contains("stopping") || line.contains("released"),
                "{line}"
            );
        }
        let (code, said) = end_of(child);
        assert_eq!(code, Some(0), "{options:?}: {said}");
        assert_eq!(status(&store, "a"), "ready", "{options:?}: {said}");
        assert_eq!(
            store.json(&["work", "explain", "/q/a"])["attempts"],
            0,
            "the attempt does not count"
        );
    }
}

#[test]
fn a_command_that_is_not_there_burns_no_attempts() {
    let store = with_items(&["a"]);
    let run = store.run(&["work", "run", "--", "no-such-command"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(
        run.stderr.contains("cannot run no-such-command"),
        "{}",
        run.stderr
    );
    assert_eq!(status(&store, "a"), "ready");
    assert_eq!(store.json(&["work", "explain", "/q/a"])["attempts"], 0);
}

#[test]
fn several_workers_share_a_queue_without_doing_anything_twice() {
    let names: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let store = with_items(&names);
    let workers: Vec<Child> = (0..3)
        .map(|_| {
            let mut worker = store.command();
            worker.args(["work", "run", "--jobs", "2", "--drain", "--quiet", "--"]);
            worker.args(["sh", "-c", "echo $NEXUS_WORK_PATH"]);
            worker.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut done: Vec<String> = workers
        .into_iter()
        .flat_map(|worker| {
            let output = worker.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0));
            let text = String::from_utf8(output.stdout).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    done.sort();
    let mut expected: Vec<String> = names.iter().map(|name| format!("/q/{name}")).collect();
    expected.sort();
    assert_eq!(done, expected);
}

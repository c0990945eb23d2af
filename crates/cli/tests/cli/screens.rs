//! What people see on a terminal.

use crate::store::Store;
use crate::terminal::Terminal;

fn on_terminal(store: &Store, arguments: &[&str]) -> Terminal {
    Terminal::start(store.command().args(arguments))
}

/// Runs to the end, which must be a success, and returns what was sent to the terminal.
fn shown(store: &Store, arguments: &[&str]) -> String {
    let (code, raw) = on_terminal(store, arguments).finish();
    assert_eq!(code, Some(0), "{arguments:?}: {raw}");
    raw
}

#[test]
fn listings_are_coloured_and_in_columns() {
    let store = Store::new();
    for number in 0..30 {
        store.ok(&["write", &format!("/d/file-{number:02}"), "x"]);
    }
    store.ok(&["mkdir", "/d/sub"]);
    let raw = shown(&store, &["ls", "/d"]);
    assert!(raw.lines().count() < 10, "one name a line: {raw}");
    assert!(raw.contains("\x1b[1m\x1b[34msub/\x1b[0m"), "{raw:?}");
    let list = shown(&store, &["ls", "-1", "-a", "/d"]);
    assert_eq!(list.lines().count(), 31, "{list}");
    let plain = shown(&store, &["ls", "/d", "--no-color"]);
    assert!(!plain.contains('\x1b'), "{plain:?}");
    let piped = store.ok(&["ls", "/d"]);
    assert_eq!(piped.lines().count(), 31);
    assert!(!piped.contains('\x1b'));
}

#[test]
fn grep_groups_by_file_and_marks_every_match() {
    let store = Store::new();
    store.ok(&["write", "/a", "needle in a needle\n\x1b]0;evil\x07 needle"]);
    store.ok(&["write", "/b", "needle"]);
    let raw = shown(&store, &["grep", "needle"]);
    assert_eq!(raw.matches("needle\x1b[0m").count(), 4, "{raw:?}");
    assert!(
        !raw.contains("\x1b]0;"),
        "a file steers the terminal: {raw:?}"
    );
    let plain = shown(&store, &["grep", "needle", "--no-color"]);
    assert_eq!(
        plain.replace('\r', ""),
        "/a\n1:needle in a needle\n2:\\u{1b}]0;evil\\u{7} needle\n\n/b\n1:needle\n"
    );
}

#[test]
fn removing_a_tree_asks_first() {
    let store = Store::new();
    store.ok(&["write", "/t/a", "1"]);
    store.ok(&["write", "/t/b", "1"]);
    let mut terminal = on_terminal(&store, &["rm", "-r", "/t"]);
    terminal.wait_for("Remove /t with 2 files? [y/N]");
    terminal.press("n\r");
    let (code, raw) = terminal.finish();
    assert_eq!(code, Some(1), "{raw}");
    assert!(raw.contains("not removed: /t"), "{raw}");
    assert_eq!(store.ok(&["ls"]), "t/\n");
    let mut terminal = on_terminal(&store, &["rm", "-r", "/t"]);
    terminal.wait_for("[y/N]");
    terminal.press("y\r");
    assert_eq!(terminal.finish().0, Some(0));
    assert_eq!(store.ok(&["ls"]), "");
    store.ok(&["write", "/t/a", "1"]);
    assert_eq!(shown(&store, &["rm", "-rf", "/t"]), "");
}

#[test]
fn statuses_are_coloured() {
    let store = Store::new();
    store.ok(&["write", "/a", "x"]);
    store.ok(&["meta", "set", "/a", "status", "failed"]);
    let raw = shown(&store, &["work", "by-priority"]);
    assert!(raw.contains("\x1b[38;5;9mfailed"), "{raw:?}");
    assert!(raw.contains("\x1b[1mPRIORITY"), "{raw:?}");
}

#[test]
fn long_work_shows_a_bar_that_goes_away() {
    let store = Store::new();
    for number in 0..50 {
        store.host_file(&format!("t/{number}"), vec![b'x'; 50_000]);
    }
    let mut terminal = on_terminal(&store, &["put", "t", "/t"]);
    terminal.wait_for("Put 50 files");
    let screen = terminal.screen();
    assert_eq!(screen.trim(), "Put 50 files (2.4M)", "{screen}");
    let (code, raw) = terminal.finish();
    assert_eq!(code, Some(0));
    assert!(raw.contains("left"), "no bar was shown: {raw:?}");
    let quiet = shown(&store, &["get", "/t", "out", "--quiet"]);
    assert_eq!(quiet, "");
}

#[test]
fn every_look_at_a_store_works_on_a_terminal() {
    let store = Store::new();
    store.ok(&["write", "/a/f", "text"]);
    store.ok(&["meta", "set", "/a/f", "status", "ready", "tags", "[\"x\"]"]);
    store.host_file("t/f", "x");
    for arguments in [
        &["init"][..],
        &["ls", "-lh", "/a"],
        &["ls", "-R"],
        &["cat", "/a/f"],
        &["stat", "/a/f"],
        &["glob", "**"],
        &["meta", "list", "/a/f"],
        &["meta", "get", "/a/f", "status"],
        &["du", "-h"],
        &["config"],
        &["version"],
        &["put", "t", "/t"],
        &["get", "/t", "out"],
        &["export", "e.jsonl"],
        &["import", "e.jsonl"],
        &["gc"],
        &["bundle", "export", "b.bundle"],
        &["bundle", "import", "b.bundle"],
        &["backup", "copy"],
        &["verify"],
        &["duplicates"],
        &["work", "ready"],
        &["work", "status"],
        &["work", "explain", "/a/f"],
        &["work", "graph"],
        &["completions", "bash"],
        &["man"],
    ] {
        let raw = shown(&store, arguments);
        assert!(!raw.is_empty(), "{arguments:?} shows nothing");
        let json = shown(&store, &[arguments, &["--json", "--quiet"]].concat());
        serde_json::from_str::<serde_json::Value>(&json)
            .unwrap_or_else(|error| panic!("{arguments:?} --json: {error}: {json}"));
    }
}

#[test]
fn top_shows_the_queue_and_follows_it() {
    let store = Store::new();
    for name in ["run", "wait", "later"] {
        store.ok(&["write", &format!("/q/{name}"), name]);
    }
    store.ok(&[
        "meta",
        "set",
        "/q/run",
        "status",
        "in_progress",
        "worker_id",
        "worker-1",
    ]);
    store.ok(&[
        "meta",
        "set",
        "/q/wait",
        "status",
        "blocked",
        "depends_on",
        "/q/run",
    ]);
    let mut terminal = on_terminal(&store, &["work", "top", "--interval", "0.1"]);
    terminal.wait_for("1 in progress");
    terminal.wait_for("/q/run: not completed yet");
    let screen = terminal.screen();
    assert!(
        screen.contains("worker-1") && screen.contains("0 ready"),
        "{screen}"
    );
    assert!(
        screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
    store.ok(&["meta", "set", "/q/run", "status", "completed"]);
    terminal.wait_for("1 ready");
    terminal.press("p");
    terminal.wait_for("paused");
    terminal.press("q");
    let (code, raw) = terminal.finish();
    assert_eq!(code, Some(0));
    assert!(
        raw.contains("\x1b[?1049l"),
        "the screen is not given back: {raw:?}"
    );
}

#[test]
fn top_gives_the_screen_back_when_a_signal_ends_it() {
    use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGTERM};
    let store = Store::new();
    for signal in [SIGTERM, SIGHUP, SIGINT] {
        let mut terminal = on_terminal(&store, &["work", "top"]);
        terminal.wait_for("0 in progress");
        let id = nix::unistd::Pid::from_raw(terminal.process() as i32);
        nix::sys::signal::kill(id, signal).unwrap();
        let (code, raw) = terminal.finish();
        assert_eq!(code, None, "it dies by {signal}");
        assert!(
            raw.contains("\x1b[?1049l"),
            "{signal}: the screen is not given back: {raw:?}"
        );
    }
    store.fails(2, "terminal", &["work", "top"]);
    assert_eq!(store.json(&["work", "top"])["counts"]["ready"], 0);
}

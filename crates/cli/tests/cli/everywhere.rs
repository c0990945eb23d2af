//! Every command, on a terminal and in a pipe, as text and as JSON: the same answers and the same exit codes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use serde_json::Value;

use crate::store::{Run, Store, finish};
use crate::terminal::Terminal;

/// A name with what needs care in JSON, in a table and on a screen.
const ODD: &str = "/odd/[a] {b} \"c\" 'd' \\ grün 日本 🦀";

/// Makes a store with something for each command to do; `/q/held` is held under the lease 1.
fn filled() -> Store {
    let store = Store::new();
    for (path, content) in [
        (ODD, "odd words\n"),
        ("/d/a", "some words\n"),
        ("/d/same", "some words\n"),
        ("/q/held", "1"),
        ("/q/next", "2"),
        ("/q/waits", "3"),
        ("/q/idea", "4"),
    ] {
        store.ok(&["write", path, content]);
    }
    store.ok(&["mkdir", "/d/empty"]);
    store.ok(&["meta", "set", ODD, "colour", "red", "size", "[1.50, null]"]);
    store.ok(&["meta", "set", "/q/held", "status", "ready"]);
    store.ok(&["work", "claim", "--worker", "ann", "--lease", "1d"]);
    store.ok(&["meta", "set", "/q/next", "status", "ready", "priority", "2"]);
    store.ok(&[
        "meta",
        "set",
        "/q/waits",
        "status",
        "blocked",
        "depends_on",
        "/q/next",
    ]);
    store.ok(&["meta", "set", "/q/idea", "status", "pending"]);
    store.ok(&["export", "saved.jsonl", "--quiet"]);
    store.ok(&["bundle", "export", "saved.bundle", "--quiet"]);
    store.host_file("tree/one", "one");
    store.host_file("tree/sub/two", "two");
    store
}

/// Each command with its exit code.
#[rustfmt::skip]
fn commands() -> Vec<(i32, Vec<&'static str>)> {
    let commands: &[(i32, &[&str])] = &[
        (0, &["init"]),
        (0, &["ls", "-l", "/odd"]),
        (0, &["ls", "-R"]),
        (3, &["ls", "/nope"]),
        (0, &["cat", ODD]),
        (3, &["cat", "/nope"]),
        (0, &["write", "/new", "new"]),
        (1, &["write", "/d/a", "x", "--if-none-match"]),
        (2, &["write", "/line\nend", "x"]),
        (0, &["cp", ODD, "/copy"]),
        (1, &["cp", "/d", "/copy"]),
        (0, &["mv", ODD, "/moved"]),
        (3, &["mv", "/nope", "/moved"]),
        (0, &["rm", ODD]),
        (1, &["rm", "/d"]),
        (0, &["rm", "-rf", "/d"]),
        (0, &["glob", "/{odd,d}/**"]),
        (2, &["glob", "["]),
        (0, &["grep", "-l", "words"]),
        (1, &["grep", "nowhere"]),
        (2, &["grep", "("]),
        (0, &["mkdir", "/made"]),
        (1, &["mkdir", "/d"]),
        (0, &["rmdir", "/d/empty"]),
        (1, &["rmdir", "/d"]),
        (0, &["stat", ODD, "/d"]),
        (4, &["stat", "/system/x"]),
        (0, &["meta", "get", ODD, "size"]),
        (3, &["meta", "get", ODD, "nope"]),
        (0, &["meta", "set", ODD, "k", "\"v\""]),
        (2, &["meta", "set", ODD, "priority", "high"]),
        (0, &["meta", "list", ODD]),
        (0, &["meta", "rm", ODD, "colour"]),
        (3, &["meta", "rm", ODD, "nope"]),
        (0, &["meta", "find", "colour", "red"]),
        (0, &["put", "tree", "/tree"]),
        (3, &["put", "nope", "/tree"]),
        (0, &["get", "/", "out"]),
        (3, &["get", "/nope", "out"]),
        (0, &["work", "ready"]),
        (0, &["work", "pending"]),
        (0, &["work", "blocked"]),
        (0, &["work", "in-progress"]),
        (0, &["work", "by-priority"]),
        (0, &["work", "status"]),
        (0, &["work", "explain", "/q/waits"]),
        (3, &["work", "explain", "/nope"]),
        (0, &["work", "graph"]),
        (0, &["work", "graph", "--format", "mermaid"]),
        (0, &["work", "graph", "--format", "svg"]),
        (0, &["work", "claim", "--worker", "bob", "--lease", "1d"]),
        (0, &["work", "heartbeat", "/q/held", HELD]),
        (0, &["work", "complete", "/q/held", HELD, "--result", "[1]"]),
        (1, &["work", "complete", "/q/held", "7"]),
        (0, &["work", "fail", "/q/held", HELD, "why"]),
        (0, &["work", "release", "/q/held", HELD]),
        (0, &["work", "run", "--drain", "--worker", "w", "--", "true"]),
        (1, &["work", "run", "--max-items", "1", "--worker", "w", "--", "false"]),
        (0, &["export", "out.jsonl"]),
        (0, &["import", "saved.jsonl", "--mode", "remap"]),
        (3, &["import", "nope.jsonl"]),
        (0, &["bundle", "export", "out.bundle"]),
        (0, &["bundle", "import", "saved.bundle", "--mode", "remap"]),
        (1, &["bundle", "import", "saved.jsonl"]),
        (0, &["verify"]),
        (4, &["verify", "--tenant", "acme"]),
        (0, &["backup", "kept"]),
        (2, &["backup", "tree"]),
        (0, &["duplicates"]),
        (0, &["gc"]),
        (0, &["du", "-h"]),
        (0, &["config"]),
        (0, &["version"]),
        (0, &["completions", "zsh"]),
        (0, &["man"]),
        (0, &["man", "pages"]),
        (2, &["frobnicate"]),
    ];
    commands.iter().map(|(code, words)| (*code, words.to_vec())).collect()
}

/// Returns a copy of `store`, in another place.
fn copy_of(store: &Store) -> Store {
    let copy = Store::missing();
    let copied = Command::new("cp")
        .args(["-a", "--", "."])
        .arg(copy.path("."))
        .current_dir(store.path("."))
        .status();
    assert!(copied.unwrap().success());
    copy
}

/// Returns `text` without what differs from run to run: ids, times, spans, and where the store is.
fn constant(text: &str, store: &Store) -> String {
    let mut text = text.replace('\r', "");
    let place = store.path(".").canonicalize().unwrap();
    for place in [store.path(""), place] {
        let place = place.to_str().unwrap().trim_end_matches('/').to_owned();
        text = text.replace(&place, "PLACE");
    }
    for (pattern, name) in [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "ID",
        ),
        (
            r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?",
            "TIME",
        ),
        (r#""seconds":[0-9.e-]+"#, "SECONDS"),
        (r"\(\d+\.\ds\)", "(SPAN)"),
        // Tokens grow by random steps, and the column of them is as wide as the longest.
        (r#""lease":\d+"#, "\"lease\":TOKEN"),
        (r"(?m)^ *LEASE ", "LEASE "),
        (r"(?m)^ *\d+( +\S+ +\d+ +/)", "TOKEN$1"),
        (r"\b(\d+d)?\d+[smh](\d\ds)?\b", "SPAN"),
        // The seal of a bundle is over times.
        (r"\b[0-9a-f]{64}\b", "HASH"),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, name)
            .into_owned();
    }
    text
}

/// Runs the program on a terminal, and returns what was sent there.
fn on_terminal(store: &Store, arguments: &[&str]) -> (Option<i32>, String) {
    Terminal::start(store.command().args(arguments)).finish()
}

/// What a pipe got from both streams: a terminal gets them together.
fn both(run: &Run) -> String {
    format!("{}{}", run.stderr, run.text())
}

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn every_command_says_the_same_on_a_terminal_and_in_a_pipe() {
    let template = filled();
    let token = token_of_held(&template);
    let commands = commands();
    std::thread::scope(|scope| {
        for part in commands.chunks(commands.len().div_ceil(4)) {
            let (template, token) = (&template, &token);
            scope.spawn(move || {
                for (code, arguments) in part {
                    for json in [false, true] {
                        compare(template, token, *code, arguments, json);
                    }
                }
            });
        }
    });
}

/// Stands in the commands for the lease token of `/q/held`.
const HELD: &str = "TOKEN";

fn token_of_held(store: &Store) -> String {
    let running = store.json(&["work", "in-progress"]);
    let mut rows = running.as_array().unwrap().iter();
    let held = rows.find(|row| row["virtual_path"] == "/q/held").unwrap();
    held["lease"].to_string()
}

/// Runs a command in a pipe and on a terminal, each in its own copy of a store.
fn compare(template: &Store, token: &str, code: i32, arguments: &[&str], json: bool) {
    // Without the bars of long work, and in the colours of a pipe.
    let more: &[&str] = match json {
        true => &["--json", "--quiet"],
        false => &["--no-color", "--quiet"],
    };
    // What stands behind '--' is another program's.
    let at = arguments.iter().position(|word| *word == "--");
    let (own, rest) = arguments.split_at(at.unwrap_or(arguments.len()));
    let mut words = [own, more, rest].concat();
    for word in words.iter_mut().filter(|word| **word == HELD) {
        *word = token;
    }
    let (piped, shown) = (copy_of(template), copy_of(template));
    let run = finish(piped.command().args(&words));
    let (terminal_code, raw) = on_terminal(&shown, &words);
    assert_eq!(run.code, Some(code), "nexus {words:?}: {run:?}");
    assert_eq!(terminal_code, Some(code), "nexus {words:?}: {raw}");
    let (in_pipe, on_screen) = (constant(&both(&run), &piped), constant(&raw, &shown));
    assert_eq!(
        sorted_lines(&in_pipe),
        sorted_lines(&on_screen),
        "nexus {words:?} says something else on a terminal"
    );
    if code != 0 {
        assert!(
            run.stderr.starts_with("nexus: ") || run.stderr.is_empty(),
            "nexus {words:?}: {run:?}"
        );
    }
    if json && code == 0 {
        assert_json(&run.text(), &words);
    }
}

/// Each document is one of JSON; `work run` prints one a line.
fn assert_json(text: &str, words: &[&str]) {
    let documents: Vec<Value> = serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("nexus {words:?}: {error}: {text}"));
    match words.contains(&"run") {
        true => assert_eq!(
            documents.len(),
            text.lines().count(),
            "nexus {words:?}: {text}"
        ),
        false => assert_eq!(documents.len(), 1, "nexus {words:?}: {text}"),
    }
}

#[test]
fn text_and_json_tell_the_same() {
    let store = filled();
    let lines = |arguments: &[&str]| -> Vec<String> {
        store.ok(arguments).lines().map(str::to_owned).collect()
    };
    let members = |arguments: &[&str], key: &str| -> Vec<String> {
        let rows = store.json(arguments);
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row[key].as_str().unwrap().to_owned())
            .collect()
    };
    for arguments in [
        &["ls", "-R"][..],
        &["glob", "/**"],
        &["grep", "-l", "words"],
        &["meta", "find", "colour", "red"],
    ] {
        let found = lines(arguments);
        assert!(!found.is_empty());
        assert_eq!(found, members(arguments, "path"), "{arguments:?}");
    }
    for view in ["ready", "pending", "blocked", "in-progress", "by-priority"] {
        let listed: Vec<String> = lines(&["work", view])
            .iter()
            .skip(1)
            .map(|line| line.rsplit("  ").next().unwrap().to_owned())
            .collect();
        assert!(!listed.is_empty());
        assert_eq!(listed, members(&["work", view], "virtual_path"), "{view}");
    }
    assert_eq!(
        store.json(&["cat", ODD])[0]["content"],
        store.ok(&["cat", ODD])
    );
    assert_eq!(store.json(&["stat", ODD])["path"], ODD);
    assert!(store.ok(&["stat", ODD]).contains(ODD));
    assert_eq!(
        store.json(&["meta", "list", ODD])["colour"],
        store
            .ok(&["meta", "get", "--raw", ODD, "colour"])
            .trim_end()
    );
    assert_eq!(store.ok(&["meta", "get", ODD, "size"]), "[1.50, null]\n");
    let usage = store.json(&["du"]);
    let files = usage["store"]["files"].to_string();
    assert!(
        store.ok(&["du"]).contains(&format!("{files} files in ")),
        "{usage}"
    );
}

/// A command that is added has to be tried above.
#[test]
fn no_command_is_left_out() {
    let store = Store::missing();
    let pages = store.json(&["man", "pages"])["pages"].clone();
    let pages: BTreeSet<String> = pages
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|page| page.as_str().unwrap().strip_prefix("nexus-"))
        .map(|page| Path::new(page).with_extension("").display().to_string())
        .collect();
    let is_group = |page: &String| {
        let below = format!("{page}-");
        pages.iter().any(|other| other.starts_with(&below))
    };
    let tried: BTreeSet<String> = commands()
        .into_iter()
        .flat_map(|(_, words)| [words[0].to_owned(), words[..words.len().min(2)].join("-")])
        .collect();
    let left: Vec<&String> = pages
        .iter()
        .filter(|page| !is_group(page) && !tried.contains(*page))
        .collect();
    // It never ends, and has tests of its own.
    assert_eq!(left, ["work-top"]);
}

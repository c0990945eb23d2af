//! What goes wrong: exit codes, and one line on stderr.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::store::{Store, difference, finish};

#[test]
fn exit_codes_tell_what_went_wrong() {
    let store = Store::new();
    store.ok(&["write", "/file", "x"]);
    store.fails(3, "/nope", &["cat", "/nope"]);
    store.fails(3, "/nope", &["stat", "/nope"]);
    store.fails(3, "/nope", &["ls", "/nope"]);
    store.fails(3, "/nope", &["get", "/nope", "out"]);
    store.fails(3, "nope", &["put", "nope", "/x"]);
    store.fails(3, "nope", &["write", "/x", "--file", "nope"]);
    store.fails(1, "/file", &["write", "/file/x", "y"]);
    store.fails(1, "/", &["cat", "/"]);
    store.fails(4, "system", &["ls", "/system"]);
    store.fails(
        4,
        "/workspace/rival/bot/f",
        &[
            "--tenant",
            "acme",
            "--agent",
            "bot",
            "write",
            "/workspace/rival/bot/f",
            "x",
        ],
    );
    store.fails(
        4,
        "archives",
        &["--admin", "write", "/archives/acme/f", "x"],
    );
    store.fails(2, "frobnicate", &["frobnicate"]);
    store.fails(2, "--colour", &["ls", "--colour"]);
    store.fails(2, "PATH", &["cat"]);
    store.fails(2, "nexus --help", &[]);
    store.fails(2, "in-progress", &["work"]);
}

#[test]
fn misspelt_commands_and_options_are_recognised() {
    let store = Store::missing();
    store.fails(2, "'grep'", &["gerp", "x"]);
    store.fails(2, "'by-priority'", &["work", "by-prio"]);
    store.fails(2, "'--recursive'", &["ls", "--recursiv"]);
    store.fails(2, "'overwrite'", &["import", "x", "--mode", "overwrit"]);
}

#[test]
fn looking_makes_no_store() {
    let store = Store::missing();
    for command in [
        &["ls"][..],
        &["cat", "/a"],
        &["rm", "-rf", "/a"],
        &["work", "ready"],
        &["export", "x"],
        &["gc"],
        &["verify"],
        &["backup", "x"],
        &["bundle", "export", "x"],
        &["duplicates"],
        &["du"],
        &["get", "/", "out"],
    ] {
        store.fails(3, "nexus init", command);
    }
    assert!(!store.path("nexus-data").exists());
    store.ok(&["write", "/a", "x"]);
    assert_eq!(store.ok(&["ls"]), "a\n");
}

#[test]
fn what_the_host_refuses_has_its_own_code() {
    let store = Store::new();
    store.ok(&["write", "/a", "x"]);
    for arguments in [
        &["export", "none/x"][..],
        &["bundle", "export", "none/x"],
        &["work", "graph", "--output", "none/x"],
    ] {
        store.fails(3, "none/x: No such file or directory", arguments);
    }
    let closed = store.host_file("closed/data/metadata.db", "");
    store.host_file("closed/file", "x");
    fs::set_permissions(store.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    for arguments in [
        &["export", "closed/x"][..],
        &["bundle", "export", "closed/x"],
        &["backup", "closed/x"],
        &["put", "closed", "/x"],
        &["get", "/a", "closed/x"],
        &["write", "/x", "--file", "closed/file"],
        &["--data-dir", "closed/data", "ls"],
        &["--data-dir", "closed/new", "init"],
    ] {
        let run = finish(without_privileges(&store.command()).args(arguments));
        assert_eq!(run.code, Some(4), "{arguments:?}: {run:?}");
        assert!(
            run.stderr.contains("ermission denied") && !run.stderr.contains("os error"),
            "{arguments:?}: {run:?}"
        );
    }
    fs::set_permissions(store.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(fs::read(closed).unwrap(), b"", "it was opened");
}

/// Returns the program as one that permissions hold for, even if root runs it.
fn without_privileges(command: &Command) -> Command {
    let mut limited = match rustix::process::geteuid().is_root() {
        false => Command::new(command.get_program()),
        true => {
            let mut limited = Command::new("setpriv");
            limited.arg("--bounding-set=-dac_override,-dac_read_search");
            limited.arg(command.get_program());
            limited
        }
    };
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    limited
}

#[test]
fn one_bad_operand_does_not_keep_the_others_out() {
    let store = Store::new();
    store.ok(&["write", "/a", "A"]);
    store.ok(&["write", "/b", "B"]);
    let run = store.run(&["cat", "/a", "/nope", "/b"]);
    assert_eq!((run.code, run.text().as_str()), (Some(3), "AB"));
    assert_eq!(run.stderr, "nexus: no such file or directory: /nope\n");
    let run = store.run(&["stat", "/nope", "/a", "--json"]);
    let rows: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((run.code, rows[0]["path"].as_str()), (Some(3), Some("/a")));
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let store = Store::new();
    store.ok(&["write", "/a", "x"]);
    for arguments in [&["cat", "/a"][..], &["ls", "--json"], &["version"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = finish(
            store
                .command()
                .args(arguments)
                .stdout(full)
                .stderr(Stdio::piped()),
        );
        assert_eq!(run.code, Some(1), "{arguments:?}");
        assert!(
            run.stderr.contains("No space left"),
            "{arguments:?}: {}",
            run.stderr
        );
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let store = Store::new();
    assert_eq!(
        store.feed(&["write", "/big"], &vec![b'x'; 4 << 20]).code,
        Some(0)
    );
    let mut child = store
        .command()
        .args(["cat", "/big"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_host_name_cannot_steer_the_terminal() {
    let store = Store::new();
    store.host_file("tree/evil\x1b[31m\nname", "x");
    let run = store.run(&["put", "tree", "/t"]);
    assert_eq!(run.code, Some(0));
    assert!(
        run.stderr.contains(r"evil\u{1b}[31m\nname"),
        "{:?}",
        run.stderr
    );
    assert!(!run.stderr.contains('\x1b'), "{:?}", run.stderr);
}

/// Runs the program with a stdout that nobody reads.
fn unheard(store: &Store, arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let run = finish(store.command().args(arguments).stdout(writer));
    (run.code, run.stderr)
}

#[test]
fn what_changes_something_is_finished_though_nobody_listens() {
    let store = Store::new();
    // More than one batch, and more than the buffer of stdout holds.
    let names: Vec<String> = (0..1300)
        .map(|number| format!("{number:04}{}", "-".repeat(60)))
        .collect();
    for name in &names {
        store.host_file(&format!("tree/{name}"), name);
    }
    let silence = (Some(0), String::new());
    assert_eq!(unheard(&store, &["put", "-v", "tree", "/t"]), silence);
    assert_eq!(unheard(&store, &["get", "-v", "/t", "back"]), silence);
    assert_eq!(
        difference(&store.path("tree"), &store.path("back")),
        "",
        "some were left out"
    );
    let paths: Vec<String> = names.iter().map(|name| format!("/t/{name}")).collect();
    let mut remove = vec!["rm", "--json"];
    remove.extend(paths.iter().map(String::as_str));
    assert_eq!(unheard(&store, &remove), silence);
    assert_eq!(store.ok(&["ls", "-R"]), "");
    // A disk that is full is told of, but in the end.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let arguments = ["put", "-v", "tree", "/t"];
    let run = finish(store.command().args(arguments).stdout(full));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("No space left"), "{run:?}");
    assert_eq!(store.ok(&["ls", "-R"]).lines().count(), names.len());
}

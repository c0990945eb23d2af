//! `verify`, `backup`, `bundle`, `duplicates`.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::store::{Store, difference};
use crate::terminal::Terminal;

/// Makes a store with a file in the database, a large one, metadata and a dependency.
fn filled() -> Store {
    let store = Store::new();
    store.ok(&["write", "/in/small", "small"]);
    store.ok(&["write", "/in/copy", "small"]);
    store.ok(&["write", "/in/large", &"large ".repeat(20_000)]);
    store.ok(&["mkdir", "/in/empty"]);
    store.ok(&["write", "/out", "out"]);
    store.ok(&[
        "meta",
        "set",
        "/in/small",
        "status",
        "ready",
        "tags",
        "[\"a\"]",
    ]);
    store.ok(&[
        "meta",
        "set",
        "/in/copy",
        "status",
        "blocked",
        "depends_on",
        "/in/small",
    ]);
    store
}

/// Flips a byte in the file that holds the content of /in/large.
fn damage(store: &Store) {
    let etag = store.json(&["stat", "/in/large"])["etag"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut found: Option<PathBuf> = None;
    let mut directories = vec![store.path("nexus-data")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => directories.push(path),
                false if path.to_str().unwrap().contains(&etag[2..]) => found = Some(path),
                false => {}
            }
        }
    }
    let path = found.expect("the large content is a file of its own");
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_bundle_moves_files_with_all_that_belongs_to_them() {
    let store = filled();
    let told = store.ok(&["bundle", "export", "all.bundle"]);
    assert!(
        told.starts_with("Bundled 4 files with 3 contents (118K) in all.bundle\nsha256 "),
        "{told}"
    );
    store.ok(&["bundle", "export", "again.bundle", "--quiet"]);
    let bytes = fs::read(store.path("all.bundle")).unwrap();
    assert!(
        bytes == fs::read(store.path("again.bundle")).unwrap(),
        "the same store gives other bytes"
    );
    let other = ["--data-dir", "other"];
    let report = store.json(&[&other[..], &["bundle", "import", "all.bundle"]].concat());
    assert_eq!(
        (&report["created"], &report["skipped"]),
        (&json!(4), &json!(0))
    );
    store.ok(&["get", "/", "one"]);
    store.ok(&[&other[..], &["get", "/", "two"]].concat());
    assert_eq!(difference(&store.path("one"), &store.path("two")), "");
    assert!(store.path("two/in/empty").is_dir());
    let here = store.json(&["meta", "list", "/in/copy"]);
    assert_eq!(
        store.json(&[&other[..], &["meta", "list", "/in/copy"]].concat()),
        here
    );
    let part = store.json(&["bundle", "export", "part.bundle", "--prefix", "/in/s"]);
    assert_eq!(part["files"], 1);
    let told = store.ok(&["bundle", "import", "all.bundle", "--mode", "skip"]);
    assert!(
        told.ends_with("0 created, 0 updated, 4 skipped, 0 remapped\n"),
        "{told}"
    );
}

#[test]
fn a_bundle_that_was_changed_is_refused() {
    let store = filled();
    store.ok(&["bundle", "export", "good.bundle"]);
    let mut bytes = fs::read(store.path("good.bundle")).unwrap();
    bytes.truncate(bytes.len() / 2);
    store.host_file("cut.bundle", bytes);
    store.host_file("text.bundle", "no bundle");
    store.fails(
        1,
        "bundle",
        &["--data-dir", "new", "bundle", "import", "cut.bundle"],
    );
    store.fails(
        1,
        "text.bundle",
        &["--data-dir", "new", "bundle", "import", "text.bundle"],
    );
    store.fails(
        3,
        "gone.bundle",
        &["--data-dir", "new", "bundle", "import", "gone.bundle"],
    );
    assert_eq!(store.json(&["--data-dir", "new", "ls", "-R"]), json!([]));
}

#[test]
fn a_backup_is_a_store_and_is_brought_up_to_date() {
    let store = filled();
    let report = store.json(&["backup", "copy"]);
    assert_eq!(
        (&report["files"], &report["damaged_count"]),
        (&json!(4), &json!(0))
    );
    store.ok(&["write", "/late", "late"]);
    let told = store.ok(&["backup", "copy"]);
    assert!(
        told.starts_with("Copied 0 contents (0) to copy: 5 files, 1 unchanged"),
        "{told}"
    );
    let copy = ["--data-dir", "copy"];
    assert_eq!(store.ok(&[&copy[..], &["cat", "/late"]].concat()), "late");
    let checked = store.ok(&[&copy[..], &["verify"]].concat());
    assert!(checked.contains("nothing is wrong"), "{checked}");
    store.host_file("full/of/things", "x");
    let run = store.run(&["backup", "full"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    store.fails(4, "backup", &["backup", "copy2", "--tenant", "acme"]);
}

#[test]
fn verify_finds_damage_and_repair_mends_it() {
    let store = filled();
    let told = store.ok(&["verify"]);
    assert!(
        told.starts_with("Checked 6 paths and 3 contents (118K): nothing is wrong\n"),
        "{told}"
    );
    damage(&store);
    assert_eq!(
        store.run(&["verify", "--quick"]).code,
        Some(0),
        "the length is right"
    );
    let run = store.run(&["verify"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    assert!(
        run.text().contains("damaged_content  /in/large"),
        "{}",
        run.text()
    );
    let run = store.run(&["verify", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((run.code, &report["error_count"]), (Some(1), &json!(1)));
    assert_eq!(report["errors"][0]["path"], "/in/large");
    store.fails(1, "/in/large", &["grep", "nothing", "/in/large"]);

    let run = store.run(&["verify", "--repair"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stderr.starts_with("nexus: repair content "),
        "it does not say what it does: {}",
        run.stderr
    );
    assert!(
        run.text().contains("/in/large"),
        "it does not list what is lost: {}",
        run.text()
    );
    assert_eq!(store.run(&["cat", "/in/large"]).code, Some(3));
    assert_eq!(store.ok(&["cat", "/in/small"]), "small");
    store.ok(&["verify"]);
    store.fails(2, "--repair", &["verify", "--yes"]);
    store.fails(4, "verify", &["verify", "--tenant", "acme"]);
}

#[test]
fn a_repair_asks_on_a_terminal() {
    let store = filled();
    damage(&store);
    let mut terminal = Terminal::start(store.command().args(["verify", "--repair"]));
    terminal.wait_for("Mend 1 error?");
    assert!(
        terminal.screen().contains("damaged_content"),
        "{}",
        terminal.screen()
    );
    terminal.press("n\r");
    let (code, raw) = terminal.finish();
    assert_eq!(code, Some(1), "{raw}");
    assert!(raw.contains("nothing was repaired"), "{raw}");
    assert_eq!(store.run(&["verify"]).code, Some(1));
    let (code, raw) =
        Terminal::start(store.command().args(["verify", "--repair", "--yes"])).finish();
    assert_eq!(code, Some(0), "{raw}");
    store.ok(&["verify"]);
}

#[test]
fn a_signal_ends_a_repair_that_asks() {
    let store = filled();
    damage(&store);
    let mut terminal = Terminal::start(store.command().args(["verify", "--repair"]));
    terminal.wait_for("Mend 1 error?");
    let id = nix::unistd::Pid::from_raw(terminal.process() as i32);
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    let (code, raw) = terminal.finish();
    assert_eq!(code, None, "it dies by the signal: {raw}");
    assert_eq!(store.run(&["verify"]).code, Some(1), "nothing was repaired");
}

#[test]
fn duplicates_are_listed_by_what_they_save() {
    let store = filled();
    store.ok(&["cp", "/in/large", "/large too"]);
    assert_eq!(
        store.ok(&["duplicates"]),
        "2 files of 118K: 118K saved\n  /in/large\n  /large too\n\
         2 files of 5: 5 saved\n  /in/copy\n  /in/small\n\
         2 duplicates in 2 groups would take 118K more elsewhere\n"
    );
    let report = store.json(&["find-duplicates", "/in/"]);
    assert_eq!(
        (&report["group_count"], &report["wasted_bytes"]),
        (&json!(1), &json!(5))
    );
    assert_eq!(
        report["groups"][0]["paths"],
        json!(["/in/copy", "/in/small"])
    );
}

/// Whoever closes the pipe early, as `head` does, still gets the exit code.
#[test]
fn damage_is_told_by_the_exit_code_even_unheard() {
    let store = filled();
    let unheard = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = store
            .command()
            .args(arguments)
            .stdout(writer)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        child.wait().unwrap().code()
    };
    assert_eq!(unheard(&["verify"]), Some(0));
    damage(&store);
    assert_eq!(unheard(&["verify"]), Some(1));
    assert_eq!(unheard(&["verify", "--json"]), Some(1));
    assert_eq!(unheard(&["backup", "copy"]), Some(1));
    assert_eq!(unheard(&["backup", "copy", "--json"]), Some(1));
    assert_eq!(unheard(&["verify", "--repair"]), Some(0));
    assert_eq!(store.run(&["cat", "/in/large"]).code, Some(3));
}

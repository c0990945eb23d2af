//! The files of the store that a command has open: neither read as a host's files nor written over.
//!
//! Closing one of them would take the process's locks off the database.

use std::collections::BTreeSet;
use std::fs::{self, hard_link};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::store::{Store, finish};

#[test]
fn put_leaves_the_store_itself_out() {
    let store = Store::new();
    store.host_file("notes/a", "a");
    hard_link(
        store.path("nexus-data/metadata.db"),
        store.path("notes/linked.db"),
    )
    .unwrap();
    let run = store.run(&["put", ".", "/all"]);
    assert_eq!(
        (run.code, run.text().as_str()),
        (Some(0), "Put 1 file (1), 2 skipped\n"),
        "{run:?}"
    );
    assert_eq!(
        run.stderr,
        "nexus: skipped ./nexus-data: the store itself\n\
         nexus: skipped ./notes/linked.db: the store itself\n"
    );
    assert_eq!(store.ok(&["ls", "-R"]), "/all/notes/a\n");
}

#[test]
fn a_database_and_a_mount_elsewhere_are_left_out_as_well() {
    let store = Store::missing();
    store.host_file(
        "nexus.yaml",
        "db_path: here/index.db\nmounts: [{name: big, path: /big, backend: local, root: here/big}]\n",
    );
    store.ok(&["write", "/big/x", "x"]);
    store.host_file("here/file", "f");
    let run = store.run(&["put", "here", "/h"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(store.ok(&["ls", "-R", "/h"]), "/h/file\n", "{run:?}");
}

#[test]
fn what_is_named_in_the_store_itself_is_refused() {
    let store = Store::new();
    store.ok(&["write", "/f", "x"]);
    symlink(store.path("nexus-data"), store.path("link")).unwrap();
    hard_link(
        store.path("nexus-data/metadata.db"),
        store.path("linked.db"),
    )
    .unwrap();
    fs::create_dir(store.path("pages")).unwrap();
    symlink("../nexus-data/lock", store.path("pages/nexus.1")).unwrap();
    let before = fs::read(store.path("nexus-data/metadata.db")).unwrap();
    for arguments in [
        &["put", "nexus-data", "/x"][..],
        &["put", "nexus-data/cas", "/x"],
        &["put", "link/metadata.db", "/x"],
        &["write", "/x", "--file", "nexus-data/metadata.db"],
        &["get", "/f", "nexus-data/metadata.db"],
        &["get", "/", "link/cas/00"],
        &["export", "nexus-data/metadata.db"],
        &["bundle", "export", "link/metadata.db"],
        &["work", "graph", "-o", "nexus-data/metadata.db"],
        &["work", "graph", "-o", "linked.db"],
        &["man", "nexus-data/cas"],
        &["man", "--output", "pages"],
    ] {
        store.fails(2, "belongs to the store itself", arguments);
    }
    assert!(before == fs::read(store.path("nexus-data/metadata.db")).unwrap());
    assert_eq!(store.ok(&["ls", "-R"]), "/f\n");
    // What somebody else put beside it, in the same directory, may be read.
    store.host_file("nexus-data/mine", "mine");
    store.ok(&["put", "nexus-data/mine", "/mine"]);
}

#[test]
fn nothing_is_written_over_another_store() {
    let store = Store::new();
    store.ok(&["write", "/f", "x"]);
    store.ok(&["--data-dir", "other", "init"]);
    for target in ["other/nexus-store", "other/metadata.db", "other/cas/x"] {
        for arguments in [
            &["get", "/f", target][..],
            &["export", target],
            &["bundle", "export", target],
            &["work", "graph", "-o", target],
        ] {
            store.fails(2, "belongs to a store", arguments);
        }
    }
    store.ok(&["--data-dir", "other", "verify"]);
}

#[test]
fn nothing_is_written_into_the_directory_of_the_store() {
    let store = Store::new();
    store.ok(&["write", "/f", "x"]);
    store.ok(&["write", "/nexus-data/x", "x"]);
    symlink(store.path("nexus-data"), store.path("link")).unwrap();
    let names = || -> BTreeSet<_> {
        let entries = fs::read_dir(store.path("nexus-data")).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = names();
    for arguments in [
        &["get", "/", "nexus-data/x"][..],
        &["get", "/f", "nexus-data/x"],
        &["get", "/", "nexus-data/x/y"],
        &["get", "/", "link/x"],
        &["get", "/", "missing/../nexus-data/x"],
        &["get", "/nexus-data", "/f", "."],
        &["export", "nexus-data/x"],
        &["bundle", "export", "link/x"],
        &["work", "graph", "-o", "nexus-data/x"],
        &["man", "nexus-data/x"],
    ] {
        store.fails(2, "belongs to the store itself", arguments);
    }
    assert_eq!(names(), before);
    assert!(!store.path("missing").exists());
}

#[test]
fn get_does_not_write_over_the_store_it_reads() {
    let store = Store::new();
    store.ok(&["write", "/nexus-data/metadata.db", "no database"]);
    store.ok(&["write", "/nexus-data/cas/x", "no content"]);
    store.ok(&["write", "/plain", "plain"]);
    let run = store.run(&["get", "/", "."]);
    assert_eq!(run.code, Some(1), "{run:?}");
    for path in ["nexus-data", "nexus-data/metadata.db", "nexus-data/cas/x"] {
        let refused = format!("/{path}: it belongs to the store itself\n");
        assert!(run.stderr.contains(&refused), "{path}: {run:?}");
    }
    assert_eq!(fs::read(store.path("plain")).unwrap(), b"plain");
    store.ok(&["verify"]);
}

#[test]
fn init_takes_over_no_directory_of_others() {
    let store = Store::missing();
    let thesis = store.host_file("p/tmp/thesis.txt", "years of work");
    store.fails(2, "tmp/", &["--data-dir", "p", "init"]);
    assert_eq!(fs::read_to_string(&thesis).unwrap(), "years of work");
    let made: Vec<_> = fs::read_dir(store.path("p")).unwrap().collect();
    assert_eq!(made.len(), 1, "{made:?}");
    fs::rename(store.path("p/tmp"), store.path("photos")).unwrap();
    symlink("../photos", store.path("p/tmp")).unwrap();
    store.fails(2, "symbolic link", &["--data-dir", "p", "init"]);
    assert!(store.path("photos/thesis.txt").exists());
    fs::remove_file(store.path("p/tmp")).unwrap();
    store.ok(&["--data-dir", "p", "init"]);
    let note = store.host_file("p/tmp/note", "mine");
    store.ok(&["--data-dir", "p", "gc", "--quiet"]);
    store.ok(&["--data-dir", "p", "verify", "--repair", "--quiet"]);
    assert!(note.exists());
}

#[test]
fn what_commands_make_is_for_its_owner_alone() {
    for umask in ["0000", "0777"] {
        let store = Store::missing();
        let large = "x".repeat(100_000);
        store.host_file("large", &large);
        for arguments in [
            "init",
            "write /a small",
            "write /large --file large",
            "export lines.jsonl",
            "import lines.jsonl",
            "bundle export all.bundle",
            "bundle import all.bundle",
            "backup copy",
            "verify",
            "gc",
        ] {
            let mut command = Command::new("sh");
            command
                .arg("-c")
                .arg(format!(
                    "umask {umask}; exec {} -q {arguments}",
                    env!("CARGO_BIN_EXE_nexus")
                ))
                .current_dir(store.path("."))
                .env_clear()
                .env("NEXUS_DURABILITY", "normal");
            let run = finish(&mut command);
            assert_eq!(
                run.code,
                Some(0),
                "umask {umask}, {arguments}: {}",
                run.stderr
            );
        }
        for made in ["nexus-data", "copy", "lines.jsonl", "all.bundle"] {
            assert_private(&store.path(made));
        }
    }
}

fn assert_private(path: &Path) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
    let mode = metadata.permissions().mode() & 0o777;
    assert_eq!(mode, expected, "{}: {mode:o}", path.display());
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            assert_private(&entry.unwrap().path());
        }
    }
}

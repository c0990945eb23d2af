//! `put` and `get`: trees of the host, in and out.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::store::{Store, difference, finish};

/// Makes a tree of `files` files of all sizes, with empty directories, programs and old times.
fn make_tree(root: &Path, files: usize) {
    let old = SystemTime::UNIX_EPOCH + Duration::new(981_173_106, 123_456_789);
    for number in 0..files {
        let directory = root.join(format!("d{}/e {}", number % 7, number % 31));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join(format!("datei-{number}-ü.txt"));
        // Sizes around what stays in the database, what is batched, and what is streamed.
        let size = match number % 97 {
            0 => 1_500_000,
            1 => 1024 * 1024,
            2 => 70_000,
            3 => 0,
            rest => rest * 13,
        };
        let content: Vec<u8> = (0..size).map(|at| (at * 31 + number) as u8).collect();
        fs::write(&path, content).unwrap();
        if number % 5 == 0 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(old + Duration::from_millis(number as u64))
            .unwrap();
    }
    fs::create_dir_all(root.join("empty/deep")).unwrap();
}

/// Returns path, time and execute bit of every file in the tree at `root`.
fn traits(root: &Path) -> Vec<(String, i64, i64, bool)> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                directories.push(entry.path());
                continue;
            }
            let path = entry.path().strip_prefix(root).unwrap().to_owned();
            let name = path.to_str().unwrap().to_owned();
            found.push((
                name,
                metadata.mtime(),
                metadata.mtime_nsec(),
                metadata.mode() & 0o100 != 0,
            ));
        }
    }
    found.sort();
    found
}

#[test]
fn a_tree_comes_back_as_it_was() {
    let store = Store::new();
    let tree = store.path("tree");
    make_tree(&tree, 400);
    let told = store.json(&["put", "tree", "/kept/tree"]);
    assert_eq!(
        (&told["copied"], &told["unchanged"]),
        (&json!(400), &json!(0))
    );
    let told = store.json(&["get", "/kept/tree", "back"]);
    assert_eq!(told["copied"], 400);
    assert_eq!(difference(&tree, &store.path("back")), "");
    assert_eq!(traits(&tree), traits(&store.path("back")));

    let again = store.ok(&["put", "tree", "/kept/tree"]);
    assert_eq!(again, "Put 0 files (0), 400 unchanged\n");
    let again = store.ok(&["get", "/kept/tree", "back"]);
    assert_eq!(again, "Got 0 files (0), 400 unchanged\n");
    assert_eq!(
        store.ok(&["get", "/kept/tree", "back", "--checksum"]),
        again
    );
}

#[test]
fn only_what_changed_is_copied() {
    let store = Store::new();
    store.host_file("t/same", "same");
    store.host_file("t/touched", "touched");
    store.host_file("t/changed", "old");
    store.ok(&["put", "t", "/t"]);
    store.ok(&["get", "/t", "back"]);
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let file = File::options()
        .write(true)
        .open(store.path("t/touched"))
        .unwrap();
    file.set_modified(later).unwrap();
    store.host_file("t/changed", "newer");
    let told = store.ok(&["put", "-v", "t", "/t"]);
    assert_eq!(
        told,
        "t/changed -> /t/changed\nt/touched -> /t/touched\n\
         Put 1 file (5), 1 unchanged, 1 with new time or mode only\n"
    );
    assert_eq!(store.json(&["stat", "/t/touched"])["version"], 1);
    // A change in the store of the same length must not be taken for what was put.
    store.ok(&["write", "/t/same", "SAME"]);
    let told = store.json(&["put", "t", "/t"]);
    assert_eq!(told["copied"], 1);
    assert_eq!(store.ok(&["cat", "/t/same"]), "same");
    assert_eq!(store.json(&["get", "/t", "back"])["copied"], 2);
    assert_eq!(difference(&store.path("t"), &store.path("back")), "");
}

#[test]
fn a_file_changed_in_the_store_comes_out_with_the_time_of_that_change() {
    let store = Store::new();
    let path = store.host_file("f", "old");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(old)
        .unwrap();
    store.ok(&["put", "f", "/f"]);
    store.ok(&["get", "/f", "out"]);
    assert_eq!(
        fs::metadata(store.path("out")).unwrap().mtime(),
        1_000_000_000
    );
    store.ok(&["write", "/f", "new"]);
    store.ok(&["get", "/f", "out"]);
    assert!(fs::metadata(store.path("out")).unwrap().mtime() > 1_000_000_000);
    assert_eq!(fs::read(store.path("out")).unwrap(), b"new");
}

#[test]
fn what_a_store_cannot_hold_is_skipped_and_told() {
    let store = Store::new();
    store.host_file("t/good", "x");
    store.host_file("t/new\nline", "x");
    store.host_file("t/e\u{301}", "decomposed");
    symlink("/etc", store.path("t/link")).unwrap();
    let raw = std::ffi::OsStr::from_bytes(b"raw\xff");
    fs::write(store.path("t").join(raw), "x").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(store.path("t/socket")).unwrap();
    let run = store.run(&["put", "t", "/t", "--json"]);
    assert_eq!(run.code, Some(0));
    let told: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(told["copied"], 1);
    let reasons: Vec<&str> = told["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skipped| skipped["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "a name must be in Unicode normalisation form C",
            "a symbolic link",
            "a control character is not allowed",
            "the name is not UTF-8",
            "a socket",
        ]
    );
    assert_eq!(run.stderr.lines().count(), 5, "{}", run.stderr);
    assert_eq!(store.ok(&["ls", "-R"]), "/t/good\n");
}

#[test]
fn a_dry_run_changes_nothing() {
    let store = Store::new();
    store.host_file("t/a/f", "1");
    let told = store.ok(&["put", "--dry-run", "t", "/t"]);
    assert_eq!(told, "t/a/f -> /t/a/f\nWould have put 1 file (1)\n");
    assert_eq!(store.ok(&["ls"]), "");
    store.ok(&["put", "t", "/t"]);
    let told = store.ok(&["get", "-n", "/t", "out"]);
    assert_eq!(told, "/t/a/f -> out/a/f\nWould have got 1 file (1)\n");
    assert!(!store.path("out").exists());
}

#[test]
fn globs_leave_things_out() {
    let store = Store::new();
    for name in [
        "t/a.o",
        "t/src/b.o",
        "t/src/b.c",
        "t/target/x/y",
        "t/docs/p.pdf",
        "t/src/docs/q.pdf",
    ] {
        store.host_file(name, "x");
    }
    let out = [
        "--exclude",
        "*.o",
        "--exclude",
        "target",
        "--exclude",
        "docs/*.pdf",
    ];
    store.ok(&[&["put", "t", "/t"], &out[..]].concat());
    assert_eq!(store.ok(&["ls", "-R"]), "/t/src/b.c\n/t/src/docs/q.pdf\n");
    assert_eq!(store.run(&["stat", "/t/target"]).code, Some(3));
    store.ok(&["put", "t", "/all"]);
    store.ok(&[&["get", "/all", "back"], &out[..]].concat());
    assert!(store.path("back/src/b.c").exists() && !store.path("back/target").exists());
    assert!(!store.path("back/a.o").exists() && !store.path("back/docs/p.pdf").exists());
    store.fails(2, "--exclude", &["put", "t", "/t", "--exclude", "[a"]);
}

#[test]
fn globs_that_leave_things_out_are_the_file_patterns_of_grep() {
    let store = Store::new();
    for name in [
        "t/build/x",
        "t/src/build/y",
        "t/src/out/build",
        "t/é.o",
        "t/é1.o",
    ] {
        store.host_file(name, "x");
    }
    // A slash at the end means directories, at any depth; one at the beginning, the top.
    for (exclude, left) in [
        ("build/", "/t/src/out/build\n/t/é.o\n/t/é1.o\n"),
        ("build", "/t/é.o\n/t/é1.o\n"),
        (
            "/build",
            "/t/src/build/y\n/t/src/out/build\n/t/é.o\n/t/é1.o\n",
        ),
        ("{?.o,src/**}", "/t/build/x\n/t/é1.o\n"),
    ] {
        store.ok(&["put", "t", "/t", "--exclude", exclude]);
        assert_eq!(
            store.ok(&["ls", "-R", "/t"]),
            left,
            "put --exclude {exclude}"
        );
        store.ok(&["rm", "-rf", "/t"]);
        store.ok(&["put", "t", "/all"]);
        store.ok(&["get", "/all", "back", "--exclude", exclude]);
        store.ok(&["put", "back", "/t"]);
        assert_eq!(
            store.ok(&["ls", "-R", "/t"]),
            left,
            "get --exclude {exclude}"
        );
        store.ok(&["rm", "-rf", "/t"]);
        std::fs::remove_dir_all(store.path("back")).unwrap();
    }
}

#[test]
fn files_and_several_sources_go_where_cp_would_put_them() {
    let store = Store::new();
    store.host_file("one.txt", "1");
    store.host_file("two/x", "2");
    store.ok(&["put", "one.txt", "/renamed"]);
    store.ok(&["put", "one.txt", "/dir/"]);
    store.ok(&["put", "one.txt", "two", "/both"]);
    assert_eq!(
        store.ok(&["ls", "-R"]),
        "/both/one.txt\n/both/two/x\n/dir/one.txt\n/renamed\n"
    );
    store.ok(&["get", "/renamed", "plain"]);
    store.ok(&["get", "/renamed", "/both", "several"]);
    store.ok(&["get", "/renamed", "two"]);
    for (path, content) in [
        ("plain", "1"),
        ("several/renamed", "1"),
        ("several/both/two/x", "2"),
        ("two/renamed", "1"),
    ] {
        assert_eq!(
            fs::read_to_string(store.path(path)).unwrap(),
            content,
            "{path}"
        );
    }
}

#[test]
fn get_never_leaves_its_target() {
    let store = Store::new();
    let outside = store.path("outside");
    fs::create_dir(&outside).unwrap();
    store.host_file("outside/file", "untouched");
    store.ok(&["write", "/t/dir/file", "written"]);
    store.ok(&["write", "/t/plain", "written"]);
    fs::create_dir(store.path("out")).unwrap();
    symlink(&outside, store.path("out/dir")).unwrap();
    symlink(outside.join("file"), store.path("out/plain")).unwrap();
    let run = store.run(&["get", "/t", "out"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("out/dir"), "{}", run.stderr);
    assert_eq!(
        fs::read_to_string(outside.join("file")).unwrap(),
        "untouched"
    );
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    // The link at a file's place is replaced, not followed.
    assert!(
        fs::symlink_metadata(store.path("out/plain"))
            .unwrap()
            .is_file()
    );
    let left: Vec<_> = fs::read_dir(store.path("out")).unwrap().collect();
    assert_eq!(left.len(), 2, "something temporary was left: {left:?}");
}

#[test]
fn files_and_directories_in_each_others_place_are_told() {
    let store = Store::new();
    store.host_file("t/x/y", "1");
    store.host_file("t/z", "1");
    store.ok(&["write", "/t/x", "a file"]);
    store.ok(&["mkdir", "-p", "/t/z"]);
    let run = store.run(&["put", "t", "/t"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stderr.contains("/t/x") && run.stderr.contains("/t/z"),
        "{}",
        run.stderr
    );
    fs::create_dir_all(store.path("out/x")).unwrap();
    let run = store.run(&["get", "/t", "out"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("out/x"), "{}", run.stderr);
}

#[test]
fn a_link_that_is_named_as_the_source_is_followed() {
    let store = Store::new();
    store.host_file("real/f", "content");
    symlink("real/f", store.path("file")).unwrap();
    symlink("real", store.path("directory")).unwrap();
    symlink("nowhere", store.path("dangling")).unwrap();
    store.ok(&["put", "file", "/one"]);
    store.ok(&["put", "file", "directory", "/both"]);
    assert_eq!(
        store.ok(&["ls", "-R"]),
        "/both/directory/f\n/both/file\n/one\n"
    );
    assert_eq!(store.ok(&["cat", "/one"]), "content");
    store.fails(3, "dangling", &["put", "dangling", "/x"]);
}

#[test]
fn what_the_identity_may_not_write_ends_the_run() {
    let store = Store::new();
    make_tree(&store.path("t"), 50);
    let run = store.run(&["put", "t", "/workspace/rival/bot", "--tenant", "acme"]);
    assert_eq!(run.code, Some(4));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    store.fails(
        4,
        "rival",
        &["get", "/workspace/rival/bot", "out", "--tenant", "acme"],
    );
}

#[test]
fn an_interrupted_put_is_just_repeated() {
    let store = Store::new();
    make_tree(&store.path("t"), 3000);
    let mut child = store
        .command()
        .args(["put", "-v", "t", "/t"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The first line says that a batch was committed.
    let mut first = [0];
    let mut told = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut told, &mut first).unwrap();
    let id = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    std::io::copy(&mut told, &mut std::io::sink()).unwrap();
    let status = child.wait().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(signal, Some(15), "it dies by the signal: {status:?}");
    let told = store.json(&["put", "t", "/t"]);
    let unchanged = told["unchanged"].as_u64().unwrap();
    assert!(
        (1..3000).contains(&unchanged),
        "nothing was kept, or nothing interrupted: {told}"
    );
    assert_eq!(told["copied"].as_u64().unwrap() + unchanged, 3000);
    store.ok(&["get", "/t", "back"]);
    assert_eq!(difference(&store.path("t"), &store.path("back")), "");
}

#[test]
fn a_tree_goes_to_another_backend_with_few_open_files() {
    let store = Store::missing();
    store.host_file(
        "nexus.yaml",
        "mounts: [{name: big, path: /big, backend: local, root: big}]\n",
    );
    for number in 0..300 {
        store.host_file(&format!("tree/{number}"), number.to_string());
    }
    store.ok(&["put", "tree", "/tree"]);
    for arguments in ["cp -r /tree /big/copy", "mv /tree /big/tree"] {
        let program = store.command().get_program().to_owned();
        let mut limited = Command::new("sh");
        limited
            .current_dir(store.path("."))
            .env("HOME", store.path("."))
            .args(["-c", &format!("ulimit -n 100 && exec \"$0\" {arguments}")])
            .arg(program);
        let run = finish(&mut limited);
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    assert_eq!(store.ok(&["cat", "/big/tree/299"]), "299");
    assert_eq!(store.ok(&["cat", "/big/copy/299"]), "299");
}

//! `put` and `get`: what is private on the host comes back private, files and directories.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::store::{Store, difference};

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

fn give(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs the program with a umask.
fn run_under(store: &Store, umask: &str, arguments: &str) {
    let mut shell = std::process::Command::new("sh");
    shell
        .current_dir(store.path("."))
        .env("HOME", store.path("."))
        .args(["-c", &format!("umask {umask} && exec \"$0\" {arguments}")])
        .arg(store.command().get_program());
    let run = crate::store::finish(&mut shell);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), ""),
        "{arguments}"
    );
}

/// A file of each mode, in a directory of each mode.
const FILES: [(&str, u32); 5] = [
    ("t/open/key", 0o400),
    ("t/open/secret", 0o600),
    ("t/open/group", 0o640),
    ("t/private/run", 0o750),
    ("t/closed/all", 0o666),
];
const DIRECTORIES: [(&str, u32); 4] = [
    ("t/open", 0o755),
    ("t/private", 0o700),
    ("t/closed", 0o500),
    ("t/empty", 0o750),
];

fn tree_of_modes(store: &Store) {
    for (name, mode) in FILES {
        give(&store.host_file(name, name), mode);
    }
    fs::create_dir_all(store.path("t/empty")).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_nanos(981_173_106_123_456_789);
    for (name, mode) in DIRECTORIES {
        let directory = File::open(store.path(name)).unwrap();
        directory.set_modified(old).unwrap();
        give(&store.path(name), mode);
    }
    give(&store.path("t"), 0o710);
}

/// Lets the trees be removed.
fn open_closed(store: &Store) {
    give(&store.path("t/closed"), 0o700);
    give(&store.path("back/closed"), 0o700);
}

#[test]
fn modes_and_times_of_files_and_directories_come_back() {
    let store = Store::new();
    tree_of_modes(&store);
    store.ok(&["put", "t", "/t"]);
    run_under(&store, "000", "get /t back --quiet");
    assert_eq!(difference(&store.path("t"), &store.path("back")), "");
    for (name, mode) in FILES.iter().chain(&DIRECTORIES) {
        let back = store.path(&name.replace("t/", "back/"));
        assert_eq!(mode_of(&back), *mode, "of {name}");
    }
    for (name, _) in DIRECTORIES {
        let back = fs::metadata(store.path(&name.replace("t/", "back/"))).unwrap();
        let times = (back.mtime(), back.mtime_nsec());
        assert_eq!(times, (981_173_106, 123_456_789), "of {name}");
    }
    assert_eq!(
        mode_of(&store.path("back")),
        0o710,
        "of the root of the tree"
    );
    assert_eq!(
        store.ok(&["put", "t", "/t"]),
        "Put 0 files (0), 5 unchanged\n"
    );
    run_under(&store, "000", "get /t back --quiet");
    assert_eq!(mode_of(&store.path("back/closed")), 0o500);
    open_closed(&store);
}

#[test]
fn the_umask_takes_its_part_and_what_is_there_is_narrowed_without_a_copy() {
    let store = Store::new();
    tree_of_modes(&store);
    store.ok(&["put", "t", "/t"]);
    run_under(&store, "027", "get /t back --quiet");
    for (name, mode) in FILES.iter().chain(&DIRECTORIES) {
        let back = store.path(&name.replace("t/", "back/"));
        assert_eq!(mode_of(&back), mode & !0o027, "of {name}");
    }
    give(&store.path("back/private"), 0o755);
    give(&store.path("back/open/secret"), 0o644);
    let inode = fs::metadata(store.path("back/open/secret")).unwrap().ino();
    run_under(&store, "027", "get /t back --json > told");
    let report = fs::read_to_string(store.path("told")).unwrap();
    assert!(
        report.contains("\"copied\":0,") && report.contains("\"retouched\":1,"),
        "{report}"
    );
    let secret = fs::metadata(store.path("back/open/secret")).unwrap();
    assert_eq!((secret.mode() & 0o777, secret.ino()), (0o600, inode));
    assert_eq!(mode_of(&store.path("back/private")), 0o700);
    open_closed(&store);
}

#[test]
fn a_change_of_mode_alone_is_put() {
    let store = Store::new();
    give(&store.host_file("t/d/f", "content"), 0o644);
    store.ok(&["put", "t", "/t"]);
    give(&store.path("t/d/f"), 0o600);
    give(&store.path("t/d"), 0o700);
    let report = store.ok(&["put", "t", "/t"]);
    assert_eq!(report, "Put 0 files (0), 1 with new time or mode only\n");
    store.ok(&["get", "/t", "back"]);
    assert_eq!(mode_of(&store.path("back/d/f")), 0o600);
    assert_eq!(mode_of(&store.path("back/d")), 0o700);
}

#[test]
fn a_file_that_is_got_stays_as_private_as_it_is_on_the_host() {
    let store = Store::new();
    store.ok(&["write", "/key", "new secret"]);
    give(&store.host_file("key", "old"), 0o600);
    store.ok(&["get", "/key", "key"]);
    assert_eq!(fs::read(store.path("key")).unwrap(), b"new secret");
    assert_eq!(mode_of(&store.path("key")), 0o600);
}

#[test]
fn while_a_file_is_written_nobody_else_may_read_it() {
    let store = Store::new();
    let large = store.host_file("t/large", "");
    let file = File::options().write(true).open(&large).unwrap();
    file.set_len(96 * 1024 * 1024).unwrap();
    give(&large, 0o644);
    give(&store.path("t"), 0o700);
    store.ok(&["put", "t", "/t"]);
    let mut child = store
        .command()
        .args(["get", "/t", "back", "--quiet"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = None;
    while seen.is_none() {
        let ended = child.try_wait().unwrap().is_some();
        let entries = fs::read_dir(store.path("back")).into_iter().flatten();
        seen = entries
            .filter_map(|entry| entry.ok())
            .find(|entry| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with(".nexus-get-")
            })
            .map(|entry| (entry.path(), mode_of(&store.path("back"))));
        assert!(
            !ended || seen.is_some(),
            "the file in the making was not seen"
        );
    }
    let (path, directory) = seen.unwrap();
    // It may have got its name since.
    let mode = fs::symlink_metadata(&path).map(|metadata| metadata.mode() & 0o777);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(mode.unwrap_or(0o600), 0o600);
    assert_eq!(directory, 0o700);
}

//! Collecting what no file needs, while others work.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use nexusfs::content::ContentHash;
use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{Conditions, Filesystem, WriteOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

fn open() -> (TempDir, Filesystem) {
    let directory = tempfile::tempdir().unwrap();
    // Every content is a file.
    let config = json!({
        "data_dir": directory.path(), "durability": "normal", "inline_max_bytes": 0,
    });
    let fs = nexusfs::connect(Some(&config.to_string())).unwrap();
    (directory, fs)
}

fn write(fs: &Filesystem, path: &str, text: &str) {
    fs.write(path, text.as_bytes(), &WriteOptions::default())
        .unwrap();
}

fn gc(fs: &Filesystem) -> Value {
    serde_json::from_str(&fs.gc(&mut |_, _, _| true).unwrap()).unwrap()
}

fn content_file(directory: &Path, text: &str) -> PathBuf {
    let hash = ContentHash::of(text.as_bytes()).to_string();
    directory.join("cas").join(&hash[..2]).join(hash)
}

/// Puts a content where no path holds it, as a process that died before its commit leaves it.
fn plant_orphan(directory: &Path, text: &str) -> PathBuf {
    let file = content_file(directory, text);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn orphans_go_and_what_is_held_stays() {
    let (directory, fs) = open();
    write(&fs, "/a", "held");
    write(&fs, "/b", "held");
    fs.delete("/b", &Conditions::default()).unwrap();
    let orphan = plant_orphan(directory.path(), "orphan");
    let stale = directory
        .path()
        .join("tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000");
    fs::write(&stale, "unfinished").unwrap();

    let report = gc(&fs);
    assert!(
        !orphan.exists(),
        "a content without a path stayed: {report}"
    );
    assert!(
        !stale.exists(),
        "a temporary file of nobody stayed: {report}"
    );
    assert_eq!(
        (&report["orphan_contents"], &report["orphan_bytes"]),
        (&json!(1), &json!(6))
    );
    assert_eq!(
        (&report["temporary_files"], &report["temporary_bytes"]),
        (&json!(1), &json!(10))
    );
    assert!(content_file(directory.path(), "held").exists());
    assert_eq!(fs.read("/a").unwrap(), b"held");

    let report = gc(&fs);
    assert_eq!(
        report["orphan_contents"], 0,
        "there is nothing left to do: {report}"
    );
    assert_eq!(report["temporary_files"], 0, "{report}");
}

#[test]
fn a_streaming_write_in_flight_is_not_disturbed() {
    let (directory, fs) = open();
    let mut writer = fs.open_writer("/f", &WriteOptions::default()).unwrap();
    let piece = vec![7; 1024 * 1024];
    writer.write(&piece).unwrap();
    let unfinished = fs::read_dir(directory.path().join("tmp")).unwrap().count();
    assert_eq!(unfinished, 1, "the write has its temporary file");
    assert_eq!(gc(&fs)["temporary_files"], 0);
    writer.write(&piece).unwrap();
    writer.commit().unwrap();
    assert_eq!(fs.read("/f").unwrap().len(), 2 * piece.len());
    assert_eq!(
        fs::read_dir(directory.path().join("tmp")).unwrap().count(),
        0
    );
}

#[test]
fn other_files_in_the_store_are_left_alone() {
    let (directory, fs) = open();
    let note = directory.path().join("cas/README");
    let strange = directory.path().join("cas/ab/not-a-hash");
    fs::create_dir_all(strange.parent().unwrap()).unwrap();
    fs::write(&strange, "x").unwrap();
    let result = fs.gc(&mut |_, _, _| true);
    assert!(result.is_ok(), "{result:?}");
    assert!(strange.exists());
    fs::write(&note, "x").unwrap();
    let result = fs.gc(&mut |_, _, _| true);
    assert!(
        result.is_ok(),
        "a file beside the directories ends the walk: {result:?}"
    );
    assert!(note.exists());
}

#[test]
fn a_tenant_cannot_collect() {
    let (directory, fs) = open();
    let orphan = plant_orphan(directory.path(), "orphan");
    for (tenant, agent) in [
        (Some("acme"), None),
        (None, Some("a1")),
        (Some("acme"), Some("a1")),
    ] {
        let bound = fs.with_identity(tenant, agent).unwrap();
        let error = bound.gc(&mut |_, _, _| true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    }
    assert!(orphan.exists());
    let config = json!({
        "data_dir": directory.path(), "tenant_id": "acme", "agent_id": "a1", "is_admin": true,
    });
    gc(&nexusfs::connect(Some(&config.to_string())).unwrap());
    assert!(!orphan.exists(), "an admin collects for all");
}

#[test]
fn a_cancelled_gc_removes_nothing_that_is_held() {
    let (_directory, fs) = open();
    write(&fs, "/a", "held");
    let error = fs.gc(&mut |_, _, _| false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(fs.read("/a").unwrap(), b"held");
}

#[test]
fn writers_lose_nothing_while_garbage_is_collected() {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 60;
    let (directory, fs) = open();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let fs = &fs;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    // All writers make and drop the same few contents, so that each goes and comes
                    // back all the time.
                    let shared = format!("shared {}", round % 3);
                    let path = format!("/{writer}/shared");
                    write(fs, &path, &shared);
                    let read = fs.read(&path).unwrap();
                    assert_eq!(read, shared.as_bytes(), "writer {writer}, round {round}");
                    write(
                        fs,
                        &format!("/{writer}/{round}"),
                        &format!("{writer} {round}"),
                    );
                    fs.delete(&path, &Conditions::default()).unwrap();
                }
            });
        }
        let (fs, directory) = (&fs, directory.path());
        scope.spawn(move || {
            for round in 0..ROUNDS {
                let text = format!("orphan {round}");
                let orphan = plant_orphan(directory, &text);
                gc(fs);
                assert!(!orphan.exists(), "round {round}");
            }
        });
    });
    for writer in 0..WRITERS {
        for round in 0..ROUNDS {
            let read = fs.read(&format!("/{writer}/{round}")).unwrap();
            assert_eq!(read, format!("{writer} {round}").as_bytes());
        }
    }
    assert_eq!(
        gc(&fs)["orphan_contents"],
        0,
        "every dropped content was removed as it was dropped"
    );
}

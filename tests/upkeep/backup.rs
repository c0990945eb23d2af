use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use nexusfs::error::{ErrorKind, Result};
use nexusfs::filesystem::{ClaimOptions, Conditions, ExportOptions, Filesystem, WriteOptions};
use serde_json::{Value, json};

use crate::store::{LARGE, READ_ALL, Store, content_file, flip_bit, flip_in_index, noise, verify};

fn backup_to(fs: &Filesystem, target: &Path) -> Result<Value> {
    let report = fs.backup(target.to_str().unwrap(), &mut |_, _, _| true)?;
    Ok(serde_json::from_str(&report).unwrap())
}

fn backup(store: &Store) -> Value {
    backup_to(&store.fs, &store.beside("backup")).unwrap()
}

fn open_with(directory: &Path, mut config: Value) -> Filesystem {
    config["data_dir"] = json!(directory);
    config["durability"] = json!("normal");
    nexusfs::connect(Some(&config.to_string())).unwrap()
}

fn open(directory: &Path) -> Filesystem {
    open_with(directory, json!({}))
}

fn state(fs: &Filesystem, directory: &Path) -> String {
    let file = directory.with_extension("state");
    fs.export_metadata(
        file.to_str().unwrap(),
        &ExportOptions::default(),
        &mut |_, _, _| true,
    )
    .unwrap();
    fs::read_to_string(file).unwrap()
}

fn is_clean(fs: &Filesystem) {
    let report = verify(fs, READ_ALL);
    assert_eq!(report["error_count"], 0, "{report:#}");
    assert_eq!(report["reclaimable"]["bytes"], 0, "{report:#}");
    assert_eq!(report["not_checked"], json!([]));
}

fn filled() -> Store {
    let store = Store::new();
    store.write("/a", "a");
    store.write("/large/1", noise(LARGE, 1));
    store.write("/large/2", noise(LARGE, 2));
    store.set_meta("/a", json!({"owner": "ann", "status": "ready"}));
    store
}

#[test]
fn a_copy_is_a_store_like_the_original() {
    let store = filled();
    let report = backup(&store);
    assert_eq!(
        (
            &report["files"],
            &report["copied_contents"],
            &report["damaged_count"]
        ),
        (&json!(3), &json!(2), &json!(0)),
        "{report:#}"
    );
    let copy = open(&store.beside("backup"));
    is_clean(&copy);
    assert_eq!(copy.read("/large/2").unwrap(), noise(LARGE, 2));
    assert_eq!(
        state(&copy, &store.beside("x")),
        state(&store.fs, &store.beside("y"))
    );
    is_clean(&store.fs);
}

#[test]
fn a_second_backup_copies_what_is_new_and_drops_what_is_gone() {
    let store = filled();
    backup(&store);
    let target = store.beside("backup");
    let kept = content_file(&target, &noise(LARGE, 1));
    let before = fs::metadata(&kept).unwrap().modified().unwrap();
    store.write("/large/3", noise(LARGE, 3));
    store.fs.delete("/large/2", &Conditions::default()).unwrap();
    // Somebody looked at the copy meanwhile.
    is_clean(&open(&target));
    let report = backup(&store);
    assert_eq!(
        (&report["copied_contents"], &report["copied_bytes"]),
        (&json!(1), &json!(LARGE)),
        "{report:#}"
    );
    assert_eq!(
        (&report["unchanged_contents"], &report["removed_contents"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), before);
    let copy = open(&target);
    is_clean(&copy);
    assert_eq!(copy.read("/large/3").unwrap(), noise(LARGE, 3));
    assert!(!copy.exists("/large/2").unwrap());
}

#[test]
fn contents_of_mounts_come_along() {
    let store = Store::with_mount();
    store.write("/disk/a", "small, but on a mount");
    store.write("/disk/b", noise(LARGE, 1));
    store.write("/b", noise(LARGE, 1));
    let report = backup(&store);
    assert_eq!(
        report["mounts"],
        json!([{"name": "disk", "directory": "mounts/disk"}])
    );
    let target = store.beside("backup");
    let mounts = json!({"mounts": [{
        "name": "disk", "path": "/disk", "backend": "local", "root": target.join("mounts/disk")
    }]});
    let copy = open_with(&target, mounts);
    is_clean(&copy);
    assert_eq!(copy.read("/disk/b").unwrap(), noise(LARGE, 1));
    drop(copy);
    let of_original = json!({"data_dir": target, "mounts": [{
        "name": "disk", "path": "/disk", "backend": "local", "root": store.beside("disk")
    }]});
    let error = nexusfs::connect(Some(&of_original.to_string()))
        .err()
        .unwrap();
    assert_eq!(
        error.kind(),
        ErrorKind::InvalidConfig,
        "the copy took the original's mount"
    );
    assert_eq!(backup(&store)["unchanged_contents"], 3);
    let without = store.handle(json!({"mounts": []}));
    let error = backup_to(&without, &store.beside("other")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotMounted, "{error}");
}

#[test]
fn a_target_in_use_is_busy_with_what_goes_on_there() {
    let store = filled();
    backup(&store);
    let lock = fs::File::open(store.beside("backup/lock")).unwrap();
    lock.lock().unwrap();
    let hasty = store.handle(json!({"busy_timeout_ms": 20}));
    let error = backup_to(&hasty, &store.beside("backup")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(error.to_string().contains("another backup"), "{error}");
    lock.unlock().unwrap();
    backup(&store);
}

#[test]
fn a_target_in_a_directory_of_any_store_is_refused_untouched() {
    let store = filled();
    let other = Store::with_mount();
    let mount =
        json!([{"name": "big", "path": "/big", "backend": "local", "root": store.beside("big")}]);
    let _with_mount = store.handle(json!({"mounts": mount}));
    for target in [
        other.data().join("cas/new"),
        other.beside("disk/tmp/new/deep"),
        store.beside("big/new"),
    ] {
        let error = backup_to(&store.fs, &target).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidArgument,
            "{target:?}: {error}"
        );
    }
    for made in [
        other.data().join("cas/new"),
        other.beside("disk/tmp/new"),
        store.beside("big/new"),
    ] {
        assert!(!made.exists(), "{made:?}");
    }
}

#[test]
fn a_target_that_is_something_else_is_refused() {
    let store = filled();
    let other = filled();
    backup(&other);
    let refused = |target: &Path, kind: ErrorKind| {
        let error = backup_to(&store.fs, target).unwrap_err();
        assert_eq!(error.kind(), kind, "{target:?}: {error}");
        assert!(!error.to_string().contains("/tmp"), "names a path: {error}");
    };
    refused(&other.beside("backup"), ErrorKind::InvalidArgument);
    refused(&other.data(), ErrorKind::InvalidArgument);
    refused(&store.data(), ErrorKind::InvalidArgument);
    refused(&store.data().join("backup"), ErrorKind::InvalidArgument);
    refused(store.data().parent().unwrap(), ErrorKind::InvalidArgument);
    assert!(!store.data().join("backup").exists());
    let full = store.beside("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("note"), "x").unwrap();
    refused(&full, ErrorKind::InvalidArgument);
    assert_eq!(
        fs::read_dir(&full).unwrap().count(),
        1,
        "something was put there"
    );
    refused(&full.join("note"), ErrorKind::Io);
    is_clean(&open(&other.beside("backup")));
}

#[test]
fn a_copy_that_is_used_as_a_store_is_not_overwritten() {
    let store = filled();
    backup(&store);
    let impatient = store.handle(json!({"busy_timeout_ms": 50}));
    let target = store.beside("backup");
    let copy = open(&target);
    let error = backup_to(&impatient, &target).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "while it is open: {error}");
    copy.write("/mine", b"new", &WriteOptions::default())
        .unwrap();
    drop(copy);
    let error = backup_to(&impatient, &target).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(open(&target).read("/mine").unwrap(), b"new");
}

#[test]
fn a_cancelled_backup_leaves_the_earlier_one() {
    let store = filled();
    backup(&store);
    let target = store.beside("backup");
    let before = state(&open(&target), &store.beside("x"));
    store.fs.delete("/large/1", &Conditions::default()).unwrap();
    store.write("/large/3", noise(LARGE, 3));
    let mut steps = 0;
    let fresh = store.beside("fresh");
    store
        .fs
        .backup(fresh.to_str().unwrap(), &mut |_, _, _| {
            steps += 1;
            true
        })
        .unwrap();
    for last in 1..=steps {
        let mut step = 0;
        let result = store.fs.backup(target.to_str().unwrap(), &mut |_, _, _| {
            step += 1;
            step < last
        });
        assert_eq!(
            result.unwrap_err().kind(),
            ErrorKind::Cancelled,
            "at step {last}"
        );
        assert!(!target.join("metadata.db.new").exists(), "at step {last}");
        let copy = open(&target);
        assert_eq!(state(&copy, &store.beside("x")), before, "at step {last}");
        assert_eq!(verify(&copy, READ_ALL)["error_count"], 0, "at step {last}");
    }
    backup(&store);
    is_clean(&open(&target));
}

#[test]
fn damaged_contents_are_named_and_the_rest_is_copied() {
    let store = filled();
    flip_bit(&content_file(&store.data(), &noise(LARGE, 1)));
    let report = backup(&store);
    assert_eq!(
        (&report["damaged_count"], &report["copied_contents"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(report["damaged"][0]["path"], "/large/1", "{report:#}");
    let copy = open(&store.beside("backup"));
    assert_eq!(
        copy.read("/large/1").unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    assert_eq!(copy.read("/large/2").unwrap(), noise(LARGE, 2));
}

#[test]
fn an_earlier_backup_keeps_what_was_damaged_since() {
    let store = filled();
    backup(&store);
    flip_bit(&content_file(&store.data(), &noise(LARGE, 1)));
    backup(&store);
    let copy = open(&store.beside("backup"));
    assert_eq!(copy.read("/large/1").unwrap(), noise(LARGE, 1));
}

#[test]
fn tokens_of_the_original_are_none_of_the_copy() {
    let store = filled();
    store.damage(
        "UPDATE store SET lease_sequence = 77;
         UPDATE work SET lease = 77, lease_deadline = 9223372036854775807",
    );
    backup(&store);
    let database = store.beside("backup").join("metadata.db");
    let copy = rusqlite::Connection::open(database).unwrap();
    let sequence: i64 = copy
        .query_row("SELECT lease_sequence FROM store", [], |row| row.get(0))
        .unwrap();
    assert!(sequence > 1 << 40, "{sequence}");
    assert!(sequence < 1 << 53, "{sequence}");
    let deadline: i64 = copy
        .query_row(
            "SELECT lease_deadline FROM work WHERE lease = 77",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(deadline, 0, "the lease did not end");
}

/// On the machine and in the boot of the original, too.
#[test]
fn nobody_holds_an_item_of_the_copy() {
    let store = Store::new();
    store.write("/jobs/1", "");
    store.set_meta("/jobs/1", json!({"status": "ready"}));
    let an_hour = ClaimOptions {
        lease_ms: 3_600_000,
        ..ClaimOptions::default()
    };
    let held = store.fs.work_claim("ann", &an_hour).unwrap();
    assert_eq!(held.len(), 1);
    backup(&store);
    let copy = open(&store.beside("backup"));
    is_clean(&copy);
    let late = copy.work_complete("/jobs/1", held[0].lease, None);
    assert_eq!(late.unwrap_err().kind(), ErrorKind::LeaseLost);
    let again = copy.work_claim("bob", &an_hour).unwrap();
    assert_eq!(again.len(), 1, "ann holds the item of the copy");
    assert_eq!(again[0].path.as_str(), "/jobs/1");
    assert!(again[0].lease > held[0].lease, "{again:?}");
    copy.work_complete("/jobs/1", again[0].lease, None).unwrap();
    store
        .fs
        .work_complete("/jobs/1", held[0].lease, None)
        .unwrap();
}

#[test]
fn only_who_may_maintain_the_store_copies_it() {
    let store = filled();
    let tenant = store.fs.with_identity(Some("acme"), None).unwrap();
    let target = store.beside("stolen");
    let error = backup_to(&tenant, &target).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(!target.exists());
}

/// What is dropped while a copy is made keeps its file until the copy has it.
#[test]
fn a_copy_has_what_is_dropped_meanwhile() {
    let store = filled();
    let target = store.beside("backup");
    let mut deleted = false;
    let report = store
        .fs
        .backup(target.to_str().unwrap(), &mut |_, _, what| {
            if what == "bytes of contents" && !deleted {
                deleted = true;
                store.fs.rmdir("/large", true).unwrap();
                store.fs.gc(&mut |_, _, _| true).unwrap();
                drop(store.handle(json!({})));
                assert!(content_file(&store.data(), &noise(LARGE, 2)).exists());
            }
            true
        })
        .unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["damaged_count"], 0, "{report:#}");
    let copy = open(&target);
    is_clean(&copy);
    assert_eq!(copy.read("/large/2").unwrap(), noise(LARGE, 2));
    assert!(
        !content_file(&store.data(), &noise(LARGE, 2)).exists(),
        "nobody needs it any more"
    );
    is_clean(&store.fs);
}

#[test]
fn every_write_acknowledged_before_is_in_a_backup_under_load() {
    const WRITERS: usize = 4;
    let store = Store::with(json!({"inline_max_bytes": 300}));
    let stop = AtomicBool::new(false);
    let acknowledged: Vec<AtomicU64> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
    let content = |writer: usize, round: u64| {
        noise(200 + (round as usize % 4) * 100, round * 10 + writer as u64)
    };
    let target = store.beside("backup");
    thread::scope(|scope| {
        for (writer, acknowledged) in acknowledged.iter().enumerate() {
            let (store, stop) = (&store, &stop);
            scope.spawn(move || {
                for round in 1.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    store.write(&format!("/{writer}/{round}"), content(writer, round));
                    acknowledged.store(round, Ordering::SeqCst);
                    // Others come and go.
                    store.write(
                        &format!("/{writer}/passing"),
                        content(writer, round + 1_000_000),
                    );
                    if round % 3 == 0 {
                        let path = format!("/{writer}/passing");
                        store.fs.delete(&path, &Conditions::default()).unwrap();
                    }
                }
            });
        }
        for round in 0..6 {
            let before: Vec<u64> = acknowledged
                .iter()
                .map(|count| count.load(Ordering::SeqCst))
                .collect();
            let report = backup_to(&store.fs, &target);
            if report.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            let report = report.unwrap();
            assert_eq!(report["damaged_count"], 0, "{report:#}");
            let copy = open(&target);
            is_clean(&copy);
            for (writer, last) in before.iter().enumerate() {
                for number in 1..=*last {
                    let path = format!("/{writer}/{number}");
                    let read = copy.read(&path).unwrap_or_default();
                    assert!(
                        read == content(writer, number),
                        "backup {round} lacks {path} of {last}"
                    );
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Which contents paths hold is known from an index; what is removed for good rests on the rows of contents, too.
#[test]
fn a_damaged_index_costs_no_content() {
    let store = filled();
    let directory = store.data();
    store.damage_file(|bytes| flip_in_index(bytes, "/large/1", &noise(LARGE, 1)));
    drop(store.fs);
    let fs = open(&directory);
    let target = directory.with_file_name("backup");
    backup_to(&fs, &target).unwrap();
    let copied = fs::read(content_file(&target, &noise(LARGE, 1))).unwrap();
    assert!(copied == noise(LARGE, 1), "the backup has other bytes");
    fs.gc(&mut |_, _, _| true).unwrap();
    assert_eq!(fs.read("/large/1").unwrap(), noise(LARGE, 1));
    assert_eq!(open(&target).read("/large/1").unwrap(), noise(LARGE, 1));
}

#[test]
fn a_content_that_is_damaged_in_the_backup_is_copied_again() {
    let store = filled();
    backup(&store);
    let target = store.beside("backup");
    flip_bit(&content_file(&target, &noise(LARGE, 1)));
    let report = backup(&store);
    assert_eq!(
        (&report["copied_contents"], &report["unchanged_contents"]),
        (&json!(1), &json!(1)),
        "{report:#}"
    );
    is_clean(&open(&target));
}

#[test]
fn a_first_backup_that_died_is_made_again() {
    let store = filled();
    let target = store.beside("backup");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("nexus-backup.new"), "{\"sour").unwrap();
    fs::write(target.join("lock"), "").unwrap();
    backup(&store);
    is_clean(&open(&target));
    assert!(!target.join("nexus-backup.new").exists());
}

/// The mark is there before the database is, whatever ends a backup in between.
#[test]
fn a_copy_that_is_complete_opens() {
    let store = filled();
    let target = store.beside("backup");
    // In the place of the database, so that the rename fails.
    fs::create_dir_all(&target).unwrap();
    let result = store
        .fs
        .backup(target.to_str().unwrap(), &mut |_, _, what| {
            if what == "putting the copy in place" {
                fs::create_dir(target.join("metadata.db")).unwrap();
            }
            true
        });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Io);
    assert!(target.join("nexus-store").exists());
    fs::remove_dir(target.join("metadata.db")).unwrap();
    backup(&store);
    is_clean(&open(&target));
}

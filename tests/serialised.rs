//! Values that go from one process to another: changes, entries, rows and errors are the same when they are read again, and what
//! breaks a rule is refused.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use nexusfs::content::ContentHash;
use nexusfs::error::{Error, ErrorKind};
use nexusfs::filesystem::{
    Batch, ChangeSet, ClaimOptions, Conditions, ListOptions, MkdirOptions, Page, RelocateOptions,
    Store, WorkView, WriteOptions,
};
use nexusfs::metadata::{Entry, FindingKind};
use nexusfs::work::{Status, WorkItem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Too long to be kept in the database.
const LARGE: usize = 100_000;
/// Items that are worked on.
const HELD: [&str; 3] = ["/jobs/held", "/jobs/failing", "/jobs/given"];

/// A store with a mount at `/disk`.
fn store() -> (TempDir, Arc<dyn Store>) {
    let directory = tempfile::tempdir().unwrap();
    let config = json!({
        "data_dir": directory.path().join("data"), "durability": "normal", "housekeeping": false,
        "mounts": [{"name": "disk", "path": "/disk", "backend": "local", "root": directory.path().join("disk")}],
    });
    let fs = nexusfs::connect(Some(&config.to_string())).unwrap();
    (directory, Arc::new(fs))
}

fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// Files, and three items that are worked on. Returns the leases of [`HELD`].
fn prepare(store: &dyn Store) -> [u64; 3] {
    let plain = WriteOptions::default();
    for path in [
        "/old",
        "/gone",
        "/jobs/held",
        "/jobs/failing",
        "/jobs/given",
        "/a",
    ] {
        store.write(path, path.as_bytes(), &plain).unwrap();
    }
    store.mkdir("/empty", MkdirOptions::default()).unwrap();
    store
        .set_meta("/old", "key", "1", &Conditions::default())
        .unwrap();
    let ready = |path| store.set_meta(path, "status", r#""ready""#, &Conditions::default());
    for path in HELD {
        ready(path).unwrap();
    }
    let options = ClaimOptions {
        max: 3,
        ..ClaimOptions::default()
    };
    let items = store.work_claim("worker", &options).unwrap();
    assert_eq!(items.len(), 3);
    HELD.map(|path| {
        let item = items.iter().find(|item| item.path.as_str() == path);
        item.unwrap().lease
    })
}

/// Every kind of operation; `held`, `failing` and `given` are the leases of [`HELD`].
fn fill(batch: &mut Batch, [held, failing, given]: [u64; 3]) {
    let plain = WriteOptions::default();
    let text = WriteOptions {
        mime_type: Some("text/x-own".to_owned()),
        conditions: Conditions {
            if_none_match: true,
            ..Conditions::default()
        },
    };
    batch.write("/small", b"small \xff", &text).unwrap();
    batch.write("/large", &vec![7; LARGE], &plain).unwrap();
    batch.write("/disk/small", b"on the mount", &plain).unwrap();
    batch.write("/disk/large", &vec![8; LARGE], &plain).unwrap();
    batch.append("/small", b" and more", &plain).unwrap();
    batch.delete("/gone", &Conditions::default()).unwrap();
    batch
        .rename("/old", "/new", &RelocateOptions::default())
        .unwrap();
    batch
        .copy("/new", "/copy", &RelocateOptions::default())
        .unwrap();
    let made = MkdirOptions {
        parents: true,
        exist_ok: false,
    };
    batch.mkdir("/made/below", made).unwrap();
    batch.rmdir("/empty", true).unwrap();
    batch
        .set_meta("/small", "value", r#"{"b": 0.50, "a": [null]}"#)
        .unwrap();
    let typed = r#"{"status": "pending", "priority": 3, "tags": ["a"], "not_before": "2026-01-01T00:00:00Z",
                    "depends_on": ["/copy"], "max_attempts": 4, "worker_id": "w"}"#;
    batch.set_meta_many("/small", typed).unwrap();
    batch.delete_meta("/copy", "key").unwrap();
    batch
        .require_etag("/a", Some(ContentHash::of(b"/a")))
        .unwrap();
    batch.require_etag("/nothing", None).unwrap();
    batch.require_lease("/jobs/held", held).unwrap();
    batch
        .complete_work("/jobs/held", held, Some(r#"{"done": 1}"#))
        .unwrap();
    batch
        .fail_work("/jobs/failing", failing, "no luck", 5_000)
        .unwrap();
    batch.release_work("/jobs/given", given).unwrap();
}

/// What a caller sees, but for ids and times.
fn state(store: &dyn Store) -> Vec<Value> {
    let options = ListOptions {
        include_directories: true,
        ..ListOptions::default()
    };
    let mut entries = Vec::new();
    store
        .visit(&options, &mut |entry| {
            entries.push(serde_json::to_value(entry).unwrap())
        })
        .unwrap();
    for entry in &mut entries {
        for chance in ["path_id", "created_at", "modified_at"] {
            entry[chance] = Value::Null;
        }
        if entry["file"].is_null() {
            continue;
        }
        let path = entry["path"].as_str().unwrap().to_owned();
        let content = store.read(&path).unwrap();
        assert_eq!(entry["file"]["size"], content.len(), "{path}");
        let mut metadata: Value = serde_json::from_str(&store.list_meta(&path).unwrap()).unwrap();
        for chance in [
            "depends_on",
            "started_at",
            "completed_at",
            "not_before",
            "lease_expires_at",
        ] {
            if let Some(value) = metadata.get_mut(chance) {
                *value = Value::from(value.is_null());
            }
        }
        entry["metadata"] = metadata;
    }
    entries
}

#[test]
fn changes_do_the_same_when_they_were_read_again() {
    let (_first, here) = store();
    let (_second, there) = store();
    let mut batch = Batch::new(here.child());
    fill(&mut batch, prepare(&*here));
    let left_here = batch.commit().unwrap();
    // Collected here for the other store, and never committed here.
    let mut foreign = Batch::new(here.child());
    fill(&mut foreign, prepare(&*there));
    let read: ChangeSet = again(foreign.changes());
    assert_eq!(read.changes().len(), foreign.len());
    assert_eq!(
        serde_json::to_value(&read).unwrap(),
        serde_json::to_value(foreign.changes()).unwrap()
    );
    let left_there = there.commit(&read).unwrap();
    let paths = |left: Vec<Option<Entry>>| -> Vec<_> {
        let paths = left.into_iter().map(|entry| entry.map(|entry| entry.path));
        paths.collect()
    };
    assert_eq!(paths(left_there), paths(left_here));
    assert_eq!(state(&*there), state(&*here));
    let backend = there.stat("/disk/small").unwrap().file.unwrap().backend;
    assert_eq!(&*backend, "disk", "the content is not where its path is");
}

#[test]
fn changes_that_were_read_are_asked_of_the_policy_and_tell_which_failed() {
    let (_directory, here) = store();
    let mut batch = Batch::new(here.child());
    let plain = WriteOptions::default();
    batch.write("/a", b"a", &plain).unwrap();
    batch
        .write("/shared/acme/b", &vec![1; LARGE], &plain)
        .unwrap();
    let read: ChangeSet = again(batch.changes());
    let rival = here.with_identity(Some("rival"), None).unwrap();
    let error = rival.commit(&read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    let index = error.index();
    assert!(index.is_some(), "{error}");
    assert!(!here.exists("/a").unwrap() && !here.exists("/shared/acme/b").unwrap());
}

#[test]
fn what_no_batch_takes_is_refused_when_it_is_read() {
    let (_directory, here) = store();
    let mut batch = Batch::new(here.child());
    fill(&mut batch, [1, 2, 3]);
    let changes = serde_json::to_value(batch.changes()).unwrap();
    let number = |kind: &str| {
        let all = changes.as_array().unwrap();
        all.iter()
            .position(|change| change.get(kind).is_some())
            .unwrap()
    };
    let etag = ContentHash::of(b"");
    for (kind, pointer, wrong, reason) in [
        ("write", "/path", json!("/a/../b"), "'..'"),
        ("write", "/mime_type", json!("a\nb"), "mime_type"),
        ("write", "/conditions/if_match", json!(etag), "exclude"),
        ("append", "/data", json!([256]), "256"),
        (
            "rename",
            "/conditions/if_none_match",
            json!(true),
            "NO_REPLACE",
        ),
        ("set_metadata", "/values/0/1", json!("{"), "not valid JSON"),
        (
            "set_metadata",
            "/values/0/0",
            json!("attempts"),
            "only the library",
        ),
        (
            "require",
            "/conditions/if_match",
            json!("ab"),
            "64 hexadecimal",
        ),
        ("complete_work", "/result", json!("{"), "not valid JSON"),
        ("complete_work", "/token", json!(0), "lease token"),
        (
            "fail_work",
            "/error",
            json!("x".repeat(70_000)),
            "the most are",
        ),
        ("fail_work", "/retry_after", json!(-1), "366 days"),
    ] {
        let mut changes = changes.clone();
        let change = &mut changes[number(kind)][kind];
        assert!(
            change.pointer(pointer).is_some(),
            "{kind} has no {pointer}: {change}"
        );
        *change.pointer_mut(pointer).unwrap() = wrong;
        let error = serde_json::from_value::<ChangeSet>(changes).unwrap_err();
        assert!(
            error.to_string().contains(reason),
            "{kind}{pointer}: {error}"
        );
    }
    let beat = json!([{"heartbeat": {"path": "/a", "token": 1, "lease": 1}}]);
    let error = serde_json::from_value::<ChangeSet>(beat).unwrap_err();
    assert!(error.to_string().contains("operation 0"), "{error}");
}

#[test]
fn entries_and_rows_are_the_same_when_they_were_read_again() {
    let (_directory, here) = store();
    prepare(&*here);
    let entry = here.stat("/old").unwrap();
    assert_eq!(again(&entry), entry);
    assert_eq!(
        serde_json::to_string(&entry.borrow()).unwrap(),
        serde_json::to_string(&entry).unwrap()
    );
    let directory = here.stat("/jobs").unwrap();
    assert_eq!(again(&directory), directory);
    let items: Vec<WorkItem> = here.work(WorkView::InProgress, 10).unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(again(&items), items);
    let page: Page = here.glob("/jobs/*", &Default::default()).unwrap();
    assert_eq!(again(&page), page);
    let matches = here.grep("h.ld", &Default::default()).unwrap();
    assert_eq!(matches.matches.len(), 1);
    assert_eq!(again(&matches), matches);
}

#[test]
fn an_error_says_the_same_when_it_was_read_again() {
    let (_directory, here) = store();
    let mut batch = Batch::new(here.child());
    batch.require_etag("/nothing", None).unwrap();
    batch.delete("/nothing", &Conditions::default()).unwrap();
    let of_batch = batch.commit().unwrap_err();
    let io = Error::io("read a file", std::io::ErrorKind::StorageFull.into());
    for error in [of_batch, io, Error::cancelled()] {
        let read = again(&error);
        assert_eq!(read.kind(), error.kind());
        assert_eq!(read.path(), error.path());
        assert_eq!(read.index(), error.index());
        assert_eq!(read.to_string(), error.to_string());
    }
    let text = serde_json::to_string(&Error::not_found("no such file").at("/a")).unwrap();
    let expected = r#"{"kind":"not_found","message":"no such file","path":"/a","index":null}"#;
    assert_eq!(text, expected);
}

#[test]
fn names_are_those_that_reports_and_views_have() {
    for status in Status::ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        assert_eq!(again(&status), status);
    }
    for name in [
        "database",
        "index",
        "damaged_row",
        "invalid_path",
        "missing_ancestor",
        "file_above",
        "empty_directory",
        "missing_content_row",
        "wrong_content_row",
        "split_content",
        "orphan_row",
        "wrong_digest",
        "wrong_count",
        "dangling_edge",
        "wrong_edge",
        "missing_content",
        "truncated_content",
        "damaged_content",
        "wrong_marker",
    ] {
        let kind: FindingKind = serde_json::from_value(json!(name)).unwrap();
        assert_eq!(kind.name(), name);
        assert_eq!(serde_json::to_value(kind).unwrap(), name);
    }
}

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{ClaimOptions, Conditions, VerifyOptions};
use serde_json::json;

use crate::store::{LARGE, READ_ALL, Store, content_file, flip_bit, noise, truncate, verify};

const ROWS: VerifyOptions = VerifyOptions {
    content: false,
    repair: false,
};

/// Files, large and small, directories, metadata, work items, a tombstone.
pub fn filled() -> Store {
    let store = Store::new();
    store.write("/docs/a.txt", "a");
    store.write("/docs/copy of a.txt", "a");
    store.write("/docs/sub/large.bin", noise(LARGE, 1));
    store.write("/empty", "");
    store
        .fs
        .mkdir(
            "/made/dir",
            nexusfs::filesystem::MkdirOptions {
                parents: true,
                exist_ok: false,
            },
        )
        .unwrap();
    store.set_meta("/docs/a.txt", json!({"owner": "ann", "n": [1, 2.5, null]}));
    for path in ["/jobs/0", "/jobs/1", "/jobs/2", "/jobs/gone"] {
        store.write(path, path);
        store.set_meta(path, json!({"status": "blocked"}));
    }
    store.set_meta(
        "/jobs/0",
        json!({"depends_on": ["/jobs/1", "/jobs/2", "/empty"]}),
    );
    store.set_meta("/jobs/1", json!({"depends_on": ["/jobs/2", "/jobs/gone"]}));
    store
        .fs
        .delete("/jobs/gone", &Conditions::default())
        .unwrap();
    store
}

/// What can be wrong with rows, and how it is called.
pub const CASES: &[(&str, &str)] = &[
    (
        "UPDATE work SET open_edges = 7 WHERE path = '/jobs/0'",
        "wrong_count",
    ),
    (
        "UPDATE work SET dependencies = 1 WHERE path = '/jobs/1'",
        "wrong_count",
    ),
    (
        "UPDATE work SET rank = 3 WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "UPDATE work SET directory = '/docs' WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "UPDATE work SET scope = '' WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "UPDATE work SET item = NULL WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "UPDATE work SET delayed = 1 WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "UPDATE work SET delayed = 1, not_before = 5 WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "INSERT INTO work_scopes VALUES ('/jobs', 6, 0);
         UPDATE work SET delayed = 1, not_before = 5 WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "UPDATE work SET status = 2, lease = 5 WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "INSERT INTO work_scopes VALUES ('/jobs', 0, 6);
         UPDATE work SET status = 2, lease = 5, lease_deadline = 5
         WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "UPDATE work SET status = 1 WHERE path = '/jobs/2'",
        "wrong_count",
    ),
    (
        "UPDATE work SET status = 1 WHERE path = '/jobs/2';
         INSERT INTO work_directories VALUES ('/jobs', '/jobs', x'', 9223372036854775807)",
        "wrong_count",
    ),
    (
        "UPDATE work SET status = 1 WHERE path = '/jobs/2';
         INSERT INTO work_directories VALUES ('/jobs', '', 0, 0)",
        "wrong_count",
    ),
    (
        "PRAGMA ignore_check_constraints = ON;
         UPDATE work SET status = 12 WHERE path = '/jobs/2'",
        "damaged_row",
    ),
    (
        "INSERT INTO metadata VALUES ('/docs/none', 'k', '1', zeroblob(16))",
        "orphan_row",
    ),
    (
        "INSERT INTO metadata VALUES ('/docs', 'k', '1', zeroblob(16))",
        "orphan_row",
    ),
    (
        "UPDATE metadata SET digest = zeroblob(16) WHERE key = 'owner'",
        "wrong_digest",
    ),
    (
        "UPDATE metadata SET value = '{' WHERE key = 'owner'",
        "damaged_row",
    ),
    (
        "INSERT INTO content VALUES (77, 1, zeroblob(32), 1, NULL, x'00')",
        "orphan_row",
    ),
    (
        "CREATE TEMP TABLE other AS SELECT * FROM work WHERE path = '/jobs/2';
          UPDATE other SET path = '/docs/none', path_id = zeroblob(16);
          INSERT INTO work SELECT * FROM other",
        "orphan_row",
    ),
    (
        "UPDATE edges SET blocker_path = NULL WHERE blocker_path IS NOT NULL",
        "dangling_edge",
    ),
    (
        "INSERT INTO edges VALUES (zeroblob(16), (SELECT path_id FROM work LIMIT 1), 1, 0, NULL)",
        "dangling_edge",
    ),
    (
        "DELETE FROM paths WHERE path = '/docs/sub'",
        "missing_ancestor",
    ),
    (
        "INSERT INTO paths (path, kind, created_at, modified_at) VALUES ('/left', 3, 1, 1)",
        "empty_directory",
    ),
    (
        "UPDATE paths SET path = '/empty/below' WHERE path = '/docs/copy of a.txt'",
        "file_above",
    ),
    (
        "UPDATE paths SET path = '/docs/x/../y' WHERE path = '/docs/copy of a.txt';
          INSERT INTO paths (path, kind, created_at, modified_at)
          VALUES ('/docs/x', 3, 1, 1), ('/docs/x/..', 3, 1, 1)",
        "invalid_path",
    ),
    (
        "UPDATE paths SET etag = zeroblob(31) WHERE path = '/empty'",
        "damaged_row",
    ),
    (
        "UPDATE paths SET path_id = NULL WHERE path = '/made/dir'",
        "damaged_row",
    ),
    (
        "DELETE FROM content WHERE data = x'61'",
        "missing_content_row",
    ),
    (
        "UPDATE paths SET size = 2 WHERE path = '/docs/a.txt'",
        "wrong_content_row",
    ),
    (
        "INSERT INTO content SELECT 99, backend_id, hash, size, blocks, data FROM content
          WHERE data = x'61';
          UPDATE paths SET content_id = 99 WHERE path = '/docs/a.txt'",
        "split_content",
    ),
    ("UPDATE content SET blocks = NULL", "damaged_row"),
];

#[test]
fn a_sound_store_has_no_errors() {
    let store = filled();
    let report = store.verify(READ_ALL);
    assert_eq!(report["error_count"], 0, "{report:#}");
    assert_eq!(
        report["reclaimable"],
        json!({"orphan_files": 0, "temporary_files": 0, "doomed_files": 0, "bytes": 0})
    );
    let checked = &report["checked"];
    assert_eq!(checked["contents"], 6, "{report:#}");
    assert_eq!(checked["hashes"], 6, "{report:#}");
    assert_eq!(checked["files"], 1, "{report:#}");
    assert_eq!(checked["edges"], 5, "{report:#}");
    assert_eq!(checked["metadata"], 2, "{report:#}");
    assert_eq!(checked["work"], 3, "{report:#}");
    assert_eq!(report["not_checked"], json!([]));
}

/// Delayed, held and finished items, some of which moved to another place.
#[test]
fn a_sound_queue_has_no_errors() {
    let store = Store::new();
    let later = json!({"status": "ready", "not_before": "2999-01-01T00:00:00Z"});
    for number in 0..6 {
        let path = format!("/jobs/{number}");
        store.write(&path, &path);
        store.set_meta(&path, json!({"status": "ready", "priority": number}));
    }
    store.write("/later", "");
    store.set_meta("/later", later);
    let options = ClaimOptions {
        max: 5,
        ..ClaimOptions::default()
    };
    let held = store.fs.work_claim("ann", &options).unwrap();
    let lease = |number: usize| held[number].lease;
    assert_eq!(held.len(), 5);
    store.fs.work_complete("/jobs/0", lease(0), None).unwrap();
    store
        .fs
        .work_fail("/jobs/1", lease(1), "no", 60_000)
        .unwrap();
    store.fs.work_release("/jobs/2", lease(2)).unwrap();
    for (from, to) in [("/later", "/x/later"), ("/jobs/3", "/y/z/3")] {
        store.fs.rename(from, to, &Default::default()).unwrap();
    }
    store
        .fs
        .copy("/x/later", "/w/later", &Default::default())
        .unwrap();
    let report = store.verify(READ_ALL);
    assert_eq!(report["error_count"], 0, "{report:#}");
    assert_eq!(report["checked"]["work"], 8, "{report:#}");
    // The rules say which scope a directory belongs to.
    let rule =
        json!([{"name": "y", "requires_tenant": true}, {"name": "x", "requires_tenant": true}]);
    let ruled = store.handle(json!({"namespaces": rule, "is_admin": true}));
    let report = verify(&ruled, READ_ALL);
    assert_eq!(report["error_count"], 0, "after new rules: {report:#}");
}

#[test]
fn a_flipped_bit_in_a_file_is_found_by_reading() {
    let store = filled();
    flip_bit(&content_file(&store.data(), &noise(LARGE, 1)));
    assert_eq!(store.kinds(ROWS), [""; 0], "nobody looked at the bytes");
    let report = store.verify(READ_ALL);
    assert_eq!(report["error_count"], 1, "{report:#}");
    let error = &report["errors"][0];
    assert_eq!(error["kind"], "damaged_content");
    assert_eq!(error["path"], "/docs/sub/large.bin");
    assert_eq!(error["hash"].as_str().unwrap().len(), 64);
}

#[test]
fn a_flipped_bit_in_the_database_is_found_by_reading() {
    let store = filled();
    store.damage("UPDATE content SET data = x'62' WHERE data = x'61'");
    let report = store.verify(READ_ALL);
    assert_eq!(report["error_count"], 1, "{report:#}");
    assert_eq!(report["errors"][0]["kind"], "damaged_content");
    assert_eq!(report["errors"][0]["path"], "/docs/a.txt");
    assert!(
        report["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("of 2 files"),
        "{report:#}"
    );
}

#[test]
fn a_missing_and_a_truncated_file_are_found_without_reading() {
    let store = filled();
    store.write("/second", noise(LARGE, 2));
    fs::remove_file(content_file(&store.data(), &noise(LARGE, 1))).unwrap();
    truncate(&content_file(&store.data(), &noise(LARGE, 2)));
    assert_eq!(store.kinds(ROWS), ["missing_content", "truncated_content"]);
    assert_eq!(
        store.kinds(READ_ALL),
        ["missing_content", "truncated_content"]
    );
}

#[test]
fn each_kind_of_wrong_row_is_found() {
    for (sql, kind) in CASES {
        let store = filled();
        store.damage(sql);
        let report = store.verify(ROWS);
        let kinds = crate::store::kinds(&report);
        assert!(kinds.iter().any(|found| found == kind), "{sql}: {report:#}");
    }
}

#[test]
fn an_edge_that_should_be_open_is_found() {
    let store = filled();
    store.damage(
        "UPDATE edges SET open = 0 WHERE blocker_id = (SELECT path_id FROM work WHERE path = '/jobs/2');
         UPDATE work SET open_edges = (SELECT count(*) FROM edges WHERE item_id = path_id AND open)",
    );
    assert_eq!(store.kinds(ROWS), ["wrong_edge", "wrong_edge"]);
}

/// Reference counts are entries of an index.
#[test]
fn a_count_that_is_too_high_is_found() {
    let store = filled();
    store.change_index(
        "paths_by_content",
        "WHERE etag IS NOT NULL",
        "WHERE etag IS NULL",
    );
    store.damage("DELETE FROM paths WHERE path = '/docs/copy of a.txt'");
    store.change_index(
        "paths_by_content",
        "WHERE etag IS NULL",
        "WHERE etag IS NOT NULL",
    );
    let etag = store.fs.stat("/docs/a.txt").unwrap().file.unwrap().etag;
    let info = store.fs.content_info(&etag.to_string()).unwrap();
    assert!(info.contains("\"ref_count\":2"), "of one path: {info}");
    let report = store.verify(ROWS);
    assert_eq!(crate::store::kinds(&report), ["index"], "{report:#}");
}

#[test]
fn an_index_without_an_entry_is_found() {
    let store = filled();
    store.change_index("metadata_by_value", "path)", "path) WHERE key IS NULL");
    store.damage("INSERT INTO metadata VALUES ('/empty', 'k', '1', zeroblob(16))");
    store.change_index("metadata_by_value", " WHERE key IS NULL", "");
    let report = store.verify(ROWS);
    let kinds = crate::store::kinds(&report);
    assert!(kinds.contains(&"index".to_owned()), "{report:#}");
}

#[test]
fn files_of_nobody_are_reclaimable_and_no_error() {
    let store = filled();
    let orphan = content_file(&store.data(), b"orphan");
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, "orphan").unwrap();
    fs::write(
        store
            .data()
            .join("tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"),
        "four",
    )
    .unwrap();
    fs::write(store.data().join("tmp/of somebody else"), "not counted").unwrap();
    let report = store.verify(READ_ALL);
    assert_eq!(report["error_count"], 0, "{report:#}");
    assert_eq!(
        report["reclaimable"],
        json!({"orphan_files": 1, "temporary_files": 1, "doomed_files": 0, "bytes": 10})
    );
    store.fs.gc(&mut |_, _, _| true).unwrap();
    assert_eq!(store.verify(READ_ALL)["reclaimable"]["bytes"], 0);
}

#[test]
fn a_wrong_marker_is_found() {
    let store = Store::with_mount();
    fs::remove_file(store.beside("disk/nexus-store")).unwrap();
    fs::write(store.data().join("nexus-store"), "x").unwrap();
    let report = store.verify(ROWS);
    assert_eq!(
        crate::store::kinds(&report),
        ["wrong_marker", "wrong_marker"],
        "{report:#}"
    );
}

#[test]
fn contents_of_a_backend_that_is_not_mounted_are_named() {
    let store = Store::with_mount();
    store.write("/disk/a", "12345");
    store.write("/b", "b");
    let without = store.handle(json!({"mounts": []}));
    fs::remove_file(content_file(&store.beside("disk"), b"12345")).unwrap();
    let report = verify(&without, READ_ALL);
    assert_eq!(report["error_count"], 0, "{report:#}");
    assert_eq!(
        report["not_checked"],
        json!([{"backend": "disk", "contents": 1, "bytes": 5}])
    );
    assert_eq!(store.kinds(ROWS), ["missing_content"]);
}

#[test]
fn a_tenant_cannot_verify() {
    let store = filled();
    let tenant = store.fs.with_identity(Some("acme"), None).unwrap();
    let error = tenant.verify(READ_ALL, &mut |_, _, _| true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    let admin = store.handle(json!({"tenant_id": "acme", "agent_id": "a", "is_admin": true}));
    assert_eq!(verify(&admin, READ_ALL)["error_count"], 0);
}

#[test]
fn it_can_be_cancelled_at_every_step() {
    let store = filled();
    let mut steps = 0;
    store
        .fs
        .verify(READ_ALL, &mut |_, _, _| {
            steps += 1;
            true
        })
        .unwrap();
    assert!(steps > 10, "{steps} steps");
    for last in 1..=steps {
        let mut step = 0;
        let result = store.fs.verify(READ_ALL, &mut |_, _, _| {
            step += 1;
            step < last
        });
        assert_eq!(
            result.unwrap_err().kind(),
            ErrorKind::Cancelled,
            "at step {last}"
        );
    }
}

#[test]
fn nothing_false_is_reported_while_others_write() {
    let store = Store::with(json!({"inline_max_bytes": 100}));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..3 {
            let (store, stop) = (&store, &stop);
            scope.spawn(move || {
                let mut round: u64 = 0;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    // Contents that come, go and come back; some shared with the other writers.
                    let path = format!("/w{writer}/{}/{}", round % 5, round % 7);
                    store.write(&path, noise(1000, round % 11));
                    store.set_meta(&path, json!({"status": "ready", "k": round}));
                    let waits = format!("/w{writer}/waits");
                    store.write(&waits, noise(50, round));
                    store.set_meta(&waits, json!({"status": "blocked", "depends_on": [path]}));
                    if round.is_multiple_of(3) {
                        store.fs.delete(&path, &Conditions::default()).unwrap();
                    }
                    if round.is_multiple_of(20) {
                        let _ = store.fs.rmdir(&format!("/w{writer}"), true);
                    }
                }
            });
        }
        for round in 0..25 {
            let report = store.verify(READ_ALL);
            if report["error_count"] != 0 {
                stop.store(true, Ordering::Relaxed);
            }
            assert_eq!(report["error_count"], 0, "round {round}: {report:#}");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_keeps_a_part_of_the_check_from_being_made_is_found() {
    for sql in [
        "UPDATE backends SET name = 'locam'",
        "UPDATE backends SET name = CAST(x'6cefff' AS TEXT)",
        "UPDATE backends SET uuid = CAST(x'6cefff' AS TEXT)",
    ] {
        let store = filled();
        store.damage("UPDATE content SET data = x'62' WHERE data = x'61'");
        store.damage(sql);
        let report = store.verify(READ_ALL);
        let kinds = crate::store::kinds(&report);
        assert!(kinds.contains(&"database".to_owned()), "{sql}: {report:#}");
        let found = kinds.contains(&"damaged_content".to_owned());
        assert!(found, "{sql}: the rest was not checked: {report:#}");
        let repair = VerifyOptions {
            content: true,
            repair: true,
        };
        let report = store.verify(repair);
        assert_eq!(report["lost_count"], 0, "{sql}: {report:#}");
    }
}

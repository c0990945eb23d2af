use std::fs;

use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{ClaimOptions, Filesystem, VerifyOptions};
use serde_json::{Value, json};

use crate::store::{
    LARGE, READ_ALL, Store, content_file, flip_bit, flip_in_index, noise, truncate,
};
use crate::verify::{CASES, filled};

const REPAIR: VerifyOptions = VerifyOptions {
    content: true,
    repair: true,
};

/// Repairs the store; afterwards nothing is wrong and nothing is to be reclaimed.
fn repair(store: &Store, what: &str) -> Value {
    let report = store.verify(REPAIR);
    assert_eq!(report["remaining_count"], 0, "{what}: {report:#}");
    assert_ne!(report["error_count"], 0, "{what}: {report:#}");
    let after = store.verify(READ_ALL);
    assert_eq!(
        after["error_count"], 0,
        "{what}: {report:#}\nafter: {after:#}"
    );
    assert_eq!(after["reclaimable"]["bytes"], 0, "{what}: {after:#}");
    report
}

fn lost_paths(report: &Value) -> Vec<&str> {
    let lost = report["lost"].as_array().unwrap();
    assert_eq!(report["lost_count"], lost.len());
    lost.iter()
        .map(|entry| entry["path"].as_str().unwrap())
        .collect()
}

fn names(fs: &Filesystem) -> Vec<String> {
    let page = fs.list(&Default::default()).unwrap();
    page.entries
        .iter()
        .map(|entry| entry.path.to_string())
        .collect()
}

fn lease_sequence(store: &Store) -> i64 {
    let database = store.data().join("metadata.db");
    let connection = rusqlite::Connection::open(database).unwrap();
    connection
        .query_row("SELECT lease_sequence FROM store", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn a_sound_store_is_left_alone() {
    let store = filled();
    let sequence = lease_sequence(&store);
    let report = store.verify(REPAIR);
    assert_eq!(report["error_count"], 0);
    assert_eq!(report["repaired"], json!([]));
    assert_eq!(report["lost_list"], json!(null));
    assert!(!store.data().join("quarantine").exists());
    assert_eq!(lease_sequence(&store), sequence);
}

#[test]
fn every_kind_of_wrong_row_is_mended() {
    for (sql, kind) in CASES {
        let store = filled();
        let before = names(&store.fs);
        store.damage(sql);
        let report = repair(&store, sql);
        assert_ne!(report["repaired_count"], 0, "{kind}: {report:#}");
        assert!(
            lease_sequence(&store) > 1 << 40,
            "{kind}: tokens could come twice"
        );
        // Whatever could be read before and was not hit is still there.
        let lost = lost_paths(&report);
        let after = names(&store.fs);
        let missing = before.iter().filter(|path| !after.contains(path));
        for path in missing {
            let moved = *kind == "file_above" || *kind == "invalid_path";
            assert!(
                lost.contains(&path.as_str()) || moved,
                "{sql}: {path} vanished: {report:#}"
            );
        }
        for path in &after {
            let read = store.fs.read(path);
            assert!(read.is_ok(), "{sql}: {path}: {read:?}");
        }
        // And the store goes on working.
        store.write("/docs/new", "new");
        store.set_meta("/docs/new", json!({"status": "ready"}));
        assert_eq!(store.kinds(READ_ALL), [""; 0], "{sql}");
    }
}

#[test]
fn a_file_in_the_way_is_renamed_however_long_its_name_is() {
    for name in ["x".repeat(255), format!("{}xé", "x".repeat(252))] {
        let store = Store::new();
        store.write(&format!("/{name}"), "in the way");
        store.write("/other", "below");
        store.damage(&format!(
            "UPDATE paths SET path = '/{name}/below' WHERE path = '/other'"
        ));
        let report = repair(&store, &name);
        assert!(lost_paths(&report).is_empty(), "{report:#}");
        let renamed = format!("/{}_repaired1", "x".repeat(245));
        assert_eq!(store.fs.read(&renamed).unwrap(), b"in the way");
        assert_eq!(store.fs.read(&format!("/{name}/below")).unwrap(), b"below");
    }
}

/// What stood where no claim looks can be claimed again.
#[test]
fn items_that_the_queue_had_lost_are_claimable_again() {
    for lost in [
        "UPDATE work SET directory = '/none', scope = '/none'",
        "UPDATE work SET delayed = 1, not_before = 5",
        "UPDATE work SET status = 2, worker_id = 'ann', attempts = 1,
                         lease = 5, lease_deadline = 5",
        "UPDATE work SET status = 2, worker_id = 'ann', attempts = 1, lease = 5",
    ] {
        let store = Store::new();
        store.write("/jobs/deep/1", "");
        store.set_meta("/jobs/deep/1", json!({"status": "ready"}));
        store.damage(lost);
        let jobs = ClaimOptions {
            prefix: Some("/jobs/deep/".to_owned()),
            ..ClaimOptions::default()
        };
        let before = store.fs.work_claim("bob", &jobs).unwrap();
        assert!(before.is_empty(), "{lost}: {before:?}");
        repair(&store, lost);
        let claimed = store.fs.work_claim("bob", &jobs).unwrap();
        assert_eq!(claimed.len(), 1, "{lost}: nothing to claim");
        assert_eq!(claimed[0].path.as_str(), "/jobs/deep/1");
        assert_eq!(store.kinds(READ_ALL), [""; 0], "{lost}");
    }
}

#[test]
fn an_item_whose_status_is_damaged_waits_for_a_person() {
    let store = filled();
    store.damage(
        "PRAGMA ignore_check_constraints = ON;
         UPDATE work SET status = 9, lease = 5, lease_deadline = 5 WHERE path = '/jobs/2'",
    );
    repair(&store, "a status that there is not");
    let status = store.fs.get_meta("/jobs/2", "status").unwrap();
    assert_eq!(status, "\"pending\"");
    let waiting = store.fs.work_explain("/jobs/1").unwrap();
    assert!(waiting.contains("/jobs/2"), "{waiting}");
}

#[test]
fn files_of_a_damaged_content_are_listed_and_their_bytes_kept() {
    let store = filled();
    store.write("/second", noise(LARGE, 1));
    store.set_meta(
        "/second",
        json!({"owner": "ann", "status": "ready", "priority": 3}),
    );
    store.set_meta("/jobs/2", json!({"depends_on": ["/second"]}));
    let file = content_file(&store.data(), &noise(LARGE, 1));
    flip_bit(&file);
    let damaged = fs::read(&file).unwrap();
    let report = repair(&store, "a flipped bit");
    assert_eq!(lost_paths(&report), ["/docs/sub/large.bin", "/second"]);
    let second = &report["lost"][1];
    assert_eq!(second["size"], LARGE);
    assert_eq!(second["etag"].as_str().unwrap().len(), 64);
    assert_eq!(
        second["metadata"],
        json!({"owner": "ann", "status": "ready", "priority": 3})
    );
    let kept = store.data().join(second["quarantined"].as_str().unwrap());
    assert!(
        fs::read(kept).unwrap() == damaged,
        "the bytes are not those that were found"
    );
    let list =
        fs::read_to_string(store.data().join(report["lost_list"].as_str().unwrap())).unwrap();
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(
        !store.fs.exists("/docs/sub").unwrap(),
        "an implied directory of nothing stayed"
    );
    assert!(!file.exists());
    // What waited for the lost file goes on waiting.
    let explained = store.fs.work_explain("/jobs/2").unwrap();
    assert!(
        explained.contains("/second") && explained.contains("deleted before it was completed"),
        "{explained}"
    );
    // The same bytes can be written again.
    store.write("/second", noise(LARGE, 1));
    assert!(store.fs.read("/second").unwrap() == noise(LARGE, 1));
}

#[test]
fn damaged_bytes_of_the_database_are_kept_in_a_file() {
    let store = filled();
    store.damage("UPDATE content SET data = x'6262' WHERE data = x'61'");
    let report = repair(&store, "inline");
    assert_eq!(lost_paths(&report), ["/docs/a.txt", "/docs/copy of a.txt"]);
    let kept = store
        .data()
        .join(report["lost"][0]["quarantined"].as_str().unwrap());
    assert_eq!(fs::read(kept).unwrap(), b"bb");
    assert_eq!(report["lost"][0]["metadata"]["owner"], "ann");
}

#[test]
fn missing_and_truncated_files_are_given_up() {
    let store = filled();
    store.write("/second", noise(LARGE, 2));
    fs::remove_file(content_file(&store.data(), &noise(LARGE, 1))).unwrap();
    truncate(&content_file(&store.data(), &noise(LARGE, 2)));
    let report = repair(&store, "missing and truncated");
    assert_eq!(lost_paths(&report), ["/docs/sub/large.bin", "/second"]);
    assert_eq!(report["lost"][0]["quarantined"], json!(null));
    let kept = store
        .data()
        .join(report["lost"][1]["quarantined"].as_str().unwrap());
    assert_eq!(fs::metadata(kept).unwrap().len(), LARGE as u64 - 1);
}

#[test]
fn what_can_be_saved_is_not_lost() {
    for sql in [
        "DELETE FROM content WHERE data IS NULL",
        "UPDATE content SET blocks = NULL WHERE data IS NULL",
        "UPDATE content SET size = 5 WHERE data IS NULL",
        "UPDATE paths SET size = 7 WHERE path = '/docs/sub/large.bin'",
        "UPDATE paths SET size = 7 WHERE path = '/docs/a.txt'",
        "UPDATE content SET size = 9 WHERE data = x'61'",
    ] {
        let store = filled();
        store.damage(sql);
        let report = repair(&store, sql);
        assert_eq!(report["lost"], json!([]), "{sql}: {report:#}");
        let steps = report["repaired"].to_string();
        assert!(!steps.contains("quarantine"), "{sql}: {steps}");
        assert!(
            store.fs.read("/docs/sub/large.bin").unwrap() == noise(LARGE, 1),
            "{sql}"
        );
        assert_eq!(store.fs.read("/docs/a.txt").unwrap(), b"a", "{sql}");
    }
}

#[test]
fn every_step_is_told_before_the_first_is_taken() {
    let store = filled();
    flip_bit(&content_file(&store.data(), &noise(LARGE, 1)));
    store.damage("UPDATE work SET open_edges = 7 WHERE path = '/jobs/0'");
    let mut told = Vec::new();
    let result = store.fs.verify(REPAIR, &mut |_, total, what| {
        if what.starts_with("repair: ") {
            told.push(what.to_owned());
            return told.len() < total as usize;
        }
        true
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|step| step.contains("/jobs/0")), "{told:?}");
    assert!(
        told.iter().any(|step| step.contains("quarantine")),
        "{told:?}"
    );
    assert_eq!(
        store.kinds(READ_ALL),
        ["wrong_count", "damaged_content"],
        "a repair that was cancelled before its first step changed something"
    );
}

#[test]
fn orphans_and_left_files_go_with_a_repair() {
    let store = filled();
    let orphan = content_file(&store.data(), b"orphan");
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, "orphan").unwrap();
    fs::write(
        store
            .data()
            .join("tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"),
        "x",
    )
    .unwrap();
    let report = store.verify(REPAIR);
    assert_eq!(report["reclaimable"]["orphan_files"], 1);
    assert!(!orphan.exists());
    assert_eq!(store.verify(READ_ALL)["reclaimable"]["bytes"], 0);
}

#[test]
fn a_count_that_is_wrong_is_right_again() {
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
    let report = repair(&store, "a stale entry");
    assert_eq!(report["lost"], json!([]));
    let etag = store.fs.stat("/docs/a.txt").unwrap().file.unwrap().etag;
    let info = store.fs.content_info(&etag.to_string()).unwrap();
    assert!(info.contains("\"ref_count\":1"), "{info}");
}

#[test]
fn a_missing_mark_is_made_and_a_foreign_one_left() {
    let store = Store::with_mount();
    store.write("/disk/a", "a");
    fs::remove_file(store.beside("disk/nexus-store")).unwrap();
    repair(&store, "a missing mark");
    assert_eq!(store.handle(json!({})).read("/disk/a").unwrap(), b"a");
    let other = Store::new();
    fs::copy(
        other.data().join("nexus-store"),
        store.beside("disk/nexus-store"),
    )
    .unwrap();
    let report = store.verify(REPAIR);
    assert_eq!(report["remaining"][0]["kind"], "wrong_marker", "{report:#}");
}

#[test]
fn contents_of_a_mount_are_quarantined_there() {
    let store = Store::with_mount();
    store.write("/disk/a", "12345");
    let file = content_file(&store.beside("disk"), b"12345");
    flip_bit(&file);
    let report = repair(&store, "on a mount");
    assert_eq!(report["lost"][0]["backend"], "disk");
    let kept = store
        .beside("disk")
        .join(report["lost"][0]["quarantined"].as_str().unwrap());
    assert_eq!(fs::metadata(kept).unwrap().len(), 5);
}

#[test]
fn a_tenant_cannot_repair() {
    let store = filled();
    let tenant = store.fs.with_identity(Some("acme"), None).unwrap();
    let error = tenant.verify(REPAIR, &mut |_, _, _| true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
}

/// Rows of a file or of its content that contradict its bytes, which are good.
#[test]
fn damaged_rows_of_good_bytes_are_corrected() {
    for path in ["/docs/a.txt", "/docs/sub/large.bin"] {
        let of_file = format!("UPDATE paths SET {{}} WHERE path = '{path}'");
        let of_content = format!(
            "UPDATE content SET {{}} WHERE id = (SELECT content_id FROM paths WHERE path = '{path}')"
        );
        for (template, change) in [
            (&of_file, "etag = CAST(x'00' || substr(etag, 2) AS BLOB)"),
            (&of_file, "etag = x'00'"),
            (&of_file, "backend_id = 65"),
            (&of_file, "kind = 2"),
            (&of_file, "kind = 3"),
            (&of_file, "mime_type = NULL"),
            (&of_file, "mime_given = NULL"),
            (&of_file, "version = 0"),
            (&of_file, "path_id = NULL"),
            (&of_file, "created_at = 'x'"),
            (&of_file, "modified_at = 'x'"),
            (&of_content, "hash = CAST(x'00' || substr(hash, 2) AS BLOB)"),
            (&of_content, "hash = x'00'"),
            (&of_content, "backend_id = 9"),
        ] {
            let sql = template.replace("{}", change);
            let store = filled();
            store.write("/unhit", "a");
            let before = names(&store.fs);
            let bytes = store.fs.read(path).unwrap();
            let file = store.fs.stat(path).unwrap().file.unwrap();
            store.set_meta(path, json!({"k": 1, "status": "ready"}));
            let meta = store.fs.list_meta(path).unwrap();
            store.damage(&sql);
            let report = repair(&store, &sql);
            assert_eq!(report["lost"], json!([]), "{sql}: {report:#}");
            assert_eq!(names(&store.fs), before, "{sql}: {report:#}");
            assert!(store.fs.read(path).unwrap() == bytes, "{sql}");
            let now = store.fs.stat(path).unwrap().file.unwrap();
            assert_eq!(now.etag, file.etag, "{sql}");
            assert_eq!(now.mime_type, file.mime_type, "{sql}");
            assert_eq!(store.fs.list_meta(path).unwrap(), meta, "{sql}");
        }
    }
}

/// A file that says that it is a directory, and something lies below it: it cannot be both.
#[test]
fn a_file_that_became_a_directory_is_listed_and_its_bytes_kept() {
    let store = filled();
    store.write("/other", "below");
    store.damage(
        "UPDATE paths SET kind = 3 WHERE path = '/docs/a.txt';
         UPDATE paths SET path = '/docs/a.txt/below' WHERE path = '/other'",
    );
    let report = repair(&store, "kind");
    assert_eq!(lost_paths(&report)[0], "/docs/a.txt", "{report:#}");
    let kept = report["lost"][0]["quarantined"].as_str().unwrap();
    assert_eq!(fs::read(store.data().join(kept)).unwrap(), b"a");
    assert_eq!(store.fs.read("/docs/a.txt/below").unwrap(), b"below");
}

/// A file whose row says nothing true any more: its bytes are kept although nobody knows whose they are.
#[test]
fn bytes_that_no_row_names_any_more_are_kept() {
    for (path, bytes) in [
        ("/jobs/2", b"/jobs/2".to_vec()),
        ("/docs/sub/large.bin", noise(LARGE, 1)),
    ] {
        let store = filled();
        store.damage(&format!(
            "UPDATE paths SET etag = zeroblob(32), content_id = 12345 WHERE path = '{path}'"
        ));
        let report = repair(&store, path);
        assert_eq!(lost_paths(&report), [path], "{report:#}");
        let list = store.data().join(report["lost_list"].as_str().unwrap());
        let list = fs::read_to_string(list).unwrap();
        let kept = list
            .lines()
            .filter_map(|line| {
                let entry: Value = serde_json::from_str(line).unwrap();
                Some(entry["quarantined"].as_str()?.to_owned())
            })
            .map(|name| fs::read(store.data().join(name)).unwrap());
        assert!(kept.into_iter().any(|kept| kept == bytes), "{list}");
    }
}

/// While the content of a damaged file is looked for, a user writes another file, which gets the id.
#[test]
fn a_file_that_came_to_have_the_id_of_a_damaged_content_is_left_alone() {
    for damage in [
        "UPDATE content SET blocks = NULL WHERE id = ID",
        "UPDATE content SET data = x'62' WHERE id = ID",
    ] {
        let store = Store::new();
        store.write("/keep", "k");
        let is_inline = damage.contains("data");
        let old = if is_inline {
            b"old".to_vec()
        } else {
            noise(LARGE, 1)
        };
        store.write("/old", &old);
        let database = store.data().join("metadata.db");
        let id = || -> i64 {
            let connection = rusqlite::Connection::open(&database).unwrap();
            connection
                .query_row("SELECT max(id) FROM content", [], |row| row.get(0))
                .unwrap()
        };
        let before = id();
        store.damage(&damage.replace("ID", &before.to_string()));
        let mut done = false;
        let report = store.fs.verify(REPAIR, &mut |_, _, what| {
            if what.starts_with("repair: ") && !done {
                done = true;
                store.fs.delete("/old", &Default::default()).unwrap();
                store.write("/new", "acknowledged");
            }
            true
        });
        let report: Value = serde_json::from_str(&report.unwrap()).unwrap();
        assert!(done, "{report:#}");
        assert_eq!(id(), before, "the id was not used again");
        assert_eq!(report["lost_count"], 0, "{report:#}");
        assert_eq!(report["remaining_count"], 0, "{report:#}");
        assert_eq!(store.fs.read("/new").unwrap(), b"acknowledged");
        assert_eq!(store.kinds(READ_ALL), [""; 0]);
    }
}

/// While a table cannot be read, what is not found there may be there all the same.
#[test]
fn nothing_is_removed_while_paths_cannot_be_read() {
    let store = Store::new();
    store.write("/d/large", noise(LARGE, 1));
    store.write("/d/small", "small");
    for number in 0..200 {
        store.write(&format!("/z/{number:03}{}", "x".repeat(100)), "q");
    }
    let directory = store.data();
    store.damage_file(|bytes| {
        flip_in_index(bytes, "/d/large", &noise(LARGE, 1));
        flip_in_index(bytes, "/d/small", b"small");
        // A page of `paths`, which has types; with none of the files above.
        let has = |page: &[u8], text: &[u8]| page.windows(text.len()).any(|found| found == text);
        let page = bytes
            .chunks_mut(4096)
            .find(|page| has(page, b"/z/150x") && has(page, b"application/octet-stream"));
        page.unwrap()[0] = 0;
    });
    drop(store.fs);
    let config = json!({"data_dir": directory, "durability": "normal"}).to_string();
    let fs = nexusfs::connect(Some(&config)).unwrap();
    let report = crate::store::verify(&fs, REPAIR);
    assert_ne!(report["remaining_count"], 0, "{report:#}");
    assert_eq!(report["lost_count"], 0, "{report:#}");
    assert!(fs.read("/d/large").unwrap() == noise(LARGE, 1));
    assert_eq!(fs.read("/d/small").unwrap(), b"small");
}

#[test]
fn a_path_that_is_no_text_gets_a_name() {
    let store = filled();
    store.damage(
        "UPDATE paths SET path = CAST(x'2f646f63732fe12e747874' AS TEXT) WHERE path = '/docs/a.txt';
         UPDATE paths SET path = CAST(x'2f6a6f62732fb2' AS TEXT) WHERE path = '/jobs/2';
         UPDATE paths SET path = CAST(x'2f656d70f479' AS TEXT) WHERE path = '/empty'",
    );
    let error = store.fs.list(&Default::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let report = repair(&store, "no text");
    assert_eq!(report["lost"], json!([]), "{report:#}");
    // What other rows know of it tells what its name was.
    assert_eq!(store.fs.read("/docs/a.txt").unwrap(), b"a");
    assert_eq!(
        store.fs.get_meta("/docs/a.txt", "owner").unwrap(),
        "\"ann\""
    );
    assert_eq!(store.fs.read("/jobs/2").unwrap(), b"/jobs/2");
    assert_eq!(
        store.fs.get_meta("/jobs/2", "status").unwrap(),
        "\"blocked\""
    );
    assert_eq!(store.fs.read("/emp_y").unwrap(), b"");
}

#[test]
fn paths_with_one_id_get_two() {
    let store = filled();
    let id = store.fs.path_id("/jobs/2").unwrap();
    let (with, without) = ("WHERE path_id IS NOT NULL", "WHERE path_id IS NULL");
    store.change_index("paths_by_id", with, without);
    store.damage(
        "UPDATE paths SET path_id = (SELECT path_id FROM paths WHERE path = '/jobs/2')
         WHERE path = '/docs/a.txt'",
    );
    store.change_index("paths_by_id", without, with);
    let report = repair(&store, "one id");
    assert_eq!(report["failed_steps"], json!([]), "{report:#}");
    assert_eq!(report["lost"], json!([]), "{report:#}");
    assert_eq!(store.fs.path_id("/jobs/2").unwrap(), id);
    assert_ne!(store.fs.path_id("/docs/a.txt").unwrap(), id);
}

#[test]
fn a_file_in_the_way_gets_a_name_that_nothing_is_said_of() {
    let store = Store::new();
    store.write("/f", "in the way");
    store.set_meta("/f", json!({"k": 1, "status": "ready"}));
    store.write("/other", "below");
    store.damage(
        "UPDATE paths SET path = '/f/below' WHERE path = '/other';
         INSERT INTO metadata SELECT '/f_repaired1', key, value, digest FROM metadata;
         INSERT INTO work (path, path_id, created_at, directory, scope, rank)
         VALUES ('/f_repaired2', zeroblob(16), 1, '', '', 1)",
    );
    let report = repair(&store, "aside");
    assert_eq!(report["failed_steps"], json!([]), "{report:#}");
    assert_eq!(store.fs.read("/f_repaired3").unwrap(), b"in the way");
    assert_eq!(store.fs.get_meta("/f_repaired3", "k").unwrap(), "1");
}

/// A step that fails is told, and keeps no other from being taken.
#[test]
fn a_step_that_fails_does_not_end_a_repair() {
    let store = filled();
    store.damage(
        "UPDATE content SET data = x'6262' WHERE data = x'61';
         UPDATE work SET open_edges = 7 WHERE path = '/jobs/0';
         CREATE TRIGGER broken BEFORE UPDATE ON work
         BEGIN SELECT raise(ABORT, 'the row cannot be changed'); END",
    );
    let report = store.verify(REPAIR);
    let failed = report["failed_steps"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{report:#}");
    assert!(failed[0]["step"].as_str().unwrap().contains("/jobs/0"));
    assert!(
        failed[0]["message"]
            .as_str()
            .unwrap()
            .contains("cannot be changed")
    );
    assert_eq!(report["remaining"][0]["kind"], "wrong_count", "{report:#}");
    assert_eq!(report["remaining_count"], 1, "{report:#}");
    assert_eq!(report["lost_count"], 2, "{report:#}");
}

/// More than a report lists, and nothing can be done about them.
#[test]
fn what_cannot_be_mended_does_not_hide_the_rest() {
    let store = Store::with_mount();
    for number in 0..1001 {
        store.write(&format!("/disk/{number}"), format!("{number}"));
    }
    store.write("/x", "x");
    fs::remove_dir_all(store.beside("disk/cas")).unwrap();
    store.damage("UPDATE content SET data = CAST('y' AS BLOB) WHERE data = CAST('x' AS BLOB)");
    let readonly = store.handle(json!({"mounts": [{
        "name": "disk", "path": "/disk", "backend": "local", "readonly": true,
        "root": store.beside("disk")
    }]}));
    let report = crate::store::verify(&readonly, REPAIR);
    assert_eq!(lost_paths(&report), ["/x"], "{}", report["lost"]);
    assert_eq!(report["remaining_count"], 1001);
    assert_eq!(report["remaining"].as_array().unwrap().len(), 1000);
}

use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{ImportMode, ImportOptions};
use serde_json::{Value, json};

use crate::store::{Store, line, mode, with};

/// `/jobs/0` waits for `/jobs/1`, that for `/jobs/2`, and `/jobs/2` for `/base`.
fn chain() -> Store {
    let store = Store::new();
    for path in ["/base", "/jobs/0", "/jobs/1", "/jobs/2"] {
        store.write(path, path);
        store.set_meta(path, json!({"status": "blocked"}));
    }
    store.set_meta("/jobs/0", json!({"depends_on": "/jobs/1"}));
    store.set_meta("/jobs/1", json!({"depends_on": "/jobs/2"}));
    store.set_meta("/jobs/2", json!({"depends_on": ["/base"]}));
    store
}

fn of_jobs(store: &Store) -> Vec<Value> {
    let mut lines = store.lines();
    lines.retain(|line| line["path"].as_str().unwrap().starts_with("/jobs/"));
    lines
}

fn id(store: &Store, path: &str) -> Value {
    json!(store.fs.path_id(path).unwrap().to_string())
}

#[test]
fn dependencies_come_back_in_any_order_of_the_lines() {
    let store = chain();
    let before = store.state();
    let lines = of_jobs(&store);
    for reverse in [false, true] {
        store
            .fs
            .copy("/jobs", "/kept", &Default::default())
            .unwrap();
        store.fs.rmdir("/jobs", true).unwrap();
        let mut lines = lines.clone();
        if reverse {
            lines.reverse();
        }
        store.import(&lines, &ImportOptions::default()).unwrap();
        store.fs.rmdir("/kept", true).unwrap();
        assert_eq!(store.state(), before, "reversed: {reverse}");
    }
    store.set_meta("/base", json!({"status": "completed"}));
    assert_eq!(store.meta("/jobs/2")["status"], "ready", "the edge works");
}

#[test]
fn overwriting_items_with_themselves_changes_nothing() {
    let store = chain();
    let before = store.state();
    let report = store
        .import(&store.lines(), &mode(ImportMode::Overwrite))
        .unwrap();
    assert_eq!(report["updated"], 4);
    assert_eq!(store.state(), before);
}

#[test]
fn dependencies_of_remapped_items_stay_among_them() {
    let store = chain();
    let before = of_jobs(&store);
    store.import(&before, &mode(ImportMode::Remap)).unwrap();
    assert_eq!(of_jobs(&store).len(), 6);
    let dependency = |path: &str| store.meta(path)["depends_on"].clone();
    assert_eq!(
        dependency("/jobs/0_imported1"),
        json!([id(&store, "/jobs/1_imported1")])
    );
    assert_eq!(
        dependency("/jobs/1_imported1"),
        json!([id(&store, "/jobs/2_imported1")])
    );
    assert_eq!(
        dependency("/jobs/2_imported1"),
        json!([id(&store, "/base")])
    );
    assert_eq!(dependency("/jobs/0"), json!([id(&store, "/jobs/1")]));
}

#[test]
fn a_dependency_on_a_skipped_line_is_one_on_what_stays() {
    let store = chain();
    let lines = of_jobs(&store);
    store.delete("/jobs/0");
    store.delete("/jobs/1");
    store.write("/jobs/1", "another file of this name");
    store.write("/keeps content", "/jobs/0");
    let report = store.import(&lines, &mode(ImportMode::Skip)).unwrap();
    assert_eq!(
        (&report["created"], &report["skipped"]),
        (&json!(1), &json!(2))
    );
    let stays = id(&store, "/jobs/1");
    assert_ne!(stays, lines[1]["path_id"]);
    assert_eq!(store.meta("/jobs/0")["depends_on"], json!([stays]));
}

/// A store with an item at `/job`, its line with another id than `/job` has, and a line that depends on that.
fn replaced_under_another_id(own_id: &Value) -> (Store, Vec<Value>) {
    let store = Store::new();
    store.write("/job", "job");
    let line =
        |path: &str, metadata: Value| with(line(path, "job"), json!({"custom_metadata": metadata}));
    let depends_on = json!([id(&store, "/job")]);
    let lines = vec![
        with(line("/job", json!({"k": 1})), json!({"path_id": own_id})),
        line(
            "/next",
            json!({"status": "blocked", "depends_on": depends_on}),
        ),
    ];
    (store, lines)
}

#[test]
fn a_dependency_on_a_file_that_the_import_replaces_under_another_id_is_lost() {
    let own = json!("0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000");
    let (store, mut lines) = replaced_under_another_id(&own);
    let replaced = id(&store, "/job");
    // The item that replaces another may have waited for it, too.
    lines[0]["custom_metadata"] = json!({"status": "blocked", "depends_on": [replaced]});
    let report = store.import(&lines, &mode(ImportMode::Overwrite)).unwrap();
    assert_eq!(id(&store, "/job"), own);
    assert_eq!(
        report["lost_dependencies"],
        json!([
            {"path": "/job", "depends_on": replaced},
            {"path": "/next", "depends_on": replaced},
        ])
    );
    for path in ["/job", "/next"] {
        let lost = json!({"status": "pending", "depends_on": []});
        assert_eq!(store.meta(path), lost, "{path}");
    }
}

#[test]
fn a_dependency_on_a_file_that_keeps_its_id_stays() {
    let (store, mut lines) = replaced_under_another_id(&Value::Null);
    store.write("/other", "other");
    let kept = id(&store, "/job");
    // A line without an id, and one whose id another file has.
    for own in [Value::Null, id(&store, "/other")] {
        lines[0]["path_id"] = own;
        let report = store.import(&lines, &mode(ImportMode::Overwrite)).unwrap();
        assert_eq!(report["lost_dependencies"], json!([]), "{report}");
        assert_eq!(id(&store, "/job"), kept);
        assert_eq!(store.meta("/next")["depends_on"], json!([kept]));
    }
}

#[test]
fn a_dependency_is_lost_if_an_earlier_line_frees_the_id_of_the_replacing_one() {
    let (store, mut lines) = replaced_under_another_id(&Value::Null);
    store.write("/other", "other");
    let freed = id(&store, "/other");
    lines[0]["path_id"] = freed.clone();
    let other = with(
        line("/other", "other"),
        json!({"path_id": "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"}),
    );
    lines.insert(0, other);
    store.import(&lines, &mode(ImportMode::Overwrite)).unwrap();
    assert_eq!(id(&store, "/job"), freed);
    assert_eq!(store.meta("/next")["status"], "pending");
}

#[test]
fn a_cycle_refuses_the_whole_import() {
    let store = chain();
    let before = store.state();
    let mut lines = of_jobs(&store);
    lines[2]["custom_metadata"]["depends_on"] = json!("/jobs/0");
    let error = store
        .import(&lines, &mode(ImportMode::Overwrite))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cycle, "{error}");
    assert_eq!(error.index(), None);
    assert_eq!(store.state(), before);
}

#[test]
fn nobody_works_on_an_imported_item() {
    let store = Store::new();
    store.write("/source", "x");
    let item = with(
        line("/item", "x"),
        json!({"custom_metadata": {
            "status": "in_progress", "worker_id": "w1", "started_at": "2026-01-01T00:00:00Z",
            "attempts": 2, "last_error": "lost", "result": {"n": 1},
            "lease_expires_at": "2026-01-01T00:01:00Z", "priority": 1, "note": "kept",
        }}),
    );
    store.import(&[item], &ImportOptions::default()).unwrap();
    assert_eq!(
        store.meta("/item"),
        json!({"status": "ready", "priority": 1, "note": "kept"})
    );
}

#[test]
fn what_came_of_an_item_is_kept() {
    let store = Store::new();
    store.write("/source", "x");
    let said = json!({
        "status": "completed", "completed_at": "2026-01-01T00:00:00Z", "attempts": 2,
        "last_error": "lost", "result": {"n": 1},
    });
    let lines = [
        with(line("/item", "x"), json!({"custom_metadata": said})),
        with(
            line("/no item", "x"),
            json!({"custom_metadata": {"attempts": 1}}),
        ),
    ];
    store.import(&lines, &ImportOptions::default()).unwrap();
    assert_eq!(store.meta("/item"), said);
    assert_eq!(store.meta("/no item"), json!({"attempts": 1}));
    for wrong in [
        json!({"attempts": -1}),
        json!({"attempts": "2"}),
        json!({"last_error": 5}),
    ] {
        let line = with(line("/wrong", "x"), json!({"custom_metadata": wrong}));
        let error = store
            .import(&[line], &ImportOptions::default())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong}");
    }
}

#[test]
fn items_that_waited_for_a_deleted_one_wait_for_it_again() {
    let store = chain();
    let lines: Vec<Value> = store
        .lines()
        .into_iter()
        .filter(|line| line["path"] == "/base")
        .collect();
    store.write("/keeps content", "/base");
    store.delete("/base");
    store.import(&lines, &ImportOptions::default()).unwrap();
    assert_eq!(id(&store, "/base"), lines[0]["path_id"]);
    assert_eq!(store.meta("/jobs/2")["status"], "blocked");
    store.set_meta("/base", json!({"status": "completed"}));
    assert_eq!(store.meta("/jobs/2")["status"], "ready");
}

#[test]
fn an_export_with_an_item_that_waits_for_a_deleted_one_comes_back() {
    let store = chain();
    store.delete("/base");
    let lines = store.lines();
    for dry_run in [true, false] {
        let options = ImportOptions {
            dry_run,
            ..mode(ImportMode::Overwrite)
        };
        let report = store.import(&lines, &options).unwrap();
        assert_eq!(report["updated"], 3);
        let lost = report["lost_dependencies"].as_array().unwrap();
        assert_eq!(lost.len(), 1, "{report}");
        assert_eq!(lost[0]["path"], "/jobs/2");
    }
    // Whether it may go on, nobody knows.
    let item = store.meta("/jobs/2");
    assert_eq!(item, json!({"status": "pending", "depends_on": []}));
    assert_eq!(store.meta("/jobs/1")["status"], "blocked");
    let error = store
        .fs
        .set_meta_many(
            "/jobs/1",
            r#"{"depends_on": "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"}"#,
        )
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[test]
fn no_more_dependencies_are_set_than_an_import_takes() {
    let store = Store::new();
    store.write("/item", "x");
    let paths: Vec<String> = (0..=20_000).map(|index| format!("/{index}")).collect();
    let set = |paths: &[String]| {
        let object = json!({"depends_on": paths}).to_string();
        store.fs.set_meta_many("/item", &object).unwrap_err()
    };
    let error = set(&paths);
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.to_string().contains("at most 20000"), "{error}");
    let error = set(&paths[1..]);
    assert_eq!(error.kind(), ErrorKind::NotFound, "as many may be: {error}");
}

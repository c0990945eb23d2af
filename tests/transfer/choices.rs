//! `missing_content` and `newer_by`.

use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{ImportMode, ImportOptions, MissingContent, NewerBy};
use serde_json::{Value, json};

use crate::store::{Store, line, mode, with};

const SKIP_MISSING: ImportOptions = ImportOptions {
    mode: ImportMode::Skip,
    dry_run: false,
    invalid_work_keys: nexusfs::filesystem::InvalidWorkKeys::Refuse,
    missing_content: MissingContent::Skip,
    newer_by: NewerBy::Content,
    limits: nexusfs::filesystem::ImportLimits {
        lines: 0,
        bytes: 0,
        unpacked: 0,
    },
};

fn id() -> String {
    "018f0000-0000-7000-8000-000000000001".to_owned()
}

#[test]
fn lines_without_their_content_are_left_out_and_reported() {
    let store = Store::new();
    store.write("/have", "text");
    let gone = with(line("/gone", "nowhere"), json!({"path_id": id()}));
    let waits = with(
        line("/waits", "text"),
        json!({"custom_metadata": {"status": "blocked", "depends_on": [id(), "/gone"]}}),
    );
    let lines = [line("/a", "text"), gone.clone(), waits];
    let error = store.import(&lines, &ImportOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("line 2: "), "{error}");
    for dry_run in [true, false] {
        let options = ImportOptions {
            dry_run,
            ..SKIP_MISSING
        };
        let report = store.import(&lines, &options).unwrap();
        assert_eq!(report["created"], 2, "{report}");
        assert_eq!(report["skipped"], 1, "{report}");
        assert_eq!(
            report["missing"],
            json!([{"path": "/gone", "etag": gone["etag"]}])
        );
        let lost = report["lost_dependencies"].as_array().unwrap();
        assert_eq!(lost.len(), 2, "by id and by path: {report}");
        assert_eq!(store.fs.exists("/a").unwrap(), !dry_run);
        assert!(!store.fs.exists("/gone").unwrap());
    }
    assert_eq!(
        store.meta("/waits")["status"],
        "pending",
        "a person has to decide"
    );
}

#[test]
fn a_wrong_size_is_a_bad_line_even_where_missing_contents_are_left_out() {
    let store = Store::new();
    store.write("/have", "text");
    let lines = [with(line("/a", "text"), json!({"size": 5}))];
    let error = store.import(&lines, &SKIP_MISSING).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
}

#[test]
fn what_others_hold_is_missing_too() {
    let store = Store::new();
    store.write("/workspace/b/x/secret", "secret");
    let tenant = store.handle(json!({"tenant_id": "a"}));
    let lines = [line("/workspace/a/x/guess", "secret")];
    let report = store.import_as(&tenant, &lines, &SKIP_MISSING).unwrap();
    assert_eq!(report["missing"].as_array().unwrap().len(), 1, "{report}");
    assert!(!store.fs.exists("/workspace/a/x/guess").unwrap());
}

/// The line of `/job` as the store exports it, with other metadata.
fn job(store: &Store, metadata: Value) -> Value {
    let mut lines = store.lines();
    lines.retain(|line| line["path"] == "/job");
    with(lines.pop().unwrap(), json!({"custom_metadata": metadata}))
}

fn auto(newer_by: NewerBy) -> ImportOptions {
    ImportOptions {
        newer_by,
        ..mode(ImportMode::Auto)
    }
}

#[test]
fn auto_compares_metadata_and_work_where_it_is_to() {
    let store = Store::new();
    store.write("/job", "text");
    store.set_meta("/job", json!({"status": "ready", "k": {"a": 1, "b": 2}}));
    let same = job(&store, json!({"k": {"b": 2.0, "a": 1}, "status": "ready"}));
    let changed = job(&store, json!({"k": 2, "status": "ready"}));
    let finished = job(
        &store,
        json!({"status": "completed", "completed_at": "9000-01-01T00:00:00Z"}),
    );
    let updated = |line: &Value, newer_by| {
        let report = store
            .import(std::slice::from_ref(line), &auto(newer_by))
            .unwrap();
        report["updated"].as_u64().unwrap()
    };
    for line in [&same, &changed, &finished] {
        assert_eq!(
            updated(line, NewerBy::Content),
            0,
            "the contents are the same: {line}"
        );
    }
    assert_eq!(updated(&same, NewerBy::All), 0, "nothing differs");
    assert_eq!(updated(&changed, NewerBy::All), 1);
    assert_eq!(store.meta("/job")["k"], 2);
    assert_eq!(updated(&finished, NewerBy::All), 1, "its work ended later");
    assert_eq!(store.meta("/job")["status"], "completed");
    assert_eq!(updated(&finished, NewerBy::All), 0);
    assert_eq!(
        updated(&changed, NewerBy::All),
        0,
        "what is stored ended later"
    );
    assert_eq!(store.meta("/job")["status"], "completed");
}

#[test]
fn an_item_that_was_in_progress_is_imported_once() {
    let store = Store::new();
    store.write("/job", "text");
    store.set_meta("/job", json!({"status": "ready"}));
    let running = job(
        &store,
        json!({"status": "in_progress", "worker_id": "w", "started_at": "9000-01-01T00:00:00Z",
               "attempts": 3}),
    );
    let report = store.import(&[running], &auto(NewerBy::All)).unwrap();
    assert_eq!(
        report["updated"], 0,
        "it would be ready, as the stored one is: {report}"
    );
}

#[test]
fn older_contents_never_replace_newer_ones() {
    let store = Store::new();
    store.write("/job", "text");
    let older = with(
        job(&store, json!({"k": 1})),
        json!({"modified_at": "2001-01-01T00:00:00Z"}),
    );
    for newer_by in [NewerBy::Content, NewerBy::All] {
        let report = store
            .import(std::slice::from_ref(&older), &auto(newer_by))
            .unwrap();
        assert_eq!(report["skipped"], 1, "{newer_by:?}");
    }
}

//! Typed keys as metadata.

use nexusfs_core::work::LeaseToken;

use super::*;

#[test]
fn typed_keys_read_back() {
    let store = Store::new();
    let blocker = store.write("/b");
    store.add(
        "/a",
        r#"{"status": "pending", "priority": -2, "depends_on": "/b", "worker_id": "w",
            "started_at": "2026-01-02T03:04:05+01:00", "not_before": "2026-01-02T03:04:05",
            "tags": ["x", "y"], "max_attempts": 3}"#,
    );
    let expected = [
        ("depends_on", format!("[\"{blocker}\"]")),
        ("max_attempts", "3".to_owned()),
        ("not_before", "\"2026-01-02T03:04:05Z\"".to_owned()),
        ("priority", "-2".to_owned()),
        ("started_at", "\"2026-01-02T02:04:05Z\"".to_owned()),
        ("status", "\"pending\"".to_owned()),
        ("tags", "[\"x\",\"y\"]".to_owned()),
        ("worker_id", "\"w\"".to_owned()),
    ]
    .map(|(key, json)| (key.to_owned(), json));
    assert_eq!(all_of(&store, "/a"), expected);
    assert_eq!(store.get("/a", "priority").as_deref(), Some("-2"));
    assert_eq!(store.get("/a", "completed_at"), None);
    assert_eq!(store.get("/b", "status"), None);
}

fn all_of(store: &Store, at: &str) -> Vec<(String, String)> {
    super::super::all(&store.connection, &path(at)).unwrap()
}

#[test]
fn a_removed_key_is_gone_and_the_last_one_takes_the_row() {
    let store = Store::new();
    store.write("/b");
    store.add(
        "/a",
        r#"{"status": "ready", "priority": 1, "depends_on": ["/b"]}"#,
    );
    let remove = |key: &str| {
        store.apply(vec![Change::DeleteMetadata {
            path: path("/a"),
            key: key.to_owned(),
        }])
    };
    for key in ["priority", "status", "depends_on"] {
        remove(key).unwrap();
        assert_eq!(store.get("/a", key), None);
        assert_kind(remove(key), ErrorKind::NotFound);
        store.check_counters();
    }
    assert_kind(remove("attempts"), ErrorKind::InvalidArgument);
    let rows: i64 = store
        .connection
        .query_row("SELECT count(*) FROM work", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0, "a file without typed keys has no row");
}

#[test]
fn no_dependencies_read_back_as_an_empty_array() {
    let store = Store::new();
    store.write("/b");
    store.add("/a", r#"{"depends_on": ["/b"]}"#);
    store.set("/a", r#"{"depends_on": []}"#).unwrap();
    assert_eq!(store.get("/a", "depends_on").as_deref(), Some("[]"));
    store.check_counters();
}

#[test]
fn typed_keys_follow_a_rename_and_go_with_the_file() {
    let store = Store::new();
    store.add("/d/b", r#"{"status": "ready"}"#);
    store.add("/d/a", r#"{"status": "blocked", "depends_on": "/d/b"}"#);
    let moved = Change::Rename(relocation("/d", "/e"));
    store.apply(vec![moved]).unwrap();
    assert_eq!(store.status("/d/a"), None);
    assert_eq!(store.status("/e/a").as_deref(), Some("blocked"));
    store.set("/e/b", r#"{"status": "completed"}"#).unwrap();
    assert_eq!(store.status("/e/a").as_deref(), Some("ready"));
    store.delete("/e/a");
    assert_eq!(store.status("/e/a"), None);
    store.check_counters();
}

#[test]
fn a_copy_carries_nothing_of_the_running_state() {
    let store = Store::new();
    store.add("/b", r#"{"status": "ready"}"#);
    store.add(
        "/a",
        r#"{"status": "in_progress", "worker_id": "w", "started_at": "2026-01-01T00:00:00Z",
            "priority": 4, "tags": ["t"], "depends_on": "/b"}"#,
    );
    store
        .connection
        .execute(
            "UPDATE work SET attempts = 2, last_error = 'x', lease = 9 WHERE path = '/a'",
            [],
        )
        .unwrap();
    store.add(
        "/done",
        r#"{"status": "completed", "completed_at": "2026-01-01T00:00:00Z"}"#,
    );
    let copies = vec![
        Change::Copy(relocation("/a", "/c")),
        Change::Copy(relocation("/done", "/done2")),
    ];
    store.apply(copies).unwrap();
    let copy = all_of(&store, "/c");
    let keys: Vec<&str> = copy.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["depends_on", "priority", "status", "tags"]);
    assert_eq!(store.status("/c").as_deref(), Some("ready"));
    assert_eq!(store.open_edges("/c"), 1);
    assert_eq!(store.status("/done2").as_deref(), Some("completed"));
    assert_eq!(all_of(&store, "/done2"), all_of(&store, "/done"));
    store.check_counters();
}

#[test]
fn a_lease_that_is_not_held_is_lost() {
    let store = Store::new();
    store.add("/a", r#"{"status": "in_progress"}"#);
    let write_with = |token| {
        store.apply(vec![Change::Require {
            path: path("/a"),
            conditions: Conditions {
                lease: Some((path("/a"), LeaseToken::new(token).unwrap())),
                ..Conditions::default()
            },
        }])
    };
    assert_kind(write_with(7), ErrorKind::LeaseLost);
    store
        .connection
        .execute(
            "UPDATE work SET lease = 7, lease_deadline = ?1 WHERE path = '/a'",
            [store.time.boot().after(1).0],
        )
        .unwrap();
    write_with(7).unwrap();
    assert_kind(write_with(8), ErrorKind::LeaseLost);
    store.clock.advance(1);
    assert_kind(write_with(7), ErrorKind::LeaseLost);
}

#[test]
fn files_are_found_by_typed_values() {
    let mut store = Store::new();
    let first = store.add(
        "/x/1",
        r#"{"status": "ready", "priority": 5, "tags": ["a", "b"]}"#,
    );
    store.add(
        "/x/2",
        r#"{"status": "ready", "not_before": "2020-01-01T00:00:00Z"}"#,
    );
    store.add(
        "/y/3",
        r#"{"status": "ready", "priority": 5, "depends_on": ["/x/1", "/x/2"]}"#,
    );
    store.add("/y/4", r#"{"status": "pending", "depends_on": []}"#);
    let find = |store: &Store, key: &str, json: &str, limit| {
        let field = nexusfs_core::work::WorkField::parse(key, json).unwrap();
        let range = PathRange::all();
        super::super::find(&store.connection, &field, &range, limit, &store.visible).unwrap()
    };
    let all = usize::MAX;
    assert_eq!(
        find(&store, "status", "\"ready\"", all),
        ["/x/1", "/x/2", "/y/3"]
    );
    assert_eq!(find(&store, "status", "\"ready\"", 2), ["/x/1", "/x/2"]);
    assert_eq!(find(&store, "priority", "5", all), ["/x/1", "/y/3"]);
    assert_eq!(find(&store, "tags", "[ \"a\",\"b\" ]", all), ["/x/1"]);
    let time = "\"2020-01-01T01:00:00+01:00\"";
    assert_eq!(find(&store, "not_before", time, all), ["/x/2"]);
    assert_eq!(find(&store, "depends_on", "[]", all), ["/y/4"]);
    let both = format!("[\"{first}\", \"/x/2\"]");
    assert_eq!(find(&store, "depends_on", &both, all), ["/y/3"]);
    assert!(find(&store, "depends_on", "\"/x/1\"", all).is_empty());
    store.see_only(&["/y"]);
    assert!(
        find(&store, "depends_on", &both, all).is_empty(),
        "an id that is not visible finds nothing"
    );
}

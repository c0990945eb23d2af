//! Edges and transitions.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

#[test]
fn only_completion_closes_an_edge() {
    for (status, open) in [
        ("ready", true),
        ("pending", true),
        ("blocked", true),
        ("in_progress", true),
        ("failed", true),
        ("cancelled", true),
        ("completed", false),
    ] {
        let store = Store::new();
        store.add("/b", &format!(r#"{{"status": "{status}"}}"#));
        store.add("/a", r#"{"status": "ready", "depends_on": "/b"}"#);
        assert_eq!(
            store.open_edges("/a") == 1,
            open,
            "a blocker that is {status}"
        );
        let ready = store.paths(WorkView::Ready).contains(&"/a".to_owned());
        assert_eq!(ready, !open, "an item whose blocker is {status}");
    }
}

#[test]
fn a_file_without_status_blocks_nothing_until_it_has_one() {
    let store = Store::new();
    store.write("/b");
    store.add("/a", r#"{"status": "ready", "depends_on": "/b"}"#);
    assert_eq!(store.open_edges("/a"), 0);
    store.set("/b", r#"{"priority": 1}"#).unwrap();
    assert_eq!(store.open_edges("/a"), 0);
    store.set("/b", r#"{"status": "pending"}"#).unwrap();
    assert_eq!(store.open_edges("/a"), 1);
    assert_eq!(
        store.status("/a").as_deref(),
        Some("ready"),
        "it keeps its status"
    );
    assert_eq!(store.paths(WorkView::Blocked), ["/a"]);
    let remove = Change::DeleteMetadata {
        path: path("/b"),
        key: "status".to_owned(),
    };
    store.apply(vec![remove]).unwrap();
    assert_eq!(store.open_edges("/a"), 0);
    store.check_counters();
}

#[test]
fn a_list_of_ids_and_paths_counts_every_blocker_once() {
    let store = Store::new();
    let first = store.add("/b1", r#"{"status": "ready"}"#);
    store.add("/b2", r#"{"status": "ready"}"#);
    store.add(
        "/a",
        &format!(r#"{{"status": "blocked", "depends_on": ["{first}", "/b2", "/b1"]}}"#),
    );
    let blocked = store.view(WorkView::Blocked, 10);
    assert_eq!(blocked[0].blocker_count, 2);
    store.set("/b1", r#"{"status": "completed"}"#).unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("blocked"));
    store.set("/b2", r#"{"status": "completed"}"#).unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("ready"));
}

#[test]
fn a_blocker_deleted_before_completion_blocks_and_is_named() {
    let store = Store::new();
    let blocker = store.add("/jobs/b", r#"{"status": "ready"}"#);
    store.add("/a", r#"{"status": "blocked", "depends_on": "/jobs/b"}"#);
    let remove = Change::RemoveDirectory {
        path: path("/jobs"),
        recursive: true,
    };
    store.apply(vec![remove]).unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("blocked"));
    let explanation = store.explain("/a");
    assert_eq!(explanation.dependencies, 1);
    let [open] = explanation.open.as_slice() else {
        panic!("one edge is open, not {:?}", explanation.open);
    };
    assert_eq!(open.path_id, Some(blocker));
    assert_eq!(open.path.as_deref(), Some("/jobs/b"));
    assert!(open.deleted && open.status.is_none(), "{open:?}");
    store.check_counters();
    store.set("/a", r#"{"depends_on": []}"#).unwrap();
    assert!(store.explain("/a").open.is_empty());
    assert_eq!(
        store.status("/a").as_deref(),
        Some("blocked"),
        "held by hand"
    );
}

#[test]
fn a_blocker_deleted_when_it_did_not_block_leaves_no_trace_in_the_queue() {
    let store = Store::new();
    store.add("/done", r#"{"status": "completed"}"#);
    store.write("/plain");
    store.add(
        "/a",
        r#"{"status": "ready", "depends_on": ["/done", "/plain"]}"#,
    );
    store.delete("/done");
    store.delete("/plain");
    assert_eq!(store.paths(WorkView::Ready), ["/a"]);
    assert!(store.explain("/a").open.is_empty());
    store.check_counters();
}

#[test]
fn a_replaced_blocker_counts_as_deleted() {
    let store = Store::new();
    store.add("/b", r#"{"status": "ready"}"#);
    store.add("/a", r#"{"status": "ready", "depends_on": "/b"}"#);
    store.add("/other", r#"{"status": "completed"}"#);
    let over = Change::Rename(relocation("/other", "/b"));
    store.apply(vec![over]).unwrap();
    assert!(store.explain("/a").open[0].deleted);
    store.check_counters();
}

#[test]
fn an_imported_blocker_with_its_old_id_is_waited_for_again() {
    let store = Store::new();
    let keep = store
        .apply(vec![write("/keep")])
        .unwrap()
        .remove(0)
        .unwrap();
    let blocker = store.add("/b", r#"{"status": "ready"}"#);
    store.add("/a", r#"{"status": "blocked", "depends_on": "/b"}"#);
    let over = import(&keep, "/b", Some(blocker), r#"{"status": "in_progress"}"#);
    store.apply(vec![over]).unwrap();
    assert_eq!(
        store.status("/b").as_deref(),
        Some("ready"),
        "nobody works on it"
    );
    let open = store.explain("/a").open.remove(0);
    assert!(!open.deleted && open.status.is_some(), "{open:?}");
    let over = import(&keep, "/b", Some(blocker), r#"{"status": "completed"}"#);
    store.apply(vec![over]).unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("ready"));
    store.check_counters();
}

#[test]
fn an_import_may_name_items_that_follow() {
    let store = Store::new();
    let keep = store
        .apply(vec![write("/keep")])
        .unwrap()
        .remove(0)
        .unwrap();
    let blocker = PathId::generate();
    let object = format!(r#"{{"status": "blocked", "depends_on": ["{blocker}"]}}"#);
    let lines = vec![
        import(&keep, "/a", None, &object),
        import(&keep, "/b", Some(blocker), r#"{"status": "failed"}"#),
    ];
    store.apply(lines).unwrap();
    assert_eq!(store.open_edges("/a"), 1);
    store.check_counters();
}

#[test]
fn an_import_by_path_means_the_file_that_is_there_at_its_end() {
    let store = Store::new();
    let keep = store
        .apply(vec![write("/keep")])
        .unwrap()
        .remove(0)
        .unwrap();
    store.add("/b", r#"{"status": "completed"}"#);
    let lines = vec![
        import(
            &keep,
            "/a",
            None,
            r#"{"status": "blocked", "depends_on": "/b"}"#,
        ),
        import(&keep, "/b", None, r#"{"status": "pending"}"#),
    ];
    store.apply(lines).unwrap();
    let open = store.explain("/a").open.remove(0);
    assert!(!open.deleted && open.status.is_some(), "{open:?}");
    store.check_counters();
}

#[test]
fn unknown_dependencies_are_refused_and_nothing_is_stored() {
    let mut store = Store::new();
    let hidden = store.add("/other/b", r#"{"status": "ready"}"#);
    store.write("/own/dir/file");
    store.add("/own/a", r#"{"status": "ready"}"#);
    store.see_only(&["/own"]);
    let missing = PathId::generate();
    for json in [
        format!(r#"{{"priority": 9, "depends_on": "{missing}"}}"#),
        format!(r#"{{"priority": 9, "depends_on": ["/own/dir/file", "{hidden}"]}}"#),
        r#"{"priority": 9, "depends_on": "/own/nothing"}"#.to_owned(),
        r#"{"priority": 9, "depends_on": "/other"}"#.to_owned(),
        r#"{"priority": 9, "depends_on": "/other/b"}"#.to_owned(),
    ] {
        let error = assert_kind(store.set("/own/a", &json), ErrorKind::NotFound);
        assert!(
            json.contains(error.path().unwrap()),
            "names what was given: {error}"
        );
    }
    let directory = store.set("/own/a", r#"{"depends_on": "/own/dir"}"#);
    assert_kind(directory, ErrorKind::IsADirectory);
    assert_eq!(store.get("/own/a", "priority"), None);
    assert_eq!(store.get("/own/a", "depends_on"), None);
}

#[test]
fn names_are_judged_at_the_end_of_a_batch() {
    let store = Store::new();
    let later = vec![
        write("/a"),
        set("/a", r#"{"status": "blocked", "depends_on": ["/b"]}"#),
        write("/b"),
        set("/b", r#"{"status": "ready"}"#),
    ];
    store.apply(later).unwrap();
    assert_eq!(store.open_edges("/a"), 1);
    let never = vec![
        write("/c"),
        set("/c", r#"{"depends_on": ["/missing"]}"#),
        write("/d"),
    ];
    let error = assert_kind(store.apply(never), ErrorKind::NotFound);
    assert_eq!(error.index(), Some(1), "{error}");
    assert_eq!(error.path(), Some("/missing"));
}

#[test]
fn a_dependency_named_in_a_batch_follows_the_file_through_it() {
    let store = Store::new();
    let blocker = store.add("/b", r#"{"status": "ready"}"#);
    store.add("/a", r#"{"status": "ready"}"#);
    let changes = vec![
        set("/a", r#"{"depends_on": "/b"}"#),
        Change::Copy(relocation("/a", "/copy")),
        Change::Rename(relocation("/b", "/c")),
        Change::Rename(relocation("/a", "/a2")),
    ];
    store.apply(changes).unwrap();
    let expected = format!("[\"{blocker}\"]");
    assert_eq!(store.get("/a2", "depends_on"), Some(expected.clone()));
    assert_eq!(store.get("/copy", "depends_on"), Some(expected));
    store.check_counters();
    let changes = vec![set("/a2", r#"{"depends_on": "/copy"}"#), delete("/copy")];
    let error = assert_kind(store.apply(changes), ErrorKind::NotFound);
    assert_eq!(error.index(), Some(0));
    let changes = vec![set("/a2", r#"{"depends_on": "/gone"}"#), delete("/a2")];
    store.apply(changes).unwrap();
    store.check_counters();
}

#[test]
fn transitions_happen_at_the_end_of_a_transaction() {
    let store = Store::new();
    store.add("/b", r#"{"status": "ready"}"#);
    store.add("/a", r#"{"status": "blocked", "depends_on": "/b"}"#);
    let changes = vec![
        set("/b", r#"{"status": "completed"}"#),
        set("/b", r#"{"status": "ready"}"#),
    ];
    store.apply(changes).unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("blocked"));
    store.set("/b", r#"{"status": "completed"}"#).unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("ready"));
    store.set("/a", r#"{"status": "blocked"}"#).unwrap();
    assert_eq!(
        store.status("/a").as_deref(),
        Some("ready"),
        "it waits for nothing"
    );
    for status in ["pending", "in_progress", "failed", "completed", "cancelled"] {
        store.set("/b", r#"{"status": "ready"}"#).unwrap();
        store
            .set("/a", &format!(r#"{{"status": "{status}"}}"#))
            .unwrap();
        store.set("/b", r#"{"status": "completed"}"#).unwrap();
        assert_eq!(store.status("/a").as_deref(), Some(status));
    }
    store.add("/held", r#"{"status": "blocked"}"#);
    assert_eq!(store.status("/held").as_deref(), Some("blocked"));
    store.check_counters();
}

#[test]
fn what_blocks_at_the_end_of_a_transaction_counts() {
    let store = Store::new();
    store.add("/b", r#"{"status": "ready"}"#);
    store.add("/c", r#"{"status": "completed"}"#);
    store.add("/a", r#"{"status": "blocked", "depends_on": ["/b", "/c"]}"#);
    let to = |at: &str, status: &str| set(at, &format!(r#"{{"status": "{status}"}}"#));
    store
        .apply(vec![to("/b", "completed"), to("/c", "ready")])
        .unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("blocked"));
    assert_eq!(store.open_edges("/a"), 1, "the other one blocks now");
    store
        .apply(vec![to("/c", "completed"), to("/c", "pending")])
        .unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("blocked"));
    store
        .apply(vec![to("/c", "completed"), delete("/c")])
        .unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("ready"));
    store.check_counters();
}

#[test]
fn dependencies_set_again_beside_a_completion_that_is_taken_back_are_open() {
    let again = r#"{"depends_on": "/b"}"#;
    for middle in [
        vec![set("/a", again)],
        vec![
            Change::DeleteMetadata {
                path: path("/a"),
                key: "depends_on".to_owned(),
            },
            set("/a", again),
        ],
    ] {
        let store = Store::new();
        store.add("/b", r#"{"status": "pending"}"#);
        store.add("/a", r#"{"status": "blocked", "depends_on": "/b"}"#);
        let mut changes = vec![set("/b", r#"{"status": "completed"}"#)];
        changes.extend(middle);
        changes.push(set("/b", r#"{"status": "pending"}"#));
        store.apply(changes).unwrap();
        assert_eq!(store.open_edges("/a"), 1);
        assert_eq!(store.status("/a").as_deref(), Some("blocked"));
        store.check_counters();
    }
}

#[test]
fn a_deletion_in_a_set_of_changes_does_not_end_it() {
    let completed = || set("/b", r#"{"status": "completed"}"#);
    let unset = || Change::DeleteMetadata {
        path: path("/a"),
        key: "depends_on".to_owned(),
    };
    for last in [
        vec![set("/b", r#"{"status": "pending"}"#)],
        vec![unset()],
        vec![set("/a", r#"{"depends_on": "/c"}"#)],
    ] {
        let store = Store::new();
        for at in ["/b", "/c", "/x"] {
            store.add(at, r#"{"status": "pending"}"#);
        }
        store.add("/a", r#"{"status": "blocked", "depends_on": "/b"}"#);
        let mut changes = vec![completed(), delete("/x")];
        changes.extend(last);
        store.apply(changes).unwrap();
        assert_eq!(store.status("/a").as_deref(), Some("blocked"));
        assert_eq!(store.paths(WorkView::Ready), Vec::<String>::new());
        store.check_counters();
    }
}

#[test]
fn a_damaged_dependent_does_not_hinder_a_completion() {
    let store = Store::new();
    store.add("/b", r#"{"status": "pending"}"#);
    store.add("/a", r#"{"status": "blocked", "depends_on": "/b"}"#);
    store
        .connection
        .execute("UPDATE work SET dependencies = NULL WHERE path = '/a'", [])
        .unwrap();
    store.set("/b", r#"{"status": "completed"}"#).unwrap();
    assert_eq!(store.open_edges("/a"), 0);
    assert_eq!(store.status("/a").as_deref(), Some("blocked"));
}

#[test]
fn a_copy_made_beside_a_completion_waits_no_more_either() {
    let store = Store::new();
    store.add("/b", r#"{"status": "ready"}"#);
    store.add("/a", r#"{"status": "blocked", "depends_on": "/b"}"#);
    let completed = set("/b", r#"{"status": "completed"}"#);
    let copy = Change::Copy(relocation("/a", "/copy"));
    store.apply(vec![completed, copy]).unwrap();
    assert_eq!(store.open_edges("/a") + store.open_edges("/copy"), 0);
    assert_eq!(store.paths(WorkView::Ready), ["/a", "/copy"]);
    store.check_counters();
}

/// How precisely [`steps`] counts.
const COUNTED: i32 = 100;

/// Returns how many steps SQLite's machine takes for `work`, which no load of this machine changes.
fn steps<T>(store: &mut Store, work: impl FnOnce(&Store) -> T) -> (u64, T) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let count_on = move || {
        counted.fetch_add(COUNTED as u64, Ordering::Relaxed);
        false
    };
    store
        .connection
        .progress_handler(COUNTED, Some(count_on))
        .unwrap();
    let result = work(store);
    store
        .connection
        .progress_handler(0, None::<fn() -> bool>)
        .unwrap();
    (count.load(Ordering::Relaxed), result)
}

/// Builds a chain edge by edge, in the order of `items`: item n depends on item n + 1. Returns how many steps
/// of SQLite it took.
fn chain(length: usize, items: impl Iterator<Item = usize>) -> (Store, u64) {
    let mut store = Store::new();
    let files = (0..=length).flat_map(|n| {
        let file = format!("/{n}");
        [write(&file), set(&file, r#"{"status": "blocked"}"#)]
    });
    store.apply(files.collect()).unwrap();
    let (taken, ()) = steps(&mut store, |store| {
        for n in items {
            let object = format!(r#"{{"depends_on": "/{}"}}"#, n + 1);
            store.set(&format!("/{n}"), &object).unwrap();
        }
    });
    (store, taken)
}

#[test]
fn a_long_chain_is_built_in_few_steps_in_any_order() {
    const LENGTH: usize = 10_000;
    // Searching half of the chain at each edge would take more than fifty thousand steps for each.
    const STEPS_FOR_EACH: u64 = 1_000;
    // 3,571 has no divisor in common with 10,000: every item comes once.
    let orders: [(&str, Box<dyn Iterator<Item = usize>>); 3] = [
        ("upwards", Box::new(0..LENGTH)),
        ("downwards", Box::new((0..LENGTH).rev())),
        ("mixed", Box::new((0..LENGTH).map(|n| n * 3571 % LENGTH))),
    ];
    for (order, items) in orders {
        let (store, taken) = chain(LENGTH, items);
        let each = taken / LENGTH as u64;
        assert!(each < STEPS_FOR_EACH, "{order}: {each} steps for each edge");
        let closing = store.set(&format!("/{LENGTH}"), r#"{"depends_on": "/0"}"#);
        let error = assert_kind(closing, ErrorKind::Cycle);
        assert!(error.to_string().len() < 400, "{error}");
    }
}

#[test]
fn a_chain_set_at_once_takes_few_steps() {
    const LENGTH: usize = 10_000;
    const STEPS_FOR_EACH: u64 = 1_000;
    let mut store = Store::new();
    let mut changes: Vec<Change> = (0..=LENGTH).map(|n| write(&format!("/{n}"))).collect();
    changes.extend((0..LENGTH).map(|n| {
        set(
            &format!("/{n}"),
            &format!(r#"{{"depends_on": "/{}"}}"#, n + 1),
        )
    }));
    let (taken, applied) = steps(&mut store, |store| store.apply(changes));
    applied.unwrap();
    let each = taken / LENGTH as u64;
    assert!(each < STEPS_FOR_EACH, "{each} steps for each item");
    store.check_counters();
}

#[test]
fn ten_thousand_dependents_become_ready_at_once() {
    const DEPENDENTS: usize = 10_000;
    const STEPS_FOR_EACH: u64 = 400;
    let mut store = Store::new();
    let mut changes = vec![write("/hub"), set("/hub", r#"{"status": "ready"}"#)];
    for n in 0..DEPENDENTS {
        let file = format!("/items/{n}");
        changes.push(write(&file));
        changes.push(set(&file, r#"{"status": "blocked", "depends_on": "/hub"}"#));
    }
    store.apply(changes).unwrap();
    let (taken, completed) = steps(&mut store, |store| {
        store.set("/hub", r#"{"status": "completed"}"#)
    });
    completed.unwrap();
    let each = taken / DEPENDENTS as u64;
    assert!(each < STEPS_FOR_EACH, "{each} steps for each dependent");
    assert_eq!(store.counts().ready, DEPENDENTS as u64);
    store.check_counters();
}

#[test]
fn an_import_does_not_finish_what_others_wait_for() {
    for (ended, waits) in [("ready", "blocked"), ("completed", "ready")] {
        let mut store = Store::new();
        let own = store.write("/shared/a/own");
        let id = store.add("/shared/b/step", r#"{"status": "ready"}"#);
        let depends = format!(r#"{{"status": "blocked", "depends_on": "{id}"}}"#);
        store.add("/shared/b/job", &depends);
        let status = format!(r#"{{"status": "{ended}"}}"#);
        store.set("/shared/b/step", &status).unwrap();
        store.delete("/shared/b/step");
        store.see_only(&["/shared/a"]);
        let entry = rows::find(&store.connection, "/shared/a/own").unwrap();
        let entry = entry.unwrap();
        assert_eq!(entry.path_id, Some(own));
        let entry = entry.into_entry(&store.backends.current()).unwrap();
        for status in [r#"{"status": "completed"}"#, r#"{"status": "ready"}"#] {
            let imported = import(&entry, "/shared/a/got", Some(id), status);
            store.apply(vec![imported]).unwrap();
            assert_ne!(
                id_at(&store, "/shared/a/got"),
                Some(id),
                "the id of another's deleted item was taken"
            );
        }
        assert_eq!(store.status("/shared/b/job").as_deref(), Some(waits));
        assert_eq!(
            store.open_edges("/shared/b/job"),
            i64::from(waits == "blocked")
        );
        store.check_counters();
        // Who sees the deleted item may bring it back.
        store.see_all();
        let imported = import(
            &entry,
            "/shared/b/step",
            Some(id),
            r#"{"status": "completed"}"#,
        );
        store.apply(vec![imported]).unwrap();
        assert_eq!(id_at(&store, "/shared/b/step"), Some(id));
        assert_eq!(store.status("/shared/b/job").as_deref(), Some("ready"));
    }
}

#[test]
fn an_imported_file_keeps_the_id_that_it_replaces_where_its_own_is_taken() {
    let store = Store::new();
    let taken = store.write("/taken");
    let replaced = store.write("/replaced");
    let entry = rows::find(&store.connection, "/taken").unwrap().unwrap();
    store.backends.reload(&store.connection).unwrap();
    let entry = entry.into_entry(&store.backends.current()).unwrap();
    let imported = import(&entry, "/replaced", Some(taken), "{}");
    store.apply(vec![imported]).unwrap();
    assert_eq!(id_at(&store, "/replaced"), Some(replaced));
}

fn id_at(store: &Store, path: &str) -> Option<PathId> {
    rows::find(&store.connection, path)
        .unwrap()
        .unwrap()
        .path_id
}

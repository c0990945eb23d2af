//! The views, as calls and as SQL.

use nexusfs_core::time::{format_time, now};
use nexusfs_core::work::Status;

use super::*;

const VIEWS: [(WorkView, &str); 5] = [
    (WorkView::Ready, "ready_work_items"),
    (WorkView::Blocked, "blocked_work_items"),
    (WorkView::Pending, "pending_work_items"),
    (WorkView::InProgress, "in_progress_work"),
    (WorkView::ByPriority, "work_by_priority"),
];

/// A store with items of every kind, in two parts of it.
fn mixed() -> Store {
    let store = Store::new();
    let soon = format_time(now() + 3_600_000_000);
    store.write("/shared/acme/plain");
    for part in [
        "/shared/acme",
        "/shared/other",
        "/workspace/acme/bot",
        "/free",
    ] {
        let add = |name: &str, object: &str| store.add(&format!("{part}/{name}"), object);
        add("ready-late", r#"{"status": "ready"}"#);
        add("ready-2", r#"{"status": "ready", "priority": 2}"#);
        add(
            "ready-1",
            r#"{"status": "ready", "priority": 1, "tags": ["x"]}"#,
        );
        add("ready-2b", r#"{"status": "ready", "priority": 2}"#);
        add(
            "delayed",
            &format!(r#"{{"status": "ready", "priority": 0, "not_before": "{soon}"}}"#),
        );
        add(
            "past",
            r#"{"status": "ready", "priority": -1, "not_before": "2020-01-01T00:00:00Z"}"#,
        );
        add("pending", r#"{"status": "pending"}"#);
        add("pending-0", r#"{"status": "pending", "priority": 0}"#);
        add("held", r#"{"status": "blocked"}"#);
        let on = |names: &[&str]| {
            let paths: Vec<String> = names
                .iter()
                .map(|name| format!("\"{part}/{name}\""))
                .collect();
            format!("[{}]", paths.join(","))
        };
        let waits = |status: &str, names: &[&str]| {
            format!(r#"{{"status": "{status}", "depends_on": {}}}"#, on(names))
        };
        add("waits-2", &waits("blocked", &["ready-1", "held"]));
        add("waits-1", &waits("ready", &["ready-1"]));
        add(
            "waits-3",
            &waits("pending", &["ready-1", "ready-2", "pending"]),
        );
        add(
            "began",
            r#"{"status": "in_progress", "started_at": "2026-01-01T00:00:00Z", "worker_id": "w"}"#,
        );
        add(
            "began-later",
            r#"{"status": "in_progress", "started_at": "2026-02-01T00:00:00Z"}"#,
        );
        add("began-somewhen", r#"{"status": "in_progress"}"#);
        add("done", r#"{"status": "completed"}"#);
        add("failed", r#"{"status": "failed", "priority": 1}"#);
        add("cancelled", r#"{"status": "cancelled"}"#);
        add("no-item", r#"{"priority": 1, "tags": []}"#);
    }
    store
}

fn names(items: &[WorkItem]) -> Vec<&str> {
    items.iter().map(|item| item.path.name()).collect()
}

#[test]
fn each_view_holds_its_items_in_order() {
    let mut store = mixed();
    store.see_only(&["/free"]);
    let all = usize::MAX;
    let ready = store.view(WorkView::Ready, all);
    assert_eq!(
        names(&ready),
        ["past", "ready-1", "ready-2", "ready-2b", "ready-late"]
    );
    let blocked = store.view(WorkView::Blocked, all);
    assert_eq!(names(&blocked), ["waits-3", "waits-2", "waits-1", "held"]);
    let counts: Vec<u64> = blocked.iter().map(|item| item.blocker_count).collect();
    assert_eq!(counts, [3, 2, 1, 0]);
    assert_eq!(
        names(&store.view(WorkView::Pending, all)),
        ["pending-0", "pending"]
    );
    let in_progress = store.view(WorkView::InProgress, all);
    assert_eq!(
        names(&in_progress),
        ["began-later", "began", "began-somewhen"]
    );
    let by_priority = store.view(WorkView::ByPriority, all);
    assert_eq!(by_priority.len(), 18);
    let first = [
        "past",
        "delayed",
        "pending-0",
        "ready-1",
        "failed",
        "ready-2",
        "ready-2b",
    ];
    assert_eq!(names(&by_priority)[..7], first);
}

#[test]
fn an_item_carries_the_columns_of_its_file() {
    let mut store = mixed();
    store.see_only(&["/shared/acme"]);
    let item = store.view(WorkView::Ready, 2).remove(1);
    assert_eq!(item.path.as_str(), "/shared/acme/ready-1");
    assert_eq!(item.tenant_id.as_deref(), Some("acme"));
    assert_eq!(&*item.backend, LOCAL_BACKEND);
    assert_eq!(item.size, 4);
    assert_eq!(item.etag, NewContent::inline(b"task").hash());
    assert_eq!(item.status, Status::Ready);
    assert_eq!(item.priority, Some(1));
    assert_eq!(item.tags.as_deref(), Some("[\"x\"]"));
    assert_eq!((item.attempts, item.lease), (0, 0));
    store.see_only(&["/free"]);
    assert_eq!(store.view(WorkView::Ready, 1)[0].tenant_id, None);
}

/// Items that can be claimed are read as they follow each other in their directories' queues, others by path.
#[test]
fn items_that_can_be_claimed_are_what_they_are_in_other_views() {
    let store = Store::new();
    let due = format_time(now() - 1_000_000);
    for index in 0..30 {
        let directory = ["/q/a", "/q/b", "/q/a/c"][[0, 0, 1, 2, 2, 0, 1][index % 7]];
        let delay = if index % 5 == 4 {
            format!(r#", "not_before": "{due}""#)
        } else {
            String::new()
        };
        store.add(
            &format!("{directory}/{index}"),
            &format!(
                r#"{{"status": "ready", "priority": {}, "tags": ["{index}"]{delay}}}"#,
                index / 3
            ),
        );
    }
    store.add("/q/a/none", r#"{"status": "ready"}"#);
    store.add("/q/a/not", r#"{"status": "pending", "priority": 4}"#);
    let is_ready = |item: &WorkItem| item.status == Status::Ready;
    let mut all = store.view(WorkView::ByPriority, usize::MAX);
    all.retain(is_ready);
    assert_eq!(all.len(), 31);
    for limit in [1, 2, 10, 31] {
        assert_eq!(store.view(WorkView::Ready, limit), all[..limit]);
    }
    let claimed = store.claim(31);
    let waiting: Vec<WorkItem> = claimed
        .into_iter()
        .map(|item| WorkItem {
            status: Status::Ready,
            worker_id: None,
            started_at: None,
            attempts: 0,
            lease: 0,
            lease_expires_at: None,
            ..item
        })
        .collect();
    assert_eq!(waiting, all);
}

#[test]
fn a_limit_takes_the_first_and_none_takes_nothing() {
    let mut store = mixed();
    for part in [
        &["/"][..],
        &["/shared/acme"][..],
        &["/free", "/shared/other"][..],
    ] {
        store.see_only(part);
        for (view, name) in VIEWS {
            let all = store.paths(view);
            assert!(!all.is_empty(), "{name} of {part:?}");
            for limit in [0, 1, 2, all.len() - 1, all.len(), all.len() + 1] {
                let limited = paths_of(&store.view(view, limit));
                assert_eq!(limited, all[..limit.min(all.len())], "{name} of {part:?}");
            }
        }
    }
}

#[test]
fn what_is_not_visible_is_not_shown_counted_or_named() {
    let mut store = mixed();
    let everything = store.counts();
    assert_eq!(everything.by_status.iter().sum::<u64>(), 4 * 18);
    store.see_only(&["/shared/acme"]);
    for (view, name) in VIEWS {
        for path in store.paths(view) {
            assert!(path.starts_with("/shared/acme/"), "{name} shows {path}");
        }
    }
    let own = store.counts();
    assert_eq!(own.by_status.iter().sum::<u64>(), 18);
    store.see_all();
    store.add("/hidden/b", r#"{"status": "ready"}"#);
    store.add(
        "/shared/acme/spy",
        r#"{"status": "ready", "depends_on": "/hidden/b"}"#,
    );
    store.see_only(&["/shared/acme"]);
    let hidden = nexusfs_core::work::Blocker {
        path_id: None,
        path: None,
        status: None,
        deleted: false,
        expired_lease: None,
    };
    assert_eq!(
        store.explain("/shared/acme/spy").open,
        std::slice::from_ref(&hidden)
    );
    store.see_all();
    store.delete("/hidden/b");
    store.see_only(&["/shared/acme"]);
    assert_eq!(store.explain("/shared/acme/spy").open, [hidden]);
    let other = super::super::explain(
        &store.connection,
        &path("/free/held"),
        &store.visible,
        store.time.boot(),
    );
    assert_kind(other, ErrorKind::NotFound);
}

#[test]
fn the_views_are_disjoint_and_agree_with_the_counts() {
    let store = mixed();
    let counts = store.counts();
    let mut seen = std::collections::BTreeSet::new();
    for (view, total) in [
        (WorkView::Ready, counts.ready),
        (WorkView::Blocked, counts.blocked),
        (WorkView::Pending, counts.pending),
        (WorkView::InProgress, counts.in_progress),
    ] {
        let paths = store.paths(view);
        assert_eq!(paths.len() as u64, total, "{view:?}");
        for path in paths {
            assert!(seen.insert(path.clone()), "{path} is in two views");
        }
    }
    assert_eq!(counts.delayed, 4);
    let items = store.paths(WorkView::ByPriority).len() as u64;
    assert_eq!(counts.by_status.iter().sum::<u64>(), items);
    let finished: u64 = [4, 5, 6].iter().map(|index| counts.by_status[*index]).sum();
    assert_eq!(seen.len() as u64 + counts.delayed + finished, items);
}

#[test]
fn a_delayed_item_is_ready_when_its_time_has_come() {
    let store = Store::new();
    let due = store.time.wall() + 20_000;
    store.add("/b", r#"{"status": "ready", "priority": 2}"#);
    let object = format!(
        r#"{{"status": "ready", "priority": 1, "not_before": "{}"}}"#,
        format_time(due)
    );
    store.add("/a", &object);
    store.add("/c", r#"{"status": "ready", "priority": 3}"#);
    assert_eq!(store.counts().delayed, 1);
    store.clock.advance(20_000);
    assert_eq!(store.paths(WorkView::Ready), ["/a", "/b", "/c"]);
    assert_eq!(paths_of(&store.view(WorkView::Ready, 1)), ["/a"]);
    assert_eq!(store.counts().delayed, 0);
}

#[test]
fn a_narrow_handle_finds_its_items_behind_many_others() {
    let mut store = Store::new();
    let mut changes = Vec::new();
    for n in 0..3000 {
        let file = format!("/other/{n}");
        changes.push(write(&file));
        changes.push(set(&file, r#"{"status": "ready", "priority": 0}"#));
    }
    store.apply(changes).unwrap();
    store.add("/own/b", r#"{"status": "ready", "priority": 2}"#);
    store.add("/own/a", r#"{"status": "ready", "priority": 1}"#);
    store.see_only(&["/own"]);
    assert_eq!(store.paths(WorkView::Ready), ["/own/a", "/own/b"]);
    assert_eq!(paths_of(&store.view(WorkView::ByPriority, 1)), ["/own/a"]);
}

#[test]
fn the_sql_views_equal_the_calls() {
    let store = mixed();
    for (view, name) in VIEWS {
        let sql = format!(
            "SELECT path_id, tenant_id, virtual_path, backend_id, content_hash, file_type,
                    size_bytes, created_at, updated_at, status, priority
             FROM {name}"
        );
        let rows: Vec<[Option<String>; 11]> = store
            .connection
            .prepare(&sql)
            .unwrap()
            .query_map([], |row| {
                let mut values = [const { None }; 11];
                for (column, value) in values.iter_mut().enumerate() {
                    *value = match row.get_ref(column)? {
                        rusqlite::types::ValueRef::Integer(n) => Some(n.to_string()),
                        other => other.as_str_or_null().unwrap().map(str::to_owned),
                    };
                }
                Ok(values)
            })
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        let calls: Vec<[Option<String>; 11]> = store
            .view(view, usize::MAX)
            .iter()
            .map(as_columns)
            .collect();
        assert_eq!(rows, calls, "{name} as SQL, and as the call gives it");
    }
    let count = |sql: &str| -> String {
        store
            .connection
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(
        count("SELECT group_concat(DISTINCT blocker_count) FROM blocked_work_items"),
        "3,2,1,0"
    );
    assert_eq!(
        count("SELECT worker_id || started_at FROM in_progress_work WHERE worker_id IS NOT NULL"),
        "w2026-01-01T00:00:00.000000Z"
    );
    assert_eq!(
        count("SELECT tags FROM work_by_priority WHERE tags IS NOT NULL"),
        "[\"x\"]"
    );
}

fn as_columns(item: &WorkItem) -> [Option<String>; 11] {
    let time = |micros: i64| {
        let seconds = format_time(micros - micros % 1_000_000);
        format!(
            "{}.{:06}Z",
            seconds.trim_end_matches('Z'),
            micros % 1_000_000
        )
    };
    [
        Some(item.path_id.to_string()),
        item.tenant_id.clone(),
        Some(item.path.to_string()),
        Some(item.backend.to_string()),
        Some(item.etag.to_string()),
        Some(item.mime_type.to_string()),
        Some(item.size.to_string()),
        Some(time(item.created_at)),
        Some(time(item.updated_at)),
        Some(item.status.name().to_owned()),
        item.priority.map(|priority| priority.to_string()),
    ]
}

/// Returns how SQLite carries out `sql`.
fn query_plan(store: &Store, sql: &str) -> String {
    let mut statement = store
        .connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let parameters = vec![rusqlite::types::Null; statement.parameter_count()];
    let details: Vec<String> = statement
        .query_map(rusqlite::params_from_iter(parameters), |row| row.get(3))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    details.join("; ")
}

/// Checks that `sql` runs on indexes alone: no scan of a table, nothing sorted.
fn assert_runs_on_indexes(store: &Store, sql: &str) {
    let plan = query_plan(store, sql);
    assert!(!plan.contains("TEMP B-TREE"), "sorts: {plan}\n{sql}");
    let scans_all_rows = plan.split("; ").any(|step| {
        step.starts_with("SCAN") && !step.contains("USING") && step != "SCAN CONSTANT ROW"
    });
    assert!(!scans_all_rows, "scans: {plan}\n{sql}");
}

#[test]
fn the_index_alone_says_what_can_be_claimed_and_how_much_lapsed() {
    let store = Store::new();
    let plan = query_plan(&store, super::super::claim::search::OF_DIRECTORY);
    assert!(
        plan.contains("COVERING INDEX work_claimable (directory=?)"),
        "{plan}"
    );
    for sql in [
        super::super::order::partitions::MORE_DUE,
        super::super::order::partitions::MORE_EXPIRED,
    ] {
        let plan = query_plan(&store, sql);
        assert!(plan.contains("USING COVERING INDEX"), "{plan}");
    }
}

#[test]
fn no_view_scans_files_or_sorts_the_backlog() {
    let store = Store::new();
    for sql in super::super::views::WALKS {
        assert_runs_on_indexes(&store, sql);
    }
    for sql in super::super::views::WITHIN {
        let plan = query_plan(&store, sql);
        let bounded = ["path>? AND path<?", "scope>? AND scope<?", "(scope=?)"]
            .iter()
            .any(|bound| plan.contains(bound));
        assert!(bounded && !plan.contains("SCAN work"), "{plan}\n{sql}");
        assert!(
            !sql.contains("ORDER BY") || !plan.contains("TEMP B-TREE"),
            "{plan}\n{sql}"
        );
    }
    let plan = query_plan(&store, super::super::graph::explain::OPEN_EDGES);
    assert!(!plan.contains("SCAN"), "{plan}");
}

#[test]
fn no_step_of_the_queue_scans_or_sorts() {
    let store = Store::new();
    let statements = [
        &super::super::claim::search::STATEMENTS[..],
        &super::super::order::partitions::STATEMENTS,
        &super::super::order::directories::STATEMENTS,
        &super::super::claim::statements(),
        &super::super::lease::complete::statements(),
        &super::super::lease::finish::STATEMENTS,
        &super::super::graph::edges::STATEMENTS,
        &super::super::graph::settle::STATEMENTS,
        &super::super::moves::STATEMENTS,
        &super::super::claim::fetch::STATEMENTS,
        &super::super::scan::STATEMENTS,
    ];
    for sql in statements.concat() {
        assert_runs_on_indexes(&store, sql);
    }
}

#[test]
fn typed_values_are_found_whatever_index_has_them() {
    let store = mixed();
    for n in 0..40 {
        let status = ["ready", "completed", "pending", "in_progress"][n % 4];
        let object = format!(
            r#"{{"status": "{status}", "priority": {}, "tags": ["t{}"]}}"#,
            n % 3,
            n % 5
        );
        store.add(&format!("/free/more/{n:03}"), &object);
    }
    let all = store.view(WorkView::ByPriority, usize::MAX);
    for (key, json) in [
        ("status", "\"ready\""),
        ("status", "\"in_progress\""),
        ("status", "\"completed\""),
        ("status", "\"blocked\""),
        ("status", "\"pending\""),
        ("status", "\"failed\""),
        ("priority", "1"),
        ("tags", "[\"t2\"]"),
        ("worker_id", "\"w\""),
    ] {
        for prefix in [
            "/",
            "/free/",
            "/free/more/0",
            "/shared/acme/",
            "/sh",
            "/workspace/acme/bot/r",
        ] {
            let range = PathRange::with_prefix(prefix);
            let mut expected: Vec<&str> = all
                .iter()
                .map(|item| item.path.as_str())
                .filter(|path| {
                    range.contains(path) && store.get(path, key).as_deref() == Some(json)
                })
                .collect();
            expected.sort_unstable();
            let plain: Vec<String> = ["no-item"]
                .iter()
                .flat_map(|name| {
                    [
                        "/free",
                        "/shared/acme",
                        "/shared/other",
                        "/workspace/acme/bot",
                    ]
                    .map(|part| format!("{part}/{name}"))
                })
                .filter(|path| {
                    range.contains(path) && store.get(path, key).as_deref() == Some(json)
                })
                .collect();
            expected.extend(plain.iter().map(String::as_str));
            expected.sort_unstable();
            let field = nexusfs_core::work::WorkField::parse(key, json).unwrap();
            let found = |limit| {
                super::super::find(&store.connection, &field, &range, limit, &store.visible)
                    .unwrap()
            };
            assert_eq!(found(usize::MAX), expected, "{key} = {json} below {prefix}");
            assert_eq!(
                found(3),
                expected[..expected.len().min(3)],
                "{key} = {json} below {prefix}"
            );
        }
    }
}

/// A ready item among many others is read from the queues, whatever keeps it from being claimed.
#[test]
fn few_ready_items_among_many_others_are_found() {
    let store = Store::new();
    let later = format_time(now() + 3_600_000_000);
    let mut changes = Vec::new();
    for n in 0..3000 {
        let file = format!("/q/{n:04}");
        let object = match n {
            2 | 2500 => r#"{"status": "ready"}"#.to_owned(),
            2600 => format!(r#"{{"status": "ready", "not_before": "{later}"}}"#),
            2700 => r#"{"status": "ready", "depends_on": "/q/0000"}"#.to_owned(),
            0 => r#"{"status": "pending"}"#.to_owned(),
            _ => r#"{"status": "completed"}"#.to_owned(),
        };
        changes.push(write(&file));
        changes.push(set(&file, &object));
    }
    store.apply(changes).unwrap();
    let field = nexusfs_core::work::WorkField::Status(Status::Ready);
    let found = |range, limit| {
        super::super::find(&store.connection, &field, &range, limit, &store.visible).unwrap()
    };
    let ready = ["/q/0002", "/q/2500", "/q/2600", "/q/2700"];
    assert_eq!(found(PathRange::all(), 10), ready);
    assert_eq!(found(PathRange::under("/q"), 3), ready[..3]);
    assert_eq!(found(PathRange::with_prefix("/q/26"), 3), ready[2..3]);
}

#[test]
fn files_at_the_root_are_found_behind_those_of_directories() {
    let store = Store::new();
    for n in 0..1030 {
        store.add(&format!("/a/{n:04}"), r#"{"status": "completed"}"#);
    }
    for (path, status) in [
        ("/a/run", "in_progress"),
        ("/b", "in_progress"),
        ("/c", "ready"),
    ] {
        store.add(path, &format!(r#"{{"status": "{status}"}}"#));
    }
    let find = |json, range: &PathRange| {
        let field = nexusfs_core::work::WorkField::parse("status", json).unwrap();
        super::super::find(&store.connection, &field, range, 10, &store.visible).unwrap()
    };
    let all = PathRange::with_prefix("/");
    assert_eq!(find("\"in_progress\"", &all), ["/a/run", "/b"]);
    let next_page = all.after("/a/run").unwrap();
    assert_eq!(
        find("\"in_progress\"", &next_page),
        ["/b"],
        "on the next page"
    );
    assert_eq!(
        find("\"ready\"", &all),
        ["/c"],
        "behind more completed items than a search passes over"
    );
}

#[test]
fn typed_values_are_found_by_indexes() {
    let store = Store::new();
    let plans = super::super::find::STATEMENTS.map(|sql| query_plan(&store, sql));
    for plan in &plans {
        assert!(plan.contains("USING COVERING INDEX work_"), "{plan}");
        assert!(
            !plan.contains("SCAN work USING PRIMARY")
                && !plan.contains("SEARCH work USING PRIMARY"),
            "{plan}"
        );
    }
    for plan in &plans[..3] {
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

/// Operators read the views with any SQLite, which knows nothing of how many items are in which queue.
#[test]
fn each_sql_view_reads_the_index_of_its_queue() {
    let store = mixed();
    for (view, index, sorts) in [
        ("ready_work_items", "work_claimable (directory=?", false),
        (
            "blocked_work_items",
            "SCAN w USING INDEX work_blocked",
            false,
        ),
        (
            "pending_work_items",
            "SCAN w USING INDEX work_pending",
            false,
        ),
        ("in_progress_work", "SCAN w USING INDEX work_running", true),
        ("work_by_priority", "SCAN w USING INDEX work_by_rank", false),
    ] {
        let plan = query_plan(&store, &format!("SELECT * FROM {view} LIMIT 10"));
        assert!(plan.contains(index), "{view}: {plan}");
        assert!(
            !plan.split("; ").any(|step| step.ends_with("SCAN w")),
            "{view}: {plan}"
        );
        assert_eq!(
            plan.contains("TEMP B-TREE FOR ORDER BY"),
            sorts,
            "{view}: {plan}"
        );
    }
}

/// Long views go through both tables in the order of paths.
#[test]
fn an_item_of_a_long_view_is_what_it_is_alone() {
    let store = Store::new();
    let due = format_time(now() - 1_000_000);
    let mut changes = Vec::new();
    for n in 0..700 {
        let file = format!("/shared/t{}/{n:03}", n % 3);
        let object = match n % 7 {
            0 => format!(r#"{{"status": "pending", "priority": {}, "tags": ["é", "b"]}}"#, n % 5),
            1 => r#"{"priority": 1}"#.to_owned(),
            2 => r#"{"status": "in_progress", "worker_id": "w", "started_at": "2026-01-01T00:00:00Z"}"#.to_owned(),
            3 => format!(r#"{{"status": "ready", "not_before": "{due}"}}"#),
            _ => r#"{"status": "ready"}"#.to_owned(),
        };
        changes.push(write(&file));
        changes.push(set(&file, &object));
    }
    store.apply(changes).unwrap();
    let claimed = store.claim(20);
    assert_eq!(claimed.len(), 20);
    let rules = Arc::new(rules());
    let call = call();
    let alone = super::super::claim::fetch::Items {
        connection: &store.connection,
        backends: &store.backends,
        rules: &rules,
        call: &call,
    };
    for (view, name) in VIEWS {
        let items = store.view(view, usize::MAX);
        let single = items.iter().map(|item| {
            let place = super::super::order::Place {
                key: [super::super::order::Term::Absent; 3],
                path: item.path.to_string(),
            };
            alone.at(store.time.boot(), &[place]).unwrap().0.remove(0)
        });
        assert_eq!(items, single.collect::<Vec<_>>(), "{name}");
    }
    let all = store.view(WorkView::ByPriority, usize::MAX);
    assert_eq!(all.len(), 600);
    assert_eq!(store.view(WorkView::ByPriority, 300), all[..300]);
    store
        .connection
        .execute(
            "UPDATE paths SET etag = x'00' WHERE path = ?1",
            [all[0].path.as_str()],
        )
        .unwrap();
    assert_eq!(store.view(WorkView::ByPriority, usize::MAX), all[1..]);
    assert_eq!(store.view(WorkView::ByPriority, 300), all[1..301]);
}

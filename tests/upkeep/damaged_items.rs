//! A work item whose row is damaged does not keep anybody from the others.

use std::time::Duration;

use nexusfs::filesystem::{ClaimOptions, WorkView};
use serde_json::json;

use super::store::Store;

/// What is done to the row of `/jobs/bad`, which is the first in every order.
const DAMAGES: [&str; 9] = [
    "UPDATE work SET attempts = 9223372036854775807",
    "UPDATE work SET attempts = -9223372036854775808, max_attempts = -1",
    "UPDATE work SET open_edges = -9223372036854775808, dependencies = -1",
    "UPDATE work SET rank = 1e300, priority = 9223372036854775807",
    "UPDATE work SET rank = 'first', created_at = -9223372036854775808",
    "UPDATE work SET started_at = -9223372036854775808, completed_at = 9223372036854775807,
                     not_before = 9223372036854775807, tags = '[\"', result = '{', last_error = CAST(x'ff' AS TEXT)",
    "UPDATE work SET status = 2, started_at = 9223372036854775807, lease = -5,
                     lease_deadline = 9223372036854775807, lease_expires_at = -9223372036854775808",
    "UPDATE work SET path_id = x'00', worker_id = CAST(x'ff' AS TEXT)",
    "UPDATE paths SET etag = 'none', mime_type = 5, backend_id = 77",
];

fn filled() -> Store {
    let store = Store::new();
    for name in ["bad", "good", "other", "waits"] {
        store.write(&format!("/jobs/{name}"), name);
    }
    store.set_meta("/jobs/bad", json!({"status": "ready", "priority": -9}));
    store.set_meta("/jobs/good", json!({"status": "ready", "priority": 1}));
    store.set_meta("/jobs/other", json!({"status": "pending"}));
    store.set_meta(
        "/jobs/waits",
        json!({"status": "blocked", "depends_on": "/jobs/good"}),
    );
    store
}

#[test]
fn a_damaged_item_does_not_stop_claims_and_queries_of_others() {
    for damage in DAMAGES {
        let store = filled();
        store.damage(&format!(
            "PRAGMA ignore_check_constraints = ON; {damage} WHERE path = '/jobs/bad'"
        ));
        let fs = &store.fs;
        for view in [
            WorkView::Ready,
            WorkView::Blocked,
            WorkView::Pending,
            WorkView::InProgress,
            WorkView::ByPriority,
        ] {
            for limit in [1, 2, 100] {
                fs.work(view, limit)
                    .unwrap_or_else(|error| panic!("{damage}: {view:?}: {error}"));
            }
        }
        let all = fs.work(WorkView::ByPriority, 100).unwrap();
        let has = |name: &str| all.iter().any(|item| item.path.name() == name);
        assert!(has("good") && has("other") && has("waits"), "{damage}");
        fs.work_stats(None).unwrap();
        fs.find_by_meta("status", "\"pending\"", &Default::default())
            .unwrap_or_else(|error| panic!("{damage}: {error}"));
        fs.work_wait(None, Some(Duration::ZERO)).unwrap();

        let options = ClaimOptions {
            lease_ms: 60_000,
            max: 1,
            prefix: None,
        };
        let mut claimed = Vec::new();
        loop {
            let items = fs
                .work_claim("ann", &options)
                .unwrap_or_else(|error| panic!("{damage}: {error}"));
            if items.is_empty() {
                break;
            }
            claimed.extend(items);
        }
        let good = claimed.iter().find(|item| item.path.name() == "good");
        let good = good.unwrap_or_else(|| panic!("{damage}: the good item was not claimed"));
        fs.work_fail(good.path.as_str(), good.lease, "no", 0)
            .unwrap();
        for item in claimed.iter().filter(|item| item.path.name() == "bad") {
            fs.work_fail(item.path.as_str(), item.lease, "no", 0)
                .unwrap_or_else(|error| panic!("{damage}: {error}"));
        }
        let waits = fs.work_explain("/jobs/waits").unwrap();
        assert!(waits.contains("/jobs/good"), "{damage}: {waits}");
        fs.export_metadata(
            store.beside("export.jsonl").to_str().unwrap(),
            &Default::default(),
            &mut |_, _, _| true,
        )
        .map(drop)
        .or_else(|error| match damage.contains("UPDATE paths") {
            true => Ok(()),
            false => Err(error),
        })
        .unwrap_or_else(|error| panic!("{damage}: {error}"));
    }
}

/// A worker that is woken claims. If that gives it nothing and the next wait ends at once, it uses a core for nothing.
#[test]
fn workers_do_not_wake_for_items_that_cannot_be_claimed() {
    let bad = json!({"status": "ready", "priority": 1});
    let claimed_before = |store: &Store| {
        let options = ClaimOptions {
            lease_ms: 1,
            ..Default::default()
        };
        assert_eq!(store.fs.work_claim("ann", &options).unwrap().len(), 1);
    };
    let delayed = |store: &Store| {
        store.set_meta("/jobs/0", json!({"not_before": "2090-01-01T00:00:00Z"}));
        store.damage(
            "UPDATE work SET not_before = 1 WHERE delayed = 1; UPDATE work_scopes SET next_due = 1",
        );
    };
    type Change<'a> = (&'a str, &'a dyn Fn(&Store));
    let changes: [Change<'_>; 3] = [
        ("ready", &|_| ()),
        ("expired", &claimed_before),
        ("due", &delayed),
    ];
    for (state, change) in changes {
        for count in [1, 5] {
            let store = Store::new();
            for number in 0..count {
                store.write(&format!("/jobs/{number}"), "bad");
                store.set_meta(&format!("/jobs/{number}"), bad.clone());
            }
            change(&store);
            store.damage("UPDATE paths SET etag = NULL WHERE path LIKE '/jobs/%'");
            let woken_within = |wait| store.fs.work_wait(None, Some(wait)).unwrap();
            // Ends when it is woken, which is at once or when a lease of a millisecond ends.
            let is_woken = || woken_within(Duration::from_secs(60));
            let stays_asleep = || !woken_within(Duration::from_millis(20));
            let claim = || {
                let claimed = store.fs.work_claim("ann", &Default::default());
                claimed.unwrap().len()
            };
            if state != "ready" {
                // The first claim enqueues what time has made claimable.
                assert!(is_woken(), "{count} {state}");
                assert_eq!(claim(), 0, "{count} {state}");
            }
            assert!(
                stays_asleep(),
                "{count} {state}: only damaged items are there"
            );
            assert_eq!(claim(), 0, "{count} {state}");
            store.write("/jobs/other", "good");
            store.set_meta("/jobs/other", json!({"status": "ready", "priority": 2}));
            assert!(is_woken(), "{count} {state}: another item is there");
            assert_eq!(claim(), 1, "{count} {state}");
            assert!(
                stays_asleep(),
                "{count} {state}: the other item was claimed"
            );
        }
    }
}

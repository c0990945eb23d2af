//! Which items a claim gives, in which order.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use nexusfs_core::time::Micros;
use nexusfs_core::work::Status;

use super::Subject;
use super::changes::{item, make_ready, path, release, set, set_all};
use super::subject::{SECOND, call, claim, names_of};

/// Lower priorities first, without one last; then the oldest file; then the path.
pub fn items_are_claimed_by_priority_and_creation(subject: &Subject) {
    for (at, priority) in [
        ("/z", None),
        ("/q/5", Some(5)),
        ("/a", Some(5)),
        ("/r/-3", Some(-3)),
        ("/b", None),
        ("/c", Some(i64::MAX)),
    ] {
        subject.commit(vec![subject.write(at, b""), set(at, "status", "\"ready\"")]);
        if let Some(priority) = priority {
            subject.commit(vec![set(at, "priority", &priority.to_string())]);
        }
        subject.pass(1);
    }
    let order = ["/r/-3", "/q/5", "/a", "/c", "/z", "/b"];
    let claimed = subject.claim(4, 10 * SECOND);
    assert_eq!(names_of(&claimed), order[..4]);
    assert_eq!(names_of(&subject.claim(1, 10 * SECOND)), order[4..5]);
    assert_eq!(names_of(&subject.claim(9, 10 * SECOND)), order[5..]);
    assert!(subject.claim(9, 10 * SECOND).is_empty());
    // Many, of many directories, in one claim.
    let many = (0..200).flat_map(|n| {
        let keys = format!(
            "{{\"status\": \"ready\", \"priority\": {}}}",
            (n * 37) % 200
        );
        item(subject, &format!("/many/{}/{n}", n % 9), &keys)
    });
    subject.commit(many.collect());
    let claimed = subject.claim(usize::MAX, SECOND);
    let priorities: Vec<_> = claimed.iter().map(|item| item.priority).collect();
    assert_eq!(priorities, (0..200).map(Some).collect::<Vec<_>>());
    assert!(subject.claim(0, SECOND).is_empty());
}

/// A worker takes only what begins with its prefix and what it may change.
pub fn a_claim_stays_within_its_prefix_and_part(subject: &Subject) {
    let all = [
        "/jobs/a",
        "/jobs-x/a",
        "/jobs/a-b/c",
        "/shared/a/1",
        "/shared/a-b/1",
        "/shared/b/1",
        "/workspace/a/bot/1",
        "/workspace/a/other/1",
        "/archives/a/1",
        "/root",
    ];
    make_ready(subject, &all);
    let take = |tenant, agent, prefix: Option<&str>| {
        let policy = subject.policy(tenant, agent);
        let claimed = subject.claim_of(&policy, prefix, 99, 5 * SECOND);
        let names: BTreeSet<String> = names_of(&claimed).into_iter().map(str::to_owned).collect();
        subject.pass(6 * SECOND);
        names
    };
    let names = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(
        take(None, None, Some("/jobs/")),
        names(&["/jobs/a", "/jobs/a-b/c"])
    );
    assert_eq!(
        take(None, None, Some("/jobs/a")),
        names(&["/jobs/a", "/jobs/a-b/c"])
    );
    assert_eq!(
        take(None, None, Some("/jobs/a-b/c")),
        names(&["/jobs/a-b/c"])
    );
    assert_eq!(take(None, None, Some("/nothing")), names(&[]));
    assert_eq!(
        take(Some("a"), None, Some("/shared/")),
        names(&["/shared/a/1"])
    );
    assert_eq!(
        take(Some("a"), None, Some("/workspace/")),
        names(&["/workspace/a/bot/1", "/workspace/a/other/1"])
    );
    assert_eq!(
        take(Some("a"), Some("bot"), Some("/workspace/")),
        names(&["/workspace/a/bot/1"])
    );
    assert_eq!(take(Some("c"), None, Some("/shared/")), names(&[]));
    // Archives are read-only.
    let open = names(&["/jobs/a", "/jobs-x/a", "/jobs/a-b/c", "/root"]);
    assert_eq!(take(Some("c"), Some("bot"), None), open);
    let mut everything = names(&all);
    everything.remove("/archives/a/1");
    assert_eq!(take(None, None, None), everything);
}

/// What a claim returns is the item as it is from then on.
pub fn a_claim_returns_the_row_of_the_item(subject: &Subject) {
    let keys = r#"{"status": "ready", "priority": 3, "tags": ["x"], "max_attempts": 5}"#;
    subject.commit(vec![
        subject.write("/shared/a/job.txt", b"do it"),
        set_all("/shared/a/job.txt", keys),
    ]);
    subject.pass(SECOND);
    let claimed = subject.claim(1, 10 * SECOND).remove(0);
    let entry = subject.entry("/shared/a/job.txt").unwrap();
    let file = entry.file.unwrap();
    assert_eq!(
        (Some(claimed.path_id), claimed.tenant_id.as_deref()),
        (entry.path_id, Some("a"))
    );
    assert_eq!(
        (claimed.etag, claimed.size, &claimed.mime_type),
        (file.etag, 5, &file.mime_type)
    );
    assert_eq!(claimed.backend, file.backend);
    assert_eq!(
        (claimed.created_at, claimed.updated_at),
        (entry.created_at, entry.modified_at)
    );
    assert_eq!(
        (claimed.status, claimed.priority, claimed.blocker_count),
        (Status::InProgress, Some(3), 0)
    );
    assert_eq!(
        (claimed.worker_id.as_deref(), claimed.started_at),
        (Some("worker"), Some(subject.wall()))
    );
    assert_eq!(
        (claimed.tags.as_deref(), claimed.attempts),
        (Some("[\"x\"]"), 1)
    );
    assert_eq!(claimed.lease_expires_at, Some(subject.wall() + 10 * SECOND));
    assert!(claimed.lease > 0 && !claimed.lease_expired);
    let view = subject
        .store
        .work(nexusfs_core::work::WorkView::InProgress, 9, &subject.all())
        .unwrap();
    assert_eq!(view, [claimed]);
    assert!(
        subject
            .store
            .is_leased(&path("/shared/a/job.txt"), &subject.all())
            .unwrap()
    );
    assert_eq!(subject.value("/shared/a/job.txt", "attempts").unwrap(), "1");
}

/// Tokens only grow, whichever handle claims, also after all were closed.
pub fn each_claim_has_a_greater_token(subject: &Subject) {
    let names: Vec<String> = (0..20).map(|n| format!("/{n:02}")).collect();
    make_ready(
        subject,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let policy = subject.policy(None, None);
    let mut handles = [subject.open_again(), subject.open_again()];
    let mut newest = 0;
    for round in 0..10 {
        if round % 4 == 3 {
            handles[round % 2] = subject.open_again();
        }
        let claimed = handles[round % 2]
            .claim(claim(&policy, None, 2, SECOND), &subject.all())
            .unwrap();
        assert_eq!(claimed.len(), 2);
        for item in claimed {
            assert!(item.lease > newest, "{} comes after {newest}", item.lease);
            newest = item.lease;
        }
    }
}

/// Whatever threads and handles claim at once, an item has one holder.
pub fn no_item_is_given_twice(subject: &Subject) {
    let names: Vec<String> = (0..60).map(|n| format!("/{}/{n}", n % 7)).collect();
    make_ready(
        subject,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let handles = [subject.open_again(), subject.open_again()];
    let policy = &subject.policy(None, None);
    let all = &subject.all();
    let given = &Mutex::new(Vec::new());
    thread::scope(|scope| {
        for thread in 0..6 {
            let store = &handles[thread % 2];
            scope.spawn(move || {
                loop {
                    let claimed = store
                        .claim(claim(policy, None, 3, 1000 * SECOND), all)
                        .unwrap();
                    if claimed.is_empty() {
                        break;
                    }
                    given.lock().unwrap().extend(claimed);
                }
            });
        }
    });
    let given = given.lock().unwrap();
    let paths: BTreeSet<_> = given.iter().map(|item| item.path.as_str()).collect();
    let tokens: BTreeSet<_> = given.iter().map(|item| item.lease).collect();
    assert_eq!((paths.len(), tokens.len(), given.len()), (60, 60, 60));
}

/// `not_before` is a time of the wall's clock.
pub fn delayed_items_wait_for_their_time(subject: &Subject) {
    let at = |seconds: Micros| {
        let time = nexusfs_core::time::format_time(subject.wall() + seconds * SECOND);
        format!("{{\"status\": \"ready\", \"not_before\": \"{time}\"}}")
    };
    for (name, seconds) in [("/late", 20), ("/soon", 10), ("/past", -10)] {
        subject.commit(item(subject, name, &at(seconds)).into());
    }
    assert_eq!(names_of(&subject.claim(9, 1000 * SECOND)), ["/past"]);
    subject.pass(10 * SECOND);
    assert_eq!(names_of(&subject.claim(9, 1000 * SECOND)), ["/soon"]);
    // Nothing is lost of many that fall due at once.
    let many = (0..100).flat_map(|n| item(subject, &format!("/many/{n}"), &at(5)));
    subject.commit(many.collect());
    subject.clock.step_wall(10 * SECOND);
    let mut found = BTreeSet::new();
    for _ in 0..101 {
        let claimed = subject.claim(1, 1000 * SECOND);
        found.extend(names_of(&claimed).into_iter().map(str::to_owned));
    }
    assert_eq!(found.len(), 101);
    assert!(found.contains("/late"));
}

/// Nobody has to notice that a worker died: the next claim gives the item out again.
pub fn an_expired_lease_is_claimed_again(subject: &Subject) {
    make_ready(subject, &["/a", "/b"]);
    let first = subject.claim(2, 10 * SECOND);
    subject.pass(10 * SECOND - 1);
    assert!(subject.claim(2, 10 * SECOND).is_empty());
    subject.pass(1);
    let entry = subject
        .store
        .work(nexusfs_core::work::WorkView::InProgress, 9, &subject.all())
        .unwrap();
    assert!(
        entry
            .iter()
            .all(|item| item.lease_expired && item.status == Status::InProgress)
    );
    assert!(
        !subject
            .store
            .is_leased(&path("/a"), &subject.all())
            .unwrap()
    );
    let again = subject.claim(1, 10 * SECOND).remove(0);
    assert_eq!((again.path.as_str(), again.attempts), ("/a", 2));
    assert!(again.lease > first[1].lease);
    let error = subject.value("/a", "last_error").unwrap();
    assert!(
        error.contains("worker") && error.contains("expired"),
        "{error}"
    );
    assert_eq!(names_of(&subject.claim(9, 10 * SECOND)), ["/b"]);
}

/// An attempt that ends without a word is a failed one.
pub fn a_last_attempt_that_expires_fails(subject: &Subject) {
    subject.commit(item(subject, "/a", r#"{"status": "ready", "max_attempts": 2}"#).into());
    subject.claim_one(SECOND);
    subject.pass(SECOND);
    subject.claim_one(SECOND);
    subject.pass(SECOND);
    assert_eq!(
        subject.status("/a"),
        "\"in_progress\"",
        "before a claim looks"
    );
    assert!(subject.claim(1, SECOND).is_empty());
    assert_eq!(subject.status("/a"), "\"failed\"");
    assert_eq!(subject.value("/a", "attempts").unwrap(), "2");
    assert!(
        subject
            .value("/a", "last_error")
            .unwrap()
            .contains("expired")
    );
    assert_eq!(subject.value("/a", "lease_expires_at"), None);
    subject.commit(vec![set_all(
        "/a",
        r#"{"status": "ready", "max_attempts": 3}"#,
    )]);
    let claimed = subject.claim(1, SECOND);
    assert_eq!(claimed[0].attempts, 3);
    let token = nexusfs_core::work::LeaseToken::new(claimed[0].lease).unwrap();
    subject.commit(vec![release("/a", token)]);
    assert_eq!(subject.value("/a", "attempts").unwrap(), "2");
}

/// An agent that is bound to no tenant has a part below each.
pub fn an_agent_of_all_tenants_claims_its_parts(subject: &Subject) {
    make_ready(
        subject,
        &[
            "/workspace/a/bot/1",
            "/workspace/a/bot-2/1",
            "/workspace/b/bot/x/2",
            "/workspace/c/other/1",
            "/workspace/a-b/bot/3",
        ],
    );
    let policy = subject.policy(None, Some("bot"));
    let claimed = subject.claim_of(&policy, Some("/workspace/"), 9, SECOND);
    assert_eq!(
        names_of(&claimed),
        [
            "/workspace/a/bot/1",
            "/workspace/b/bot/x/2",
            "/workspace/a-b/bot/3"
        ]
    );
    let grant = subject.of(None, Some("bot"));
    let seen = subject
        .store
        .work(nexusfs_core::work::WorkView::ByPriority, 9, &grant)
        .unwrap();
    assert_eq!(seen.len(), 3);
    assert!(subject.store.rules(&call()).is_ok());
}

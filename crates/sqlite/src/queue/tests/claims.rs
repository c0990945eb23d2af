//! Claims, leases, and what time does to them.

use nexusfs_core::access::ClaimScope;
use nexusfs_core::metadata::{Claim, Supply};
use nexusfs_core::work::LeaseToken;

use super::*;

const SECOND: i64 = 1_000_000;

impl Store {
    pub(super) fn scope(&self, prefix: Option<&str>) -> ClaimScope {
        ClaimScope {
            changeable: Arc::new(self.visible.clone()),
            writable: Arc::new([PathRange::all()]),
            whole: self.visible.nearly_all && prefix.is_none(),
            prefix: prefix.map(PathRange::with_prefix),
        }
    }

    pub(super) fn grant(&self) -> Grant {
        Grant {
            rules: Arc::new(rules()),
            visible: Arc::new(self.visible.clone()),
            call: call(),
        }
    }

    pub(super) fn claim_in(&self, prefix: Option<&str>, max: usize, seconds: i64) -> Vec<WorkItem> {
        let claim = Claim {
            worker_id: "worker".to_owned(),
            max,
            lease: seconds * SECOND,
            scope: self.scope(prefix),
            durability: nexusfs_core::config::Durability::Full,
        };
        self.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let grant = self.grant();
        let claims = super::super::Claims {
            connection: &self.connection,
            backends: &self.backends,
            time: &self.time,
            tokens: &self.tokens,
            is_synced: true,
        };
        let items = claims.claim(&claim, &grant);
        self.connection.execute_batch("COMMIT").unwrap();
        items.unwrap().unwrap()
    }

    pub(super) fn claim(&self, max: usize) -> Vec<WorkItem> {
        self.claim_in(None, max, 10)
    }

    pub(super) fn claim_one(&self) -> Option<(String, LeaseToken)> {
        let item = self.claim(1).pop()?;
        Some((
            item.path.as_str().to_owned(),
            LeaseToken::new(item.lease).unwrap(),
        ))
    }

    fn supply(&self) -> Supply {
        let grant = self.grant();
        let scope = self.scope(None);
        super::super::supply(&self.connection, &self.backends, &self.time, &scope, &grant).unwrap()
    }

    pub(super) fn complete(&self, at: &str, token: LeaseToken) -> Result<()> {
        let change = Change::CompleteWork {
            path: path(at),
            token,
            result: Some("{\"ok\":true}".to_owned()),
        };
        self.apply(vec![change]).map(drop)
    }

    pub(super) fn fail(&self, at: &str, token: LeaseToken) -> Result<()> {
        let change = Change::FailWork {
            path: path(at),
            token,
            error: "broke".to_owned(),
            retry_after: None,
        };
        self.apply(vec![change]).map(drop)
    }

    fn release(&self, at: &str, token: LeaseToken) -> Result<()> {
        let path = path(at);
        self.apply(vec![Change::ReleaseWork { path, token }])
            .map(drop)
    }

    pub(super) fn heartbeat(&self, at: &str, token: LeaseToken, seconds: i64) -> Result<()> {
        let change = Change::Heartbeat {
            path: path(at),
            token,
            lease: seconds * SECOND,
        };
        self.apply(vec![change]).map(drop)
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.clock.advance(seconds * SECOND);
    }
}

fn names(items: &[WorkItem]) -> Vec<&str> {
    items.iter().map(|item| item.path.as_str()).collect()
}

#[test]
fn a_damaged_directory_hands_nothing_over_to_others() {
    let store = Store::new();
    store.add("/other/a", r#"{"status": "ready"}"#);
    store
        .connection
        .execute_batch(
            "UPDATE work SET directory = '/own', scope = '/own';
             UPDATE work_directories SET directory = '/own', scope = '/own'",
        )
        .unwrap();
    assert_eq!(
        paths_of(&store.claim_in(Some("/own/"), 1, 10)),
        Vec::<String>::new()
    );
}

#[test]
fn claims_come_by_priority_then_age_and_each_item_once() {
    let store = Store::new();
    store.add("/q/none", r#"{"status": "ready"}"#);
    store.add("/q/two", r#"{"status": "ready", "priority": 2}"#);
    store.add("/q/one", r#"{"status": "ready", "priority": 1}"#);
    store.add("/q/two-b", r#"{"status": "ready", "priority": 2}"#);
    store.add("/q/pending", r#"{"status": "pending"}"#);
    store.add("/q/waits", r#"{"status": "ready", "depends_on": "/q/one"}"#);
    let first = store.claim(2);
    assert_eq!(names(&first), ["/q/one", "/q/two"]);
    assert!(0 < first[0].lease && first[0].lease < first[1].lease);
    assert_eq!(first[0].status, nexusfs_core::work::Status::InProgress);
    assert_eq!(first[0].worker_id.as_deref(), Some("worker"));
    assert_eq!((first[0].attempts, first[0].lease_expired), (1, false));
    assert_eq!(names(&store.claim(10)), ["/q/two-b", "/q/none"]);
    assert!(store.claim(10).is_empty());
    store.check_counters();
}

#[test]
fn completing_needs_the_newest_live_lease_and_makes_dependents_ready() {
    let store = Store::new();
    store.add("/a", r#"{"status": "ready"}"#);
    store.add("/b", r#"{"status": "blocked", "depends_on": "/a"}"#);
    let (at, token) = store.claim_one().unwrap();
    let wrong = LeaseToken::new(99).unwrap();
    assert_kind(store.complete(&at, wrong), ErrorKind::LeaseLost);
    assert_kind(store.complete("/b", token), ErrorKind::LeaseLost);
    assert_kind(store.complete("/gone", token), ErrorKind::LeaseLost);
    store.complete(&at, token).unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("completed"));
    assert_eq!(store.get("/a", "result").as_deref(), Some("{\"ok\":true}"));
    assert!(store.get("/a", "completed_at").is_some());
    assert_eq!(store.status("/b").as_deref(), Some("ready"));
    assert_kind(store.complete(&at, token), ErrorKind::LeaseLost);
    assert_eq!(names(&store.claim(5)), ["/b"]);
    store.check_counters();
}

#[test]
fn an_expired_lease_is_lost_and_its_item_claimable_at_once() {
    let store = Store::new();
    store.add("/a", r#"{"status": "ready"}"#);
    let (at, old) = store.claim_one().unwrap();
    store.pass(9);
    assert!(store.claim(1).is_empty(), "the lease is live");
    store.heartbeat(&at, old, 10).unwrap();
    store.pass(9);
    assert!(store.claim(1).is_empty(), "the heartbeat made it longer");
    store.pass(1);
    assert!(store.view(WorkView::InProgress, 1)[0].lease_expired);
    assert_kind(store.heartbeat(&at, old, 10), ErrorKind::LeaseLost);
    assert_kind(store.complete(&at, old), ErrorKind::LeaseLost);
    let (again, new) = store.claim_one().expect("nothing to claim");
    assert_eq!(again, at);
    assert!(new > old);
    assert_eq!(store.get("/a", "attempts").as_deref(), Some("2"));
    assert!(store.get("/a", "last_error").unwrap().contains("worker"));
    assert_kind(store.release(&at, old), ErrorKind::LeaseLost);
    store.complete(&at, new).unwrap();
}

#[test]
fn failures_back_off_until_no_attempt_is_left() {
    let store = Store::new();
    store.add("/a", r#"{"status": "ready", "max_attempts": 3}"#);
    for (attempt, wait) in [(1, 1), (2, 2)] {
        let (at, token) = store.claim_one().unwrap();
        store.fail(&at, token).unwrap();
        assert_eq!(store.status("/a").as_deref(), Some("ready"));
        assert_eq!(store.get("/a", "last_error").as_deref(), Some("\"broke\""));
        assert_eq!(store.get("/a", "attempts"), Some(attempt.to_string()));
        assert_eq!(store.get("/a", "worker_id"), None);
        store.pass(wait - 1);
        assert_eq!(
            store.supply(),
            Supply::After(Duration::from_secs(1)),
            "attempt {attempt} came too soon"
        );
        assert!(store.claim(1).is_empty());
        assert!(store.paths(WorkView::Ready).is_empty());
        store.pass(1);
        assert_eq!(store.paths(WorkView::Ready), ["/a"]);
        assert_eq!(store.supply(), Supply::Now);
    }
    let (at, token) = store.claim_one().unwrap();
    store.fail(&at, token).unwrap();
    assert_eq!(store.status("/a").as_deref(), Some("failed"));
    store.pass(100_000);
    assert!(store.claim(1).is_empty());
    assert_eq!(store.supply(), Supply::None);
}

#[test]
fn expiry_counts_as_an_attempt_and_the_last_one_fails_the_item() {
    let store = Store::new();
    store.add(
        "/a",
        r#"{"status": "ready", "priority": 1, "max_attempts": 1}"#,
    );
    store.add("/b", r#"{"status": "ready", "priority": 9}"#);
    store.claim(1);
    store.pass(11);
    assert_eq!(
        names(&store.claim(5)),
        ["/b"],
        "not the item without attempts"
    );
    assert_eq!(store.status("/a").as_deref(), Some("failed"));
    let held = store.get("/a", "worker_id");
    assert_eq!(held.as_deref(), Some("\"worker\""), "who failed is kept");
}

#[test]
fn a_release_gives_the_attempt_back() {
    let store = Store::new();
    store.add("/a", r#"{"status": "ready", "max_attempts": 1}"#);
    for _ in 0..3 {
        let (at, token) = store.claim_one().unwrap();
        store.release(&at, token).unwrap();
        assert_eq!(store.get("/a", "attempts"), None);
        assert_eq!(store.get("/a", "started_at"), None);
    }
    assert_eq!(store.status("/a").as_deref(), Some("ready"));
}

#[test]
fn a_step_of_the_wall_clock_neither_ends_nor_prolongs_a_lease() {
    let store = Store::new();
    store.add("/a", r#"{"status": "ready"}"#);
    let (at, token) = store.claim_one().unwrap();
    store.clock.step_wall(1_000_000 * SECOND);
    assert!(store.claim(1).is_empty(), "a step forward killed the lease");
    store.heartbeat(&at, token, 10).unwrap();
    store.clock.step_wall(-2_000_000 * SECOND);
    store.pass(10);
    assert_kind(store.complete(&at, token), ErrorKind::LeaseLost);
    assert!(store.claim_one().is_some(), "a step back revived the lease");
}

#[test]
fn a_lease_of_another_boot_has_expired() {
    let mut store = Store::new();
    store.add("/a", r#"{"status": "ready"}"#);
    store.clock.advance(1_000_000 * SECOND);
    let (at, token) = store.claim_one().unwrap();
    let clock = Arc::new(ManualClock::new(now(), 1, "next boot"));
    store.time = Arc::new(Time::new(Arc::clone(&clock) as _, 2));
    store.stamps = Stamps::new(Arc::clone(&store.time));
    store.clock = clock;
    assert_kind(store.complete(&at, token), ErrorKind::LeaseLost);
    assert!(store.claim_one().is_some());
}

#[test]
fn tokens_of_claims_that_a_power_cut_undid_are_not_given_again() {
    let mut store = Store::new();
    store.add("/a", r#"{"status": "ready"}"#);
    schema::enter_boot(&mut store.connection, "boot 1").unwrap();
    let (_, first) = store.claim_one().unwrap();
    assert!(
        first.number() < 1 << 17,
        "a new store begins near 1: {first}"
    );
    // The commits of many claims more are lost with the power.
    store.pass(11);
    schema::enter_boot(&mut store.connection, "boot 2").unwrap();
    let (_, next) = store.claim_one().unwrap();
    assert!(
        next.number() > first.number() + 1_000_000,
        "{next} may have been given"
    );
}

#[test]
fn what_the_holder_decides_nobody_else_changes_but_to_cancel() {
    let store = Store::new();
    store.add("/a", r#"{"status": "ready"}"#);
    store.write("/x");
    let (at, token) = store.claim_one().unwrap();
    for object in [
        r#"{"status": "ready"}"#,
        r#"{"status": "completed"}"#,
        r#"{"status": "in_progress"}"#,
        r#"{"worker_id": "thief"}"#,
        r#"{"started_at": "2026-01-01T00:00:00Z"}"#,
        r#"{"completed_at": "2026-01-01T00:00:00Z"}"#,
        r#"{"depends_on": "/x"}"#,
    ] {
        let error = assert_kind(store.set(&at, object), ErrorKind::Conflict);
        let key = object.split('"').nth(1).unwrap();
        assert!(error.to_string().contains(key), "{error}");
    }
    let clear = Change::DeleteMetadata {
        path: path(&at),
        key: "status".to_owned(),
    };
    assert_kind(store.apply(vec![clear]), ErrorKind::Conflict);
    store
        .set(&at, r#"{"priority": 5, "tags": ["x"], "max_attempts": 4}"#)
        .unwrap();
    let require = |token| Change::Require {
        path: path(&at),
        conditions: Conditions {
            lease: Some((path(&at), token)),
            ..Conditions::default()
        },
    };
    store
        .apply(vec![require(token), set(&at, r#"{"depends_on": "/x"}"#)])
        .unwrap();
    store.set(&at, r#"{"status": "cancelled"}"#).unwrap();
    assert_kind(store.apply(vec![require(token)]), ErrorKind::LeaseLost);
    assert!(store.claim(1).is_empty());
    store.set(&at, r#"{"status": "ready"}"#).unwrap();
    assert!(store.claim_one().unwrap().1 > token);
}

#[test]
fn a_lease_moves_with_its_file_and_ends_with_it() {
    let store = Store::new();
    store.add("/q/a", r#"{"status": "ready"}"#);
    store.add("/q/b", r#"{"status": "ready"}"#);
    let (a, token) = store.claim_one().unwrap();
    store
        .apply(vec![Change::Rename(relocation("/q", "/shared/acme/q"))])
        .unwrap();
    assert_kind(store.heartbeat(&a, token, 5), ErrorKind::LeaseLost);
    store.heartbeat("/shared/acme/q/a", token, 5).unwrap();
    assert_eq!(
        names(&store.claim_in(Some("/shared/acme/"), 5, 5)),
        ["/shared/acme/q/b"]
    );
    store.pass(5);
    let again = store.claim_in(Some("/shared/acme/q/"), 5, 5);
    assert_eq!(again.len(), 2, "leases expire where the items are now");
    store.delete("/shared/acme/q/a");
    let token = LeaseToken::new(again[0].lease).unwrap();
    assert_kind(
        store.complete("/shared/acme/q/a", token),
        ErrorKind::LeaseLost,
    );
}

#[test]
fn a_status_in_progress_by_hand_never_expires() {
    let store = Store::new();
    store.add("/a", r#"{"status": "in_progress"}"#);
    store.pass(1_000_000);
    assert!(store.claim(1).is_empty());
    assert_eq!(store.supply(), Supply::None);
    store.set("/a", r#"{"status": "ready"}"#).unwrap();
    assert_eq!(store.supply(), Supply::Now);
}

#[test]
fn a_prefix_limits_a_worker_to_its_queue() {
    let store = Store::new();
    for name in [
        "/jobs/a/1",
        "/jobs/a/2",
        "/jobs/ab/3",
        "/jobs/b/4",
        "/jobs/a5",
        "/root",
        "/jobs/a/x/6",
    ] {
        store.add(name, r#"{"status": "ready", "priority": 1}"#);
    }
    let claimed = |prefix| {
        let found = store.claim_in(Some(prefix), 10, 1);
        let mut names: Vec<String> = found.iter().map(|item| item.path.to_string()).collect();
        for item in &found {
            let token = LeaseToken::new(item.lease).unwrap();
            store.release(item.path.as_str(), token).unwrap();
        }
        names.sort();
        names
    };
    assert_eq!(
        claimed("/jobs/a/"),
        ["/jobs/a/1", "/jobs/a/2", "/jobs/a/x/6"]
    );
    assert_eq!(
        claimed("/jobs/a"),
        [
            "/jobs/a/1",
            "/jobs/a/2",
            "/jobs/a/x/6",
            "/jobs/a5",
            "/jobs/ab/3"
        ]
    );
    assert_eq!(claimed("/jobs/a/1"), ["/jobs/a/1"]);
    assert_eq!(claimed("/jobs/b"), ["/jobs/b/4"]);
    assert_eq!(claimed("/r"), ["/root"]);
    assert_eq!(claimed("/jobs/").len(), 6);
    assert_eq!(claimed("/").len(), 7);
    assert!(claimed("/jobs/c").is_empty());
}

#[test]
fn many_directories_are_claimed_from_in_order() {
    let mut store = Store::new();
    let mut expected = Vec::new();
    for number in 0..200 {
        let priority = (number * 7919) % 200;
        let path = format!("/shared/acme/q/{number}/item");
        store.add(
            &path,
            &format!(r#"{{"status": "ready", "priority": {priority}}}"#),
        );
        store.add(
            &format!("/shared/other/q/{number}/item"),
            r#"{"status": "ready", "priority": -1}"#,
        );
        expected.push((priority, path));
    }
    expected.sort();
    let expected: Vec<&str> = expected.iter().map(|(_, path)| path.as_str()).collect();
    store.see_only(&["/shared/acme"]);
    assert_eq!(store.paths(WorkView::Ready), expected);
    assert_eq!(names(&store.claim(3)), expected[..3]);
    let rest = store.claim_in(Some("/shared/acme/q/"), 1000, 10);
    assert_eq!(names(&rest), expected[3..], "a part of the scope");
}

#[test]
fn a_worker_takes_nothing_it_may_not_change_and_waits_for_nothing_of_others() {
    let mut store = Store::new();
    store.add("/shared/other/1", r#"{"status": "ready"}"#);
    store.add("/shared/other/2", r#"{"status": "ready"}"#);
    store.see_only(&["/shared/other"]);
    store.claim_in(None, 1, 5);
    store.see_only(&["/shared/acme"]);
    assert!(store.claim(9).is_empty());
    assert_eq!(store.supply(), Supply::None);
    store.pass(6);
    assert_eq!(store.supply(), Supply::None, "another's lease ended");
    assert!(store.claim(9).is_empty());
    store.see_only(&["/shared/other"]);
    assert_eq!(store.claim(9).len(), 2);
}

#[test]
fn a_backlog_of_due_and_expired_items_is_taken_whole() {
    let store = Store::new();
    let due = nexusfs_core::time::format_time(store.time.wall() + 5 * SECOND);
    for number in 0..50 {
        let ready = r#"{"status": "ready"}"#;
        store.add(&format!("/q/expires/{number}"), ready);
    }
    assert_eq!(store.claim_in(None, 50, 5).len(), 50);
    for number in 0..50 {
        let object = format!(r#"{{"status": "ready", "not_before": "{due}"}}"#);
        store.add(&format!("/q/due/{number}"), &object);
    }
    store.add("/q/now", r#"{"status": "ready"}"#);
    assert_eq!(names(&store.claim(7)), ["/q/now"]);
    store.pass(5);
    assert_eq!(store.paths(WorkView::Ready).len(), 50);
    let mut taken = std::collections::BTreeSet::new();
    loop {
        let items = store.claim_in(None, 7, 1000);
        if items.is_empty() {
            break;
        }
        taken.extend(items.into_iter().map(|item| item.path.to_string()));
    }
    assert_eq!(taken.len(), 100, "each once, none left");
}

#[test]
fn what_may_not_be_taken_comes_between_and_nothing_is_given_twice() {
    let mut store = Store::new();
    let job = |path: &str, priority: usize| {
        let object = format!(r#"{{"status": "ready", "priority": {priority}}}"#);
        [write(path), set(path, &object)]
    };
    let mut changes = Vec::from(job("/own/first", 0));
    for number in 1..=600 {
        changes.extend(job(&format!("/others/{number}/job"), number));
    }
    changes.extend(job("/own/last", 700));
    store.apply(changes).unwrap();
    store.visible.ranges = vec![PathRange::under("/own")];
    assert!(store.visible.nearly_all);
    let own = ["/own/first", "/own/last"];
    assert_eq!(store.paths(WorkView::Ready), own);
    let claimed = store.claim(10);
    assert_eq!(paths_of(&claimed), own);
    assert!(claimed.iter().all(|item| item.attempts == 1));
    assert!(store.claim(10).is_empty());
}

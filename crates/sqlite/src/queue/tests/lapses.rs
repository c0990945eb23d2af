//! What time makes claimable, where there is much of it.

use nexusfs_core::metadata::Supply;
use nexusfs_core::time::{Micros, format_time};
use nexusfs_core::work::Status;

use super::*;

const SECOND: Micros = 1_000_000;

impl Store {
    /// Adds an item that falls due after so many seconds.
    fn add_delayed(&self, path: &str, status: Status, priority: i64, seconds: i64) {
        let due = format_time(self.time.wall() + seconds * SECOND);
        let status = status.name();
        self.add(
            path,
            &format!(r#"{{"status": "{status}", "priority": {priority}, "not_before": "{due}"}}"#),
        );
    }

    /// Adds an item that a worker has for so many seconds.
    fn add_taken(&self, path: &str, priority: i64, seconds: i64) {
        self.add(
            path,
            &format!(r#"{{"status": "ready", "priority": {priority}}}"#),
        );
        assert_eq!(paths_of(&self.claim_in(None, 1, seconds)), [path]);
    }

    /// Returns how many claims of one item it takes until `path` is given, when each lasts so long.
    fn claims_until(&self, path: &str, seconds: i64) -> usize {
        let is_other = |_: &usize| {
            let claimed = self.claim_in(None, 1, seconds);
            self.pass(seconds + 1);
            paths_of(&claimed) != [path]
        };
        1 + (0..100).take_while(is_other).count()
    }
}

#[test]
fn what_a_dead_worker_had_comes_by_priority_again() {
    let store = Store::new();
    for number in 0..32 {
        let priority = 32 - number;
        store.add(
            &format!("/q/{number:02}"),
            &format!(r#"{{"status": "ready", "priority": {priority}}}"#),
        );
    }
    let paths: Vec<String> = (0..32)
        .rev()
        .map(|number| format!("/q/{number:02}"))
        .collect();
    assert_eq!(paths_of(&store.claim(32)), paths);
    store.pass(20);
    for path in paths {
        assert_eq!(paths_of(&store.claim(1)), [path]);
    }
}

#[test]
fn an_expired_item_does_not_wait_for_all_that_fell_due() {
    let store = Store::new();
    store.add_taken("/q/last", 9, 1);
    store.add_taken("/q/first", 0, 2);
    for number in 0..50 {
        store.add_delayed(&format!("/q/due/{number}"), Status::Ready, 5, 1);
    }
    store.pass(3);
    let claims = store.claims_until("/q/first", 1000);
    assert!(claims <= 3, "it was given by claim {claims}");
}

/// A claim of the whole store looks at some of the scopes, and at others next.
#[test]
fn an_expired_item_does_not_wait_for_tenants_whose_items_expire_again_and_again() {
    for items in [1, 3] {
        let store = Store::new();
        for tenant in 0..16 {
            for item in 0..items {
                store.add_taken(&format!("/shared/tenant-{tenant}/{item}"), 5, 1);
            }
        }
        store.add_taken("/shared/last/first", 0, 2);
        store.pass(3);
        let claims = store.claims_until("/shared/last/first", 1);
        assert!(claims <= 2 * items, "it was given by claim {claims}");
    }
}

#[test]
fn a_claim_looks_once_at_scopes_whose_items_are_completed() {
    let store = Store::new();
    for tenant in 0..40 {
        store.add_taken(&format!("/shared/tenant-{tenant}/item"), 5, 10);
    }
    for tenant in 0..40 {
        let path = format!("/shared/tenant-{tenant}/item");
        let sql = "SELECT lease FROM work WHERE path = ?1";
        let lease: i64 = store
            .connection
            .query_row(sql, [&path], |row| row.get(0))
            .unwrap();
        let token = nexusfs_core::work::LeaseToken::new(lease as u64).unwrap();
        store.complete(&path, token).unwrap();
    }
    store.pass(20);
    assert!(store.claim(1).is_empty());
    let outdated: i64 = store
        .connection
        .query_row("SELECT count(next_expiry) FROM work_scopes", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(outdated, 0);
}

/// An item whose time has come may wait for something else too.
#[test]
fn many_items_that_cannot_be_claimed_are_put_out_of_the_way() {
    let store = Store::new();
    for number in 0..600 {
        store.add_delayed(&format!("/q/{number}"), Status::Pending, 0, 1);
    }
    store.add_delayed("/q/ready", Status::Ready, 9, 2);
    store.pass(3);
    assert_eq!(paths_of(&store.claim(2)), ["/q/ready"]);
    let delayed: i64 = store
        .connection
        .query_row("SELECT sum(delayed) FROM work", [], |row| row.get(0))
        .unwrap();
    assert_eq!(delayed, 0);
}

/// To find how far off the first item is that a worker may take, it would have to look at all that others have.
#[test]
fn a_wait_does_not_go_through_all_that_others_may_take_later() {
    let supply_beside = |others: usize| {
        let store = Store::new();
        for number in 0..others {
            store.add_delayed(&format!("/q/others/{number}"), Status::Ready, 5, 1_000_000);
        }
        // The scope is looked at from now on.
        store.add_delayed("/q/others/now", Status::Ready, 5, 1);
        store.pass(2);
        let scope = store.scope(Some("/q/own/"));
        let backends = &store.backends;
        super::super::supply(
            &store.connection,
            backends,
            &store.time,
            &scope,
            &store.grant(),
        )
        .unwrap()
    };
    assert_eq!(supply_beside(10), Supply::None);
    match supply_beside(300) {
        Supply::After(wait) => assert_eq!(wait.as_secs(), 999_998),
        supply => panic!("{supply:?}"),
    }
}

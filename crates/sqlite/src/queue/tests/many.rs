//! Claims and completions of many items, which some of each statement carries out.

use nexusfs_core::work::LeaseToken;

use super::*;

/// Around what one statement carries out.
const NUMBERS: [usize; 7] = [1, 2, 15, 16, 17, 32, 40];

/// A store with `number` items, which are claimed, in another order than that of their paths.
fn claimed(number: usize) -> (Store, Vec<WorkItem>) {
    let store = Store::new();
    let changes = (0..number).flat_map(|index| {
        let path = format!("/q/item-{index:02}");
        let priority = (index * 7) % 41;
        [
            write(&path),
            set(
                &path,
                &format!(r#"{{"status": "ready", "priority": {priority}}}"#),
            ),
        ]
    });
    store.apply(changes.collect()).unwrap();
    let items = store.claim(number);
    assert_eq!(items.len(), number);
    (store, items)
}

fn token(item: &WorkItem) -> LeaseToken {
    LeaseToken::new(item.lease).unwrap()
}

fn completion(item: &WorkItem) -> Change {
    Change::CompleteWork {
        path: item.path.clone(),
        token: token(item),
        result: Some(format!("\"of {}\"", item.path)),
    }
}

/// Returns how many items are completed.
fn completed(store: &Store) -> u64 {
    store.counts().by_status[4]
}

/// Applies `changes`, of which the completion `index` is lost: nothing is done.
fn assert_lost(store: &Store, changes: Vec<Change>, index: usize) -> Error {
    let error = assert_kind(store.apply(changes), ErrorKind::LeaseLost);
    assert_eq!(error.index(), Some(index));
    assert_eq!(completed(store), 0);
    error
}

#[test]
fn each_item_of_a_claim_has_the_lease_that_the_claim_returned() {
    for number in NUMBERS {
        let (store, items) = claimed(number);
        let priorities: Vec<_> = items.iter().map(|item| item.priority).collect();
        assert!(priorities.is_sorted(), "{priorities:?}");
        let tokens: Vec<u64> = items.iter().map(|item| item.lease).collect();
        assert!(tokens.is_sorted_by(|one, next| one < next), "{tokens:?}");
        for item in &items {
            store
                .heartbeat(item.path.as_str(), token(item), 10)
                .unwrap();
            let expires_at = nexusfs_core::time::format_time(item.lease_expires_at.unwrap());
            assert_eq!(
                store.get(item.path.as_str(), "lease_expires_at"),
                Some(format!("\"{expires_at}\"")),
            );
        }
        assert_eq!(store.paths(WorkView::InProgress).len(), number);
        assert!(store.claim(1).is_empty());
    }
}

#[test]
fn each_item_of_a_batch_has_its_own_result() {
    for number in NUMBERS {
        let (store, items) = claimed(number);
        let mut changes: Vec<Change> = items.iter().map(completion).collect();
        if let Change::CompleteWork { result, .. } = &mut changes[number / 2] {
            *result = None;
        }
        store.apply(changes).unwrap();
        for (index, item) in items.iter().enumerate() {
            let result = (index != number / 2).then(|| format!("\"of {}\"", item.path));
            assert_eq!(store.get(item.path.as_str(), "result"), result);
            assert_eq!(
                store.status(item.path.as_str()).as_deref(),
                Some("completed")
            );
        }
        assert_eq!(completed(&store), number as u64);
    }
}

#[test]
fn of_completions_that_are_lost_the_first_is_named_and_nothing_is_done() {
    for number in NUMBERS {
        for lost in [0, number / 3, number / 2, number - 1] {
            let (store, items) = claimed(number);
            let mut changes: Vec<Change> = items.iter().map(completion).collect();
            // All from there on, so that the first is told apart from the others.
            for (other, change) in (1_000..).zip(&mut changes[lost..]) {
                if let Change::CompleteWork { token, .. } = change {
                    *token = LeaseToken::new(other).unwrap();
                }
            }
            let error = assert_lost(&store, changes, lost);
            assert_eq!(error.path(), Some(items[lost].path.as_str()), "of {number}");
            store.apply(items.iter().map(completion).collect()).unwrap();
        }
    }
}

#[test]
fn the_lease_of_another_item_of_the_batch_completes_nothing() {
    for number in [2, 15, 16, 40] {
        let (store, items) = claimed(number);
        let mut changes: Vec<Change> = items.iter().map(completion).collect();
        let (one, other) = ((number - 1) / 2, number - 1);
        if let Change::CompleteWork { token: of_one, .. } = &mut changes[one] {
            *of_one = token(&items[other]);
        }
        assert_lost(&store, changes.clone(), one);
        if let Change::CompleteWork {
            token: of_other, ..
        } = &mut changes[other]
        {
            *of_other = token(&items[one]);
        }
        assert_lost(&store, changes, one);
    }
}

#[test]
fn an_item_is_completed_once_in_a_batch() {
    let (store, items) = claimed(20);
    let mut changes: Vec<Change> = items.iter().map(completion).collect();
    changes.insert(5, completion(&items[2]));
    assert_lost(&store, changes, 5);
}

#[test]
fn what_was_completed_before_in_the_batch_is_named_as_lost() {
    let (store, items) = claimed(6);
    let mut changes = vec![completion(&items[3]), set(items[0].path.as_str(), "{}")];
    changes.extend(items.iter().map(completion));
    assert_lost(&store, changes, 5);
}

#[test]
fn completions_beside_other_changes_are_done_in_order() {
    let (store, items) = claimed(6);
    let mut changes: Vec<Change> = items.iter().map(completion).collect();
    changes.insert(3, set(items[5].path.as_str(), r#"{"priority": 9}"#));
    changes.insert(1, delete(items[0].path.as_str()));
    store.apply(changes).unwrap();
    assert_eq!(completed(&store), 5, "one was completed and deleted");
}

#[test]
fn leases_that_have_ended_complete_nothing() {
    let (store, items) = claimed(20);
    store.pass(11);
    let error = assert_kind(
        store.apply(items.iter().map(completion).collect()),
        ErrorKind::LeaseLost,
    );
    assert_eq!(error.index(), Some(0));
    assert_eq!(store.claim(20).len(), 20, "each by its next attempt");
}

#[test]
fn what_waits_for_completed_items_is_ready() {
    let (store, items) = claimed(20);
    for item in &items {
        let waiting = format!("/q/after{}", &item.path.as_str()[2..].replace('/', "-"));
        store.add(
            &waiting,
            &format!(r#"{{"status": "blocked", "depends_on": "{}"}}"#, item.path),
        );
    }
    store.apply(items.iter().map(completion).collect()).unwrap();
    store.check_counters();
    assert_eq!(store.claim(40).len(), 20);
}

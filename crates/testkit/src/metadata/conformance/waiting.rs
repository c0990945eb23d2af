//! Waiting for something to claim.

use std::thread;
use std::time::{Duration, Instant};

use nexusfs::call::Interrupts;
use nexusfs::error::ErrorKind;
use nexusfs::metadata::Supply;

use super::Subject;
use super::changes::{complete, fail, item, make_ready, release, set};
use super::subject::{SECOND, call};

fn supply(subject: &Subject) -> Supply {
    let scope = subject.policy(None, None).claimable(None);
    subject.store.supply(&scope, &subject.all()).unwrap()
}

/// Whatever may make something claimable changes the count, and nothing else has to.
pub fn the_change_count_follows_what_can_be_claimed(subject: &Subject) {
    let count = || subject.store.change_count(&call()).unwrap();
    let mut last = count();
    assert_eq!(count(), last, "nothing happened");
    let mut changed = |what: &str| {
        let now = count();
        assert_ne!(now, last, "{what}");
        last = now;
    };
    make_ready(subject, &["/a"]);
    changed("a ready item");
    let token = subject.claim_one(10 * SECOND);
    subject.store.change_count(&call()).unwrap();
    subject.commit(vec![release("/a", token)]);
    changed("a release");
    let token = subject.claim_one(10 * SECOND);
    subject.commit(vec![fail("/a", token, Some(SECOND))]);
    changed("a failure");
    subject.commit(vec![set("/a", "priority", "1")]);
    changed("another priority");
    subject.commit(
        item(
            subject,
            "/b",
            r#"{"status": "blocked", "depends_on": "/a"}"#,
        )
        .into(),
    );
    subject.pass(SECOND);
    let token = subject.claim_one(10 * SECOND);
    subject.store.change_count(&call()).unwrap();
    subject.commit(vec![complete("/a", token)]);
    changed("a dependency that was completed");
}

/// Of this handle at once, of others soon.
pub fn a_wait_ends_with_a_change_of_any_handle(subject: &Subject) {
    let other = subject.open_again();
    for by_other in [false, true] {
        let name = format!("/{by_other}");
        let changes = item(subject, &name, r#"{"status": "ready"}"#).into();
        let set = subject.set(changes, Default::default());
        let grant = subject.all();
        let seen = subject.store.change_count(&call()).unwrap();
        let (store, committing) = (
            &subject.store,
            if by_other { &other } else { &subject.store },
        );
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(50));
                committing.commit(set, &grant).unwrap();
            });
            let deadline = Some(Instant::now() + Duration::from_secs(30));
            let began = Instant::now();
            store.wait_for_change(seen, deadline, &call()).unwrap();
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "it waited for the deadline"
            );
        });
        assert_ne!(store.change_count(&call()).unwrap(), seen);
        assert_eq!(supply(subject), Supply::Now);
        // What happened before the wait counts, too.
        store.wait_for_change(seen, None, &call()).unwrap();
    }
}

/// A deadline and an interrupt end it.
pub fn a_wait_ends_in_time_or_when_interrupted(subject: &Subject) {
    let seen = subject.store.change_count(&call()).unwrap();
    let began = Instant::now();
    let deadline = Some(began + Duration::from_millis(60));
    subject
        .store
        .wait_for_change(seen, deadline, &call())
        .unwrap();
    assert!(
        began.elapsed() >= Duration::from_millis(60),
        "nothing changed"
    );
    subject
        .store
        .wait_for_change(seen, Some(Instant::now()), &call())
        .unwrap();
    let interrupts = Interrupts::default();
    let interrupted = interrupts.begin(Duration::from_secs(30));
    let store = &subject.store;
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(50));
            interrupts.interrupt();
        });
        let error = store.wait_for_change(seen, None, &interrupted).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    });
}

/// At once, after some time, or not before something changes.
pub fn supply_tells_when_to_claim(subject: &Subject) {
    assert_eq!(supply(subject), Supply::None);
    subject.write_all(&["/file"]);
    subject.commit(item(subject, "/held", r#"{"status": "blocked"}"#).into());
    assert_eq!(supply(subject), Supply::None);
    let at = nexusfs::time::format_time(subject.wall() + 100 * SECOND);
    let keys = format!("{{\"status\": \"ready\", \"not_before\": \"{at}\"}}");
    subject.commit(item(subject, "/delayed", &keys).into());
    assert_eq!(supply(subject), Supply::After(Duration::from_secs(100)));
    make_ready(subject, &["/a"]);
    assert_eq!(supply(subject), Supply::Now);
    assert_eq!(supply(subject), Supply::Now, "to ask is not to claim");
    let token = subject.claim_one(10 * SECOND);
    assert_eq!(supply(subject), Supply::After(Duration::from_secs(10)));
    subject.pass(4 * SECOND);
    assert_eq!(supply(subject), Supply::After(Duration::from_secs(6)));
    subject.pass(6 * SECOND);
    assert_eq!(supply(subject), Supply::Now);
    assert_eq!(subject.claim(1, 10 * SECOND).len(), 1);
    let error = subject.refusal(vec![complete("/a", token)]);
    assert_eq!(error.kind(), ErrorKind::LeaseLost);
    subject.pass(90 * SECOND);
    assert_eq!(supply(subject), Supply::Now);
    assert_eq!(subject.claim(9, 10 * SECOND).len(), 2);
}

/// What others have is no supply.
pub fn supply_stays_within_the_part(subject: &Subject) {
    make_ready(subject, &["/shared/b/1", "/archives/a/1"]);
    let of_tenant = |prefix: Option<&str>| {
        let policy = subject.policy(Some("a"), None);
        let scope = policy.claimable(prefix.map(nexusfs::range::PathRange::with_prefix));
        subject
            .store
            .supply(&scope, &subject.of(Some("a"), None))
            .unwrap()
    };
    assert_eq!(of_tenant(None), Supply::None);
    make_ready(subject, &["/shared/a/1"]);
    assert_eq!(of_tenant(None), Supply::Now);
    assert_eq!(of_tenant(Some("/shared/a/")), Supply::Now);
    assert_eq!(of_tenant(Some("/jobs/")), Supply::None);
}

//! Waiting for something to claim.

use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::call::Interrupts;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata::Supply;

use super::Subject;
use super::changes::{complete, fail, item, make_ready, release, set};
use super::subject::{SECOND, call};

fn supply(subject: &Subject) -> Supply {
    let scope = subject.policy(None, None).claimable(None);
    subject.store.supply(&scope, &subject.all()).unwrap()
}

/// Whatever may make something claimable is noticed, and nothing else has to be.
pub fn a_watch_notices_what_can_be_claimed(subject: &Subject) {
    let mut watch = subject.store.watch(&call()).unwrap();
    let mut changed = || watch.wait(Some(Instant::now()), &call()).unwrap();
    assert!(!changed(), "nothing happened");
    make_ready(subject, &["/a"]);
    assert!(changed(), "a ready item");
    let token = subject.claim_one(10 * SECOND);
    changed();
    subject.commit(vec![release("/a", token)]);
    assert!(changed(), "a release");
    let token = subject.claim_one(10 * SECOND);
    subject.commit(vec![fail("/a", token, Some(SECOND))]);
    assert!(changed(), "a failure");
    subject.commit(vec![set("/a", "priority", "1")]);
    assert!(changed(), "another priority");
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
    changed();
    subject.commit(vec![complete("/a", token)]);
    assert!(changed(), "a dependency that was completed");
}

/// Of this handle at once, of others soon.
pub fn a_wait_ends_with_a_change_of_any_handle(subject: &Subject) {
    let other = subject.open_again();
    for by_other in [false, true] {
        let name = format!("/{by_other}");
        let changes = item(subject, &name, r#"{"status": "ready"}"#).into();
        let set = subject.set(changes, Default::default());
        let grant = subject.all();
        let mut watch = subject.store.watch(&call()).unwrap();
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
            assert!(watch.wait(deadline, &call()).unwrap());
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "it waited for the deadline"
            );
        });
        assert_eq!(supply(subject), Supply::Now);
        // What happened before the wait counts, too, since the watch was made.
        let mut watch = store.watch(&call()).unwrap();
        make_ready(subject, &["/again"]);
        assert!(watch.wait(None, &call()).unwrap());
    }
}

/// A deadline and an interrupt end it.
pub fn a_wait_ends_in_time_or_when_interrupted(subject: &Subject) {
    let mut watch = subject.store.watch(&call()).unwrap();
    let began = Instant::now();
    let deadline = Some(began + Duration::from_millis(60));
    assert!(!watch.wait(deadline, &call()).unwrap(), "nothing changed");
    assert!(began.elapsed() >= Duration::from_millis(60));
    assert!(!watch.wait(Some(Instant::now()), &call()).unwrap());
    let interrupts = Interrupts::default();
    let interrupted = interrupts.begin(Duration::from_secs(30));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(50));
            interrupts.interrupt();
        });
        let error = watch.wait(None, &interrupted).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    });
}

/// At once, after some time, or not before something changes.
pub fn supply_tells_when_to_claim(subject: &Subject) {
    assert_eq!(supply(subject), Supply::None);
    subject.write_all(&["/file"]);
    subject.commit(item(subject, "/held", r#"{"status": "blocked"}"#).into());
    assert_eq!(supply(subject), Supply::None);
    let at = nexusfs_core::time::format_time(subject.wall() + 100 * SECOND);
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
        let scope = policy.claimable(prefix.map(nexusfs_core::range::PathRange::with_prefix));
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

//! What the holder of a lease does, and what others may not.

use std::sync::Arc;

use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata::{Change, Conditions};
use nexusfs_core::work::LeaseToken;

use super::Subject;
use super::changes::{
    complete, copy, delete, fail, heartbeat, item, make_ready, path, release, rename, require,
    rmdir, set, set_all, set_under, under, unset,
};
use super::subject::{SECOND, claim, clock_of_boot, names_of};

fn time(subject: &Subject, later: i64) -> String {
    format!(
        "\"{}\"",
        nexusfs_core::time::format_time(subject.wall() + later)
    )
}

#[track_caller]
fn lost(subject: &Subject, change: Change) {
    let error = subject.refusal(vec![subject.write("/not-written", b""), change.clone()]);
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::LeaseLost, Some(1)),
        "{change:?}: {error}"
    );
    assert_eq!(subject.entry("/not-written"), None);
}

/// It lasts from the heartbeat on, which may be shorter than before.
pub fn a_heartbeat_prolongs_a_live_lease(subject: &Subject) {
    make_ready(subject, &["/a"]);
    let token = subject.claim_one(10 * SECOND);
    subject.pass(9 * SECOND);
    subject.commit(vec![heartbeat("/a", token, 10 * SECOND)]);
    assert_eq!(
        subject.value("/a", "lease_expires_at").unwrap(),
        time(subject, 10 * SECOND)
    );
    subject.pass(9 * SECOND);
    assert!(subject.claim(1, SECOND).is_empty());
    subject.commit(vec![heartbeat("/a", token, 2 * SECOND)]);
    subject.pass(2 * SECOND);
    lost(subject, heartbeat("/a", token, 10 * SECOND));
    assert_eq!(names_of(&subject.claim(1, SECOND)), ["/a"]);
}

/// The result is kept as it was given, and what came before stays.
pub fn a_completion_ends_the_lease_with_its_result(subject: &Subject) {
    make_ready(subject, &["/a", "/b", "/c"]);
    let claimed = subject.claim(3, 10 * SECOND);
    let tokens: Vec<_> = claimed
        .iter()
        .map(|item| LeaseToken::new(item.lease).unwrap())
        .collect();
    subject.pass(SECOND);
    let with_result = Change::CompleteWork {
        path: path("/a"),
        token: tokens[0],
        result: Some("{\"n\": 1.0}".to_owned()),
    };
    // Several in one set, among other changes.
    subject.commit(vec![
        subject.write("/out", b"1"),
        with_result,
        complete("/b", tokens[1]),
        complete("/c", tokens[2]),
    ]);
    let keys = subject.store.metadata(&path("/a"), &subject.all()).unwrap();
    let keys: Vec<_> = keys
        .iter()
        .map(|(key, json)| format!("{key}={json}"))
        .collect();
    let started = nexusfs_core::time::format_time(subject.wall() - SECOND);
    let expected = [
        "attempts=1".to_owned(),
        format!("completed_at={}", time(subject, 0)),
        "result={\"n\": 1.0}".to_owned(),
        format!("started_at=\"{started}\""),
        "status=\"completed\"".to_owned(),
        "worker_id=\"worker\"".to_owned(),
    ];
    assert_eq!(keys, expected);
    assert_eq!(subject.value("/b", "result"), None);
    assert_eq!(
        ["/b", "/c"].map(|at| subject.status(at)),
        ["\"completed\"", "\"completed\""]
    );
    lost(subject, complete("/a", tokens[0]));
    // The first of some completions that fails is named, and none is done.
    make_ready(subject, &["/d", "/e"]);
    subject.pass(SECOND);
    let claimed = subject.claim(2, 10 * SECOND);
    let tokens: Vec<_> = claimed
        .iter()
        .map(|item| LeaseToken::new(item.lease).unwrap())
        .collect();
    let error = subject.refusal(vec![
        complete("/d", tokens[0]),
        complete("/a", tokens[1]),
        complete("/e", tokens[1]),
    ]);
    assert_eq!(
        (error.kind(), error.index(), error.path()),
        (ErrorKind::LeaseLost, Some(1), Some("/a")),
        "{error}"
    );
    assert_eq!(subject.status("/d"), "\"in_progress\"");
    let error = subject.refusal(vec![complete("/d", tokens[0]), complete("/d", tokens[0])]);
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::LeaseLost, Some(1)),
        "{error}"
    );
}

/// After the time that the worker says, or else after the back-off, which doubles.
pub fn a_failure_is_tried_again_later(subject: &Subject) {
    make_ready(subject, &["/a"]);
    for attempt in 1..=4 {
        let token = subject.claim_one(10 * SECOND);
        subject.commit(vec![fail("/a", token, None)]);
        assert_eq!(subject.status("/a"), "\"ready\"");
        assert_eq!(
            subject.value("/a", "attempts").unwrap(),
            attempt.to_string()
        );
        assert_eq!(subject.value("/a", "last_error").unwrap(), "\"it broke\"");
        let back_off = (1 << (attempt - 1)) * SECOND;
        assert_eq!(
            subject.value("/a", "not_before").unwrap(),
            time(subject, back_off)
        );
        for key in ["worker_id", "started_at", "lease_expires_at"] {
            assert_eq!(subject.value("/a", key), None, "{key}");
        }
        subject.pass(back_off - 1);
        assert!(subject.claim(1, SECOND).is_empty(), "attempt {attempt}");
        subject.pass(1);
    }
    let token = subject.claim_one(100 * SECOND);
    subject.commit(vec![fail("/a", token, Some(60 * SECOND))]);
    assert_eq!(
        subject.value("/a", "not_before").unwrap(),
        time(subject, 60 * SECOND)
    );
    subject.pass(59 * SECOND);
    assert!(subject.claim(1, SECOND).is_empty());
    subject.pass(SECOND);
    let token = subject.claim_one(SECOND);
    lost(subject, fail("/b", token, None));
}

/// With `max_attempts` used up the item is `failed`, and says who worked on it last.
pub fn a_failure_without_attempts_left_is_final(subject: &Subject) {
    subject.commit(item(subject, "/a", r#"{"status": "ready", "max_attempts": 1}"#).into());
    let token = subject.claim_one(10 * SECOND);
    subject.commit(vec![fail("/a", token, Some(SECOND))]);
    assert_eq!(subject.status("/a"), "\"failed\"");
    assert_eq!(subject.value("/a", "worker_id").unwrap(), "\"worker\"");
    assert_eq!(subject.value("/a", "not_before"), None);
    subject.pass(100 * SECOND);
    assert!(subject.claim(1, SECOND).is_empty());
    // Set to ready again, it has the attempts that it had.
    subject.commit(vec![set("/a", "status", "\"ready\"")]);
    let token = subject.claim_one(10 * SECOND);
    assert_eq!(subject.value("/a", "attempts").unwrap(), "2");
    subject.commit(vec![fail("/a", token, None)]);
    assert_eq!(subject.status("/a"), "\"failed\"");
}

/// As if the item had not been claimed.
pub fn a_release_does_not_count(subject: &Subject) {
    make_ready(subject, &["/a"]);
    let token = subject.claim_one(10 * SECOND);
    subject.commit(vec![release("/a", token)]);
    let keys = subject.store.metadata(&path("/a"), &subject.all()).unwrap();
    assert_eq!(keys, [("status".to_owned(), "\"ready\"".to_owned())]);
    lost(subject, release("/a", token));
    let again = subject.claim_one(10 * SECOND);
    assert!(again > token);
    assert_eq!(subject.value("/a", "attempts").unwrap(), "1");
}

/// An older token, one of another item, and one whose time has passed are worth nothing.
pub fn only_the_newest_live_token_is_good(subject: &Subject) {
    make_ready(subject, &["/a", "/b"]);
    let claimed = subject.claim(2, 10 * SECOND);
    let [a, b] = [0, 1].map(|index: usize| LeaseToken::new(claimed[index].lease).unwrap());
    let all = |at: &str, token| {
        [
            heartbeat(at, token, SECOND),
            complete(at, token),
            fail(at, token, None),
            release(at, token),
            require(at, under(at, token)),
        ]
    };
    for change in all("/a", b)
        .into_iter()
        .chain(all("/missing", a))
        .chain(all("/c", a))
    {
        lost(subject, change);
    }
    subject.pass(10 * SECOND);
    for change in all("/a", a) {
        lost(subject, change);
    }
    let newest = subject.claim_one(10 * SECOND);
    for change in all("/a", a) {
        lost(subject, change);
    }
    subject.commit(vec![rename("/a", "/d/a")]);
    lost(subject, complete("/a", newest));
    subject.commit(vec![complete("/d/a", newest)]);
}

/// Any change may carry the lease of an item, which is checked in the same commit.
pub fn a_lease_is_a_condition_of_other_changes(subject: &Subject) {
    make_ready(subject, &["/a"]);
    subject.write_all(&["/x"]);
    let token = subject.claim_one(10 * SECOND);
    let wrong = LeaseToken::new(token.number() as u64 + 1).unwrap();
    let guarded = |token| {
        [
            set_under("/x", "k", "1", under("/a", token)),
            Change::Rename(nexusfs_core::metadata::Relocation {
                conditions: under("/a", token),
                ..super::changes::relocation("/x", "/y")
            }),
            Change::Copy(nexusfs_core::metadata::Relocation {
                conditions: under("/a", token),
                ..super::changes::relocation("/y", "/x")
            }),
            Change::Delete {
                path: path("/y"),
                conditions: under("/a", token),
            },
        ]
    };
    lost(subject, guarded(wrong)[0].clone());
    subject.commit(guarded(token).into());
    assert!(subject.entry("/x").is_some() && subject.entry("/y").is_none());
    // What the set itself does to the lease counts.
    let error = subject.refusal(vec![
        complete("/a", token),
        require("/x", under("/a", token)),
    ]);
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::LeaseLost, Some(1)),
        "{error}"
    );
    assert_eq!(subject.status("/a"), "\"in_progress\"");
}

/// Of an item under a live lease, others change what does not belong to its run.
pub fn only_the_holder_changes_the_run_of_an_item(subject: &Subject) {
    subject.commit(item(subject, "/a", r#"{"status": "ready", "depends_on": []}"#).into());
    let token = subject.claim_one(10 * SECOND);
    let run = [
        ("status", "\"ready\""),
        ("status", "\"in_progress\""),
        ("worker_id", "\"other\""),
        ("started_at", "\"2026-01-01T00:00:00Z\""),
        ("completed_at", "\"2026-01-01T00:00:00Z\""),
        ("depends_on", "[]"),
    ];
    for (key, json) in run {
        let error = subject.refusal(vec![set("/a", key, json)]);
        assert_eq!(
            (error.kind(), error.path()),
            (ErrorKind::Conflict, Some("/a")),
            "{key}: {error}"
        );
        assert!(error.to_string().contains(key), "{error}");
        let error = subject.refusal(vec![set_all(
            "/a",
            &format!("{{\"k\": 1, \"{key}\": {json}}}"),
        )]);
        assert_eq!(error.kind(), ErrorKind::Conflict, "{key}: {error}");
    }
    for key in ["status", "worker_id", "started_at", "depends_on"] {
        assert_eq!(
            subject.refusal(vec![unset("/a", key)]).kind(),
            ErrorKind::Conflict,
            "{key}"
        );
    }
    assert_eq!(
        subject.refusal(vec![unset("/a", "completed_at")]).kind(),
        ErrorKind::NotFound,
        "it is not set"
    );
    for (key, json) in [
        ("priority", "1"),
        ("tags", "[]"),
        ("not_before", "\"2020-01-01T00:00:00Z\""),
        ("max_attempts", "9"),
        ("k", "1"),
    ] {
        subject.commit(vec![set("/a", key, json)]);
    }
    subject.commit(vec![
        subject.write("/a", b"other content"),
        unset("/a", "priority"),
    ]);
    assert!(
        subject
            .store
            .is_leased(&path("/a"), &subject.all())
            .unwrap()
    );
    // The holder may, and keeps the lease as long as the item is in progress.
    subject.commit(vec![
        set_under("/a", "worker_id", "\"renamed\"", under("/a", token)),
        set("/a", "status", "\"in_progress\""),
        set("/a", "started_at", "\"2026-01-01T00:00:00Z\""),
    ]);
    assert!(
        subject
            .store
            .is_leased(&path("/a"), &subject.all())
            .unwrap()
    );
    subject.commit(vec![set_under(
        "/a",
        "status",
        "\"pending\"",
        under("/a", token),
    )]);
    assert!(
        !subject
            .store
            .is_leased(&path("/a"), &subject.all())
            .unwrap()
    );
    lost(subject, complete("/a", token));
    // In progress by hand, it has no lease and never ends.
    subject.commit(vec![set("/a", "status", "\"in_progress\"")]);
    subject.pass(1000 * SECOND);
    assert!(subject.claim(1, SECOND).is_empty());
    subject.commit(vec![set("/a", "status", "\"ready\"")]);
    assert_eq!(subject.claim(1, SECOND).len(), 1);
    subject.pass(SECOND);
    // So has one whose lease had ended.
    subject.commit(vec![set("/a", "status", "\"in_progress\"")]);
    assert_eq!(subject.value("/a", "lease_expires_at"), None);
    assert!(subject.claim(1, SECOND).is_empty());
    subject.commit(vec![set("/a", "status", "\"completed\"")]);
}

/// Whoever may change the file may end the work on it.
pub fn cancelling_and_deleting_end_a_lease(subject: &Subject) {
    make_ready(subject, &["/a", "/d/b"]);
    let claimed = subject.claim(2, 10 * SECOND);
    let [a, b] = [0, 1].map(|index: usize| LeaseToken::new(claimed[index].lease).unwrap());
    subject.commit(vec![
        set_all("/a", r#"{"status": "cancelled", "worker_id": "x"}"#),
        rmdir("/d", true),
    ]);
    lost(subject, complete("/a", a));
    lost(subject, complete("/d/b", b));
    make_ready(subject, &["/d/b"]);
    lost(subject, complete("/d/b", b));
    assert_eq!(subject.status("/a"), "\"cancelled\"");
    subject.commit(vec![delete("/a")]);
}

/// Neither a rename nor a copy takes the place of an item that somebody works on.
pub fn a_leased_item_is_replaced_by_its_holder_alone(subject: &Subject) {
    subject.write_all(&["/x", "/y"]);
    make_ready(subject, &["/a"]);
    let token = subject.claim_one(10 * SECOND);
    for change in [rename("/x", "/a"), copy("/x", "/a")] {
        let error = subject.refusal(vec![change.clone()]);
        assert_eq!(
            (error.kind(), error.path()),
            (ErrorKind::Conflict, Some("/a")),
            "{change:?}: {error}"
        );
    }
    subject.commit(vec![require("/a", under("/a", token)), rename("/x", "/a")]);
    assert_eq!(subject.status("/a"), "");
    lost(subject, complete("/a", token));
    make_ready(subject, &["/b"]);
    let token = subject.claim_one(10 * SECOND);
    subject.commit(vec![Change::Copy(nexusfs_core::metadata::Relocation {
        conditions: Conditions {
            lease: Some((path("/b"), token)),
            ..Conditions::default()
        },
        ..super::changes::relocation("/y", "/b")
    })]);
    assert_eq!(subject.read("/b"), b"/y");
    // A copy of a leased item is nobody's.
    make_ready(subject, &["/c"]);
    subject.claim_one(10 * SECOND);
    subject.commit(vec![copy("/c", "/copy")]);
    assert_eq!(subject.status("/copy"), "\"ready\"");
    assert_eq!(subject.value("/copy", "worker_id"), None);
    assert_eq!(subject.value("/copy", "attempts"), None);
    assert_eq!(names_of(&subject.claim(9, SECOND)), ["/copy"]);
}

/// A lease is measured by the clock that nobody sets.
pub fn setting_the_wall_clock_ends_no_lease(subject: &Subject) {
    make_ready(subject, &["/a"]);
    let token = subject.claim_one(10 * SECOND);
    for step in [1_000_000 * SECOND, -2_000_000 * SECOND] {
        subject.clock.step_wall(step);
        assert!(subject.claim(1, SECOND).is_empty());
        subject.commit(vec![heartbeat("/a", token, 10 * SECOND)]);
    }
    subject.pass(10 * SECOND);
    assert_eq!(subject.claim(1, SECOND).len(), 1);
}

/// A lease of before the machine was started again has ended.
pub fn a_restart_of_the_machine_ends_leases(subject: &Subject) {
    make_ready(subject, &["/a"]);
    let first = subject.claim_one(10 * SECOND);
    let policy = subject.policy(None, None);
    // In the same boot, another process does not end it.
    let same = subject.open_again();
    assert!(
        same.claim(claim(&policy, None, 1, SECOND), &subject.all())
            .unwrap()
            .is_empty()
    );
    drop(same);
    let clock = clock_of_boot(2, subject.wall());
    clock.advance(-99 * SECOND);
    let restarted = subject.database.open(Arc::clone(&clock) as _);
    let claimed = restarted
        .claim(claim(&policy, None, 1, 10 * SECOND), &subject.all())
        .unwrap();
    assert_eq!(names_of(&claimed), ["/a"]);
    assert!(claimed[0].lease > first.number() as u64);
    let set = subject.set(
        vec![complete("/a", LeaseToken::new(claimed[0].lease).unwrap())],
        Default::default(),
    );
    restarted.commit(set, &subject.all()).unwrap();
    assert_eq!(subject.status("/a"), "\"completed\"");
}

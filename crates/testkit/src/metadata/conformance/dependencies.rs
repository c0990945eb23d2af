//! What items wait for.

use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata::Change;
use nexusfs_core::path_id::PathId;
use nexusfs_core::work::Status;

use super::Subject;
use super::changes::{
    complete, copy, delete, item, make_ready, mkdir, path, rename, rmdir, set, set_all, unset,
};
use super::subject::{SECOND, failed, names_of};

/// Makes a blocked item that depends on `others`.
#[track_caller]
fn depend(subject: &Subject, at: &str, others: &str) {
    let keys = format!("{{\"status\": \"blocked\", \"depends_on\": {others}}}");
    subject.commit(item(subject, at, &keys).into());
}

fn open(subject: &Subject, at: &str) -> Vec<String> {
    let explanation = subject.store.explain(&path(at), &subject.all()).unwrap();
    explanation
        .open
        .into_iter()
        .filter_map(|blocker| blocker.path)
        .collect()
}

/// The completion of the last dependency makes the item ready, in the same commit.
pub fn an_item_waits_for_its_dependencies(subject: &Subject) {
    make_ready(subject, &["/a", "/b"]);
    subject.write_all(&["/none"]);
    depend(subject, "/c", "[\"/a\", \"/b\", \"/none\", \"/a\"]");
    depend(subject, "/d", "\"/c\"");
    let explanation = subject.store.explain(&path("/c"), &subject.all()).unwrap();
    assert_eq!(
        (explanation.dependencies, explanation.status),
        (3, Some(Status::Blocked))
    );
    assert_eq!(
        open(subject, "/c"),
        ["/a", "/b"],
        "a file without a status holds nobody up"
    );
    // Ready by hand, it is still not given out.
    subject.commit(vec![set("/c", "status", "\"ready\"")]);
    assert_eq!(names_of(&subject.claim(1, SECOND)), ["/a"]);
    subject.pass(SECOND);
    subject.commit(vec![
        set("/c", "status", "\"blocked\""),
        set("/b", "status", "\"completed\""),
    ]);
    let token = subject.claim_one(10 * SECOND);
    subject.commit(vec![subject.write("/out", b""), complete("/a", token)]);
    assert_eq!(subject.status("/c"), "\"ready\"");
    assert_eq!(subject.status("/d"), "\"blocked\"");
    let claimed = subject.claim(9, 10 * SECOND);
    assert_eq!(names_of(&claimed), ["/c"]);
    let id = |at: &str| subject.entry(at).unwrap().path_id.unwrap();
    let ids = format!("[\"{}\",\"{}\",\"{}\"]", id("/a"), id("/b"), id("/none"));
    assert_eq!(subject.value("/c", "depends_on").unwrap(), ids);
    // Blocked without any dependency is held by hand.
    subject.commit(
        item(
            subject,
            "/held",
            r#"{"status": "blocked", "depends_on": []}"#,
        )
        .into(),
    );
    assert_eq!(subject.status("/held"), "\"blocked\"");
    subject.commit(vec![unset("/d", "depends_on")]);
    assert_eq!(subject.status("/d"), "\"blocked\"");
    assert_eq!(subject.value("/d", "depends_on"), None);
}

/// A ready item keeps its status, and is not given out as long as something opens again.
pub fn a_completed_dependency_can_open_again(subject: &Subject) {
    make_ready(subject, &["/a"]);
    subject.commit(vec![set("/a", "status", "\"completed\"")]);
    depend(subject, "/b", "\"/a\"");
    assert_eq!(subject.status("/b"), "\"ready\"", "nothing was open");
    for status in ["failed", "cancelled", "pending", "in_progress"] {
        subject.commit(vec![set("/a", "status", &format!("\"{status}\""))]);
        assert_eq!(open(subject, "/b"), ["/a"], "{status}");
        assert_eq!(subject.status("/b"), "\"ready\"");
        assert!(subject.claim(1, SECOND).is_empty(), "{status}");
    }
    subject.commit(vec![unset("/a", "status")]);
    assert!(open(subject, "/b").is_empty());
    assert_eq!(names_of(&subject.claim(1, SECOND)), ["/b"]);
    // Opened and closed in one set, it is as if nothing had been.
    subject.pass(SECOND);
    subject.commit(vec![
        set("/b", "status", "\"blocked\""),
        set("/a", "status", "\"ready\""),
        set("/a", "status", "\"completed\""),
    ]);
    assert_eq!(subject.status("/b"), "\"ready\"");
}

/// It is remembered by the path that it had, unless it was completed.
pub fn a_deleted_dependency_stays_open(subject: &Subject) {
    make_ready(subject, &["/t/a", "/t/b", "/t/c"]);
    subject.commit(vec![
        set("/t/b", "status", "\"completed\""),
        rename("/t/c", "/t/moved"),
    ]);
    depend(subject, "/x", "[\"/t/a\", \"/t/b\", \"/t/moved\"]");
    subject.commit(vec![
        rename("/t/a", "/u/a"),
        delete("/u/a"),
        rmdir("/t", true),
    ]);
    let explanation = subject.store.explain(&path("/x"), &subject.all()).unwrap();
    assert_eq!(explanation.dependencies, 3);
    let told: Vec<_> = explanation
        .open
        .iter()
        .map(|blocker| (blocker.path.as_deref(), blocker.deleted, blocker.status))
        .collect();
    assert_eq!(
        told,
        [(Some("/u/a"), true, None), (Some("/t/moved"), true, None)]
    );
    // Another file at the same path is another one.
    make_ready(subject, &["/u/a"]);
    subject.commit(vec![set("/u/a", "status", "\"completed\"")]);
    assert_eq!(open(subject, "/x"), ["/u/a", "/t/moved"]);
    // Completed and deleted in one set holds up nobody.
    make_ready(subject, &["/done"]);
    depend(subject, "/y", "\"/done\"");
    subject.commit(vec![
        set("/done", "status", "\"completed\""),
        delete("/done"),
    ]);
    assert_eq!(subject.status("/y"), "\"ready\"");
    // Its own edges go with an item.
    subject.commit(vec![delete("/x")]);
    assert_eq!(subject.entry("/x"), None);
    subject.commit(vec![set("/y", "depends_on", "[]")]);
    assert_eq!(subject.status("/y"), "\"ready\"");
}

/// They are files that the caller may read, by path or by id.
pub fn dependencies_name_files_that_are_seen(subject: &Subject) {
    make_ready(subject, &["/shared/a/1", "/shared/b/1", "/shared/a/x"]);
    subject.commit(vec![mkdir("/shared/a/made")]);
    let id = |at: &str| subject.entry(at).unwrap().path_id.unwrap();
    let grant = subject.of(Some("a"), None);
    let try_set = |json: &str| {
        let change = set("/shared/a/x", "depends_on", json);
        subject.try_commit(vec![subject.write("/shared/a/y", b""), change], &grant)
    };
    for (json, kind) in [
        ("\"/shared/a/missing\"".to_owned(), ErrorKind::NotFound),
        ("\"/shared/b/1\"".to_owned(), ErrorKind::NotFound),
        (format!("\"{}\"", id("/shared/b/1")), ErrorKind::NotFound),
        (format!("\"{}\"", PathId::generate()), ErrorKind::NotFound),
        ("\"/shared/a/made\"".to_owned(), ErrorKind::IsADirectory),
        (
            format!("\"{}\"", id("/shared/a/made")),
            ErrorKind::IsADirectory,
        ),
        ("\"/shared/a\"".to_owned(), ErrorKind::IsADirectory),
    ] {
        let error = failed(try_set(&json));
        assert_eq!(
            (error.kind(), error.index()),
            (kind, Some(1)),
            "{json}: {error}"
        );
        assert_eq!(subject.entry("/shared/a/y"), None);
    }
    try_set(&format!("[\"{}\"]", id("/shared/a/1"))).unwrap();
    assert_eq!(open(subject, "/shared/a/x"), ["/shared/a/1"]);
}

/// The message shows the cycle, as far as the caller sees it; nothing of the set is done.
pub fn cycles_are_refused_and_shown(subject: &Subject) {
    make_ready(subject, &["/a", "/b", "/c", "/shared/b/hidden"]);
    let error = subject.refusal(vec![set("/a", "depends_on", "\"/a\"")]);
    assert_eq!(
        (error.kind(), error.index(), error.path()),
        (ErrorKind::Cycle, Some(0), Some("/a")),
        "{error}"
    );
    assert!(error.to_string().contains("/a -> /a"), "{error}");
    subject.commit(vec![
        set("/a", "depends_on", "\"/b\""),
        set("/b", "depends_on", "\"/c\""),
    ]);
    let error = subject.refusal(vec![
        set("/a", "k", "1"),
        set("/c", "depends_on", "[\"/shared/b/hidden\", \"/a\"]"),
    ]);
    assert_eq!(
        (error.kind(), error.index(), error.path()),
        (ErrorKind::Cycle, Some(1), Some("/c")),
        "{error}"
    );
    assert!(
        error.to_string().contains("/c -> /a -> /b -> /c"),
        "{error}"
    );
    assert_eq!(subject.value("/a", "k"), None);
    assert_eq!(subject.value("/c", "depends_on"), None);
    // Through what the caller does not see.
    subject.commit(vec![
        set("/b", "depends_on", "\"/shared/b/hidden\""),
        set("/shared/b/hidden", "depends_on", "\"/c\""),
    ]);
    let grant = subject.of(Some("a"), None);
    let error = failed(subject.try_commit(vec![set("/c", "depends_on", "\"/a\"")], &grant));
    assert_eq!(error.kind(), ErrorKind::Cycle, "{error}");
    let told = error.to_string();
    assert!(
        told.contains("not visible") && !told.contains("hidden"),
        "{error}"
    );
    // Broken in the same set, it is none.
    subject.commit(vec![
        set("/c", "depends_on", "\"/a\""),
        unset("/a", "depends_on"),
    ]);
    // Many items in one long chain.
    let count = 300;
    let chain = (0..count).flat_map(|n| {
        let keys = format!(
            "{{\"status\": \"blocked\", \"depends_on\": \"/chain/{}\"}}",
            n + 1
        );
        item(subject, &format!("/chain/{n}"), &keys)
    });
    let mut chain: Vec<Change> = chain.collect();
    chain.extend(item(
        subject,
        &format!("/chain/{count}"),
        r#"{"status": "ready"}"#,
    ));
    subject.commit(chain);
    let error = subject.refusal(vec![set(
        &format!("/chain/{count}"),
        "depends_on",
        "\"/chain/0\"",
    )]);
    assert_eq!(error.kind(), ErrorKind::Cycle, "{error}");
    assert!(error.to_string().len() < 1000, "{error}");
}

/// Names are looked up at the end, of files that are there then, and mean the file that was there when they were named.
pub fn dependencies_of_a_batch_may_come_in_any_order(subject: &Subject) {
    subject.commit(vec![
        subject.write("/a", b""),
        set_all("/a", r#"{"status": "blocked", "depends_on": ["/b", "/c"]}"#),
        subject.write("/b", b""),
        set("/b", "status", "\"ready\""),
        subject.write("/c", b""),
        rename("/b", "/moved"),
        subject.write("/b", b"another"),
    ]);
    // `/b` was not there yet when it was named; whatever stands there at the end is meant.
    let explanation = subject.store.explain(&path("/a"), &subject.all()).unwrap();
    assert_eq!(explanation.dependencies, 2);
    assert!(explanation.open.is_empty());
    assert_eq!(subject.status("/a"), "\"ready\"");
    // What was there is meant, wherever it went.
    subject.commit(vec![
        set_all("/a", r#"{"status": "blocked", "depends_on": ["/moved"]}"#),
        rename("/moved", "/d/e"),
        subject.write("/moved", b""),
    ]);
    assert_eq!(open(subject, "/a"), ["/d/e"]);
    let error = subject.refusal(vec![
        set("/c", "depends_on", "\"/x\""),
        subject.write("/y", b""),
    ]);
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::NotFound, Some(0)),
        "{error}"
    );
    // Two that were free before wait for each other.
    let error = subject.refusal(vec![
        subject.write("/m", b""),
        subject.write("/n", b""),
        set("/m", "depends_on", "\"/n\""),
        set("/n", "depends_on", "\"/m\""),
    ]);
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::Cycle, Some(3)),
        "{error}"
    );
    // Nothing remains of what was named for an item that is gone.
    subject.commit(vec![set("/c", "depends_on", "\"/x\""), delete("/c")]);
}

/// A copy of an item that runs is ready, and waits for what the source waits for.
pub fn a_copy_waits_for_the_same_items(subject: &Subject) {
    make_ready(subject, &["/a", "/shared/b/hidden"]);
    depend(subject, "/x", "[\"/a\", \"/shared/b/hidden\"]");
    subject.commit(vec![copy("/x", "/y")]);
    assert_eq!(open(subject, "/y"), ["/a", "/shared/b/hidden"]);
    // On what the caller does not see nothing can depend; a person decides.
    subject
        .try_commit(vec![copy("/x", "/z")], &subject.of(Some("a"), None))
        .unwrap();
    assert_eq!(open(subject, "/z"), ["/a"]);
    assert_eq!(subject.status("/z"), "\"pending\"");
    subject.commit(vec![
        set("/a", "status", "\"completed\""),
        set("/shared/b/hidden", "status", "\"completed\""),
    ]);
    assert_eq!(
        ["/x", "/y", "/z"].map(|at| subject.status(at)),
        ["\"ready\"", "\"ready\"", "\"pending\""]
    );
    subject.commit(vec![set_all(
        "/x",
        r#"{"priority": 1, "max_attempts": 4, "tags": ["t"]}"#,
    )]);
    let token = subject.claim_one(10 * SECOND);
    subject.commit(vec![copy("/x", "/w"), complete("/x", token)]);
    assert_eq!(subject.status("/w"), "\"ready\"");
    for (key, json) in [
        ("priority", "1"),
        ("max_attempts", "4"),
        ("tags", "[\"t\"]"),
    ] {
        assert_eq!(subject.value("/w", key).as_deref(), Some(json));
    }
    for key in [
        "attempts",
        "worker_id",
        "started_at",
        "completed_at",
        "result",
    ] {
        assert_eq!(subject.value("/w", key), None, "{key}");
    }
}

/// That something is waited for is told; what, only to who may read it.
pub fn what_is_not_visible_is_not_told(subject: &Subject) {
    make_ready(subject, &["/shared/b/hidden", "/seen"]);
    depend(subject, "/x", "[\"/shared/b/hidden\", \"/seen\"]");
    let grant = subject.of(Some("a"), None);
    let told = |at: &str| {
        let explanation = subject.store.explain(&path(at), &grant).unwrap();
        let told = explanation.open.into_iter().map(|blocker| {
            (
                blocker.path_id.is_some(),
                blocker.path,
                blocker.status,
                blocker.deleted,
            )
        });
        told.collect::<Vec<_>>()
    };
    let seen = (true, Some("/seen".to_owned()), Some(Status::Ready), false);
    assert_eq!(told("/x"), [(false, None, None, false), seen.clone()]);
    subject.commit(vec![delete("/shared/b/hidden")]);
    assert_eq!(told("/x"), [(false, None, None, false), seen]);
    let hidden = subject.store.explain(&path("/shared/b/hidden"), &grant);
    assert_eq!(failed(hidden).kind(), ErrorKind::NotFound);
    make_ready(subject, &["/shared/b/hidden"]);
    let hidden = subject.store.explain(&path("/shared/b/hidden"), &grant);
    assert_eq!(failed(hidden).kind(), ErrorKind::NotFound);
    let directory = subject.store.explain(&path("/shared"), &subject.all());
    assert_eq!(failed(directory).kind(), ErrorKind::IsADirectory);
}

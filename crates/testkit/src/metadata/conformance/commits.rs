//! What one commit does, and what stops it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nexusfs_core::call::{Call, Interrupts};
use nexusfs_core::content::{ContentHash, LOCAL_BACKEND, Publisher, Staged};
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::metadata::{Change, Conditions, EntryQuery, Grant, WriteSet};

use super::Subject;
use super::changes::{
    copy, delete, everything, item, mkdir, path, rename, require, set, unset, whole,
};
use super::subject::{SECOND, failed};

const LARGE: &[u8] = b"a content that is kept as a file";

/// Changes see what the earlier ones of their set did.
pub fn a_commit_applies_in_order_and_returns_what_each_change_left(subject: &Subject) {
    let entries = subject.commit(vec![
        subject.write("/a", b"1"),
        subject.write("/a", b"2"),
        copy("/a", "/b"),
        delete("/a"),
        rename("/b", "/a"),
        mkdir("/d"),
    ]);
    let left: Vec<_> = entries
        .iter()
        .map(|entry| {
            let entry = entry.as_ref()?;
            let version = entry.file.as_ref().map_or(0, |file| file.version);
            Some((entry.path.as_str(), version))
        })
        .collect();
    let expected = [
        Some(("/a", 1)),
        Some(("/a", 2)),
        Some(("/b", 1)),
        None,
        Some(("/a", 1)),
        Some(("/d", 0)),
    ];
    assert_eq!(left, expected);
    assert_eq!(subject.entry("/a"), entries[4]);
    assert_eq!(subject.entry("/b"), None);
}

/// Neither names nor contents are left of a set of which one change fails.
pub fn a_commit_that_fails_leaves_nothing_and_names_the_change(subject: &Subject) {
    subject.write_all(&["/kept"]);
    subject.commit(item(subject, "/item", r#"{"status": "ready"}"#).into());
    let before = subject
        .entries(&everything(whole()), &subject.all())
        .unwrap();
    let error = subject.refusal(vec![
        subject.write("/new", LARGE),
        delete("/kept"),
        set("/new", "k", "1"),
        set("/item", "status", "\"completed\""),
        delete("/missing"),
    ]);
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::NotFound, Some(4)),
        "{error}"
    );
    let after = subject
        .entries(&everything(whole()), &subject.all())
        .unwrap();
    assert_eq!(after, before);
    assert_eq!(subject.status("/item"), "\"ready\"");
    let hash = ContentHash::of(LARGE);
    assert_eq!(
        subject.store.content_count(&hash, &subject.all()).unwrap(),
        None
    );
    assert!(!subject.is_in_place(&hash), "the content was put in place");
}

/// An interrupted call commits nothing.
pub fn an_interrupted_batch_leaves_nothing(subject: &Subject) {
    let interrupts = Interrupts::default();
    let grant = Grant {
        call: interrupts.begin(Duration::from_secs(30)),
        ..subject.all()
    };
    interrupts.interrupt();
    let changes = vec![subject.write("/a", b"1"), subject.write("/b", b"2")];
    assert_eq!(
        failed(subject.try_commit(changes, &grant)).kind(),
        ErrorKind::Cancelled
    );
    assert_eq!(subject.entry("/a"), None);
}

/// Commits of threads come one after the other, whichever fail.
pub fn commits_of_many_threads_all_count(subject: &Subject) {
    const THREADS: usize = 8;
    const COMMITS: usize = 10;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for commit in 0..COMMITS {
                    let own = subject.write(&format!("/{thread}/{commit}"), b"1");
                    let same = subject.write("/same", &[thread as u8, commit as u8]);
                    subject.commit(vec![own, same]);
                    let bad = subject.write(&format!("/bad/{thread}"), b"1");
                    subject.refusal(vec![bad, delete("/missing")]);
                }
            });
        }
    });
    let same = subject.entry("/same").unwrap().file.unwrap();
    assert_eq!(
        same.version,
        (THREADS * COMMITS) as u64,
        "a commit was lost"
    );
    let files = EntryQuery {
        directories: false,
        ..everything(whole())
    };
    assert_eq!(
        subject.page(files, &subject.all()).len(),
        THREADS * COMMITS + 1
    );
}

/// Etags and absence are conditions of each change that has them.
pub fn conditions_are_checked_in_the_commit(subject: &Subject) {
    subject.commit(vec![subject.write("/a", b"1"), mkdir("/d")]);
    let matches = |data: &[u8]| Conditions {
        if_match: Some(ContentHash::of(data)),
        ..Conditions::default()
    };
    let absent = || Conditions {
        if_none_match: true,
        ..Conditions::default()
    };
    let write = |at: &str, data: &[u8], wanted: Conditions| match subject.write(at, data) {
        Change::Write {
            path,
            content,
            backend,
            mime_type,
            ..
        } => Change::Write {
            path,
            content,
            backend,
            mime_type,
            conditions: wanted,
        },
        other => other,
    };
    for (change, kind) in [
        (write("/a", b"2", matches(b"0")), ErrorKind::Conflict),
        (write("/missing", b"2", matches(b"0")), ErrorKind::Conflict),
        (write("/d", b"2", matches(b"0")), ErrorKind::IsADirectory),
        (write("/a", b"2", absent()), ErrorKind::Conflict),
        (require("/d", absent()), ErrorKind::Conflict),
        (require("/a", matches(b"2")), ErrorKind::Conflict),
        (
            Change::Delete {
                path: path("/a"),
                conditions: matches(b"2"),
            },
            ErrorKind::Conflict,
        ),
    ] {
        let error = subject.refusal(vec![subject.write("/other", b""), change.clone()]);
        assert_eq!(error.kind(), kind, "{change:?}: {error}");
        assert_eq!(error.index(), Some(1), "{change:?}: {error}");
    }
    assert_eq!(subject.entry("/other"), None);
    subject.commit(vec![
        require("/missing", absent()),
        write("/a", b"2", matches(b"1")),
        // What the change before left.
        write("/a", b"3", matches(b"2")),
        write("/new", b"", absent()),
    ]);
    assert_eq!(subject.read("/a"), b"3");
    assert_eq!(subject.entry("/a").unwrap().file.unwrap().version, 3);
}

/// The same bytes again are no new version; the type is what a writer gave, or else what the name says.
pub fn files_count_their_versions_and_keep_their_type(subject: &Subject) {
    let file = || subject.entry("/a.txt").unwrap().file.unwrap();
    let first = subject
        .commit(vec![subject.write("/a.txt", b"1")])
        .remove(0)
        .unwrap();
    assert_eq!(first.created_at, first.modified_at);
    assert_eq!((file().version, &*file().mime_type), (1, "text/plain"));
    subject.pass(SECOND);
    subject.commit(vec![subject.write("/a.txt", b"1")]);
    let again = subject.entry("/a.txt").unwrap();
    assert_eq!(
        (file().version, again.created_at, again.path_id),
        (1, first.created_at, first.path_id)
    );
    assert!(again.modified_at > first.modified_at);
    let Change::Write {
        path,
        content,
        backend,
        conditions,
        ..
    } = subject.write("/a.txt", b"2")
    else {
        panic!("no write");
    };
    subject.commit(vec![Change::Write {
        path,
        content,
        backend,
        conditions,
        mime_type: Some("text/x-own".to_owned()),
    }]);
    assert_eq!((file().version, &*file().mime_type), (2, "text/x-own"));
    subject.commit(vec![subject.write("/a.txt", LARGE)]);
    assert_eq!((file().version, &*file().mime_type), (3, "text/x-own"));
    subject.commit(vec![rename("/a.txt", "/a.png")]);
    let kept = subject.entry("/a.png").unwrap().file.unwrap();
    assert_eq!((kept.version, &*kept.mime_type), (3, "text/x-own"));
    subject.commit(vec![
        subject.write("/b.txt", b""),
        rename("/b.txt", "/b.png"),
    ]);
    let guessed = subject.entry("/b.png").unwrap().file.unwrap();
    assert_eq!(&*guessed.mime_type, "image/png");
}

/// No name is left of a set whose contents could not be put in place.
pub fn a_content_that_cannot_be_published_is_not_named(subject: &Subject) {
    struct Broken;
    impl Publisher for Broken {
        fn publish(&self, _: &str, staged: &[&dyn Staged], _: &Call) -> Result<()> {
            assert_eq!(staged.len(), 1);
            Err(Error::new(ErrorKind::NoSpace, "the disk is full"))
        }
    }
    let changes = || {
        vec![
            subject.write("/small", b"1"),
            subject.write("/large", LARGE),
        ]
    };
    let set = WriteSet {
        publisher: Arc::new(Broken),
        ..subject.set(changes(), Default::default())
    };
    let error = failed(subject.store.commit(set, &subject.all()));
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    assert_eq!(subject.entry("/small"), None);
    assert_eq!(subject.entry("/large"), None);
    // One that a later change of the set drops again is not put in place at all.
    let set = WriteSet {
        publisher: Arc::new(Broken),
        ..subject.set(
            vec![subject.write("/large", LARGE), delete("/large")],
            Default::default(),
        )
    };
    subject.store.commit(set, &subject.all()).unwrap();
    subject.commit(changes());
    assert_eq!(subject.read("/large"), LARGE);
}

/// Keys are for files and for directories that were made; typed ones for files alone.
pub fn keys_are_set_and_removed(subject: &Subject) {
    subject.commit(vec![subject.write("/implied/a", b""), mkdir("/made")]);
    let entries = subject.commit(vec![
        set("/implied/a", "k", "1"),
        set("/implied/a", "k", "[2]"),
        set("/implied/a", "priority", "7"),
        set("/made", "k", "{}"),
    ]);
    assert_eq!(entries[1], subject.entry("/implied/a"));
    let keys = |at: &str| subject.store.metadata(&path(at), &subject.all()).unwrap();
    let pair = |key: &str, json: &str| (key.to_owned(), json.to_owned());
    assert_eq!(
        keys("/implied/a"),
        [pair("k", "[2]"), pair("priority", "7")]
    );
    assert_eq!(keys("/made"), [pair("k", "{}")]);
    for (change, kind) in [
        (set("/implied", "k", "1"), ErrorKind::IsADirectory),
        (set("/made", "priority", "1"), ErrorKind::IsADirectory),
        (set("/missing", "k", "1"), ErrorKind::NotFound),
        (unset("/implied/a", "other"), ErrorKind::NotFound),
        (unset("/implied/a", "status"), ErrorKind::NotFound),
        (unset("/implied/a", "attempts"), ErrorKind::InvalidArgument),
        (unset("/made", "priority"), ErrorKind::IsADirectory),
        (unset("/implied", "k"), ErrorKind::IsADirectory),
    ] {
        let error = subject.refusal(vec![change.clone()]);
        assert_eq!(error.kind(), kind, "{change:?}: {error}");
    }
    let of_implied = subject.store.metadata(&path("/implied"), &subject.all());
    assert_eq!(failed(of_implied).kind(), ErrorKind::IsADirectory);
    let of_missing = subject
        .store
        .metadata_value(&path("/missing"), "k", &subject.all());
    assert_eq!(failed(of_missing).kind(), ErrorKind::NotFound);
    subject.commit(vec![
        unset("/implied/a", "k"),
        unset("/implied/a", "priority"),
        unset("/made", "k"),
    ]);
    assert_eq!(keys("/implied/a"), []);
    assert_eq!(keys("/made"), []);
    // Metadata goes with its directory.
    subject.commit(vec![
        set("/made", "k", "1"),
        super::changes::rmdir("/made", false),
        mkdir("/made"),
    ]);
    assert_eq!(keys("/made"), []);
}

/// A commit is there for whoever asks after it.
pub fn another_handle_sees_a_commit(subject: &Subject) {
    let other = subject.open_again();
    subject.commit(vec![subject.write("/a", b"1"), set("/a", "k", "1")]);
    let found = other.entry(&path("/a"), &subject.all()).unwrap();
    assert_eq!(found, subject.entry("/a"));
    let set_there = subject.set(vec![subject.write("/a", LARGE)], Default::default());
    let left = other
        .commit(set_there, &subject.all())
        .unwrap()
        .entries
        .remove(0);
    assert_eq!(left, subject.entry("/a"));
    assert_eq!(subject.read("/a"), LARGE);
    // What a handle remembers may be forgotten at any time.
    subject.store.forget_cached();
    other.forget_cached();
    assert_eq!(
        subject.entry("/a"),
        other.entry(&path("/a"), &subject.all()).unwrap()
    );
    assert_eq!(left.unwrap().file.unwrap().backend.as_ref(), LOCAL_BACKEND);
}

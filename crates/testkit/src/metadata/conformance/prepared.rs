//! Contents that changes need and that are made before the commit.

use std::sync::Arc;
use std::time::Duration;

use nexusfs_core::content::{
    ContentHash, ContentReader, Form, LOCAL_BACKEND, NewContent, Prepared, Publisher, Staged,
    Staging, Unprepared,
};
use nexusfs_core::error::{ErrorKind, Result};
use nexusfs_core::metadata::{Change, Conditions, StoreError, StoreResult, WriteSet};

use super::Subject;
use super::changes::{append, copy, delete, mkdir, path, rename};
use super::subject::{MEDIA, call, failed};

const LARGE: &[u8] = b"a content that is kept as a file";

#[track_caller]
fn needed<T: std::fmt::Debug>(result: StoreResult<T>) -> Vec<Unprepared> {
    match result {
        Err(StoreError::Unprepared(needed)) => needed,
        other => panic!("nothing is needed, but it is {other:?}"),
    }
}

/// Returns what is made for the change `index`, which appends `data` to a file of the content `base`.
fn extended(subject: &Subject, index: usize, base: Option<&[u8]>, data: &[u8]) -> Prepared {
    let mut prepared = Prepared::default();
    let whole = [base.unwrap_or_default(), data].concat();
    let content = subject
        .placement
        .build(LOCAL_BACKEND, &whole, &call())
        .unwrap();
    prepared.keep_extended(index, base.map(ContentHash::of), content);
    prepared
}

/// A store reads no content: what an append leaves is made by its caller, for the content that the file has.
pub fn an_append_names_what_it_needs(subject: &Subject) {
    subject.commit(vec![mkdir("/d")]);
    let on_nothing = needed(subject.try_commit(vec![append("/a", b"1")], &subject.all()));
    let [missing] = &on_nothing[..] else {
        panic!("{on_nothing:?}");
    };
    assert_eq!((missing.change, &*missing.path), (0, "/a"));
    assert_eq!(missing.content, None);
    assert_eq!(missing.form, Form::Extended(LOCAL_BACKEND.into()));
    assert_eq!(subject.entry("/a"), None);
    let change = || vec![append("/a", b"1")];
    subject
        .try_commit_prepared(change(), extended(subject, 0, None, b"1"))
        .unwrap();
    assert_eq!(subject.read("/a"), b"1");
    // What was made for another content does not do.
    let again = needed(subject.try_commit_prepared(change(), extended(subject, 0, None, b"1")));
    assert_eq!(
        again[0].content.as_ref().unwrap().hash,
        ContentHash::of(b"1")
    );
    assert_eq!(
        again[0].content.as_ref().unwrap().data.as_deref(),
        Some(&b"1"[..])
    );
    subject
        .try_commit_prepared(change(), extended(subject, 0, Some(b"1"), b"1"))
        .unwrap();
    assert_eq!(subject.read("/a"), b"11");
    assert_eq!(subject.entry("/a").unwrap().file.unwrap().version, 2);
    // What refuses the append needs no content.
    let error = subject.refusal(vec![append("/d", b"1")]);
    assert_eq!(error.kind(), ErrorKind::IsADirectory, "{error}");
    let conditional = Change::Append {
        path: path("/a"),
        data: Arc::new(b"1".to_vec()),
        conditions: Conditions {
            if_match: Some(ContentHash::of(b"1")),
            ..Conditions::default()
        },
        mime_type: None,
    };
    assert_eq!(
        subject.refusal(vec![conditional]).kind(),
        ErrorKind::Conflict
    );
}

/// The content that an append extends may be one that the same set writes.
pub fn an_append_in_a_batch_extends_what_the_batch_wrote(subject: &Subject) {
    let changes = || {
        vec![
            subject.write("/a", LARGE),
            append("/a", b"!"),
            append("/b", b"?"),
        ]
    };
    let missing = needed(subject.try_commit(changes(), &subject.all()));
    assert_eq!(missing[0].change, 1);
    assert_eq!(
        missing[0].content.as_ref().unwrap().hash,
        ContentHash::of(LARGE)
    );
    assert_eq!(subject.entry("/a"), None);
    let mut prepared = extended(subject, 1, Some(LARGE), b"!");
    let missing = needed(subject.try_commit_prepared(changes(), prepared.clone()));
    assert_eq!((missing[0].change, &missing[0].content), (2, &None));
    let content = subject
        .placement
        .build(LOCAL_BACKEND, b"?", &call())
        .unwrap();
    prepared.keep_extended(2, None, content);
    subject.try_commit_prepared(changes(), prepared).unwrap();
    assert_eq!(subject.read("/a"), [LARGE, b"!"].concat());
    assert_eq!(subject.read("/b"), b"?");
    assert!(
        !subject.is_in_place(&ContentHash::of(LARGE)),
        "nobody holds what was written first"
    );
}

/// Returns the copy in `backend` of each content that `missing` names.
fn copies(subject: &Subject, missing: &[Unprepared]) -> Prepared {
    let mut prepared = Prepared::default();
    for one in missing {
        let Form::In(backend) = &one.form else {
            panic!("{one:?}");
        };
        let content = one.content.clone().unwrap();
        let mut reader = subject.placement.open(content, &call()).unwrap().unwrap();
        let hash = one.content.as_ref().unwrap().hash;
        prepared
            .copies
            .add(backend, hash, &mut reader, &subject.placement, &call())
            .unwrap();
    }
    prepared
}

/// Where a move crosses a mount, the contents have to be in the other backend.
pub fn a_move_between_backends_names_what_it_needs(subject: &Subject) {
    subject.commit(vec![
        subject.write("/t/large", LARGE),
        subject.write("/t/small", b"small"),
        subject.write("/t/again", LARGE),
        subject.write("/held", LARGE),
    ]);
    for (index, change) in [copy("/t", "/media/copy"), rename("/t", "/media/t")]
        .into_iter()
        .enumerate()
    {
        let missing = needed(subject.try_commit(vec![change.clone()], &subject.all()));
        assert!(!missing.is_empty() && missing.len() <= 3, "{missing:?}");
        for one in &missing {
            assert_eq!(one.form, Form::In(MEDIA.into()));
            let found = subject.entry(&one.path).unwrap().file.unwrap().etag;
            assert_eq!(one.content.as_ref().unwrap().hash, found, "{one:?}");
        }
        assert!(
            subject.entry("/media").is_none() || index == 1,
            "something was done"
        );
        let mut prepared = copies(subject, &missing);
        // All may be named at once, or one after the other.
        let committed = loop {
            match subject.try_commit_prepared(vec![change.clone()], prepared.clone()) {
                Ok(committed) => break committed,
                Err(StoreError::Unprepared(more)) => {
                    prepared = {
                        let all: Vec<_> = missing.iter().chain(&more).cloned().collect();
                        copies(subject, &all)
                    }
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        assert!(committed.entries[0].as_ref().unwrap().is_directory());
    }
    for at in ["/media/copy/large", "/media/t/small", "/media/t/again"] {
        assert_eq!(
            subject.entry(at).unwrap().file.unwrap().backend.as_ref(),
            MEDIA,
            "{at}"
        );
    }
    assert_eq!(subject.read("/media/t/large"), LARGE);
    assert_eq!(subject.read("/media/t/small"), b"small");
    assert_eq!(subject.read("/held"), LARGE);
    let count = |data: &[u8]| {
        let count = subject
            .store
            .content_count(&ContentHash::of(data), &subject.all());
        count.unwrap().unwrap().references
    };
    assert_eq!([count(LARGE), count(b"small")], [5, 2]);
    let held = subject
        .backend(MEDIA)
        .size_of(&ContentHash::of(b"small"), &call())
        .unwrap();
    assert_eq!(held, Some(5));
    // The last of them in the store's own backend goes.
    subject.commit(vec![delete("/held")]);
    assert!(
        subject
            .store
            .has_pending_deletions(LOCAL_BACKEND, &call())
            .unwrap()
    );
    assert!(!subject.store.has_pending_deletions(MEDIA, &call()).unwrap());
}

/// A publisher that is not asked.
struct Unasked;

impl Publisher for Unasked {
    fn publish(&self, name: &str, _: &[&dyn Staged], _: &nexusfs_core::call::Call) -> Result<()> {
        panic!("{name} was asked to publish");
    }
}

fn staged(content: &NewContent) -> &dyn Staged {
    match content {
        NewContent::Staged(staged) => &**staged,
        other => panic!("{other:?} is inline"),
    }
}

/// What was put in place under a reservation is only named, and the reservation of it ends.
pub fn a_reserved_content_is_named_without_being_published(subject: &Subject) {
    let content = subject.placement.build(MEDIA, LARGE, &call()).unwrap();
    let hash = content.hash();
    let hour = Duration::from_secs(3600);
    let reservation = subject
        .store
        .reserve(MEDIA, &[hash], hour, &call())
        .unwrap();
    subject
        .backend(MEDIA)
        .publish(&[staged(&content)], &call())
        .unwrap();
    let mut prepared = Prepared::default();
    prepared.keep_reserved(&MEDIA.into(), hash, reservation.id);
    let write = |at: &str| Change::Write {
        path: path(at),
        content: content.clone(),
        backend: MEDIA.into(),
        conditions: Conditions::default(),
        mime_type: None,
    };
    let set = WriteSet {
        publisher: Arc::new(Unasked),
        // The second one finds the first.
        ..subject.set(vec![write("/media/a"), write("/media/b")], prepared.clone())
    };
    subject.store.commit(set, &subject.all()).unwrap();
    assert_eq!(subject.read("/media/a"), LARGE);
    assert_eq!(subject.read("/media/b"), LARGE);
    // It was consumed: once dropped, the content goes.
    subject.commit(vec![delete("/media/a"), delete("/media/b")]);
    let removal = subject
        .store
        .begin_removal(MEDIA, 8, true, &call())
        .unwrap();
    assert_eq!(subject.remove(removal), [hash]);
    // And the same reservation keeps nothing any more.
    let set = subject.set(vec![write("/media/a")], prepared);
    let missing = needed(subject.store.commit(set, &subject.all()));
    assert_eq!(missing[0].form, Form::Reserved);
}

/// Where the reservation ended before the commit, nothing is done.
pub fn a_reservation_that_ended_is_told(subject: &Subject) {
    let content = subject.placement.build(MEDIA, LARGE, &call()).unwrap();
    let hash = content.hash();
    let minute = Duration::from_secs(60);
    let reservation = subject
        .store
        .reserve(MEDIA, &[hash], minute, &call())
        .unwrap();
    let mut prepared = Prepared::default();
    prepared.keep_reserved(&MEDIA.into(), hash, reservation.id);
    subject.store.release(&reservation, &call()).unwrap();
    // A second time does no harm.
    subject.store.release(&reservation, &call()).unwrap();
    let changes = vec![
        subject.write("/other", b""),
        Change::Write {
            path: path("/media/a"),
            content,
            backend: MEDIA.into(),
            conditions: Conditions::default(),
            mime_type: None,
        },
    ];
    let missing = needed(subject.try_commit_prepared(changes, prepared));
    assert_eq!((missing[0].change, &missing[0].form), (1, &Form::Reserved));
    assert_eq!(subject.entry("/other"), None);
}

/// Content of a size that would be inline now stays the file that it became.
pub fn a_small_content_that_became_a_file_stays_one(subject: &Subject) {
    subject.commit(vec![subject.write("/a", LARGE)]);
    let inline = || {
        vec![Change::Write {
            path: path("/b"),
            content: NewContent::inline(LARGE),
            backend: LOCAL_BACKEND.into(),
            conditions: Conditions::default(),
            mime_type: None,
        }]
    };
    let missing = needed(subject.try_commit(inline(), &subject.all()));
    assert_eq!(missing[0].form, Form::Staged(LOCAL_BACKEND.into()));
    let stored = missing[0].content.clone().unwrap();
    assert_eq!((stored.hash, stored.data), (ContentHash::of(LARGE), None));
    let mut prepared = Prepared::default();
    let mut fill = |staging: &mut dyn Staging| staging.write(LARGE, &call());
    let local = Arc::from(LOCAL_BACKEND);
    let placement = &subject.placement;
    prepared
        .copies
        .stage(&local, stored.hash, placement, &call(), &mut fill)
        .unwrap();
    subject.try_commit_prepared(inline(), prepared).unwrap();
    assert_eq!(subject.read("/b"), LARGE);
    let (_, content) = subject
        .store
        .content(&path("/b"), &subject.all())
        .unwrap()
        .unwrap();
    assert_eq!(content.unwrap().data, None);
}

/// A write of bytes that some path holds already puts them in place again where they are gone.
pub fn a_missing_file_is_healed_by_the_next_write(subject: &Subject) {
    subject.commit(vec![subject.write("/a", LARGE)]);
    let hash = ContentHash::of(LARGE);
    subject
        .backend(LOCAL_BACKEND)
        .remove(&[hash], &call())
        .unwrap();
    subject.commit(vec![subject.write("/b", LARGE)]);
    assert!(subject.is_in_place(&hash));
    let (entry, content) = subject
        .store
        .content(&path("/a"), &subject.all())
        .unwrap()
        .unwrap();
    assert_eq!(entry.file.unwrap().version, 1);
    let content = content.unwrap();
    let reader: Option<ContentReader> = subject.placement.open(content, &call()).unwrap();
    assert_eq!(reader.unwrap().read_all(&call()).unwrap(), LARGE);
    assert_eq!(
        failed(subject.try_commit(vec![delete("/c")], &subject.all())).kind(),
        ErrorKind::NotFound
    );
}

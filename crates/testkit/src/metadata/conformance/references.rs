//! Which contents are needed, and the removal of those that are not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::content::{ContentHash, LOCAL_BACKEND, NewContent};
use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata::Grant;

use super::Subject;
use super::changes::{delete, rename, rmdir};
use super::subject::{MEDIA, SECOND, call, failed, impatient};

const LARGE: &[u8] = b"a content that is kept as a file";
const HOUR: Duration = Duration::from_secs(3600);

/// Returns some bytes that are no inline content.
fn large(number: usize) -> Vec<u8> {
    format!("content number {number:04}, as a file").into_bytes()
}

/// Has `count` contents dropped, and returns their hashes.
fn drop_contents(subject: &Subject, count: usize) -> BTreeSet<ContentHash> {
    let writes = (0..count).map(|n| subject.write(&format!("/dropped/{n}"), &large(n)));
    subject.commit(writes.collect());
    subject.commit(vec![rmdir("/dropped", true)]);
    (0..count).map(|n| ContentHash::of(&large(n))).collect()
}

fn has_pending(subject: &Subject) -> bool {
    subject
        .store
        .has_pending_deletions(LOCAL_BACKEND, &call())
        .unwrap()
}

/// Returns what is pending deletion and held by nobody.
fn pending(subject: &Subject) -> BTreeSet<(String, ContentHash)> {
    let mut found = BTreeSet::new();
    let mut visit = |deletions: &nexusfs_core::metadata::PendingDeletions| {
        found.extend(
            deletions
                .hashes
                .iter()
                .map(|hash| (deletions.backend.to_string(), *hash)),
        );
        Ok(())
    };
    subject
        .store
        .visit_pending_deletions(&mut visit, &call())
        .unwrap();
    found
}

/// Puts a content in place that no path holds.
fn publish_orphan(subject: &Subject, backend: &str, data: &[u8]) -> ContentHash {
    let NewContent::Staged(staged) = subject.placement.build(backend, data, &call()).unwrap()
    else {
        panic!("is inline");
    };
    subject
        .backend(backend)
        .publish(&[&*staged], &call())
        .unwrap();
    staged.hash()
}

/// Bytes that no commit named are removed, those that some path holds are not.
pub fn orphans_are_what_no_path_holds(subject: &Subject) {
    let (held, orphan) = (LARGE, &b"held by nothing at all"[..]);
    subject.commit(vec![subject.write("/a", held)]);
    publish_orphan(subject, LOCAL_BACKEND, orphan);
    let hashes = [ContentHash::of(held), ContentHash::of(orphan)];
    let removal = subject
        .store
        .begin_removal_of(LOCAL_BACKEND, &hashes, &call());
    assert_eq!(subject.remove(removal.unwrap()), [hashes[1]]);
    assert_eq!(hashes.map(|hash| subject.is_in_place(&hash)), [true, false]);
    // In another backend, the same content is another one.
    let elsewhere = publish_orphan(subject, MEDIA, held);
    let removal = subject
        .store
        .begin_removal_of(MEDIA, &[elsewhere], &call())
        .unwrap();
    assert_eq!(subject.remove(removal), [elsewhere]);
    assert!(subject.is_in_place(&hashes[0]));
    for none in [&hashes[..1], &[]] {
        let removal = subject
            .store
            .begin_removal_of(LOCAL_BACKEND, none, &call())
            .unwrap();
        assert!(removal.is_none());
    }
    // What is pending deletion goes that way.
    subject.commit(vec![delete("/a")]);
    let removal = subject
        .store
        .begin_removal_of(LOCAL_BACKEND, &hashes[..1], &call())
        .unwrap();
    assert!(removal.is_none());
}

/// First it is marked, then its bytes go, then it is forgotten; the commit says that there is something to do.
pub fn a_dropped_content_is_removed_in_two_steps(subject: &Subject) {
    subject.commit(vec![subject.write("/a", LARGE), subject.write("/b", LARGE)]);
    let hash = ContentHash::of(LARGE);
    let dropping = |at: &str| {
        let set = subject.set(vec![delete(at)], Default::default());
        subject
            .store
            .commit(set, &subject.all())
            .unwrap()
            .has_dropped
    };
    assert!(!dropping("/a"), "another path holds it");
    assert!(!has_pending(subject));
    assert!(
        subject
            .store
            .begin_removal(LOCAL_BACKEND, 8, false, &call())
            .unwrap()
            .is_none()
    );
    assert!(dropping("/b"));
    assert!(has_pending(subject));
    assert!(subject.is_in_place(&hash), "a commit removes no bytes");
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 8, false, &call())
        .unwrap()
        .unwrap();
    assert_eq!(
        (&*removal.backend, &removal.hashes[..]),
        (LOCAL_BACKEND, &[hash][..])
    );
    assert!(has_pending(subject), "before the bytes are gone");
    assert_eq!(subject.remove(Some(removal)), [hash]);
    assert!(!has_pending(subject));
    // An overwrite drops, too.
    subject.commit(vec![subject.write("/c", LARGE)]);
    let set = subject.set(vec![subject.write("/c", b"small")], Default::default());
    assert!(
        subject
            .store
            .commit(set, &subject.all())
            .unwrap()
            .has_dropped
    );
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 8, true, &call())
        .unwrap();
    assert_eq!(subject.remove(removal), [hash]);
}

/// The others are for the next one, and those of other backends for theirs.
pub fn a_removal_takes_as_many_as_asked_for(subject: &Subject) {
    let dropped = drop_contents(subject, 25);
    subject.commit(vec![subject.write("/media/a", LARGE)]);
    subject.commit(vec![delete("/media/a")]);
    let mut removed = BTreeSet::new();
    for expected in [10, 10, 5, 0] {
        let removal = subject
            .store
            .begin_removal(LOCAL_BACKEND, 10, true, &call())
            .unwrap();
        let hashes = subject.remove(removal);
        assert_eq!(hashes.len(), expected);
        removed.extend(hashes);
    }
    assert_eq!(removed, dropped);
    assert!(subject.store.has_pending_deletions(MEDIA, &call()).unwrap());
    let removal = subject
        .store
        .begin_removal(MEDIA, 10, true, &call())
        .unwrap();
    assert_eq!(subject.remove(removal), [ContentHash::of(LARGE)]);
}

/// A content that a path came to hold again stays, also the last of many.
pub fn what_is_held_again_is_not_removed(subject: &Subject) {
    let mut dropped = drop_contents(subject, 5);
    subject.commit(vec![subject.write("/again", &large(3))]);
    dropped.remove(&ContentHash::of(&large(3)));
    assert_eq!(
        pending(subject)
            .into_iter()
            .map(|(_, hash)| hash)
            .collect::<BTreeSet<_>>(),
        dropped
    );
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 99, true, &call())
        .unwrap();
    let removed: BTreeSet<_> = subject.remove(removal).into_iter().collect();
    assert_eq!(removed, dropped);
    assert_eq!(subject.read("/again"), large(3));
    assert!(!has_pending(subject));
}

/// Whoever wants a content whose bytes may go at any moment waits until they are gone, and then has it put in place.
pub fn a_content_that_is_being_removed_is_waited_for(subject: &Subject) {
    let hash = ContentHash::of(LARGE);
    subject.commit(vec![subject.write("/a", LARGE)]);
    subject.commit(vec![delete("/a")]);
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 8, true, &call())
        .unwrap();
    let wanted = || {
        subject.set(
            vec![subject.write("/other", b""), subject.write("/b", LARGE)],
            Default::default(),
        )
    };
    let hurried = Grant {
        call: impatient(),
        ..subject.all()
    };
    let error = failed(subject.store.commit(wanted(), &hurried));
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert_eq!(subject.entry("/other"), None);
    // What needs it not goes on.
    subject.commit(vec![subject.write("/c", &large(1))]);
    let other = subject.open_again();
    let set = wanted();
    let grant = subject.all();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let began = Instant::now();
            other.commit(set, &grant).unwrap();
            began.elapsed()
        });
        thread::sleep(Duration::from_millis(100));
        subject.remove(removal);
        assert!(
            waiting.join().unwrap() >= Duration::from_millis(50),
            "it did not wait"
        );
    });
    assert!(subject.is_in_place(&hash));
    assert_eq!(subject.read("/b"), LARGE);
    assert!(!has_pending(subject));
}

/// So does who wants to upload it.
pub fn a_reservation_waits_for_a_removal(subject: &Subject) {
    let hash = ContentHash::of(LARGE);
    subject.commit(vec![subject.write("/media/a", LARGE)]);
    subject.commit(vec![delete("/media/a")]);
    let removal = subject
        .store
        .begin_removal(MEDIA, 8, true, &call())
        .unwrap();
    let error = subject
        .store
        .reserve(MEDIA, &[hash], HOUR, &impatient())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    let store = &subject.store;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            store
                .reserve(MEDIA, &[ContentHash::of(b"x"), hash], HOUR, &call())
                .unwrap()
        });
        thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        subject.remove(removal);
        let reservation = waiting.join().unwrap();
        assert!(reservation.held.is_empty());
        assert_eq!(reservation.hashes, [ContentHash::of(b"x"), hash]);
        assert_eq!(&*reservation.backend, MEDIA);
    });
}

/// Of a process that died between the steps, nothing is left undone.
pub fn a_removal_that_was_dropped_is_taken_up_again(subject: &Subject) {
    let hash = ContentHash::of(LARGE);
    subject.commit(vec![subject.write("/a", LARGE)]);
    subject.commit(vec![delete("/a")]);
    let dropped = subject
        .store
        .begin_removal(LOCAL_BACKEND, 8, true, &call())
        .unwrap();
    subject
        .backend(LOCAL_BACKEND)
        .remove(&[hash], &call())
        .unwrap();
    drop(dropped);
    assert!(has_pending(subject));
    // A writer does not wait for nobody, and has the bytes put in place whether they are there or not.
    let began = Instant::now();
    subject.commit(vec![subject.write("/b", LARGE)]);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(subject.is_in_place(&hash));
    assert_eq!(subject.read("/b"), LARGE);
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 8, true, &call())
        .unwrap();
    assert!(removal.is_none(), "it is held again");
    subject.commit(vec![delete("/b")]);
    drop(
        subject
            .store
            .begin_removal(LOCAL_BACKEND, 8, true, &call())
            .unwrap(),
    );
    let again = subject
        .open_again()
        .begin_removal(LOCAL_BACKEND, 8, true, &call())
        .unwrap();
    assert_eq!(subject.remove(again), [hash]);
    assert!(!has_pending(subject));
    // An upload gives a request of the dead process some time to end.
    subject.commit(vec![subject.write("/media/a", LARGE)]);
    subject.commit(vec![delete("/media/a")]);
    drop(
        subject
            .store
            .begin_removal(MEDIA, 8, true, &call())
            .unwrap(),
    );
    let error = subject
        .store
        .reserve(MEDIA, &[hash], HOUR, &impatient())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    subject.pass(60 * SECOND);
    subject
        .store
        .reserve(MEDIA, &[hash], HOUR, &impatient())
        .unwrap();
}

/// Others wait for it, or go away.
pub fn one_removal_is_under_way_at_a_time(subject: &Subject) {
    let dropped = drop_contents(subject, 2);
    let orphan = publish_orphan(subject, LOCAL_BACKEND, LARGE);
    let first = subject
        .store
        .begin_removal(LOCAL_BACKEND, 1, true, &call())
        .unwrap();
    assert!(first.is_some());
    let other = subject.open_again();
    assert!(
        other
            .begin_removal(LOCAL_BACKEND, 1, false, &call())
            .unwrap()
            .is_none()
    );
    assert!(
        subject
            .store
            .begin_removal(LOCAL_BACKEND, 1, false, &call())
            .unwrap()
            .is_none()
    );
    assert!(
        other
            .begin_removal(LOCAL_BACKEND, 1, true, &impatient())
            .unwrap()
            .is_none()
    );
    assert!(
        other
            .begin_removal_of(LOCAL_BACKEND, &[orphan], &impatient())
            .unwrap()
            .is_none()
    );
    let mut removed = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            other
                .begin_removal(LOCAL_BACKEND, 9, true, &call())
                .unwrap()
        });
        thread::sleep(Duration::from_millis(50));
        let mut removed = subject.remove(first);
        removed.extend(subject.remove(waiting.join().unwrap()));
        removed
    });
    removed.sort();
    assert_eq!(removed, dropped.into_iter().collect::<Vec<_>>());
}

/// Whoever holds them or not, and whoever asks.
pub fn reserved_contents_stay(subject: &Subject) {
    let mut dropped = drop_contents(subject, 30);
    let orphan = publish_orphan(subject, LOCAL_BACKEND, LARGE);
    let kept: Vec<_> = dropped.iter().take(12).copied().chain([orphan]).collect();
    let reservation = subject
        .store
        .reserve(LOCAL_BACKEND, &kept, HOUR, &call())
        .unwrap();
    let second = subject
        .store
        .reserve(LOCAL_BACKEND, &kept[..1], HOUR, &call())
        .unwrap();
    assert_ne!(reservation.id, second.id);
    assert!(
        subject
            .store
            .begin_removal_of(LOCAL_BACKEND, &[orphan], &call())
            .unwrap()
            .is_none()
    );
    let mut removed = BTreeSet::new();
    // Fewer at a time than are reserved.
    while let Some(removal) = subject
        .store
        .begin_removal(LOCAL_BACKEND, 5, true, &call())
        .unwrap()
    {
        removed.extend(subject.remove(Some(removal)));
    }
    dropped.retain(|hash| !kept.contains(hash));
    assert_eq!(removed, dropped);
    assert!(kept.iter().all(|hash| subject.is_in_place(hash)));
    subject.store.release(&reservation, &call()).unwrap();
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 99, true, &call())
        .unwrap();
    let removed: BTreeSet<_> = subject.remove(removal).into_iter().collect();
    assert_eq!(
        removed,
        kept[1..12].iter().copied().collect(),
        "one is reserved by another"
    );
    subject.store.release(&second, &call()).unwrap();
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 99, true, &call())
        .unwrap();
    assert_eq!(subject.remove(removal), kept[..1]);
    let removal = subject
        .store
        .begin_removal_of(LOCAL_BACKEND, &[orphan], &call())
        .unwrap();
    assert_eq!(subject.remove(removal), [orphan]);
}

/// Who is to upload learns what is there already.
pub fn a_reservation_tells_what_is_held(subject: &Subject) {
    subject.commit(vec![
        subject.write("/media/a", LARGE),
        subject.write("/b", &large(1)),
        subject.write("/small", b"small"),
    ]);
    let hashes = [LARGE, &large(1), b"small"].map(ContentHash::of);
    let held = |backend: &str| {
        let reservation = subject
            .store
            .reserve(backend, &hashes, HOUR, &call())
            .unwrap();
        subject.store.release(&reservation, &call()).unwrap();
        reservation.held.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(held(MEDIA), hashes[..1]);
    // What is inline needs no file.
    assert_eq!(held(LOCAL_BACKEND), hashes[1..2]);
}

/// Its time is measured by the clock that nobody sets.
pub fn a_reservation_ends_by_itself(subject: &Subject) {
    let dropped = drop_contents(subject, 1);
    let hashes: Vec<_> = dropped.iter().copied().collect();
    subject
        .store
        .reserve(LOCAL_BACKEND, &hashes, Duration::from_secs(100), &call())
        .unwrap();
    subject.clock.step_wall(1_000_000 * SECOND);
    subject.pass(99 * SECOND);
    assert!(
        subject
            .store
            .begin_removal(LOCAL_BACKEND, 9, true, &call())
            .unwrap()
            .is_none()
    );
    subject.pass(SECOND);
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 9, true, &call())
        .unwrap();
    assert_eq!(subject.remove(removal), hashes);
}

/// As long as somebody copies the store.
pub fn pinned_contents_stay(subject: &Subject) {
    let dropped = drop_contents(subject, 2);
    let orphan = publish_orphan(subject, LOCAL_BACKEND, LARGE);
    let pins = [
        subject.store.pin(&call()).unwrap(),
        subject.open_again().pin(&call()).unwrap(),
    ];
    for pin in pins {
        for wait in [false, true] {
            let removal = subject
                .store
                .begin_removal(LOCAL_BACKEND, 9, wait, &call())
                .unwrap();
            assert!(removal.is_none());
        }
        assert!(
            subject
                .store
                .begin_removal_of(LOCAL_BACKEND, &[orphan], &call())
                .unwrap()
                .is_none()
        );
        // Writing goes on, also of what is pending.
        subject.commit(vec![subject.write("/again", &large(0))]);
        drop(pin);
    }
    subject.commit(vec![delete("/again")]);
    let removal = subject
        .store
        .begin_removal(LOCAL_BACKEND, 9, true, &call())
        .unwrap();
    let error = subject
        .store
        .pin(&impatient())
        .err()
        .map(|error| error.kind());
    assert_eq!(error, Some(ErrorKind::Busy), "a removal is under way");
    let removed: BTreeSet<_> = subject.remove(removal).into_iter().collect();
    assert_eq!(removed, dropped);
    drop(subject.store.pin(&call()).unwrap());
}

/// Neither held, nor pending, nor reserved: what nothing in the store speaks of.
pub fn unreferenced_contents_are_told(subject: &Subject) {
    let dropped = drop_contents(subject, 1);
    subject.commit(vec![
        subject.write("/held", &large(7)),
        subject.write("/media/a", LARGE),
    ]);
    let orphan = publish_orphan(subject, LOCAL_BACKEND, LARGE);
    let mut hashes = vec![
        ContentHash::of(&large(7)),
        orphan,
        ContentHash::of(b"unknown"),
    ];
    hashes.extend(dropped);
    let told = subject
        .store
        .unreferenced(LOCAL_BACKEND, &hashes, &call())
        .unwrap();
    assert_eq!(told, hashes[1..3]);
    assert_eq!(
        subject
            .store
            .unreferenced(MEDIA, &[orphan], &call())
            .unwrap(),
        []
    );
    assert_eq!(
        subject
            .store
            .unreferenced(LOCAL_BACKEND, &[], &call())
            .unwrap(),
        []
    );
    subject.commit(vec![rename("/held", "/moved")]);
    let told = subject
        .store
        .unreferenced(LOCAL_BACKEND, &hashes[..1], &call())
        .unwrap();
    assert_eq!(told, []);
}

/// Each once, with its backend, however many there are; a visitor's error ends it.
pub fn pending_deletions_are_visited(subject: &Subject) {
    assert!(pending(subject).is_empty());
    let dropped = drop_contents(subject, 700);
    subject.commit(vec![subject.write("/media/a", LARGE)]);
    subject.commit(vec![delete("/media/a")]);
    let mut expected: BTreeSet<_> = dropped
        .iter()
        .map(|hash| (LOCAL_BACKEND.to_owned(), *hash))
        .collect();
    expected.insert((MEDIA.to_owned(), ContentHash::of(LARGE)));
    assert_eq!(pending(subject), expected);
    let removal = subject
        .store
        .begin_removal(MEDIA, 9, true, &call())
        .unwrap();
    assert_eq!(pending(subject), expected, "it is not gone yet");
    subject.remove(removal);
    assert_eq!(pending(subject).len(), 700);
    let mut failing = |_: &nexusfs_core::metadata::PendingDeletions| {
        Err(nexusfs_core::error::Error::misuse("enough"))
    };
    let error = subject
        .store
        .visit_pending_deletions(&mut failing, &call())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
}

/// What is in the store itself goes with its row.
pub fn inline_contents_need_no_removal(subject: &Subject) {
    subject.commit(vec![subject.write("/a", b"small")]);
    let set = subject.set(vec![delete("/a")], Default::default());
    let grant = subject.all();
    assert!(!subject.store.commit(set, &grant).unwrap().has_dropped);
    assert!(!has_pending(subject));
    assert!(pending(subject).is_empty());
    let _ = Arc::clone(&grant.rules);
}

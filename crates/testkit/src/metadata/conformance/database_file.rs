//! What only a store in a database file does: its rows are checked, repaired and copied.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use nexusfs_core::content::{BlockHashes, ContentHash, LOCAL_BACKEND};
use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata::{
    ContentKey, CopyIdentity, Finding, FindingKind, Mended, RowCursor, RowKey, VerifiedContent,
};

use super::Subject;
use super::changes::{delete, item, make_ready, mkdir, path, set};
use super::subject::{MEDIA, SECOND, call};

const LARGE: &[u8] = b"a content that is kept as a file";

/// Returns what checks, repairs and copies the rows of the store.
fn upkeep(subject: &Subject) -> &dyn nexusfs_core::metadata::Upkeep {
    subject.store.upkeep().unwrap()
}

/// Puts something of each kind into the store.
fn fill(subject: &Subject) {
    subject.commit(vec![
        subject.write("/a", b"small"),
        subject.write("/d/b", LARGE),
        subject.write("/d/c", LARGE),
        subject.write("/media/m", LARGE),
        mkdir("/made"),
        set("/a", "k", "[1]"),
        set("/made", "k", "2"),
    ]);
    make_ready(subject, &["/jobs/1", "/jobs/2"]);
    subject.commit(
        item(
            subject,
            "/jobs/3",
            r#"{"status": "blocked", "depends_on": ["/jobs/1"]}"#,
        )
        .into(),
    );
    subject.claim(1, 10 * SECOND);
    subject.commit(vec![
        subject.write("/gone", b"another content, as a file"),
        delete("/gone"),
    ]);
}

fn findings(subject: &Subject) -> (Vec<Finding>, BTreeSet<&'static str>, u64) {
    let (mut findings, mut parts, mut rows) = (Vec::new(), BTreeSet::new(), 0);
    let mut cursor = Some(RowCursor::start());
    while let Some(from) = cursor {
        parts.insert(from.what());
        let checked = upkeep(subject).check_rows(&from, &call()).unwrap();
        findings.extend(checked.findings);
        rows += checked.rows;
        cursor = checked.next;
    }
    (findings, parts, rows)
}

/// A check goes through all that the store has.
pub fn a_check_of_whole_rows_finds_nothing(subject: &Subject) {
    fill(subject);
    let many = (0..1200).map(|n| subject.write(&format!("/many/{n}"), format!("{n}").as_bytes()));
    subject.commit(many.collect());
    let (found, parts, rows) = findings(subject);
    assert_eq!(found, []);
    assert_eq!(
        parts.into_iter().collect::<Vec<_>>(),
        ["contents", "edges", "metadata", "paths", "tables", "work"]
    );
    assert!(rows > 2400, "{rows} rows");
}

/// What is said to be wrong is looked at again before anything is changed.
pub fn a_repair_leaves_whole_rows_alone(subject: &Subject) {
    fill(subject);
    let mender = upkeep(subject).mender();
    let row = subject
        .store
        .contents(None, false, &call())
        .unwrap()
        .0
        .remove(0);
    let finding = |kind, row| Finding {
        kind,
        row,
        path: None,
        hash: None,
        message: String::new(),
    };
    let text = |text: &str| text.to_owned();
    for finding in [
        finding(FindingKind::EmptyDirectory, RowKey::Path(text("/d"))),
        finding(FindingKind::MissingAncestor, RowKey::Path(text("/d/b"))),
        finding(FindingKind::OrphanRow, RowKey::Content(row.key())),
        finding(
            FindingKind::OrphanRow,
            RowKey::Metadata(text("/a"), text("k")),
        ),
        finding(FindingKind::OrphanRow, RowKey::Work(text("/jobs/1"))),
    ] {
        assert!(mender.planned(&finding).is_some(), "{finding:?}");
        assert!(!mender.mend(&finding, &call()).unwrap(), "{finding:?}");
    }
    let helpless = finding(FindingKind::MissingContent, RowKey::Content(row.key()));
    assert_eq!(mender.planned(&helpless), None);
    assert!(!mender.mend(&helpless, &call()).unwrap());
    assert_eq!(mender.move_aside("/a", &call()).unwrap(), None);
    let file = mender.describe("/d/b", &call()).unwrap().unwrap();
    assert_eq!(
        mender.mend_directory(&file, &call()).unwrap(),
        Mended::Nothing
    );
    let known = VerifiedContent {
        row: None,
        is_inline: false,
        backend: LOCAL_BACKEND.into(),
        hash: ContentHash::of(LARGE),
        size: LARGE.len() as u64,
        blocks: BlockHashes::default(),
    };
    let restored = mender.restore_content(&file, &known, &call()).unwrap();
    assert_ne!(restored, Mended::Changed);
    assert_eq!(subject.read("/d/b"), LARGE);
    assert_eq!(findings(subject).0, []);
}

/// Nothing is forgotten that changed since it was described.
pub fn what_is_lost_is_described_and_forgotten(subject: &Subject) {
    fill(subject);
    let mender = upkeep(subject).mender();
    let described = mender.describe("/d/b", &call()).unwrap().unwrap();
    assert_eq!(
        (described.path.as_str(), described.etag, described.size),
        (
            "/d/b",
            Some(ContentHash::of(LARGE)),
            Some(LARGE.len() as u64)
        )
    );
    assert_eq!(described.backend.as_deref(), Some(LOCAL_BACKEND));
    assert!(described.is_file && !described.is_above && described.content_id.is_some());
    let directory = mender.describe("/d", &call()).unwrap().unwrap();
    assert!(!directory.is_file && directory.is_above);
    assert!(mender.describe("/missing", &call()).unwrap().is_none());
    let of_a = mender.describe("/a", &call()).unwrap().unwrap();
    assert_eq!(of_a.metadata, [("k".to_owned(), "[1]".to_owned())]);
    assert_eq!(
        mender.value_of("/a", "k", &call()).unwrap().as_deref(),
        Some("[1]")
    );
    assert_eq!(mender.value_of("/a", "other", &call()).unwrap(), None);
    let keys = mender.work_values("/jobs/2", &call()).unwrap();
    assert!(
        keys.contains(&("status".to_owned(), "\"ready\"".to_owned())),
        "{keys:?}"
    );
    assert!(mender.work_values("/a", &call()).unwrap().is_empty());
    let again = mender.describe("/d/b", &call()).unwrap().unwrap();
    assert!(described.is_same(&again));
    subject.pass(SECOND);
    subject.commit(vec![subject.write("/d/b", b"changed")]);
    let changed = mender.describe("/d/b", &call()).unwrap().unwrap();
    assert!(!described.is_same(&changed));
    assert!(!mender.forget(&described, &call()).unwrap());
    assert_eq!(subject.read("/d/b"), b"changed");
    assert!(mender.forget(&changed, &call()).unwrap());
    assert_eq!(subject.entry("/d/b"), None);
    // What follows from that, the next round finds.
    let found = findings(subject).0;
    let kinds: Vec<_> = found.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::OrphanRow], "{found:?}");
    assert!(mender.mend(&found[0], &call()).unwrap());
    assert!(!mender.mend(&found[0], &call()).unwrap());
    assert_eq!(findings(subject).0, []);
}

/// From a row to the files that have it, and from a hash to its rows.
pub fn a_content_is_found_by_its_row(subject: &Subject) {
    fill(subject);
    let mender = upkeep(subject).mender();
    let hash = ContentHash::of(LARGE);
    let rows = mender.contents_of(LOCAL_BACKEND, &hash, &call()).unwrap();
    let elsewhere = mender.contents_of(MEDIA, &hash, &call()).unwrap();
    assert!(rows.len() == 1 && elsewhere.len() == 1 && rows != elsewhere);
    assert!(
        mender
            .contents_of(MEDIA, &ContentHash::of(b"x"), &call())
            .unwrap()
            .is_empty()
    );
    let place = mender.content_place(rows[0], &call()).unwrap().unwrap();
    assert_eq!(
        (place.key.hash, place.backend.as_deref(), place.data),
        (Some(hash), Some(LOCAL_BACKEND), None)
    );
    let holders = mender.holders(&place.key, 9, &call()).unwrap();
    let paths: Vec<_> = holders.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["/d/b", "/d/c"]);
    assert_eq!(mender.holders(&place.key, 1, &call()).unwrap().len(), 1);
    let small = mender
        .contents_of(LOCAL_BACKEND, &ContentHash::of(b"small"), &call())
        .unwrap();
    let inline = mender.content_place(small[0], &call()).unwrap().unwrap();
    assert_eq!(inline.data.as_deref(), Some(&b"small"[..]));
    assert!(mender.content_place(i64::MAX, &call()).unwrap().is_none());
}

fn target(subject: &Subject) -> PathBuf {
    subject.database.directory().unwrap().join("copy.db")
}

fn identity() -> CopyIdentity {
    CopyIdentity {
        uuid: "00000000-0000-7000-8000-00000000000c".to_owned(),
        places: vec![(MEDIA.into(), "another-place".to_owned())],
    }
}

/// It has all that users put into the store, of one moment, and its digest says so.
pub fn a_copy_is_another_store_with_the_same_files(subject: &Subject) {
    fill(subject);
    let file = target(subject);
    let mut steps = Vec::new();
    let mut step = |done, of| {
        steps.push((done, of));
        Ok(())
    };
    let copied = upkeep(subject)
        .copy_to(&file, &identity(), &mut step, &call())
        .unwrap();
    let last = steps.last().copied().unwrap();
    assert!(last.0 == last.1 && steps.is_sorted(), "{steps:?}");
    assert_eq!(copied.files().unwrap(), 7);
    assert_eq!(copied.content_bytes().unwrap(), 2 * LARGE.len() as u64);
    let (rows, next) = copied.contents(None).unwrap();
    assert_eq!(next, None);
    let (own, _) = subject.store.contents(None, false, &call()).unwrap();
    let key = |rows: &[nexusfs_core::metadata::ContentRow]| -> Vec<_> {
        rows.iter()
            .map(|row| (row.hash, row.backend.clone(), row.size))
            .collect()
    };
    assert_eq!(key(&rows), key(&own));
    let large = rows.iter().find(|row| {
        row.hash == ContentHash::of(LARGE) && row.backend.as_deref() == Some(LOCAL_BACKEND)
    });
    assert_eq!(
        copied
            .first_path_of(&large.unwrap().key())
            .unwrap()
            .as_deref(),
        Some("/d/b")
    );
    let gone = ContentKey {
        id: i64::MAX,
        backend: None,
        hash: None,
    };
    assert_eq!(copied.first_path_of(&gone).unwrap(), None);
    let hashes = [
        ContentHash::of(LARGE),
        ContentHash::of(b"small"),
        ContentHash::of(b"x"),
    ];
    assert_eq!(copied.unnamed(LOCAL_BACKEND, &hashes).unwrap(), hashes[1..]);
    assert_eq!(copied.unnamed("unknown", &hashes).unwrap(), hashes);
    let digest = copied.digest().unwrap();
    let kept = file.with_file_name("kept.db");
    fs::rename(&file, &kept).unwrap();
    drop(copied);
    assert_eq!(
        upkeep(subject).digest_of_copy(&kept, &call()).unwrap(),
        Some(digest.clone())
    );
    assert_eq!(
        upkeep(subject).digest_of_copy(&file, &call()).unwrap(),
        None
    );
    // Another moment, another digest.
    subject.commit(vec![set("/a", "k", "[2]")]);
    let other = upkeep(subject)
        .copy_to(&file, &identity(), &mut |_, _| Ok(()), &call())
        .unwrap();
    assert_ne!(other.digest().unwrap(), digest);
}

/// Neither a copy that nobody kept nor one that was given up stays.
pub fn a_copy_that_is_dropped_leaves_nothing(subject: &Subject) {
    fill(subject);
    let file = target(subject);
    drop(
        upkeep(subject)
            .copy_to(&file, &identity(), &mut |_, _| Ok(()), &call())
            .unwrap(),
    );
    assert!(!file.exists());
    let mut enough = |_, _| Err(nexusfs_core::error::Error::misuse("enough"));
    let error = upkeep(subject)
        .copy_to(&file, &identity(), &mut enough, &call())
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    assert!(!file.exists());
    // Writing goes on while it is made.
    let mut step = |_, _| {
        subject.commit(vec![subject.write("/meanwhile", b"1")]);
        Ok(())
    };
    let copied = upkeep(subject)
        .copy_to(&file, &identity(), &mut step, &call())
        .unwrap();
    assert_eq!(copied.files().unwrap(), 7, "it is of one moment");
    assert!(subject.entry("/meanwhile").is_some());
}

/// Beyond what a copy, or any other store, can have given out.
pub fn lease_tokens_are_raised(subject: &Subject) {
    let mut newest = 0;
    for round in 0..3 {
        make_ready(subject, &["/a"]);
        let token = subject.claim_one(SECOND).number();
        assert!(token > newest, "round {round}");
        newest = token;
        subject.pass(2 * SECOND);
        match round {
            0 => upkeep(subject).advance_leases(&call()).unwrap(),
            _ => subject.store.pass_over_leases(&call()).unwrap(),
        }
    }
    assert!(
        subject
            .store
            .entry(&path("/a"), &subject.all())
            .unwrap()
            .is_some()
    );
}

/// Nothing of what was committed is lost with it.
pub fn the_log_is_shrunk(subject: &Subject) {
    fill(subject);
    upkeep(subject).shrink_log(&call()).unwrap();
    assert_eq!(subject.read("/d/b"), LARGE);
    subject.commit(vec![subject.write("/after", b"1")]);
    upkeep(subject).shrink_log(&call()).unwrap();
    assert_eq!(subject.read("/after"), b"1");
    assert_eq!(findings(subject).0, []);
}

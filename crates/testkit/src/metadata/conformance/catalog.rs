//! What is read: names, pages, contents, metadata, totals.

use std::collections::BTreeSet;

use nexusfs_core::content::{ContentHash, LOCAL_BACKEND};
use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata::{EntryQuery, Grant, MetadataQuery, Scope};
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;

use super::Subject;
use super::changes::{
    copy, delete, everything, item, mkdir, path, rename, require, rmdir, set, set_all, whole,
    with_value,
};
use super::subject::{INLINE_MAX, MEDIA, SECOND, call, failed, paths_of};

const LARGE: &[u8] = b"held by several, as a file";

fn files() -> EntryQuery {
    EntryQuery {
        directories: false,
        ..everything(whole())
    }
}

/// Names are ordered by their bytes, whatever the size of a page.
pub fn pages_follow_the_bytes_of_paths(subject: &Subject) {
    let paths = [
        "/a", "/a-b/x", "/a.b", "/b/c/d", "/b/c-d", "/b/c.d", "/b/c0", "/é",
    ];
    subject.write_all(&paths);
    let grant = subject.all();
    let expected: BTreeSet<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let expected: Vec<String> = expected.into_iter().collect();
    assert_eq!(subject.page(files(), &grant), expected);
    for limit in 1..4 {
        let mut collected = Vec::new();
        loop {
            let after = collected.last().cloned();
            let page = subject.page(
                EntryQuery {
                    after,
                    limit,
                    ..files()
                },
                &grant,
            );
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            collected.extend(page);
        }
        assert_eq!(collected, expected, "in pages of {limit}");
    }
    let children = everything(Scope::Children(path("/b")));
    assert_eq!(
        subject.page(children.clone(), &grant),
        ["/b/c", "/b/c-d", "/b/c.d", "/b/c0"]
    );
    let rest = EntryQuery {
        after: Some("/b/c".to_owned()),
        limit: 2,
        ..children
    };
    assert_eq!(subject.page(rest, &grant), ["/b/c-d", "/b/c.d"]);
    let prefix = everything(Scope::Range(PathRange::with_prefix("/a")));
    assert_eq!(
        subject.page(prefix, &grant),
        ["/a", "/a-b", "/a-b/x", "/a.b"]
    );
    let root = everything(Scope::Children(path("/")));
    assert_eq!(
        subject.page(root, &grant),
        ["/a", "/a-b", "/a.b", "/b", "/é"]
    );
    let none = EntryQuery {
        limit: 0,
        ..files()
    };
    assert!(subject.page(none, &grant).is_empty());
}

/// No query tells of what the grant does not see.
pub fn queries_stay_within_what_is_visible(subject: &Subject) {
    subject.write_all(&["/shared/a/x", "/shared/a-b/x", "/shared/a0/x", "/open"]);
    subject.commit(
        ["/shared/a/x", "/shared/a-b/x", "/open"]
            .map(|path| set(path, "k", "1"))
            .to_vec(),
    );
    let tenant = subject.of(Some("a"), None);
    assert_eq!(subject.page(files(), &tenant), ["/open", "/shared/a/x"]);
    let query = with_value("k", "1.0");
    let found = subject.store.find(&query, &tenant).unwrap();
    assert_eq!(paths_of(&found), ["/open", "/shared/a/x"]);
    for (at, seen) in [("/shared/a/x", true), ("/shared/a-b/x", false)] {
        let id = subject.entry(at).unwrap().path_id.unwrap();
        let path = subject.store.path_of_id(id, &tenant).unwrap();
        assert_eq!(path.is_some(), seen, "{at}");
    }
    let rules = subject.store.rules(&call()).unwrap();
    let report = subject.store.storage_report(&rules, &tenant).unwrap();
    assert_eq!(report.total.files, 2);
    let tenants: Vec<_> = report
        .tenants
        .iter()
        .map(|(tenant, _)| tenant.as_deref())
        .collect();
    assert_eq!(tenants, [None, Some("a")]);
    let described = subject
        .store
        .described_page(&files(), usize::MAX, &tenant)
        .unwrap();
    let described: Vec<_> = described
        .iter()
        .map(|(entry, _)| entry.path.as_str())
        .collect();
    assert_eq!(described, ["/open", "/shared/a/x"]);
}

/// Each tenant counts its own references, and the last one lets the content go.
pub fn references_are_counted_over_what_is_visible(subject: &Subject) {
    let hash = ContentHash::of(LARGE);
    let count = |grant: &Grant| {
        let count = subject.store.content_count(&hash, grant).unwrap();
        count.map(|count| (count.references, count.size))
    };
    subject.commit(vec![
        subject.write("/shared/a/1", LARGE),
        subject.write("/shared/a/1", LARGE),
        subject.write("/shared/a/2", LARGE),
        subject.write("/shared/b/1", LARGE),
    ]);
    let size = LARGE.len() as u64;
    let (a, b) = (subject.of(Some("a"), None), subject.of(Some("b"), None));
    assert_eq!(
        (count(&subject.all()), count(&a), count(&b)),
        (Some((3, size)), Some((2, size)), Some((1, size)))
    );
    subject.commit(vec![delete("/shared/b/1")]);
    assert_eq!(count(&b), None);
    subject.commit(vec![rmdir("/shared", true)]);
    assert_eq!(count(&subject.all()), None);
    let removal = subject.store.begin_removal(LOCAL_BACKEND, 8, true, &call());
    assert_eq!(subject.remove(removal.unwrap()), [hash]);
    assert!(
        !subject.is_in_place(&hash),
        "the content outlived its last path"
    );
}

/// Small contents come with the row, others from their backend.
pub fn content_is_inline_or_a_file_that_is_in_place(subject: &Subject) {
    subject.commit(vec![
        subject.write("/small", b"small"),
        subject.write("/large", LARGE),
        subject.write("/empty", b""),
    ]);
    let grant = subject.all();
    for (at, data) in [
        ("/small", &b"small"[..]),
        ("/large", LARGE),
        ("/empty", b""),
    ] {
        let (entry, content) = subject.store.content(&path(at), &grant).unwrap().unwrap();
        assert_eq!(Some(&entry), subject.entry(at).as_ref());
        let content = content.unwrap();
        assert_eq!(content.hash, ContentHash::of(data));
        assert_eq!(content.size, data.len() as u64);
        assert_eq!(entry.file.unwrap().etag, content.hash);
        assert_eq!(content.data.is_some(), data.len() <= INLINE_MAX, "{at}");
        assert_eq!(
            subject.is_in_place(&content.hash),
            content.data.is_none(),
            "{at}"
        );
        assert_eq!(
            subject.placement.read(content, &call()).unwrap().unwrap(),
            data
        );
    }
    subject.commit(vec![mkdir("/d")]);
    let (entry, content) = subject.store.content(&path("/d"), &grant).unwrap().unwrap();
    assert!(entry.is_directory() && content.is_none());
    assert!(
        subject
            .store
            .content(&path("/missing"), &grant)
            .unwrap()
            .is_none()
    );
    let large = nexusfs_core::content::BLOCK_BYTES + 1;
    subject.commit(vec![subject.write("/blocks", &vec![7; large])]);
    let (_, content) = subject
        .store
        .content(&path("/blocks"), &grant)
        .unwrap()
        .unwrap();
    assert_eq!(content.unwrap().blocks.as_bytes().len(), 64);
    assert!(subject.read("/blocks") == vec![7; large]);
}

/// What others have does not make a directory above the own part exist.
pub fn directories_above_the_own_part_exist_through_it_alone(subject: &Subject) {
    subject.write_all(&["/workspace/b/bot/x", "/workspace/b/other/x"]);
    let (a, b) = (
        subject.of(Some("a"), Some("bot")),
        subject.of(Some("b"), Some("bot")),
    );
    let any = subject.of(None, Some("bot"));
    let exists = |at: &str, grant: &Grant| subject.store.gate_exists(&path(at), grant).unwrap();
    assert_eq!(
        [&a, &b, &any].map(|grant| exists("/workspace", grant)),
        [false, true, true]
    );
    assert!(exists("/workspace/b", &b) && exists("/workspace/b", &any));
    assert!(!exists("/workspace/a", &a) && !exists("/workspace/a", &any));
    let paths = |grant: &Grant| subject.page(everything(whole()), grant);
    assert!(paths(&a).is_empty());
    let own = [
        "/workspace",
        "/workspace/b",
        "/workspace/b/bot",
        "/workspace/b/bot/x",
    ];
    assert_eq!(paths(&b), own);
    assert_eq!(paths(&any), own);
    for limit in 1..=4 {
        let page = subject.page(
            EntryQuery {
                limit,
                ..everything(whole())
            },
            &b,
        );
        assert_eq!(page, own[..limit], "the first {limit}");
    }
    let children = subject.page(everything(Scope::Children(path("/workspace"))), &b);
    assert_eq!(children, ["/workspace/b"]);
    // What is above tells a condition or a copy no more than a list.
    let require = require(
        "/workspace",
        nexusfs_core::metadata::Conditions {
            if_none_match: true,
            ..Default::default()
        },
    );
    subject.try_commit(vec![require.clone()], &a).unwrap();
    assert_eq!(
        failed(subject.try_commit(vec![require], &b)).kind(),
        ErrorKind::Conflict
    );
    let copy = |grant| subject.try_commit(vec![copy("/workspace", "/copy")], grant);
    let error = failed(copy(&a));
    assert_eq!(
        (error.kind(), error.path()),
        (ErrorKind::NotFound, Some("/workspace"))
    );
    copy(&b).unwrap();
    assert!(subject.entry("/copy/b/bot/x").is_some() && subject.entry("/copy/b/other").is_none());
}

/// Values read back as they were written, and the same by meaning is found.
pub fn metadata_is_kept_as_text_and_found_by_meaning(subject: &Subject) {
    subject.write_all(&["/a", "/b", "/c"]);
    let text = r#"{"x": 1.0,  "y": [2]}"#;
    subject.commit(vec![
        set("/a", "k", text),
        set("/b", "k", r#"{"y":[2],"x":1}"#),
        set("/c", "k", "2"),
    ]);
    let grant = subject.all();
    let value = |at: &str| subject.store.metadata_value(&path(at), "k", &grant);
    assert_eq!(value("/a").unwrap().unwrap(), text);
    let mut query = MetadataQuery {
        limit: 1,
        ..with_value("k", text)
    };
    let mut found = Vec::new();
    while let [entry] = &subject.store.find(&query, &grant).unwrap()[..] {
        found.push(entry.path.as_str().to_owned());
        query.after = found.last().cloned();
    }
    assert_eq!(found, ["/a", "/b"]);
    subject.commit(vec![rename("/a", "/moved"), delete("/b")]);
    assert_eq!(value("/moved").unwrap().unwrap(), text);
    assert_eq!(failed(value("/b")).kind(), ErrorKind::NotFound);
    subject.write_all(&["/b"]);
    assert_eq!(value("/b").unwrap(), None, "metadata outlived its file");
}

/// A file is known by its id wherever it goes.
pub fn ids_stay_through_renames_and_overwrites_and_are_never_shared(subject: &Subject) {
    subject.write_all(&["/a"]);
    let id = |at: &str| subject.entry(at).unwrap().path_id.unwrap();
    let first = id("/a");
    subject.commit(vec![
        subject.write("/a", b"2"),
        copy("/a", "/copy"),
        rename("/a", "/d/e"),
        subject.write("/a", b"3"),
    ]);
    assert_eq!(id("/d/e"), first);
    let distinct: BTreeSet<PathId> = ["/a", "/copy", "/d/e"].map(id).into();
    assert_eq!(distinct.len(), 3);
    assert_eq!(
        subject.entry("/d").unwrap().path_id,
        None,
        "an implied directory has no id"
    );
    let found = subject.store.path_of_id(first, &subject.all()).unwrap();
    assert_eq!(found.unwrap().as_str(), "/d/e");
}

/// Each path has its answer, seen or not.
pub fn entries_are_returned_in_the_order_asked_for(subject: &Subject) {
    subject.write_all(&["/b", "/a/x", "/shared/b/1"]);
    let paths = ["/b", "/missing", "/a", "/b", "/shared/b/1"].map(path);
    let entries = subject
        .store
        .entries(&paths, &subject.of(Some("a"), None))
        .unwrap();
    let expected: Vec<_> = paths
        .iter()
        .map(|path| subject.entry(path.as_str()))
        .collect();
    assert_eq!(entries, expected);
    assert!(entries[1].is_none() && entries[4].is_some());
    assert!(
        subject
            .store
            .entries(&[], &subject.all())
            .unwrap()
            .is_empty()
    );
}

/// Entries come with all their keys, until those are as long as asked for.
pub fn described_pages_end_with_the_bytes_asked_for(subject: &Subject) {
    subject.commit(
        item(
            subject,
            "/a",
            r#"{"status": "ready", "k": "12345678", "priority": 3}"#,
        )
        .into(),
    );
    subject.write_all(&["/b", "/c/x"]);
    subject.commit(vec![set("/c/x", "k", "\"12345678\"")]);
    let grant = subject.all();
    let described = |bytes, limit| {
        let query = EntryQuery {
            limit,
            ..everything(whole())
        };
        subject.store.described_page(&query, bytes, &grant).unwrap()
    };
    let all = described(usize::MAX, usize::MAX);
    let paths: Vec<_> = all.iter().map(|(entry, _)| entry.path.as_str()).collect();
    assert_eq!(paths, ["/a", "/b", "/c", "/c/x"]);
    for (entry, values) in &all {
        assert_eq!(Some(entry), subject.entry(entry.path.as_str()).as_ref());
        let known = match entry.path_id {
            Some(_) => subject.store.metadata(&entry.path, &grant).unwrap(),
            None => Vec::new(),
        };
        assert_eq!(*values, known, "{}", entry.path);
    }
    let keys: Vec<_> = all[0].1.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["k", "priority", "status"]);
    // 10 + 1 + 7 bytes of values at the first, none at the second and third, 10 at the last.
    for (bytes, expected) in [(1, 1), (18, 1), (19, 4), (28, 4)] {
        assert_eq!(
            described(bytes, usize::MAX).len(),
            expected,
            "{bytes} bytes"
        );
    }
    assert_eq!(described(usize::MAX, 2).len(), 2);
}

/// Files of the same content are one group, at its first path, however the pages fall.
pub fn duplicates_are_grouped_by_content(subject: &Subject) {
    subject.commit(vec![
        subject.write("/a/1", LARGE),
        subject.write("/b/2", b"small"),
        subject.write("/c/3", LARGE),
        subject.write("/d/4", b"small"),
        subject.write("/e/5", b"alone"),
        subject.write("/media/6", LARGE),
        subject.write("/shared/x/7", LARGE),
    ]);
    let many = (0..700).map(|n| subject.write(&format!("/many/{n:03}"), b"many"));
    subject.commit(many.collect());
    let groups = |range: &PathRange, grant: &Grant| {
        let mut groups = Vec::new();
        let mut after = String::new();
        loop {
            let (page, next) = subject.store.duplicates(range, &after, grant).unwrap();
            groups.extend(page);
            match next {
                Some(next) => {
                    assert!(next > after, "the cursor goes back");
                    after = next;
                }
                None => return groups,
            }
        }
    };
    let all = groups(&PathRange::all(), &subject.all());
    let told: Vec<_> = all
        .iter()
        .map(|group| (group.count, group.size, &*group.paths[0]))
        .collect();
    assert_eq!(
        told,
        [
            (4, LARGE.len() as u64, "/a/1"),
            (2, 5, "/b/2"),
            (700, 4, "/many/000")
        ]
    );
    assert_eq!(
        all[0].paths,
        ["/a/1", "/c/3", "/media/6", "/shared/x/7"],
        "of all backends"
    );
    assert_eq!(all[0].etag, ContentHash::of(LARGE));
    assert_eq!(all[2].paths.len(), 100);
    let of_tenant = groups(&PathRange::all(), &subject.of(Some("y"), None));
    assert_eq!(of_tenant[0].paths, ["/a/1", "/c/3", "/media/6"]);
    let within = groups(&PathRange::under("/c"), &subject.all());
    assert!(within.is_empty(), "{within:?}");
}

/// Bytes of a content count once for each total, files each time.
pub fn storage_is_totalled_for_each_tenant(subject: &Subject) {
    let large = LARGE.len() as u64;
    subject.commit(vec![
        subject.write("/open", LARGE),
        subject.write("/shared/a/1", LARGE),
        subject.write("/shared/a/2", LARGE),
        subject.write("/shared/a/3", b"small"),
        subject.write("/workspace/b/bot/1", b"small"),
        mkdir("/shared/c"),
        // A copy in another backend is another content.
        subject.write("/media/1", LARGE),
    ]);
    let rules = subject.store.rules(&call()).unwrap();
    let report = subject
        .store
        .storage_report(&rules, &subject.all())
        .unwrap();
    let figures = |totals: nexusfs_core::metadata::StorageTotals| {
        [
            totals.files,
            totals.logical_bytes,
            totals.distinct_contents,
            totals.physical_bytes,
        ]
    };
    assert_eq!(figures(report.total), [6, 4 * large + 10, 3, 2 * large + 5]);
    let tenants: Vec<_> = report
        .tenants
        .iter()
        .map(|(tenant, totals)| (tenant.as_deref(), figures(*totals)))
        .collect();
    let expected = [
        (None, [2, 2 * large, 2, 2 * large]),
        (Some("a"), [3, 2 * large + 5, 2, large + 5]),
        (Some("b"), [1, 5, 1, 5]),
    ];
    assert_eq!(tenants, expected);
}

/// Each typed key finds files by its value, in the order of their paths, within what is asked for.
pub fn typed_keys_are_found_by_value(subject: &Subject) {
    let keys = r#"{"status": "pending", "priority": 4, "worker_id": "w", "started_at": "2026-01-01T00:00:00Z",
        "completed_at": "2026-01-02T00:00:00Z", "not_before": "2026-01-03T00:00:00Z", "tags": ["x", "y"], "max_attempts": 3}"#;
    subject.write_all(&["/blocker", "/other"]);
    for at in ["/b", "/a", "/shared/a/1"] {
        subject.commit(item(subject, at, keys).into());
        subject.commit(vec![set(at, "depends_on", "[\"/blocker\", \"/other\"]")]);
    }
    subject.commit(vec![set_all(
        "/other",
        r#"{"status": "ready", "depends_on": [], "priority": 5}"#,
    )]);
    let find = |key: &str, json: &str| {
        let found = subject
            .store
            .find(&with_value(key, json), &subject.all())
            .unwrap();
        paths_of(&found)
    };
    let three = ["/a", "/b", "/shared/a/1"];
    for (key, json) in [
        ("status", "\"pending\""),
        ("priority", "4"),
        ("worker_id", "\"w\""),
        ("started_at", "\"2026-01-01T01:00:00+01:00\""),
        ("completed_at", "\"2026-01-02T00:00:00Z\""),
        ("not_before", "\"2026-01-03T00:00:00Z\""),
        ("tags", "[ \"x\", \"y\" ]"),
        ("max_attempts", "3"),
        ("depends_on", "[\"/blocker\", \"/other\"]"),
    ] {
        assert_eq!(find(key, json), three, "{key}");
    }
    for (key, json) in [
        ("status", "\"blocked\""),
        ("priority", "0"),
        ("tags", "[\"y\", \"x\"]"),
        ("depends_on", "[\"/other\", \"/blocker\"]"),
        ("depends_on", "\"/blocker\""),
        ("depends_on", "\"/missing\""),
    ] {
        assert!(find(key, json).is_empty(), "{key} {json}");
    }
    assert_eq!(find("depends_on", "[]"), ["/other"]);
    assert_eq!(find("status", "\"ready\""), ["/other"]);
    let within = MetadataQuery {
        range: PathRange::under("/shared"),
        ..with_value("priority", "4")
    };
    let found = subject.store.find(&within, &subject.all()).unwrap();
    assert_eq!(paths_of(&found), ["/shared/a/1"]);
    let paged = MetadataQuery {
        after: Some("/a".to_owned()),
        limit: 1,
        ..with_value("status", "\"pending\"")
    };
    let found = subject.store.find(&paged, &subject.all()).unwrap();
    assert_eq!(paths_of(&found), ["/b"]);
    subject.pass(SECOND);
    let claimed = subject.claim(1, 10 * SECOND);
    assert_eq!(claimed.len(), 1);
    assert_eq!(find("status", "\"in_progress\""), ["/other"]);
}

/// A check of contents goes through all rows, and finds the paths of each.
pub fn contents_are_listed_with_their_paths(subject: &Subject) {
    subject.commit(vec![
        subject.write("/a", LARGE),
        subject.write("/b", LARGE),
        subject.write("/c", b"small"),
        subject.write("/media/d", LARGE),
    ]);
    let many = (0..600).map(|n| subject.write(&format!("/many/{n:03}"), format!("{n}").as_bytes()));
    subject.commit(many.collect());
    for with_data in [false, true] {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let (page, next) = subject
                .store
                .contents(after.as_ref(), with_data, &call())
                .unwrap();
            rows.extend(page);
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(rows.len(), 603);
        assert!(rows.is_sorted_by_key(|row| row.id));
        let find = |data: &[u8], backend: &str| {
            let hash = ContentHash::of(data);
            let is_it = |row: &&nexusfs_core::metadata::ContentRow| {
                row.hash == hash && row.backend.as_deref() == Some(backend)
            };
            rows.iter().find(is_it).unwrap()
        };
        let large = find(LARGE, LOCAL_BACKEND);
        assert_eq!((large.size, &large.data), (LARGE.len() as u64, &None));
        assert_eq!(large.key().hash, Some(ContentHash::of(LARGE)));
        let (paths, count) = subject
            .store
            .paths_of_content(&large.key(), 1, &call())
            .unwrap();
        assert_eq!((&paths[..], count), (&["/a".to_owned()][..], 2));
        let small = find(b"small", LOCAL_BACKEND);
        let data = small.data.as_deref().filter(|data| !data.is_empty());
        assert_eq!(data, with_data.then_some(&b"small"[..]));
        let media = find(LARGE, MEDIA);
        assert_ne!(media.id, large.id);
        let (paths, count) = subject
            .store
            .paths_of_content(&media.key(), 9, &call())
            .unwrap();
        assert_eq!((&paths[..], count), (&["/media/d".to_owned()][..], 1));
    }
    let gone = nexusfs_core::metadata::ContentKey {
        id: i64::MAX,
        backend: None,
        hash: Some(ContentHash::of(LARGE)),
    };
    let (paths, count) = subject.store.paths_of_content(&gone, 9, &call()).unwrap();
    assert!(paths.is_empty() && count == 0);
}

//! What every store of metadata must do, as functions over the trait: each begins with an empty store and
//! says one thing of it. At the end they are run on each implementation.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexusfs::access::{Identity, NamespaceRule, Policy, Rules};
use nexusfs::call::{Call, Interrupts};
use nexusfs::clock::SystemClock;
use nexusfs::config::Durability;
use nexusfs::content::{ContentHash, LOCAL_BACKEND, NewContent, Placement};
use nexusfs::error::{Error, ErrorKind};
use nexusfs::metadata::{
    Change, Conditions, Entry, EntryQuery, EntryRef, FileInfo, Grant, MetadataQuery, MetadataStore,
    MetadataValue, Relocation, Removal, Scope, StoreError, StoreResult, WriteSet,
};
use nexusfs::path::VirtualPath;
use nexusfs::path_id::PathId;
use nexusfs::range::{PathRange, Visible};
use nexusfs::sqlite::files::LocalContentStore;
use nexusfs::sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

/// Longest content that is inline.
const INLINE_MAX: usize = 16;

/// An empty store and a place for contents.
struct Subject {
    store: Box<dyn MetadataStore>,
    placement: Arc<Placement>,
    directory: TempDir,
}

impl Subject {
    fn new(open: fn(&Path) -> Box<dyn MetadataStore>) -> Self {
        let directory = TempDir::new().unwrap();
        let local = Arc::new(LocalContentStore::open(directory.path()).unwrap());
        Subject {
            store: open(directory.path()),
            placement: Arc::new(Placement::new(local, Vec::new(), INLINE_MAX)),
            directory,
        }
    }

    /// Returns a grant of everything under the rules as they are.
    fn all(&self) -> Grant {
        self.seeing(Visible::all())
    }

    fn seeing(&self, visible: Visible) -> Grant {
        let call = call();
        Grant {
            rules: Arc::new(self.store.rules(&call).unwrap()),
            visible: Arc::new(visible),
            call,
        }
    }

    /// Returns the grant of what `tenant` and `agent` may read.
    fn of(&self, tenant: Option<&str>, agent: Option<&str>) -> Grant {
        let identity = Identity {
            tenant: tenant.map(str::to_owned),
            agent: agent.map(str::to_owned),
            ..Identity::default()
        };
        let rules = Arc::new(self.store.rules(&call()).unwrap());
        let policy = Policy::new(identity, rules, Arc::new([]));
        self.seeing(policy.visible().as_ref().clone())
    }

    fn try_commit(&self, changes: Vec<Change>, grant: &Grant) -> StoreResult<Vec<Option<Entry>>> {
        let set = WriteSet {
            changes: Arc::new(changes),
            routes: Arc::clone(self.placement.routes()),
            prepared: Arc::default(),
            publisher: Arc::clone(&self.placement) as _,
            durability: Durability::Normal,
        };
        let committed = self.store.commit(set, grant)?;
        Ok(committed.entries)
    }

    /// Removes the bytes of what `begin` begins to remove, and returns what that is.
    fn remove(&self, removal: Option<Removal>) -> Vec<ContentHash> {
        let Some(removal) = removal else {
            return Vec::new();
        };
        let removed = removal.hashes.clone();
        let backend = self.placement.store(&removal.backend).unwrap();
        backend.remove(&removed, &call()).unwrap();
        self.store.end_removal(removal, &call()).unwrap();
        removed
    }

    fn commit(&self, changes: Vec<Change>) -> Vec<Option<Entry>> {
        self.try_commit(changes, &self.all()).unwrap()
    }

    fn write_all(&self, paths: &[&str]) {
        self.commit(
            paths
                .iter()
                .map(|path| self.write(path, path.as_bytes()))
                .collect(),
        );
    }

    fn write(&self, at: &str, data: &[u8]) -> Change {
        Change::Write {
            path: path(at),
            content: self.placement.build(LOCAL_BACKEND, data, &call()).unwrap(),
            backend: LOCAL_BACKEND.into(),
            conditions: Conditions::default(),
            mime_type: None,
        }
    }

    fn entry(&self, at: &str) -> Option<Entry> {
        self.store.entry(&path(at), &self.all()).unwrap()
    }

    fn entries(&self, query: &EntryQuery, grant: &Grant) -> StoreResult<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut keep = |found: EntryRef<'_>| {
            entries.push(Entry {
                path: path(found.path),
                path_id: found.path_id,
                created_at: found.created_at,
                modified_at: found.modified_at,
                file: found.file.map(|file| FileInfo {
                    etag: file.etag,
                    size: file.size,
                    version: file.version,
                    mime_type: file.mime_type.into(),
                    backend: file.backend.into(),
                }),
            });
        };
        self.store.page(query, grant, &mut keep)?;
        Ok(entries)
    }

    fn page(&self, query: EntryQuery, grant: &Grant) -> Vec<String> {
        let entries = self.entries(&query, grant).unwrap();
        entries
            .iter()
            .map(|entry| entry.path.as_str().to_owned())
            .collect()
    }
}

fn call() -> Call {
    Interrupts::default().begin(Duration::from_secs(30))
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

fn delete(at: &str) -> Change {
    Change::Delete {
        path: path(at),
        conditions: Conditions::default(),
    }
}

fn mkdir(at: &str) -> Change {
    Change::MakeDirectory {
        path: path(at),
        parents: false,
        exist_ok: false,
        given_depth: 0,
    }
}

fn relocation(from: &str, to: &str) -> Relocation {
    Relocation {
        from: path(from),
        to: path(to),
        no_replace: false,
        conditions: Conditions::default(),
    }
}

fn set(at: &str, key: &str, json: &str) -> Change {
    Change::SetMetadata {
        path: path(at),
        values: vec![(key.to_owned(), MetadataValue::parse(key, json).unwrap())],
        conditions: Conditions::default(),
    }
}

fn everything(scope: Scope) -> EntryQuery {
    EntryQuery {
        scope,
        directories: true,
        after: None,
        limit: usize::MAX,
    }
}

fn whole() -> Scope {
    Scope::Range(PathRange::all())
}

#[track_caller]
fn failed<T: std::fmt::Debug>(result: StoreResult<T>) -> Error {
    match result {
        Err(StoreError::Failed(error)) => error,
        other => panic!("should fail, but is {other:?}"),
    }
}

fn a_commit_applies_in_order_and_returns_what_each_change_left(subject: &Subject) {
    let entries = subject.commit(vec![
        subject.write("/a", b"1"),
        subject.write("/a", b"2"),
        Change::Copy(relocation("/a", "/b")),
        delete("/a"),
        Change::Rename(relocation("/b", "/a")),
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

fn a_commit_that_fails_leaves_nothing_and_names_the_change(subject: &Subject) {
    subject.write_all(&["/kept"]);
    let before = subject
        .entries(&everything(whole()), &subject.all())
        .unwrap();
    let changes = || {
        vec![
            subject.write("/new", b"a content that is kept as a file"),
            delete("/kept"),
            set("/new", "k", "1"),
            delete("/missing"),
        ]
    };
    let error = failed(subject.try_commit(changes(), &subject.all()));
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::NotFound, Some(3)),
        "{error}"
    );
    let after = subject
        .entries(&everything(whole()), &subject.all())
        .unwrap();
    assert_eq!(after, before);
    let hash = ContentHash::of(b"a content that is kept as a file");
    assert_eq!(
        subject.store.content_count(&hash, &subject.all()).unwrap(),
        None
    );
    assert!(
        !content_file(subject, &hash).exists(),
        "the content was put in place"
    );
}

fn under_other_rules_nothing_is_done(subject: &Subject) {
    subject.write_all(&["/a"]);
    let before = subject.all();
    let rule = NamespaceRule {
        name: "team".to_owned(),
        readonly: false,
        admin_only: false,
        requires_tenant: true,
        requires_agent: false,
        builtin: false,
    };
    subject
        .store
        .declare_namespaces(&[(rule.clone(), false)], false, &call())
        .unwrap();
    let store = &subject.store;
    let hash = ContentHash::of(b"/a");
    let rules = Rules::default();
    let refusals = [
        subject.try_commit(vec![delete("/a")], &before).map(drop),
        store.entry(&path("/a"), &before).map(drop),
        store.entries(&[path("/a")], &before).map(drop),
        store.content(&path("/a"), &before).map(drop),
        store.gate_exists(&path("/a"), &before).map(drop),
        store.path_of_id(PathId::generate(), &before).map(drop),
        subject.entries(&everything(whole()), &before).map(drop),
        store.metadata(&path("/a"), &before).map(drop),
        store.metadata_value(&path("/a"), "k", &before).map(drop),
        store.content_count(&hash, &before).map(drop),
        store.storage_report(&rules, &before).map(drop),
        store.work_counts(&PathRange::all(), &before).map(drop),
        store.explain(&path("/a"), &before).map(drop),
    ];
    for (index, refusal) in refusals.into_iter().enumerate() {
        assert!(
            matches!(refusal, Err(StoreError::RulesChanged)),
            "request {index}: {refusal:?}"
        );
    }
    assert!(subject.entry("/a").is_some(), "the deletion was done");
    let known = store.rules(&call()).unwrap();
    assert_eq!(known.get("team"), Some(&rule));
    // Declaring the same again changes nothing, so that nobody has to ask again.
    store
        .declare_namespaces(&[(rule, false)], false, &call())
        .unwrap();
    assert_eq!(store.rules(&call()).unwrap().version, known.version);
}

fn pages_follow_the_bytes_of_paths(subject: &Subject) {
    let paths = [
        "/a", "/a-b/x", "/a.b", "/b/c/d", "/b/c-d", "/b/c.d", "/b/c0", "/é",
    ];
    subject.write_all(&paths);
    let grant = subject.all();
    let files = EntryQuery {
        directories: false,
        ..everything(whole())
    };
    let expected: BTreeSet<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let expected: Vec<String> = expected.into_iter().collect();
    assert_eq!(subject.page(files.clone(), &grant), expected);
    for limit in 1..4 {
        let mut collected = Vec::new();
        loop {
            let after = collected.last().cloned();
            let page = subject.page(
                EntryQuery {
                    after,
                    limit,
                    ..files.clone()
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
}

fn queries_stay_within_what_is_visible(subject: &Subject) {
    subject.write_all(&["/shared/a/x", "/shared/a-b/x", "/shared/a0/x", "/open"]);
    subject.commit(
        ["/shared/a/x", "/shared/a-b/x", "/open"]
            .map(|path| set(path, "k", "1"))
            .to_vec(),
    );
    let tenant = subject.of(Some("a"), None);
    let files = EntryQuery {
        directories: false,
        ..everything(whole())
    };
    assert_eq!(subject.page(files, &tenant), ["/open", "/shared/a/x"]);
    let query = MetadataQuery {
        key: "k".to_owned(),
        value: MetadataValue::parse("k", "1.0").unwrap(),
        range: PathRange::all(),
        after: None,
        limit: usize::MAX,
    };
    let found = subject.store.find(&query, &tenant).unwrap();
    let found: Vec<&str> = found.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(found, ["/open", "/shared/a/x"]);
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
}

fn references_are_counted_over_what_is_visible(subject: &Subject) {
    let data = b"held by several, as a file";
    let hash = ContentHash::of(data);
    let count = |grant: &Grant| {
        let count = subject.store.content_count(&hash, grant).unwrap();
        count.map(|count| (count.references, count.size))
    };
    subject.commit(vec![
        subject.write("/shared/a/1", data),
        subject.write("/shared/a/1", data),
        subject.write("/shared/a/2", data),
        subject.write("/shared/b/1", data),
    ]);
    let size = data.len() as u64;
    let (a, b) = (subject.of(Some("a"), None), subject.of(Some("b"), None));
    assert_eq!(
        (count(&subject.all()), count(&a), count(&b)),
        (Some((3, size)), Some((2, size)), Some((1, size)))
    );
    subject.commit(vec![delete("/shared/b/1")]);
    assert_eq!(count(&b), None);
    subject.commit(vec![Change::RemoveDirectory {
        path: path("/shared"),
        recursive: true,
    }]);
    assert_eq!(count(&subject.all()), None);
    let removal = subject.store.begin_removal(LOCAL_BACKEND, 8, true, &call());
    assert_eq!(subject.remove(removal.unwrap()), [hash]);
    assert!(
        !content_file(subject, &hash).exists(),
        "the content outlived its last path"
    );
}

fn content_is_inline_or_a_file_that_is_in_place(subject: &Subject) {
    let large = b"longer than what is inline";
    subject.commit(vec![
        subject.write("/small", b"small"),
        subject.write("/large", large),
    ]);
    let grant = subject.all();
    for (at, data) in [("/small", &b"small"[..]), ("/large", large)] {
        let (entry, content) = subject.store.content(&path(at), &grant).unwrap().unwrap();
        let content = content.unwrap();
        assert_eq!(content.hash, ContentHash::of(data));
        assert_eq!(entry.file.unwrap().etag, content.hash);
        assert_eq!(content.data.is_some(), data.len() <= INLINE_MAX, "{at}");
        assert_eq!(
            content_file(subject, &content.hash).exists(),
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
}

fn orphans_are_what_no_path_holds(subject: &Subject) {
    let (held, orphan) = (
        &b"held by a path, as a file"[..],
        &b"held by nothing at all"[..],
    );
    subject.commit(vec![subject.write("/a", held)]);
    let NewContent::Staged(staged) = subject
        .placement
        .build(LOCAL_BACKEND, orphan, &call())
        .unwrap()
    else {
        panic!("is inline");
    };
    subject
        .placement
        .store(LOCAL_BACKEND)
        .unwrap()
        .publish(&[&*staged], &call())
        .unwrap();
    let hashes = [ContentHash::of(held), ContentHash::of(orphan)];
    let removal = subject
        .store
        .begin_removal_of(LOCAL_BACKEND, &hashes, &call());
    assert_eq!(subject.remove(removal.unwrap()), [hashes[1]]);
    assert_eq!(
        hashes.map(|hash| content_file(subject, &hash).exists()),
        [true, false]
    );
}

fn directories_above_the_own_part_exist_through_it_alone(subject: &Subject) {
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
    // What is above tells a condition or a copy no more than a list.
    let require = Change::Require {
        path: path("/workspace"),
        conditions: Conditions {
            if_none_match: true,
            ..Conditions::default()
        },
    };
    subject.try_commit(vec![require.clone()], &a).unwrap();
    assert_eq!(
        failed(subject.try_commit(vec![require], &b)).kind(),
        ErrorKind::Conflict
    );
    let copy =
        |grant| subject.try_commit(vec![Change::Copy(relocation("/workspace", "/copy"))], grant);
    let error = failed(copy(&a));
    assert_eq!(
        (error.kind(), error.path()),
        (ErrorKind::NotFound, Some("/workspace"))
    );
    copy(&b).unwrap();
    assert!(subject.entry("/copy/b/bot/x").is_some() && subject.entry("/copy/b/other").is_none());
}

fn metadata_is_kept_as_text_and_found_by_meaning(subject: &Subject) {
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
        key: "k".to_owned(),
        value: MetadataValue::parse("k", text).unwrap(),
        range: PathRange::all(),
        after: None,
        limit: 1,
    };
    let mut found = Vec::new();
    while let [entry] = &subject.store.find(&query, &grant).unwrap()[..] {
        found.push(entry.path.as_str().to_owned());
        query.after = found.last().cloned();
    }
    assert_eq!(found, ["/a", "/b"]);
    subject.commit(vec![
        Change::Rename(relocation("/a", "/moved")),
        delete("/b"),
    ]);
    assert_eq!(value("/moved").unwrap().unwrap(), text);
    assert_eq!(failed(value("/b")).kind(), ErrorKind::NotFound);
    subject.write_all(&["/b"]);
    assert_eq!(value("/b").unwrap(), None, "metadata outlived its file");
}

fn ids_stay_through_renames_and_overwrites_and_are_never_shared(subject: &Subject) {
    subject.write_all(&["/a"]);
    let id = |at: &str| subject.entry(at).unwrap().path_id.unwrap();
    let first = id("/a");
    subject.commit(vec![
        subject.write("/a", b"2"),
        Change::Copy(relocation("/a", "/copy")),
        Change::Rename(relocation("/a", "/d/e")),
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

fn backends_are_known_by_name_and_place(subject: &Subject) {
    let place = |uuid: &str| [(Arc::from("media"), uuid.to_owned())];
    let store = &subject.store;
    assert_eq!(store.backend_uuid("media", &call()).unwrap(), None);
    store.register_backends(&place("one"), &call()).unwrap();
    store.register_backends(&place("one"), &call()).unwrap();
    let error = store.register_backends(&place("two"), &call()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert_eq!(
        store.backend_uuid("media", &call()).unwrap().as_deref(),
        Some("one")
    );
}

fn an_interrupted_batch_leaves_nothing(subject: &Subject) {
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

fn commits_of_many_threads_all_count(subject: &Subject) {
    const THREADS: usize = 8;
    const COMMITS: usize = 10;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for commit in 0..COMMITS {
                    let own = subject.write(&format!("/{thread}/{commit}"), b"1");
                    subject.commit(vec![
                        own,
                        subject.write("/same", &[thread as u8, commit as u8]),
                    ]);
                    let bad = vec![
                        subject.write(&format!("/bad/{thread}"), b"1"),
                        delete("/missing"),
                    ];
                    failed(subject.try_commit(bad, &subject.all()));
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

fn content_file(subject: &Subject, hash: &ContentHash) -> std::path::PathBuf {
    let name = hash.to_string();
    subject
        .directory
        .path()
        .join("cas")
        .join(&name[..2])
        .join(name)
}

/// Runs the suite on the stores that `$open` makes in a directory.
macro_rules! conforms {
    ($name:ident, $open:expr, [$($behaviour:ident),* $(,)?]) => {
        mod $name {
            $(#[test]
            fn $behaviour() {
                super::$behaviour(&super::Subject::new($open));
            })*
        }
    };
}

fn sqlite(directory: &Path) -> Box<dyn MetadataStore> {
    let options = SqliteOptions {
        clock: Arc::new(SystemClock),
        cache_kib: 1024,
        housekeeping: false,
    };
    let uuid = "00000000-0000-7000-8000-000000000000";
    let opened = SqliteStore::open(&directory.join("metadata.db"), uuid, options, &call());
    Box::new(opened.unwrap().0)
}

conforms!(
    sqlite_store,
    super::sqlite,
    [
        a_commit_applies_in_order_and_returns_what_each_change_left,
        a_commit_that_fails_leaves_nothing_and_names_the_change,
        under_other_rules_nothing_is_done,
        pages_follow_the_bytes_of_paths,
        queries_stay_within_what_is_visible,
        references_are_counted_over_what_is_visible,
        content_is_inline_or_a_file_that_is_in_place,
        orphans_are_what_no_path_holds,
        directories_above_the_own_part_exist_through_it_alone,
        metadata_is_kept_as_text_and_found_by_meaning,
        ids_stay_through_renames_and_overwrites_and_are_never_shared,
        backends_are_known_by_name_and_place,
        an_interrupted_batch_leaves_nothing,
        commits_of_many_threads_all_count,
    ]
);

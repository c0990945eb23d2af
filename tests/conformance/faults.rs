//! Commits over contents that fail: all or nothing, and no content is lost that was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use nexusfs::call::{Call, Interrupts};
use nexusfs::config::Durability;
use nexusfs::content::{
    ContentHash, ContentStore, LOCAL_BACKEND, NewContent, Placement, Prepared, Publication, Staged,
};
use nexusfs::error::{ErrorKind, Result};
use nexusfs::metadata::{
    Change, Conditions, EntryQuery, Grant, MetadataStore, Reservation, Scope, StoreError, WriteSet,
};
use nexusfs::path::VirtualPath;
use nexusfs::range::{PathRange, Visible};
use nexusfs::sqlite::SystemClock;
use nexusfs_testkit::content::{FailingContents, Fault, MemoryContents, Operation, When};
use nexusfs_testkit::metadata::conformance::Database;

use crate::stores;

/// Longest content that is inline.
const INLINE_MAX: usize = 16;

fn call() -> Call {
    Interrupts::default().begin(Duration::from_secs(30))
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

/// What becomes of a file.
enum Wish {
    Write(Vec<u8>),
    Append(Vec<u8>),
    Delete,
}

/// A set of changes: of which files what becomes.
type Wishes = Vec<(&'static str, Wish)>;

/// A store over contents that fail, and what it has acknowledged.
struct Scene {
    store: Arc<dyn MetadataStore>,
    memory: MemoryContents,
    contents: FailingContents,
    placement: Arc<Placement>,
    /// The bytes of each file.
    acknowledged: BTreeMap<String, Vec<u8>>,
    /// Those of failed changes last, as where a process died.
    reservations: Vec<Reservation>,
    _database: Box<dyn Database>,
}

impl Scene {
    fn new(database: Box<dyn Database>, publication: Publication) -> Self {
        let memory = MemoryContents::new(publication);
        let contents = FailingContents::new(Arc::new(memory.clone()));
        let local: Arc<dyn ContentStore> = Arc::new(contents.clone());
        Scene {
            store: database.open(Arc::new(SystemClock)),
            placement: Arc::new(Placement::new(local, Vec::new(), INLINE_MAX)),
            memory,
            contents,
            acknowledged: BTreeMap::new(),
            reservations: Vec::new(),
            _database: database,
        }
    }

    fn grant(&self) -> Grant {
        Grant {
            rules: Arc::new(self.store.rules(&call()).unwrap()),
            visible: Arc::new(Visible::all()),
            call: call(),
        }
    }

    /// Makes one set of changes as the facade does: contents first, those of a backend that publishes before the commit put
    /// in place under a reservation; then the commit; then the removal of what it dropped.
    fn change(&mut self, wishes: &Wishes) -> Result<()> {
        let mut prepared = Prepared::default();
        let mut changes = Vec::new();
        let mut after = self.acknowledged.clone();
        let mut made = Vec::new();
        for (index, (at, wish)) in wishes.iter().enumerate() {
            let conditions = Conditions::default();
            changes.push(match wish {
                Wish::Write(data) => {
                    let content = self.placement.build(LOCAL_BACKEND, data, &call())?;
                    made.push(content.clone());
                    after.insert((*at).to_owned(), data.clone());
                    Change::Write {
                        path: path(at),
                        content,
                        backend: LOCAL_BACKEND.into(),
                        conditions,
                        mime_type: None,
                    }
                }
                Wish::Append(data) => {
                    let found = self.store.content(&path(at), &self.grant()).unwrap();
                    let base = found.and_then(|(_, content)| content).unwrap();
                    let hash = base.hash;
                    let reader = self.placement.open(base, &call())?;
                    let placement = &self.placement;
                    let content = placement.extend(LOCAL_BACKEND, reader, data, &call())?;
                    made.push(content.clone());
                    prepared.keep_extended(index, Some(hash), content);
                    after.entry((*at).to_owned()).or_default().extend(data);
                    Change::Append {
                        path: path(at),
                        data: Arc::new(data.clone()),
                        conditions,
                        mime_type: None,
                    }
                }
                Wish::Delete => {
                    after.remove(*at);
                    Change::Delete {
                        path: path(at),
                        conditions,
                    }
                }
            });
        }
        self.commit(changes, prepared, &made)?;
        self.acknowledged = after;
        self.remove_dropped();
        Ok(())
    }

    fn commit(
        &mut self,
        changes: Vec<Change>,
        mut prepared: Prepared,
        made: &[NewContent],
    ) -> Result<()> {
        if self.placement.publishes_before_commit(LOCAL_BACKEND)? {
            let staged: Vec<&dyn Staged> = made.iter().filter_map(staged_of).collect();
            let hashes: Vec<ContentHash> = staged.iter().map(|staged| staged.hash()).collect();
            let hour = Duration::from_secs(3600);
            let reserved = self.store.reserve(LOCAL_BACKEND, &hashes, hour, &call())?;
            let (id, held) = (reserved.id, reserved.held.clone());
            self.reservations.push(reserved);
            let is_missing =
                |staged: &&&dyn Staged| !held.contains(&staged.hash()) || !staged.is_in_place();
            let missing: Vec<_> = staged.iter().filter(is_missing).copied().collect();
            self.contents.publish(&missing, &call())?;
            for hash in hashes {
                prepared.keep_reserved(&LOCAL_BACKEND.into(), hash, id);
            }
        }
        let set = WriteSet {
            changes: Arc::new(changes),
            routes: Arc::clone(self.placement.routes()),
            prepared: Arc::new(prepared),
            publisher: Arc::clone(&self.placement) as _,
            durability: Durability::Normal,
        };
        match self.store.commit(set, &self.grant()) {
            Ok(_) => Ok(()),
            Err(StoreError::Failed(error)) => Err(error),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Removes what commits dropped. What fails here is not the commit's: it was acknowledged.
    fn remove_dropped(&self) {
        while let Some(removal) = self
            .store
            .begin_removal(LOCAL_BACKEND, 2, true, &call())
            .unwrap()
        {
            // The removal is dropped then, and taken up again by the next. Who uploads would wait half a minute for that.
            if self.contents.remove(&removal.hashes, &call()).is_err() {
                match self.contents.publication() {
                    Publication::UnderLock => break,
                    Publication::BeforeCommit => continue,
                }
            }
            self.store.end_removal(removal, &call()).unwrap();
        }
    }

    /// The names are those that were acknowledged, and each has its bytes.
    fn compare(&self, what: &str) {
        let query = EntryQuery {
            scope: Scope::Range(PathRange::all()),
            directories: false,
            after: None,
            limit: usize::MAX,
        };
        let mut found = Vec::new();
        let mut keep = |entry: nexusfs::metadata::EntryRef<'_>| found.push(entry.path.to_owned());
        self.store.page(&query, &self.grant(), &mut keep).unwrap();
        let expected: Vec<String> = self.acknowledged.keys().cloned().collect();
        assert_eq!(found, expected, "{what}");
        for (at, data) in &self.acknowledged {
            let (_, content) = self
                .store
                .content(&path(at), &self.grant())
                .unwrap()
                .unwrap();
            let read = self.placement.read(content.unwrap(), &call());
            assert!(
                matches!(&read, Ok(Some(read)) if read == data),
                "{at} has not the bytes that were acknowledged, but {read:?}: {what}"
            );
        }
    }
}

fn staged_of(content: &NewContent) -> Option<&dyn Staged> {
    match content {
        NewContent::Staged(staged) => Some(&**staged),
        _ => None,
    }
}

/// Returns bytes that are a file of the backend.
fn large(number: usize) -> Vec<u8> {
    format!("content {number}, which is kept as a file").into_bytes()
}

/// Sets of changes in which contents come, are shared, overwritten, extended, dropped, and come again.
fn history() -> Vec<Wishes> {
    let write = |number| Wish::Write(large(number));
    vec![
        vec![("/a", write(1)), ("/b", Wish::Write(b"small".to_vec()))],
        vec![("/c", write(1)), ("/d", write(2)), ("/e", write(3))],
        vec![("/a", write(4)), ("/d", Wish::Delete)],
        vec![("/c", Wish::Append(large(5))), ("/d", write(2))],
        vec![("/b", Wish::Append(large(6))), ("/e", write(2))],
        vec![("/c", Wish::Delete), ("/a", write(3))],
        vec![("/a", Wish::Append(b"!".to_vec())), ("/f", write(3))],
        vec![
            ("/a", Wish::Delete),
            ("/d", Wish::Delete),
            ("/e", Wish::Delete),
        ],
        vec![("/e", write(4)), ("/d", write(3)), ("/f", Wish::Delete)],
    ]
}

/// Makes all changes while one call fails; returns whether it came to that call. Leaves an empty store.
fn run(scene: &mut Scene, publication: Publication, fault: Fault) -> bool {
    let mut calls_left = Some(fault.number);
    for (number, wishes) in history().iter().enumerate() {
        let faults = calls_left.map(|number| Fault { number, ..fault });
        scene.contents.fail(faults.as_slice());
        let outcome = scene.change(wishes);
        let calls = scene.contents.calls(fault.operation);
        calls_left = calls_left.and_then(|left| left.checked_sub(calls));
        scene.contents.fail(&[]);
        let what = format!("{fault:?} of {publication:?}, step {number}: {outcome:?}");
        scene.compare(&what);
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Io, "{what}");
            // The same again succeeds.
            let again = scene.change(wishes);
            again.unwrap_or_else(|error| panic!("{what}, then {error}"));
            scene.compare(&what);
        }
    }
    // What is not named can be removed, and nothing else goes.
    let store = &scene.store;
    for reservation in scene.reservations.drain(..) {
        store.release(&reservation, &call()).unwrap();
    }
    scene.remove_dropped();
    let all = scene.memory.hashes();
    let unnamed = store
        .begin_removal_of(LOCAL_BACKEND, &all, &call())
        .unwrap();
    if let Some(removal) = unnamed {
        scene.contents.remove(&removal.hashes, &call()).unwrap();
        store.end_removal(removal, &call()).unwrap();
    }
    let large = scene
        .acknowledged
        .values()
        .filter(|data| data.len() > INLINE_MAX);
    let named: BTreeSet<_> = large.map(|data| ContentHash::of(data)).collect();
    assert_eq!(
        scene.memory.hashes(),
        named.into_iter().collect::<Vec<_>>(),
        "{fault:?}"
    );
    scene.compare(&format!("{fault:?} of {publication:?}, at the end"));
    let rest = ["/b", "/c", "/d", "/e"].map(|at| (at, Wish::Delete));
    let rest = rest
        .into_iter()
        .filter(|(at, _)| scene.acknowledged.contains_key(*at));
    let rest = rest.collect();
    scene.change(&rest).unwrap();
    assert!(scene.acknowledged.is_empty());
    calls_left.is_none()
}

/// Has each call of each kind that commits make fail in turn: before it did anything, and where it leaves something, after that.
fn fail_everywhere(create: fn() -> Box<dyn Database>, publication: Publication) {
    let mut scene = Scene::new(create(), publication);
    for operation in Operation::ALL {
        let leaves = matches!(operation, Operation::Publish | Operation::Remove);
        let whens = [When::Before, When::After];
        let mut number = 0;
        for when in whens.into_iter().take(1 + usize::from(leaves)) {
            number = 0;
            let fault = |number| Fault {
                operation,
                number,
                when,
            };
            while run(&mut scene, publication, fault(number)) {
                number += 1;
            }
        }
        let is_made = matches!(
            operation,
            Operation::Stage
                | Operation::Write
                | Operation::Finish
                | Operation::Publish
                | Operation::Open
                | Operation::Read
                | Operation::Remove
        );
        assert_eq!(number > 0, is_made, "{number} calls of {operation:?}");
    }
}

#[test]
fn a_commit_under_lock_is_all_or_nothing_whatever_fails_in_memory() {
    fail_everywhere(stores::memory, Publication::UnderLock);
}

#[test]
fn a_commit_under_lock_is_all_or_nothing_whatever_fails_in_sqlite() {
    fail_everywhere(stores::Sqlite::create, Publication::UnderLock);
}

#[test]
fn an_upload_and_its_commit_are_all_or_nothing_whatever_fails_in_memory() {
    fail_everywhere(stores::memory, Publication::BeforeCommit);
}

#[test]
fn an_upload_and_its_commit_are_all_or_nothing_whatever_fails_in_sqlite() {
    fail_everywhere(stores::Sqlite::create, Publication::BeforeCommit);
}

//! The store under test, and how cases ask it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexusfs_core::access::{Identity, Policy};
use nexusfs_core::call::{Call, Interrupts};
use nexusfs_core::clock::{Clock, ManualClock};
use nexusfs_core::config::Durability;
use nexusfs_core::content::{
    ContentHash, ContentStore, LOCAL_BACKEND, Mount, Placement, Prepared, Publication, Publisher,
};
use nexusfs_core::error::Error;
use nexusfs_core::metadata::{
    Change, Claim, Committed, Conditions, Entry, EntryQuery, EntryRef, FileInfo, Grant,
    MetadataStore, Removal, StoreError, StoreResult, WriteSet,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::{PathRange, Visible};
use nexusfs_core::time::Micros;
use nexusfs_core::work::{LeaseToken, WorkItem};

use super::changes::path;
use crate::content::MemoryContents;

/// Longest content that is inline.
pub(super) const INLINE_MAX: usize = 16;
/// A second backend, and where it is mounted. What it takes is published before the commit.
pub(super) const MEDIA: &str = "media";
pub(super) const SECOND: Micros = 1_000_000;
/// When cases begin, by the clock of the wall.
pub(super) const BEGINNING: Micros = 1_700_000_000 * SECOND;

/// What keeps the metadata of one store, which any number of processes may open. Empty at first.
pub trait Database: Send + Sync {
    /// Opens the store, as one more process does; `clock` tells it the time.
    fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn MetadataStore>;

    /// Returns a directory for copies of it, where the store is a database file.
    fn directory(&self) -> Option<&Path> {
        None
    }
}

/// An empty store, two backends for contents, and clocks that stand still.
pub struct Subject {
    /// The store.
    pub store: Arc<dyn MetadataStore>,
    /// The backends: the store's own, and one that is mounted at `/media`.
    pub placement: Arc<Placement>,
    /// What moves the time.
    pub clock: Arc<ManualClock>,
    /// The last: it may be a directory, which is removed when its store is closed.
    pub database: Box<dyn Database>,
}

impl Subject {
    /// Opens the store of `database`.
    pub fn new(database: Box<dyn Database>) -> Self {
        let clock = clock_of_boot(1, BEGINNING);
        let store = database.open(Arc::clone(&clock) as _);
        let local = Arc::new(MemoryContents::new(Publication::UnderLock));
        let media = Mount {
            name: MEDIA.into(),
            path: path("/media"),
            store: Arc::new(MemoryContents::new(Publication::BeforeCommit)),
            readonly: false,
        };
        let places = [(Arc::from(MEDIA), "place-of-media".to_owned())];
        store.register_backends(&places, &call()).unwrap();
        Subject {
            store,
            placement: Arc::new(Placement::new(local, vec![media], INLINE_MAX)),
            clock,
            database,
        }
    }

    /// Opens the store once more, as another process does.
    pub(super) fn open_again(&self) -> Arc<dyn MetadataStore> {
        self.database.open(Arc::clone(&self.clock) as _)
    }

    /// Lets time pass.
    pub(super) fn pass(&self, time: Micros) {
        self.clock.advance(time);
    }

    pub(super) fn wall(&self) -> Micros {
        self.clock.wall()
    }

    /// Returns a grant of everything under the rules as they are.
    pub(super) fn all(&self) -> Grant {
        self.seeing(Visible::all())
    }

    pub(super) fn seeing(&self, visible: Visible) -> Grant {
        let call = call();
        Grant {
            rules: Arc::new(self.store.rules(&call).unwrap()),
            visible: Arc::new(visible),
            call,
        }
    }

    /// Returns the policy of `tenant` and `agent`.
    pub(super) fn policy(&self, tenant: Option<&str>, agent: Option<&str>) -> Policy {
        let identity = Identity {
            tenant: tenant.map(str::to_owned),
            agent: agent.map(str::to_owned),
            ..Identity::default()
        };
        let rules = Arc::new(self.store.rules(&call()).unwrap());
        Policy::new(identity, rules, Arc::new([]))
    }

    /// Returns the grant of what `tenant` and `agent` may read.
    pub(super) fn of(&self, tenant: Option<&str>, agent: Option<&str>) -> Grant {
        self.seeing(self.policy(tenant, agent).visible().as_ref().clone())
    }

    /// Returns the set of `changes`, with contents that were made for them beforehand.
    pub(super) fn set(&self, changes: Vec<Change>, prepared: Prepared) -> WriteSet {
        WriteSet {
            changes: Arc::new(changes),
            routes: Arc::clone(self.placement.routes()),
            prepared: Arc::new(prepared),
            publisher: Arc::clone(&self.placement) as Arc<dyn Publisher>,
            durability: Durability::Normal,
        }
    }

    pub(super) fn try_commit(
        &self,
        changes: Vec<Change>,
        grant: &Grant,
    ) -> StoreResult<Vec<Option<Entry>>> {
        let committed = self
            .store
            .commit(self.set(changes, Prepared::default()), grant)?;
        Ok(committed.entries)
    }

    pub(super) fn try_commit_prepared(
        &self,
        changes: Vec<Change>,
        prepared: Prepared,
    ) -> StoreResult<Committed> {
        self.store.commit(self.set(changes, prepared), &self.all())
    }

    #[track_caller]
    pub(super) fn commit(&self, changes: Vec<Change>) -> Vec<Option<Entry>> {
        self.try_commit(changes, &self.all()).unwrap()
    }

    /// Returns why the commit of `changes` fails.
    #[track_caller]
    pub(super) fn refusal(&self, changes: Vec<Change>) -> Error {
        failed(self.try_commit(changes, &self.all()))
    }

    #[track_caller]
    pub(super) fn write_all(&self, paths: &[&str]) {
        let writes = paths.iter().map(|path| self.write(path, path.as_bytes()));
        self.commit(writes.collect());
    }

    /// Returns a write of `data` to `at`, in the backend that takes it there.
    pub(super) fn write(&self, at: &str, data: &[u8]) -> Change {
        let backend = self.placement.routes().backend_for(at);
        Change::Write {
            path: path(at),
            content: self.placement.build(backend, data, &call()).unwrap(),
            backend: Arc::clone(backend),
            conditions: Conditions::default(),
            mime_type: None,
        }
    }

    #[track_caller]
    pub(super) fn entry(&self, at: &str) -> Option<Entry> {
        self.store.entry(&path(at), &self.all()).unwrap()
    }

    /// Returns the bytes of the file at `at`.
    #[track_caller]
    pub(super) fn read(&self, at: &str) -> Vec<u8> {
        let (_, content) = self.store.content(&path(at), &self.all()).unwrap().unwrap();
        self.placement
            .read(content.unwrap(), &call())
            .unwrap()
            .unwrap()
    }

    pub(super) fn entries(&self, query: &EntryQuery, grant: &Grant) -> StoreResult<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut keep = |found: EntryRef<'_>| entries.push(owned(found));
        self.store.page(query, grant, &mut keep)?;
        Ok(entries)
    }

    pub(super) fn page(&self, query: EntryQuery, grant: &Grant) -> Vec<String> {
        paths_of(&self.entries(&query, grant).unwrap())
    }

    /// Returns the JSON text of a key.
    #[track_caller]
    pub(super) fn value(&self, at: &str, key: &str) -> Option<String> {
        self.store
            .metadata_value(&path(at), key, &self.all())
            .unwrap()
    }

    pub(super) fn status(&self, at: &str) -> String {
        self.value(at, "status").unwrap_or_default()
    }

    pub(super) fn backend(&self, name: &str) -> &dyn ContentStore {
        &**self.placement.store(name).unwrap()
    }

    /// Returns whether the store's own backend has the content.
    pub(super) fn is_in_place(&self, hash: &ContentHash) -> bool {
        let local = self.backend(LOCAL_BACKEND);
        local.size_of(hash, &call()).unwrap().is_some()
    }

    /// Removes the bytes of what was begun to be removed, and returns what that is.
    pub(super) fn remove(&self, removal: Option<Removal>) -> Vec<ContentHash> {
        let Some(removal) = removal else {
            return Vec::new();
        };
        let removed = removal.hashes.clone();
        let backend = self.backend(&removal.backend);
        backend.remove(&removed, &call()).unwrap();
        self.store.end_removal(removal, &call()).unwrap();
        removed
    }

    /// Claims for a handle that may take everything.
    #[track_caller]
    pub(super) fn claim(&self, max: usize, lease: Micros) -> Vec<WorkItem> {
        self.claim_of(&self.policy(None, None), None, max, lease)
    }

    #[track_caller]
    pub(super) fn claim_of(
        &self,
        policy: &Policy,
        prefix: Option<&str>,
        max: usize,
        lease: Micros,
    ) -> Vec<WorkItem> {
        let grant = self.seeing(policy.visible().as_ref().clone());
        self.store
            .claim(claim(policy, prefix, max, lease), &grant)
            .unwrap()
    }

    /// Claims the one item that there is.
    #[track_caller]
    pub(super) fn claim_one(&self, lease: Micros) -> LeaseToken {
        let claimed = self.claim(1, lease);
        assert_eq!(claimed.len(), 1, "nothing was claimed");
        LeaseToken::new(claimed[0].lease).unwrap()
    }
}

pub(super) fn claim(policy: &Policy, prefix: Option<&str>, max: usize, lease: Micros) -> Claim {
    Claim {
        worker_id: "worker".to_owned(),
        max,
        lease,
        scope: policy.claimable(prefix.map(PathRange::with_prefix)),
        durability: Durability::Normal,
    }
}

/// Returns clocks in the boot called `boot`.
pub(super) fn clock_of_boot(boot: u32, wall: Micros) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(
        wall,
        100 * SECOND,
        &format!("boot {boot}"),
    ))
}

pub(super) fn call() -> Call {
    Interrupts::default().begin(Duration::from_secs(30))
}

/// Returns a call that waits for nobody.
pub(super) fn impatient() -> Call {
    Interrupts::default().begin(Duration::from_millis(30))
}

#[track_caller]
pub(super) fn failed<T: std::fmt::Debug>(result: StoreResult<T>) -> Error {
    match result {
        Err(StoreError::Failed(error)) => error,
        other => panic!("should fail, but is {other:?}"),
    }
}

pub(super) fn paths_of(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.path.to_string()).collect()
}

pub(super) fn names_of(items: &[WorkItem]) -> Vec<&str> {
    items.iter().map(|item| item.path.as_str()).collect()
}

fn owned(found: EntryRef<'_>) -> Entry {
    Entry {
        path: VirtualPath::parse(found.path).unwrap(),
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
    }
}

//! A second store of metadata: maps behind one lock. Simple, slow and correct, it shows what a store has to do, and that
//! nothing but the traits says so.
//!
//! A commit works on a copy of everything, which takes the place of the original: all or nothing. Claims go through all
//! items. The time decides at each question, so nothing is promoted, delayed or expired before somebody asks.
//!
//! | what | where |
//! |---|---|
//! | the maps | `state` |
//! | what a commit does | `transaction`, `files`, `relocate`, `contents`, `imports`, `work` |
//! | what is read; claims | `queries`, `claims` |
//! | which contents are needed; who removes some | `references`, `pins` |

mod claims;
mod contents;
mod files;
mod imports;
mod pins;
mod queries;
mod references;
mod relocate;
mod state;
mod transaction;
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexusfs_core::access::{ClaimScope, NamespaceRule, Rules};
use nexusfs_core::call::Call;
use nexusfs_core::clock::Clock;
use nexusfs_core::content::{ContentHash, Staged, StoredContent};
use nexusfs_core::error::{Error, Result};
use nexusfs_core::metadata::{
    Catalog, Claim, Committed, ContentCount, ContentCursor, ContentKey, ContentRow, DescribedEntry,
    Duplicates, Entry, EntryQuery, EntryRef, Grant, Ledger, MetadataQuery, MetadataStore, Paged,
    PendingDeletions, Queue, References, Removal, Reservation, StorageReport, StoreError,
    StoreResult, Supply, Watch, WriteSet,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::{Explanation, WorkCounts, WorkItem, WorkView};
use parking_lot::{Condvar, Mutex};

use self::pins::Pins;
use self::state::{Now, State, virtual_path};
use self::transaction::Transaction;
use super::conformance::Database;

/// Bits of a moment of the boot clock for the microseconds of one boot. The moments of an earlier boot come before all of a
/// later one.
const BOOT_BITS: u32 = 48;
/// How soon a wait hears of an interrupt.
const PAUSE: Duration = Duration::from_millis(5);
/// How far lease tokens are raised.
const RAISED: i64 = 1 << 26;

/// What keeps the metadata of one store, as long as somebody has it: what a database file is to processes.
#[derive(Debug)]
pub struct MemoryDatabase {
    state: Mutex<State>,
    /// Raised by each change that could make something claimable.
    changes: Mutex<u64>,
    changed: Condvar,
    pins: Pins,
}

impl MemoryDatabase {
    /// Returns an empty database of a store whose own backend is in the place `uuid`.
    pub fn new(uuid: &str) -> Arc<Self> {
        Arc::new(MemoryDatabase {
            state: Mutex::new(State::new(uuid)),
            changes: Mutex::default(),
            changed: Condvar::new(),
            pins: Pins::default(),
        })
    }

    fn note_change(&self) {
        *self.changes.lock() += 1;
        self.changed.notify_all();
    }
}

impl Database for Arc<MemoryDatabase> {
    fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn MetadataStore> {
        Arc::new(MemoryStore::open(self, clock).expect("the clock tells the boot"))
    }
}

/// A store of metadata in memory.
#[derive(Debug)]
pub struct MemoryStore {
    database: Arc<MemoryDatabase>,
    clock: Arc<dyn Clock>,
    boot: i64,
}

impl MemoryStore {
    /// Opens the store of `database`, as one more process does; `clock` tells it the time.
    ///
    /// # Errors
    /// Those of the clock.
    pub fn open(database: &Arc<MemoryDatabase>, clock: Arc<dyn Clock>) -> Result<Self> {
        let boot = database.state.lock().enter_boot(&clock.boot_id()?);
        Ok(MemoryStore {
            database: Arc::clone(database),
            clock,
            boot,
        })
    }

    fn now(&self) -> Now {
        Now {
            wall: self.clock.wall(),
            boot: (self.boot << BOOT_BITS) + self.clock.since_boot(),
        }
    }

    /// Runs `work` on the state, if the rules are those of the grant.
    fn read<T>(&self, grant: &Grant, work: impl FnOnce(&State) -> Result<T>) -> StoreResult<T> {
        let state = self.database.state.lock();
        grant.call.check()?;
        match state.rules.version == grant.rules.version {
            true => Ok(work(&state)?),
            false => Err(StoreError::RulesChanged),
        }
    }
}

/// Why a set of changes was not applied.
enum Refusal {
    Store(StoreError),
    Awaits(state::ContentName),
}

impl MemoryStore {
    fn try_commit(&self, set: &WriteSet, grant: &Grant) -> Result<Committed, Refusal> {
        let mut state = self.database.state.lock();
        if state.rules.version != grant.rules.version {
            return Err(Refusal::Store(StoreError::RulesChanged));
        }
        let failed = |error: Error| Refusal::Store(error.into());
        let mut transaction = Transaction::new(&state, grant, set, self.now());
        let applied = transaction.apply();
        // Before what failed, which may be for want of them.
        if let Some(awaited) = transaction.awaited {
            return Err(Refusal::Awaits(awaited));
        }
        if !transaction.unprepared.is_empty() {
            return Err(Refusal::Store(StoreError::Unprepared(
                transaction.unprepared,
            )));
        }
        let entries = applied.map_err(failed)?;
        let mut staged = transaction.staged;
        staged.sort_by(|a, b| a.0.cmp(&b.0));
        for of_backend in staged.chunk_by(|a, b| a.0 == b.0) {
            let contents: Vec<&dyn Staged> =
                of_backend.iter().map(|(_, staged)| &**staged).collect();
            let published = set
                .publisher
                .publish(&of_backend[0].0, &contents, &grant.call);
            published.map_err(failed)?;
        }
        *state = transaction.state;
        drop(state);
        if transaction.supplied {
            self.database.note_change();
        }
        Ok(Committed {
            entries,
            has_dropped: transaction.has_dropped,
        })
    }
}

/// There are no rows that something could be wrong with, and no file to be copied: it has no upkeep.
impl MetadataStore for MemoryStore {}

impl Catalog for MemoryStore {
    fn rules(&self, _: &Call) -> Result<Rules> {
        Ok(self.database.state.lock().rules.clone())
    }

    fn entry(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Option<Entry>> {
        self.read(grant, |state| Ok(state.entry(path.as_str())))
    }

    fn gate_exists(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool> {
        self.read(grant, |state| {
            let visible = state.resolve(&grant.visible);
            let gates = state.gates(&visible, &PathRange::of_path(path.as_str()));
            Ok(!gates.is_empty())
        })
    }

    fn entries(&self, paths: &[VirtualPath], grant: &Grant) -> StoreResult<Vec<Option<Entry>>> {
        self.read(grant, |state| {
            Ok(paths
                .iter()
                .map(|path| state.entry(path.as_str()))
                .collect())
        })
    }

    fn content(
        &self,
        path: &VirtualPath,
        grant: &Grant,
    ) -> StoreResult<Option<(Entry, Option<StoredContent>)>> {
        self.read(grant, |state| {
            let Some(entry) = state.entry(path.as_str()) else {
                return Ok(None);
            };
            let file = state.file(path.as_str());
            let content = file.map(|file| state.load(&file.content())).transpose()?;
            Ok(Some((entry, content)))
        })
    }

    fn path_of_id(&self, id: PathId, grant: &Grant) -> StoreResult<Option<VirtualPath>> {
        self.read(grant, |state| {
            let path = state.path_of_id(id);
            let seen = path.filter(|path| grant.visible.contains(path));
            Ok(seen.map(virtual_path))
        })
    }

    fn page(
        &self,
        query: &EntryQuery,
        grant: &Grant,
        found: &mut dyn FnMut(EntryRef<'_>),
    ) -> StoreResult<()> {
        self.read(grant, |state| {
            queries::page(state, query, &state.resolve(&grant.visible), found);
            Ok(())
        })
    }

    fn described_page(
        &self,
        query: &EntryQuery,
        bytes: usize,
        grant: &Grant,
    ) -> StoreResult<Vec<DescribedEntry>> {
        self.read(grant, |state| {
            let mut described: Vec<DescribedEntry> = Vec::new();
            let mut taken = 0;
            let mut describe = |found: EntryRef<'_>| {
                if taken >= bytes && !described.is_empty() {
                    return;
                }
                // A directory above the own part exists for the caller alone.
                let is_gate = !grant.visible.contains(found.path);
                let values = match is_gate {
                    true => Vec::new(),
                    false => queries::all_values(state, found.path),
                };
                taken += values.iter().map(|(_, json)| json.len()).sum::<usize>();
                let entry = Entry {
                    path: virtual_path(found.path),
                    path_id: found.path_id,
                    created_at: found.created_at,
                    modified_at: found.modified_at,
                    file: state.entry(found.path).and_then(|entry| entry.file),
                };
                described.push((entry, values));
            };
            queries::page(state, query, &state.resolve(&grant.visible), &mut describe);
            Ok(described)
        })
    }

    fn metadata_value(
        &self,
        path: &VirtualPath,
        key: &str,
        grant: &Grant,
    ) -> StoreResult<Option<String>> {
        let values = self.metadata(path, grant)?;
        let found = values.into_iter().find(|(known, _)| known == key);
        Ok(found.map(|(_, json)| json))
    }

    fn metadata(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Vec<(String, String)>> {
        self.read(grant, |state| {
            queries::require_described(state, path.as_str())?;
            Ok(queries::all_values(state, path.as_str()))
        })
    }

    fn find(&self, query: &MetadataQuery, grant: &Grant) -> StoreResult<Vec<Entry>> {
        self.read(grant, |state| {
            let paths = queries::find(state, query, &state.resolve(&grant.visible))?;
            Ok(paths.iter().filter_map(|path| state.entry(path)).collect())
        })
    }

    fn content_count(
        &self,
        hash: &ContentHash,
        grant: &Grant,
    ) -> StoreResult<Option<ContentCount>> {
        self.read(grant, |state| {
            let visible = state.resolve(&grant.visible);
            Ok(queries::content_count(state, hash, &visible))
        })
    }

    fn duplicates(
        &self,
        range: &PathRange,
        after: &str,
        grant: &Grant,
    ) -> StoreResult<Paged<Duplicates, String>> {
        self.read(grant, |state| {
            let ranges = state.resolve(&grant.visible).within(range);
            Ok(queries::duplicates(state, &ranges, after))
        })
    }

    fn storage_report(&self, rules: &Rules, grant: &Grant) -> StoreResult<StorageReport> {
        self.read(grant, |state| {
            let visible = state.resolve(&grant.visible);
            Ok(queries::storage_report(state, &visible, rules))
        })
    }

    fn forget_cached(&self) {}
}

impl Ledger for MemoryStore {
    fn commit(&self, set: WriteSet, grant: &Grant) -> StoreResult<Committed> {
        loop {
            match self.try_commit(&set, grant) {
                Ok(committed) => return Ok(committed),
                Err(Refusal::Store(error)) => return Err(error),
                Err(Refusal::Awaits(name)) => self.await_removal(&name, false, &grant.call)?,
            }
        }
    }

    fn declare_namespaces(
        &self,
        declared: &[(NamespaceRule, bool)],
        admin: bool,
        _: &Call,
    ) -> Result<()> {
        let mut state = self.database.state.lock();
        let mut rules: Vec<NamespaceRule> = state.rules.iter().cloned().collect();
        let mut changed = false;
        for (wanted, remove) in declared {
            let name = &wanted.name;
            let known = state.rules.get(name);
            let is_change = match known {
                Some(known) => *remove || known != wanted,
                None => !remove,
            };
            if !is_change {
                continue;
            }
            let root = format!("/{name}");
            let mut ranges = state::tree(&root).into_iter();
            let refused = match known {
                Some(known) if known.builtin => "is built in",
                _ if admin => "",
                Some(_) => "is registered with other rules; changing it takes an admin",
                None if ranges.any(|range| state.names_in(&range).next().is_some()) => {
                    "is not empty; registering it takes an admin"
                }
                None => "",
            };
            if !refused.is_empty() {
                let what = format!("namespaces: '{name}' {refused}");
                return Err(Error::invalid_config(what));
            }
            changed = true;
            rules.retain(|rule| rule.name != *name);
            if !remove {
                rules.push(NamespaceRule {
                    requires_agent: false,
                    builtin: false,
                    ..wanted.clone()
                });
            }
        }
        if changed {
            state.rules = Rules::new(state.rules.version + 1, rules);
        }
        Ok(())
    }

    fn register_backends(&self, backends: &[(Arc<str>, String)], _: &Call) -> Result<()> {
        let mut state = self.database.state.lock();
        let mut known = state.backends.clone();
        for (name, uuid) in backends {
            match known.iter().find(|(known, _)| known == name) {
                Some((_, place)) if place == uuid => {}
                Some(_) => {
                    let what = format!("the backend '{name}' is known in another place");
                    return Err(Error::invalid_config(what));
                }
                None => known.push((Arc::clone(name), uuid.clone())),
            }
        }
        state.backends = known;
        Ok(())
    }

    fn backend_uuid(&self, name: &str, _: &Call) -> Result<Option<String>> {
        let state = self.database.state.lock();
        let found = state.backends.iter().find(|(known, _)| **known == *name);
        Ok(found.map(|(_, uuid)| uuid.clone()))
    }
}

impl Queue for MemoryStore {
    fn claim(&self, claim: Claim, grant: &Grant) -> StoreResult<Vec<WorkItem>> {
        let mut state = self.database.state.lock();
        grant.call.check()?;
        if state.rules.version != grant.rules.version {
            return Err(StoreError::RulesChanged);
        }
        let now = self.now();
        Ok(claims::claim(&mut state, &claim, &grant.rules, now))
    }

    fn supply(&self, scope: &ClaimScope, grant: &Grant) -> StoreResult<Supply> {
        self.read(grant, |state| Ok(claims::supply(state, scope, self.now())))
    }

    fn work(&self, view: WorkView, limit: usize, grant: &Grant) -> StoreResult<Vec<WorkItem>> {
        self.read(grant, |state| {
            let visible = state.resolve(&grant.visible);
            let (rules, now) = (&grant.rules, self.now());
            Ok(queries::view(state, view, limit, &visible, rules, now))
        })
    }

    fn work_counts(&self, range: &PathRange, grant: &Grant) -> StoreResult<WorkCounts> {
        self.read(grant, |state| {
            let visible = state.resolve(&grant.visible);
            Ok(queries::counts(state, range, &visible, self.now()))
        })
    }

    fn explain(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Explanation> {
        self.read(grant, |state| {
            queries::explain(state, path, grant, self.now())
        })
    }

    fn is_leased(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool> {
        self.read(grant, |state| {
            let item = state.items.get(path.as_str());
            Ok(item.is_some_and(|item| item.is_leased(self.now())))
        })
    }

    /// What other stores have given out is not known: this one has a sequence of its own.
    fn pass_over_leases(&self, _: &Call) -> Result<()> {
        self.database.state.lock().newest_token += RAISED;
        Ok(())
    }

    fn watch(&self, _: &Call) -> Result<Box<dyn Watch + '_>> {
        Ok(Box::new(Watching {
            database: &self.database,
            seen: *self.database.changes.lock(),
        }))
    }
}

/// One who waits.
struct Watching<'a> {
    database: &'a MemoryDatabase,
    seen: u64,
}

impl Watch for Watching<'_> {
    fn wait(&mut self, deadline: Option<Instant>, call: &Call) -> Result<bool> {
        let mut changes = self.database.changes.lock();
        loop {
            call.check()?;
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if *changes != self.seen || left.is_some_and(|left| left.is_zero()) {
                return Ok(std::mem::replace(&mut self.seen, *changes) != *changes);
            }
            let pause = left.map_or(PAUSE, |left| left.min(PAUSE));
            self.database.changed.wait_for(&mut changes, pause);
        }
    }
}

impl References for MemoryStore {
    fn reserve(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        time: Duration,
        call: &Call,
    ) -> Result<Reservation> {
        self.reserve_for(backend, hashes, time, call)
    }

    fn release(&self, reservation: &Reservation, _: &Call) -> Result<()> {
        let mut state = self.database.state.lock();
        state
            .reservations
            .retain(|(id, _), _| *id != reservation.id);
        Ok(())
    }

    fn has_pending_deletions(&self, backend: &str, _: &Call) -> Result<bool> {
        let state = self.database.state.lock();
        Ok(state.pending.keys().any(|(name, _)| **name == *backend))
    }

    fn begin_removal(
        &self,
        backend: &str,
        limit: usize,
        wait: bool,
        call: &Call,
    ) -> Result<Option<Removal>> {
        self.begin_pending(backend, limit, wait, call)
    }

    fn begin_removal_of(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> Result<Option<Removal>> {
        self.begin_orphans(backend, hashes, call)
    }

    fn end_removal(&self, removal: Removal, _: &Call) -> Result<()> {
        self.end(&removal);
        Ok(())
    }

    fn pin(&self, call: &Call) -> Result<Box<dyn Send>> {
        Ok(Box::new(self.database.pins.pin(call)?))
    }

    fn unreferenced(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        _: &Call,
    ) -> Result<Vec<ContentHash>> {
        self.orphans(backend, hashes)
    }

    fn visit_pending_deletions(
        &self,
        found: &mut dyn FnMut(&PendingDeletions) -> Result<()>,
        _: &Call,
    ) -> Result<()> {
        self.pending_deletions().iter().try_for_each(found)
    }

    fn contents(
        &self,
        after: Option<&ContentCursor>,
        with_data: bool,
        _: &Call,
    ) -> Result<Paged<ContentRow, ContentCursor>> {
        let after = match after {
            Some(cursor) => match cursor.0.as_slice().try_into() {
                Ok(bytes) => i64::from_be_bytes(bytes),
                Err(_) => return Err(Error::internal("a cursor of another store")),
            },
            None => i64::MIN,
        };
        let (rows, next) = queries::contents(&self.database.state.lock(), after, with_data);
        let next = next.map(|id| ContentCursor(id.to_be_bytes().to_vec()));
        Ok((rows, next))
    }

    fn paths_of_content(
        &self,
        content: &ContentKey,
        limit: usize,
        _: &Call,
    ) -> Result<(Vec<String>, u64)> {
        let state = self.database.state.lock();
        let found = state.content_of_id(content.id);
        let Some((name, _)) =
            found.filter(|(name, _)| content.hash.is_none_or(|hash| name.1 == hash))
        else {
            return Ok((Vec::new(), 0));
        };
        let paths: Vec<String> = state.holders(name).map(str::to_owned).collect();
        let count = paths.len() as u64;
        Ok((paths.into_iter().take(limit).collect(), count))
    }
}

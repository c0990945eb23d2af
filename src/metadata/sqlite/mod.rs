//! Metadata in SQLite.
//!
//! | what | where |
//! |---|---|
//! | SQLite itself: statements, errors, files | `driver` |
//! | connections, tables, rows | `db` |
//! | what commits leave in the WAL | `wal` |
//! | the work queue | `queue` |
//! | what is read | `read` |
//! | what is written: the queue of commits, and what each change does | `write` |
//! | checking, repairing and copying the whole | `upkeep` |
//! | opening all of it; contents that are removed or reserved; the store as one that repairs | `opening`, `references`, `mending` |

mod db;
mod driver;
mod mending;
mod opening;
mod queue;
mod read;
mod references;
mod upkeep;
mod wal;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::db::backends::{self, BackendCache, BackendNames};
use self::db::time::Time;
use self::db::{connection, lease_tokens, rows, visible};
use self::driver::reserve::KeptReserve;
use self::driver::statements::Connection;
pub use self::opening::store_uuid;
use self::read::readers::Readers;
use self::read::{duplicates, entries, find, listing, statistics};
use self::references::Syncing;
use self::upkeep::{check, copy};
use self::wal::checkpoint::{self, Checkpointer};
use self::wal::watch::Changes;
use self::write::commit_queue::Writer;
use self::write::member::Refusal;
use self::write::pins::Pins;
use self::write::{namespaces, removal};
use super::{
    ChangeSet, CheckedRows, Claim, Committed, ContentCount, ContentRow, CopyIdentity,
    DescribedEntry, Duplicates, Entry, EntryCollector, EntryQuery, EntryRef, Grant, MetadataCopy,
    MetadataMender, MetadataQuery, MetadataStore, Paged, PendingDeletions, Removal, Reservation,
    RowCursor, StorageReport, StoreResult, Supply,
};
use crate::access::{ClaimScope, NamespaceRule, Rules};
use crate::call::Call;
use crate::clock::Clock;
use crate::config::Durability;
use crate::content::{ContentHash, StoredContent};
use crate::error::{Error, ErrorKind, Result};
use crate::path::VirtualPath;
use crate::path_id::PathId;
use crate::range::PathRange;
use crate::work::{Explanation, WorkCounts, WorkItem, WorkView, is_work_key};

/// Of a call that two readings of the database disagree about.
const READ_WRONGLY: &str = "the database was read wrongly, and then differently; try again";

/// What an engine asks of its database.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Bound of all page caches together, in KiB.
    pub cache_kib: u32,
    /// Checkpoints are made by a thread; else by those who commit.
    pub housekeeping: bool,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// The metadata of one store, in one database.
pub struct SqliteStore {
    // Dropped in this order: the writer's connection is the last one, so that closing it folds the log
    // into the database.
    checkpointer: Checkpointer,
    readers: Readers,
    writer: Writer,
    backends: Arc<BackendCache>,
    syncing: Syncing,
    pins: Pins,
    time: Arc<Time>,
    changes: Arc<Changes>,
    path: PathBuf,
    /// Takes the room that closing the others left.
    _reserve: KeptReserve,
}

impl SqliteStore {
    /// Returns the backends, as they were known before if they cannot be read any more.
    fn readable_backends(&self, connection: &Connection) -> Result<Arc<BackendNames>> {
        match self.backends.reload(connection) {
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(self.backends.current()),
            backends => backends,
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.checkpointer.stop();
        self.readers.close();
        self.changes.close();
        self.syncing.close();
        self.writer.finish();
    }
}

impl MetadataStore for SqliteStore {
    fn rules(&self, call: &Call) -> Result<Rules> {
        self.readers.moment(call, namespaces::load)
    }

    fn declare_namespaces(
        &self,
        declared: &[(NamespaceRule, bool)],
        admin: bool,
        call: &Call,
    ) -> Result<()> {
        let rules = self.rules(call)?;
        let changes = declared
            .iter()
            .any(|(rule, remove)| namespaces::is_change(rules.get(&rule.name), rule, *remove));
        if !changes {
            return Ok(());
        }
        self.writer.transaction(call, |connection| {
            namespaces::declare(connection, declared, admin)
        })?;
        Ok(())
    }

    fn register_backends(&self, wanted: &[(Arc<str>, String)], call: &Call) -> Result<()> {
        let mut missing = Vec::new();
        for (name, uuid) in wanted {
            match self.backend_uuid(name, call)? {
                Some(known) if known == *uuid => {}
                Some(_) => return Err(backends::elsewhere(name)),
                None => missing.push((name, uuid)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.writer.transaction(call, |connection| {
            for (name, uuid) in missing {
                backends::register(connection, name, uuid)?;
            }
            Ok(())
        })?;
        // Not before the commit: it may fail.
        self.readers
            .look(call, |connection| {
                self.backends.reload(connection)?;
                Ok(())
            })
            .map_err(Into::into)
    }

    fn backend_uuid(&self, name: &str, call: &Call) -> Result<Option<String>> {
        self.readers
            .look(call, |connection| Ok(backends::uuid(connection, name)?))
            .map_err(Into::into)
    }

    fn is_leased(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool> {
        self.readers.snapshot(grant, |connection| {
            let holder = queue::leased(connection, path.as_str(), self.time.boot())?;
            Ok(holder.is_some())
        })
    }

    fn entry(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Option<Entry>> {
        self.readers.look(&grant.call, |connection| {
            entries::entry(connection, &self.backends, path.as_str(), grant)
        })
    }

    fn gate_exists(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool> {
        self.readers.snapshot(grant, |connection| {
            let visible = visible::resolve(&grant.visible, connection)?;
            Ok(listing::gate_exists(connection, &visible, path.as_str())?)
        })
    }

    fn entries(&self, paths: &[VirtualPath], grant: &Grant) -> StoreResult<Vec<Option<Entry>>> {
        self.readers.snapshot(grant, |connection| {
            paths
                .iter()
                .map(|path| Ok(entries::find(connection, &self.backends, path.as_str())?))
                .collect()
        })
    }

    fn content(
        &self,
        path: &VirtualPath,
        grant: &Grant,
    ) -> StoreResult<Option<(Entry, Option<StoredContent>)>> {
        self.readers.look(&grant.call, |connection| {
            entries::content(connection, &self.backends, path.as_str(), grant)
        })
    }

    fn path_of_id(&self, id: PathId, grant: &Grant) -> StoreResult<Option<VirtualPath>> {
        self.readers.snapshot(grant, |connection| {
            let path = rows::find_path_of_id(connection, id)?;
            Ok(path
                .filter(|path| grant.visible.contains(path))
                .map(VirtualPath::from_stored))
        })
    }

    fn page(
        &self,
        query: &EntryQuery,
        grant: &Grant,
        found: &mut dyn FnMut(EntryRef<'_>),
    ) -> StoreResult<()> {
        let (mut readings, mut handed_out) = (0, false);
        self.readers.snapshot(grant, |connection| {
            readings += 1;
            // What was handed out cannot be taken back.
            let is_too_late = readings > 1 && handed_out;
            let visible = visible::resolve(&grant.visible, connection)?;
            let backends = &self.backends;
            let mut hand_out = |entry: EntryRef<'_>| {
                if !is_too_late {
                    handed_out = true;
                    found(entry);
                }
            };
            let (call, found) = (&grant.call, &mut hand_out);
            listing::page(connection, backends, query, &visible, call, found)?;
            match is_too_late {
                true => Err(Error::new(ErrorKind::Io, READ_WRONGLY).into()),
                false => Ok(()),
            }
        })
    }

    fn described_page(
        &self,
        query: &EntryQuery,
        bytes: usize,
        grant: &Grant,
    ) -> StoreResult<Vec<DescribedEntry>> {
        self.readers.snapshot(grant, |connection| {
            let visible = visible::resolve(&grant.visible, connection)?;
            let backends = &self.backends;
            let mut found = EntryCollector::default();
            let mut collect = |entry: EntryRef<'_>| found.push(entry);
            listing::page(
                connection,
                backends,
                query,
                &visible,
                &grant.call,
                &mut collect,
            )?;
            let entries = found.entries;
            let mut described = Vec::with_capacity(entries.len());
            let mut taken = 0;
            for entry in entries {
                let values = find::all_values(connection, &entry.path)?;
                taken += values.iter().map(|(_, json)| json.len()).sum::<usize>();
                described.push((entry, values));
                if taken >= bytes {
                    break;
                }
            }
            Ok(described)
        })
    }

    fn metadata_value(
        &self,
        path: &VirtualPath,
        key: &str,
        grant: &Grant,
    ) -> StoreResult<Option<String>> {
        self.readers.snapshot(grant, |connection| {
            find::require_described(connection, path)?;
            Ok(if is_work_key(key) {
                queue::value(connection, path, key)?
            } else {
                find::value(connection, path, key)?
            })
        })
    }

    fn metadata(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Vec<(String, String)>> {
        self.readers.snapshot(grant, |connection| {
            find::require_described(connection, path)?;
            Ok(find::all_values(connection, path)?)
        })
    }

    fn find(&self, query: &MetadataQuery, grant: &Grant) -> StoreResult<Vec<Entry>> {
        self.readers.snapshot(grant, |connection| {
            let visible = visible::resolve(&grant.visible, connection)?;
            find::paths(connection, query, &visible)?
                .iter()
                .filter_map(|path| {
                    entries::find(connection, &self.backends, path)
                        .map_err(Into::into)
                        .transpose()
                })
                .collect()
        })
    }

    fn content_count(
        &self,
        hash: &ContentHash,
        grant: &Grant,
    ) -> StoreResult<Option<ContentCount>> {
        self.readers.snapshot(grant, |connection| {
            let visible = visible::resolve(&grant.visible, connection)?;
            Ok(statistics::content_count(connection, hash, &visible)?)
        })
    }

    fn duplicates(
        &self,
        range: &PathRange,
        after: &str,
        grant: &Grant,
    ) -> StoreResult<Paged<Duplicates, String>> {
        self.readers.snapshot(grant, |connection| {
            let visible = visible::resolve(&grant.visible, connection)?;
            let ranges = visible.within(range);
            Ok(duplicates::page(connection, &ranges, after)?)
        })
    }

    fn storage_report(&self, rules: &Rules, grant: &Grant) -> StoreResult<StorageReport> {
        self.readers.snapshot(grant, |connection| {
            let visible = visible::resolve(&grant.visible, connection)?;
            Ok(statistics::storage_report(
                connection,
                &visible,
                rules,
                &grant.call,
            )?)
        })
    }

    fn work(&self, view: WorkView, limit: usize, grant: &Grant) -> StoreResult<Vec<WorkItem>> {
        self.readers.snapshot(grant, |connection| {
            let visible = visible::resolve(&grant.visible, connection)?;
            let views = queue::Views {
                connection,
                visible: &visible,
                backends: &self.backends,
                rules: &grant.rules,
                call: &grant.call,
                time: &self.time,
            };
            Ok(views.view(view, limit)?)
        })
    }

    fn work_counts(&self, range: &PathRange, grant: &Grant) -> StoreResult<WorkCounts> {
        self.readers.snapshot(grant, |connection| {
            let visible = visible::resolve(&grant.visible, connection)?;
            let now = self.time.wall();
            Ok(queue::counts(
                connection,
                range,
                &visible,
                now,
                &grant.call,
            )?)
        })
    }

    fn explain(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Explanation> {
        self.readers.snapshot(grant, |connection| {
            find::require_file(connection, path)?;
            let visible = visible::resolve(&grant.visible, connection)?;
            Ok(queue::explain(
                connection,
                path,
                &visible,
                self.time.boot(),
            )?)
        })
    }

    fn commit(&self, set: ChangeSet, grant: &Grant) -> StoreResult<Committed> {
        loop {
            match self.writer.commit(set.clone(), grant.clone()) {
                Ok(committed) => return Ok(committed),
                Err(Refusal::Store(error)) => return Err(error),
                Err(Refusal::Awaits(content)) => self.await_removal(content, false, &grant.call)?,
            }
        }
    }

    fn advance_leases(&self, call: &Call) -> Result<()> {
        self.writer.transaction(call, lease_tokens::advance)
    }

    fn pass_over_leases(&self, call: &Call) -> Result<()> {
        self.writer
            .transaction(call, lease_tokens::pass_over_others)
    }

    fn claim(&self, claim: Claim, grant: &Grant) -> StoreResult<Vec<WorkItem>> {
        self.writer.claim(claim, grant.clone())
    }

    fn supply(&self, scope: &ClaimScope, grant: &Grant) -> StoreResult<Supply> {
        self.readers.snapshot(grant, |connection| {
            Ok(queue::supply(
                connection,
                &self.backends,
                &self.time,
                scope,
                grant,
            )?)
        })
    }

    fn change_count(&self, call: &Call) -> Result<u64> {
        self.changes.count(call)
    }

    fn wait_for_change(&self, seen: u64, deadline: Option<Instant>, call: &Call) -> Result<()> {
        self.changes.wait(seen, deadline, call)
    }

    fn reserve(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        time: Duration,
        call: &Call,
    ) -> Result<Reservation> {
        self.reserve_for(backend, hashes, time, call)
    }

    fn release(&self, reservation: &Reservation, call: &Call) -> Result<()> {
        let release = |connection: &_| removal::release(connection, reservation.id);
        self.writer
            .transaction_of(Durability::Normal, call, release)
    }

    fn has_pending_deletions(&self, backend: &str, call: &Call) -> Result<bool> {
        self.readers
            .look(call, |connection| {
                let id = self.backends.id(backend, connection)?;
                Ok(removal::has_pending(connection, id)?)
            })
            .map_err(Into::into)
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

    fn end_removal(&self, removal: Removal, call: &Call) -> Result<()> {
        self.end(removal, call)
    }

    fn forget_cached(&self) {
        self.readers.close();
    }

    fn shrink_log(&self, call: &Call) -> Result<()> {
        // Not the writer's connection, on which others would wait for what is copied.
        connection::waiting_as(call, || {
            let connection = checkpoint::open_connection(&self.path)?;
            self.checkpointer.log().cut_back(&connection)
        })
    }

    fn mender(&self) -> &dyn MetadataMender {
        self
    }

    fn pin(&self, call: &Call) -> Result<Box<dyn Send>> {
        self.pins.hold(call)
    }

    fn copy_to(
        &self,
        file: &Path,
        identity: &CopyIdentity,
        step: &mut dyn FnMut(u64, u64) -> Result<()>,
        call: &Call,
    ) -> Result<Box<dyn MetadataCopy>> {
        let copied = self.readers.with(call, |connection| {
            Ok(copy::create(connection, file, identity, step)?)
        });
        Ok(Box::new(copied?))
    }

    fn digest_of_copy(&self, file: &Path, call: &Call) -> Result<Option<String>> {
        copy::digest_of(file, call)
    }

    fn check_rows(&self, cursor: &RowCursor, call: &Call) -> Result<CheckedRows> {
        let check = || {
            self.readers.moment(call, |connection| {
                let backends = self.readable_backends(connection)?;
                check::rows(connection, &backends, cursor, call)
            })
        };
        let checked = check()?;
        if checked.findings.is_empty() {
            return Ok(checked);
        }
        // Damage is what two readings find.
        self.readers.close();
        check()
    }

    fn contents(&self, after: i64, with_data: bool, call: &Call) -> Result<Paged<ContentRow, i64>> {
        self.readers.moment(call, |connection| {
            let backends = self.readable_backends(connection)?;
            check::contents(connection, &backends, after, with_data)
        })
    }

    fn paths_of_content(&self, id: i64, limit: usize, call: &Call) -> Result<(Vec<String>, u64)> {
        self.readers
            .moment(call, |connection| check::paths_of(connection, id, limit))
    }

    fn unreferenced(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> Result<Vec<ContentHash>> {
        self.writer.locked(call, |connection| {
            let id = self.backends.id(backend, connection)?;
            removal::orphans(connection, id, hashes)
        })
    }

    fn visit_pending_deletions(
        &self,
        found: &mut dyn FnMut(&PendingDeletions) -> Result<()>,
        call: &Call,
    ) -> Result<()> {
        let mut after = None;
        loop {
            let (page, next) = self.readers.moment(call, |connection| {
                let backends = self.readable_backends(connection)?;
                check::pending_deletions(connection, &backends, after)
            })?;
            page.iter().try_for_each(&mut *found)?;
            match next {
                Some(_) => after = next,
                None => return Ok(()),
            }
        }
    }
}

//! The store as one that is read.

use nexusfs_core::access::Rules;
use nexusfs_core::call::Call;
use nexusfs_core::content::{ContentHash, StoredContent};
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::metadata::{
    Catalog, ContentCount, DescribedEntry, Duplicates, Entry, EntryCollector, EntryQuery, EntryRef,
    Grant, MetadataQuery, Paged, StorageReport, StoreResult,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::is_work_key;

use crate::db::{rows, visible};
use crate::read::{duplicates, entries, find, listing, statistics};
use crate::write::namespaces;
use crate::{SqliteStore, queue};

/// Of a call that two readings of the database disagree about.
const READ_WRONGLY: &str = "the database was read wrongly, and then differently; try again";

impl Catalog for SqliteStore {
    fn rules(&self, call: &Call) -> Result<Rules> {
        self.readers
            .moment(call, namespaces::load)
            .map_err(Into::into)
    }

    fn entry(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Option<Entry>> {
        self.readers
            .look(&grant.call, |connection| {
                entries::entry(connection, &self.backends, path.as_str(), grant)
            })
            .map_err(Into::into)
    }

    fn gate_exists(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool> {
        self.readers
            .snapshot(grant, |connection| {
                let visible = visible::resolve(&grant.visible, connection)?;
                Ok(listing::gate_exists(connection, &visible, path.as_str())?)
            })
            .map_err(Into::into)
    }

    fn entries(&self, paths: &[VirtualPath], grant: &Grant) -> StoreResult<Vec<Option<Entry>>> {
        self.readers
            .snapshot(grant, |connection| {
                paths
                    .iter()
                    .map(|path| Ok(entries::find(connection, &self.backends, path.as_str())?))
                    .collect()
            })
            .map_err(Into::into)
    }

    fn content(
        &self,
        path: &VirtualPath,
        grant: &Grant,
    ) -> StoreResult<Option<(Entry, Option<StoredContent>)>> {
        self.readers
            .look(&grant.call, |connection| {
                entries::content(connection, &self.backends, path.as_str(), grant)
            })
            .map_err(Into::into)
    }

    fn path_of_id(&self, id: PathId, grant: &Grant) -> StoreResult<Option<VirtualPath>> {
        self.readers
            .snapshot(grant, |connection| {
                let path = rows::find_path_of_id(connection, id)?;
                Ok(path
                    .filter(|path| grant.visible.contains(path))
                    .map(VirtualPath::from_stored))
            })
            .map_err(Into::into)
    }

    fn page(
        &self,
        query: &EntryQuery,
        grant: &Grant,
        found: &mut dyn FnMut(EntryRef<'_>),
    ) -> StoreResult<()> {
        let (mut readings, mut handed_out) = (0, false);
        self.readers
            .snapshot(grant, |connection| {
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
            .map_err(Into::into)
    }

    fn described_page(
        &self,
        query: &EntryQuery,
        bytes: usize,
        grant: &Grant,
    ) -> StoreResult<Vec<DescribedEntry>> {
        self.readers
            .snapshot(grant, |connection| {
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
            .map_err(Into::into)
    }

    fn metadata_value(
        &self,
        path: &VirtualPath,
        key: &str,
        grant: &Grant,
    ) -> StoreResult<Option<String>> {
        self.readers
            .snapshot(grant, |connection| {
                find::require_described(connection, path)?;
                Ok(if is_work_key(key) {
                    queue::value(connection, path, key)?
                } else {
                    find::value(connection, path, key)?
                })
            })
            .map_err(Into::into)
    }

    fn metadata(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Vec<(String, String)>> {
        self.readers
            .snapshot(grant, |connection| {
                find::require_described(connection, path)?;
                Ok(find::all_values(connection, path)?)
            })
            .map_err(Into::into)
    }

    fn find(&self, query: &MetadataQuery, grant: &Grant) -> StoreResult<Vec<Entry>> {
        self.readers
            .snapshot(grant, |connection| {
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
            .map_err(Into::into)
    }

    fn content_count(
        &self,
        hash: &ContentHash,
        grant: &Grant,
    ) -> StoreResult<Option<ContentCount>> {
        self.readers
            .snapshot(grant, |connection| {
                let visible = visible::resolve(&grant.visible, connection)?;
                Ok(statistics::content_count(connection, hash, &visible)?)
            })
            .map_err(Into::into)
    }

    fn duplicates(
        &self,
        range: &PathRange,
        after: &str,
        grant: &Grant,
    ) -> StoreResult<Paged<Duplicates, String>> {
        self.readers
            .snapshot(grant, |connection| {
                let visible = visible::resolve(&grant.visible, connection)?;
                let ranges = visible.within(range);
                Ok(duplicates::page(connection, &ranges, after)?)
            })
            .map_err(Into::into)
    }

    fn storage_report(&self, rules: &Rules, grant: &Grant) -> StoreResult<StorageReport> {
        self.readers
            .snapshot(grant, |connection| {
                let visible = visible::resolve(&grant.visible, connection)?;
                Ok(statistics::storage_report(
                    connection,
                    &visible,
                    rules,
                    &grant.call,
                )?)
            })
            .map_err(Into::into)
    }

    fn forget_cached(&self) {
        self.readers.close();
    }
}

//! Reading.

use super::{Grant, StoreResult};
use crate::access::Rules;
use crate::call::Call;
use crate::content::{ContentHash, StoredContent};
use crate::error::Result;
use crate::metadata::{
    ContentCount, DescribedEntry, Duplicates, Entry, EntryQuery, EntryRef, MetadataQuery, Paged,
    StorageReport,
};
use crate::path::VirtualPath;
use crate::path_id::PathId;
use crate::range::PathRange;

/// Reads names and what is said of them. What one method returns is of one moment.
pub trait Catalog: Send + Sync {
    /// Returns the rules as they are now.
    fn rules(&self, call: &Call) -> Result<Rules>;

    /// Returns what is at `path`, seen or not.
    fn entry(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Option<Entry>>;

    /// Returns whether the directory `path`, above the caller's own part, exists for the caller: whether
    /// something of its own is below.
    fn gate_exists(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool>;

    /// Returns the entries at `paths`, each as [`entry`](Self::entry) does, of one moment.
    fn entries(&self, paths: &[VirtualPath], grant: &Grant) -> StoreResult<Vec<Option<Entry>>>;

    /// Returns the file at `path` with its content, inline bytes or what is needed to open it.
    fn content(
        &self,
        path: &VirtualPath,
        grant: &Grant,
    ) -> StoreResult<Option<(Entry, Option<StoredContent>)>>;

    /// Returns the path whose id is `id`, if the grant sees it.
    fn path_of_id(&self, id: PathId, grant: &Grant) -> StoreResult<Option<VirtualPath>>;

    /// Passes a page of what the grant sees to `found`, in order.
    fn page(
        &self,
        query: &EntryQuery,
        grant: &Grant,
        found: &mut dyn FnMut(EntryRef<'_>),
    ) -> StoreResult<()>;

    /// Returns a page as [`page`](Self::page) does, each entry with all its keys and their JSON texts, of
    /// one moment. The page ends early after the entry with which those texts reach `bytes`.
    fn described_page(
        &self,
        query: &EntryQuery,
        bytes: usize,
        grant: &Grant,
    ) -> StoreResult<Vec<DescribedEntry>>;

    /// Returns the JSON text of one key of the file at `path`; `None` if it is absent.
    fn metadata_value(
        &self,
        path: &VirtualPath,
        key: &str,
        grant: &Grant,
    ) -> StoreResult<Option<String>>;

    /// Returns all keys of the file at `path` with their JSON texts, by key.
    fn metadata(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Vec<(String, String)>>;

    /// Returns a page of the files that the grant sees and whose key has the value.
    fn find(&self, query: &MetadataQuery, grant: &Grant) -> StoreResult<Vec<Entry>>;

    /// Returns how often what the grant sees holds the content `hash`; `None` for never.
    fn content_count(&self, hash: &ContentHash, grant: &Grant)
    -> StoreResult<Option<ContentCount>>;

    /// Returns the groups of files with the same content, among those in `range` that the grant sees, whose
    /// first path is among the next ones after `after`, and the path to go on after; `None` at the end.
    fn duplicates(
        &self,
        range: &PathRange,
        after: &str,
        grant: &Grant,
    ) -> StoreResult<Paged<Duplicates, String>>;

    /// Returns totals over what the grant sees.
    fn storage_report(&self, rules: &Rules, grant: &Grant) -> StoreResult<StorageReport>;

    /// Has the next calls read the database again, and not what they remember of it.
    fn forget_cached(&self);
}

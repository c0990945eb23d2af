//! Paths, their entries and everything said about them.
//!
//! [`MetadataStore`] is what a store of metadata must do, in terms of the product: look names up, give
//! pages of entries within ranges, commit a list of changes at once. It knows ranges of paths, not
//! tenants: the facade asks the [policy](crate::access) and passes on what it granted. Each request
//! carries the version of the rules it was granted under; when they have changed since, nothing is
//! done and the facade asks again.

mod change;
mod check;
mod claim;
mod copy;
mod entry;
mod query;
mod repair;
pub mod sqlite;
mod value;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use change::{
    Change, Compared, Conditions, ImportSource, ImportedDirectory, ImportedFile, MetadataValue,
    MetadataValues, Relocation,
};
pub use check::{
    CheckedRows, ContentKey, ContentRow, Finding, FindingKind, Paged, PendingDeletions, RowCursor,
    RowKey,
};
pub use claim::{Claim, Supply};
pub use copy::{CopyIdentity, MetadataCopy};
pub(crate) use entry::EntryCollector;
pub use entry::{Entry, EntryRef, FileInfo, FileRef, MAX_VERSION, guess_mime_type};
pub use query::{
    ContentCount, DescribedEntry, Duplicates, EntryQuery, MetadataQuery, Scope, StorageReport,
    StorageTotals,
};

pub use repair::{ContentPlace, LostFile, Mended, MetadataMender, VerifiedContent};

use crate::access::{ClaimScope, NamespaceRule, Rules};
use crate::call::Call;
use crate::config::Durability;
use crate::content::{ContentHash, Prepared, Publisher, Routes, StoredContent, Unprepared};
use crate::error::Error;
use crate::path::VirtualPath;
use crate::path_id::PathId;
use crate::range::{PathRange, Visible};
use crate::work::{Explanation, WorkCounts, WorkItem, WorkView};

/// What a request was granted: the rules, and what may be read under them.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The rules that the policy decided under.
    pub rules: Arc<Rules>,
    /// What the caller may read.
    pub visible: Arc<Visible>,
    /// The call that this is part of.
    pub call: Call,
}

/// Why a request was not carried out.
#[derive(Debug)]
pub enum StoreError {
    /// The rules are not those of the grant; nothing was done.
    RulesChanged,
    /// Changes need contents that were not prepared, some of which the store names; nothing was done.
    Unprepared(Vec<Unprepared>),
    /// It failed.
    Failed(Error),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        StoreError::Failed(error)
    }
}

/// For requests that are made without a grant, and so never meet changed rules.
impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::RulesChanged => Error::internal("the rules changed"),
            StoreError::Unprepared(_) => Error::internal("a content was not prepared"),
            StoreError::Failed(error) => error,
        }
    }
}

/// Result of a request to the store.
pub type StoreResult<T> = std::result::Result<T, StoreError>;

/// A list of changes that are applied in order and committed at once.
#[derive(Clone)]
pub struct ChangeSet {
    /// The changes.
    pub changes: Arc<Vec<Change>>,
    /// Which backend takes the content of which path.
    pub routes: Arc<Routes>,
    /// Contents that were made for the changes beforehand.
    pub prepared: Arc<Prepared>,
    /// Puts the contents in place whose backend takes them in the transaction.
    pub publisher: Arc<dyn Publisher>,
    /// Whether the commit must survive power loss.
    pub durability: Durability,
}

/// What a commit left.
#[derive(Debug, Default)]
pub struct Committed {
    /// The entry that each change left, where it left one.
    pub entries: Vec<Option<Entry>>,
    /// Contents were dropped that are pending deletion now.
    pub has_dropped: bool,
}

/// Contents that are kept for a while, whoever holds them.
#[derive(Debug)]
pub struct Reservation {
    /// Its number.
    pub id: i64,
    /// The backend.
    pub backend: Arc<str>,
    /// The contents.
    pub hashes: Vec<ContentHash>,
    /// Those of them that somebody holds: they are in place.
    pub held: HashSet<ContentHash>,
}

/// Contents whose bytes are being removed.
pub struct Removal {
    /// The backend.
    pub backend: Arc<str>,
    /// The contents.
    pub hashes: Vec<ContentHash>,
    /// What tells others that it is still under way, until it is dropped.
    pub guard: Box<dyn Send>,
}

/// Keeps the metadata of one store. Shared by all threads.
pub trait MetadataStore: Send + Sync {
    /// Returns the rules as they are now.
    fn rules(&self, call: &Call) -> crate::error::Result<Rules>;

    /// Registers, replaces or removes custom namespaces. `admin` may change what is registered;
    /// others may add one under which nothing exists.
    fn declare_namespaces(
        &self,
        declared: &[(NamespaceRule, bool)],
        admin: bool,
        call: &Call,
    ) -> crate::error::Result<()>;

    /// Makes sure that each backend, a name and the UUID of its place, is known.
    ///
    /// # Errors
    /// `InvalidConfig` if the name is known with another UUID.
    fn register_backends(
        &self,
        backends: &[(Arc<str>, String)],
        call: &Call,
    ) -> crate::error::Result<()>;

    /// Returns the UUID of the place of the backend `name`, if it is known.
    fn backend_uuid(&self, name: &str, call: &Call) -> crate::error::Result<Option<String>>;

    /// Returns whether the item at `path`, seen or not, is under a live lease.
    fn is_leased(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<bool>;

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

    /// Returns the first `limit` work items of `view` that the grant sees.
    fn work(&self, view: WorkView, limit: usize, grant: &Grant) -> StoreResult<Vec<WorkItem>>;

    /// Returns how many work items that the grant sees in `range` have which state.
    fn work_counts(&self, range: &PathRange, grant: &Grant) -> StoreResult<WorkCounts>;

    /// Returns what the file at `path` waits for.
    fn explain(&self, path: &VirtualPath, grant: &Grant) -> StoreResult<Explanation>;

    /// Applies the changes in order, in one transaction: all or nothing.
    fn commit(&self, set: ChangeSet, grant: &Grant) -> StoreResult<Committed>;

    /// Raises the sequence of lease tokens beyond every token that another copy of this store can have given out.
    fn advance_leases(&self, call: &Call) -> crate::error::Result<()>;

    /// Raises the sequence of lease tokens beyond those that any other store has given out until now.
    fn pass_over_leases(&self, call: &Call) -> crate::error::Result<()>;

    /// Gives the worker the first items that it may take, each under a lease of its own, in one
    /// transaction.
    fn claim(&self, claim: Claim, grant: &Grant) -> StoreResult<Vec<WorkItem>>;

    /// Returns whether there is something to claim.
    fn supply(&self, scope: &ClaimScope, grant: &Grant) -> StoreResult<Supply>;

    /// Returns a number that is another one after every change that could make something claimable. For
    /// [`wait_for_change`](MetadataStore::wait_for_change).
    fn change_count(&self, call: &Call) -> crate::error::Result<u64>;

    /// Waits until the change count, last seen as `seen`, is another one, or until `deadline`. Changes of
    /// other processes are noticed within 20 ms.
    fn wait_for_change(
        &self,
        seen: u64,
        deadline: Option<Instant>,
        call: &Call,
    ) -> crate::error::Result<()>;

    /// Reserves `hashes` in the backend `backend` for `time`: until then, or until they are [released](Self::release),
    /// none of them is removed, whoever holds it. Waits until those are gone that are being removed.
    fn reserve(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        time: Duration,
        call: &Call,
    ) -> crate::error::Result<Reservation>;

    /// Ends a reservation.
    fn release(&self, reservation: &Reservation, call: &Call) -> crate::error::Result<()>;

    /// Returns whether contents of the backend `backend` are pending deletion. Waits for nobody.
    fn has_pending_deletions(&self, backend: &str, call: &Call) -> crate::error::Result<bool>;

    /// Begins to remove up to `limit` of the contents of the backend `backend` that are pending deletion. From
    /// here on until [`end_removal`](Self::end_removal) their bytes may be removed at any moment, and whoever
    /// wants one of them waits. `None` if there are none, if something is [pinned](Self::pin), or if others remove
    /// some; with `wait`, waits until those have ended.
    fn begin_removal(
        &self,
        backend: &str,
        limit: usize,
        wait: bool,
        call: &Call,
    ) -> crate::error::Result<Option<Removal>>;

    /// Begins, as [`begin_removal`](Self::begin_removal) does, to remove those of `hashes` that nobody holds or has reserved
    /// and that are not pending deletion.
    fn begin_removal_of(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> crate::error::Result<Option<Removal>>;

    /// Ends a removal, after the bytes are gone. One that is dropped instead is taken up again by the next.
    fn end_removal(&self, removal: Removal, call: &Call) -> crate::error::Result<()>;

    /// Has the next calls read the database again, and not what they remember of it.
    fn forget_cached(&self);

    /// Gives back the room that a log took beyond what it should, unless somebody needs it.
    fn shrink_log(&self, call: &Call) -> crate::error::Result<()>;

    /// Checks a page of rows against the others, from `cursor` on.
    fn check_rows(&self, cursor: &RowCursor, call: &Call) -> crate::error::Result<CheckedRows>;

    /// Returns the rows of some contents after the one with the id `after`, inline bytes only if
    /// `with_data`, and the id to go on after; `None` at the end. Damaged rows are left out.
    fn contents(
        &self,
        after: i64,
        with_data: bool,
        call: &Call,
    ) -> crate::error::Result<Paged<ContentRow, i64>>;

    /// Returns the first `limit` paths that hold the content with the id `id`, and how many do.
    fn paths_of_content(
        &self,
        id: i64,
        limit: usize,
        call: &Call,
    ) -> crate::error::Result<(Vec<String>, u64)>;

    /// Returns those of `hashes` that nobody holds in the backend `backend`, and that are not pending deletion
    /// either. Nobody is putting one in place at that moment.
    fn unreferenced(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> crate::error::Result<Vec<ContentHash>>;

    /// Calls `found` for the contents that are pending deletion and that nobody holds.
    fn visit_pending_deletions(
        &self,
        found: &mut dyn FnMut(&PendingDeletions) -> crate::error::Result<()>,
        call: &Call,
    ) -> crate::error::Result<()>;

    /// Keeps the files of contents that are dropped from now on, until the result is dropped.
    fn pin(&self, call: &Call) -> crate::error::Result<Box<dyn Send>>;

    /// Writes a copy of everything, as it is at one moment, to `file`, as the store `identity`; `step` is told
    /// how much is done, of how much.
    fn copy_to(
        &self,
        file: &Path,
        identity: &CopyIdentity,
        step: &mut dyn FnMut(u64, u64) -> crate::error::Result<()>,
        call: &Call,
    ) -> crate::error::Result<Box<dyn MetadataCopy>>;

    /// Returns the digest of what users put into the copy at `file`; `None` if it is missing.
    ///
    /// # Errors
    /// `Busy` if anybody has it open.
    fn digest_of_copy(&self, file: &Path, call: &Call) -> crate::error::Result<Option<String>>;

    /// Returns what mends rows.
    fn mender(&self) -> &dyn MetadataMender;
}

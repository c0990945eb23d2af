//! Paths, entries and metadata.
//!
//! [`MetadataStore`] is the interface of a metadata store: it looks paths up, returns pages of entries within ranges,
//! and commits a list of changes in one transaction. It knows ranges of paths, but no tenants: the facade asks the
//! [policy](crate::access) and passes the grant. Each request has the rules version of its grant. If the rules have
//! changed since, the store does nothing and the facade asks the policy again.

mod change;
mod check;
mod claim;
mod copy;
mod entry;
mod query;
mod repair;
mod serial;
mod store;
mod value;

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
pub use entry::{Entry, EntryCollector, EntryRef, FileInfo, FileRef, MAX_VERSION, guess_mime_type};
pub use query::{
    ContentCount, DescribedEntry, Duplicates, EntryQuery, MetadataQuery, Scope, StorageReport,
    StorageTotals,
};

pub use repair::{ContentPlace, LostFile, Mended, MetadataMender, VerifiedContent};
pub use store::{
    Catalog, Committed, ContentCursor, Grant, Ledger, MetadataStore, Queue, References, Removal,
    Reservation, StoreError, StoreResult, Upkeep, Watch, WriteSet,
};

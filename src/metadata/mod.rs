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
pub(crate) use entry::EntryCollector;
pub use entry::{Entry, EntryRef, FileInfo, FileRef, MAX_VERSION, guess_mime_type};
pub use query::{
    ContentCount, DescribedEntry, Duplicates, EntryQuery, MetadataQuery, Scope, StorageReport,
    StorageTotals,
};

pub use repair::{ContentPlace, LostFile, Mended, MetadataMender, VerifiedContent};
pub use store::{
    Catalog, Committed, ContentCursor, Grant, Ledger, MetadataStore, Queue, References, Removal,
    Reservation, StoreError, StoreResult, Upkeep, Watch, WriteSet,
};

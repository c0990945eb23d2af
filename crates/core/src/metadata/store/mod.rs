//! What a store of metadata must do, in terms of the product.
//!
//! | what | where |
//! |---|---|
//! | a request and why it was not carried out | `grant` |
//! | reading: names and what is said of them | `catalog` |
//! | writing: changes that are committed together; namespaces; backends | `ledger` |
//! | work items: claims, queries, waiting | `queue` |
//! | which contents are needed, for those who keep their bytes | `references` |
//! | checking, repairing and copying, where that makes sense | `upkeep` |
//!
//! All names are paths, hashes and names of backends; a content is named by its backend and its hash. A request carries a [`Grant`]:
//! what the policy let the caller read, and the version of the rules under which it did.

mod catalog;
mod grant;
mod ledger;
mod queue;
mod references;
mod upkeep;

pub use self::catalog::Catalog;
pub use self::grant::{Grant, StoreError, StoreResult};
pub use self::ledger::{Committed, Ledger, WriteSet};
pub use self::queue::{Queue, Watch};
pub use self::references::{ContentCursor, References, Removal, Reservation};
pub use self::upkeep::Upkeep;

/// Keeps the metadata of one store. Shared by all threads.
pub trait MetadataStore: Catalog + Ledger + Queue + References {
    /// Returns what keeps the rows of the store in order. `None` for a store that leaves that to others, such as a server of
    /// databases: it is neither checked nor repaired row by row, and makes its own backups.
    fn upkeep(&self) -> Option<&dyn Upkeep> {
        None
    }
}

//! What the store does for each of the traits.
//!
//! | trait | where |
//! |---|---|
//! | [`Catalog`](nexusfs_core::metadata::Catalog) | `catalog` |
//! | [`Ledger`](nexusfs_core::metadata::Ledger) | `ledger` |
//! | [`Queue`](nexusfs_core::metadata::Queue) | `queue` |
//! | [`References`](nexusfs_core::metadata::References) | `references` |
//! | [`Upkeep`](nexusfs_core::metadata::Upkeep), and the repairs | `upkeep`, `mender` |

mod catalog;
mod ledger;
mod mender;
mod queue;
pub(super) mod references;
mod upkeep;

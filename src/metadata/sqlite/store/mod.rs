//! What the store does for each of the traits.
//!
//! | trait | where |
//! |---|---|
//! | [`Catalog`](crate::metadata::Catalog) | `catalog` |
//! | [`Ledger`](crate::metadata::Ledger) | `ledger` |
//! | [`Queue`](crate::metadata::Queue) | `queue` |
//! | [`References`](crate::metadata::References) | `references` |
//! | [`Upkeep`](crate::metadata::Upkeep), and the repairs | `upkeep`, `mender` |

mod catalog;
mod ledger;
mod mender;
mod queue;
pub(super) mod references;
mod upkeep;

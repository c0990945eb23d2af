//! Work items in the database: the table `work`, the edges, and the consequences of changes.
//!
//! The typed keys of a file are in its row of `work`, its dependencies in `edges`, and nowhere else. Three derived
//! values are stored beside them, always in the same transaction: `work.dependencies` and `work.open_edges` count the
//! item's edges, and `edges.open` says whether the blocker has a status other than `completed` or was deleted while it
//! had one.
//!
//! Changes of files call this module while they are applied; [`settle()`] then applies the consequences of the whole
//! set of changes, before its commit.
//!
//! | what | where |
//! |---|---|
//! | the state of a transaction that changes items | `transaction` |
//! | rows as files and keys change | `items`, `moves` |
//! | edges; consequences of changes; cycles; explanations | `graph` |
//! | the order of items, and its bounds: directories, owner partitions, claim ranges | `order` |
//! | claims: search for claimable items, and reads of them | `claim` |
//! | calls of the holder of a lease; protection from other callers | `lease`, `replace` |
//! | queries | `views`, `counts`, `read`, `scan`, `find` |
//! | statements about some paths at once | `some` |

/// The assignments that leave an item without a lease.
macro_rules! no_lease {
    () => {
        "lease = NULL, lease_deadline = NULL, lease_expires_at = NULL"
    };
}

/// The statement that ends the lease of the item at the path of the first parameter, and also makes the changes in
/// `$set`.
macro_rules! end_lease {
    ($($set:literal)?) => {
        concat!(
            "UPDATE work SET ",
            no_lease!(),
            $(", ", $set,)?
            " WHERE path = ?1"
        )
    };
}

mod claim;
mod counts;
mod find;
mod graph;
mod items;
mod lease;
mod moves;
mod order;
mod read;
mod replace;
mod scan;
mod some;
mod transaction;
mod views;

#[cfg(test)]
mod tests;

pub(super) use claim::{Claims, supply};
pub(super) use counts::counts;
pub(super) use find::find;
pub(super) use graph::edges::may_revive;
pub(super) use graph::explain::explain;
pub(super) use graph::settle::settle;
pub(super) use items::{clear, copied, deleted, imported, place_again, place_of, rescope, set};
pub(super) use lease::complete::{complete_some, completions};
pub(super) use lease::finish::{check_lease, complete, fail, heartbeat, release};
pub(super) use moves::{moved, paths_in};
pub(super) use read::{all, value};
pub(super) use replace::{check_replaceable, leased};
pub(super) use scan::register as register_scan;
pub(super) use transaction::WorkTransaction;
pub(super) use views::Views;

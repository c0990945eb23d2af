//! The consequences of a set of changes, applied before its commit.

use super::super::order::directories;
use super::super::transaction::WorkTransaction;
use super::{cycles, edges};
use crate::error::Result;

/// Makes an item ready that is blocked, has dependencies, and has no open edge.
const READY_ITEM: &str = "\
    UPDATE work SET status = 1 /* ready */
    WHERE path_id = ?1 AND +status = 4 /* blocked */ AND +open_edges = 0 AND dependencies > 0";

/// Applies the consequences of the changes: stores the dependencies they named, rejects cycles, and makes blocked items
/// without open dependencies ready.
pub(in super::super::super) fn settle(tx: &mut WorkTransaction<'_>) -> Result<()> {
    store_dependencies(tx)?;
    // Ready items block as much as blocked ones do, so one round is enough.
    edges::close_at_end(tx)?;
    for item in std::mem::take(&mut tx.changes.touched) {
        tx.grant.call.check()?;
        tx.run(READY_ITEM, [item.as_bytes()])?;
        directories::announce_id(tx.connection, item)?;
    }
    Ok(())
}

fn store_dependencies(tx: &mut WorkTransaction<'_>) -> Result<()> {
    let mut pending: Vec<_> = std::mem::take(&mut tx.changes.pending)
        .into_iter()
        .collect();
    pending.sort_by_key(|(_, pending)| pending.operation);
    let mut changed = Vec::with_capacity(pending.len());
    for (item, pending) in pending {
        if !edges::has_row(tx, item)? {
            continue;
        }
        let any = edges::store(tx, item, &pending)
            .map_err(|error| error.in_operation(pending.operation))?;
        if any {
            changed.push((item, pending.operation));
        }
    }
    cycles::refuse(tx, &changed)
}

/// The statements above, for the test of their query plans.
#[cfg(test)]
pub(in super::super) const STATEMENTS: [&str; 1] = [READY_ITEM];

//! Calls of the holder of a lease.

use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::time::Micros;
use nexusfs_core::work::{LeaseToken, back_off};
use rusqlite::OptionalExtension;

use super::super::graph::edges::{self, id_at};
use super::super::items::place_of;
use super::super::order::{directories, partitions};
use super::super::transaction::WorkTransaction;
use crate::db::time::BootTime;
use crate::error::{Error, ErrorKind, Result};

const HELD: &str =
    "SELECT lease, lease_deadline, path_id, attempts, max_attempts FROM work WHERE path = ?1";
const HEARTBEAT: &str =
    "UPDATE work SET lease_deadline = ?2, lease_expires_at = ?3 WHERE path = ?1";
/// Only under the live lease; most completions need no other check.
const COMPLETE: &str = concat!(
    end_lease!("status = 3 /* completed */, completed_at = ?2, result = ?3"),
    " AND lease = ?4 AND lease_deadline > ?5"
);
/// Skips the search if no item depends on any.
const ID_IF_AWAITED: &str = "\
    SELECT path_id FROM work
    WHERE path = ?1 AND EXISTS (SELECT 1 FROM edges)
      AND EXISTS (SELECT 1 FROM edges WHERE blocker_id = path_id)";
const FAIL_FOR_GOOD: &str = end_lease!("status = 6 /* failed */, last_error = ?2");
const FAIL: &str = end_lease!(
    "status = 1 /* ready */, last_error = ?2, not_before = ?3, delayed = 1, worker_id = NULL,
     started_at = NULL"
);
const RELEASE: &str = end_lease!(
    "status = 1 /* ready */, attempts = max(attempts - 1, 0), worker_id = NULL, started_at = NULL"
);

/// An item and its live lease.
struct Held {
    id: PathId,
    attempts: i64,
    max_attempts: Option<i64>,
    deadline: BootTime,
}

/// Extends the lease: it expires `lease` from now.
pub(in super::super::super) fn heartbeat(
    tx: &mut WorkTransaction<'_>,
    path: &VirtualPath,
    token: LeaseToken,
    lease: Micros,
) -> Result<()> {
    let held = held(tx, path, token)?;
    let deadline = tx.time.boot().after(lease);
    let expires_at = tx.time.wall().saturating_add(lease);
    tx.run(HEARTBEAT, (path.as_str(), deadline.0, expires_at))?;
    // Waits for the expiry of the lease must be rescheduled.
    tx.changes.supplied |= deadline < held.deadline;
    let (_, scope) = place_of(&tx.grant.rules, path.as_str());
    partitions::watch(tx.connection, scope, None, Some(deadline))
}

/// Completes the item, with its result.
pub(in super::super::super) fn complete(
    tx: &mut WorkTransaction<'_>,
    path: &VirtualPath,
    token: LeaseToken,
    result: Option<&str>,
) -> Result<()> {
    let (wall, boot) = (tx.time.wall(), tx.time.boot());
    let completed = tx.run(
        COMPLETE,
        (path.as_str(), wall, result, token.number(), boot.0),
    )?;
    match completed {
        0 => Err(why_lost(tx, path, token)),
        _ => no_longer_awaited(tx, path),
    }
}

/// Returns why the item at `path` could not be completed under the lease `token`.
pub(super) fn why_lost(tx: &WorkTransaction<'_>, path: &VirtualPath, token: LeaseToken) -> Error {
    match held(tx, path, token) {
        Err(error) => error,
        Ok(_) => lost(path, EXPIRED),
    }
}

/// The item at `path` was completed: it blocks no item any more.
pub(super) fn no_longer_awaited(tx: &mut WorkTransaction<'_>, path: &VirtualPath) -> Result<()> {
    let awaited = tx
        .connection
        .prepare_cached(ID_IF_AWAITED)?
        .query_row([path.as_str()], |row| Ok(id_at(row, 0)))
        .optional()?;
    match awaited {
        Some(id) => edges::set_blocking(tx, id?, false),
        None => Ok(()),
    }
}

/// Ends the attempt as failed: the item is retried later or, without attempts left, becomes failed.
pub(in super::super::super) fn fail(
    tx: &mut WorkTransaction<'_>,
    path: &VirtualPath,
    token: LeaseToken,
    error: &str,
    retry_after: Option<Micros>,
) -> Result<()> {
    let held = held(tx, path, token)?;
    if held.max_attempts.is_some_and(|most| held.attempts >= most) {
        return tx.run(FAIL_FOR_GOOD, (path.as_str(), error)).map(drop);
    }
    let delay = retry_after.unwrap_or_else(|| back_off(held.attempts));
    let not_before = tx.time.wall().saturating_add(delay);
    tx.run(FAIL, (path.as_str(), error, not_before))?;
    tx.changes.supplied = true;
    let (_, scope) = place_of(&tx.grant.rules, path.as_str());
    partitions::watch(tx.connection, scope, Some(not_before), None)
}

/// Releases the item; the attempt does not count.
pub(in super::super::super) fn release(
    tx: &mut WorkTransaction<'_>,
    path: &VirtualPath,
    token: LeaseToken,
) -> Result<()> {
    held(tx, path, token)?;
    tx.run(RELEASE, [path.as_str()])?;
    tx.changes.supplied = true;
    directories::announce(tx.connection, path.as_str())
}

/// Checks that `token` is the live lease of the item at `path`. Later changes of the same set may then do what only the
/// holder may do.
pub(in super::super::super) fn check_lease(
    tx: &mut WorkTransaction<'_>,
    path: &VirtualPath,
    token: LeaseToken,
) -> Result<()> {
    let held = held(tx, path, token)?;
    tx.changes.held.insert(held.id);
    Ok(())
}

fn held(tx: &WorkTransaction<'_>, path: &VirtualPath, token: LeaseToken) -> Result<Held> {
    let found = tx
        .connection
        .prepare_cached(HELD)?
        .query_row([path.as_str()], |row| {
            let lease: Option<i64> = row.get(0)?;
            let deadline: Option<i64> = row.get(1)?;
            let held = id_at(row, 2).map(|id| Held {
                id,
                attempts: row.get(3).unwrap_or_default(),
                max_attempts: row.get(4).unwrap_or_default(),
                deadline: BootTime(deadline.unwrap_or_default()),
            });
            Ok((lease, deadline, held))
        })
        .optional()?;
    match found {
        None | Some((None, ..)) => Err(lost(path, "it has ended")),
        Some((Some(newest), ..)) if newest != token.number() => {
            Err(lost(path, "it was not the newest one"))
        }
        Some((_, deadline, _)) if deadline.is_none_or(|end| end <= tx.time.boot().0) => {
            Err(lost(path, EXPIRED))
        }
        Some((.., held)) => held,
    }
}

const EXPIRED: &str = "it has expired";

fn lost(path: &VirtualPath, why: &str) -> Error {
    let what = format!("the lease is no longer held: {why}");
    Error::new(ErrorKind::LeaseLost, what).at(path)
}

/// The statements above, for the test of their query plans.
#[cfg(test)]
pub(in super::super) const STATEMENTS: [&str; 7] = [
    HELD,
    HEARTBEAT,
    COMPLETE,
    ID_IF_AWAITED,
    FAIL_FOR_GOOD,
    FAIL,
    RELEASE,
];

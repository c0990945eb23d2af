//! Claims: items are given to a worker, each under a lease of its own.

use rusqlite::Connection;

use super::super::guard;
use super::super::time::Time;
use super::claimable::Search;
use super::scopes;
use super::territory::Territory;
use super::views::item;
use crate::access::Rules;
use crate::error::Result;
use crate::metadata::{Claim, ClaimScope, Grant, Supply};
use crate::range::PathRange;
use crate::work::WorkItem;

/// Items of which time made more claimable than the claim takes: so that a backlog of them shrinks.
const AHEAD: usize = 1;

const TAKE_TOKEN: &str = "\
    UPDATE store SET lease_sequence = lease_sequence + 1 WHERE id = 1 RETURNING lease_sequence";
const TAKE: &str = "\
    UPDATE work
    SET status = 'in_progress', worker_id = ?2, started_at = ?3, attempts = attempts + 1,
        lease = ?4, lease_deadline = ?5, lease_expires_at = ?6
    WHERE path = ?1";

/// Gives the worker the first items that it may take, in the write transaction that is open.
pub(in super::super) fn claim(
    connection: &Connection,
    time: &Time,
    claim: &Claim,
    grant: &Grant,
) -> Result<Vec<WorkItem>> {
    let ranges = ranges(connection, &claim.scope)?;
    let territory = Territory::new(&ranges);
    let search = Search {
        connection,
        rules: &grant.rules,
        call: &grant.call,
        territory: &territory,
        whole: claim.scope.whole,
    };
    // What time has made claimable goes first into the queue, a little at a time; where the queue does not
    // hold enough, all that is needed.
    let found = loop {
        let admitted = search.lapses(time).admit(claim.max + AHEAD)?;
        let found = search.first(claim.max)?;
        if found.len() >= claim.max || admitted == 0 {
            break found;
        }
    };
    found
        .into_iter()
        .map(|path| take(connection, time, claim, path, &grant.rules))
        .collect()
}

fn take(
    connection: &Connection,
    time: &Time,
    claim: &Claim,
    path: String,
    rules: &Rules,
) -> Result<WorkItem> {
    let token: i64 = connection
        .prepare_cached(TAKE_TOKEN)?
        .query_row([], |row| row.get(0))?;
    let (wall, boot) = (time.wall(), time.boot());
    connection.prepare_cached(TAKE)?.execute((
        &path,
        &claim.worker_id,
        wall,
        token,
        boot.after(claim.lease).0,
        wall.saturating_add(claim.lease),
    ))?;
    scopes::watch_lease(connection, &path)?;
    item(connection, path, rules, boot)
}

/// Returns whether there is something to claim, in the read transaction that is open.
pub(in super::super) fn supply(
    connection: &Connection,
    time: &Time,
    scope: &ClaimScope,
    grant: &Grant,
) -> Result<Supply> {
    let ranges = ranges(connection, scope)?;
    let territory = Territory::new(&ranges);
    let search = Search {
        connection,
        rules: &grant.rules,
        call: &grant.call,
        territory: &territory,
        whole: scope.whole,
    };
    if !search.first(1)?.is_empty() {
        return Ok(Supply::Now);
    }
    search.lapses(time).supply()
}

/// Returns what the caller may take items from.
fn ranges(connection: &Connection, scope: &ClaimScope) -> Result<Vec<PathRange>> {
    let visible = guard::resolve(&scope.visible, connection)?;
    Ok(scope
        .writable
        .iter()
        .flat_map(|writable| visible.within(writable))
        .collect())
}

/// The statements above, for the test that looks at their plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 2] = [TAKE_TOKEN, TAKE];

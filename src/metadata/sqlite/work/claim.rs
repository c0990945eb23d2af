//! Claims: items are given to a worker, each under a lease of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rusqlite::Connection;

use super::super::guard;
use super::super::leases::Tokens;
use super::super::time::Time;
use super::claimable::Search;
use super::items::place_of;
use super::order::Best;
use super::scopes;
use super::territory::Territory;
use super::views::item;
use crate::error::Result;
use crate::metadata::{Claim, ClaimScope, Grant, Supply};
use crate::range::PathRange;
use crate::work::WorkItem;

/// Items of which time made more claimable than the claim takes: so that a backlog of them shrinks.
const AHEAD: usize = 1;

const TAKE: &str = "\
    UPDATE work
    SET status = 'in_progress', worker_id = ?2, started_at = ?3, attempts = attempts + 1,
        lease = ?4, lease_deadline = ?5, lease_expires_at = ?6
    WHERE path = ?1";

/// Gives the worker the first items that it may take, in the write transaction that is open.
pub(in super::super) fn claim(
    connection: &Connection,
    time: &Time,
    tokens: &Tokens,
    claim: &Claim,
    grant: &Grant,
) -> Result<Vec<WorkItem>> {
    let ranges = ranges(connection, &claim.scope)?;
    let territory = Territory::new(&ranges);
    let search = search(connection, grant, &territory, &claim.scope);
    // What time has made claimable goes first into the queue, a little at a time; where the queue does not
    // hold enough, all that is needed.
    let found = loop {
        let admitted = search.lapses(time).admit(claim.max + AHEAD)?;
        let mut best = Best::new(claim.max);
        let visits = search.offer_to(&mut best)?;
        let found = best.into_paths();
        if found.len() >= claim.max || admitted == 0 {
            for visit in visits {
                visit.note(connection, &found)?;
            }
            break found;
        }
    };
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let first_token = tokens.take(connection, found.len() as i64)?;
    let (wall, boot) = (time.wall(), time.boot());
    let deadline = boot.after(claim.lease);
    let scopes: BTreeSet<&str> = found
        .iter()
        .map(|path| place_of(&grant.rules, path).1)
        .collect();
    for scope in scopes {
        scopes::watch(connection, scope, None, Some(deadline))?;
    }
    found
        .into_iter()
        .zip(first_token..)
        .map(|(path, token)| {
            connection.prepare_cached(TAKE)?.execute((
                &path,
                &claim.worker_id,
                wall,
                token,
                deadline.0,
                wall.saturating_add(claim.lease),
            ))?;
            item(connection, path, &grant.rules, boot)
        })
        .collect()
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
    let search = search(connection, grant, &territory, scope);
    let mut best = Best::new(1);
    search.offer_to(&mut best)?;
    if !best.into_paths().is_empty() {
        return Ok(Supply::Now);
    }
    search.lapses(time).supply()
}

fn search<'a>(
    connection: &'a Connection,
    grant: &'a Grant,
    territory: &'a Territory<'a>,
    scope: &ClaimScope,
) -> Search<'a> {
    Search {
        connection,
        rules: &grant.rules,
        call: &grant.call,
        territory,
        whole: scope.whole,
    }
}

/// Returns what the caller may take items from.
fn ranges<'a>(connection: &Connection, scope: &'a ClaimScope) -> Result<Cow<'a, [PathRange]>> {
    let resolved = match guard::resolve(&scope.changeable, connection)? {
        Cow::Borrowed(changeable) => Cow::Borrowed(&changeable.ranges[..]),
        Cow::Owned(changeable) => Cow::Owned(changeable.within_each(&scope.writable)),
    };
    let Some(prefix) = &scope.prefix else {
        return Ok(resolved);
    };
    let asked_for = resolved
        .iter()
        .filter_map(|range| range.intersection(prefix));
    Ok(Cow::Owned(asked_for.collect()))
}

/// The statements above, for the test that looks at their plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 1] = [TAKE];

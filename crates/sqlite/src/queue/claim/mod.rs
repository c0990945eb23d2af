//! Claims: a worker gets items, each under its own lease.

pub(super) mod fetch;
pub(super) mod search;

use std::borrow::Cow;
use std::cell::LazyCell;
use std::sync::LazyLock;

use foldhash::HashSet;
use nexusfs_core::access::ClaimScope;
use nexusfs_core::metadata::{Claim, Grant, Supply};
use nexusfs_core::range::PathRange;
use nexusfs_core::work::{MOST_ATTEMPTS, Status, WorkItem};
use rusqlite::types::ToSqlOutput;
use rusqlite::{ToSql, params_from_iter};

use self::fetch::Items;
use self::search::Search;
use super::order::Best;
use super::order::partitions::{self, Lapsed, Lapses};
use super::order::ranges::{Territory, parent};
use super::some::{self, AT_ONCE};
use crate::db::backends::BackendCache;
use crate::db::lease_tokens::{Reservation, Tokens};
use crate::db::time::{BootTime, Time};
use crate::db::visible;
use crate::driver::statements::Connection;
use crate::error::{Error, Result};

/// What a claim reads first: the reserved tokens, and whether any item is due or expired.
const OPENING: &str = concat!(
    "SELECT lease_sequence, lease_holder, lease_origin, ",
    partitions::any_time_has_come!(),
    " FROM store WHERE id = 1"
);
/// Claims an item.
static TAKE: LazyLock<String> = LazyLock::new(|| take("= ?5", "?6", ""));
static TAKE_SOME: LazyLock<String> = LazyLock::new(|| {
    let token = some::choose("path", 5, |place| format!("?{}", 5 + AT_ONCE + place));
    take(&some::any_of(5), &token, "")
});
/// As [`TAKE`], for an item that was delayed, or whose lease has expired.
static TAKE_LAPSED: LazyLock<String> = LazyLock::new(|| {
    let more = "delayed = 0,
         last_error = iif(status = 2 /* in_progress */,
                          'the lease of ' || coalesce(worker_id, 'a worker') || ' expired',
                          last_error),";
    take("= ?5", "?6", more)
});

fn take(which: &str, token: &str, more: &str) -> String {
    format!(
        "UPDATE OR FAIL work
         SET {more} status = 2 /* in_progress */, worker_id = ?1, started_at = ?2,
             lease_deadline = ?3, lease_expires_at = ?4, attempts = attempts + (attempts < {MOST_ATTEMPTS}),
             lease = {token}
         WHERE path {which}"
    )
}

/// The state of a claim, in the open write transaction.
pub(in super::super) struct Claims<'a> {
    pub connection: &'a Connection,
    pub backends: &'a BackendCache,
    pub time: &'a Time,
    pub tokens: &'a Tokens,
    /// Whether the commit of the transaction will be synced.
    pub is_synced: bool,
}

impl Claims<'_> {
    /// Claims the first items that the worker may take. `None`: this needs a transaction whose commit is synced, and
    /// the changes so far must be rolled back.
    pub fn claim(&self, claim: &Claim, grant: &Grant) -> Result<Option<Vec<WorkItem>>> {
        let ranges = ranges(self.connection, &claim.scope)?;
        let territory = Territory::new(&ranges);
        let search = search(self.connection, grant, &territory, &claim.scope);
        let lapses = search.lapses(self.time);
        let (last, mut any_lapsed) = open(self.connection, &lapses)?;
        let mut unreadable = std::collections::HashSet::new();
        loop {
            // Each round considers some of the due and expired items. Those that are not taken are enqueued, so that
            // the next round considers others. It continues until there are enough items.
            let lapsed = match any_lapsed {
                true => lapses.first(claim.max)?,
                false => Lapsed::default(),
            };
            let mut best = Best::without(claim.max, &unreadable);
            lapsed.offer_to(&mut best);
            let visits = search.offer_to(&mut best)?;
            let found = best.into_places();
            if found.len() < claim.max && !lapsed.is_empty() {
                lapsed.admit(&lapses)?;
                any_lapsed = lapses.has_any_time_come()?;
                continue;
            }
            let items = Items {
                connection: self.connection,
                backends: self.backends,
                rules: &grant.rules,
                call: &grant.call,
            };
            let (items, damaged) = items.claimable(&found)?;
            if !damaged.is_empty() {
                unreadable.extend(damaged);
                continue;
            }
            let directories = found.iter().map(|place| parent(&place.path));
            let taken_from = LazyCell::new(|| directories.collect::<HashSet<_>>());
            for visit in visits {
                visit.note(self.connection, |directory| taken_from.contains(directory))?;
            }
            let items = match items.len() {
                0 => items,
                count => {
                    let now = self.time.wall();
                    let (connection, is_synced) = (self.connection, self.is_synced);
                    let tokens = self.tokens.take(connection, count, last, now, is_synced)?;
                    let Some(tokens) = tokens else {
                        return Ok(None);
                    };
                    self.take(claim, grant, items, &lapsed, &tokens)?
                }
            };
            lapsed.admit_rest(&lapses, &found)?;
            return Ok(Some(items));
        }
    }

    /// Claims `items`, each under a lease with one of `tokens`.
    fn take(
        &self,
        claim: &Claim,
        grant: &Grant,
        mut items: Vec<WorkItem>,
        lapsed: &Lapsed,
        tokens: &[i64],
    ) -> Result<Vec<WorkItem>> {
        let (wall, boot) = (self.time.wall(), self.time.boot());
        let deadline = boot.after(claim.lease);
        let (mut last, mut watched) = (None, None);
        for item in &items {
            let directory = parent(item.path.as_str());
            if last == Some(directory) {
                continue;
            }
            let scope = grant.rules.scope_of(directory);
            if watched != Some(scope) {
                partitions::watch(self.connection, scope, None, Some(deadline))?;
            }
            (last, watched) = (Some(directory), Some(scope));
        }
        for (item, token) in items.iter_mut().zip(tokens) {
            item.status = Status::InProgress;
            item.worker_id = Some(claim.worker_id.clone());
            item.started_at = Some(wall);
            item.attempts = item.attempts.saturating_add(1).min(MOST_ATTEMPTS as u64);
            item.lease = *token as u64;
            item.lease_expires_at = Some(wall.saturating_add(claim.lease));
        }
        let is_lapsed = |item: &&WorkItem| lapsed.contains(item.path.as_str());
        let (lapsed, mut waiting): (Vec<_>, Vec<_>) = items.iter().partition(is_lapsed);
        waiting.sort_unstable_by_key(|item| &item.path);
        for items in waiting.chunks(AT_ONCE) {
            let sql: &str = if items.len() > 1 { &TAKE_SOME } else { &TAKE };
            self.write_down(sql, items, deadline)?;
        }
        for item in lapsed.chunks(1) {
            self.write_down(&TAKE_LAPSED, item, deadline)?;
        }
        Ok(items)
    }

    /// Stores the leases of `items`, which belong to one worker and are ordered by path.
    fn write_down(&self, sql: &'static str, items: &[&WorkItem], deadline: BootTime) -> Result<()> {
        let first = items[0];
        let paths = items
            .iter()
            .map(|item| ToSqlOutput::from(item.path.as_str()));
        let tokens = items
            .iter()
            .map(|item| ToSqlOutput::from(item.lease as i64));
        let mut params: Vec<ToSqlOutput<'_>> = vec![
            first.worker_id.to_sql()?,
            first.started_at.to_sql()?,
            deadline.0.into(),
            first.lease_expires_at.to_sql()?,
        ];
        params.extend(some::parameters(paths));
        params.extend(some::parameters(tokens));
        let mut statement = self.connection.prepare_cached(sql)?;
        match statement.execute(params_from_iter(params))? {
            taken if taken == items.len() => Ok(()),
            _ => Err(Error::internal("an item is gone while it is claimed")),
        }
    }
}

/// Returns the engine that reserved tokens last, and whether any item is due or expired.
fn open(connection: &Connection, lapses: &Lapses<'_>) -> Result<(Reservation, bool)> {
    Ok(connection
        .prepare_cached(OPENING)?
        .query_row((lapses.wall, lapses.boot.0), |row| {
            let last = Reservation {
                newest: row.get(0)?,
                holder: row.get(1)?,
                origin: row.get(2)?,
            };
            Ok((last, row.get(3)?))
        })?)
}

/// Returns whether an item is claimable, in the open read transaction. Like a claim, it skips unreadable items:
/// otherwise workers would wait for such an item and claim nothing, again and again. A due or expired item counts
/// without a read, because the next claim enqueues it.
pub(in super::super) fn supply(
    connection: &Connection,
    backends: &BackendCache,
    time: &Time,
    scope: &ClaimScope,
    grant: &Grant,
) -> Result<Supply> {
    let ranges = ranges(connection, scope)?;
    let territory = Territory::new(&ranges);
    let search = search(connection, grant, &territory, scope);
    let items = Items {
        connection,
        backends,
        rules: &grant.rules,
        call: &grant.call,
    };
    let mut unreadable = std::collections::HashSet::new();
    loop {
        // One is enough. If they are damaged, it doubles the number each time, so that many damaged items do not cost a
        // search each.
        let mut best = Best::without(unreadable.len().max(1), &unreadable);
        search.offer_to(&mut best)?;
        let found = best.into_places();
        if found.is_empty() {
            return search.lapses(time).supply();
        }
        let (readable, damaged) = items.claimable(&found)?;
        if !readable.is_empty() {
            return Ok(Supply::Now);
        }
        unreadable.extend(damaged);
    }
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

/// Returns the claim ranges of the caller.
fn ranges<'a>(connection: &Connection, scope: &'a ClaimScope) -> Result<Cow<'a, [PathRange]>> {
    let resolved = match visible::resolve(&scope.changeable, connection)? {
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

/// The statements above, for the test of their query plans.
#[cfg(test)]
pub(super) fn statements() -> [&'static str; 4] {
    [OPENING, &TAKE, &TAKE_SOME, &TAKE_LAPSED]
}

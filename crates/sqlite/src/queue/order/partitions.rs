//! Items that become claimable by time: delayed items that fall due, and items with expired leases.
//!
//! No process waits for either. `work_scopes` has a lower bound of the next due time and the next expiry of each owner
//! partition. A claim visits the partitions whose bound has passed, and enqueues a few items of each. So a long backlog
//! costs a claim no more than a short one.

use std::collections::HashSet;
use std::time::Duration;

use nexusfs_core::access::Rules;
use nexusfs_core::call::Call;
use nexusfs_core::metadata::Supply;
use nexusfs_core::time::Micros;
use rusqlite::{OptionalExtension, Row};

use super::ranges::{Coverage, Territory, after};
use super::{Best, Place, directories, path_of};
use crate::db::rows::integer;
use crate::db::time::BootTime;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Most partitions with due or expired items that one claim of the whole store visits.
const SCOPES_AT_ONCE: usize = 16;
/// Up to this many items of a kind and partition are considered at once, so that they come in claim order: usually more
/// than one worker holds.
const FEW: usize = 32;
/// Delayed or running items outside of the claim ranges that are read to find the first one inside.
const LOOKED_AHEAD: usize = 256;
/// Most due or expired items that are still blocked which one claim clears, per kind and partition.
const PUT_AWAY: usize = 256;

/// Whether the bound of any partition has passed, by the wall clock and the boot clock.
macro_rules! any_time_has_come {
    () => {
        "EXISTS (SELECT 1 FROM work_scopes INDEXED BY work_scopes_due WHERE next_due <= ?1)
         OR EXISTS (SELECT 1 FROM work_scopes INDEXED BY work_scopes_expiry WHERE next_expiry <= ?2)"
    };
}
pub(in super::super) use any_time_has_come;

const ANY_TIME_HAS_COME: &str = concat!("SELECT ", any_time_has_come!());
const FIRST_DUE: &str = "\
    SELECT scope, next_due, next_expiry FROM work_scopes INDEXED BY work_scopes_due
    WHERE next_due <= ?1 ORDER BY next_due LIMIT ?2";
const FIRST_EXPIRED: &str = "\
    SELECT scope, next_due, next_expiry FROM work_scopes INDEXED BY work_scopes_expiry
    WHERE next_expiry <= ?1 ORDER BY next_expiry LIMIT ?2";
const NEXT_SCOPE: &str = "\
    SELECT scope, next_due, next_expiry FROM work_scopes
    WHERE scope >= ?1 ORDER BY scope LIMIT 1";
/// The sort key of an item, its path, whether it can be claimed, and whether no attempt is left.
const DUE: &str = "\
    SELECT rank, created_at, 0, path, status IS 1 /* ready */ AND open_edges = 0, 0
    FROM work INDEXED BY work_delayed
    WHERE delayed = 1 AND scope = ?1 AND not_before <= ?2 ORDER BY not_before, path";
/// As [`DUE`], for expired leases, those that began first. The index alone shows which leases have expired. An item
/// that is also due is found by both; this one makes it claimable.
const EXPIRED: &str = "\
    SELECT rank, created_at, 0, path, open_edges = 0 AND (delayed = 0 OR not_before <= ?3),
           coalesce(attempts >= max_attempts, 0)
    FROM (SELECT path AS expired, started_at AS since FROM work INDEXED BY work_running
          WHERE status = 2 /* in_progress */ AND scope = ?1 AND lease_deadline <= ?2)
    CROSS JOIN work ON path = expired
    ORDER BY since, expired DESC";
/// Has a row where [`DUE`] and [`EXPIRED`] have more than a number: the index alone says it.
pub(in super::super) const MORE_DUE: &str = "\
    SELECT 1 FROM work INDEXED BY work_delayed
    WHERE delayed = 1 AND scope = ?1 AND not_before <= ?2 LIMIT 1 OFFSET ?3";
pub(in super::super) const MORE_EXPIRED: &str = "\
    SELECT 1 FROM work INDEXED BY work_running
    WHERE status = 2 /* in_progress */ AND scope = ?1 AND lease_deadline <= ?2 LIMIT 1 OFFSET ?3";
/// Delayed items that would be claimable otherwise, and their times.
const NEXT_DUE: &str = "\
    SELECT not_before, path FROM work INDEXED BY work_delayed
    WHERE delayed = 1 AND scope = ?1 AND status = 1 /* ready */ AND open_edges = 0
    ORDER BY not_before";
const CLAIMABLE_DUE: &str = "\
    SELECT rank, created_at, 0, path FROM work INDEXED BY work_delayed
    WHERE delayed = 1 AND scope = ?1 AND not_before <= ?2 AND status = 1 /* ready */ AND open_edges = 0";
const NEXT_EXPIRY: &str = "\
    SELECT lease_deadline, path FROM work INDEXED BY work_running
    WHERE status = 2 /* in_progress */ AND scope = ?1 AND lease_deadline IS NOT NULL
    ORDER BY lease_deadline";
const FIRST_TIMES: &str = "\
    SELECT (SELECT min(next_due) FROM work_scopes INDEXED BY work_scopes_due
            WHERE next_due IS NOT NULL),
           (SELECT min(next_expiry) FROM work_scopes INDEXED BY work_scopes_expiry
            WHERE next_expiry IS NOT NULL)";
const ADMIT_DUE: &str = "UPDATE work SET delayed = 0 WHERE path = ?1";
const SET_NEXT_DUE: &str = "\
    UPDATE work_scopes
    SET next_due = (SELECT not_before FROM work INDEXED BY work_delayed
                    WHERE delayed = 1 AND scope = ?1 ORDER BY not_before LIMIT 1)
    WHERE scope = ?1";
const SET_NEXT_EXPIRY: &str = "\
    UPDATE work_scopes
    SET next_expiry = (SELECT min(lease_deadline) FROM work INDEXED BY work_running
                       WHERE status = 2 /* in_progress */ AND scope = ?1)
    WHERE scope = ?1";
/// An expired lease counts as a failed attempt.
const EXPIRE: &str = end_lease!(
    "status = 1 /* ready */, worker_id = NULL, started_at = NULL,
     last_error = 'the lease of ' || coalesce(worker_id, 'a worker') || ' expired'"
);
const EXPIRE_FOR_GOOD: &str = end_lease!(
    "status = 6 /* failed */,
     last_error = 'the lease of ' || coalesce(worker_id, 'a worker') || ' expired'"
);
const WATCHED: &str = "SELECT scope, next_due, next_expiry FROM work_scopes WHERE scope = ?1";
const WATCH: &str = "\
    INSERT INTO work_scopes (scope, next_due, next_expiry) VALUES (?1, ?2, ?3)
    ON CONFLICT (scope) DO UPDATE
    SET next_due = excluded.next_due, next_expiry = excluded.next_expiry";

/// Lowers the bounds of `scope` to the due time `due` and the lease deadline `deadline`.
pub(in super::super) fn watch(
    connection: &Connection,
    scope: &str,
    due: Option<Micros>,
    deadline: Option<BootTime>,
) -> Result<()> {
    let (next_due, next_expiry) = connection
        .prepare_cached(WATCHED)?
        .query_row([scope], Watched::read)
        .optional()?
        .map_or((None, None), |watched| {
            (watched.next_due, watched.next_expiry)
        });
    let earlier = |new: Option<i64>, known: Option<i64>| new.into_iter().chain(known).min();
    let wanted = (
        earlier(due, next_due),
        earlier(deadline.map(|deadline| deadline.0), next_expiry),
    );
    if wanted != (next_due, next_expiry) {
        connection
            .prepare_cached(WATCH)?
            .execute((scope, wanted.0, wanted.1))?;
    }
    Ok(())
}

/// As [`watch()`], for the item at `path`, which moved to `scope`.
pub(in super::super) fn watch_item(connection: &Connection, scope: &str, path: &str) -> Result<()> {
    let times: Option<(Option<Micros>, Option<i64>)> = connection
        .prepare_cached(
            "SELECT iif(delayed = 1, not_before, NULL), lease_deadline FROM work WHERE path = ?1",
        )?
        .query_row([path], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (due, deadline) = times.unwrap_or_default();
    watch(connection, scope, due, deadline.map(BootTime))
}

/// An owner partition, and the earliest time at which one of its items becomes claimable by time.
struct Watched {
    scope: String,
    next_due: Option<Micros>,
    next_expiry: Option<i64>,
}

impl Watched {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Watched {
            scope: row.get(0)?,
            next_due: row.get(1)?,
            next_expiry: row.get(2)?,
        })
    }
}

/// Why an item becomes claimable by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `not_before` has passed.
    Due,
    /// The lease has ended.
    Expired,
}

struct LapsedItem {
    place: Place,
    is_claimable: bool,
    kind: Kind,
}

/// Due and expired items that are not enqueued yet.
#[derive(Default)]
pub(in super::super) struct Lapsed {
    items: Vec<LapsedItem>,
    paths: HashSet<String>,
    /// The partitions whose bound of a kind must be recomputed.
    outdated: Vec<(Kind, String)>,
}

impl Lapsed {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn contains(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    pub fn offer_to(&self, best: &mut Best<'_>) {
        for item in self.items.iter().filter(|item| item.is_claimable) {
            best.offer(item.place.clone());
        }
    }

    /// Enqueues all of them.
    pub fn admit(&self, lapses: &Lapses<'_>) -> Result<()> {
        self.admit_those(lapses, |_| true)
    }

    /// After the items at the positions `taken` were taken, enqueues the others: otherwise they would block the items
    /// behind them.
    pub fn admit_rest(&self, lapses: &Lapses<'_>, taken: &[Place]) -> Result<()> {
        if self.items.is_empty() && self.outdated.is_empty() {
            return Ok(());
        }
        let taken: HashSet<&String> = taken.iter().map(|place| &place.path).collect();
        self.admit_those(lapses, |item| !taken.contains(&item.place.path))
    }

    fn admit_those(&self, lapses: &Lapses<'_>, goes: impl Fn(&LapsedItem) -> bool) -> Result<()> {
        let connection = lapses.connection;
        for item in self.items.iter().filter(|item| goes(item)) {
            let sql = match item.kind {
                Kind::Due => ADMIT_DUE,
                Kind::Expired => EXPIRE,
            };
            connection
                .prepare_cached(sql)?
                .execute([&item.place.path])?;
            directories::announce(connection, &item.place.path)?;
        }
        for (kind, scope) in &self.outdated {
            let sql = match kind {
                Kind::Due => SET_NEXT_DUE,
                Kind::Expired => SET_NEXT_EXPIRY,
            };
            connection.prepare_cached(sql)?.execute([scope])?;
        }
        Ok(())
    }
}

/// The due and expired items within claim ranges.
pub(in super::super) struct Lapses<'a> {
    pub connection: &'a Connection,
    pub rules: &'a Rules,
    pub call: &'a Call,
    pub territory: &'a Territory<'a>,
    /// The claim ranges are nearly the whole store.
    pub whole: bool,
    pub wall: Micros,
    pub boot: BootTime,
}

impl Lapses<'_> {
    /// Returns up to `limit` items of each kind and partition that can be claimed, and some that cannot; all items of a
    /// partition that has few. Expired ones without attempts left fail on the way.
    pub fn first(&self, limit: usize) -> Result<Lapsed> {
        let mut lapsed = Lapsed::default();
        if self.whole {
            let scopes = self.longest_due()?;
            // Partitions with more items move back; otherwise others would never be visited.
            let are_more = scopes.len() >= SCOPES_AT_ONCE;
            self.gather(&scopes, limit, are_more, &mut lapsed)?;
            if lapsed.items.len() >= limit || !are_more {
                return Ok(lapsed);
            }
            lapsed = Lapsed::default();
        }
        self.gather(&self.scopes()?, limit, false, &mut lapsed)?;
        Ok(lapsed)
    }

    /// Adds the items of each of `scopes`.
    fn gather(
        &self,
        scopes: &[Watched],
        limit: usize,
        step_back: bool,
        lapsed: &mut Lapsed,
    ) -> Result<()> {
        for watched in scopes {
            self.call.check()?;
            let scope = &watched.scope;
            let is_due = watched.next_due.is_some_and(|due| due <= self.wall);
            let has_expired = watched.next_expiry.is_some_and(|end| end <= self.boot.0);
            for (kind, has_come) in [(Kind::Due, is_due), (Kind::Expired, has_expired)] {
                if has_come && (self.gather_kind(kind, scope, limit, lapsed)? || step_back) {
                    lapsed.outdated.push((kind, scope.clone()));
                }
            }
        }
        Ok(())
    }

    /// Adds the first items of the kind within the claim ranges; returns whether they are certainly all of the
    /// partition.
    fn gather_kind(
        &self,
        kind: Kind,
        scope: &str,
        limit: usize,
        lapsed: &mut Lapsed,
    ) -> Result<bool> {
        let covered = self.territory.coverage_below(scope) == Coverage::Whole;
        let limit = match self.are_few(kind, scope)? {
            true => usize::MAX,
            false => limit,
        };
        let mut out_of_attempts = Vec::new();
        let (mut claimable, mut others) = (0, 0);
        let mut statement = self.connection.prepare_cached(match kind {
            Kind::Due => DUE,
            Kind::Expired => EXPIRED,
        })?;
        let mut found = match kind {
            Kind::Due => statement.query((scope, self.wall))?,
            Kind::Expired => statement.query((scope, self.boot.0, self.wall))?,
        };
        // Whether there are more than the limit is for the next claim to find out.
        let is_end = loop {
            if claimable >= limit || others >= PUT_AWAY {
                break false;
            }
            let Some(row) = found.next()? else { break true };
            self.call.check()?;
            let Some(place) = Place::read(row) else {
                continue;
            };
            if !covered && !self.territory.contains(&place.path) {
                continue;
            }
            if integer(row, 5) == Some(1) {
                out_of_attempts.push(place.path);
                continue;
            }
            let item = LapsedItem {
                place,
                is_claimable: integer(row, 4) == Some(1),
                kind,
            };
            match item.is_claimable {
                true => claimable += 1,
                false => others += 1,
            }
            lapsed.paths.insert(item.place.path.clone());
            lapsed.items.push(item);
        };
        drop(found);
        for path in out_of_attempts {
            self.connection
                .prepare_cached(EXPIRE_FOR_GOOD)?
                .execute([path])?;
        }
        Ok(covered && is_end)
    }

    fn are_few(&self, kind: Kind, scope: &str) -> Result<bool> {
        let (sql, until) = match kind {
            Kind::Due => (MORE_DUE, self.wall),
            Kind::Expired => (MORE_EXPIRED, self.boot.0),
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(!statement.exists((scope, until, FEW as i64))?)
    }

    /// Offers due items that are not enqueued yet.
    pub fn offer_due_to(&self, best: &mut Best<'_>) -> Result<()> {
        if !self.has_any_time_come()? {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(CLAIMABLE_DUE)?;
        for watched in self.scopes()? {
            if watched.next_due.is_none_or(|due| due > self.wall) {
                continue;
            }
            let mut found = statement.query((&watched.scope, self.wall))?;
            while let Some(row) = found.next()? {
                self.call.check()?;
                if path_of(row).is_some_and(|path| self.territory.contains(path))
                    && let Some(place) = Place::read(row)
                {
                    best.offer(place);
                }
            }
        }
        Ok(())
    }

    /// Returns when the next item becomes claimable by time.
    pub fn supply(&self) -> Result<Supply> {
        let mut first: Option<Micros> = None;
        let mut waits = |wait: Option<Micros>| first = first.into_iter().chain(wait).min();
        if self.whole && !self.has_any_time_come()? {
            let (due, expiry) = self
                .connection
                .prepare_cached(FIRST_TIMES)?
                .query_row([], |row| {
                    Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
                })?;
            waits(due.map(|due| due.saturating_sub(self.wall)));
            waits(expiry.map(|end| end.saturating_sub(self.boot.0)));
        } else {
            for watched in self.scopes()? {
                self.call.check()?;
                if let Some(due) = watched.next_due {
                    waits(self.wait_for(NEXT_DUE, &watched.scope, due, self.wall)?);
                }
                if let Some(end) = watched.next_expiry {
                    waits(self.wait_for(NEXT_EXPIRY, &watched.scope, end, self.boot.0)?);
                }
            }
        }
        Ok(match first {
            None => Supply::None,
            Some(wait) => match u64::try_from(wait) {
                Ok(wait) if wait > 0 => Supply::After(Duration::from_micros(wait)),
                _ => Supply::Now,
            },
        })
    }

    /// Returns how long after `now` an item in `scope` becomes claimable at the earliest, which is not before `bound`.
    fn wait_for(
        &self,
        sql: &'static str,
        scope: &str,
        bound: i64,
        now: i64,
    ) -> Result<Option<Micros>> {
        if bound > now {
            return Ok(Some(bound.saturating_sub(now)));
        }
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([scope])?;
        let mut later = 0;
        while let Some(row) = found.next()? {
            let (Some(time), Ok(path)) = (integer(row, 0), row.get_ref(1)?.as_str()) else {
                continue;
            };
            later += usize::from(time > now);
            // After this many items of other owners, it is early enough to check again.
            if later >= LOOKED_AHEAD || self.territory.contains(path) {
                return Ok(Some(time.saturating_sub(now)));
            }
            self.call.check()?;
        }
        Ok(None)
    }

    pub fn has_any_time_come(&self) -> Result<bool> {
        Ok(self
            .connection
            .prepare_cached(ANY_TIME_HAS_COME)?
            .query_row((self.wall, self.boot.0), |row| row.get(0))?)
    }

    /// Returns partitions of the whole store with due or expired items.
    fn longest_due(&self) -> Result<Vec<Watched>> {
        let mut scopes: Vec<Watched> = Vec::new();
        for (sql, until) in [(FIRST_DUE, self.wall), (FIRST_EXPIRED, self.boot.0)] {
            let mut statement = self.connection.prepare_cached(sql)?;
            for found in statement.query_map((until, SCOPES_AT_ONCE as i64), Watched::read)? {
                let found = found?;
                if scopes.iter().all(|known| known.scope != found.scope) {
                    scopes.push(found);
                }
            }
        }
        Ok(scopes)
    }

    /// Returns the partitions that overlap the claim ranges.
    fn scopes(&self) -> Result<Vec<Watched>> {
        let mut scopes = Vec::new();
        let mut statement = self.connection.prepare_cached(NEXT_SCOPE)?;
        let first = self.territory.first_directory();
        let mut next = first.map(|directory| self.rules.scope_of(directory).to_owned());
        while let Some(position) = next {
            let Some(watched) = statement.query_row([&position], Watched::read).optional()? else {
                break;
            };
            if self.territory.coverage_below(&watched.scope) == Coverage::Nothing {
                let directory = self.territory.next_directory(&watched.scope);
                next = directory.map(|directory| {
                    let scope = self.rules.scope_of(&directory);
                    scope.to_owned().max(after(&watched.scope))
                });
                continue;
            }
            next = Some(after(&watched.scope));
            scopes.push(watched);
        }
        Ok(scopes)
    }
}

/// The statements that run on the queues, for the test of their query plans.
#[cfg(test)]
pub(in super::super) const STATEMENTS: [&str; 14] = [
    ANY_TIME_HAS_COME,
    FIRST_TIMES,
    FIRST_DUE,
    FIRST_EXPIRED,
    NEXT_SCOPE,
    DUE,
    EXPIRED,
    ADMIT_DUE,
    EXPIRE,
    EXPIRE_FOR_GOOD,
    WATCHED,
    SET_NEXT_DUE,
    SET_NEXT_EXPIRY,
    NEXT_DUE,
];

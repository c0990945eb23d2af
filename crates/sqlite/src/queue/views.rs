//! The five queries over work items.
//!
//! A handle that sees everything scans the index in the order of the view, and stops at the limit. Another handle scans
//! it, too, as long as it has to skip few items. Otherwise it scans its visible ranges and keeps the first items, so
//! that the cost depends on the visible items.

use std::collections::HashSet;

use nexusfs_core::access::Rules;
use nexusfs_core::call::Call;
use nexusfs_core::range::{PathRange, Visible};
use nexusfs_core::work::{Status, WorkItem, WorkView};
use rusqlite::OptionalExtension;

use super::claim::fetch::Items;
use super::claim::search::Search;
use super::order::ranges::{Territory, after, parent};
use super::order::{Best, Place, Term, path_of};
use super::scan::RawItem;
use crate::db::backends::BackendCache;
use crate::db::time::Time;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Items that a scan may skip before it is abandoned: a number for each requested item, within bounds.
const SKIPPED_PER_ITEM: usize = 4;
const SKIPPED_AT_LEAST: usize = 1024;
const SKIPPED_AT_MOST: usize = 16 * 1024;

/// Fewer items than these are read one by one.
const MANY: usize = 256;

/// How a view is computed. Each statement selects what an item is sorted by, in terms that sort upwards, and its path.
/// They name their indexes, because the planner does not know the sizes of the queues.
struct Plan {
    /// All of it, in order.
    walk: &'static str,
    /// What lies between two paths, in any order.
    within: &'static str,
}

const BLOCKED: Plan = Plan {
    // The index's own condition, word for word.
    walk: "\
        SELECT -open_edges, rank, created_at, path FROM work INDEXED BY work_blocked
        WHERE (status = 4 /* blocked */ OR (status IN (1 /* ready */, 5 /* pending */) AND open_edges > 0))
        ORDER BY open_edges DESC, rank, created_at, path",
    within: "\
        SELECT -open_edges, rank, created_at, path FROM work NOT INDEXED
        WHERE (status = 4 /* blocked */ OR (status IN (1 /* ready */, 5 /* pending */) AND open_edges > 0))
          AND path >= ?1 AND path < ?2",
};
const PENDING: Plan = Plan {
    walk: "\
        SELECT rank, created_at, 0, path FROM work INDEXED BY work_pending
        WHERE status = 5 /* pending */ AND open_edges = 0
        ORDER BY rank, created_at, path",
    within: "\
        SELECT rank, created_at, 0, path FROM work INDEXED BY work_by_status
        WHERE status = 5 /* pending */ AND status >= 4 AND open_edges = 0 AND path >= ?1 AND path < ?2",
};
const BY_PRIORITY: Plan = Plan {
    walk: "\
        SELECT rank, created_at, 0, path FROM work INDEXED BY work_by_rank
        WHERE item = 1
        ORDER BY rank, created_at, path",
    within: "\
        SELECT rank, created_at, 0, path FROM work NOT INDEXED
        WHERE item = 1 AND path >= ?1 AND path < ?2",
};
/// Numbers of rows, up to a limit.
const ROWS_WITHIN: &str = "\
    SELECT count(*) FROM (SELECT 1 FROM work NOT INDEXED WHERE path >= ?1 AND path < ?2 LIMIT ?3)";
const CLAIMABLE_ROWS: &str = "\
    SELECT count(*) FROM (SELECT 1 FROM work INDEXED BY work_claimable
                          WHERE status = 1 /* ready */ AND (open_edges = 0 AND delayed = 0) LIMIT ?1)";
const BLOCKED_ROWS: &str = "\
    SELECT count(*) FROM (SELECT 1 FROM work INDEXED BY work_blocked
                          WHERE (status = 4 /* blocked */ OR (status IN (1 /* ready */, 5 /* pending */) AND open_edges > 0))
                          LIMIT ?1)";
const PENDING_ROWS: &str = "\
    SELECT count(*) FROM (SELECT 1 FROM work INDEXED BY work_pending
                          WHERE status = 5 /* pending */ AND open_edges = 0 LIMIT ?1)";
const RUNNING_ROWS: &str = "\
    SELECT count(*) FROM (SELECT 1 FROM work INDEXED BY work_running
                          WHERE status = 2 /* in_progress */ LIMIT ?1)";
/// The next partition with items in progress.
const NEXT_RUNNING_SCOPE: &str = "\
    SELECT scope FROM work INDEXED BY work_running
    WHERE status = 2 /* in_progress */ AND scope >= ?1 AND scope < ?2 ORDER BY scope LIMIT 1";
/// Those of a partition, newest first. `~` reverses the order; items without a start come last.
const RUNNING_IN_SCOPE: &str = "\
    SELECT ~started_at, 0, 0, path FROM work INDEXED BY work_running
    WHERE status = 2 /* in_progress */ AND scope = ?1
    ORDER BY scope, started_at DESC, path";

/// What the views of a caller are computed from.
pub(in super::super) struct Views<'a> {
    pub connection: &'a Connection,
    /// What the caller sees, resolved.
    pub visible: &'a Visible,
    pub backends: &'a BackendCache,
    pub rules: &'a Rules,
    pub call: &'a Call,
    pub time: &'a Time,
}

impl Views<'_> {
    /// Returns the first `limit` items of `view`.
    pub fn view(&self, view: WorkView, limit: usize) -> Result<Vec<WorkItem>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let items = Items {
            connection: self.connection,
            backends: self.backends,
            rules: self.rules,
            call: self.call,
        };
        if self.is_most(view, limit)? {
            return self.most(view, limit, &items);
        }
        let mut unreadable = HashSet::new();
        loop {
            let best = Best::without(limit, &unreadable);
            let places = match view {
                WorkView::Ready => self.ready(best)?,
                WorkView::Blocked => self.planned(&BLOCKED, best)?,
                WorkView::Pending => self.planned(&PENDING, best)?,
                WorkView::InProgress => self.in_progress(best)?,
                WorkView::ByPriority => self.planned(&BY_PRIORITY, best)?,
            };
            let (items, damaged) = match view {
                WorkView::Ready => items.claimable(&places)?,
                _ => items.at(self.time.boot(), &places)?,
            };
            if damaged.is_empty() || places.len() < limit {
                return Ok(items);
            }
            unreadable.extend(damaged);
        }
    }

    /// Returns whether the view up to `limit` is many items, and most of all visible ones.
    fn is_most(&self, view: WorkView, limit: usize) -> Result<bool> {
        if limit < MANY {
            return Ok(false);
        }
        let mut left = limit.saturating_mul(2).min(i64::MAX as usize) as i64;
        let most = left;
        let mut count = self.connection.prepare_cached(ROWS_WITHIN)?;
        for range in &self.visible.ranges {
            let rows: i64 = count.query_row((&range.start, &range.end, left), |row| row.get(0))?;
            left -= rows;
            if left == 0 {
                return Ok(false);
            }
        }
        let rows = most - left;
        let index = match view {
            WorkView::ByPriority => return Ok(rows >= MANY as i64),
            // For other views, the number of visible items is only known if everything is visible.
            _ if !self.visible.nearly_all => return Ok(false),
            WorkView::Ready => CLAIMABLE_ROWS,
            WorkView::Blocked => BLOCKED_ROWS,
            WorkView::Pending => PENDING_ROWS,
            WorkView::InProgress => RUNNING_ROWS,
        };
        let mut count = self.connection.prepare_cached(index)?;
        let items: i64 = count.query_row([rows], |row| row.get(0))?;
        Ok(items >= MANY as i64 && items >= rows / 2)
    }

    /// Scans all visible items, and sorts those of the view.
    fn most(&self, view: WorkView, limit: usize, items: &Items<'_>) -> Result<Vec<WorkItem>> {
        let (wall, boot) = (self.time.wall(), self.time.boot());
        let is = |item: &RawItem, status: Status| item.status == status.number();
        let is_open = |item: &RawItem| item.blocker_count > 0;
        let is_delayed =
            |item: &RawItem| item.delayed && item.not_before.is_none_or(|due| due > wall);
        let is_wanted = |item: &RawItem| match view {
            WorkView::Ready => is(item, Status::Ready) && !is_open(item) && !is_delayed(item),
            WorkView::Blocked => {
                let waits = is(item, Status::Ready) || is(item, Status::Pending);
                is(item, Status::Blocked) || (waits && is_open(item))
            }
            WorkView::Pending => is(item, Status::Pending) && !is_open(item),
            WorkView::InProgress => is(item, Status::InProgress),
            WorkView::ByPriority => true,
        };
        let key = |item: &WorkItem| {
            let (rank, created) = (Term::from(item.priority), Term::Number(item.created_at));
            match view {
                WorkView::Blocked => [Term::Number(-(item.blocker_count as i64)), rank, created],
                WorkView::InProgress => {
                    let newest_first = Term::from(item.started_at.map(|time| !time));
                    [newest_first, Term::Absent, Term::Absent]
                }
                _ => [rank, created, Term::Absent],
            }
        };
        let mut found = items.in_path_order(boot, &self.visible.ranges, is_wanted, key)?;
        found.truncate(limit);
        Ok(found)
    }

    /// Returns the claimable items, including due items that no claim has enqueued yet.
    fn ready(&self, mut best: Best<'_>) -> Result<Vec<Place>> {
        let territory = Territory::new(&self.visible.ranges);
        let search = Search {
            connection: self.connection,
            rules: self.rules,
            call: self.call,
            territory: &territory,
            whole: self.visible.nearly_all,
        };
        search.offer_to(&mut best)?;
        search.lapses(self.time).offer_due_to(&mut best)?;
        Ok(best.into_places())
    }

    /// Visits the partitions with items in progress, each until the items found precede the rest.
    fn in_progress(&self, mut best: Best<'_>) -> Result<Vec<Place>> {
        let mut running = self.connection.prepare_cached(RUNNING_IN_SCOPE)?;
        let mut next = self.connection.prepare_cached(NEXT_RUNNING_SCOPE)?;
        for range in &self.visible.ranges {
            let mut position = self.rules.scope_of(parent(&range.start)).to_owned();
            while let Some(scope) = next
                .query_row((&position, &range.end), |row| row.get::<_, String>(0))
                .optional()?
            {
                position = after(&scope);
                if PathRange::under(&scope).intersection(range).is_none() {
                    continue;
                }
                let mut found = running.query([&scope])?;
                while let Some(row) = found.next()? {
                    self.call.check()?;
                    let Some(place) = Place::read(row) else {
                        continue;
                    };
                    if best.is_full_before(&place) {
                        break;
                    }
                    if range.contains(&place.path) {
                        best.offer(place);
                    }
                }
            }
        }
        Ok(best.into_places())
    }

    fn planned(&self, plan: &Plan, best: Best<'_>) -> Result<Vec<Place>> {
        match self.walk(plan, &best)? {
            Some(places) => Ok(places),
            None => self.gather(plan, best),
        }
    }

    /// Takes the items from the index; `None` if too many on the way are not visible.
    fn walk(&self, plan: &Plan, best: &Best<'_>) -> Result<Option<Vec<Place>>> {
        let limit = best.limit();
        let skips = limit.saturating_mul(SKIPPED_PER_ITEM);
        let mut skips_left = skips.clamp(SKIPPED_AT_LEAST, SKIPPED_AT_MOST);
        let mut places = Vec::new();
        let mut statement = self.connection.prepare_cached(plan.walk)?;
        let mut found = statement.query([])?;
        while places.len() < limit
            && let Some(row) = found.next()?
        {
            self.call.check()?;
            let Some(path) = path_of(row).filter(|path| !best.ignores(path)) else {
                continue;
            };
            if self.visible.contains(path) {
                places.extend(Place::read(row));
                continue;
            }
            match skips_left.checked_sub(1) {
                Some(left) => skips_left = left,
                None => return Ok(None),
            }
        }
        Ok(Some(places))
    }

    /// Scans the visible ranges and keeps the first items.
    fn gather(&self, plan: &Plan, mut best: Best<'_>) -> Result<Vec<Place>> {
        let mut statement = self.connection.prepare_cached(plan.within)?;
        for range in &self.visible.ranges {
            let mut found = statement.query((&range.start, &range.end))?;
            while let Some(row) = found.next()? {
                self.call.check()?;
                if let Some(place) = Place::read(row) {
                    best.offer(place);
                }
            }
        }
        Ok(best.into_places())
    }
}

/// The statements of the views: those that walk an index, and those that do not.
#[cfg(test)]
pub(super) const WALKS: [&str; 3] = [BLOCKED.walk, PENDING.walk, BY_PRIORITY.walk];
#[cfg(test)]
pub(super) const WITHIN: [&str; 5] = [
    BLOCKED.within,
    PENDING.within,
    BY_PRIORITY.within,
    NEXT_RUNNING_SCOPE,
    RUNNING_IN_SCOPE,
];

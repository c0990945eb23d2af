//! The five queries over work items.
//!
//! A handle that sees everything walks the index that has the order of the view, and stops at the
//! limit. One that sees a part walks it too, as long as it meets little that it must skip; else the
//! parts it sees are gone through and the first items kept, so that the cost follows what is visible.

use std::sync::Arc;

use rusqlite::Row;

use super::super::backends::BackendCache;
use super::super::rows::blob;
use super::super::statements::{Connection, Prepared};
use super::super::time::{BootTime, Time};
use super::claimable::Search;
use super::edges::id_at;
use super::explain::status;
use super::order::{Best, Place, path_of};
use super::territory::{Territory, parent};
use crate::access::Rules;
use crate::call::Call;
use crate::content::ContentHash;
use crate::error::{Error, Result};
use crate::path::VirtualPath;
use crate::range::Visible;
use crate::work::{Status, WorkItem, WorkView};

/// How many items a walk may skip before it is given up: so many for each item asked for, within
/// bounds.
const SKIPPED_PER_ITEM: usize = 4;
const SKIPPED_AT_LEAST: usize = 1024;
const SKIPPED_AT_MOST: usize = 16 * 1024;

/// How a view is computed. Each statement selects what an item is sorted by, in terms that sort upwards, and
/// its path. They name their indexes: the planner knows nothing of how many items are in which queue.
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
/// Those of some scopes. There are no more of them than there are workers, so they are sorted. `~` turns the
/// order round; without a start comes last.
const IN_PROGRESS: &str = "\
    SELECT coalesce(~started_at, 9223372036854775807), 0, 0, path
    FROM work INDEXED BY work_running
    WHERE status = 2 /* in_progress */ AND scope >= ?1 AND scope < ?2";

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
        let paths = match view {
            WorkView::Ready => self.ready(limit)?,
            WorkView::Blocked => self.planned(&BLOCKED, limit)?,
            WorkView::Pending => self.planned(&PENDING, limit)?,
            WorkView::InProgress => self.in_progress(limit)?,
            WorkView::ByPriority => self.planned(&BY_PRIORITY, limit)?,
        };
        let now = (view != WorkView::Ready).then(|| self.time.boot());
        let mut items = Items::new(self.connection, self.backends, self.rules, now)?;
        paths
            .into_iter()
            .map(|path| {
                self.call.check()?;
                items.get(path)
            })
            .collect()
    }

    /// Returns what could be claimed, and what has fallen due and was not looked at since.
    fn ready(&self, limit: usize) -> Result<Vec<String>> {
        let mut best = Best::new(limit);
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
        Ok(best.into_paths())
    }

    fn in_progress(&self, limit: usize) -> Result<Vec<String>> {
        let mut best = Best::new(limit);
        let mut statement = self.connection.prepare_cached(IN_PROGRESS)?;
        for range in &self.visible.ranges {
            let first = self.rules.scope_of(parent(&range.start));
            let mut found = statement.query((first, &range.end))?;
            while let Some(row) = found.next()? {
                self.call.check()?;
                if range.contains(path_of(row)?) {
                    best.offer(Place::read(row)?);
                }
            }
        }
        Ok(best.into_paths())
    }

    fn planned(&self, plan: &Plan, limit: usize) -> Result<Vec<String>> {
        match self.walk(plan, limit)? {
            Some(paths) => Ok(paths),
            None => self.gather(plan, limit),
        }
    }

    /// Takes the items from the index; `None` if too many on the way are not visible.
    fn walk(&self, plan: &Plan, limit: usize) -> Result<Option<Vec<String>>> {
        let skips = limit.saturating_mul(SKIPPED_PER_ITEM);
        let mut skips_left = skips.clamp(SKIPPED_AT_LEAST, SKIPPED_AT_MOST);
        let mut paths = Vec::new();
        let mut statement = self.connection.prepare_cached(plan.walk)?;
        let mut found = statement.query([])?;
        while paths.len() < limit
            && let Some(row) = found.next()?
        {
            self.call.check()?;
            let path = path_of(row)?;
            if self.visible.contains(path) {
                paths.push(path.to_owned());
                continue;
            }
            match skips_left.checked_sub(1) {
                Some(left) => skips_left = left,
                None => return Ok(None),
            }
        }
        Ok(Some(paths))
    }

    /// Goes through all that is visible and keeps the first items.
    fn gather(&self, plan: &Plan, limit: usize) -> Result<Vec<String>> {
        let mut best = Best::new(limit);
        let mut statement = self.connection.prepare_cached(plan.within)?;
        for range in &self.visible.ranges {
            let mut found = statement.query((&range.start, &range.end))?;
            while let Some(row) = found.next()? {
                self.call.check()?;
                best.offer(Place::read(row)?);
            }
        }
        Ok(best.into_paths())
    }
}

/// Selects of the work item at a path what it may have while nobody works on it, and what `$more` says.
macro_rules! item {
    ($more:literal) => {
        concat!(
            "SELECT w.path_id, p.backend_id, p.etag, p.mime_type, p.size, p.created_at, p.modified_at,
                    w.priority, w.worker_id, w.started_at, w.not_before, w.tags, w.attempts",
            $more,
            " FROM work AS w
              CROSS JOIN paths AS p ON p.path = w.path
              WHERE w.path = ?1"
        )
    };
}

const WAITING_ITEM: &str = item!("");
/// As the item is at a moment.
const ITEM: &str = item!(
    ", w.status, w.open_edges, coalesce(w.lease, 0), w.lease_expires_at, w.lease_deadline <= ?2"
);

/// Looks at items, one after the other.
pub(super) struct Items<'a> {
    connection: &'a Connection,
    backends: &'a BackendCache,
    rules: &'a Rules,
    statement: Prepared<'a>,
    now: Option<BootTime>,
}

impl<'a> Items<'a> {
    /// Items as they are at the moment `now`; without one, items that can be claimed: ready, without open edges
    /// or a lease.
    pub fn new(
        connection: &'a Connection,
        backends: &'a BackendCache,
        rules: &'a Rules,
        now: Option<BootTime>,
    ) -> Result<Self> {
        let sql = match now {
            Some(_) => ITEM,
            None => WAITING_ITEM,
        };
        Ok(Items {
            connection,
            backends,
            rules,
            statement: connection.prepare_cached(sql)?,
            now,
        })
    }

    /// Returns the item at `path`.
    pub fn get(&mut self, path: String) -> Result<WorkItem> {
        let mut found = match self.now {
            None => self.statement.query([&path])?,
            Some(now) => self.statement.query((&path, now.0))?,
        };
        let row = found.next()?.ok_or_else(incomplete)?;
        let backend = row.get(1)?;
        let backend = self
            .backends
            .with(backend, self.connection)?
            .name(backend)?;
        let item = read_waiting_item(row, path, backend, self.rules)?;
        match self.now {
            None => Ok(item),
            Some(_) => Ok(WorkItem {
                status: status(row, 13)?.ok_or_else(incomplete)?,
                blocker_count: row.get::<_, i64>(14)? as u64,
                lease: row.get::<_, i64>(15)? as u64,
                lease_expires_at: row.get(16)?,
                lease_expired: row.get::<_, Option<bool>>(17)?.unwrap_or(false),
                ..item
            }),
        }
    }
}

fn incomplete() -> Error {
    Error::corrupt("the row of a work item does not fit its file")
}

fn read_waiting_item(
    row: &Row<'_>,
    path: String,
    backend: Arc<str>,
    rules: &Rules,
) -> Result<WorkItem> {
    Ok(WorkItem {
        path_id: id_at(row, 0)?,
        tenant_id: rules.tenant_of(&path).map(str::to_owned),
        backend,
        etag: blob::<32>(row, 2).map(ContentHash::from_bytes)?,
        mime_type: row.get(3)?,
        size: row.get::<_, i64>(4)? as u64,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
        status: Status::Ready,
        priority: row.get(7)?,
        blocker_count: 0,
        worker_id: row.get(8)?,
        started_at: row.get(9)?,
        not_before: row.get(10)?,
        tags: row.get(11)?,
        attempts: row.get::<_, i64>(12)? as u64,
        lease: 0,
        lease_expires_at: None,
        lease_expired: false,
        path: VirtualPath::from_stored(path),
    })
}

/// The statements of the views: those that walk an index, and those that do not.
#[cfg(test)]
pub(super) const WALKS: [&str; 3] = [BLOCKED.walk, PENDING.walk, BY_PRIORITY.walk];
#[cfg(test)]
pub(super) const WITHIN: [&str; 4] = [
    BLOCKED.within,
    PENDING.within,
    BY_PRIORITY.within,
    IN_PROGRESS,
];

//! The five queries over work items.
//!
//! A handle that sees everything walks the index that has the order of the view, and stops at the
//! limit. One that sees a part walks it too, as long as it meets little that it must skip; else the
//! parts it sees are gone through and the first items kept, so that the cost follows what is visible.

use std::collections::BinaryHeap;

use rusqlite::{Connection, Row};

use super::super::rows::blob;
use super::edges::id_at;
use super::explain::status;
use crate::access::Rules;
use crate::call::Call;
use crate::content::ContentHash;
use crate::error::{Error, Result};
use crate::metadata::{Micros, now};
use crate::path::VirtualPath;
use crate::range::Visible;
use crate::work::{WorkItem, WorkView};

/// How many items a walk may skip before it is given up: so many for each item asked for, within
/// bounds.
const SKIPPED_PER_ITEM: usize = 4;
const SKIPPED_AT_LEAST: usize = 1024;
const SKIPPED_AT_MOST: usize = 16 * 1024;

/// How a view is computed. Each statement selects what an item is sorted by and its path; the first
/// parameter is the current time.
struct Plan {
    /// All of it, in order, from an index.
    walk: &'static str,
    /// Items that belong in between, in any order.
    also: Option<&'static str>,
    /// What lies between the paths of the second and third parameters, in any order.
    within: &'static str,
}

/// Selects from an index by name: the planner knows nothing of how many items are in which queue.
macro_rules! select {
    ($key:literal, $index:literal, $holds:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $key,
            ", path FROM work INDEXED BY ",
            $index,
            " WHERE ?1 IS NOT NULL AND ",
            $holds,
            $rest
        )
    };
}

/// A view by what its items are sorted by (in terms that sort upwards), the conditions they fulfil,
/// and the index that has them in order.
macro_rules! plan {
    ($key:literal, $holds:literal, $index:literal, $order:literal) => {
        Plan {
            walk: select!($key, $index, $holds, $order),
            also: None,
            within: select!(
                $key,
                "work_by_status",
                $holds,
                " AND path >= ?2 AND path < ?3"
            ),
        }
    };
}

fn plan(view: WorkView) -> Plan {
    match view {
        WorkView::Ready => Plan {
            walk: select!(
                "rank, created_at, 0",
                "work_claimable",
                "status = 'ready' AND open_edges = 0 AND delayed = 0
                 AND (not_before IS NULL OR not_before <= ?1)",
                " ORDER BY rank, created_at, path"
            ),
            // Marked as delayed, and due meanwhile.
            also: Some(select!(
                "rank, created_at, 0",
                "work_delayed",
                "status = 'ready' AND delayed = 1 AND not_before <= ?1 AND open_edges = 0",
                ""
            )),
            within: select!(
                "rank, created_at, 0",
                "work_by_status",
                "status = 'ready' AND open_edges = 0 AND (not_before IS NULL OR not_before <= ?1)",
                " AND path >= ?2 AND path < ?3"
            ),
        },
        WorkView::Blocked => Plan {
            // The index's own condition, word for word.
            walk: select!(
                "-open_edges, rank, created_at",
                "work_blocked",
                "(status = 'blocked' OR (status IN ('ready', 'pending') AND open_edges > 0))",
                " ORDER BY open_edges DESC, rank, created_at, path"
            ),
            also: None,
            within: select!(
                "-open_edges, rank, created_at",
                "work_by_status",
                "status IN ('blocked', 'ready', 'pending') AND (status = 'blocked' OR open_edges > 0)",
                " AND path >= ?2 AND path < ?3"
            ),
        },
        WorkView::Pending => plan!(
            "rank, created_at, 0",
            "status = 'pending' AND open_edges = 0",
            "work_pending",
            " ORDER BY rank, created_at, path"
        ),
        // `~` turns the order round; without a start comes last.
        WorkView::InProgress => plan!(
            "coalesce(~started_at, 9223372036854775807), 0, 0",
            "status = 'in_progress'",
            "work_in_progress",
            " ORDER BY started_at DESC, path"
        ),
        WorkView::ByPriority => Plan {
            walk: select!(
                "rank, created_at, 0",
                "work_by_rank",
                "status IS NOT NULL",
                " ORDER BY rank, created_at, path"
            ),
            also: None,
            within: "SELECT rank, created_at, 0, path FROM work NOT INDEXED
                     WHERE ?1 IS NOT NULL AND status IS NOT NULL AND path >= ?2 AND path < ?3",
        },
    }
}

/// Returns the first `limit` items of `view` that `visible`, which is resolved, shows.
pub(in super::super) fn view(
    connection: &Connection,
    view: WorkView,
    limit: usize,
    visible: &Visible,
    rules: &Rules,
    call: &Call,
) -> Result<Vec<WorkItem>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let query = Query {
        connection,
        plan: plan(view),
        limit,
        now: now(),
        visible,
        call,
    };
    let paths = match query.walk()? {
        Some(paths) => paths,
        None => query.gather()?,
    };
    paths
        .into_iter()
        .map(|path| {
            call.check()?;
            item(connection, path, rules)
        })
        .collect()
}

/// Where an item stands in a view.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: [i64; 3],
    path: String,
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place {
        key: [row.get(0)?, row.get(1)?, row.get(2)?],
        path: row.get(3)?,
    })
}

struct Query<'a> {
    connection: &'a Connection,
    plan: Plan,
    limit: usize,
    now: Micros,
    visible: &'a Visible,
    call: &'a Call,
}

impl Query<'_> {
    /// Takes the items from the index; `None` if too many on the way are not visible.
    fn walk(&self) -> Result<Option<Vec<String>>> {
        let mut skips_left = self.allowed_skips();
        let mut places = Vec::new();
        let mut statement = self.connection.prepare_cached(self.plan.walk)?;
        let mut found = statement.query([self.now])?;
        while places.len() < self.limit
            && let Some(row) = found.next()?
        {
            if self.shows(row)? {
                places.push(place(row)?);
            } else if !take_one(&mut skips_left) {
                return Ok(None);
            }
        }
        if let Some(sql) = self.plan.also {
            let mut also = Best::new(self.limit);
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut found = statement.query([self.now])?;
            while let Some(row) = found.next()? {
                if self.shows(row)? {
                    also.offer(place(row)?);
                } else if !take_one(&mut skips_left) {
                    return Ok(None);
                }
            }
            places.extend(also.places);
            places.sort_unstable();
            places.truncate(self.limit);
        }
        Ok(Some(places.into_iter().map(|place| place.path).collect()))
    }

    /// Goes through all that is visible and keeps the first items.
    fn gather(&self) -> Result<Vec<String>> {
        let mut best = Best::new(self.limit);
        let mut statement = self.connection.prepare_cached(self.plan.within)?;
        for range in &self.visible.ranges {
            let mut found = statement.query((self.now, &range.start, &range.end))?;
            while let Some(row) = found.next()? {
                self.call.check()?;
                best.offer(place(row)?);
            }
        }
        let places = best.places.into_sorted_vec();
        Ok(places.into_iter().map(|place| place.path).collect())
    }

    /// Returns whether the item may be shown; an interrupted call ends here.
    fn shows(&self, row: &Row<'_>) -> Result<bool> {
        self.call.check()?;
        let path = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
        Ok(self.visible.contains(path))
    }

    fn allowed_skips(&self) -> usize {
        self.limit
            .saturating_mul(SKIPPED_PER_ITEM)
            .clamp(SKIPPED_AT_LEAST, SKIPPED_AT_MOST)
    }
}

fn take_one(left: &mut usize) -> bool {
    match left.checked_sub(1) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}

/// The first `limit` of what it is offered.
struct Best {
    places: BinaryHeap<Place>,
    limit: usize,
}

impl Best {
    fn new(limit: usize) -> Self {
        Best {
            places: BinaryHeap::new(),
            limit,
        }
    }

    fn offer(&mut self, place: Place) {
        if self.places.len() < self.limit {
            self.places.push(place);
        } else if let Some(mut last) = self.places.peek_mut()
            && place < *last
        {
            *last = place;
        }
    }
}

/// Returns the work item at `path`.
fn item(connection: &Connection, path: String, rules: &Rules) -> Result<WorkItem> {
    let mut statement = connection.prepare_cached(
        "SELECT w.path_id, b.name, p.etag, p.mime_type, p.size, p.created_at, p.modified_at,
                w.status, w.priority, w.open_edges, w.worker_id, w.started_at, w.not_before, w.tags,
                w.attempts, coalesce(w.lease, 0), w.lease_expires_at
         FROM work AS w
         CROSS JOIN paths AS p ON p.path = w.path
         CROSS JOIN backends AS b ON b.id = p.backend_id
         WHERE w.path = ?1",
    )?;
    let mut found = statement.query([&path])?;
    let incomplete = || Error::corrupt("the row of a work item does not fit its file");
    let row = found.next()?.ok_or_else(incomplete)?;
    Ok(WorkItem {
        path_id: id_at(row, 0)?,
        tenant_id: rules.tenant_of(&path).map(str::to_owned),
        backend: row.get(1)?,
        etag: blob::<32>(row, 2).map(ContentHash::from_bytes)?,
        mime_type: row.get(3)?,
        size: row.get::<_, i64>(4)? as u64,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
        status: status(row, 7)?.ok_or_else(incomplete)?,
        priority: row.get(8)?,
        blocker_count: row.get::<_, i64>(9)? as u64,
        worker_id: row.get(10)?,
        started_at: row.get(11)?,
        not_before: row.get(12)?,
        tags: row.get(13)?,
        attempts: row.get::<_, i64>(14)? as u64,
        lease: row.get::<_, i64>(15)? as u64,
        lease_expires_at: row.get(16)?,
        path: VirtualPath::from_stored(path),
    })
}

/// Returns the statements of `view`: those that walk an index, and the one within ranges.
#[cfg(test)]
pub(super) fn statements(view: WorkView) -> (Vec<&'static str>, &'static str) {
    let plan = plan(view);
    let walks = std::iter::once(plan.walk).chain(plan.also);
    (walks.collect(), plan.within)
}

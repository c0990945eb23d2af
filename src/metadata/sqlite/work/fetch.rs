//! Reading the items that a search or a view found.

use std::sync::Arc;

use rusqlite::Row;

use super::super::backends::BackendCache;
use super::super::rows::blob;
use super::super::statements::Connection;
use super::super::time::BootTime;
use super::edges::id_at;
use super::explain::status;
use super::order::Place;
use super::territory::parent;
use crate::access::Rules;
use crate::call::Call;
use crate::content::ContentHash;
use crate::error::{Error, Result};
use crate::path::VirtualPath;
use crate::work::{Status, WorkItem};

/// Selects of work items what they may have while nobody works on them, and what `$more` says, from `$work` with the
/// condition `$which`.
macro_rules! items {
    ($more:literal, $work:literal, $which:literal) => {
        concat!(
            "SELECT w.path, w.path_id, p.backend_id, p.etag, p.mime_type, p.size, p.created_at, p.modified_at,
                    w.priority, w.worker_id, w.started_at, w.not_before, w.tags, w.attempts",
            $more,
            " FROM ",
            $work,
            " CROSS JOIN paths AS p ON p.path = w.path
              WHERE ",
            $which
        )
    };
}

/// The item at a path, as it is at a moment.
const AT_MOMENT: &str = items!(
    ", w.status, w.open_edges, coalesce(w.lease, 0), w.lease_expires_at, w.lease_deadline <= ?2",
    "work AS w",
    "w.path = ?1"
);
/// The item at a path, which can be claimed: ready, without open edges or a lease.
const CLAIMABLE: &str = items!("", "work AS w", "w.path = ?1");
/// What can be claimed from a directory, from one item on: an item that follows another one costs half as much as one that
/// is looked for.
const CLAIMABLE_FROM: &str = items!(
    "",
    "work AS w INDEXED BY work_claimable",
    "w.status = 1 /* ready */ AND w.open_edges = 0 AND w.delayed = 0 AND w.directory = ?1
       AND (w.rank, w.created_at, w.path) >= (?2, ?3, ?4)
     ORDER BY w.rank, w.created_at, w.path"
);

/// What items are read with.
pub(super) struct Items<'a> {
    pub connection: &'a Connection,
    pub backends: &'a BackendCache,
    pub rules: &'a Rules,
    pub call: &'a Call,
}

impl Items<'_> {
    /// Returns the items at `places` as they are at the moment `now`.
    pub fn at(&self, now: BootTime, places: &[Place]) -> Result<Vec<WorkItem>> {
        let mut items = Vec::with_capacity(places.len());
        let mut statement = self.connection.prepare_cached(AT_MOMENT)?;
        for place in places {
            self.call.check()?;
            let mut found = statement.query((&place.path, now.0))?;
            let row = found.next()?.ok_or_else(incomplete)?;
            items.push(WorkItem {
                status: status(row, 14)?.ok_or_else(incomplete)?,
                blocker_count: row.get::<_, i64>(15)? as u64,
                lease: row.get::<_, i64>(16)? as u64,
                lease_expires_at: row.get(17)?,
                lease_expired: row.get::<_, Option<bool>>(18)?.unwrap_or(false),
                ..self.read(row, &place.path)?
            });
        }
        Ok(items)
    }

    /// Returns the items at `places`, which can be claimed.
    pub fn claimable(&self, places: &[Place]) -> Result<Vec<WorkItem>> {
        let mut items = Vec::with_capacity(places.len());
        while let [place, following @ ..] = &places[items.len()..] {
            self.call.check()?;
            let directory = parent(&place.path);
            let follows = |next: &Place| parent(&next.path) == directory;
            if following.first().is_some_and(follows) {
                let before = items.len();
                self.read_run(directory, &places[before..], &mut items)?;
                if items.len() > before {
                    continue;
                }
            }
            // Also where the item is not in the index, as time alone has made it claimable.
            let mut statement = self.connection.prepare_cached(CLAIMABLE)?;
            let mut found = statement.query([&place.path])?;
            let row = found.next()?.ok_or_else(incomplete)?;
            items.push(self.read(row, &place.path)?);
        }
        Ok(items)
    }

    /// Reads as many of the first of `places` as follow each other in the queue of `directory`.
    fn read_run(&self, directory: &str, places: &[Place], items: &mut Vec<WorkItem>) -> Result<()> {
        let Place { key, path } = &places[0];
        let mut statement = self.connection.prepare_cached(CLAIMABLE_FROM)?;
        let mut found = statement.query((directory, key[0], key[1], path))?;
        for place in places {
            let Some(row) = found.next()? else { break };
            let path = row.get_ref(0)?.as_str();
            if path.is_ok_and(|path| path == place.path) {
                items.push(self.read(row, &place.path)?);
            } else {
                break;
            }
        }
        Ok(())
    }

    /// Reads an item that nobody works on.
    fn read(&self, row: &Row<'_>, path: &str) -> Result<WorkItem> {
        let backend = row.get(2)?;
        let backends = self.backends.with(backend, self.connection)?;
        Ok(WorkItem {
            path_id: id_at(row, 1)?,
            tenant_id: self.rules.tenant_of(path).map(str::to_owned),
            path: VirtualPath::from_stored(path.to_owned()),
            backend: backends.name(backend)?,
            etag: blob::<32>(row, 3).map(ContentHash::from_bytes)?,
            mime_type: row.get::<_, Arc<str>>(4)?,
            size: row.get::<_, i64>(5)? as u64,
            created_at: row.get(6)?,
            updated_at: row.get(7)?,
            status: Status::Ready,
            priority: row.get(8)?,
            blocker_count: 0,
            worker_id: row.get(9)?,
            started_at: row.get(10)?,
            not_before: row.get(11)?,
            tags: row.get(12)?,
            attempts: row.get::<_, i64>(13)? as u64,
            lease: 0,
            lease_expires_at: None,
            lease_expired: false,
        })
    }
}

fn incomplete() -> Error {
    Error::corrupt("the row of a work item does not fit its file")
}

/// The statements above, for the test that looks at their plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 3] = [AT_MOMENT, CLAIMABLE, CLAIMABLE_FROM];

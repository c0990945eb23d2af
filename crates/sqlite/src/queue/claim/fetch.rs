//! Reads of the items that a search or a view found.

use std::sync::Arc;

use nexusfs_core::access::Rules;
use nexusfs_core::call::Call;
use nexusfs_core::content::ContentHash;
use nexusfs_core::path::VirtualPath;
use nexusfs_core::work::{Status, WorkItem};
use rusqlite::Row;

use super::super::graph::edges::id_at;
use super::super::graph::explain::status;
use super::super::order::Place;
use super::super::order::ranges::parent;
use crate::db::backends::BackendCache;
use crate::db::rows::{blob, count, integer, text};
use crate::db::time::BootTime;
use crate::driver::statements::Connection;
use crate::error::Result;

/// SELECT of the columns that an unclaimed item can have, plus `$more`, from `$work` where `$which`.
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
/// What can be claimed from a directory, from one item on: the next item costs half as much as a look-up.
const CLAIMABLE_FROM: &str = items!(
    "",
    "work AS w INDEXED BY work_claimable",
    "w.status = 1 /* ready */ AND w.open_edges = 0 AND w.delayed = 0 AND w.directory = ?1
       AND (w.rank, w.created_at, w.path) >= (?2, ?3, ?4)
     ORDER BY w.rank, w.created_at, w.path"
);

/// The items that were read, and the paths of those whose rows, or those of their files, are damaged. `verify` reports
/// them; queries and claims skip them.
pub(in super::super) type Read = (Vec<WorkItem>, Vec<String>);

/// The state of reads of items.
pub(in super::super) struct Items<'a> {
    pub connection: &'a Connection,
    pub backends: &'a BackendCache,
    pub rules: &'a Rules,
    pub call: &'a Call,
}

impl Items<'_> {
    /// Returns the items at `places` as they are at the moment `now`, and the paths of those that are damaged.
    pub fn at(&self, now: BootTime, places: &[Place]) -> Result<Read> {
        let mut items = Vec::with_capacity(places.len());
        let mut damaged = Vec::new();
        let mut statement = self.connection.prepare_cached(AT_MOMENT)?;
        for place in places {
            self.call.check()?;
            let mut found = statement.query((&place.path, now.0))?;
            let item = match found.next()? {
                Some(row) => self.at_moment(row, &place.path),
                None => None,
            };
            match item {
                Some(item) => items.push(item),
                None => damaged.push(place.path.clone()),
            }
        }
        Ok((items, damaged))
    }

    /// Reads an item that may be in any state; `None` where its row or that of its file is damaged.
    fn at_moment(&self, row: &Row<'_>, path: &str) -> Option<WorkItem> {
        Some(WorkItem {
            status: status(row, 14)?,
            blocker_count: count(row, 15),
            lease: count(row, 16),
            lease_expires_at: integer(row, 17),
            lease_expired: integer(row, 18) == Some(1),
            ..self.read(row, path)?
        })
    }

    /// Returns the items at `places`, which can be claimed, and the paths of those that are damaged.
    pub fn claimable(&self, places: &[Place]) -> Result<Read> {
        let mut items = Vec::with_capacity(places.len());
        let mut damaged = Vec::new();
        while let [place, following @ ..] = &places[items.len() + damaged.len()..] {
            self.call.check()?;
            let directory = parent(&place.path);
            let follows = |next: &Place| parent(&next.path) == directory;
            if following.first().is_some_and(follows) {
                let before = items.len();
                self.read_run(directory, &places[before + damaged.len()..], &mut items)?;
                if items.len() > before {
                    continue;
                }
            }
            // Also if the item is not in the index yet, because it only became claimable by time.
            let mut statement = self.connection.prepare_cached(CLAIMABLE)?;
            let mut found = statement.query([&place.path])?;
            let item = match found.next()? {
                Some(row) => self.read(row, &place.path),
                None => None,
            };
            match item {
                Some(item) => items.push(item),
                None => damaged.push(place.path.clone()),
            }
        }
        Ok((items, damaged))
    }

    /// Reads as many of the first of `places` as follow each other in the queue of `directory`.
    fn read_run(&self, directory: &str, places: &[Place], items: &mut Vec<WorkItem>) -> Result<()> {
        let Place { key, path } = &places[0];
        let mut statement = self.connection.prepare_cached(CLAIMABLE_FROM)?;
        let mut found = statement.query((directory, key[0], key[1], path))?;
        for place in places {
            let Some(row) = found.next()? else { break };
            let path = row.get_ref(0)?.as_str();
            if !path.is_ok_and(|path| path == place.path) {
                break;
            }
            let Some(item) = self.read(row, &place.path) else {
                break;
            };
            items.push(item);
        }
        Ok(())
    }

    /// Reads an unclaimed item; `None` if its row or that of its file is damaged.
    fn read(&self, row: &Row<'_>, path: &str) -> Option<WorkItem> {
        let backend = integer(row, 2)?;
        let backends = self.backends.with(backend, self.connection).ok()?;
        Some(WorkItem {
            path_id: id_at(row, 1).ok()?,
            tenant_id: self.rules.tenant_of(path).map(str::to_owned),
            path: VirtualPath::from_stored(path.to_owned()),
            backend: backends.name(backend).ok()?,
            etag: blob::<32>(row, 3).map(ContentHash::from_bytes).ok()?,
            mime_type: row.get::<_, Arc<str>>(4).ok()?,
            size: count(row, 5),
            created_at: integer(row, 6)?,
            updated_at: integer(row, 7)?,
            status: Status::Ready,
            priority: integer(row, 8),
            blocker_count: 0,
            worker_id: text(row, 9),
            started_at: integer(row, 10),
            not_before: integer(row, 11),
            tags: text(row, 12),
            attempts: count(row, 13),
            lease: 0,
            lease_expires_at: None,
            lease_expired: false,
        })
    }
}

/// The statements above, for the test of their query plans.
#[cfg(test)]
pub(in super::super) const STATEMENTS: [&str; 3] = [AT_MOMENT, CLAIMABLE, CLAIMABLE_FROM];

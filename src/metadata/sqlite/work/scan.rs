//! Many work items, read in the order of their paths.
//!
//! A look-up by path costs a sixth of a row of a long view, a column that a statement returns two or three calls into
//! SQLite. So where most items are wanted, one statement goes through them in the order of their paths and hands all
//! columns over to a function, as [`super::super::scan`] does for lists; they are sorted afterwards.

use std::cell::RefCell;
use std::mem::{ManuallyDrop, take};
use std::sync::Arc;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Null, ValueRef};

use super::super::statements::Connection;
use super::super::time::BootTime;
use super::fetch::Items;
use super::order::Term;
use crate::content::ContentHash;
use crate::error::Result;
use crate::metadata::{Micros, PathId};
use crate::path::VirtualPath;
use crate::range::PathRange;
use crate::work::{Status, WorkItem};

const ARGUMENTS: i32 = 20;
const IN_PATH_ORDER: &str = "\
    SELECT hand_over_item(
        w.path, w.path_id, p.backend_id, p.etag, p.mime_type, p.size, p.created_at, p.modified_at, w.priority,
        w.worker_id, w.started_at, w.not_before, w.tags, w.attempts, w.status, w.open_edges, w.lease,
        w.lease_expires_at, w.lease_deadline <= ?3, w.delayed)
    FROM work AS w NOT INDEXED CROSS JOIN paths AS p ON p.path = w.path
    WHERE w.path >= ?1 AND w.path < ?2 AND w.item = 1
    ORDER BY w.path";

thread_local! {
    /// The latest item that a statement of this thread handed over. Hosts call while a thread ends, too, when what has
    /// a destructor is gone.
    static ITEM: ManuallyDrop<RefCell<RawItem>> = ManuallyDrop::default();
}

/// The columns of an item. Those that are damaged are absent, or the whole item is.
#[derive(Default)]
pub(super) struct RawItem {
    is_whole: bool,
    path: String,
    path_id: [u8; 16],
    backend_id: i64,
    etag: [u8; 32],
    mime_type: Option<Arc<str>>,
    size: u64,
    created_at: Micros,
    updated_at: Micros,
    priority: Option<i64>,
    worker_id: Option<String>,
    started_at: Option<Micros>,
    pub not_before: Option<Micros>,
    tags: Option<String>,
    attempts: u64,
    pub status: i64,
    pub blocker_count: u64,
    lease: u64,
    lease_expires_at: Option<Micros>,
    lease_expired: bool,
    pub delayed: bool,
}

/// Makes `hand_over_item` known to the statements of `connection`.
pub(in super::super) fn register(connection: &Connection) -> Result<()> {
    Ok(connection.create_scalar_function(
        "hand_over_item",
        ARGUMENTS,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY,
        |arguments| {
            ITEM.with(|item| {
                let mut item = item.borrow_mut();
                item.is_whole = item.fill(arguments).is_some();
            });
            Ok(Null)
        },
    )?)
}

impl RawItem {
    /// Takes over the columns; `None` if one that every item has is damaged.
    fn fill(&mut self, arguments: &Context<'_>) -> Option<()> {
        let path = text(arguments, 0)?;
        self.path.clear();
        self.path.push_str(path);
        self.path_id = blob(arguments, 1)?;
        self.backend_id = integer(arguments, 2)?;
        self.etag = blob(arguments, 3)?;
        // Neighbours often have the same.
        let mime_type = text(arguments, 4)?;
        if self.mime_type.as_deref() != Some(mime_type) {
            self.mime_type = Some(mime_type.into());
        }
        self.size = count(arguments, 5);
        self.created_at = integer(arguments, 6)?;
        self.updated_at = integer(arguments, 7)?;
        self.priority = integer(arguments, 8);
        self.worker_id = text(arguments, 9).map(str::to_owned);
        self.started_at = integer(arguments, 10);
        self.not_before = integer(arguments, 11);
        self.tags = text(arguments, 12).map(str::to_owned);
        self.attempts = count(arguments, 13);
        self.status = integer(arguments, 14)?;
        self.blocker_count = count(arguments, 15);
        self.lease = count(arguments, 16);
        self.lease_expires_at = integer(arguments, 17);
        self.lease_expired = integer(arguments, 18) == Some(1);
        self.delayed = integer(arguments, 19) == Some(1);
        Some(())
    }
}

fn integer(arguments: &Context<'_>, index: usize) -> Option<i64> {
    match arguments.get_raw(index) {
        ValueRef::Integer(value) => Some(value),
        _ => None,
    }
}

fn count(arguments: &Context<'_>, index: usize) -> u64 {
    u64::try_from(integer(arguments, index).unwrap_or(0)).unwrap_or(0)
}

fn text<'a>(arguments: &'a Context<'_>, index: usize) -> Option<&'a str> {
    arguments.get_raw(index).as_str().ok()
}

fn blob<const N: usize>(arguments: &Context<'_>, index: usize) -> Option<[u8; N]> {
    arguments.get_raw(index).as_blob().ok()?.try_into().ok()
}

impl Items<'_> {
    /// Returns the items that lie in `ranges` and that `is_wanted` at the moment `now`, in the order of `key` and their
    /// paths. What is damaged is left out.
    pub fn in_path_order(
        &self,
        now: BootTime,
        ranges: &[PathRange],
        is_wanted: impl Fn(&RawItem) -> bool,
        key: impl Fn(&WorkItem) -> [Term; 3],
    ) -> Result<Vec<WorkItem>> {
        let mut items: Vec<Option<WorkItem>> = Vec::new();
        let mut order: Vec<([i128; 3], usize)> = Vec::new();
        let mut statement = self.connection.prepare_cached(IN_PATH_ORDER)?;
        for range in ranges {
            let mut found = statement.query((&range.start, &range.end, now.0))?;
            while found.next()?.is_some() {
                self.call.check()?;
                ITEM.with(|item| {
                    let mut item = item.borrow_mut();
                    if item.is_whole
                        && is_wanted(&item)
                        && let Some(item) = self.take(&mut item)
                    {
                        order.push((key(&item).map(Term::place), items.len()));
                        items.push(Some(item));
                    }
                });
            }
        }
        ITEM.with(|item| item.take());
        // In ranges that ascend, so are the paths.
        order.sort_unstable();
        Ok(order
            .iter()
            .filter_map(|(_, index)| items[*index].take())
            .collect())
    }

    /// Makes an item of what was handed over.
    fn take(&self, item: &mut RawItem) -> Option<WorkItem> {
        let backends = self.backends.current();
        let backend = backends.name(item.backend_id).or_else(|_| {
            let known = self.backends.with(item.backend_id, self.connection)?;
            known.name(item.backend_id)
        });
        Some(WorkItem {
            path_id: PathId::from_bytes(item.path_id),
            tenant_id: self.rules.tenant_of(&item.path).map(str::to_owned),
            path: VirtualPath::from_stored(take(&mut item.path)),
            backend: backend.ok()?,
            etag: ContentHash::from_bytes(item.etag),
            mime_type: Arc::clone(item.mime_type.as_ref()?),
            size: item.size,
            created_at: item.created_at,
            updated_at: item.updated_at,
            status: Status::from_number(item.status)?,
            priority: item.priority,
            blocker_count: item.blocker_count,
            worker_id: item.worker_id.take(),
            started_at: item.started_at,
            not_before: item.not_before,
            tags: item.tags.take(),
            attempts: item.attempts,
            lease: item.lease,
            lease_expires_at: item.lease_expires_at,
            lease_expired: item.lease_expired,
        })
    }
}

/// The statements above, for the test that checks their plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 1] = [IN_PATH_ORDER];

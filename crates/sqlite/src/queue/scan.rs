//! Many work items, read in the order of their paths.
//!
//! To look up the file of each item would cost a third of a row of a long view, and a column that a statement returns
//! takes two or three calls into SQLite. So if most items are wanted, two statements scan items and files in parallel,
//! in path order, and pass all columns to functions, as [`super::super::read::scan`] does for lists; the items are
//! sorted afterwards.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::mem::{ManuallyDrop, take};
use std::sync::Arc;

use nexusfs_core::content::ContentHash;
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::time::Micros;
use nexusfs_core::work::{Status, WorkItem};
use rusqlite::Rows;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Null, ValueRef};

use super::claim::fetch::Items;
use super::order::Term;
use crate::db::time::BootTime;
use crate::driver::statements::{Connection, Prepared};
use crate::error::Result;

const ITEM_ARGUMENTS: i32 = 14;
const ITEMS: &str = "\
    SELECT hand_over_item(
        path, path_id, priority, worker_id, started_at, not_before, tags, attempts, status, open_edges, lease,
        lease_expires_at, lease_deadline <= ?3, delayed)
    FROM work NOT INDEXED
    WHERE path >= ?1 AND path < ?2 AND item = 1
    ORDER BY path";
const FILE_ARGUMENTS: i32 = 7;
const FILES: &str = "\
    SELECT hand_over_file(path, backend_id, etag, mime_type, size, created_at, modified_at)
    FROM paths NOT INDEXED
    WHERE path >= ?1 AND path < ?2 AND kind = 1
    ORDER BY path";
/// Files between two items that are skipped by steps before a look-up of the next one, which costs as much as some four
/// steps.
const STEPS: usize = 4;

thread_local! {
    /// The latest item that a statement of this thread passed. A host may also call while a thread ends, when
    /// thread-local values with destructors do not exist any more.
    static ITEM: ManuallyDrop<RefCell<RawItem>> = ManuallyDrop::default();
    /// The latest file, likewise.
    static FILE: ManuallyDrop<RefCell<RawFile>> = ManuallyDrop::default();
}

/// The columns of an item. Those that are damaged are absent, or the whole item is.
#[derive(Default)]
pub(super) struct RawItem {
    is_whole: bool,
    path: String,
    path_id: [u8; 16],
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

/// The columns of an item's file. One that has no readable path comes before every item.
#[derive(Default)]
struct RawFile {
    is_whole: bool,
    path: String,
    backend_id: i64,
    etag: [u8; 32],
    mime_type: Option<Arc<str>>,
    size: u64,
    created_at: Micros,
    updated_at: Micros,
}

/// Makes `hand_over_item` and `hand_over_file` known to the statements of `connection`.
pub(in super::super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("hand_over_item", ITEM_ARGUMENTS, flags, |arguments| {
        ITEM.with(|item| {
            let mut item = item.borrow_mut();
            item.is_whole = item.fill(arguments).is_some();
        });
        Ok(Null)
    })?;
    connection.create_scalar_function("hand_over_file", FILE_ARGUMENTS, flags, |arguments| {
        FILE.with(|file| {
            let mut file = file.borrow_mut();
            file.is_whole = file.fill(arguments).is_some();
        });
        Ok(Null)
    })?;
    Ok(())
}

impl RawItem {
    /// Takes over the columns; `None` if one that every item has is damaged.
    fn fill(&mut self, arguments: &Context<'_>) -> Option<()> {
        copy_path(arguments, &mut self.path)?;
        self.path_id = blob(arguments, 1)?;
        self.priority = integer(arguments, 2);
        self.worker_id = text(arguments, 3).map(str::to_owned);
        self.started_at = integer(arguments, 4);
        self.not_before = integer(arguments, 5);
        self.tags = text(arguments, 6).map(str::to_owned);
        self.attempts = count(arguments, 7);
        self.status = integer(arguments, 8)?;
        self.blocker_count = count(arguments, 9);
        self.lease = count(arguments, 10);
        self.lease_expires_at = integer(arguments, 11);
        self.lease_expired = integer(arguments, 12) == Some(1);
        self.delayed = integer(arguments, 13) == Some(1);
        Some(())
    }
}

impl RawFile {
    /// As [`RawItem::fill`].
    fn fill(&mut self, arguments: &Context<'_>) -> Option<()> {
        copy_path(arguments, &mut self.path)?;
        self.backend_id = integer(arguments, 1)?;
        self.etag = blob(arguments, 2)?;
        // Neighbours often have the same.
        let mime_type = text(arguments, 3)?;
        if self.mime_type.as_deref() != Some(mime_type) {
            self.mime_type = Some(mime_type.into());
        }
        self.size = count(arguments, 4);
        self.created_at = integer(arguments, 5)?;
        self.updated_at = integer(arguments, 6)?;
        Some(())
    }
}

/// Takes over the first column, a path.
fn copy_path(arguments: &Context<'_>, path: &mut String) -> Option<()> {
    path.clear();
    path.push_str(text(arguments, 0)?);
    Some(())
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

/// Where the files are, compared with the latest item.
enum Reached {
    /// At the file of the item.
    Its,
    /// Behind it: the item has no file that can be read.
    Behind,
    /// Still before it, after some steps.
    Before,
}

/// Files one after the other, from a path on.
struct FileRun<'a> {
    rows: Rows<'a>,
    has_row: bool,
    has_ended: bool,
}

impl<'a> FileRun<'a> {
    /// Begins at the file of the latest item.
    fn begin(statement: &'a mut Prepared<'_>, end: &str) -> Result<Self> {
        let rows = ITEM.with(|item| statement.query((&item.borrow().path, end)))?;
        Ok(FileRun {
            rows,
            has_row: false,
            has_ended: false,
        })
    }

    /// Goes on to the file of the latest item, in a few steps.
    fn reach(&mut self) -> Result<Reached> {
        for _ in 0..STEPS {
            if self.has_ended {
                return Ok(Reached::Behind);
            }
            if self.has_row {
                let (order, is_whole) = FILE.with(|file| {
                    let file = file.borrow();
                    let order = ITEM.with(|item| file.path.cmp(&item.borrow().path));
                    (order, file.is_whole)
                });
                match order {
                    Ordering::Less => {}
                    Ordering::Equal if is_whole => return Ok(Reached::Its),
                    Ordering::Equal | Ordering::Greater => return Ok(Reached::Behind),
                }
            }
            self.has_row = self.rows.next()?.is_some();
            self.has_ended = !self.has_row;
        }
        Ok(Reached::Before)
    }
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
        let mut items_within = self.connection.prepare_cached(ITEMS)?;
        let mut files_from = self.connection.prepare_cached(FILES)?;
        for range in ranges {
            let mut found = items_within.query((&range.start, &range.end, now.0))?;
            let mut next_wanted = || -> Result<bool> {
                while found.next()?.is_some() {
                    self.call.check()?;
                    let item = ITEM.with(|item| {
                        let item = item.borrow();
                        item.is_whole && is_wanted(&item)
                    });
                    if item {
                        return Ok(true);
                    }
                }
                Ok(false)
            };
            let mut has_item = next_wanted()?;
            while has_item {
                let mut files = FileRun::begin(&mut files_from, &range.end)?;
                let mut is_first = true;
                while has_item {
                    match files.reach()? {
                        Reached::Its => {
                            if let Some(item) = self.take_latest() {
                                order.push((key(&item).map(Term::place), items.len()));
                                items.push(Some(item));
                            }
                        }
                        Reached::Before if !is_first => break,
                        Reached::Before | Reached::Behind => {}
                    }
                    is_first = false;
                    has_item = next_wanted()?;
                }
            }
        }
        ITEM.with(|item| item.take());
        FILE.with(|file| file.take());
        // In ranges that ascend, so are the paths.
        order.sort_unstable();
        Ok(order
            .iter()
            .filter_map(|(_, index)| items[*index].take())
            .collect())
    }

    /// Makes an item of the latest one and its file.
    fn take_latest(&self) -> Option<WorkItem> {
        ITEM.with(|item| FILE.with(|file| self.take(&mut item.borrow_mut(), &file.borrow())))
    }

    fn take(&self, item: &mut RawItem, file: &RawFile) -> Option<WorkItem> {
        let backends = self.backends.current();
        let backend = backends.name(file.backend_id).or_else(|_| {
            let known = self.backends.with(file.backend_id, self.connection)?;
            known.name(file.backend_id)
        });
        Some(WorkItem {
            path_id: PathId::from_bytes(item.path_id),
            tenant_id: self.rules.tenant_of(&item.path).map(str::to_owned),
            path: VirtualPath::from_stored(take(&mut item.path)),
            backend: backend.ok()?,
            etag: ContentHash::from_bytes(file.etag),
            mime_type: Arc::clone(file.mime_type.as_ref()?),
            size: file.size,
            created_at: file.created_at,
            updated_at: file.updated_at,
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
pub(super) const STATEMENTS: [&str; 2] = [ITEMS, FILES];

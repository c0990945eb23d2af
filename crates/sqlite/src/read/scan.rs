//! Scans of `paths` that return many entries.
//!
//! A column that a statement returns takes two or three calls into SQLite to read; an argument of a function
//! takes a fraction of one. So the statements of a list return nothing: they call `hand_over` with the
//! columns of each row, which keeps them for the thread that runs the statement, until its next row.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use nexusfs_core::content::ContentHash;
use nexusfs_core::metadata::{EntryRef, FileRef};
use nexusfs_core::path_id::PathId;
use nexusfs_core::time::Micros;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Null, ValueRef};

use crate::db::backends::BackendCache;
use crate::db::rows::damaged;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Passes the row `p` of `paths`; the text `$kind` is its kind: `p.kind`, or `1` among files alone.
macro_rules! hand_over {
    ($kind:literal) => {
        concat!(
            "hand_over(p.path, ",
            $kind,
            ", p.path_id, p.created_at, p.modified_at, p.etag, p.size, p.version, p.backend_id, \
             p.mime_type)"
        )
    };
}
pub(in super::super) use hand_over;

const ARGUMENTS: i32 = 10;

thread_local! {
    /// The latest row that a statement of this thread passed. It is empty between calls. A host may also call while a
    /// thread ends, when thread-local values with destructors do not exist any more.
    static ROW: ManuallyDrop<RefCell<EntryRow>> = ManuallyDrop::default();
}

/// Makes `hand_over` known to the statements of `connection`.
pub(in super::super) fn register(connection: &Connection) -> Result<()> {
    crate::queue::register_scan(connection)?;
    Ok(connection.create_scalar_function(
        "hand_over",
        ARGUMENTS,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY,
        |arguments| {
            ROW.with(|row| {
                let mut row = row.borrow_mut();
                row.is_whole = row.fill(arguments).is_some();
            });
            Ok(Null)
        },
    )?)
}

#[derive(Default)]
struct EntryRow {
    /// Every value has the type and the form that it must have.
    is_whole: bool,
    path: String,
    /// As the column: 1 a file, 2 an explicit directory, 3 an implicit one.
    kind: i64,
    path_id: [u8; 16],
    created_at: Micros,
    modified_at: Micros,
    etag: [u8; 32],
    size: i64,
    version: i64,
    backend_id: i64,
    mime_type: String,
}

impl EntryRow {
    /// Takes the columns of the entry's kind; `None` if one of them is invalid.
    fn fill(&mut self, arguments: &Context<'_>) -> Option<()> {
        copy_text(arguments, 0, &mut self.path)?;
        self.kind = integer(arguments, 1)?;
        if self.kind == 3 {
            return Some(());
        }
        self.path_id = blob(arguments, 2)?;
        self.created_at = integer(arguments, 3)?;
        self.modified_at = integer(arguments, 4)?;
        if self.kind == 2 {
            return Some(());
        }
        self.etag = blob(arguments, 5)?;
        self.size = integer(arguments, 6)?;
        self.version = integer(arguments, 7)?;
        self.backend_id = integer(arguments, 8)?;
        copy_text(arguments, 9, &mut self.mime_type)?;
        (self.kind == 1).then_some(())
    }
}

fn integer(arguments: &Context<'_>, index: usize) -> Option<i64> {
    match arguments.get_raw(index) {
        ValueRef::Integer(value) => Some(value),
        _ => None,
    }
}

fn blob<const N: usize>(arguments: &Context<'_>, index: usize) -> Option<[u8; N]> {
    match arguments.get_raw(index) {
        ValueRef::Blob(bytes) => bytes.try_into().ok(),
        _ => None,
    }
}

/// Makes `text` the argument; neighbours often have the same.
fn copy_text(arguments: &Context<'_>, index: usize, text: &mut String) -> Option<()> {
    let ValueRef::Text(bytes) = arguments.get_raw(index) else {
        return None;
    };
    if text.as_bytes() != bytes {
        let new = std::str::from_utf8(bytes).ok()?;
        text.clear();
        text.push_str(new);
    }
    Some(())
}

/// Makes entries of the passed rows.
pub(super) struct EntryDecoder<'a> {
    connection: &'a Connection,
    cache: &'a BackendCache,
    /// The backend of the latest file.
    backend: (i64, Arc<str>),
}

impl<'a> EntryDecoder<'a> {
    pub fn new(connection: &'a Connection, cache: &'a BackendCache) -> Self {
        EntryDecoder {
            connection,
            cache,
            backend: (0, "".into()),
        }
    }

    /// Passes the entry of the latest row to `found`, which must not run a list itself.
    pub fn entry<T>(&mut self, found: impl FnOnce(EntryRef<'_>) -> T) -> Result<T> {
        ROW.with(|row| {
            let row = row.borrow();
            if !row.is_whole {
                return Err(damaged());
            }
            if row.kind == 3 {
                return Ok(found(EntryRef::implied_directory(&row.path)));
            }
            let file = match row.kind {
                1 => Some(FileRef {
                    etag: ContentHash::from_bytes(row.etag),
                    size: row.size as u64,
                    version: row.version as u64,
                    backend: self.backend(row.backend_id)?,
                    mime_type: &row.mime_type,
                }),
                _ => None,
            };
            Ok(found(EntryRef {
                path: &row.path,
                path_id: Some(PathId::from_bytes(row.path_id)),
                created_at: row.created_at,
                modified_at: row.modified_at,
                file,
            }))
        })
    }

    fn backend(&mut self, id: i64) -> Result<&str> {
        if self.backend.0 != id {
            self.backend = (id, self.cache.with(id, self.connection)?.name(id)?);
        }
        Ok(&self.backend.1)
    }
}

impl Drop for EntryDecoder<'_> {
    fn drop(&mut self) {
        ROW.with(|row| row.take());
    }
}

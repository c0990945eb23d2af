//! Writing and appending.

use std::sync::Arc;

use nexusfs_core::content::{ContentHash, Form, NewContent, Unprepared};
use nexusfs_core::metadata::{Conditions, Entry, FileInfo, MAX_VERSION, guess_mime_type};
use nexusfs_core::path::{VirtualPath, parent_of};
use nexusfs_core::path_id::PathId;
use nexusfs_core::time::Micros;
use rusqlite::types::ValueRef;

use super::super::held::HeldContent;
use super::super::transaction::Transaction;
use super::conditions::{check, is_directory};
use super::content;
use super::directories::{ensure_parent, not_a_directory};
use crate::db::holders::held_id;
use crate::db::rows::{self, Kind, PathRow, path_columns};
use crate::error::{Error, Result};

/// Creates or replaces the file at `path`.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    new: &NewContent,
    backend: &Arc<str>,
    conditions: &Conditions,
    mime_type: Option<&str>,
) -> Result<Entry> {
    let place = Place::find(tx, path, &new.hash(), backend)?;
    check(tx, path, place.row.as_ref(), conditions)?;
    put(tx, path, place, new, backend, mime_type)
}

/// Appends to the file at `path`, creating it if it is missing. The resulting content was prepared for the current
/// content of the file.
pub(super) fn append(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    conditions: &Conditions,
    mime_type: Option<&str>,
) -> Result<Entry> {
    let row = rows::find(tx.connection, path.as_str())?;
    check(tx, path, row.as_ref(), conditions)?;
    if row.as_ref().is_some_and(|row| row.file.is_none()) {
        return Err(is_directory(path));
    }
    let backend = Arc::clone(tx.routes.backend_for(path.as_str()));
    let base = row.and_then(|row| row.file).map(|file| file.content());
    let prepared = (tx.prepared).extended(tx.change, base.map(|base| base.etag));
    let Some(new) = prepared else {
        let content = base.map(|base| content::load(tx, &base)).transpose()?;
        return Err(tx.need(Unprepared {
            change: tx.change,
            path: path.as_str().to_owned(),
            content,
            form: Form::Extended(backend),
        }));
    };
    let place = Place::find(tx, path, &new.hash(), &backend)?;
    put(tx, path, place, new, &backend, mime_type)
}

/// The state that a write needs, read by one statement.
struct Place {
    /// What is at the path.
    row: Option<PathRow>,
    /// What its parent is, unless that is missing or the root.
    parent: Option<Kind>,
    /// The backend that takes the content.
    backend_id: i64,
    /// The content there, if a path has it.
    content_id: Option<i64>,
}

impl Place {
    fn find(
        tx: &Transaction<'_>,
        path: &VirtualPath,
        etag: &ContentHash,
        backend: &str,
    ) -> Result<Place> {
        let backend_id = tx.backend_id(backend)?;
        let mut statement = tx.connection.prepare_cached(concat!(
            "SELECT (SELECT kind FROM paths WHERE path = ?2),
                    (",
            held_id!("?3", "?4"),
            "), ",
            path_columns!(),
            " FROM (SELECT 1) LEFT JOIN paths AS p ON p.path = ?1"
        ))?;
        let parent = parent_of(path.as_str());
        let mut found = statement.query((path.as_str(), parent, etag.as_bytes(), backend_id))?;
        let row = found
            .next()?
            .ok_or_else(|| Error::internal("a look-up without a row"))?;
        let exists = row.get_ref(2)? != ValueRef::Null;
        Ok(Place {
            row: exists.then(|| rows::decode(row, 2)).transpose()?,
            parent: match row.get_ref(0)? {
                ValueRef::Null => None,
                _ => Some(rows::kind_at(row, 0)?),
            },
            backend_id,
            content_id: row.get(1)?,
        })
    }
}

fn put(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    place: Place,
    new: &NewContent,
    backend: &Arc<str>,
    mime_type: Option<&str>,
) -> Result<Entry> {
    if let Some(row) = place.row {
        if row.file.is_none() {
            return Err(is_directory(path));
        }
        let held = content::hold_found(tx, new, backend, place.backend_id, place.content_id)?;
        return replace(tx, path, row, held, mime_type);
    }
    match place.parent {
        Some(Kind::File) => return Err(not_a_directory(parent_of(path.as_str()).unwrap_or("/"))),
        Some(_) => {}
        None => ensure_parent(tx, path.as_str())?,
    }
    let held = content::hold_found(tx, new, backend, place.backend_id, place.content_id)?;
    create(tx, path, &held, mime_type)
}

fn create(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    held: &HeldContent,
    mime_type: Option<&str>,
) -> Result<Entry> {
    let now = tx.now();
    let file = NewFile {
        path_id: tx.new_path_id(now)?,
        created_at: now,
        modified_at: now,
        version: 1,
        mime_type: mime_type.unwrap_or_else(|| guess_mime_type(path.name())),
        mime_given: mime_type.is_some(),
    };
    insert(tx, path, held, &file)
}

/// The columns of a new file's row beyond its content.
pub(super) struct NewFile<'a> {
    pub path_id: PathId,
    pub created_at: Micros,
    pub modified_at: Micros,
    pub version: u64,
    pub mime_type: &'a str,
    pub mime_given: bool,
}

/// Adds the row of a file with the content `held` at a free `path`.
pub(super) fn insert(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    held: &HeldContent,
    file: &NewFile<'_>,
) -> Result<Entry> {
    tx.run(
        "INSERT INTO paths (path, kind, path_id, created_at, modified_at, etag, size, version,
                            backend_id, content_id, mime_type, mime_given)
         VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            path.as_str(),
            file.path_id.as_bytes(),
            file.created_at,
            file.modified_at,
            held.etag.as_bytes(),
            held.size as i64,
            file.version as i64,
            held.backend_id,
            held.content_id,
            file.mime_type,
            file.mime_given,
        ),
    )?;
    Ok(Entry {
        path: path.clone(),
        path_id: Some(file.path_id),
        created_at: file.created_at,
        modified_at: file.modified_at,
        file: Some(FileInfo {
            etag: held.etag,
            size: held.size,
            version: file.version,
            mime_type: file.mime_type.into(),
            backend: tx.backend_name(held.backend_id)?,
        }),
    })
}

fn replace(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    row: PathRow,
    held: HeldContent,
    mime_type: Option<&str>,
) -> Result<Entry> {
    let Some(old) = row.file else {
        return Err(is_directory(path));
    };
    let now = tx.now();
    let version = (old.version + u64::from(held.etag != old.etag)).min(MAX_VERSION);
    let mime_given = old.mime_given || mime_type.is_some();
    let mime_type: Arc<str> = mime_type.map_or(Arc::clone(&old.mime_type), Into::into);
    if held.content_id == old.content_id {
        // The same bytes again: no index is touched.
        tx.run(
            "UPDATE paths SET modified_at = ?2, mime_type = ?3, mime_given = ?4 WHERE path = ?1",
            (path.as_str(), now, &mime_type, mime_given),
        )?;
    } else {
        tx.run(
            "UPDATE paths
             SET modified_at = ?2, mime_type = ?3, mime_given = ?4, etag = ?5, size = ?6,
                 version = ?7, backend_id = ?8, content_id = ?9
             WHERE path = ?1",
            (
                path.as_str(),
                now,
                &mime_type,
                mime_given,
                held.etag.as_bytes(),
                held.size as i64,
                version as i64,
                held.backend_id,
                held.content_id,
            ),
        )?;
        content::release(tx, old.content())?;
    }
    Ok(Entry {
        path: path.clone(),
        path_id: row.path_id,
        created_at: row.created_at,
        modified_at: now,
        file: Some(FileInfo {
            etag: held.etag,
            size: held.size,
            version,
            mime_type,
            backend: tx.backend_name(held.backend_id)?,
        }),
    })
}

//! Rows of contents: found or added with the first path that has them, dropped with the last one.

use std::borrow::Cow;
use std::sync::Arc;

use nexusfs_core::content::{
    BlockHashes, ContentHash, Form, NewContent, Staged, StoredContent, Unprepared,
};
use rusqlite::OptionalExtension;

use super::super::held::HeldContent;
use super::super::removal;
use super::super::transaction::Transaction;
use crate::db::holders;
use crate::db::rows::{FileRow, blob};
use crate::error::{Error, Result};

/// Most contents that were not prepared which one set names, before it is given up.
const UNPREPARED: usize = 1024;

impl FileRow {
    /// Returns the content that the file holds.
    pub(super) fn content(&self) -> HeldContent {
        HeldContent {
            backend_id: self.backend_id,
            content_id: self.content_id,
            etag: self.etag,
            size: self.size,
        }
    }
}

/// Returns the row of `content` in `backend`, and adds it if no path has it yet.
pub(super) fn hold(
    tx: &mut Transaction<'_>,
    content: &NewContent,
    backend: &str,
) -> Result<HeldContent> {
    let backend_id = tx.backend_id(backend)?;
    let found = find(tx, backend_id, &content.hash())?;
    hold_found(tx, content, backend, backend_id, found)
}

/// As [`hold`], if an existing content was already searched for.
pub(super) fn hold_found(
    tx: &mut Transaction<'_>,
    content: &NewContent,
    backend: &str,
    backend_id: i64,
    found: Option<i64>,
) -> Result<HeldContent> {
    let etag = content.hash();
    let content_id = match found.or_else(|| find_unheld(tx, backend_id, &etag)) {
        Some(content_id) => {
            heal(tx, content, content_id, backend, backend_id)?;
            content_id
        }
        None => add(tx, content, backend, backend_id, None)?,
    };
    Ok(HeldContent {
        backend_id,
        content_id,
        etag,
        size: content.size(),
    })
}

/// Returns the id of the content `etag` in a backend, if a path has it or an import may reference it.
pub(super) fn find(
    tx: &Transaction<'_>,
    backend_id: i64,
    etag: &ContentHash,
) -> Result<Option<i64>> {
    let held = holders::find(tx.connection, backend_id, etag)?;
    Ok(held.or_else(|| find_unheld(tx, backend_id, etag)))
}

/// Returns the id of the content `etag` in a backend, if no path has it and an import may reference it.
fn find_unheld(tx: &Transaction<'_>, backend_id: i64, etag: &ContentHash) -> Option<i64> {
    let unheld = &tx.imports.as_ref()?.unheld;
    unheld
        .get(&(backend_id, *etag))
        .map(|content| content.content_id)
}

/// The content of the row `content_id` should exist already: replaces it by `content`, which has the same hash, if it
/// is missing or damaged.
fn heal(
    tx: &mut Transaction<'_>,
    content: &NewContent,
    content_id: i64,
    backend: &str,
    backend_id: i64,
) -> Result<()> {
    let etag = content.hash();
    let row: Option<Option<Vec<u8>>> = tx
        .connection
        .prepare_cached("SELECT data FROM content WHERE id = ?1")?
        .query_row([content_id], |row| row.get(0))
        .optional()?;
    match row {
        Some(Some(data)) if ContentHash::of(&data) == etag => Ok(()),
        Some(None) => heal_file(tx, content, content_id, backend, backend_id),
        _ => {
            tx.run("DELETE FROM content WHERE id = ?1", [content_id])?;
            add(tx, content, backend, backend_id, Some(content_id)).map(drop)
        }
    }
}

/// As [`heal`], for a content whose bytes are a file of the backend.
fn heal_file(
    tx: &mut Transaction<'_>,
    content: &NewContent,
    content_id: i64,
    backend: &str,
    backend_id: i64,
) -> Result<()> {
    let etag = content.hash();
    if staged(tx, backend, &etag).is_some() {
        return Ok(());
    }
    let name = tx.backend_name(backend_id)?;
    if tx.prepared.reservation(&name, etag).is_some() {
        return Ok(());
    }
    let file = match (content, tx.prepared.copies.find(&name, etag)) {
        (NewContent::Staged(file), _) | (_, Some(NewContent::Staged(file))) => Arc::clone(file),
        // It was stored as a file when contents of its size were, and stays one.
        _ => {
            let held = HeldContent {
                backend_id,
                content_id,
                etag,
                size: content.size(),
            };
            let missing = Unprepared {
                change: tx.change,
                path: String::new(),
                content: Some(load(tx, &held)?),
                form: Form::Staged(name),
            };
            return Err(tx.need(missing));
        }
    };
    match file.is_in_place() {
        true => Ok(()),
        false => publish(tx, &file, backend, backend_id),
    }
}

/// Adds the row of `content`, with the id `id` if there is one, and returns its id.
fn add(
    tx: &mut Transaction<'_>,
    content: &NewContent,
    backend: &str,
    backend_id: i64,
    id: Option<i64>,
) -> Result<i64> {
    let (blocks, data) = match content {
        NewContent::Staged(file) => {
            publish(tx, file, backend, backend_id)?;
            let blocks = Some(file.blocks().as_bytes().to_vec());
            (blocks.filter(|blocks| !blocks.is_empty()), None)
        }
        small => (None, Some(small_bytes(small)?)),
    };
    tx.run(
        "INSERT INTO content (id, backend_id, hash, size, blocks, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            id,
            backend_id,
            content.hash().as_bytes(),
            content.size() as i64,
            blocks,
            data,
        ),
    )?;
    Ok(tx.connection.last_insert_rowid())
}

/// Schedules the publication of `content`, which a row names now, before the commit, unless it is published under a
/// reservation.
fn publish(
    tx: &mut Transaction<'_>,
    content: &Arc<dyn Staged>,
    backend: &str,
    backend_id: i64,
) -> Result<()> {
    let hash = content.hash();
    let name = tx.backend_name(backend_id)?;
    if let Some(reservation) = tx.prepared.reservation(&name, hash) {
        return match removal::keeps(tx.connection, reservation, backend_id, &hash)? {
            true => Ok(()),
            false => Err(tx.need(Unprepared {
                change: tx.change,
                path: String::new(),
                content: None,
                form: Form::Reserved,
            })),
        };
    }
    if removal::begun_at(tx.connection, backend_id, &hash)?.is_some() {
        return Err(tx.wait_for(backend_id, hash));
    }
    tx.staged.push((backend.into(), Arc::clone(content)));
    Ok(())
}

/// Returns the bytes of a content that is not staged.
fn small_bytes(content: &NewContent) -> Result<Cow<'_, [u8]>> {
    match content {
        NewContent::Inline { data, .. } => Ok(Cow::Borrowed(data)),
        NewContent::Small {
            hash,
            size,
            offset,
            file,
        } => {
            let data = file.read(*offset, *size)?;
            match ContentHash::of(&data) == *hash {
                true => Ok(Cow::Owned(data)),
                false => Err(Error::corrupt("a content changed while it waited")),
            }
        }
        NewContent::Staged(_) => Err(Error::internal("a staged content has no bytes at hand")),
    }
}

/// Drops `content` if no path has it any more; in an import, after all its changes.
pub(super) fn release(tx: &mut Transaction<'_>, content: HeldContent) -> Result<()> {
    if find(tx, content.backend_id, &content.etag)?.is_some() {
        return Ok(());
    }
    if let Some(imports) = &mut tx.imports {
        let key = (content.backend_id, content.etag);
        imports.unheld.insert(key, content);
        return Ok(());
    }
    let in_backend: Option<bool> = tx
        .connection
        .prepare_cached("DELETE FROM content WHERE id = ?1 RETURNING data IS NULL")?
        .query_row([content.content_id], |row| row.get(0))
        .optional()?;
    if in_backend != Some(true) {
        return Ok(());
    }
    removal::note(tx.connection, content.backend_id, &content.etag)?;
    // One that this transaction added was never published, and must not be.
    let name = tx.backend_name(content.backend_id)?;
    tx.staged
        .retain(|(backend, staged)| *backend != name || staged.hash() != content.etag);
    tx.has_dropped = true;
    Ok(())
}

/// Returns the location of `content`.
pub(super) fn load(tx: &Transaction<'_>, content: &HeldContent) -> Result<StoredContent> {
    let row = tx
        .connection
        .prepare_cached("SELECT hash, size, blocks, data FROM content WHERE id = ?1")?
        .query_row([content.content_id], |row| {
            Ok((blob::<32>(row, 0), row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((hash, size, blocks, data)) = row else {
        return Err(nexusfs_core::content::missing(&content.etag).into());
    };
    let size: i64 = size;
    let blocks: Option<Vec<u8>> = blocks;
    Ok(StoredContent {
        backend: tx.backend_name(content.backend_id)?,
        hash: ContentHash::from_bytes(hash?),
        size: size as u64,
        data,
        blocks: BlockHashes::from_bytes(blocks.unwrap_or_default()),
    })
}

/// Returns the content that this write set, or an earlier one of the group, staged.
fn staged(tx: &Transaction<'_>, backend: &str, etag: &ContentHash) -> Option<Arc<dyn Staged>> {
    let own = tx
        .staged
        .iter()
        .find(|(other, staged)| **other == *backend && staged.hash() == *etag);
    match own {
        Some((_, staged)) => Some(Arc::clone(staged)),
        None => tx.earlier.find(backend, etag),
    }
}

/// Returns `content`, of the file at `path`, in the backend that takes what is at `target`: its copy, if that is another one.
pub(super) fn carry(
    tx: &mut Transaction<'_>,
    content: HeldContent,
    path: &str,
    target: &str,
) -> Result<HeldContent> {
    let target = Arc::clone(tx.routes.backend_for(target));
    let backend_id = tx.backend_id(&target)?;
    if backend_id == content.backend_id {
        return Ok(content);
    }
    let found = find(tx, backend_id, &content.etag)?;
    match found.filter(|_| staged(tx, &target, &content.etag).is_some()) {
        Some(content_id) => Ok(HeldContent {
            backend_id,
            content_id,
            ..content
        }),
        // Also if the backend has it already: that one may be damaged, and the source may be removed.
        None => match tx.prepared.copies.find(&target, content.etag) {
            Some(copy) => hold_found(tx, copy, &target, backend_id, found),
            None => {
                let missing = Unprepared {
                    change: tx.change,
                    path: path.to_owned(),
                    content: Some(load(tx, &content)?),
                    form: Form::In(target),
                };
                let error = tx.need(missing);
                // The set is not applied; it may report all contents that it lacks at once.
                match tx.unprepared.len() < UNPREPARED {
                    true => Ok(content),
                    false => Err(error),
                }
            }
        },
    }
}

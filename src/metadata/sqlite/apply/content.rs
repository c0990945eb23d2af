//! Contents as rows: found or added when a path comes to hold them, dropped with the last one.

use rusqlite::OptionalExtension;

use super::super::rows::{FileRow, blob};
use super::super::transaction::Transaction;
use crate::content::{BlockHashes, ContentHash, NewContent};
use crate::error::{Error, Result};
use crate::metadata::StoredContent;

/// A content that a path can hold.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct HeldContent {
    pub backend_id: i64,
    pub content_id: i64,
    pub etag: ContentHash,
    pub size: u64,
}

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

/// Returns the row of `content` in `backend`, adding it if no path holds it yet.
pub(super) fn hold(
    tx: &mut Transaction<'_>,
    content: &NewContent,
    backend: &str,
) -> Result<HeldContent> {
    let backend_id = tx.backend_id(backend)?;
    let found = find(tx, backend_id, &content.hash())?;
    hold_found(tx, content, backend, backend_id, found)
}

/// As [`hold`], where the content that some path holds was looked for already.
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
            heal(tx, content, content_id, backend)?;
            content_id
        }
        None => add(tx, content, backend, backend_id)?,
    };
    Ok(HeldContent {
        backend_id,
        content_id,
        etag,
        size: content.size(),
    })
}

/// Returns the id of the content `etag` in a backend, if some path holds it or an import may come to.
pub(super) fn find(
    tx: &Transaction<'_>,
    backend_id: i64,
    etag: &ContentHash,
) -> Result<Option<i64>> {
    let held = tx
        .connection
        .prepare_cached("SELECT content_id FROM paths WHERE etag = ?1 AND backend_id = ?2 LIMIT 1")?
        .query_row((etag.as_bytes(), backend_id), |row| row.get(0))
        .optional()?;
    Ok(held.or_else(|| find_unheld(tx, backend_id, etag)))
}

/// Returns the id of the content `etag` in a backend, if no path holds it and an import may come to.
fn find_unheld(tx: &Transaction<'_>, backend_id: i64, etag: &ContentHash) -> Option<i64> {
    let unheld = &tx.imports.as_ref()?.unheld;
    unheld
        .get(&(backend_id, *etag))
        .map(|content| content.content_id)
}

/// A staged content whose file should be there already is published again where it is missing or not as
/// long as it should be. One that is kept inline has no file.
fn heal(
    tx: &mut Transaction<'_>,
    content: &NewContent,
    content_id: i64,
    backend: &str,
) -> Result<()> {
    let NewContent::Staged(staged) = content else {
        return Ok(());
    };
    let is_staged = tx
        .staged
        .iter()
        .any(|(other, known)| **other == *backend && known.hash() == staged.hash());
    let is_whole = |size| size == Some(staged.size());
    if !is_staged
        && is_in_backend(tx, content_id)?
        && !is_whole(tx.placement.store(backend)?.size_of(&staged.hash())?)
    {
        tx.staged.push((backend.into(), staged.clone()));
    }
    Ok(())
}

fn is_in_backend(tx: &Transaction<'_>, content_id: i64) -> Result<bool> {
    Ok(tx
        .connection
        .prepare_cached("SELECT 1 FROM content WHERE id = ?1 AND data IS NULL")?
        .exists([content_id])?)
}

fn add(
    tx: &mut Transaction<'_>,
    content: &NewContent,
    backend: &str,
    backend_id: i64,
) -> Result<i64> {
    let insert = "INSERT INTO content (backend_id, hash, size, blocks, data)
                  VALUES (?1, ?2, ?3, ?4, ?5)";
    let hash = content.hash();
    let size = content.size() as i64;
    match content {
        NewContent::Inline { data, .. } => {
            let none = None::<&[u8]>;
            tx.run(insert, (backend_id, hash.as_bytes(), size, none, &**data))?;
        }
        NewContent::Small {
            size: length,
            offset,
            file,
            ..
        } => {
            let data = file.read(*offset, *length)?;
            if ContentHash::of(&data) != hash {
                return Err(Error::corrupt("a content changed while it waited"));
            }
            let none = None::<&[u8]>;
            tx.run(insert, (backend_id, hash.as_bytes(), size, none, data))?;
        }
        NewContent::Staged(staged) => {
            let blocks = Some(staged.blocks().as_bytes()).filter(|blocks| !blocks.is_empty());
            let none = None::<&[u8]>;
            tx.run(insert, (backend_id, hash.as_bytes(), size, blocks, none))?;
            tx.staged.push((backend.into(), staged.clone()));
        }
    }
    Ok(tx.connection.last_insert_rowid())
}

/// Drops `content` if no path holds it any more; in an import, once all of it is applied.
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
    tx.run(
        "INSERT OR REPLACE INTO doomed (backend_id, hash) VALUES (?1, ?2)",
        (content.backend_id, content.etag.as_bytes()),
    )?;
    // One that this transaction added was never put in place, and must not be.
    let name = tx.backend_name(content.backend_id)?;
    tx.staged
        .retain(|(backend, staged)| *backend != name || staged.hash() != content.etag);
    tx.doomed = true;
    Ok(())
}

/// Returns how to get at `content`.
pub(super) fn load(tx: &Transaction<'_>, content: &HeldContent) -> Result<StoredContent> {
    let row = tx
        .connection
        .prepare_cached("SELECT hash, size, blocks, data FROM content WHERE id = ?1")?
        .query_row([content.content_id], |row| {
            Ok((blob::<32>(row, 0), row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((hash, size, blocks, data)) = row else {
        return Err(crate::content::missing(&content.etag));
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

/// Returns `content` in the backend that takes what is at `path`, moved there if it is in another.
pub(super) fn carry(
    tx: &mut Transaction<'_>,
    content: HeldContent,
    path: &str,
) -> Result<HeldContent> {
    let target = tx.placement.backend_for(path).clone();
    if tx.backend_id(&target)? == content.backend_id {
        return Ok(content);
    }
    let backend_id = tx.backend_id(&target)?;
    if let Some(content_id) = find(tx, backend_id, &content.etag)? {
        return Ok(HeldContent {
            backend_id,
            content_id,
            ..content
        });
    }
    let source = load(tx, &content)?;
    let source = pending(tx, source)?;
    let copy = tx.placement.extend(&target, source, &[], &tx.grant.call)?;
    if copy.hash() != content.etag {
        return Err(Error::corrupt(format!(
            "the content {} is damaged",
            content.etag
        )));
    }
    hold(tx, &copy, &target)
}

/// A content that this write set, or an earlier one of the group, staged is not in place yet: publishes it
/// now, so that it can be read. Nothing of it is left to be done before the commit.
pub(super) fn pending(tx: &mut Transaction<'_>, content: StoredContent) -> Result<StoredContent> {
    if content.data.is_none() {
        let staged = tx.staged.iter().position(|(backend, staged)| {
            *backend == content.backend && staged.hash() == content.hash
        });
        if let Some(index) = staged {
            let (backend, staged) = &tx.staged[index];
            tx.placement.store(backend)?.publish(&[&**staged])?;
            tx.staged.swap_remove(index);
        } else {
            tx.earlier.publish_now(&content.backend, &content.hash)?;
        }
    }
    Ok(content)
}

//! Creates a file as an export described it.

use std::sync::Arc;

use nexusfs_core::content::ContentHash;
use nexusfs_core::metadata::{
    Change, Compared, Conditions, Entry, ImportSource, ImportedDirectory, ImportedFile,
    guess_mime_type,
};
use nexusfs_core::path_id::PathId;

use super::super::held::{HeldContent, Imports};
use super::super::transaction::Transaction;
use super::conditions::{check, is_directory, not_found};
use super::directories::{ensure_parent, not_a_directory};
use super::files::{self, NewFile};
use super::{content, metadata, remove};
use crate::db::holders;
use crate::db::rows::{self, Kind, PathRow};
use crate::error::{Error, Result};
use crate::queue;
use crate::read::find;

/// Most contents that are remembered as readable.
const REMEMBERED: usize = 16 * 1024;

/// Prepares for the imports among `changes`, if there are any.
pub(super) fn begin(tx: &mut Transaction<'_>, changes: &[Change]) {
    let any = changes
        .iter()
        .any(|change| matches!(change, Change::Import(_)));
    tx.imports = any.then(Imports::default);
}

/// Makes the files of `source`, then what they depend on, then the directories. An error of a file names it by its index;
/// others have no index.
pub(super) fn all(tx: &mut Transaction<'_>, source: &dyn ImportSource) -> Result<()> {
    let mut ids = Vec::new();
    for index in 0..source.files() {
        tx.grant.call.check()?;
        tx.work.begin_operation(index);
        let id = match source.file(index)? {
            Some((file, conditions)) => {
                import(tx, &file, &conditions)
                    .map_err(|error| error.in_operation(index))?
                    .path_id
            }
            None => None,
        };
        if source.has_dependencies() {
            ids.push(id);
        }
    }
    for index in 0..ids.len() {
        tx.grant.call.check()?;
        tx.work.begin_operation(index);
        if let Some((path, values)) = source.dependencies(index, &ids)? {
            metadata::set(tx, &path, &values, &Conditions::default())
                .map_err(|error| error.in_operation(index))?;
        }
    }
    for index in 0..source.directories() {
        tx.grant.call.check()?;
        if let Some(made) = source.directory(index)? {
            directory(tx, &made)?;
        }
    }
    Ok(())
}

/// Drops the contents that no path has after all changes.
pub(super) fn end(tx: &mut Transaction<'_>) -> Result<()> {
    let Some(imports) = tx.imports.take() else {
        return Ok(());
    };
    for content in imports.unheld.into_values() {
        content::release(tx, content)?;
    }
    Ok(())
}

/// Creates the file, and replaces an existing one. Unless the import contains its content, a path that the caller may
/// read must have it: a hash alone grants no access to bytes.
fn import(
    tx: &mut Transaction<'_>,
    imported: &ImportedFile,
    conditions: &Conditions,
) -> Result<Entry> {
    let path = &imported.path;
    let existing = rows::find(tx.connection, path.as_str())?;
    check(tx, path, existing.as_ref(), conditions)?;
    if let (Some(compared), Some(row)) = (&imported.newer_than, &existing) {
        check_unchanged(tx, imported, row, compared)?;
    }
    let held = match &imported.content {
        Some(content) => {
            let backend = Arc::clone(tx.routes.backend_for(path.as_str()));
            content::hold(tx, content, &backend)?
        }
        None => held_already(tx, imported)?,
    };
    let replaced = existing.as_ref().and_then(|row| row.path_id);
    if let Some(row) = &existing {
        if row.file.is_none() {
            return Err(is_directory(path));
        }
        if !imported.cancels() {
            queue::check_replaceable(&tx.work, path.as_str())?;
        }
        remove::row_of_file(tx, row)?;
    }
    ensure_parent(tx, path.as_str())?;
    let file = NewFile {
        path_id: id_for(tx, imported.path_id, replaced)?,
        created_at: imported.created_at,
        modified_at: imported.modified_at,
        version: imported.version.max(1),
        mime_type: imported
            .mime_type
            .as_deref()
            .unwrap_or_else(|| guess_mime_type(path.name())),
        mime_given: imported.mime_type.is_some(),
    };
    let entry = files::insert(tx, path, &held, &file)?;
    if let Some(row) = rows::find(tx.connection, path.as_str())? {
        metadata::set_on(tx, &row, &imported.metadata)?;
        queue::imported(&mut tx.work, &row, &imported.history)?;
    }
    Ok(entry)
}

/// Fails unless the file to be replaced is as it was `compared`: it may have become the newer one. No other line of the
/// import changes what is compared.
fn check_unchanged(
    tx: &Transaction<'_>,
    imported: &ImportedFile,
    row: &PathRow,
    compared: &Compared,
) -> Result<()> {
    let path = &imported.path;
    let values = match compared.has_description() {
        true => Some(find::all_values(tx.connection, path)?),
        false => None,
    };
    match Compared::new(row.modified_at, values.as_deref()) == *compared {
        true => Ok(()),
        false => {
            let what = "the file changed after the import found its line newer";
            Err(Error::conflict(what).at(path))
        }
    }
}

/// Returns the content of the file, which the caller could read somewhere, in the backend of its path.
fn held_already(tx: &mut Transaction<'_>, imported: &ImportedFile) -> Result<HeldContent> {
    let path = &imported.path;
    let held = readable_content(tx, &imported.etag)?.ok_or_else(|| {
        Error::not_found(format!(
            "no readable file has the content {}",
            imported.etag
        ))
        .at(path)
    })?;
    if held.size != imported.size {
        return Err(Error::invalid_argument("the size is not that of the content").at(path));
    }
    content::carry(tx, held, path.as_str(), path.as_str())
}

/// Creates the directory with its metadata, unless it is explicit already.
fn directory(tx: &mut Transaction<'_>, imported: &ImportedDirectory) -> Result<Entry> {
    let path = imported.path.as_str();
    let id = match imported.path_id {
        Some(id) if is_free(tx, id)? => id,
        _ => PathId::generate(),
    };
    let times = (imported.created_at, imported.modified_at);
    match rows::find(tx.connection, path)?.map(|row| row.kind) {
        Some(Kind::File) => return Err(not_a_directory(path)),
        Some(Kind::MadeDirectory) => {
            let row = rows::find(tx.connection, path)?.ok_or_else(|| not_found(&imported.path))?;
            return tx.entry(row);
        }
        Some(Kind::ImpliedDirectory) => {
            tx.run(
                "UPDATE paths SET kind = 2, path_id = ?2, created_at = ?3, modified_at = ?4
                 WHERE path = ?1",
                (path, id.as_bytes(), times.0, times.1),
            )?;
        }
        None => {
            ensure_parent(tx, path)?;
            tx.run(
                "INSERT INTO paths (path, kind, path_id, created_at, modified_at)
                 VALUES (?1, 2, ?2, ?3, ?4)",
                (path, id.as_bytes(), times.0, times.1),
            )?;
        }
    }
    let row = rows::find(tx.connection, path)?.ok_or_else(|| not_found(&imported.path))?;
    metadata::set_on(tx, &row, &imported.metadata)?;
    tx.entry(row)
}

/// Returns the content `etag` of a path that the caller may read, or of a file that the import replaced: the caller may
/// read a file that it may replace.
fn readable_content(tx: &mut Transaction<'_>, etag: &ContentHash) -> Result<Option<HeldContent>> {
    let known = tx.imports.as_ref();
    if let Some(held) = known.and_then(|imports| imports.readable.get(etag)) {
        return Ok(Some(*held));
    }
    let found = find_readable(tx, etag)?;
    if let (Some(held), Some(imports)) = (found, &mut tx.imports) {
        if imports.readable.len() >= REMEMBERED {
            imports.readable.clear();
        }
        imports.readable.insert(*etag, held);
    }
    Ok(found)
}

fn find_readable(tx: &Transaction<'_>, etag: &ContentHash) -> Result<Option<HeldContent>> {
    let visible = tx.visible()?;
    for named in holders::find_all(tx.connection, etag)? {
        for range in &visible.ranges {
            if holders::any_within(tx.connection, etag, &named, range)? {
                return Ok(Some(HeldContent {
                    backend_id: named.backend_id,
                    content_id: named.content_id,
                    etag: *etag,
                    size: named.size,
                }));
            }
        }
    }
    let Some(imports) = &tx.imports else {
        return Ok(None);
    };
    let of_backend = |backend| imports.unheld.get(&(backend, *etag)).copied();
    Ok(tx.backend_names().ids().find_map(of_backend))
}

/// Returns `wanted` if it is free, else the id of the file that is `replaced`, else a new one.
fn id_for(
    tx: &Transaction<'_>,
    wanted: Option<PathId>,
    replaced: Option<PathId>,
) -> Result<PathId> {
    if let Some(id) = wanted
        && (wanted == replaced || is_free(tx, id)?)
    {
        return Ok(id);
    }
    match replaced {
        Some(id) => Ok(id),
        None => tx.new_path_id(tx.now()),
    }
}

/// Returns whether the caller may give the id to a file: no other file has it, and no item that the caller may not see
/// depends on a deleted file with it.
fn is_free(tx: &Transaction<'_>, id: PathId) -> Result<bool> {
    Ok(rows::find_path_of_id(tx.connection, id)?.is_none() && queue::may_revive(&tx.work, id)?)
}

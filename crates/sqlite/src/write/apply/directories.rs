//! Directories: explicit ones have an id; implicit ones are created and removed with their entries.

use nexusfs_core::metadata::Entry;
use nexusfs_core::path::{VirtualPath, parent_of};
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;

use super::super::transaction::Transaction;
use super::conditions::not_found;
use crate::db::rows::{self, Kind};
use crate::db::visible;
use crate::error::{Error, ErrorKind, Result};

/// Creates the directory `path`. Ancestors of at most `given_depth` segments count as existing.
pub(super) fn make(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    parents: bool,
    exist_ok: bool,
    given_depth: usize,
) -> Result<Entry> {
    match kind_at(tx, path.as_str())? {
        Some(Kind::File) => return Err(already_exists(path)),
        Some(_) if !exist_ok => return Err(already_exists(path)),
        Some(Kind::MadeDirectory) => {}
        Some(Kind::ImpliedDirectory) => {
            let now = tx.now();
            let id = tx.new_path_id(now)?;
            tx.run(
                "UPDATE paths SET kind = 2, path_id = ?2, created_at = ?3, modified_at = ?3
                 WHERE path = ?1",
                (path.as_str(), id.as_bytes(), now),
            )?;
        }
        None => {
            make_ancestors(tx, path.as_str(), parents, given_depth)?;
            insert(tx, path.as_str(), Kind::MadeDirectory)?;
        }
    }
    let row = rows::find(tx.connection, path.as_str())?.ok_or_else(|| not_found(path))?;
    tx.entry(row)
}

fn make_ancestors(
    tx: &mut Transaction<'_>,
    path: &str,
    parents: bool,
    given_depth: usize,
) -> Result<()> {
    let Some(parent) = parent_of(path).filter(|parent| *parent != "/") else {
        return Ok(());
    };
    match kind_at(tx, parent)? {
        Some(Kind::File) => return Err(not_a_directory(parent)),
        Some(_) => return Ok(()),
        None => {}
    }
    let given = depth(parent) <= given_depth;
    if !given && !parents {
        return Err(missing_parent(tx, parent, given_depth)?);
    }
    make_ancestors(tx, parent, parents, given_depth)?;
    let kind = if given {
        Kind::ImpliedDirectory
    } else {
        Kind::MadeDirectory
    };
    insert(tx, parent, kind)
}

fn depth(path: &str) -> usize {
    path.split('/').count() - 1
}

/// Returns the error for a directory in `parent`, which does not exist: a file may be where one of its own
/// ancestors ought to be.
fn missing_parent(tx: &Transaction<'_>, parent: &str, given_depth: usize) -> Result<Error> {
    let mut above = parent_of(parent);
    while let Some(ancestor) = above.filter(|path| depth(path) > given_depth) {
        match kind_at(tx, ancestor)? {
            Some(Kind::File) => return Ok(not_a_directory(ancestor)),
            Some(_) => break,
            None => above = parent_of(ancestor),
        }
    }
    Ok(Error::not_found("the parent directory does not exist").at(parent))
}

/// Ensures that every ancestor of `path` is a directory; missing ones become implicit directories.
pub(super) fn ensure_parent(tx: &mut Transaction<'_>, path: &str) -> Result<()> {
    let Some(parent) = parent_of(path).filter(|parent| *parent != "/") else {
        return Ok(());
    };
    match kind_at(tx, parent)? {
        Some(Kind::File) => Err(not_a_directory(parent)),
        Some(_) => Ok(()),
        None => {
            ensure_parent(tx, parent)?;
            insert(tx, parent, Kind::ImpliedDirectory)
        }
    }
}

/// Creates the copy of a directory of `kind`, unless it was created with an entry copied before.
pub(super) fn copy(tx: &mut Transaction<'_>, path: &VirtualPath, kind: Kind) -> Result<()> {
    ensure_parent(tx, path.as_str())?;
    match kind_at(tx, path.as_str())? {
        None => insert(tx, path.as_str(), kind),
        Some(_) => Ok(()),
    }
}

fn insert(tx: &mut Transaction<'_>, path: &str, kind: Kind) -> Result<()> {
    let now = tx.now();
    let id = match kind {
        Kind::MadeDirectory => Some(tx.new_path_id(now)?),
        _ => None,
    };
    tx.run(
        "INSERT INTO paths (path, kind, path_id, created_at, modified_at)
         VALUES (?1, ?2, ?3, ?4, ?4)",
        (path, kind as i64, id.as_ref().map(PathId::as_bytes), now),
    )?;
    Ok(())
}

/// Removes the implicit directories above `path` that have no entries any more.
pub(super) fn prune_above(tx: &mut Transaction<'_>, path: &str) -> Result<()> {
    let mut child = path;
    while let Some(parent) = parent_of(child).filter(|parent| *parent != "/") {
        if kind_at(tx, parent)? != Some(Kind::ImpliedDirectory) || !is_empty(tx, parent)? {
            break;
        }
        tx.run("DELETE FROM paths WHERE path = ?1", [parent])?;
        child = parent;
    }
    Ok(())
}

/// Returns whether nothing is under the directory `path`.
pub(super) fn is_empty(tx: &Transaction<'_>, path: &str) -> Result<bool> {
    Ok(visible::first_path(tx.connection, &PathRange::under(path))?.is_none())
}

fn kind_at(tx: &Transaction<'_>, path: &str) -> Result<Option<Kind>> {
    rows::kind_of(tx.connection, path)
}

/// Returns the error for a name that is taken.
pub(super) fn already_exists(path: &VirtualPath) -> Error {
    Error::new(ErrorKind::AlreadyExists, "already exists").at(path)
}

/// Returns the error for a file where a directory is needed.
pub(super) fn not_a_directory(path: &str) -> Error {
    Error::new(ErrorKind::NotADirectory, "is a file, not a directory").at(path)
}

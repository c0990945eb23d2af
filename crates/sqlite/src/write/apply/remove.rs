//! Removing files and directories.

use std::collections::BTreeMap;

use nexusfs_core::metadata::Conditions;
use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::PathRange;

use super::super::held::HeldContent;
use super::super::transaction::Transaction;
use super::conditions::{existing_file, not_found};
use super::content;
use super::directories::{is_empty, not_a_directory, prune_above};
use super::parts::{Table, alone_if_many, in_parts, of_tree};
use crate::db::rows::{self, Kind, PathRow, path_columns};
use crate::error::{Error, ErrorKind, Result};
use crate::queue;

/// Removes the file at `path`.
pub(super) fn file(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    conditions: &Conditions,
) -> Result<()> {
    let row = existing_file(tx, path, conditions)?;
    row_of_file(tx, &row)?;
    prune_above(tx, path.as_str())
}

/// Removes all rows of a file; directories above stay.
pub(super) fn row_of_file(tx: &mut Transaction<'_>, row: &PathRow) -> Result<()> {
    let path = row.path.as_str();
    tx.run("DELETE FROM paths WHERE path = ?1", [path])?;
    tx.run("DELETE FROM metadata WHERE path = ?1", [path])?;
    queue::deleted(&mut tx.work, &PathRange::of_path(path))?;
    match &row.file {
        Some(file) => content::release(tx, file.content()),
        None => Ok(()),
    }
}

/// Removes the directory at `path`, if it is empty or `recursive`.
pub(super) fn directory(
    tx: &mut Transaction<'_>,
    path: &VirtualPath,
    recursive: bool,
) -> Result<()> {
    let row = rows::find(tx.connection, path.as_str())?.ok_or_else(|| not_found(path))?;
    if row.kind == Kind::File {
        return Err(not_a_directory(path.as_str()));
    }
    if !recursive && !is_empty(tx, path.as_str())? {
        return Err(Error::new(ErrorKind::NotEmpty, "the directory is not empty").at(path));
    }
    alone_if_many(tx, &row)?;
    for range in of_tree(path) {
        subtree(tx, &range)?;
    }
    prune_above(tx, path.as_str())
}

/// Removes every row in `range`.
fn subtree(tx: &mut Transaction<'_>, range: &PathRange) -> Result<()> {
    in_parts(tx, Table::Work, range, |tx, part| {
        queue::deleted(&mut tx.work, part)
    })?;
    in_parts(tx, Table::Metadata, range, |tx, part| {
        tx.run(
            "DELETE FROM metadata WHERE path >= ?1 AND path < ?2",
            [&part.start, &part.end],
        )?;
        Ok(())
    })?;
    in_parts(tx, Table::Paths, range, |tx, part| {
        let contents = contents_in(tx, part)?;
        tx.run(
            "DELETE FROM paths WHERE path >= ?1 AND path < ?2",
            [&part.start, &part.end],
        )?;
        for content in contents.into_values() {
            content::release(tx, content)?;
        }
        Ok(())
    })
}

/// Returns the contents of the files of `part`, ordered by id, because rows that were written together have adjacent
/// ids.
fn contents_in(tx: &Transaction<'_>, part: &PathRange) -> Result<BTreeMap<i64, HeldContent>> {
    let mut statement = tx.connection.prepare_cached(concat!(
        "SELECT ",
        path_columns!(),
        " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 AND p.kind = 1"
    ))?;
    let mut found = statement.query([&part.start, &part.end])?;
    let mut contents = BTreeMap::new();
    while let Some(row) = found.next()? {
        if let Some(file) = rows::decode(row, 0)?.file {
            contents.insert(file.content_id, file.content());
        }
    }
    Ok(contents)
}

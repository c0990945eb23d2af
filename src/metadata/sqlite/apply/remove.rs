//! Removing files and directories.

use std::collections::HashMap;

use super::super::rows::{self, Kind, PathRow, path_columns};
use super::super::transaction::Transaction;
use super::super::work;
use super::conditions::{existing_file, not_found};
use super::content::{self, HeldContent};
use super::directories::{is_empty, not_a_directory, prune_above};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::Conditions;
use crate::path::VirtualPath;
use crate::range::PathRange;

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

/// Removes the row of a file with everything said of it; directories above stay.
pub(super) fn row_of_file(tx: &mut Transaction<'_>, row: &PathRow) -> Result<()> {
    let path = row.path.as_str();
    tx.run("DELETE FROM paths WHERE path = ?1", [path])?;
    tx.run("DELETE FROM metadata WHERE path = ?1", [path])?;
    work::deleted(tx, &PathRange::of_path(path))?;
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
    match rows::find(tx.connection, path.as_str())? {
        None => return Err(not_found(path)),
        Some(row) if row.kind == Kind::File => return Err(not_a_directory(path.as_str())),
        Some(_) => {}
    }
    if !recursive && !is_empty(tx, path.as_str())? {
        return Err(Error::new(ErrorKind::NotEmpty, "the directory is not empty").at(path));
    }
    for range in [
        PathRange::of_path(path.as_str()),
        PathRange::under(path.as_str()),
    ] {
        subtree(tx, &range)?;
    }
    prune_above(tx, path.as_str())
}

/// Removes every row in `range`.
fn subtree(tx: &mut Transaction<'_>, range: &PathRange) -> Result<()> {
    let contents = contents_in(tx, range)?;
    let bounds = [&range.start, &range.end];
    work::deleted(tx, range)?;
    tx.run(
        "DELETE FROM metadata WHERE path >= ?1 AND path < ?2",
        bounds,
    )?;
    tx.run("DELETE FROM paths WHERE path >= ?1 AND path < ?2", bounds)?;
    for content in contents {
        content::release(tx, content)?;
    }
    Ok(())
}

fn contents_in(tx: &Transaction<'_>, range: &PathRange) -> Result<Vec<HeldContent>> {
    let mut statement = tx.connection.prepare_cached(concat!(
        "SELECT ",
        path_columns!(),
        " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 AND p.kind = 1"
    ))?;
    let mut found = statement.query([&range.start, &range.end])?;
    let mut contents = HashMap::new();
    while let Some(row) = found.next()? {
        if let Some(file) = rows::decode(row, 0)?.file {
            contents.insert(file.content_id, file.content());
        }
    }
    Ok(contents.into_values().collect())
}

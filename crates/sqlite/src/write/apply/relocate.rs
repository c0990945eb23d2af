//! Renames and copies of files and trees.

use nexusfs_core::metadata::{Entry, Relocation, guess_mime_type};
use nexusfs_core::path::{MAX_PATH_BYTES, MAX_SEGMENTS, VirtualPath, parent_of};
use nexusfs_core::range::PathRange;

use super::super::held::HeldContent;
use super::super::transaction::Transaction;
use super::conditions::{check, is_directory, not_found};
use super::directories::{
    self, already_exists, ensure_parent, is_empty, not_a_directory, prune_above,
};
use super::files::{self, NewFile};
use super::parts::{Table, alone_if_many, in_parts, of_tree};
use super::{content, remove};
use crate::db::rows::{self, FileRow, Kind, PathRow, path_columns};
use crate::error::{Error, ErrorKind, Result};
use crate::queue;

/// Moves a file or a tree. Its ids, versions, times and metadata stay.
pub(super) fn rename(tx: &mut Transaction<'_>, relocation: &Relocation) -> Result<Option<Entry>> {
    let Relocation { from, to, .. } = relocation;
    let source = source(tx, relocation)?;
    if from == to {
        return tx.entry(source).map(Some);
    }
    alone_if_many(tx, &source)?;
    clear_target(tx, relocation, &source)?;
    ensure_parent(tx, to.as_str())?;
    carry_contents(tx, from, to)?;
    for range in of_tree(from) {
        in_parts(tx, Table::Paths, &range, |tx, part| {
            check_lengths(tx, part, from, to)?;
            change_names(tx, MOVE_PATHS, part, from, to)
        })?;
        in_parts(tx, Table::Metadata, &range, |tx, part| {
            change_names(tx, MOVE_METADATA, part, from, to)
        })?;
        in_parts(tx, Table::Work, &range, |tx, part| {
            queue::moved(&mut tx.work, part, from, to)
        })?;
    }
    if let Some(file) = &source.file
        && !file.mime_given
    {
        tx.run(
            "UPDATE paths SET mime_type = ?2 WHERE path = ?1",
            (to.as_str(), guess_mime_type(to.name())),
        )?;
    }
    prune_above(tx, from.as_str())?;
    let row = rows::find(tx.connection, to.as_str())?.ok_or_else(|| not_found(to))?;
    tx.entry(row).map(Some)
}

/// Copies a file or a tree: new ids, version 1, the same contents and metadata, and nothing of the
/// running state of work items.
pub(super) fn copy(tx: &mut Transaction<'_>, relocation: &Relocation) -> Result<Option<Entry>> {
    let Relocation { from, to, .. } = relocation;
    let source = source(tx, relocation)?;
    if from == to {
        return tx.entry(source).map(Some);
    }
    alone_if_many(tx, &source)?;
    clear_target(tx, relocation, &source)?;
    ensure_parent(tx, to.as_str())?;
    let visible = tx.visible()?;
    for scope in of_tree(from) {
        for range in visible.within(&scope) {
            let mut parent = String::new();
            in_parts(tx, Table::Paths, &range, |tx, part| {
                copy_paths(tx, part, from, to, &mut parent)
            })?;
            in_parts(tx, Table::Metadata, &range, |tx, part| {
                change_names(tx, COPY_METADATA, part, from, to)
            })?;
        }
    }
    let row = rows::find(tx.connection, to.as_str())?.ok_or_else(|| not_found(to))?;
    tx.entry(row).map(Some)
}

/// Returns the row to be moved or copied, after checking what can be checked on it alone.
fn source(tx: &mut Transaction<'_>, relocation: &Relocation) -> Result<PathRow> {
    let Relocation { from, to, .. } = relocation;
    let row = tx.seen(from.as_str())?;
    check(tx, from, row.as_ref(), &relocation.conditions)?;
    let row = row.ok_or_else(|| not_found(from))?;
    if from != to && to.is_within(from) {
        return Err(match row.kind {
            Kind::File => not_a_directory(from.as_str()),
            _ => Error::invalid_argument("a directory cannot go into itself").at(to),
        });
    }
    Ok(row)
}

/// Frees the target: a file replaces a file, a directory an empty directory.
fn clear_target(tx: &mut Transaction<'_>, relocation: &Relocation, source: &PathRow) -> Result<()> {
    let to = &relocation.to;
    let Some(target) = rows::find(tx.connection, to.as_str())? else {
        return Ok(());
    };
    if relocation.no_replace {
        return Err(already_exists(to));
    }
    match (source.kind, target.kind) {
        (Kind::File, Kind::File) => {
            queue::check_replaceable(&tx.work, to.as_str())?;
            remove::row_of_file(tx, &target)
        }
        (Kind::File, _) => Err(is_directory(to)),
        (_, Kind::File) => Err(not_a_directory(to.as_str())),
        _ if !is_empty(tx, to.as_str())? => {
            Err(Error::new(ErrorKind::NotEmpty, "the directory is not empty").at(to))
        }
        _ => {
            tx.run("DELETE FROM paths WHERE path = ?1", [to.as_str()])?;
            tx.run("DELETE FROM metadata WHERE path = ?1", [to.as_str()])?;
            Ok(())
        }
    }
}

// A statement that may fail half-way needs a statement journal, unless it says `OR FAIL`: the transaction rolls back
// its partial changes.
const MOVE_PATHS: &str = "\
    UPDATE OR FAIL paths SET path = ?1 || substr(path, ?2) WHERE path >= ?3 AND path < ?4";
const MOVE_METADATA: &str = "\
    UPDATE OR FAIL metadata SET path = ?1 || substr(path, ?2) WHERE path >= ?3 AND path < ?4";
const COPY_METADATA: &str = "\
    INSERT OR FAIL INTO metadata (path, key, value, digest)
    SELECT ?1 || substr(path, ?2), key, value, digest FROM metadata
    WHERE path >= ?3 AND path < ?4";
const LONGEST: &str = "\
    SELECT max(octet_length(path)) FROM paths WHERE path >= ?1 AND path < ?2";
const DEEPEST: &str = "\
    SELECT max(length(path) - length(replace(path, '/', ''))) FROM paths
    WHERE path >= ?1 AND path < ?2";

/// Runs `sql`, which gives the rows of `part` their names below `to`.
fn change_names(
    tx: &Transaction<'_>,
    sql: &'static str,
    part: &PathRange,
    from: &VirtualPath,
    to: &VirtualPath,
) -> Result<()> {
    // substr counts characters.
    let rest = from.as_str().chars().count() as i64 + 1;
    tx.run(sql, (to.as_str(), rest, &part.start, &part.end))?;
    Ok(())
}

/// Refuses a move that would make some path in `part` too long or too deep.
fn check_lengths(
    tx: &Transaction<'_>,
    part: &PathRange,
    from: &VirtualPath,
    to: &VirtualPath,
) -> Result<()> {
    let longer = to.as_str().len().saturating_sub(from.as_str().len());
    let deeper = to
        .segments()
        .count()
        .saturating_sub(from.segments().count());
    let exceeds = |sql, more, most| -> Result<bool> {
        let now: Option<i64> = match more {
            0 => None,
            _ => tx
                .connection
                .prepare_cached(sql)?
                .query_row([&part.start, &part.end], |row| row.get(0))?,
        };
        Ok(now.is_some_and(|now| now as usize + more > most))
    };
    let too_long = exceeds(LONGEST, longer, MAX_PATH_BYTES)?;
    let too_deep = exceeds(DEEPEST, deeper, MAX_SEGMENTS)?;
    if too_long || too_deep {
        return Err(Error::new(
            ErrorKind::InvalidPath,
            "a path in the directory would have more than 4096 bytes or 100 segments",
        )
        .at(to));
    }
    Ok(())
}

/// If a move goes into or out of a mount, the contents move to the backend of the target.
fn carry_contents(tx: &mut Transaction<'_>, from: &VirtualPath, to: &VirtualPath) -> Result<()> {
    if !tx.routes.separates(from, to) {
        return Ok(());
    }
    for range in of_tree(from) {
        in_parts(tx, Table::Paths, &range, |tx, part| {
            for row in rows_in(tx, part)? {
                carry_content(tx, &row, from, to)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn carry_content(
    tx: &mut Transaction<'_>,
    row: &PathRow,
    from: &VirtualPath,
    to: &VirtualPath,
) -> Result<()> {
    let Some(file) = &row.file else {
        return Ok(());
    };
    let target = format!("{to}{}", &row.path[from.as_str().len()..]);
    let carried = carried(tx, file, &row.path, &target)?;
    if carried.content_id == file.content_id {
        return Ok(());
    }
    tx.run(
        "UPDATE paths SET backend_id = ?2, content_id = ?3 WHERE path = ?1",
        (&row.path, carried.backend_id, carried.content_id),
    )?;
    content::release(tx, file.content())
}

/// Returns the content of `file` in the backend of `target`.
fn carried(
    tx: &mut Transaction<'_>,
    file: &FileRow,
    path: &str,
    target: &str,
) -> Result<HeldContent> {
    if tx.routes.backend_for(path) == tx.routes.backend_for(target) {
        return Ok(file.content());
    }
    tx.grant.call.check()?;
    content::carry(tx, file.content(), path, target).map_err(|error| error.at(path))
}

fn rows_in(tx: &Transaction<'_>, range: &PathRange) -> Result<Vec<PathRow>> {
    let mut statement = tx.connection.prepare_cached(concat!(
        "SELECT ",
        path_columns!(),
        " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 ORDER BY p.path"
    ))?;
    let mut found = statement.query([&range.start, &range.end])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(rows::decode(row, 0)?);
    }
    Ok(rows)
}

/// Copies the rows of `part` in `paths` and in `work`. `parent` is a directory that exists.
fn copy_paths(
    tx: &mut Transaction<'_>,
    part: &PathRange,
    from: &VirtualPath,
    to: &VirtualPath,
    parent: &mut String,
) -> Result<()> {
    let items = queue::paths_in(&tx.work, part)?;
    for row in rows_in(tx, part)? {
        let path = VirtualPath::parse(&row.path)?.moved(from, to)?;
        let Some(file) = &row.file else {
            directories::copy(tx, &path, row.kind)?;
            continue;
        };
        if parent_of(path.as_str()) != Some(parent) {
            ensure_parent(tx, path.as_str())?;
            *parent = parent_of(path.as_str()).unwrap_or("/").to_owned();
        }
        copy_file(tx, &row, file, &path, items.contains(&row.path))?;
    }
    Ok(())
}

fn copy_file(
    tx: &mut Transaction<'_>,
    row: &PathRow,
    file: &FileRow,
    path: &VirtualPath,
    is_item: bool,
) -> Result<()> {
    let held = carried(tx, file, &row.path, path.as_str())?;
    let now = tx.now();
    let new = NewFile {
        path_id: tx.new_path_id(now)?,
        created_at: now,
        modified_at: now,
        version: 1,
        mime_type: if file.mime_given {
            &file.mime_type
        } else {
            guess_mime_type(path.name())
        },
        mime_given: file.mime_given,
    };
    files::insert(tx, path, &held, &new)?;
    match is_item {
        true => queue::copied(&mut tx.work, row, path, new.path_id, now),
        false => Ok(()),
    }
}

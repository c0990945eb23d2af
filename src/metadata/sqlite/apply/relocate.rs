//! Moving and copying files and trees.

use super::super::rows::{self, FileRow, Kind, PathRow, path_columns};
use super::super::transaction::Transaction;
use super::super::work;
use super::conditions::{check, is_directory, not_found};
use super::content;
use super::directories::{already_exists, ensure_parent, is_empty, not_a_directory, prune_above};
use super::files::{self, NewFile};
use super::{metadata, remove};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Entry, Relocation, guess_mime_type};
use crate::path::{MAX_PATH_BYTES, MAX_SEGMENTS, VirtualPath};
use crate::range::PathRange;

/// Moves a file or a tree. Its ids, versions, times and metadata stay.
pub(super) fn rename(tx: &mut Transaction<'_>, relocation: &Relocation) -> Result<Option<Entry>> {
    let Relocation { from, to, .. } = relocation;
    let source = source(tx, relocation)?;
    if from == to {
        return tx.entry(source).map(Some);
    }
    clear_target(tx, relocation, &source)?;
    ensure_parent(tx, to.as_str())?;
    carry_contents(tx, from, to)?;
    for table in ["paths", "metadata"] {
        move_rows(tx, table, from, to)?;
    }
    for range in [
        PathRange::of_path(from.as_str()),
        PathRange::under(from.as_str()),
    ] {
        work::moved(tx, &range, |path| {
            format!("{to}{}", &path[from.as_str().len()..])
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
    clear_target(tx, relocation, &source)?;
    ensure_parent(tx, to.as_str())?;
    let visible = tx.visible()?;
    for scope in [
        PathRange::of_path(from.as_str()),
        PathRange::under(from.as_str()),
    ] {
        for range in visible.within(&scope) {
            for row in rows_in(tx, &range)? {
                tx.grant.call.check()?;
                copy_row(tx, &row, from, to)?;
            }
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

/// Makes the target free: a file gives way to a file, an empty directory to a directory.
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
            work::check_replaceable(tx, to.as_str())?;
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

/// Moves the rows of `from` and everything under it in one table.
fn move_rows(
    tx: &mut Transaction<'_>,
    table: &str,
    from: &VirtualPath,
    to: &VirtualPath,
) -> Result<()> {
    if table == "paths" {
        check_lengths(tx, from, to)?;
    }
    // substr counts characters.
    let rest = from.as_str().chars().count() as i64 + 1;
    for range in [
        PathRange::of_path(from.as_str()),
        PathRange::under(from.as_str()),
    ] {
        let sql = format!(
            "UPDATE {table} SET path = ?1 || substr(path, ?2) WHERE path >= ?3 AND path < ?4"
        );
        tx.connection.prepare_composed(&sql)?.execute((
            to.as_str(),
            rest,
            &range.start,
            &range.end,
        ))?;
    }
    Ok(())
}

/// Refuses a move that would make some path under `from` too long or too deep.
fn check_lengths(tx: &Transaction<'_>, from: &VirtualPath, to: &VirtualPath) -> Result<()> {
    let longer = to.as_str().len().saturating_sub(from.as_str().len());
    let deeper = to
        .segments()
        .count()
        .saturating_sub(from.segments().count());
    if longer == 0 && deeper == 0 {
        return Ok(());
    }
    let under = PathRange::under(from.as_str());
    let (length, depth): (Option<usize>, Option<usize>) = tx
        .connection
        .prepare_cached(
            "SELECT max(length(CAST(path AS BLOB))), max(length(path) - length(replace(path, '/', '')))
             FROM paths WHERE path >= ?1 AND path < ?2",
        )?
        .query_row([&under.start, &under.end], |row| {
            Ok((row.get::<_, Option<i64>>(0)?.map(|n| n as usize),
                row.get::<_, Option<i64>>(1)?.map(|n| n as usize)))
        })?;
    let too_long = length.is_some_and(|length| length + longer > MAX_PATH_BYTES);
    let too_deep = depth.is_some_and(|depth| depth + deeper > MAX_SEGMENTS);
    if too_long || too_deep {
        return Err(Error::new(
            ErrorKind::InvalidPath,
            "a path in the directory would have more than 4096 bytes or 100 segments",
        )
        .at(to));
    }
    Ok(())
}

/// Where a move crosses the border of a mount, the contents move to the backend of their new place.
fn carry_contents(tx: &mut Transaction<'_>, from: &VirtualPath, to: &VirtualPath) -> Result<()> {
    if !tx.placement.separates(from, to) {
        return Ok(());
    }
    for range in [
        PathRange::of_path(from.as_str()),
        PathRange::under(from.as_str()),
    ] {
        for row in rows_in(tx, &range)? {
            let Some(file) = &row.file else { continue };
            let target = format!("{to}{}", &row.path[from.as_str().len()..]);
            let carried = carried(tx, file, &row.path, &target)?;
            if carried.content_id != file.content_id {
                tx.run(
                    "UPDATE paths SET backend_id = ?2, content_id = ?3 WHERE path = ?1",
                    (&row.path, carried.backend_id, carried.content_id),
                )?;
                content::release(tx, file.content())?;
            }
        }
    }
    Ok(())
}

/// Returns the content of `file` for its place at `target`.
fn carried(
    tx: &mut Transaction<'_>,
    file: &FileRow,
    path: &str,
    target: &str,
) -> Result<content::HeldContent> {
    if tx.placement.backend_for(path) == tx.placement.backend_for(target) {
        return Ok(file.content());
    }
    tx.grant.call.check()?;
    content::carry(tx, file.content(), target).map_err(|error| error.at(path))
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

fn copy_row(
    tx: &mut Transaction<'_>,
    row: &PathRow,
    from: &VirtualPath,
    to: &VirtualPath,
) -> Result<()> {
    let path = VirtualPath::parse(&row.path)?.moved(from, to)?;
    let Some(file) = &row.file else {
        return super::directories::copy(tx, &path, row);
    };
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
    ensure_parent(tx, path.as_str())?;
    files::insert(tx, &path, &held, &new)?;
    metadata::copy(tx, &row.path, &path)?;
    work::copied(tx, row, &path, new.path_id, now)
}

//! Paths: their ancestors, and the contents of files.

use nexusfs_core::metadata::{CheckedRows, FindingKind, MAX_VERSION, RowCursor, RowKey};
use nexusfs_core::path::{VirtualPath, parent_of};
use nexusfs_core::range::PathRange;
use nexusfs_core::time::{LEAST_TIME, MAX_TIME, Micros};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row};

use super::page::{PAGE, Page, blob, hash, is_null, next_table, text};
use crate::db::backends::BackendNames;
use crate::db::holders;
use crate::db::rows::integer;
use crate::db::visible::first_path;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Columns of a path, then those of its content.
const QUERY: &str = "\
    SELECT p.path, p.kind, p.path_id, p.etag, p.size, p.version, p.backend_id, p.content_id,
           p.mime_type, p.created_at, p.modified_at,
           c.id, c.hash, c.size, c.backend_id, p.mime_given
    FROM paths AS p LEFT JOIN content AS c ON c.id = p.content_id
    WHERE p.path > CAST(?1 AS TEXT) ORDER BY p.path LIMIT ?2";

const FILE: i64 = 1;
const MADE: i64 = 2;
const IMPLIED: i64 = 3;

/// Checks the paths after `after`.
pub(super) fn check(
    connection: &Connection,
    backends: &BackendNames,
    after: &[u8],
) -> Result<CheckedRows> {
    let mut page = Page::default();
    let mut statement = connection.prepare_cached(QUERY)?;
    let mut found = statement.query((after, PAGE))?;
    let mut last = Vec::new();
    // Neighbours share their directory.
    let mut good_parent = String::new();
    while let Some(row) = found.next()? {
        page.checked.rows += 1;
        let ValueRef::Text(bytes) = row.get_ref(0)? else {
            // Its position among the others is unknown, so those after it wait.
            let what = "a path is not text".to_owned();
            page.find(
                FindingKind::Database,
                RowKey::Table("paths".to_owned()),
                None,
                what,
            );
            return Ok(page.ended(next_table(&RowCursor::Paths(last))));
        };
        bytes.clone_into(&mut last);
        let Ok(path) = str::from_utf8(bytes) else {
            let key = RowKey::PathBytes(bytes.to_vec());
            let path = String::from_utf8_lossy(bytes);
            let what = "the path is no text".to_owned();
            page.find(FindingKind::InvalidPath, key, Some(&path), what);
            continue;
        };
        match VirtualPath::parse(path) {
            Ok(parsed) if parsed.as_str() == path && !parsed.is_root() => {}
            _ => page.find_at(FindingKind::InvalidPath, path, "the path is no valid name"),
        }
        check_parent(connection, path, &mut good_parent, &mut page)?;
        match integer(row, 1) {
            Some(FILE) => check_file(connection, backends, row, path, &mut page)?,
            Some(MADE | IMPLIED) if !has_times(row) => {
                let what = "the row of the directory is damaged";
                page.find_at(FindingKind::DamagedRow, path, what);
            }
            Some(MADE) if blob::<16>(row, 2).is_none() || has_content(row) => {
                let what = "the row of the directory is damaged";
                page.find_at(FindingKind::DamagedRow, path, what);
            }
            Some(MADE) => {}
            Some(IMPLIED) if !is_null(row, 2) || has_content(row) => {
                let what = "the row of the directory is damaged";
                page.find_at(FindingKind::DamagedRow, path, what);
            }
            Some(IMPLIED) => {
                if first_path(connection, &PathRange::under(path))?.is_none() {
                    let what = "the directory was not made, and nothing is in it";
                    page.find_at(FindingKind::EmptyDirectory, path, what);
                }
            }
            _ => {
                let what = "the row says neither file nor directory";
                page.find_at(FindingKind::DamagedRow, path, what);
            }
        }
    }
    Ok(page.ended_after(&RowCursor::Paths(Vec::new()), Some(RowCursor::Paths(last))))
}

fn has_content(row: &Row<'_>) -> bool {
    !(3..=7).all(|column| is_null(row, column))
}

fn has_times(row: &Row<'_>) -> bool {
    [9, 10]
        .into_iter()
        .all(|column| integer(row, column).is_some_and(is_time))
}

fn is_time(time: Micros) -> bool {
    (LEAST_TIME..=MAX_TIME).contains(&time)
}

fn check_parent(
    connection: &Connection,
    path: &str,
    good: &mut String,
    page: &mut Page,
) -> Result<()> {
    let parent = parent_of(path).filter(|parent| *parent != "/" && !parent.is_empty());
    let Some(parent) = parent.filter(|parent| *parent != good.as_str()) else {
        return Ok(());
    };
    let kind: Option<i64> = connection
        .prepare_cached("SELECT kind FROM paths WHERE path = ?1")?
        .query_row([parent], |row| Ok(integer(row, 0).unwrap_or(0)))
        .optional()?;
    match kind {
        None => {
            let what = format!("the directory {parent} has no row");
            page.find_at(FindingKind::MissingAncestor, path, what);
        }
        Some(FILE) => {
            let what = format!("{parent}, above it, is a file");
            page.find_at(FindingKind::FileAbove, path, what);
        }
        Some(_) => parent.clone_into(good),
    }
    Ok(())
}

fn check_file(
    connection: &Connection,
    backends: &BackendNames,
    row: &Row<'_>,
    path: &str,
    page: &mut Page,
) -> Result<()> {
    let numbers = [4, 5, 6, 7, 9, 10, 15].map(|column| integer(row, column));
    let (
        Some(etag),
        [
            Some(size),
            Some(version),
            Some(backend),
            Some(content),
            Some(created_at),
            Some(modified_at),
            Some(mime_given),
        ],
    ) = (hash(row, 3), numbers)
    else {
        page.find_at(
            FindingKind::DamagedRow,
            path,
            "the row of the file is damaged",
        );
        return Ok(());
    };
    let is_whole = blob::<16>(row, 2).is_some()
        && size >= 0
        && (1..=MAX_VERSION as i64).contains(&version)
        && text(row, 8).is_some()
        && is_time(created_at)
        && is_time(modified_at)
        && (0..=1).contains(&mime_given);
    if !is_whole || backends.name(backend).is_err() {
        page.find_at(
            FindingKind::DamagedRow,
            path,
            "the row of the file is damaged",
        );
    } else if is_null(row, 11) {
        let what = format!("its content {etag} has no row");
        page.find_at(FindingKind::MissingContentRow, path, what);
    } else if hash(row, 12) != Some(etag)
        || integer(row, 13) != Some(size)
        || integer(row, 14) != Some(backend)
    {
        let what = format!("the row of its content {etag} says something else");
        page.find_at(FindingKind::WrongContentRow, path, what);
    } else if holders::find_first(connection, backend, &etag)? != Some(content) {
        let what = format!("its content {etag} has two rows in one backend");
        page.find_at(FindingKind::SplitContent, path, what);
    } else {
        return Ok(());
    }
    page.about(Some(etag));
    Ok(())
}

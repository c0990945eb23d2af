//! Repairs of names and ids.

use nexusfs_core::path::{MAX_NAME_BYTES, MAX_PATH_BYTES};
use nexusfs_core::path_id::PathId;
use nexusfs_core::time::now;
use rusqlite::OptionalExtension;

use super::mender::Mender;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Renames the file at `path`, which has entries below it, to a free name beside it, and returns that.
pub(in super::super::super) fn move_aside(
    connection: &Connection,
    path: &str,
) -> Result<Option<String>> {
    let mender = Mender(connection);
    let is_file = connection
        .prepare_cached(
            "SELECT 1 FROM paths WHERE path = ?1 AND kind = 1
               AND EXISTS (SELECT 1 FROM paths AS p
                           WHERE p.path >= ?1 || '/' AND p.path < ?1 || '0')",
        )?
        .exists([path])?;
    if !is_file {
        return Ok(None);
    }
    let Some(free) = free_name(connection, path)? else {
        return Ok(None);
    };
    for sql in [
        "UPDATE paths SET path = ?2 WHERE path = ?1",
        "UPDATE metadata SET path = ?2 WHERE path = ?1",
        "UPDATE work SET path = ?2 WHERE path = ?1",
    ] {
        mender.run(sql, [path, &free])?;
    }
    mender.run(
        "INSERT INTO paths (path, kind, created_at, modified_at) VALUES (?1, 3, ?2, ?2)",
        (path, now()),
    )?;
    Ok(Some(free))
}

/// Gives the row whose path is `bytes`, which are not text, a name: the one in other rows, or else the readable parts
/// of the bytes.
pub(super) fn make_text(connection: &Connection, bytes: &[u8]) -> Result<bool> {
    let id: Option<Option<Vec<u8>>> = connection
        .prepare_cached("SELECT path_id FROM paths WHERE CAST(path AS BLOB) = ?1")?
        .query_row([bytes], |row| {
            Ok(row.get_ref(0)?.as_blob().ok().map(<[u8]>::to_vec))
        })
        .optional()?;
    let Some(id) = id else {
        return Ok(false);
    };
    let known = match name_in_work(connection, id.as_deref())? {
        Some(name) => Some(name),
        None => name_in_metadata(connection, bytes)?,
    };
    let name = match known {
        Some(name) => name,
        None => {
            let text = String::from_utf8_lossy(bytes);
            let text = text.replace(char::REPLACEMENT_CHARACTER, "_");
            match is_taken(connection, &text)? {
                false => text,
                true => match free_name(connection, &text)? {
                    Some(name) => name,
                    None => return Ok(false),
                },
            }
        }
    };
    Mender(connection).run(
        "UPDATE paths SET path = ?2 WHERE CAST(path AS BLOB) = ?1",
        (bytes, name),
    )
}

/// Returns the path that the work keys of the file with the id have, if nothing is there.
fn name_in_work(connection: &Connection, id: Option<&[u8]>) -> Result<Option<String>> {
    let found = connection
        .prepare_cached(
            "SELECT path FROM work AS w WHERE path_id = ?1
               AND NOT EXISTS (SELECT 1 FROM paths AS p WHERE p.path = w.path)",
        )?
        .query_row([id], |row| Ok(row.get(0).ok()))
        .optional()?;
    Ok(found.flatten())
}

/// Returns the path that has metadata and nothing else, and differs from `bytes` in one byte; `None` if there are several.
fn name_in_metadata(connection: &Connection, bytes: &[u8]) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT path FROM metadata AS m WHERE length(CAST(path AS BLOB)) = ?1
           AND NOT EXISTS (SELECT 1 FROM paths AS p WHERE p.path = m.path)",
    )?;
    let mut rows = statement.query([bytes.len() as i64])?;
    let mut found = None;
    while let Some(row) = rows.next()? {
        let Ok(path) = row.get_ref(0)?.as_str() else {
            continue;
        };
        let others = path.bytes().zip(bytes).filter(|(a, b)| a != *b).count();
        if others == 1 && found.replace(path.to_owned()).is_some() {
            return Ok(None);
        }
    }
    Ok(found)
}

/// Returns a free name for the entry at `path`, without rows in any table.
fn free_name(connection: &Connection, path: &str) -> Result<Option<String>> {
    for number in 1_u64.. {
        let Some(free) = with_suffix(path, &format!("_repaired{number}")) else {
            return Ok(None);
        };
        if !is_taken(connection, &free)? {
            return Ok(Some(free));
        }
    }
    Ok(None)
}

fn is_taken(connection: &Connection, path: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM paths WHERE path = ?1)
                OR EXISTS (SELECT 1 FROM metadata WHERE path = ?1)
                OR EXISTS (SELECT 1 FROM work WHERE path = ?1)",
        )?
        .exists([path])?)
}

/// Returns `path` with `suffix` at the end of its name, of which the end gives way where the whole would be too
/// long; `None` if nothing of the name would be left.
fn with_suffix(path: &str, suffix: &str) -> Option<String> {
    let name = path.rfind('/')? + 1;
    let longest = MAX_PATH_BYTES.min(name + MAX_NAME_BYTES);
    let mut kept = path.len().min(longest.checked_sub(suffix.len())?);
    while !path.is_char_boundary(kept) {
        kept -= 1;
    }
    (kept > name).then(|| format!("{}{suffix}", &path[..kept]))
}

/// Gives each of several paths with one id another, but the first: the one whose work keys know the id, if one does.
/// The index of ids, which cannot be built of them, is made anew.
pub(super) fn tell_ids_apart(connection: &Connection) -> Result<()> {
    let others = connection
        .prepare(
            // A condition that the index has would be answered from it.
            "SELECT path FROM (
                 SELECT p.path, row_number() OVER (
                     PARTITION BY p.path_id ORDER BY w.path_id IS NOT p.path_id, p.path) AS place
                 FROM paths AS p LEFT JOIN work AS w ON w.path = p.path
                 WHERE typeof(p.path_id) = 'blob')
             WHERE place > 1",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    if others.is_empty() {
        return Ok(());
    }
    let index: String = connection.query_row(
        "SELECT sql FROM sqlite_schema WHERE name = 'paths_by_id'",
        [],
        |row| row.get(0),
    )?;
    connection.execute_batch("DROP INDEX paths_by_id")?;
    for path in others {
        Mender(connection).run(
            "UPDATE paths SET path_id = ?2 WHERE path = ?1",
            (path, PathId::generate().as_bytes()),
        )?;
    }
    connection.execute_batch(&index)?;
    Ok(())
}

//! Files whose rows, or whose contents' rows, are damaged.

use nexusfs_core::content::ContentHash;
use nexusfs_core::metadata::{
    ContentKey, ContentPlace, LostFile, MAX_VERSION, Mended, VerifiedContent, guess_mime_type,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::time::{LEAST_TIME, MAX_TIME, now};
use rusqlite::{OptionalExtension, Row};

use super::mender::Mender;
use crate::db::holders;
use crate::db::rows::{blob, integer};
use crate::driver::statements::Connection;
use crate::error::{ErrorKind, Result};
use crate::queue;

/// Turns the row of `file`, which is not a file's, into that of a directory: an explicit one, if it has an id.
pub(in super::super::super) fn mend_directory(
    connection: &Connection,
    file: &LostFile,
) -> Result<Mended> {
    if !is_as_before(connection, file)? {
        return Ok(Mended::Changed);
    }
    let id = PathId::generate();
    let mended = Mender(connection).run(
        "UPDATE paths SET
             kind = iif(kind = 2 OR (typeof(path_id) = 'blob' AND length(path_id) = 16), 2, 3),
             path_id = CASE WHEN typeof(path_id) = 'blob' AND length(path_id) = 16 THEN path_id
                            WHEN kind = 2 THEN ?2 END,
             created_at = iif(typeof(created_at) IN ('integer', 'real'),
                              max(?4, min(?5, CAST(created_at AS INTEGER))), ?3),
             modified_at = iif(typeof(modified_at) IN ('integer', 'real'),
                               max(?4, min(?5, CAST(modified_at AS INTEGER))), ?3),
             etag = NULL, size = NULL, version = NULL, backend_id = NULL, content_id = NULL,
             mime_type = NULL, mime_given = NULL
         WHERE path = ?1 AND kind IS NOT 1",
        (&file.path, id.as_bytes(), now(), LEAST_TIME, MAX_TIME),
    )?;
    Ok(Mended::done(mended))
}

/// Gives `file`, and the files with the same undamaged content, a correct row of the content: the existing one, or a
/// new one for the bytes in the backend.
pub(in super::super::super) fn restore(
    connection: &Connection,
    file: &LostFile,
    content: &VerifiedContent,
) -> Result<Mended> {
    if !is_as_before(connection, file)? {
        return Ok(Mended::Changed);
    }
    if !file.is_file && is_above(connection, &file.path)? {
        return Ok(Mended::Nothing);
    }
    let backend: Option<i64> = connection
        .prepare_cached("SELECT id FROM backends WHERE name = ?1")?
        .query_row([&*content.backend], |row| row.get(0))
        .optional()?;
    let Some(backend) = backend else {
        return Ok(Mended::Nothing);
    };
    let Some(id) = correct_content(connection, content, backend)? else {
        return Ok(Mended::Changed);
    };
    make_file(connection, &file.path, content, backend)?;
    holders::repoint(connection, backend, &content.hash, id, content.size)?;
    Ok(Mended::Done)
}

/// Corrects the row of the content, and returns its id; `None` if the row has changed meanwhile.
fn correct_content(
    connection: &Connection,
    content: &VerifiedContent,
    backend: i64,
) -> Result<Option<i64>> {
    let mender = Mender(connection);
    let size = content.size as i64;
    let blocks = Some(content.blocks.as_bytes()).filter(|blocks| !blocks.is_empty());
    let hash = content.hash.as_bytes();
    let id = match content.row {
        Some(key) if content_key(connection, key.id)? == Some(key) => Some(key.id),
        Some(_) => return Ok(None),
        // Another call may have written the same content meanwhile.
        None => connection
            .prepare_cached(
                "SELECT id FROM content WHERE hash = ?1 AND backend_id = ?2 AND data IS NULL",
            )?
            .query_row((hash, backend), |row| row.get(0))
            .optional()?,
    };
    let Some(id) = id else {
        mender.run(
            "INSERT INTO content (backend_id, hash, size, blocks, data)
             VALUES (?1, ?2, ?3, ?4, NULL)",
            (backend, hash, size, blocks),
        )?;
        return Ok(Some(connection.last_insert_rowid()));
    };
    let is_there = mender.run(
        "UPDATE content SET size = ?2, blocks = ?3, hash = ?4, backend_id = ?5
         WHERE id = ?1 AND (data IS NOT NULL) = ?6",
        (id, size, blocks, hash, backend, content.is_inline),
    )?;
    Ok(is_there.then_some(id))
}

/// Makes the row at `path` one of a file with the content; its other columns are kept, or guessed if they are
/// impossible.
fn make_file(
    connection: &Connection,
    path: &str,
    content: &VerifiedContent,
    backend: i64,
) -> Result<()> {
    let id = path_id_for(connection, path)?;
    let given: Option<String> = connection
        .prepare_cached("SELECT mime_type FROM paths WHERE path = ?1")?
        .query_row([path], |row| Ok(row.get(0).ok()))?;
    let guessed = guess_mime_type(path.rsplit('/').next().unwrap_or_default());
    Mender(connection).run(
        "UPDATE paths SET kind = 1, etag = ?2, size = ?3, backend_id = ?4,
             path_id = iif(typeof(path_id) = 'blob' AND length(path_id) = 16, path_id, ?5),
             version = iif(typeof(version) IN ('integer', 'real'),
                           max(1, min(?11, CAST(version AS INTEGER))), 1),
             mime_type = coalesce(?6, ?7),
             mime_given = iif(?6 IS NOT NULL AND mime_given IN (0, 1), mime_given, 0),
             created_at = max(?9, min(?10, CAST(
                 CASE WHEN typeof(created_at) IN ('integer', 'real') THEN created_at
                      WHEN typeof(modified_at) IN ('integer', 'real') THEN modified_at
                      ELSE ?8 END AS INTEGER))),
             modified_at = max(?9, min(?10, CAST(
                 CASE WHEN typeof(modified_at) IN ('integer', 'real') THEN modified_at
                      WHEN typeof(created_at) IN ('integer', 'real') THEN created_at
                      ELSE ?8 END AS INTEGER)))
         WHERE path = ?1",
        (
            path,
            content.hash.as_bytes(),
            content.size as i64,
            backend,
            id.as_bytes(),
            given,
            guessed,
            now(),
            LEAST_TIME,
            MAX_TIME,
            MAX_VERSION as i64,
        ),
    )?;
    Ok(())
}

/// Returns an id for a file whose row has none: the one in its work keys, or a new one.
fn path_id_for(connection: &Connection, path: &str) -> Result<PathId> {
    let known: Option<[u8; 16]> = connection
        .prepare_cached(
            "SELECT path_id FROM work AS w WHERE path = ?1
               AND NOT EXISTS (SELECT 1 FROM paths AS p WHERE p.path_id = w.path_id)",
        )?
        .query_row([path], |row| Ok(blob::<16>(row, 0).ok()))
        .optional()?
        .flatten();
    Ok(known.map_or_else(PathId::generate, PathId::from_bytes))
}

/// Returns the ids of the contents of the backend that have the hash.
pub(in super::super::super) fn contents_of(
    connection: &Connection,
    backend: &str,
    hash: &ContentHash,
) -> Result<Vec<i64>> {
    Ok(connection
        .prepare_cached(
            "SELECT c.id FROM content AS c JOIN backends AS b ON b.id = c.backend_id
             WHERE c.hash = ?1 AND b.name = ?2 ORDER BY c.id",
        )?
        .query_map((hash.as_bytes(), backend), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

/// Returns where the content that has the id `id` now is.
pub(in super::super::super) fn content_of(
    connection: &Connection,
    id: i64,
) -> Result<Option<ContentPlace>> {
    Ok(connection
        .prepare_cached(
            "SELECT c.id, c.backend_id, c.hash, b.name, c.data FROM content AS c
             LEFT JOIN backends AS b ON b.id = c.backend_id WHERE c.id = ?1",
        )?
        .query_row([id], |row| {
            Ok(ContentPlace {
                key: key_of(row)?,
                backend: row.get(3)?,
                data: row.get_ref(4)?.as_bytes().ok().map(<[u8]>::to_vec),
            })
        })
        .optional()?)
}

fn content_key(connection: &Connection, id: i64) -> Result<Option<ContentKey>> {
    Ok(connection
        .prepare_cached("SELECT id, backend_id, hash FROM content WHERE id = ?1")?
        .query_row([id], key_of)
        .optional()?)
}

/// Reads id, backend and hash, which are the first columns of `row`.
fn key_of(row: &Row<'_>) -> rusqlite::Result<ContentKey> {
    Ok(ContentKey {
        id: row.get(0)?,
        backend: integer(row, 1),
        hash: blob::<32>(row, 2).ok().map(ContentHash::from_bytes),
    })
}

/// Returns what is known of the file at `path`.
pub(in super::super::super) fn describe(
    connection: &Connection,
    path: &str,
) -> Result<Option<LostFile>> {
    let found = connection
        .prepare_cached(
            "SELECT p.etag, p.size, p.content_id, b.name, p.modified_at, p.kind FROM paths AS p
             LEFT JOIN backends AS b ON b.id = p.backend_id WHERE p.path = ?1",
        )?
        .query_row([path], |row| {
            Ok(LostFile {
                path: path.to_owned(),
                etag: blob::<32>(row, 0).ok().map(ContentHash::from_bytes),
                size: integer(row, 1).map(|size| size as u64),
                content_id: integer(row, 2),
                backend: row.get(3)?,
                modified_at: integer(row, 4),
                is_file: integer(row, 5) == Some(1),
                is_above: false,
                metadata: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut file) = found else {
        return Ok(None);
    };
    file.is_above = is_above(connection, path)?;
    file.metadata = connection
        .prepare_cached("SELECT key, value FROM metadata WHERE path = ?1 ORDER BY key")?
        .query_map([path], |row| Ok((row.get(0)?, row.get(1)?)))?
        .filter_map(rusqlite::Result::ok)
        .collect();
    if let Ok(valid) = VirtualPath::parse(path) {
        match queue::all(connection, &valid) {
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            values => file.metadata.extend(values?),
        }
        file.metadata.sort();
    }
    Ok(Some(file))
}

fn is_above(connection: &Connection, path: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM paths WHERE path >= ?1 || '/' AND path < ?1 || '0'")?
        .exists([path])?)
}

/// Returns whether the row of `file` is unchanged.
fn is_as_before(connection: &Connection, file: &LostFile) -> Result<bool> {
    Ok(describe(connection, &file.path)?.is_some_and(|now| now.is_same(file)))
}

/// Removes all rows of `file`, if they are unchanged; returns whether they were. Items that depend on it keep an open
/// dependency on a deleted file.
pub(in super::super::super) fn forget(connection: &Connection, file: &LostFile) -> Result<bool> {
    if !is_as_before(connection, file)? {
        return Ok(false);
    }
    let mender = Mender(connection);
    let path = &file.path;
    mender.run(
        "UPDATE edges SET blocker_path = ?1
         WHERE open = 1 AND blocker_id = (SELECT path_id FROM work WHERE path = ?1)",
        [path],
    )?;
    mender.run(
        "DELETE FROM edges WHERE item_id = (SELECT path_id FROM work WHERE path = ?1)",
        [path],
    )?;
    mender.run("DELETE FROM work WHERE path = ?1", [path])?;
    mender.run("DELETE FROM metadata WHERE path = ?1", [path])?;
    mender.run("DELETE FROM paths WHERE path = ?1", [path])
}

/// Returns the files that have the content `key`, at most `limit`; none if its row has changed.
pub(in super::super::super) fn holders(
    connection: &Connection,
    key: &ContentKey,
    limit: usize,
) -> Result<Vec<LostFile>> {
    if content_key(connection, key.id)? != Some(*key) {
        return Ok(Vec::new());
    }
    let (paths, _) = holders::paths_of(connection, key.id, key.hash.as_ref(), limit)?;
    let described = paths.iter().map(|path| describe(connection, path));
    described.filter_map(Result::transpose).collect()
}

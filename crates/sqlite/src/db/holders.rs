//! Who needs a content. Every statement that asks this is here.
//!
//! A content is needed as long as a holder names it, and today a holder is a path. Whoever adds another kind of holder changes the
//! statements of this file and none elsewhere: a statement that forgot a holder would let a content be removed that is needed.

use nexusfs_core::content::ContentHash;
use nexusfs_core::range::PathRange;
use rusqlite::{OptionalExtension, Row};

use crate::driver::statements::Connection;
use crate::error::Result;

/// A content as its holders name it.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Named {
    pub backend_id: i64,
    pub content_id: i64,
    pub size: u64,
}

/// SQL: whether a holder names the row `$content` of `content`.
macro_rules! has_holder {
    ($content:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM paths AS holder WHERE holder.etag = ",
            $content,
            ".hash AND holder.backend_id = ",
            $content,
            ".backend_id AND holder.content_id = ",
            $content,
            ".id)"
        )
    };
}
pub(in super::super) use has_holder;

/// SQL: the id that a holder gives the content with the hash `$hash` in the backend `$backend`.
macro_rules! held_id {
    ($hash:literal, $backend:literal) => {
        concat!(
            "SELECT content_id FROM paths WHERE etag = ",
            $hash,
            " AND backend_id = ",
            $backend,
            " LIMIT 1"
        )
    };
}
pub(in super::super) use held_id;

/// SQL: the paths that have the content of hash ?1, backend ?2 and id ?3, from the path ?4 on and before ?5.
macro_rules! paths_within {
    () => {
        " FROM paths WHERE etag = ?1 AND backend_id = ?2 AND content_id = ?3
          AND path >= ?4 AND path < ?5 "
    };
}

/// Returns the id that a holder gives the content of the backend.
pub(in super::super) fn find(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached(held_id!("?1", "?2"))?
        .query_row((hash.as_bytes(), backend_id), |row| row.get(0))
        .optional()?)
}

/// Returns the least id that holders give the content of the backend: they should all give the same.
pub(in super::super) fn find_first(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached(
            "SELECT content_id FROM paths WHERE etag = ?1 AND backend_id = ?2
             ORDER BY content_id LIMIT 1",
        )?
        .query_row((hash.as_bytes(), backend_id), |row| row.get(0))
        .optional()?)
}

/// Returns whether a holder needs the content as a file of the backend. (One that is inline needs no file, even where an earlier
/// one left it.)
pub(in super::super) fn need_file(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM paths AS p JOIN content AS c ON c.id = p.content_id
             WHERE p.etag = ?1 AND p.backend_id = ?2 AND c.data IS NULL LIMIT 1",
        )?
        .exists((hash.as_bytes(), backend_id))?)
}

/// Returns the content of each backend that a holder names, whether or not the caller may see it.
pub(in super::super) fn find_all(
    connection: &Connection,
    hash: &ContentHash,
) -> Result<Vec<Named>> {
    let backends = connection
        .prepare_cached("SELECT id FROM backends")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    let mut all = Vec::new();
    for backend_id in backends {
        let named = connection
            .prepare_cached(
                "SELECT content_id, size FROM paths WHERE etag = ?1 AND backend_id = ?2 LIMIT 1",
            )?
            .query_row((hash.as_bytes(), backend_id), |row| {
                Ok(Named {
                    backend_id,
                    content_id: row.get(0)?,
                    size: row.get::<_, i64>(1)? as u64,
                })
            })
            .optional()?;
        all.extend(named);
    }
    Ok(all)
}

/// Returns how many paths in `range` have the content.
pub(in super::super) fn count_within(
    connection: &Connection,
    hash: &ContentHash,
    named: &Named,
    range: &PathRange,
) -> Result<u64> {
    let count: i64 = connection
        .prepare_cached(concat!("SELECT count(*)", paths_within!()))?
        .query_row(parameters(hash, named, range), |row| row.get(0))?;
    Ok(count as u64)
}

/// Returns whether a path in `range` has the content.
pub(in super::super) fn any_within(
    connection: &Connection,
    hash: &ContentHash,
    named: &Named,
    range: &PathRange,
) -> Result<bool> {
    Ok(connection
        .prepare_cached(concat!("SELECT 1", paths_within!(), "LIMIT 1"))?
        .exists(parameters(hash, named, range))?)
}

/// Returns the first path in `range` that has the content.
pub(in super::super) fn first_within(
    connection: &Connection,
    hash: &ContentHash,
    named: &Named,
    range: &PathRange,
) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached(concat!("SELECT min(path)", paths_within!()))?
        .query_row(parameters(hash, named, range), |row| row.get(0))?)
}

/// Returns the first 100 paths in `range` that have the content, in order.
pub(in super::super) fn some_within(
    connection: &Connection,
    hash: &ContentHash,
    named: &Named,
    range: &PathRange,
) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT path",
        paths_within!(),
        "ORDER BY path LIMIT 100"
    ))?;
    let paths = statement.query_map(parameters(hash, named, range), |row| row.get(0))?;
    Ok(paths.collect::<rusqlite::Result<Vec<String>>>()?)
}

/// Returns the first `limit` paths that have the content of the row `id`, and how many do; none if the row has another hash than
/// `hash` by now.
pub(in super::super) fn paths_of(
    connection: &Connection,
    id: i64,
    hash: Option<&ContentHash>,
    limit: usize,
) -> Result<(Vec<String>, u64)> {
    const HOLDERS: &str = "FROM content AS c CROSS JOIN paths AS p
         ON p.etag = c.hash AND p.backend_id = c.backend_id AND p.content_id = c.id
         WHERE c.id = ?1 AND (?2 IS NULL OR c.hash = ?2)";
    let hash = hash.map(ContentHash::as_bytes);
    let count: i64 = connection
        .prepare_composed(&format!("SELECT count(*) {HOLDERS}"))?
        .query_row((id, hash), |row| row.get(0))?;
    let text = |row: &Row<'_>| {
        let bytes = row.get_ref(0)?.as_bytes().unwrap_or_default();
        Ok(String::from_utf8_lossy(bytes).into_owned())
    };
    let paths = connection
        .prepare_composed(&format!("SELECT p.path {HOLDERS} ORDER BY p.path LIMIT ?3"))?
        .query_map((id, hash, limit as i64), text)?
        .collect::<rusqlite::Result<_>>()?;
    Ok((paths, count as u64))
}

/// Has all holders of the content name the row `id`, which has `size` bytes.
pub(in super::super) fn repoint(
    connection: &Connection,
    backend_id: i64,
    hash: &ContentHash,
    id: i64,
    size: u64,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE paths SET content_id = ?1, size = ?2 WHERE etag = ?3 AND backend_id = ?4",
        )?
        .execute((id, size as i64, hash.as_bytes(), backend_id))?;
    Ok(())
}

fn parameters<'p>(
    hash: &'p ContentHash,
    named: &Named,
    range: &'p PathRange,
) -> (&'p [u8; 32], i64, i64, &'p str, &'p str) {
    (
        hash.as_bytes(),
        named.backend_id,
        named.content_id,
        &range.start,
        &range.end,
    )
}

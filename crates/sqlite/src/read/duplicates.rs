//! Files with the same content.

use nexusfs_core::content::ContentHash;
use nexusfs_core::metadata::Duplicates;
use nexusfs_core::range::PathRange;

use crate::db::holders;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Files of one page.
const PAGE: usize = 512;
/// Most paths that a group names.
const NAMED: usize = 100;

/// A file of a page.
struct File {
    path: String,
    etag: ContentHash,
}

/// Returns the groups whose first path in `ranges` is among the next files after `after`, and the last path that was
/// read; `None` at the end. The cost is proportional to the files in `ranges`.
pub(in super::super) fn page(
    connection: &Connection,
    ranges: &[PathRange],
    after: &str,
) -> Result<(Vec<Duplicates>, Option<String>)> {
    let files = files_after(connection, ranges, after)?;
    let last = match files.len() < PAGE {
        true => None,
        false => files.last().map(|file| file.path.clone()),
    };
    let mut groups = Vec::new();
    for file in files {
        groups.extend(group_of(connection, ranges, &file)?);
    }
    Ok((groups, last))
}

fn files_after(connection: &Connection, ranges: &[PathRange], after: &str) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for range in ranges.iter().filter_map(|range| range.after(after)) {
        let wanted = (PAGE - files.len()) as i64;
        let mut statement = connection.prepare_cached(
            "SELECT path, etag FROM paths
             WHERE path >= ?1 AND path < ?2 AND kind = 1 ORDER BY path LIMIT ?3",
        )?;
        let mut found = statement.query((&range.start, &range.end, wanted))?;
        while let Some(row) = found.next()? {
            files.push(File {
                path: row.get(0)?,
                etag: ContentHash::from_bytes(crate::db::rows::blob::<32>(row, 1)?),
            });
        }
        if files.len() == PAGE {
            break;
        }
    }
    Ok(files)
}

/// Returns the group that `file` is the first of, if it is the first of one.
fn group_of(
    connection: &Connection,
    ranges: &[PathRange],
    file: &File,
) -> Result<Option<Duplicates>> {
    let contents = holders::find_all(connection, &file.etag)?;
    let mut paths = Vec::new();
    let mut count = 0;
    let mut size = 0;
    for named in &contents {
        size = named.size;
        for range in ranges {
            let first = holders::first_within(connection, &file.etag, named, range)?;
            let Some(first) = first else { continue };
            if first < file.path {
                return Ok(None);
            }
            count += holders::count_within(connection, &file.etag, named, range)?;
            paths.extend(holders::some_within(connection, &file.etag, named, range)?);
        }
    }
    if count < 2 {
        return Ok(None);
    }
    paths.sort_unstable();
    paths.truncate(NAMED);
    Ok(Some(Duplicates {
        etag: file.etag,
        size,
        count,
        paths,
    }))
}

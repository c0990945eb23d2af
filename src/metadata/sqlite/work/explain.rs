//! What an item waits for.

use rusqlite::{OptionalExtension, Row};

use super::super::rows::{self, Kind};
use super::super::statements::Connection;
use super::super::time::BootTime;
use super::edges::id_at;
use crate::error::{Error, ErrorKind, Result};
use crate::path::VirtualPath;
use crate::range::Visible;
use crate::work::{Blocker, Explanation, Status};

/// Returns what the file at `path` waits for. Of what `visible` does not show, only that it is there.
pub(in super::super) fn explain(
    connection: &Connection,
    path: &VirtualPath,
    visible: &Visible,
    now: BootTime,
) -> Result<Explanation> {
    let found = rows::find(connection, path.as_str())?;
    let Some(row) = found.filter(|row| visible.contains(&row.path)) else {
        return Err(Error::not_found("no such file or directory").at(path));
    };
    let id = match (row.kind, row.path_id) {
        (Kind::File, Some(id)) => id,
        _ => return Err(Error::new(ErrorKind::IsADirectory, "is a directory").at(path)),
    };
    let explanation = connection
        .prepare_cached(
            "SELECT status, coalesce(dependencies, 0), not_before, worker_id, attempts,
                    max_attempts, last_error, lease_expires_at, lease_deadline <= ?2, delayed
             FROM work WHERE path = ?1",
        )?
        .query_row((path.as_str(), now.0), |row| {
            Ok(Explanation {
                status: status(row, 0)?,
                dependencies: row.get::<_, i64>(1)? as u64,
                open: Vec::new(),
                not_before: row.get(2)?,
                worker_id: row.get(3)?,
                attempts: row.get::<_, i64>(4)? as u64,
                max_attempts: row.get::<_, Option<i64>>(5)?.map(|most| most as u64),
                last_error: row.get(6)?,
                lease_expires_at: row.get(7)?,
                lease_expired: row.get::<_, Option<bool>>(8)?.unwrap_or(false),
                delayed: row.get(9)?,
            })
        })
        .optional()?;
    let Some(mut explanation) = explanation else {
        return Ok(Explanation::default());
    };
    let mut statement = connection.prepare_cached(OPEN_EDGES)?;
    let mut edges = statement.query([id.as_bytes()])?;
    while let Some(edge) = edges.next()? {
        explanation.open.push(blocker(edge, visible)?);
    }
    Ok(explanation)
}

pub(super) const OPEN_EDGES: &str = "\
    SELECT e.blocker_id, coalesce(w.path, e.blocker_path), w.status, e.blocker_path IS NOT NULL
    FROM edges AS e LEFT JOIN work AS w ON w.path_id = e.blocker_id
    WHERE e.item_id = ?1 AND e.open = 1
    ORDER BY e.position";

fn blocker(edge: &Row<'_>, visible: &Visible) -> Result<Blocker> {
    let path: Option<String> = edge.get(1)?;
    let Some(path) = path.filter(|path| visible.contains(path)) else {
        return Ok(Blocker {
            path_id: None,
            path: None,
            status: None,
            deleted: false,
        });
    };
    Ok(Blocker {
        path_id: Some(id_at(edge, 0)?),
        path: Some(path),
        status: status(edge, 2)?,
        deleted: edge.get(3)?,
    })
}

/// Reads a status; `None` for anything that is none.
pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Status>> {
    let number = row.get_ref(column)?.as_i64().ok();
    Ok(number.and_then(Status::from_number))
}

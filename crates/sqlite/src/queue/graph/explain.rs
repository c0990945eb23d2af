//! What an item waits for.

use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::Visible;
use nexusfs_core::work::{Blocker, ExpiredLease, Explanation, Status};
use rusqlite::{OptionalExtension, Row};

use super::edges::id_at;
use crate::db::rows::{self, Kind, count, integer, text};
use crate::db::time::BootTime;
use crate::driver::statements::Connection;
use crate::error::{Error, ErrorKind, Result};

/// Returns the dependencies of the file at `path`. For those outside of `visible`, it only says that they exist.
pub(in super::super::super) fn explain(
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
                status: status(row, 0),
                dependencies: count(row, 1),
                open: Vec::new(),
                not_before: integer(row, 2),
                worker_id: text(row, 3),
                attempts: count(row, 4),
                max_attempts: integer(row, 5).map(|_| count(row, 5)),
                last_error: text(row, 6),
                lease_expires_at: integer(row, 7),
                lease_expired: integer(row, 8) == Some(1),
                delayed: integer(row, 9) == Some(1),
            })
        })
        .optional()?;
    let Some(mut explanation) = explanation else {
        return Ok(Explanation::default());
    };
    let mut statement = connection.prepare_cached(OPEN_EDGES)?;
    let mut edges = statement.query((id.as_bytes(), now.0))?;
    while let Some(edge) = edges.next()? {
        explanation.open.push(blocker(edge, visible)?);
    }
    Ok(explanation)
}

pub(in super::super) const OPEN_EDGES: &str = "\
    SELECT e.blocker_id, coalesce(w.path, e.blocker_path), w.status, e.blocker_path IS NOT NULL,
           w.lease_expires_at, w.lease_deadline <= ?2, w.attempts >= w.max_attempts
    FROM edges AS e LEFT JOIN work AS w ON w.path_id = e.blocker_id
    WHERE e.item_id = ?1 AND e.open = 1
    ORDER BY e.position";

fn blocker(edge: &Row<'_>, visible: &Visible) -> Result<Blocker> {
    let path = text(edge, 1);
    let Some(path) = path.filter(|path| visible.contains(path)) else {
        return Ok(Blocker {
            path_id: None,
            path: None,
            status: None,
            deleted: false,
            expired_lease: None,
        });
    };
    let status = status(edge, 2);
    let is_expired = status == Some(Status::InProgress) && integer(edge, 5) == Some(1);
    let expired_lease = is_expired.then(|| ExpiredLease {
        at: integer(edge, 4),
        is_last: integer(edge, 6) == Some(1),
    });
    Ok(Blocker {
        path_id: Some(id_at(edge, 0)?),
        path: Some(path),
        status,
        deleted: integer(edge, 3) == Some(1),
        expired_lease,
    })
}

/// Reads a status; `None` for anything that is none.
pub(in super::super) fn status(row: &Row<'_>, column: usize) -> Option<Status> {
    integer(row, column).and_then(Status::from_number)
}

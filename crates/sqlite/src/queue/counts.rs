//! Counts of work items.

use nexusfs_core::call::Call;
use nexusfs_core::range::{PathRange, Visible};
use nexusfs_core::time::Micros;
use nexusfs_core::work::{Status, WorkCounts};

use super::graph::explain::status;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Returns how many work items that `visible`, which is resolved, shows in `range` have which state.
pub(in super::super) fn counts(
    connection: &Connection,
    range: &PathRange,
    visible: &Visible,
    now: Micros,
    call: &Call,
) -> Result<WorkCounts> {
    let mut counts = WorkCounts::default();
    let mut statement = connection.prepare_cached(
        "SELECT status, open_edges > 0, delayed = 1 AND coalesce(not_before > ?3, 0), count(*)
         FROM work NOT INDEXED
         WHERE path >= ?1 AND path < ?2 AND status IS NOT NULL
         GROUP BY 1, 2, 3",
    )?;
    for range in visible.within(range) {
        call.check()?;
        let mut found = statement.query((&range.start, &range.end, now))?;
        while let Some(row) = found.next()? {
            if let Some(status) = status(row, 0) {
                let number: i64 = row.get(3)?;
                add(&mut counts, status, row.get(1)?, row.get(2)?, number as u64);
            }
        }
    }
    Ok(counts)
}

fn add(counts: &mut WorkCounts, status: Status, has_open_edge: bool, delayed: bool, number: u64) {
    for (known, total) in Status::ALL.into_iter().zip(&mut counts.by_status) {
        if known == status {
            *total += number;
        }
    }
    match status {
        Status::Blocked => counts.blocked += number,
        Status::Ready | Status::Pending if has_open_edge => counts.blocked += number,
        Status::Ready if delayed => counts.delayed += number,
        Status::Ready => counts.ready += number,
        Status::Pending => counts.pending += number,
        Status::InProgress => counts.in_progress += number,
        Status::Completed | Status::Failed | Status::Cancelled => {}
    }
}

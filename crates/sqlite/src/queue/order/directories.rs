//! The directories with claimable items, in the order of their bounds.
//!
//! `work_directories` has a row for each of them, with a bound: none of its claimable items precedes the bound in claim
//! order. Enqueueing an item lowers the bound if necessary ([`announce`]). Taking items does not change it. A claim
//! that finds nothing in a directory raises the bound to the first remaining item, or removes the row
//! ([`Visit::note`]). So taking the items of one directory one after the other writes no row here.

use std::collections::BTreeMap;

use nexusfs_core::path_id::PathId;
use rusqlite::{OptionalExtension, Row};

use super::Bound;
use crate::driver::statements::Connection;
use crate::error::Result;

const IS_ANNOUNCED: &str = "\
    SELECT 1 FROM work_directories
    WHERE directory = ?1 AND (first_rank, first_created) <= (?2, ?3)";
const ANNOUNCE: &str = "\
    INSERT INTO work_directories (directory, scope, first_rank, first_created)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (directory) DO UPDATE
    SET scope = excluded.scope, first_rank = excluded.first_rank,
        first_created = excluded.first_created";
const CLAIMABLE_ITEM: &str = "\
    SELECT directory, scope, rank, created_at FROM work
    WHERE path = ?1 AND +status = 1 /* ready */ AND +open_edges = 0 AND +delayed = 0";
const CLAIMABLE_ITEM_OF_ID: &str = "\
    SELECT directory, scope, rank, created_at FROM work
    WHERE path_id = ?1 AND +status = 1 /* ready */ AND +open_edges = 0 AND +delayed = 0";
const MOVE_UP: &str = "\
    UPDATE work_directories SET first_rank = ?2, first_created = ?3 WHERE directory = ?1";
const REMOVE: &str = "DELETE FROM work_directories WHERE directory = ?1";
const SET_SCOPE: &str = "UPDATE work_directories SET scope = ?2 WHERE directory = ?1";

/// Enqueues the item at `path`, if it is claimable.
pub(in super::super) fn announce(connection: &Connection, path: &str) -> Result<()> {
    announce_all(connection, CLAIMABLE_ITEM, path)
}

/// As [`announce()`], for the item of this id.
pub(in super::super) fn announce_id(connection: &Connection, id: PathId) -> Result<()> {
    announce_all(connection, CLAIMABLE_ITEM_OF_ID, id.as_bytes())
}

fn announce_all(
    connection: &Connection,
    sql: &'static str,
    of: impl rusqlite::ToSql,
) -> Result<()> {
    let mut firsts = Firsts::default();
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([of])?;
    while let Some(row) = found.next()? {
        firsts.note(row, 0)?;
    }
    firsts.announce(connection)
}

/// Directories of newly claimable items, with their partitions, and the first of the items in each.
#[derive(Debug, Default)]
pub(in super::super) struct Firsts(BTreeMap<String, (String, Bound)>);

impl Firsts {
    /// Adds the item of `row`, which has its directory, partition, rank and creation from the column `first` on.
    pub fn note(&mut self, row: &Row<'_>, first: usize) -> Result<()> {
        let bound = Bound::read(row, first + 2);
        let directory = row
            .get_ref(first)?
            .as_str()
            .map_err(rusqlite::Error::from)?;
        match self.0.get_mut(directory) {
            Some((_, known)) => *known = bound.min(*known),
            None => {
                let scope = row.get(first + 1)?;
                self.0.insert(directory.to_owned(), (scope, bound));
            }
        }
        Ok(())
    }

    /// Enqueues all of the items.
    pub fn announce(self, connection: &Connection) -> Result<()> {
        for (directory, (scope, Bound(rank, created_at))) in self.0 {
            let is_announced = connection
                .prepare_cached(IS_ANNOUNCED)?
                .exists((&directory, rank, created_at))?;
            if !is_announced {
                connection
                    .prepare_cached(ANNOUNCE)?
                    .execute((&directory, &scope, rank, created_at))?;
            }
        }
        Ok(())
    }
}

/// Makes the next claim visit `directory`, whatever its row says.
pub(in super::super) fn announce_again(
    connection: &Connection,
    directory: &str,
    scope: &str,
) -> Result<()> {
    let Bound(rank, created_at) = Bound::FIRST;
    connection
        .prepare_cached(ANNOUNCE)?
        .execute((directory, scope, rank, created_at))?;
    Ok(())
}

/// Makes claims skip `directory`, which has no item left.
pub(in super::super) fn remove(connection: &Connection, directory: &str) -> Result<()> {
    connection.prepare_cached(REMOVE)?.execute([directory])?;
    Ok(())
}

/// Recomputes the partitions of the directories of the namespace at `root`.
pub(in super::super) fn rescope(
    connection: &Connection,
    root: &str,
    scope_of: impl Fn(&str) -> &str,
) -> Result<()> {
    let directories = connection
        .prepare_cached(
            "SELECT directory FROM work_directories
             WHERE directory = ?1 OR (directory >= ?1 || '/' AND directory < ?1 || '0')",
        )?
        .query_map([root], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    for directory in directories {
        connection
            .prepare_cached(SET_SCOPE)?
            .execute((&directory, scope_of(&directory)))?;
    }
    Ok(())
}

/// The result of a visit of a directory.
#[derive(Debug)]
pub(in super::super) struct Visit {
    pub directory: String,
    pub bound: Bound,
    /// Position of its first claimable item, if it has one.
    pub first: Option<Bound>,
}

impl Visit {
    /// Updates the bound, unless items of the directory were taken: then the bound may be right for the next ones, too.
    pub fn note(
        &self,
        connection: &Connection,
        is_taken_from: impl Fn(&str) -> bool,
    ) -> Result<()> {
        match self.first {
            None => {
                connection
                    .prepare_cached(REMOVE)?
                    .execute([&self.directory])?;
            }
            Some(first) if first == self.bound => {}
            Some(_) if is_taken_from(&self.directory) => {}
            Some(Bound(rank, created_at)) => {
                connection
                    .prepare_cached(MOVE_UP)?
                    .execute((&self.directory, rank, created_at))?;
            }
        }
        Ok(())
    }
}

/// Returns the first directory from `position` on that has a row, and its bound.
pub(in super::super) fn next(
    connection: &Connection,
    position: &str,
) -> Result<Option<(String, Bound)>> {
    Ok(connection
        .prepare_cached(NEXT)?
        .query_row([position], |row| Ok((row.get(0)?, Bound::read(row, 1))))
        .optional()?)
}

const NEXT: &str = "\
    SELECT directory, first_rank, first_created FROM work_directories
    WHERE directory >= ?1 ORDER BY directory LIMIT 1";

/// The statements above, for the test of their query plans.
#[cfg(test)]
pub(in super::super) const STATEMENTS: [&str; 8] = [
    IS_ANNOUNCED,
    ANNOUNCE,
    CLAIMABLE_ITEM,
    CLAIMABLE_ITEM_OF_ID,
    MOVE_UP,
    REMOVE,
    SET_SCOPE,
    NEXT,
];

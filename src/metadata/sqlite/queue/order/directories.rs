//! Where a claim looks: the directories that hold claimable items, in the order of their first ones.
//!
//! `work_directories` has a row for each of them, with a bound: none of its claimable items comes before it
//! in the order of claims. Whatever makes an item claimable moves the bound back as far as that item needs
//! ([`announce`]). Taking items leaves it alone: a claim that looks into a directory in vain moves it up to the
//! first item that is left, or removes the row ([`Visit::note`]). So taking the items of one directory one
//! after the other writes no row here.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row};

use super::Bound;
use crate::error::Result;
use crate::metadata::sqlite::driver::statements::Connection;
use crate::path_id::PathId;

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

/// Makes sure that claims find the item at `path`, if it is claimable.
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

/// Directories of items that came to be claimable, with their scopes, and the first of the items in each.
#[derive(Debug, Default)]
pub(in super::super) struct Firsts(BTreeMap<String, (String, Bound)>);

impl Firsts {
    /// Notes the item of `row`, which has its directory, scope, rank and creation from the column `first` on.
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

    /// Makes sure that claims find all of the items.
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

/// Has the next claim look into `directory`, whatever its row says.
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

/// Lets no claim look into `directory`, where no item is left.
pub(in super::super) fn remove(connection: &Connection, directory: &str) -> Result<()> {
    connection.prepare_cached(REMOVE)?.execute([directory])?;
    Ok(())
}

/// Gives the directories of the namespace at `root` their scopes anew.
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

/// What a search found in a directory.
#[derive(Debug)]
pub(in super::super) struct Visit {
    pub directory: String,
    pub bound: Bound,
    /// Where its first claimable item stands, if it has one.
    pub first: Option<Bound>,
}

impl Visit {
    /// Lets later searches know, unless items of the directory were taken: then its bound may serve for the next
    /// ones, too.
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

/// The statements above, for the test that looks at their plans.
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

//! Finding what can be claimed, in the order of claims.
//!
//! Claimable items stand in three indexes: of the whole store, of each scope (the part of a tenant or
//! agent, or a namespace that nobody owns) and of each directory. A worker that may take anything walks the
//! first. Any other one merges the heads of the few scopes and directories that make up its territory: they
//! are found by skipping from one to the next, so that what others have in between costs one look-up.

use rusqlite::{Connection, OptionalExtension};

use super::super::time::Time;
use super::order::{Best, Place, path_of};
use super::scopes::Lapses;
use super::territory::{Coverage, Territory, after, after_all_below, parent};
use crate::access::Rules;
use crate::call::Call;
use crate::error::Result;

/// Directories of one scope that are merged; of more, the scope is walked.
const DIRECTORIES_OF_SCOPE: usize = 64;
/// Scopes and directories that are merged; with more, the whole store is walked.
const SOURCES: usize = 4096;
/// Items that a walk of the whole store may skip, for a worker that may take nearly all.
const SKIPPED: usize = 512;
/// Items that are looked at by path before a directory, of which a part is wanted, is walked.
const TRIED_BY_PATH: usize = 512;
/// Items of that directory that may be skipped before the rest is looked at by path.
const TRIED_IN_ORDER: usize = 4096;

/// Selects claimable items from the index `$index`.
macro_rules! claimable {
    ($columns:literal, $index:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM work INDEXED BY ",
            $index,
            " WHERE status = 'ready' AND open_edges = 0 AND delayed = 0",
            $rest
        )
    };
}

/// The statements that find claimable items. None of them scans or sorts a queue.
const ALL: &str = claimable!(
    "rank, created_at, 0, path",
    "work_claimable",
    " ORDER BY rank, created_at, path"
);
const OF_SCOPE: &str = claimable!(
    "rank, created_at, 0, path",
    "work_claimable_in_scope",
    " AND directory <> scope AND scope = ?1 ORDER BY rank, created_at, path"
);
const OF_DIRECTORY: &str = claimable!(
    "rank, created_at, 0, path",
    "work_claimable_in_directory",
    " AND directory = ?1 ORDER BY rank, created_at, path"
);
const NEXT_DIRECTORY: &str = claimable!(
    "directory",
    "work_claimable_in_directory",
    " AND directory >= ?1 ORDER BY directory LIMIT 1"
);
const BY_PATH: &str = "\
    SELECT rank, created_at, 0, path, status = 'ready' AND open_edges = 0 AND delayed = 0
    FROM work NOT INDEXED
    WHERE path >= ?1 AND path < ?2";

/// Where the items of a territory come from.
enum Source {
    /// What lies below the root of a scope, but not directly in it.
    Scope(String),
    /// What lies directly in a directory.
    Directory(String),
    /// As [`Source::Directory`], of which only a part is wanted.
    PartOfDirectory(String),
}

/// A search for claimable items.
pub(super) struct Search<'a> {
    pub connection: &'a Connection,
    pub rules: &'a Rules,
    pub call: &'a Call,
    pub territory: &'a Territory<'a>,
    /// The territory is nearly the whole store.
    pub whole: bool,
}

impl<'a> Search<'a> {
    /// Returns what becomes claimable by itself in the territory.
    pub fn lapses(&self, time: &Time) -> Lapses<'a> {
        Lapses {
            connection: self.connection,
            rules: self.rules,
            call: self.call,
            territory: self.territory,
            whole: self.whole,
            wall: time.wall(),
            boot: time.boot(),
        }
    }

    /// Returns the paths of the first `limit` items, in order.
    pub fn first(&self, limit: usize) -> Result<Vec<String>> {
        let mut best = Best::new(limit);
        self.offer_to(&mut best, limit)?;
        Ok(best.into_paths())
    }

    /// Offers at least the first `limit` items to `best`.
    pub fn offer_to(&self, best: &mut Best, limit: usize) -> Result<()> {
        if self.whole
            && let Some(places) = self.walk(ALL, None, limit, SKIPPED)?
        {
            places.into_iter().for_each(|place| best.offer(place));
            return Ok(());
        }
        let Some(sources) = self.sources()? else {
            let places = self.walk(ALL, None, limit, usize::MAX)?.unwrap_or_default();
            places.into_iter().for_each(|place| best.offer(place));
            return Ok(());
        };
        for source in sources {
            self.call.check()?;
            for place in self.items_of(&source, limit)? {
                best.offer(place);
            }
        }
        Ok(())
    }

    /// Returns where the territory's items come from; `None` if that is too many places.
    fn sources(&self) -> Result<Option<Vec<Source>>> {
        let mut sources = Vec::new();
        let mut in_scope = (String::new(), 0);
        let mut statement = self.connection.prepare_cached(NEXT_DIRECTORY)?;
        let mut next = self.territory.first_directory().map(str::to_owned);
        while let Some(position) = next {
            let directory: Option<String> = statement
                .query_row([&position], |row| row.get(0))
                .optional()?;
            let Some(directory) = directory else {
                break;
            };
            if sources.len() >= SOURCES {
                return Ok(None);
            }
            self.call.check()?;
            let scope = self.rules.scope_of(&directory);
            let nested = scope != directory;
            if nested && self.territory.coverage_below(scope) == Coverage::Whole {
                next = Some(after_all_below(scope));
                sources.push(Source::Scope(scope.to_owned()));
                continue;
            }
            let coverage = self.territory.coverage_in(&directory);
            if coverage == Coverage::Nothing {
                next = self.territory.next_directory(&directory);
                continue;
            }
            if nested {
                if in_scope.0 != scope {
                    in_scope = (scope.to_owned(), 0);
                }
                in_scope.1 += 1;
                if in_scope.1 > DIRECTORIES_OF_SCOPE {
                    sources.truncate(sources.len() - DIRECTORIES_OF_SCOPE);
                    next = Some(after_all_below(scope));
                    sources.push(Source::Scope(scope.to_owned()));
                    continue;
                }
            }
            next = Some(after(&directory));
            sources.push(match coverage {
                Coverage::Whole => Source::Directory(directory),
                _ => Source::PartOfDirectory(directory),
            });
        }
        Ok(Some(sources))
    }

    /// Returns the first `limit` items of `source` that lie in the territory, in any order.
    fn items_of(&self, source: &Source, limit: usize) -> Result<Vec<Place>> {
        let places = match source {
            Source::Scope(scope) => self.walk(OF_SCOPE, Some(scope), limit, usize::MAX)?,
            Source::Directory(directory) => {
                self.walk(OF_DIRECTORY, Some(directory), limit, usize::MAX)?
            }
            Source::PartOfDirectory(directory) => {
                return self.items_of_part(directory, limit);
            }
        };
        Ok(places.unwrap_or_default())
    }

    /// Walks an index up to `limit` items; `None` if more than `skipped` on the way are not wanted.
    fn walk(
        &self,
        sql: &str,
        of: Option<&str>,
        limit: usize,
        skipped: usize,
    ) -> Result<Option<Vec<Place>>> {
        let mut skips_left = skipped;
        let mut places = Vec::new();
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = match of {
            Some(of) => statement.query([of])?,
            None => statement.query([])?,
        };
        while places.len() < limit
            && let Some(row) = found.next()?
        {
            if self.territory.contains(path_of(row)?) {
                places.push(Place::read(row)?);
                continue;
            }
            self.call.check()?;
            match skips_left.checked_sub(1) {
                Some(left) => skips_left = left,
                None => return Ok(None),
            }
        }
        Ok(Some(places))
    }

    /// Returns the first `limit` items of those directly in `directory` that are wanted. They may be few
    /// among many or many, so that both ways are tried by turns: by path, then in order.
    fn items_of_part(&self, directory: &str, limit: usize) -> Result<Vec<Place>> {
        if let Some(places) = self.by_path(directory, limit, TRIED_BY_PATH)? {
            return Ok(places);
        }
        if let Some(places) = self.walk(OF_DIRECTORY, Some(directory), limit, TRIED_IN_ORDER)? {
            return Ok(places);
        }
        Ok(self
            .by_path(directory, limit, usize::MAX)?
            .unwrap_or_default())
    }

    /// Looks at up to `tries` items by path; `None` if there are more.
    fn by_path(&self, directory: &str, limit: usize, tries: usize) -> Result<Option<Vec<Place>>> {
        let mut tries_left = tries;
        let mut best = Best::new(limit);
        let mut statement = self.connection.prepare_cached(BY_PATH)?;
        for range in self.territory.below(directory) {
            let mut found = statement.query([&range.start, &range.end])?;
            while let Some(row) = found.next()? {
                self.call.check()?;
                match tries_left.checked_sub(1) {
                    Some(left) => tries_left = left,
                    None => return Ok(None),
                }
                let is_claimable = row.get::<_, Option<bool>>(4)?.unwrap_or(false);
                if is_claimable && parent(path_of(row)?) == directory {
                    best.offer(Place::read(row)?);
                }
            }
        }
        Ok(Some(best.into_places()))
    }
}

/// The statements of a search, for the test that looks at their plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 5] = [ALL, OF_SCOPE, OF_DIRECTORY, NEXT_DIRECTORY, BY_PATH];

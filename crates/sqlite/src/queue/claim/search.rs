//! Search for claimable items, in claim order.
//!
//! One index has the claimable items by directory, others have the directories in the order of their bounds
//! ([`super::super::order::directories`]): those of the whole store, and those of each owner partition (the directory
//! of a tenant or agent, or a namespace without owners). A search visits directories until no further one can have an
//! item that precedes those found. It skips partitions and directories outside of the claim ranges, so that the items
//! of other owners cost one look-up.

use nexusfs_core::access::Rules;
use nexusfs_core::call::Call;

use super::super::order::directories::{self, Visit};
use super::super::order::partitions::Lapses;
use super::super::order::ranges::{Coverage, Territory, after, after_all_below, parent};
use super::super::order::{Best, Bound, Place, path_of};
use crate::db::rows::integer;
use crate::db::time::Time;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Most directories of one partition that are looked up by name; with more, those of the partition are visited in
/// order.
const DIRECTORIES_OF_SCOPE: usize = 64;
/// Most partitions and directories that are looked up by name; with more, those of the whole store are visited.
const SOURCES: usize = 4096;
/// Directories that a scan of all may skip, for a worker that may take nearly all items.
const SKIPPED: usize = 512;
/// Items that are read by path before a partly wanted directory is scanned.
const TRIED_BY_PATH: usize = 512;
/// Items of that directory that may be skipped before the rest is read by path.
const TRIED_IN_ORDER: usize = 4096;

/// The statements that find claimable items. None of them scans or sorts a queue.
const ALL_DIRECTORIES: &str = "\
    SELECT directory, first_rank, first_created
    FROM work_directories INDEXED BY work_directories_in_order
    ORDER BY first_rank, first_created";
const DIRECTORIES_OF: &str = "\
    SELECT directory, first_rank, first_created
    FROM work_directories INDEXED BY work_directories_of_scope
    WHERE scope = ?1 ORDER BY first_rank, first_created";
pub(in super::super) const OF_DIRECTORY: &str = "\
    SELECT rank, created_at, 0, path FROM work INDEXED BY work_claimable
    WHERE status = 1 /* ready */ AND open_edges = 0 AND delayed = 0 AND directory = ?1
    ORDER BY rank, created_at, path";
const BY_PATH: &str = "\
    SELECT rank, created_at, 0, path, status = 1 /* ready */ AND open_edges = 0 AND delayed = 0
    FROM work NOT INDEXED
    WHERE path >= ?1 AND path < ?2";

/// A source of items within claim ranges.
enum Source {
    /// The directories of a partition, some of which may be outside.
    Scope(String),
    /// The items directly in a directory, and its bound.
    Directory(String, Bound),
}

/// A search for claimable items.
pub(in super::super) struct Search<'a> {
    pub connection: &'a Connection,
    pub rules: &'a Rules,
    pub call: &'a Call,
    pub territory: &'a Territory<'a>,
    /// The claim ranges are nearly the whole store.
    pub whole: bool,
}

impl<'a> Search<'a> {
    /// Returns the due and expired items in the claim ranges.
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

    /// Offers at least the first items to `best`, and returns the visited directories.
    pub fn offer_to(&self, best: &mut Best<'_>) -> Result<Vec<Visit>> {
        let mut visits = Vec::new();
        if self.whole {
            let before = best.clone();
            if self.go_through(ALL_DIRECTORIES, None, SKIPPED, best, &mut visits)? {
                return Ok(visits);
            }
            // The items found are offered again.
            *best = before;
            visits.clear();
        }
        let Some(sources) = self.sources()? else {
            self.go_through(ALL_DIRECTORIES, None, usize::MAX, best, &mut visits)?;
            return Ok(visits);
        };
        for source in sources {
            match source {
                Source::Scope(scope) => {
                    let of = Some(&*scope);
                    self.go_through(DIRECTORIES_OF, of, usize::MAX, best, &mut visits)?;
                }
                Source::Directory(directory, bound) if !best.is_before(bound) => {
                    self.visit(&directory, bound, best, &mut visits)?;
                }
                Source::Directory(..) => {}
            }
        }
        Ok(visits)
    }

    /// Returns the sources of the claim ranges; `None` if there are too many.
    fn sources(&self) -> Result<Option<Vec<Source>>> {
        let mut sources = Vec::new();
        let mut in_scope = (String::new(), 0);
        let mut next = self.territory.first_directory().map(str::to_owned);
        while let Some(position) = next {
            let Some((directory, bound)) = directories::next(self.connection, &position)? else {
                break;
            };
            if sources.len() >= SOURCES {
                return Ok(None);
            }
            self.call.check()?;
            if self.territory.coverage_in(&directory) == Coverage::Nothing {
                next = self.territory.next_directory(&directory);
                continue;
            }
            let scope = self.rules.scope_of(&directory);
            let nested = scope != directory;
            if nested && self.territory.coverage_below(scope) == Coverage::Whole {
                next = Some(after_all_below(scope));
                self.take_scope(scope, &mut sources);
                continue;
            }
            if nested {
                if in_scope.0 != scope {
                    in_scope = (scope.to_owned(), 0);
                }
                in_scope.1 += 1;
                if in_scope.1 > DIRECTORIES_OF_SCOPE {
                    next = Some(after_all_below(scope));
                    self.take_scope(scope, &mut sources);
                    continue;
                }
            }
            next = Some(after(&directory));
            sources.push(Source::Directory(directory, bound));
        }
        Ok(Some(sources))
    }

    /// Replaces the directories by their partition.
    fn take_scope(&self, scope: &str, sources: &mut Vec<Source>) {
        sources.retain(|source| match source {
            Source::Directory(directory, _) => self.rules.scope_of(directory) != scope,
            Source::Scope(_) => true,
        });
        sources.push(Source::Scope(scope.to_owned()));
    }

    /// Visits directories in the order of their bounds, until the items found precede all further ones. Returns false
    /// if it had to skip more than `skipped` directories.
    fn go_through(
        &self,
        sql: &'static str,
        of: Option<&str>,
        skipped: usize,
        best: &mut Best<'_>,
        visits: &mut Vec<Visit>,
    ) -> Result<bool> {
        let mut skips_left = skipped;
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = match of {
            Some(of) => statement.query([of])?,
            None => statement.query([])?,
        };
        while let Some(row) = found.next()? {
            let bound = Bound::read(row, 1);
            if best.is_before(bound) {
                break;
            }
            self.call.check()?;
            let directory = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            if self.visit(directory, bound, best, visits)? {
                continue;
            }
            match skips_left.checked_sub(1) {
                Some(left) => skips_left = left,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Offers the items of `directory` to `best`; returns whether any of it is within the claim ranges.
    fn visit(
        &self,
        directory: &str,
        bound: Bound,
        best: &mut Best<'_>,
        visits: &mut Vec<Visit>,
    ) -> Result<bool> {
        let places = match self.territory.coverage_in(directory) {
            Coverage::Nothing => return Ok(false),
            Coverage::Part => self.items_of_part(directory, best.wanted())?,
            Coverage::Whole => {
                let places = self.first_items(directory, best.wanted())?;
                visits.push(Visit {
                    directory: directory.to_owned(),
                    bound,
                    first: places.first().map(Place::bound),
                });
                places
            }
        };
        places.into_iter().for_each(|place| best.offer(place));
        Ok(true)
    }

    /// Returns the first `limit` items of a directory that is wanted as a whole. A damaged row may name an item that is
    /// not there.
    fn first_items(&self, directory: &str, limit: usize) -> Result<Vec<Place>> {
        let mut statement = self.connection.prepare_cached(OF_DIRECTORY)?;
        let mut found = statement.query([directory])?;
        let mut places = Vec::new();
        while places.len() < limit
            && let Some(row) = found.next()?
        {
            places.extend(Place::read(row).filter(|place| parent(&place.path) == directory));
        }
        Ok(places)
    }

    /// Scans a directory for up to `limit` items; `None` if it had to skip more than `skipped` items.
    fn walk(&self, directory: &str, limit: usize, skipped: usize) -> Result<Option<Vec<Place>>> {
        let mut skips_left = skipped;
        let mut places = Vec::new();
        let mut statement = self.connection.prepare_cached(OF_DIRECTORY)?;
        let mut found = statement.query([directory])?;
        while places.len() < limit
            && let Some(row) = found.next()?
        {
            if path_of(row).is_some_and(|path| self.territory.contains(path)) {
                places.extend(Place::read(row));
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

    /// Returns the first `limit` items of those directly in `directory` that are wanted. They may be few among many, or
    /// many, so it alternates between both orders: by path, then in claim order.
    fn items_of_part(&self, directory: &str, limit: usize) -> Result<Vec<Place>> {
        if let Some(places) = self.by_path(directory, limit, TRIED_BY_PATH)? {
            return Ok(places);
        }
        if let Some(places) = self.walk(directory, limit, TRIED_IN_ORDER)? {
            return Ok(places);
        }
        Ok(self
            .by_path(directory, limit, usize::MAX)?
            .unwrap_or_default())
    }

    /// Reads up to `tries` items by path; `None` if there are more.
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
                let is_claimable = integer(row, 4) == Some(1);
                if let Some(place) = Place::read(row).filter(|_| is_claimable)
                    && parent(&place.path) == directory
                {
                    best.offer(place);
                }
            }
        }
        Ok(Some(best.into_places()))
    }
}

/// The statements of a search, for the test of their query plans.
#[cfg(test)]
pub(in super::super) const STATEMENTS: [&str; 4] =
    [ALL_DIRECTORIES, DIRECTORIES_OF, OF_DIRECTORY, BY_PATH];

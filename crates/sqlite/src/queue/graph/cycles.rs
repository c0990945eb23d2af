//! Detection of cycles among dependencies.
//!
//! The edges before a set of changes form no cycle, so a cycle goes through an item whose dependencies
//! changed. Nothing recurses: a chain may be as long as the store is large.

use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashSet, HashSetExt};
use nexusfs_core::path_id::PathId;
use rusqlite::Rows;

use super::super::transaction::WorkTransaction;
use super::edges::id_at;
use crate::db::rows;
use crate::driver::statements::{Connection, Prepared};
use crate::error::{Error, ErrorKind, Result};

/// Up to so many items are searched from one by one; beyond, one walk through everything they depend
/// on is cheaper.
const SEARCHED_SINGLY: usize = 32;
/// Edges read at once, so that an item with many does not hold up the search from the other side.
const PAGE: usize = 64;
/// Most names in a message.
const NAMES_SHOWN: usize = 16;

/// The neighbours of an item in one direction: all, and those from one on.
struct Direction {
    all: &'static str,
    after: &'static str,
}

const BLOCKERS: Direction = Direction {
    all: "SELECT blocker_id FROM edges WHERE item_id = ?1 ORDER BY blocker_id",
    after: "SELECT blocker_id FROM edges WHERE item_id = ?1 AND blocker_id > ?2 ORDER BY blocker_id",
};
const DEPENDENTS: Direction = Direction {
    all: "SELECT item_id FROM edges WHERE blocker_id = ?1 ORDER BY item_id",
    after: "SELECT item_id FROM edges WHERE blocker_id = ?1 AND item_id > ?2 ORDER BY item_id",
};

/// Returns an error if a cycle goes through one of `changed`: items whose dependencies are new, each
/// with the index of the operation that set them.
pub(super) fn refuse(tx: &WorkTransaction<'_>, changed: &[(PathId, usize)]) -> Result<()> {
    let mut starts = Vec::new();
    let mut dependents = tx.connection.prepare_cached(DEPENDENTS.all)?;
    for (item, _) in changed {
        // An item that nothing depends on is in no cycle.
        if dependents.exists([item.as_bytes()])? {
            starts.push(*item);
        }
    }
    drop(dependents);
    let cycle = if starts.len() <= SEARCHED_SINGLY {
        let mut cycle = None;
        for start in starts {
            cycle = through(tx, start)?;
            if cycle.is_some() {
                break;
            }
        }
        cycle
    } else {
        reachable(tx, starts)?
    };
    match cycle {
        None => Ok(()),
        Some(cycle) => Err(cycle_error(tx, cycle, changed)?),
    }
}

/// A search in one direction.
struct Side<'a> {
    connection: &'a Connection,
    direction: Direction,
    /// Its statement for all neighbours.
    all: Prepared<'a>,
    /// Each item that was reached, with the one it was reached from.
    reached: HashMap<PathId, PathId>,
    /// Items whose edges were not all read, each with the last neighbour that was.
    open: Vec<(PathId, Option<PathId>)>,
    /// Number of edges read.
    cost: usize,
}

impl<'a> Side<'a> {
    fn new(connection: &'a Connection, direction: Direction, start: PathId) -> Result<Self> {
        Ok(Side {
            connection,
            all: connection.prepare_cached(direction.all)?,
            direction,
            reached: HashMap::from_iter([(start, start)]),
            open: vec![(start, None)],
            cost: 0,
        })
    }

    /// Reads a page of edges. Returns one that leads to what `other` has reached, as the item and its
    /// neighbour.
    fn advance(&mut self, other: &Side<'_>) -> Result<Option<(PathId, PathId)>> {
        let Some((item, after)) = self.open.pop() else {
            return Ok(None);
        };
        let page = match after {
            None => first_ids(self.all.query([item.as_bytes()])?, PAGE)?,
            Some(after) => {
                let mut statement = self.connection.prepare_cached(self.direction.after)?;
                first_ids(statement.query([item.as_bytes(), after.as_bytes()])?, PAGE)?
            }
        };
        self.cost += page.len() + 1;
        if page.len() == PAGE {
            self.open.push((item, page.last().copied()));
        }
        for neighbour in page {
            if other.reached.contains_key(&neighbour) {
                return Ok(Some((item, neighbour)));
            }
            // The first way to it stays, so that all ways lead back to the start.
            if let Entry::Vacant(unreached) = self.reached.entry(neighbour) {
                unreached.insert(item);
                self.open.push((neighbour, None));
            }
        }
        Ok(None)
    }

    /// Returns the way from `item` back to the start.
    fn way_back(&self, item: PathId) -> Vec<PathId> {
        let mut way = vec![item];
        let mut at = item;
        while let Some(previous) = self.reached.get(&at).filter(|previous| **previous != at) {
            way.push(*previous);
            at = *previous;
        }
        way
    }
}

/// Returns a cycle through `start`, which is its first and its last item. Alternates between blockers and dependents,
/// so that it costs at most twice what the cheaper direction does.
fn through(tx: &WorkTransaction<'_>, start: PathId) -> Result<Option<Vec<PathId>>> {
    let mut down = Side::new(tx.connection, BLOCKERS, start)?;
    let mut up = Side::new(tx.connection, DEPENDENTS, start)?;
    while !down.open.is_empty() && !up.open.is_empty() {
        tx.grant.call.check()?;
        let (above, below) = if down.cost <= up.cost {
            match down.advance(&up)? {
                Some((item, blocker)) => (item, blocker),
                None => continue,
            }
        } else {
            match up.advance(&down)? {
                Some((item, dependent)) => (dependent, item),
                None => continue,
            }
        };
        let mut cycle = down.way_back(above);
        cycle.reverse();
        cycle.extend(up.way_back(below));
        return Ok(Some(cycle));
    }
    Ok(None)
}

/// Returns a cycle among what `starts` depend on, directly or not; its first and last items are the
/// same.
fn reachable(tx: &WorkTransaction<'_>, starts: Vec<PathId>) -> Result<Option<Vec<PathId>>> {
    let connection = tx.connection;
    let mut finished = HashSet::new();
    for start in starts {
        if finished.contains(&start) {
            continue;
        }
        let mut way = vec![(start, all_blockers(connection, start)?)];
        let mut on_way = HashSet::from_iter([start]);
        while let Some((item, blockers)) = way.last_mut() {
            let Some(blocker) = blockers.pop() else {
                finished.insert(*item);
                on_way.remove(item);
                way.pop();
                continue;
            };
            if on_way.contains(&blocker) {
                let items = way.iter().map(|(item, _)| *item);
                let mut cycle: Vec<_> = items.skip_while(|item| *item != blocker).collect();
                cycle.push(blocker);
                return Ok(Some(cycle));
            }
            if !finished.contains(&blocker) {
                tx.grant.call.check()?;
                on_way.insert(blocker);
                way.push((blocker, all_blockers(connection, blocker)?));
            }
        }
    }
    Ok(None)
}

fn all_blockers(connection: &Connection, item: PathId) -> Result<Vec<PathId>> {
    let mut statement = connection.prepare_cached(BLOCKERS.all)?;
    first_ids(statement.query([item.as_bytes()])?, usize::MAX)
}

fn first_ids(mut found: Rows<'_>, limit: usize) -> Result<Vec<PathId>> {
    let mut ids = Vec::new();
    while ids.len() < limit
        && let Some(row) = found.next()?
    {
        ids.push(id_at(row, 0)?);
    }
    Ok(ids)
}

/// Returns the error for `cycle`, naming the last operation that contributed to it.
fn cycle_error(
    tx: &WorkTransaction<'_>,
    mut cycle: Vec<PathId>,
    changed: &[(PathId, usize)],
) -> Result<Error> {
    cycle.pop();
    let last = changed
        .iter()
        .filter_map(|(item, operation)| {
            let position = cycle.iter().position(|other| other == item)?;
            Some((*operation, position))
        })
        .max();
    let (operation, position) = last.unwrap_or_default();
    cycle.rotate_left(position);
    cycle.extend(cycle.first().copied());
    let names = names_of(tx, &cycle)?;
    let path = names.first().cloned().unwrap_or_default();
    let what = format!("dependencies would form the cycle {}", names.join(" -> "));
    Ok(Error::new(ErrorKind::Cycle, what)
        .at(path)
        .in_operation(operation))
}

/// Returns names of the items that the caller may see: of many, the first and the last ones, so that no more are looked
/// up.
fn names_of(tx: &WorkTransaction<'_>, cycle: &[PathId]) -> Result<Vec<String>> {
    let mut names = first_names(tx, cycle.iter(), NAMES_SHOWN + 1)?;
    if names.len() > NAMES_SHOWN {
        let last = first_names(tx, cycle.iter().rev(), NAMES_SHOWN / 2)?;
        names.truncate(NAMES_SHOWN / 2);
        names.push("(more)".to_owned());
        names.extend(last.into_iter().rev());
    }
    Ok(names)
}

/// Returns the first `limit` names. Adjacent items that the caller may not see become one name, so that their number is
/// not revealed.
fn first_names<'c>(
    tx: &WorkTransaction<'_>,
    items: impl ExactSizeIterator<Item = &'c PathId>,
    limit: usize,
) -> Result<Vec<String>> {
    let depends_on_itself = items.len() == 2;
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let name = rows::find_path_of_id(tx.connection, *item)?
            .filter(|path| tx.grant.visible.contains(path))
            .unwrap_or_else(|| "not visible".to_owned());
        if names.last() != Some(&name) || depends_on_itself {
            names.push(name);
        }
        if names.len() == limit {
            break;
        }
    }
    Ok(names)
}

//! The order of claims and of the views.

pub(super) mod directories;
pub(super) mod partitions;
pub(super) mod ranges;

use std::collections::{BinaryHeap, HashSet};

use rusqlite::Row;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

/// A sort key of items: a number, or nothing, which comes after every number. In the database nothing is an empty blob,
/// or NULL in columns that are not sorted by SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Term {
    Number(i64),
    Absent,
}

impl From<Option<i64>> for Term {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Term::Absent, Term::Number)
    }
}

impl Term {
    /// Returns a number that sorts as the term does.
    pub fn place(self) -> i128 {
        match self {
            Term::Number(number) => number.into(),
            Term::Absent => i128::MAX,
        }
    }

    /// Reads a term. A damaged row does not end a query of many: a value that is not a number counts as nothing.
    pub fn read(row: &Row<'_>, column: usize) -> Self {
        match row.get_ref(column) {
            Ok(ValueRef::Integer(number)) => Term::Number(number),
            Ok(ValueRef::Real(number)) => Term::Number(number as i64),
            _ => Term::Absent,
        }
    }
}

/// The sort key of items in claim order, before their path: rank and creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bound(pub Term, pub Term);

impl Bound {
    /// Comes before every item.
    pub const FIRST: Bound = Bound(Term::Number(i64::MIN), Term::Number(i64::MIN));

    pub fn read(row: &Row<'_>, first: usize) -> Self {
        Bound(Term::read(row, first), Term::read(row, first + 1))
    }
}

impl ToSql for Term {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Term::Number(number) => (*number).into(),
            Term::Absent => ToSqlOutput::Borrowed(ValueRef::Blob(&[])),
        })
    }
}

/// The position of an item: its sort key and its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub key: [Term; 3],
    pub path: String,
}

impl Place {
    /// Reads a position from a row of three terms and a path; `None` if the path is damaged.
    pub fn read(row: &Row<'_>) -> Option<Place> {
        let path = path_of(row)?.to_owned();
        let key = [0, 1, 2].map(|column| Term::read(row, column));
        Some(Place { key, path })
    }

    /// Returns its position in claim order.
    pub fn bound(&self) -> Bound {
        Bound(self.key[0], self.key[1])
    }
}

/// Reads the path of a row that [`Place::read`] reads; `None` where it is damaged.
pub(super) fn path_of<'r>(row: &'r Row<'_>) -> Option<&'r str> {
    row.get_ref(3).ok()?.as_str().ok()
}

/// The first `limit` of the offered items.
#[derive(Clone)]
pub(super) struct Best<'a> {
    places: BinaryHeap<Place>,
    limit: usize,
    unreadable: Option<&'a HashSet<String>>,
}

impl<'a> Best<'a> {
    pub fn new(limit: usize) -> Self {
        Best {
            places: BinaryHeap::new(),
            limit,
            unreadable: None,
        }
    }

    /// As [`Best::new`], but for the items at the paths `unreadable`.
    pub fn without(limit: usize, unreadable: &'a HashSet<String>) -> Self {
        Best {
            unreadable: Some(unreadable),
            ..Best::new(limit)
        }
    }

    /// Returns how many it keeps.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns whether it leaves out the item at `path`.
    pub fn ignores(&self, path: &str) -> bool {
        self.unreadable.is_some_and(|paths| paths.contains(path))
    }

    /// Returns how many of a source it may need.
    pub fn wanted(&self) -> usize {
        let ignored = self.unreadable.map_or(0, HashSet::len);
        self.limit.saturating_add(ignored)
    }

    /// Returns whether it is full, and all its items precede `bound` in claim order.
    pub fn is_before(&self, bound: Bound) -> bool {
        self.places.len() >= self.limit
            && self.places.peek().is_none_or(|last| last.bound() < bound)
    }

    /// Returns whether it is full, and all its items precede `place`.
    pub fn is_full_before(&self, place: &Place) -> bool {
        self.places.len() >= self.limit && self.places.peek().is_none_or(|last| last < place)
    }

    pub fn offer(&mut self, place: Place) {
        if self.ignores(&place.path) {
            return;
        }
        if self.places.len() < self.limit {
            self.places.push(place);
        } else if let Some(mut last) = self.places.peek_mut()
            && place < *last
        {
            *last = place;
        }
    }

    /// Returns their positions, in order.
    pub fn into_places(self) -> Vec<Place> {
        self.places.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_after_every_number() {
        let mut terms = [Term::Absent, Term::Number(i64::MAX), Term::Number(i64::MIN)];
        terms.sort();
        assert_eq!(
            terms,
            [Term::Number(i64::MIN), Term::Number(i64::MAX), Term::Absent]
        );
    }
}

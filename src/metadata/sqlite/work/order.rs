//! The order of claims and of the views.

use std::collections::BinaryHeap;

use rusqlite::Row;

use super::directories::Bound;
use crate::error::Result;

/// Where an item stands: what it is sorted by, and its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub key: [i64; 3],
    pub path: String,
}

impl Place {
    /// Reads a place from a row of three numbers and a path.
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Place> {
        Ok(Place {
            key: [row.get(0)?, row.get(1)?, row.get(2)?],
            path: row.get(3)?,
        })
    }

    /// Returns where it stands in the order of claims.
    pub fn bound(&self) -> Bound {
        Bound(self.key[0], self.key[1])
    }
}

/// Reads the path of a row that [`Place::read`] reads.
pub(super) fn path_of<'r>(row: &'r Row<'_>) -> Result<&'r str> {
    Ok(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)
}

/// The first `limit` of what it is offered.
#[derive(Clone)]
pub(super) struct Best {
    places: BinaryHeap<Place>,
    limit: usize,
}

impl Best {
    pub fn new(limit: usize) -> Self {
        Best {
            places: BinaryHeap::new(),
            limit,
        }
    }

    /// Returns how many it keeps.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns whether it has all that it keeps, and all of those come before `bound` in the order of claims.
    pub fn is_before(&self, bound: Bound) -> bool {
        self.places.len() >= self.limit
            && self.places.peek().is_none_or(|last| last.bound() < bound)
    }

    pub fn offer(&mut self, place: Place) {
        if self.places.len() < self.limit {
            self.places.push(place);
        } else if let Some(mut last) = self.places.peek_mut()
            && place < *last
        {
            *last = place;
        }
    }

    /// Returns their places, in order.
    pub fn into_places(self) -> Vec<Place> {
        self.places.into_sorted_vec()
    }
}

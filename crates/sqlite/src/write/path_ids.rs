//! New ids of files and directories.

use nexusfs_core::path_id::PathId;
use nexusfs_core::time::Micros;
use parking_lot::Mutex;

use crate::db::random::RandomPool;
use crate::error::Result;

/// Makes path ids, with random bytes that are requested from the system for many ids at once.
#[derive(Debug, Default)]
pub(super) struct PathIds(Mutex<RandomPool>);

impl PathIds {
    /// Returns an id for an entry that is created at `time`.
    pub fn next(&self, time: Micros) -> Result<PathId> {
        self.0.lock().take().map(|random| PathId::at(time, random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_differ_and_follow_their_times() {
        let ids = PathIds::default();
        let times = (0..1000).map(|n| 1_700_000_000_000_000 + n * 7);
        let made: Vec<_> = times.map(|time| ids.next(time).unwrap()).collect();
        assert!(made.is_sorted(), "ids are not in the order of their times");
        let same: BTreeSet<_> = (0..1000).map(|_| ids.next(5).unwrap()).collect();
        assert_eq!(same.len(), 1000, "an id was given twice");
    }
}

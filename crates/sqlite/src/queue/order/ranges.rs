//! Claim ranges: the ranges that a worker may take items from, and the directories in them. The root's name is ''.

use nexusfs_core::range::{PathRange, any_contains};

/// Ranges of paths, sorted and disjoint.
pub(in super::super) struct Territory<'a> {
    ranges: &'a [PathRange],
}

/// How much of a directory is within the claim ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Coverage {
    /// Everything.
    Whole,
    /// Some of it.
    Part,
    /// Nothing.
    Nothing,
}

impl<'a> Territory<'a> {
    pub fn new(ranges: &'a [PathRange]) -> Self {
        Territory { ranges }
    }

    pub fn contains(&self, path: &str) -> bool {
        any_contains(self.ranges, path)
    }

    /// Returns how much of everything below `directory` is in it.
    pub fn coverage_below(&self, directory: &str) -> Coverage {
        if self.has_all_below(directory) {
            return Coverage::Whole;
        }
        self.coverage(&PathRange::under(directory), |_| true)
    }

    /// Returns how much of the files directly in `directory` is in it.
    pub fn coverage_in(&self, directory: &str) -> Coverage {
        if self.has_all_below(directory) {
            return Coverage::Whole;
        }
        let below = PathRange::under(directory);
        self.coverage(&below, |range| !is_in_a_child(range, directory))
    }

    /// Returns whether one range has everything below `directory`; makes no name for that.
    fn has_all_below(&self, directory: &str) -> bool {
        let compared = |name: &str, end: u8| {
            let (name, directory) = (name.as_bytes(), directory.as_bytes());
            let shared = name.len().min(directory.len());
            name[..shared]
                .cmp(directory)
                .then_with(|| name[shared..].cmp(&[end]))
        };
        self.ranges.iter().any(|range| {
            compared(&range.start, b'/').is_le() && compared(&range.end, b'/' + 1).is_ge()
        })
    }

    fn coverage(&self, below: &PathRange, counts: impl Fn(&PathRange) -> bool) -> Coverage {
        let mut shared = self
            .ranges
            .iter()
            .filter_map(|range| range.intersection(below))
            .filter(counts);
        match shared.next() {
            None => Coverage::Nothing,
            Some(first) if first == *below => Coverage::Whole,
            Some(_) => Coverage::Part,
        }
    }

    /// Returns the parts of it that lie below `directory`.
    pub fn below(&self, directory: &str) -> Vec<PathRange> {
        let below = PathRange::under(directory);
        self.ranges
            .iter()
            .filter_map(|range| range.intersection(&below))
            .collect()
    }

    /// Returns where directories begin that can hold files of it.
    pub fn first_directory(&self) -> Option<&str> {
        self.ranges.iter().map(|range| parent(&range.start)).min()
    }

    /// Returns where the directories after `directory` begin that can hold files of it.
    pub fn next_directory(&self, directory: &str) -> Option<String> {
        let next = after(directory);
        self.ranges
            .iter()
            .filter(|range| range.end > next)
            .map(|range| match parent(&range.start) {
                parent if *parent >= *next => parent.to_owned(),
                _ => next.clone().max(range.start.clone()),
            })
            .min()
    }
}

/// Returns whether `range`, below `directory`, lies below one of its children, so that no file directly in
/// `directory` is in it.
fn is_in_a_child(range: &PathRange, directory: &str) -> bool {
    let Some(rest) = range.start.get(directory.len() + 1..) else {
        return false;
    };
    let Some(end) = rest.find('/') else {
        return false;
    };
    let child = &range.start[..directory.len() + 1 + end];
    range.end <= PathRange::under(child).end
}

/// Returns the directory that holds `path`; '' for the root.
pub(in super::super) fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |end| &path[..end])
}

/// Returns what comes first after the name `directory`.
pub(in super::super) fn after(directory: &str) -> String {
    PathRange::of_path(directory).end
}

/// Returns what comes first after everything below `directory`.
pub(in super::super) fn after_all_below(directory: &str) -> String {
    PathRange::under(directory).end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn territory(ranges: &[PathRange]) -> Territory<'_> {
        Territory { ranges }
    }

    #[test]
    fn a_directory_is_covered_in_whole_in_part_or_not() {
        let ranges = [
            PathRange::with_prefix("/jobs/a"),
            PathRange::under("/shared/acme"),
        ];
        let territory = territory(&ranges);
        for (directory, below, within) in [
            ("", Coverage::Part, Coverage::Nothing),
            ("/jobs", Coverage::Part, Coverage::Part),
            ("/jobs/a", Coverage::Whole, Coverage::Whole),
            ("/jobs/ab/c", Coverage::Whole, Coverage::Whole),
            ("/jobs/b", Coverage::Nothing, Coverage::Nothing),
            ("/shared", Coverage::Part, Coverage::Nothing),
            ("/shared/acme", Coverage::Whole, Coverage::Whole),
            ("/shared/acme-2", Coverage::Nothing, Coverage::Nothing),
        ] {
            assert_eq!(territory.coverage_below(directory), below, "{directory:?}");
            assert_eq!(territory.coverage_in(directory), within, "{directory:?}");
        }
    }

    #[test]
    fn the_walk_over_directories_skips_what_is_outside() {
        let ranges = [
            PathRange::with_prefix("/jobs/a"),
            PathRange::under("/shared/acme"),
        ];
        let territory = territory(&ranges);
        assert_eq!(territory.first_directory(), Some("/jobs"));
        for (directory, next) in [
            ("/jobs", Some("/jobs/a")),
            ("/jobs/a", Some("/jobs/a\u{1}")),
            ("/jobs/b", Some("/shared/acme")),
            ("/shared/aaa", Some("/shared/acme")),
            ("/shared/acme", Some("/shared/acme/")),
            ("/shared/acme/x", Some("/shared/acme/x\u{1}")),
            ("/shared/b", None),
        ] {
            let found = territory.next_directory(directory);
            assert_eq!(found.as_deref(), next, "{directory:?}");
        }
    }

    #[test]
    fn names_have_parents() {
        assert_eq!(parent("/a/b"), "/a");
        assert_eq!(parent("/a/"), "/a");
        assert_eq!(parent("/a"), "");
    }
}

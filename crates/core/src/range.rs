//! Ranges of paths, in byte order: what a policy grants and what queries run on.

use std::borrow::Cow;

use crate::path::{is_within, parent_of};

/// Sorts before every character that a name may contain, after the end of the name.
const AFTER_NAME: char = '\u{1}';
/// The byte after `/`: everything under `dir` lies in `dir/` .. `dir0`.
const AFTER_SLASH: char = '0';

/// The paths from `start` up to, not including, `end`, compared as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRange {
    /// The first path that belongs to it.
    pub start: String,
    /// The first path that does not.
    pub end: String,
}

impl PathRange {
    /// Returns the range of every path.
    pub fn all() -> Self {
        PathRange {
            start: "/".to_owned(),
            end: AFTER_SLASH.to_string(),
        }
    }

    /// Returns the range of `path` alone.
    pub fn of_path(path: &str) -> Self {
        PathRange {
            start: path.to_owned(),
            end: format!("{path}{AFTER_NAME}"),
        }
    }

    /// Returns the range of what lies under the directory `path`, without `path` itself.
    pub fn under(path: &str) -> Self {
        let base = if path == "/" { "" } else { path };
        PathRange {
            start: format!("{base}/"),
            end: format!("{base}{AFTER_SLASH}"),
        }
    }

    /// Returns the range of the paths that begin with the raw string `prefix`.
    pub fn with_prefix(prefix: &str) -> Self {
        // The successor of a UTF-8 string among strings that do not begin with it: its last
        // character replaced by the next one.
        let mut end = prefix.to_owned();
        while let Some(last) = end.pop() {
            if let Some(next) = next_char(last) {
                end.push(next);
                break;
            }
        }
        if end.is_empty() {
            return PathRange::all();
        }
        PathRange {
            start: prefix.to_owned(),
            end,
        }
    }

    /// Returns whether `path` lies in it.
    pub fn contains(&self, path: &str) -> bool {
        self.start.as_str() <= path && path < self.end.as_str()
    }

    /// Returns what both hold, or `None` if they share nothing.
    pub fn intersection(&self, other: &PathRange) -> Option<PathRange> {
        let range = PathRange {
            start: self.start.as_str().max(&other.start).to_owned(),
            end: self.end.as_str().min(&other.end).to_owned(),
        };
        (range.start < range.end).then_some(range)
    }

    /// Returns the part after the path `last`, or `None` if nothing is left.
    pub fn after(&self, last: &str) -> Option<PathRange> {
        let next = format!("{last}{AFTER_NAME}");
        let start = if self.start > next {
            self.start.clone()
        } else {
            next
        };
        (start < self.end).then(|| PathRange {
            start,
            end: self.end.clone(),
        })
    }
}

/// Returns what lies in one of `scopes` and in one of `ranges`, by the order of those and then of these.
pub(crate) fn intersections(scopes: &[PathRange], ranges: &[PathRange]) -> Vec<PathRange> {
    scopes
        .iter()
        .flat_map(|scope| ranges.iter().filter_map(|range| range.intersection(scope)))
        .collect()
}

/// Returns whether one of `ranges`, which are sorted and disjoint, holds `path`.
pub fn any_contains(ranges: &[PathRange], path: &str) -> bool {
    let after = ranges.partition_point(|range| range.start.as_str() <= path);
    after
        .checked_sub(1)
        .is_some_and(|index| path < ranges[index].end.as_str())
}

fn next_char(c: char) -> Option<char> {
    (u32::from(c) + 1..=u32::from(char::MAX)).find_map(char::from_u32)
}

/// A directory above the caller's own part: it exists for the caller exactly when the own part does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The directory, for example `/workspace`.
    pub path: String,
    /// The own part below it, for example `/workspace/acme/agent1`.
    pub own: String,
}

/// What a caller may read: disjoint ranges in order, and the directories above them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visible {
    /// Sorted, disjoint.
    pub ranges: Vec<PathRange>,
    /// Sorted by path.
    pub gates: Vec<Gate>,
    /// A part below every child of a directory, for a caller bound to an agent but to no tenant:
    /// (`/workspace`, agent). It is resolved against what exists.
    pub each_child: Option<(String, String)>,
    /// What is left out are whole namespaces, if anything: a query may run over everything and skip what
    /// is not in it.
    pub nearly_all: bool,
}

impl Visible {
    /// Returns everything.
    pub fn all() -> Self {
        Visible {
            ranges: vec![PathRange::all()],
            nearly_all: true,
            ..Visible::default()
        }
    }

    /// Returns whether `path` may be read. Gates do not count.
    pub fn contains(&self, path: &str) -> bool {
        any_contains(&self.ranges, path) || self.is_in_each_child(path)
    }

    fn is_in_each_child(&self, path: &str) -> bool {
        let Some((directory, name)) = &self.each_child else {
            return false;
        };
        let below = path
            .strip_prefix(directory.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.split_once('/'));
        below.is_some_and(|(_, own)| is_within(own, name))
    }

    /// Returns the ranges that lie in `scope`, in order.
    pub fn within(&self, scope: &PathRange) -> Vec<PathRange> {
        intersections(std::slice::from_ref(scope), &self.ranges)
    }

    /// Returns the ranges that lie in one of `scopes`, which are sorted and disjoint, in order.
    pub fn within_each(&self, scopes: &[PathRange]) -> Vec<PathRange> {
        intersections(scopes, &self.ranges)
    }

    /// Returns this with the part below each of `children` (paths of the directory of
    /// [`each_child`](Self::each_child)) made explicit.
    pub fn resolve(&self, children: impl IntoIterator<Item = String>) -> Cow<'_, Visible> {
        let Some((directory, name)) = &self.each_child else {
            return Cow::Borrowed(self);
        };
        let mut resolved = Visible {
            each_child: None,
            ..self.clone()
        };
        for child in children {
            resolved.grant(directory, &format!("{child}/{name}"));
        }
        resolved.sort();
        Cow::Owned(resolved)
    }

    /// Adds the subtree of `own`, with the directories from `top` down to its parent as gates.
    pub(crate) fn grant(&mut self, top: &str, own: &str) {
        self.ranges.push(PathRange::of_path(own));
        self.ranges.push(PathRange::under(own));
        let mut above = parent_of(own);
        while let Some(path) = above.filter(|path| is_within(path, top)) {
            self.gates.push(Gate {
                path: path.to_owned(),
                own: own.to_owned(),
            });
            above = parent_of(path);
        }
    }

    /// Restores the order of ranges and gates.
    pub(crate) fn sort(&mut self) {
        self.ranges.sort_by(|a, b| a.start.cmp(&b.start));
        self.gates.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

#[cfg(test)]
mod tests;

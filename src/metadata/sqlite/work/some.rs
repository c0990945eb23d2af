//! Statements about some paths at once, and values that differ among their rows.
//!
//! A statement that changes several rows and calls a function of this program keeps a journal of its own, which copies
//! every page before it is changed: in case the function fails. So does one whose constraints abort it. Statements that
//! change rows say `OR FAIL` therefore (what they leave half done is rolled back with the transaction), and find the
//! value for a row by comparing paths.

use std::ops::Range;

use rusqlite::types::{ToSqlOutput, ValueRef};

/// Most paths of one statement.
pub(super) const AT_ONCE: usize = 16;

/// Returns the parameters of a statement about these paths: of the one about a single path if there is just one, else
/// [`AT_ONCE`], of which those at the end, where there are fewer, come after every path and are none.
pub(super) fn paths<'p>(
    paths: impl ExactSizeIterator<Item = &'p str>,
) -> impl Iterator<Item = ToSqlOutput<'p>> {
    let none = ToSqlOutput::Borrowed(ValueRef::Blob(&[]));
    let number = number_for(paths.len());
    let paths = paths.map(ToSqlOutput::from);
    paths.chain(std::iter::repeat(none)).take(number)
}

/// Returns the parameters for a value of each of the paths.
pub(super) fn values<'v>(
    values: impl ExactSizeIterator<Item = ToSqlOutput<'v>>,
) -> impl Iterator<Item = ToSqlOutput<'v>> {
    let none = ToSqlOutput::Borrowed(ValueRef::Null);
    let number = number_for(values.len());
    values.chain(std::iter::repeat(none)).take(number)
}

fn number_for(paths: usize) -> usize {
    if paths == 1 { 1 } else { AT_ONCE }
}

/// Returns the condition that a row is at one of [`AT_ONCE`] paths, which are the parameters from `first` on.
pub(super) fn any_of(first: usize) -> String {
    let parameters = (first..first + AT_ONCE).map(|number| format!("?{number}"));
    format!("IN ({})", parameters.collect::<Vec<_>>().join(", "))
}

/// Returns an expression that says for a row at one of the paths, in their order the parameters from `paths` on, which of the
/// parameters from `values` on is its value.
pub(super) fn value_by_path(paths: usize, values: usize) -> String {
    fn among(places: Range<usize>, paths: usize, values: usize) -> String {
        if places.len() == 1 {
            return format!("?{}", values + places.start);
        }
        let middle = places.start + places.len() / 2;
        let (before, after) = (places.start..middle, middle..places.end);
        format!(
            "CASE WHEN path < ?{} THEN {} ELSE {} END",
            paths + middle,
            among(before, paths, values),
            among(after, paths, values),
        )
    }
    among(0..AT_ONCE, paths, values)
}

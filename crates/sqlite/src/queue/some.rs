//! Statements about several paths, and values that differ among their rows.
//!
//! A statement that changes several rows and calls an application-defined function needs a statement journal, which
//! copies every page before it is changed, in case the function fails. So does a statement that a constraint may abort.
//! Therefore, statements that change rows say `OR FAIL` (the transaction rolls back their partial changes), and select
//! the value for a row by comparing its columns.

use std::ops::Range;

use rusqlite::types::{ToSqlOutput, ValueRef};

/// Most paths of one statement.
pub(super) const AT_ONCE: usize = 16;

/// Returns the parameters for `values`, one for each path: just the one if there is a single path, else [`AT_ONCE`], of
/// which those at the end, where there are fewer, are none and come after every text and number.
pub(super) fn parameters<'v>(
    values: impl ExactSizeIterator<Item = ToSqlOutput<'v>>,
) -> impl Iterator<Item = ToSqlOutput<'v>> {
    let number = if values.len() == 1 { 1 } else { AT_ONCE };
    let none = ToSqlOutput::Borrowed(ValueRef::Blob(&[]));
    values.chain(std::iter::repeat(none)).take(number)
}

/// Returns the condition that a row is at one of [`AT_ONCE`] paths, which are the parameters from `first` on.
pub(super) fn any_of(first: usize) -> String {
    let parameters = (first..first + AT_ONCE).map(|number| format!("?{number}"));
    format!("IN ({})", parameters.collect::<Vec<_>>().join(", "))
}

/// Returns an expression that finds the place of a row's `column` among [`AT_ONCE`] values, which are the parameters from
/// `first` on and ascend, and is what `at` says for that place. Of a row that has none of them, it is that of a neighbour.
pub(super) fn choose(column: &str, first: usize, at: impl Fn(usize) -> String) -> String {
    fn among(
        places: Range<usize>,
        below: &dyn Fn(usize) -> String,
        at: &dyn Fn(usize) -> String,
    ) -> String {
        if places.len() == 1 {
            return at(places.start);
        }
        let middle = places.start + places.len() / 2;
        format!(
            "CASE WHEN {} THEN {} ELSE {} END",
            below(middle),
            among(places.start..middle, below, at),
            among(middle..places.end, below, at),
        )
    }
    let below = |place| format!("{column} < ?{}", first + place);
    among(0..AT_ONCE, &below, &at)
}

//! The sequence of lease tokens, where stores are copied and where the machine was started again.
//!
//! A token must never be given out twice among a store and its copies, or a worker of the one could pass
//! for a worker of the other. A copy therefore begins at a number made of the time: the original, which
//! counts up by one for each claim, never gets there, and a copy that was made later began further on.

use rusqlite::Connection;

use crate::error::{Error, Result};

/// Tokens stay below: a double holds every one exactly.
const LIMIT: i64 = 1 << 53;
/// 2020-01-01 00:00 UTC, in milliseconds since 1970.
const EPOCH: i64 = 1_577_836_800_000;
/// Tokens for each millisecond: far more than can be given out. They last until the year 2298.
const PER_MILLISECOND: i64 = 1 << 10;
/// The sequence grows by at least this, even where the clock went back.
const LEAST: i64 = 1 << 20;

/// Moves the sequence ahead.
pub(super) fn advance(connection: &Connection) -> Result<()> {
    let sequence: i64 =
        connection.query_row("SELECT lease_sequence FROM store", [], |row| row.get(0))?;
    let milliseconds = crate::metadata::now() / 1000;
    let next = after(sequence, milliseconds)
        .ok_or_else(|| Error::internal("the sequence of lease tokens has come to its end"))?;
    connection.execute("UPDATE store SET lease_sequence = ?1", [next])?;
    Ok(())
}

/// Passes over the tokens that claims were given before the machine stopped and of which the store knows
/// nothing: with the durability `normal`, losing power drops the newest commits.
pub(super) fn pass_over_lost(connection: &Connection) -> Result<()> {
    connection.execute(
        "UPDATE store SET lease_sequence = lease_sequence + ?1",
        [LEAST],
    )?;
    Ok(())
}

/// Returns where a copy made at `milliseconds` goes on after `sequence`; `None` if nothing is left.
fn after(sequence: i64, milliseconds: i64) -> Option<i64> {
    let by_time = (milliseconds - EPOCH)
        .max(0)
        .saturating_mul(PER_MILLISECOND);
    let next = sequence.saturating_add(LEAST).max(by_time);
    (next < LIMIT).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_go_on_where_no_other_has_been() {
        let november_2026 = 1_795_000_000_000;
        let first = after(500, november_2026).unwrap();
        assert!(
            first > 1 << 40,
            "an original never counts that far: {first}"
        );
        let copy_of_copy = after(first + 1000, november_2026 + 60_000).unwrap();
        assert!(copy_of_copy > first + 60_000_000, "{first} {copy_of_copy}");
        assert!(after(first, 0).unwrap() > first, "the clock went back");
        let year_2290 = 10_100_000_000_000;
        assert!(after(first, year_2290).unwrap() < LIMIT);
        assert_eq!(after(LIMIT - 1, 0), None);
    }
}

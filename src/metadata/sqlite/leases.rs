//! The sequence of lease tokens: giving them out, and where it goes on in a copy or after the machine was
//! started again.
//!
//! An engine reserves some tokens at a time, so that most claims leave the row of the store alone. It gives
//! out reserved ones only as long as nobody else has reserved any: the row then still says that it was the
//! last who did, and where its reservation ends. So tokens grow from claim to claim, whichever process claims,
//! and what a transaction reserved that was rolled back is nobody's.
//!
//! A token must never be given out twice among a store and its copies, or a worker of the one could pass
//! for a worker of the other. A copy therefore begins at a number made of the time: the original, which
//! counts up by one for each claim, never gets there, and a copy that was made later began further on.

use parking_lot::Mutex;
use uuid::Uuid;

use super::statements::Connection;
use crate::error::{Error, Result};

/// Tokens that are reserved at a time.
const RESERVED: i64 = 64;
/// Tokens stay below: a double holds every one exactly.
const LIMIT: i64 = 1 << 53;
/// 2020-01-01 00:00 UTC, in milliseconds since 1970.
const EPOCH: i64 = 1_577_836_800_000;
/// Tokens for each millisecond: far more than can be given out. They last until the year 2298.
const PER_MILLISECOND: i64 = 1 << 10;
/// The sequence grows by at least this, even where the clock went back.
const LEAST: i64 = 1 << 26;

const RESERVE: &str = "UPDATE store SET lease_sequence = ?1, lease_holder = ?2 WHERE id = 1";

/// What the row of the store says: the newest token that is reserved, and who reserved last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reservation {
    pub newest: i64,
    pub holder: i64,
}

/// The tokens that an engine has reserved.
#[derive(Debug)]
pub(super) struct Tokens {
    /// The engine's number, by chance; not 0.
    holder: i64,
    reserved: Mutex<Reserved>,
}

/// Those from `next` to `newest`.
#[derive(Debug, Clone, Copy, Default)]
struct Reserved {
    next: i64,
    newest: i64,
}

impl Tokens {
    pub fn new() -> Self {
        let (_, random) = Uuid::now_v7().as_u64_pair();
        Tokens {
            holder: random as i64 | 1,
            reserved: Mutex::default(),
        }
    }

    /// Returns the first of `count` tokens that follow each other, in the write transaction that is open, in
    /// which `last` was read.
    pub fn take(&self, connection: &Connection, count: i64, last: Reservation) -> Result<i64> {
        let newest = last.newest;
        let mut reserved = self.reserved.lock();
        let is_last = last.holder == self.holder && newest == reserved.newest;
        if !is_last || reserved.next + count - 1 > newest {
            *reserved = Reserved {
                next: newest + 1,
                newest: newest + count.max(RESERVED),
            };
            connection
                .prepare_cached(RESERVE)?
                .execute((reserved.newest, self.holder))?;
        }
        let first = reserved.next;
        reserved.next += count;
        Ok(first)
    }
}

/// Moves the sequence ahead.
pub(super) fn advance(connection: &Connection) -> Result<()> {
    let sequence: i64 =
        connection.query_row("SELECT lease_sequence FROM store", [], |row| row.get(0))?;
    let milliseconds = crate::metadata::now() / 1000;
    let next = after(sequence, milliseconds)
        .ok_or_else(|| Error::internal("the sequence of lease tokens has come to its end"))?;
    connection.execute(
        "UPDATE store SET lease_sequence = ?1, lease_holder = 0",
        [next],
    )?;
    Ok(())
}

/// Moves the sequence ahead of what copies and others that began at such a number have given out until now.
pub(super) fn pass_over_others(connection: &Connection) -> Result<()> {
    connection.execute(
        "UPDATE store SET lease_sequence = ?1, lease_holder = 0 WHERE lease_sequence < ?1",
        [by_time(crate::metadata::now() / 1000)],
    )?;
    Ok(())
}

/// Passes over the tokens that claims were given before the machine stopped and of which the store knows
/// nothing: with the durability `normal`, losing power drops the newest commits.
pub(super) fn pass_over_lost(connection: &rusqlite::Connection) -> Result<()> {
    connection.execute(
        "UPDATE store SET lease_sequence = lease_sequence + ?1, lease_holder = 0",
        [LEAST],
    )?;
    Ok(())
}

/// Returns where a copy made at `milliseconds` goes on after `sequence`; `None` if nothing is left.
fn after(sequence: i64, milliseconds: i64) -> Option<i64> {
    let next = sequence.saturating_add(LEAST).max(by_time(milliseconds));
    (next < LIMIT).then_some(next)
}

fn by_time(milliseconds: i64) -> i64 {
    (milliseconds - EPOCH)
        .max(0)
        .saturating_mul(PER_MILLISECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Connection {
        let connection = Connection::from(rusqlite::Connection::open_in_memory().unwrap());
        connection
            .execute_batch(
                "CREATE TABLE store (id INTEGER, lease_sequence INTEGER, lease_holder INTEGER);
                 INSERT INTO store VALUES (1, 0, 0)",
            )
            .unwrap();
        connection
    }

    fn take(tokens: &Tokens, store: &Connection, count: i64) -> i64 {
        let last = store
            .query_row(
                "SELECT lease_sequence, lease_holder FROM store",
                [],
                |row| {
                    Ok(Reservation {
                        newest: row.get(0)?,
                        holder: row.get(1)?,
                    })
                },
            )
            .unwrap();
        tokens.take(store, count, last).unwrap()
    }

    #[test]
    fn tokens_grow_from_claim_to_claim_whoever_claims() {
        let store = store();
        let (one, other) = (Tokens::new(), Tokens::new());
        let mut newest = 0;
        for round in 0..200 {
            let tokens = if round % 7 < 4 { &one } else { &other };
            let count = 1 + round % 100;
            let first = take(tokens, &store, count);
            assert!(first > newest, "round {round}: {first} after {newest}");
            newest = first + count - 1;
        }
    }

    #[test]
    fn tokens_of_a_rolled_back_reservation_are_given_to_one_only() {
        let store = store();
        let (one, other) = (Tokens::new(), Tokens::new());
        store.execute_batch("BEGIN").unwrap();
        take(&one, &store, 1);
        store.execute_batch("ROLLBACK").unwrap();
        let others = take(&other, &store, 1);
        let own = take(&one, &store, 1);
        assert!(own > others, "{own} was another's already");
        assert!(take(&other, &store, 1) > own);
    }

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

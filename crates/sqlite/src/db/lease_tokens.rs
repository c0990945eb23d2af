//! The sequence of lease tokens: issuing tokens, and continuing in a copy or after a reboot.
//!
//! Tokens only grow, whichever process claims, and none is issued twice. They grow with the time: the sequence follows
//! the wall clock at [`RATE`] numbers a second, and each token is drawn at random from the last second of it. So two
//! tokens reveal the time between them, but not how many others were issued meanwhile, and a token cannot be guessed in
//! a few tries. Faster claims share that second: each takes a random part of the rest.
//! `docs/decisions/0005-lease-tokens.md` has the figures.
//!
//! The row of the store has a number that no token has passed, and the engine that wrote it. An engine writes it ahead
//! of its tokens, further each time, so that most claims do not change the row. It relies on that only as long as no
//! other engine has written the row. Numbers that a rolled-back transaction reserved are never used.
//!
//! A token must never be issued twice among a store and its copies. Otherwise a worker of one could act as a worker of
//! the other. A copy therefore begins at a number derived from the time of its first claim, at [`PER_MILLISECOND`],
//! which is 16 times faster than [`RATE`]. So at any time it is ahead of every store that began earlier: an original
//! never reaches that number, and another copy only later. A restored backup thus issues greater tokens than the
//! workers of the lost store have.

use nexusfs_core::time::Micros;
use parking_lot::Mutex;
use uuid::Uuid;

use super::random::RandomPool;
use crate::driver::statements::Connection;
use crate::error::{Error, Result};

/// Numbers of the sequence for each second of the wall clock.
const RATE: i64 = 1 << 16;
/// A token is drawn from this many numbers before the clock's position: one second.
const WINDOW: i64 = RATE;
/// A token that follows another within that second is drawn from this part of the numbers that are left ...
const SHARE: i64 = 8;
/// ... but from this many at least, even if the sequence is ahead of the clock: 100,000 claims a second pass 800,000
/// numbers, fewer than copies leave between them.
const LEAST_RANGE: i64 = 16;
/// How far the sequence may be ahead of the clock, or behind it (a year), before the clock counts as reset.
const MOST_AHEAD: i64 = RATE * 16;
const MOST_BEHIND: i64 = RATE * 366 * 24 * 3600;
/// Numbers that an engine reserves when it reserves again, growing by this factor up to a second.
const FIRST_RESERVED: i64 = 256;
const GROWTH: i64 = 4;
const MOST_RESERVED: i64 = WINDOW;
/// Tokens stay below: a double holds every one exactly.
const LIMIT: i64 = 1 << 53;
/// 2020-01-01 00:00 UTC, in milliseconds since 1970.
const EPOCH: i64 = 1_577_836_800_000;
/// Numbers for each millisecond between copies. They last until the year 2298.
const PER_MILLISECOND: i64 = 1 << 10;
/// A sequence without an origin is that of a copy from here on: that of February 2021. Boots and claims before there were origins
/// do not bring an original so far.
const FIRST_OF_COPIES: i64 = 1 << 45;
/// The sequence grows by at least this, even if the clock went back.
const LEAST: i64 = 1 << 26;
/// How far claims may move the row of the store without a synced commit: 256 seconds. A new engine assumes that the row
/// is synced, so the moves of several engines add up. Together they stay below [`LEAST`], which is skipped after a
/// power loss.
const MOST_UNSYNCED: i64 = LEAST / 4;

const RESERVE: &str = "\
    UPDATE store SET lease_sequence = ?1, lease_holder = ?2, lease_origin = ?3 WHERE id = 1";

/// The state of the sequence in the row of the store.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Reservation {
    /// No token is greater.
    pub newest: i64,
    /// The engine that reserved last.
    pub holder: i64,
    /// The wall-clock time at which the sequence would have been 0; 0 if it is not set yet.
    pub origin: Micros,
}

impl Reservation {
    /// Returns the number after which another engine than the last begins at `now`.
    ///
    /// At the first claim in a copy the time counts anew: its source may be a copy too, and so have passed since then the number that
    /// the copy got when it was made.
    fn begin(&self, now: Micros) -> i64 {
        let is_first_of_copy = self.origin == 0 && self.newest >= FIRST_OF_COPIES;
        match is_first_of_copy {
            true => self.newest.max(by_time(now / 1000)),
            false => self.newest,
        }
    }
}

/// The tokens that an engine issues.
#[derive(Debug)]
pub(in super::super) struct Tokens {
    /// The random number of the engine; not 0.
    holder: i64,
    reserved: Mutex<Reserved>,
}

#[derive(Debug, Default)]
struct Reserved {
    /// The newest token that this engine issued.
    given: i64,
    /// What it wrote into the row of the store.
    newest: i64,
    /// Whether the transaction in which it wrote that was one whose commit is synced.
    in_synced: bool,
    /// What the row had in the newest commit that is known to be synced; at first, what this engine found there.
    synced: Option<i64>,
    /// How far what it wrote was ahead of the tokens.
    ahead: i64,
    random: RandomPool,
}

impl Tokens {
    pub fn new() -> Self {
        let (_, random) = Uuid::now_v7().as_u64_pair();
        Tokens {
            holder: random as i64 | 1,
            reserved: Mutex::default(),
        }
    }

    /// Returns `count` tokens, which grow, at the time `now`, in the write transaction that is open, in which `last` was
    /// read. `None`: they move the sequence so far that the commit must be synced, and it will not be (`is_synced`).
    pub fn take(
        &self,
        connection: &Connection,
        count: usize,
        last: Reservation,
        now: Micros,
        is_synced: bool,
    ) -> Result<Option<Vec<i64>>> {
        let mut reserved = self.reserved.lock();
        let is_last = last.holder == self.holder && last.newest == reserved.newest;
        let synced = match reserved.synced {
            // It was committed, or another engine has come as far since.
            Some(_) if reserved.in_synced && last.newest >= reserved.newest => reserved.newest,
            Some(synced) => synced.min(last.newest),
            None => last.newest,
        };
        reserved.synced = Some(synced);
        let mut newest = match is_last {
            true => reserved.given,
            false => last.begin(now),
        };
        let origin = origin(last.origin, newest, now);
        let clock = position(origin, now);
        let mut tokens = Vec::with_capacity(count);
        for _ in 0..count {
            newest = next(newest, clock, &mut reserved.random)?;
            tokens.push(newest);
        }
        if newest >= LIMIT {
            return Err(at_end());
        }
        if !is_last || newest > last.newest || origin != last.origin {
            // So engines that claim alternately waste no numbers.
            let ahead = match is_last {
                true => (reserved.ahead * GROWTH).clamp(FIRST_RESERVED, MOST_RESERVED),
                false => 0,
            };
            let row = (newest + ahead).min(LIMIT - 1);
            if !is_synced && row - synced > MOST_UNSYNCED {
                return Ok(None);
            }
            reserved.ahead = ahead;
            reserved.newest = row;
            reserved.in_synced = is_synced;
            connection
                .prepare_cached(RESERVE)?
                .execute((reserved.newest, self.holder, origin))?;
        }
        reserved.given = newest;
        Ok(Some(tokens))
    }
}

/// Returns the token after `newest` where the clock is at `clock`.
fn next(newest: i64, clock: i64, random: &mut RandomPool) -> Result<i64> {
    let left = clock.saturating_sub(newest);
    let (after, range) = match left > WINDOW {
        true => (clock - WINDOW, WINDOW),
        false => (newest, (left / SHARE).max(LEAST_RANGE)),
    };
    Ok(after.saturating_add(1).saturating_add(random.below(range)?))
}

/// Returns where a sequence that would have been at 0 at `origin` is at `now`.
fn position(origin: Micros, now: Micros) -> i64 {
    let passed = i128::from(now) - i128::from(origin);
    let position = passed * i128::from(RATE) / 1_000_000;
    i64::try_from(position).unwrap_or(if position < 0 { i64::MIN } else { i64::MAX })
}

/// Returns the origin of a sequence that is at `newest`: the one that the store has, unless the clock was set by much
/// since.
fn origin(known: Micros, newest: i64, now: Micros) -> Micros {
    let ahead = newest.saturating_sub(position(known, now));
    if known != 0 && (-MOST_BEHIND..=MOST_AHEAD).contains(&ahead) {
        return known;
    }
    let since = (i128::from(newest) + i128::from(WINDOW)) * 1_000_000 / i128::from(RATE);
    let origin = i128::from(now) - since;
    i64::try_from(origin).unwrap_or(1)
}

fn at_end() -> Error {
    Error::internal("the sequence of lease tokens has come to its end")
}

/// Moves the sequence ahead.
pub(in super::super) fn advance(connection: &Connection) -> Result<()> {
    // A number that no claim reaches is damage: the tokens that items have show how far the sequence was.
    let sequence: i64 = connection.query_row(
        "SELECT iif(typeof(lease_sequence) = 'integer' AND lease_sequence BETWEEN 0 AND ?1, lease_sequence,
                    (SELECT coalesce(max(lease), 0) FROM work
                     WHERE typeof(lease) = 'integer' AND lease BETWEEN 0 AND ?1))
         FROM store",
        [LIMIT - 1],
        |row| row.get(0),
    )?;
    let milliseconds = nexusfs_core::time::now() / 1000;
    let next = after(sequence, milliseconds).ok_or_else(at_end)?;
    connection.execute(
        "UPDATE store SET lease_sequence = ?1, lease_holder = 0, lease_origin = 0",
        [next],
    )?;
    Ok(())
}

/// Moves the sequence ahead of the tokens that copies, and stores that began like copies, have issued until now.
pub(in super::super) fn pass_over_others(connection: &Connection) -> Result<()> {
    connection.execute(
        "UPDATE store SET lease_sequence = ?1, lease_holder = 0, lease_origin = 0
         WHERE lease_sequence < ?1",
        [by_time(nexusfs_core::time::now() / 1000)],
    )?;
    Ok(())
}

/// Skips the tokens of claims that a power loss removed from the store: under durability `normal`, it may lose the
/// newest commits. Those moved the sequence by less than [`LEAST`], see [`MOST_UNSYNCED`].
pub(super) fn pass_over_lost(connection: &rusqlite::Connection) -> Result<()> {
    connection.execute(
        "UPDATE store SET lease_sequence = min(lease_sequence, ?2 - ?1) + ?1, lease_holder = 0",
        [LEAST, LIMIT],
    )?;
    Ok(())
}

/// Returns where a copy made at `milliseconds` goes on after `sequence`; `None` if nothing is left.
fn after(sequence: i64, milliseconds: i64) -> Option<i64> {
    let next = sequence.saturating_add(LEAST).max(by_time(milliseconds));
    (next < LIMIT).then_some(next)
}

fn by_time(milliseconds: i64) -> i64 {
    milliseconds
        .saturating_sub(EPOCH)
        .max(0)
        .saturating_mul(PER_MILLISECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER_2026: Micros = 1_795_000_000_000_000;
    const SECOND: Micros = 1_000_000;

    fn store() -> Connection {
        let connection = Connection::from(rusqlite::Connection::open_in_memory().unwrap());
        connection
            .execute_batch(
                "CREATE TABLE store (id INTEGER, lease_sequence INTEGER, lease_holder INTEGER,
                                     lease_origin INTEGER);
                 INSERT INTO store VALUES (1, 0, 0, 0)",
            )
            .unwrap();
        connection
    }

    fn last(store: &Connection) -> Reservation {
        let sql = "SELECT lease_sequence, lease_holder, lease_origin FROM store";
        store
            .query_row(sql, [], |row| {
                Ok(Reservation {
                    newest: row.get(0)?,
                    holder: row.get(1)?,
                    origin: row.get(2)?,
                })
            })
            .unwrap()
    }

    fn take(tokens: &Tokens, store: &Connection, count: usize, now: Micros) -> Vec<i64> {
        let taken = tokens.take(store, count, last(store), now, true).unwrap();
        taken.expect("the commit will be synced")
    }

    #[test]
    fn tokens_grow_from_claim_to_claim_whoever_claims_and_whatever_the_clock_says() {
        let store = store();
        let engines = [Tokens::new(), Tokens::new()];
        let (mut newest, mut now) = (0, NOVEMBER_2026);
        for round in 0..600_usize {
            let tokens = &engines[usize::from(round % 7 >= 4)];
            now += [3, 700, SECOND, 3600 * SECOND, -50_000, -1_000_000 * SECOND][round % 6];
            for token in take(tokens, &store, 1 + round % 100, now) {
                assert!(token > newest, "round {round}: {token} after {newest}");
                newest = token;
            }
        }
        assert!(newest < 1 << 45, "so little was used: {newest}");
    }

    #[test]
    fn tokens_of_a_rolled_back_reservation_are_given_to_one_only() {
        let store = store();
        let (one, other) = (Tokens::new(), Tokens::new());
        store.execute_batch("BEGIN").unwrap();
        take(&one, &store, 1, NOVEMBER_2026);
        store.execute_batch("ROLLBACK").unwrap();
        let others = take(&other, &store, 1, NOVEMBER_2026)[0];
        let own = take(&one, &store, 1, NOVEMBER_2026)[0];
        assert!(own > others, "{own} was another's already");
        assert!(take(&other, &store, 1, NOVEMBER_2026)[0] > own);
    }

    /// Makes the store a copy, made at `now`, of one that was at `sequence`.
    fn make_copy(store: &Connection, sequence: i64, now: Micros) {
        let sql =
            "UPDATE store SET lease_sequence = ?1, lease_holder = 0, lease_origin = 0 WHERE id = 1";
        let begin = after(sequence, now / 1000).unwrap();
        store.execute(sql, [begin]).unwrap();
    }

    #[test]
    fn a_restored_backup_gives_out_greater_tokens_than_the_lost_store_did() {
        let (hour, minute) = (3600 * SECOND, 60 * SECOND);
        let (lost, backup) = (store(), store());
        // It has imported a bundle, which begins the sequence anew as a copy does.
        make_copy(&lost, 500, NOVEMBER_2026);
        let workers = Tokens::new();
        take(&workers, &lost, 1, NOVEMBER_2026);
        let backup_at = NOVEMBER_2026 + 10 * minute;
        make_copy(&backup, take(&workers, &lost, 1, backup_at)[0], backup_at);
        let disaster = NOVEMBER_2026 + 4 * hour;
        let newest = take(&workers, &lost, 100, disaster)[99];

        let restored = Tokens::new();
        let first = take(&restored, &backup, 1, disaster + minute)[0];
        assert!(
            first > newest,
            "{first} is none after {newest}, which a worker has"
        );
        assert!(first < LIMIT / 8, "so little was used: {first}");
        let next = take(&restored, &backup, 1, disaster + hour)[0];
        let an_hour = 3600 * RATE;
        assert!(
            next > first && next - first < 2 * an_hour,
            "{first} {next}: it begins anew once"
        );
    }

    #[test]
    fn a_copy_never_repeats_a_token_whatever_the_clock_says() {
        let store = store();
        make_copy(&store, 500, NOVEMBER_2026);
        let made = last(&store).newest;
        let (one, other) = (Tokens::new(), Tokens::new());
        store.execute_batch("BEGIN").unwrap();
        take(&one, &store, 1, NOVEMBER_2026 + SECOND);
        store.execute_batch("ROLLBACK").unwrap();
        let mut newest = made;
        // The first claim finds the clock set back to where it was before the copy was made, or to 1970.
        for (tokens, now) in [
            (&other, 0),
            (&one, NOVEMBER_2026 - 3600 * SECOND),
            (&one, NOVEMBER_2026 + 3600 * SECOND),
            (&other, NOVEMBER_2026),
        ] {
            let token = take(tokens, &store, 1, now)[0];
            assert!(token > newest, "{token} after {newest} at {now}");
            newest = token;
        }
    }

    #[test]
    fn a_power_loss_takes_no_more_of_the_sequence_than_is_passed_over() {
        let store = store();
        let engines = [Tokens::new(), Tokens::new(), Tokens::new()];
        let pauses = [SECOND, 60 * SECOND, 24 * 3600 * SECOND, 1000, 300 * SECOND];
        let (mut synced, mut syncs) = (0, 0);
        let mut now = NOVEMBER_2026;
        for round in 0..1000_usize {
            now += pauses[round % 5];
            let tokens = &engines[round / 7 % 3];
            let taken = tokens.take(&store, 1, last(&store), now, false).unwrap();
            let newest = match taken {
                Some(tokens) => tokens[0],
                None => {
                    let newest = take(tokens, &store, 1, now)[0];
                    (synced, syncs) = (last(&store).newest, syncs + 1);
                    newest
                }
            };
            assert!(
                newest <= synced + LEAST,
                "round {round}: {newest} could be given out again after {synced}"
            );
        }
        assert!(syncs >= 200, "{syncs} of 200 days without a claim");
        assert!(syncs <= 500, "{syncs} of 1000 claims were synced");
    }

    #[test]
    fn engines_that_claim_by_turns_need_one_sync_each_after_a_pause() {
        let store = store();
        let engines = [Tokens::new(), Tokens::new()];
        let mut syncs = 0;
        for n in 0..2000 {
            let pause = if n < 2 { 0 } else { 24 * 3600 * SECOND };
            let now = NOVEMBER_2026 + pause + n * 100_000;
            let tokens = &engines[n as usize % 2];
            let taken = tokens.take(&store, 1, last(&store), now, false).unwrap();
            if taken.is_none() {
                syncs += 1;
                take(tokens, &store, 1, now);
            }
        }
        assert_eq!(syncs, 2, "in 200 seconds of claims");
    }

    #[test]
    fn tokens_do_not_tell_how_many_others_were_given_out() {
        let between = |others: usize| -> Vec<i64> {
            let distances = (0..200).map(|_| {
                let (store, tokens) = (store(), Tokens::new());
                let first = take(&tokens, &store, 1, NOVEMBER_2026)[0];
                for n in 0..others {
                    take(
                        &tokens,
                        &store,
                        1,
                        NOVEMBER_2026 + SECOND + n as Micros * 500,
                    );
                }
                take(&tokens, &store, 1, NOVEMBER_2026 + 10 * SECOND)[0] - first
            });
            let mut distances: Vec<i64> = distances.collect();
            distances.sort_unstable();
            distances
        };
        let (none, many) = (between(0), between(1000));
        let nearest = 9 * RATE..=11 * RATE;
        for distances in [&none, &many] {
            assert!(
                distances.iter().all(|distance| nearest.contains(distance)),
                "{distances:?}"
            );
        }
        let off = (none[100] - many[100]).abs();
        assert!(
            off < RATE / 4,
            "the medians are {off} apart, of {RATE} a second"
        );
    }

    #[test]
    fn a_token_is_one_of_thousands() {
        let store = store();
        let tokens = Tokens::new();
        let mut now = NOVEMBER_2026;
        let mut steps = |pause: Micros| {
            let mut newest = 0;
            let steps = (0..100).map(|_| {
                now += pause;
                let token = take(&tokens, &store, 1, now)[0];
                token - std::mem::replace(&mut newest, token)
            });
            steps.collect::<std::collections::BTreeSet<_>>().len()
        };
        assert!(steps(2 * SECOND) >= 95, "a claim every two seconds");
        assert!(steps(10_000) >= 80, "a hundred claims a second");
    }

    #[test]
    fn most_claims_leave_the_row_of_the_store_alone() {
        let store = store();
        let tokens = Tokens::new();
        let mut writes = 0;
        for n in 0..10_000 {
            let before = last(&store).newest;
            take(&tokens, &store, 1, NOVEMBER_2026 + n * 100);
            writes += usize::from(last(&store).newest != before);
        }
        assert!(writes <= 20, "{writes} of 10,000 claims in a second");
    }

    #[test]
    fn a_hundred_years_of_claims_stay_below_the_limit() {
        let (store, tokens) = (store(), Tokens::new());
        let year = 365 * 24 * 3600 * SECOND;
        let mut newest = 0;
        for n in 0..100 {
            newest = take(&tokens, &store, 10_000, NOVEMBER_2026 + n * year)[9_999];
        }
        assert!(newest < LIMIT / 40, "{newest}");
        store
            .execute(
                "UPDATE store SET lease_sequence = ?1, lease_holder = 0",
                [LIMIT - 2],
            )
            .unwrap();
        tokens
            .take(&store, 1, last(&store), NOVEMBER_2026, true)
            .unwrap_err();
    }

    #[test]
    fn copies_go_on_where_no_other_has_been() {
        let november_2026 = NOVEMBER_2026 / 1000;
        let first = after(500, november_2026).unwrap();
        assert!(
            first > 1 << 47,
            "an original never counts that far: {first}"
        );
        let a_hundred_years = 100 * 366 * 24 * 3600 * RATE;
        assert!(first > a_hundred_years, "{first}");
        let copy_of_copy = after(first + 1000, november_2026 + 60_000).unwrap();
        assert!(copy_of_copy > first + 60_000_000, "{first} {copy_of_copy}");
        assert!(after(first, 0).unwrap() > first, "the clock went back");
        let year_2290 = 10_100_000_000_000;
        assert!(after(first, year_2290).unwrap() < LIMIT);
        assert_eq!(after(LIMIT - 1, 0), None);
    }
}

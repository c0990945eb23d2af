//! Leases: the worker that may finish an item, and the expiry.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::time::Micros;

/// The token of a lease: a number from a sequence of the store that never repeats. A greater one is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "i64")]
pub struct LeaseToken(i64);

impl LeaseToken {
    /// Returns the token with the number `number`; `None` for 0 and what no sequence reaches.
    pub fn new(number: u64) -> Option<Self> {
        i64::try_from(number)
            .ok()
            .filter(|number| *number > 0)
            .map(LeaseToken)
    }

    /// Returns the token that a caller passed.
    ///
    /// # Errors
    /// `InvalidArgument` for 0, which means no lease.
    pub fn required(number: u64) -> Result<Self> {
        LeaseToken::new(number)
            .ok_or_else(|| Error::invalid_argument(format!("{number} is not a lease token")))
    }

    /// Returns its number.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl TryFrom<u64> for LeaseToken {
    type Error = Error;

    fn try_from(number: u64) -> Result<Self> {
        LeaseToken::required(number)
    }
}

impl From<LeaseToken> for i64 {
    fn from(token: LeaseToken) -> i64 {
        token.0
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number at which a count of attempts stays: every double and every 64-bit integer holds it exactly.
pub const MOST_ATTEMPTS: i64 = (1 << 53) - 1;

/// Returns the error for a file that is to replace an item under another's live lease.
pub fn under_lease() -> Error {
    Error::conflict(
        "the work item is under a lease, and only the worker that holds it may replace it",
    )
}

/// Longest lease, and longest delay of a retry.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// How long a first failure delays the next attempt; each further one doubles it.
const FIRST_BACK_OFF: Micros = 1_000_000;
/// The longest that failures delay the next attempt by themselves.
const LONGEST_BACK_OFF: Micros = 3_600_000_000;

/// Returns the length of a lease of `milliseconds`.
///
/// # Errors
/// `InvalidArgument` unless it is 1 to 366 days.
pub fn lease_length(milliseconds: u64) -> Result<Micros> {
    match bounded(milliseconds) {
        Some(length) if length > 0 => Ok(length),
        _ => Err(Error::invalid_argument(format!(
            "lease_ms is {milliseconds}; a lease lasts 1 ms to 366 days"
        ))),
    }
}

/// Returns how long a retry waits that the worker wants after `milliseconds`; `None` for 0, which leaves it
/// to [`back_off`].
///
/// # Errors
/// `InvalidArgument` for more than 366 days.
pub fn retry_delay(milliseconds: u64) -> Result<Option<Micros>> {
    match bounded(milliseconds) {
        Some(delay) => Ok(Some(delay).filter(|delay| *delay > 0)),
        None => Err(Error::invalid_argument(format!(
            "retry_after_ms is {milliseconds}; a retry waits at most 366 days"
        ))),
    }
}

/// Returns whether a retry may wait for `delay`, as [`retry_delay`] gives it.
pub(crate) fn is_retry_delay(delay: Micros) -> bool {
    (1..=LONGEST.as_micros() as Micros).contains(&delay)
}

fn bounded(milliseconds: u64) -> Option<Micros> {
    let length = Duration::from_millis(milliseconds);
    (length <= LONGEST).then_some(length.as_micros() as Micros)
}

/// Returns how long the next attempt waits after `attempts` that failed: min(2^(attempts−1) s, 1 h).
pub fn back_off(attempts: i64) -> Micros {
    let doublings = u32::try_from(attempts.saturating_sub(1).max(0)).unwrap_or(u32::MAX);
    FIRST_BACK_OFF
        .checked_mul(
            1_i64
                .checked_shl(doublings)
                .filter(|n| *n > 0)
                .unwrap_or(i64::MAX),
        )
        .map_or(LONGEST_BACK_OFF, |delay| delay.min(LONGEST_BACK_OFF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_delay_the_next_attempt_ever_longer_up_to_an_hour() {
        let seconds: Vec<i64> = [1, 2, 3, 12, 13, 14, 63, 64, 65, i64::MAX]
            .map(|attempts| back_off(attempts) / 1_000_000)
            .to_vec();
        assert_eq!(seconds, [1, 2, 4, 2048, 3600, 3600, 3600, 3600, 3600, 3600]);
    }

    #[test]
    fn lengths_out_of_bounds_are_refused_by_name() {
        assert_eq!(lease_length(1).unwrap(), 1_000);
        for wrong in [0, u64::MAX] {
            let error = lease_length(wrong).unwrap_err();
            assert!(error.to_string().contains("lease_ms"), "{error}");
        }
        assert_eq!(retry_delay(0).unwrap(), None);
        assert_eq!(retry_delay(5).unwrap(), Some(5_000));
        let error = retry_delay(u64::MAX).unwrap_err();
        assert!(error.to_string().contains("retry_after_ms"), "{error}");
        assert!(LeaseToken::new(0).is_none() && LeaseToken::new(u64::MAX).is_none());
    }
}

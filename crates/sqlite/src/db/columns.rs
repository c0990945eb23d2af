//! The values that each column of `work` may have, and the replacements of all others.
//!
//! A table that is not STRICT accepts any value in any column, and a STRICT one any integer. So an older version, or
//! another program, may have left values that no call writes. A check finds such a value by this list, and a repair
//! replaces it by the nearest possible one.

use nexusfs_core::json::excerpt;
use nexusfs_core::time::{LEAST_TIME, MAX_TIME};
use nexusfs_core::work::{MOST_ATTEMPTS, Status, WorkField, WorkHistory};
use rusqlite::types::{Value, ValueRef};

/// A column.
pub(in super::super) struct Column {
    pub name: &'static str,
    holds: Holds,
    /// NULL is possible.
    optional: bool,
}

#[derive(Clone, Copy)]
enum Holds {
    /// An integer between the two.
    Integer(i64, i64),
    /// A text that the function takes.
    Text(fn(&str) -> bool),
}

use Holds::{Integer, Text};

const fn required(name: &'static str, holds: Holds) -> Column {
    Column {
        name,
        holds,
        optional: false,
    }
}

const fn optional(name: &'static str, holds: Holds) -> Column {
    Column {
        name,
        holds,
        optional: true,
    }
}

const TIME: Holds = Integer(LEAST_TIME, MAX_TIME);
/// Tokens of leases stay below 2^53.
const MAX_TOKEN: i64 = (1 << 53) - 1;
const COUNT: Holds = Integer(0, i64::MAX);

/// The columns of `work`, except those that other rows determine: key, directory, scope and rank.
pub(in super::super) const WORK: [Column; 17] = [
    optional("status", Integer(1, Status::ALL.len() as i64)),
    optional("priority", Integer(i64::MIN, i64::MAX)),
    optional("dependencies", COUNT),
    required("open_edges", COUNT),
    required("delayed", Integer(0, 1)),
    optional("not_before", TIME),
    optional(
        "worker_id",
        Text(|text| WorkField::check_worker_id(text).is_ok()),
    ),
    optional("started_at", TIME),
    optional("completed_at", TIME),
    optional("tags", Text(|text| WorkField::parse("tags", text).is_ok())),
    optional("max_attempts", Integer(1, i64::MAX)),
    required("attempts", Integer(0, MOST_ATTEMPTS)),
    optional("last_error", Text(|_| true)),
    optional(
        "result",
        Text(|text| WorkHistory::default().read("result", text).is_ok()),
    ),
    optional("lease", Integer(1, MAX_TOKEN)),
    optional("lease_deadline", COUNT),
    optional("lease_expires_at", TIME),
];

/// A table whose rows belong to no path.
pub(in super::super) struct SmallTable {
    pub name: &'static str,
    /// The condition of its rows with impossible values.
    pub wrong: &'static str,
    /// What a repair does with those; it changes no others.
    pub correction: Option<&'static str>,
}

/// All of them.
pub(in super::super) const SMALL: [SmallTable; 7] = [
    SmallTable {
        name: "store",
        wrong: "typeof(lease_sequence) <> 'integer' OR lease_sequence NOT BETWEEN 0 AND 9007199254740991
                OR typeof(lease_holder) <> 'integer' OR typeof(lease_origin) <> 'integer'
                OR typeof(boot_number) <> 'integer' OR boot_number NOT BETWEEN 0 AND 32767
                OR typeof(rules_version) <> 'integer' OR typeof(collections) <> 'integer'",
        correction: Some(
            "UPDATE store SET
                 lease_sequence = max(0, min(9007199254740991, CAST(lease_sequence AS INTEGER))),
                 lease_holder = 0,
                 lease_origin = 0, -- to be set by the next claim
                 boot_number = max(0, min(32767, CAST(boot_number AS INTEGER))),
                 rules_version = CAST(rules_version AS INTEGER),
                 collections = CAST(collections AS INTEGER)",
        ),
    },
    SmallTable {
        name: "namespaces",
        wrong: "typeof(name) <> 'text' OR readonly NOT IN (0, 1) OR admin_only NOT IN (0, 1)
                OR requires_tenant NOT IN (0, 1) OR requires_agent NOT IN (0, 1) OR builtin NOT IN (0, 1)",
        // A guess could give access to a namespace that was closed.
        correction: None,
    },
    SmallTable {
        name: "backends",
        wrong: "typeof(name) <> 'text' OR typeof(uuid) <> 'text'",
        correction: None,
    },
    SmallTable {
        name: "pending_deletions",
        wrong: "typeof(backend_id) <> 'integer' OR typeof(hash) <> 'blob' OR length(hash) <> 32
                OR typeof(begun_at) NOT IN ('integer', 'null')",
        // The file, if there is one, is found as an orphan.
        correction: Some(
            "DELETE FROM pending_deletions
             WHERE typeof(backend_id) <> 'integer' OR typeof(hash) <> 'blob' OR length(hash) <> 32
                OR typeof(begun_at) NOT IN ('integer', 'null')",
        ),
    },
    SmallTable {
        name: "reservations",
        wrong: "typeof(backend_id) <> 'integer' OR typeof(hash) <> 'blob' OR length(hash) <> 32
                OR typeof(id) <> 'integer' OR typeof(expires_at) <> 'integer'",
        // Its creator makes a new one if it is missing.
        correction: Some(
            "DELETE FROM reservations
             WHERE typeof(backend_id) <> 'integer' OR typeof(hash) <> 'blob' OR length(hash) <> 32
                OR typeof(id) <> 'integer' OR typeof(expires_at) <> 'integer'",
        ),
    },
    // Bounds of the queue: the lowest is always true.
    SmallTable {
        name: "work_scopes",
        wrong: "typeof(next_due) NOT IN ('integer', 'null') OR typeof(next_expiry) NOT IN ('integer', 'null')",
        correction: Some(
            "UPDATE work_scopes SET next_due = 0, next_expiry = 0
             WHERE typeof(next_due) NOT IN ('integer', 'null')
                OR typeof(next_expiry) NOT IN ('integer', 'null')",
        ),
    },
    SmallTable {
        name: "work_directories",
        wrong: "typeof(first_rank) NOT IN ('integer', 'blob') OR typeof(first_created) <> 'integer'",
        correction: Some(
            "UPDATE work_directories
             SET first_rank = -9223372036854775807 - 1, first_created = -9223372036854775807 - 1
             WHERE typeof(first_rank) NOT IN ('integer', 'blob') OR typeof(first_created) <> 'integer'",
        ),
    },
];

impl Column {
    /// Returns whether the column may hold `value`.
    pub fn may_hold(&self, value: ValueRef<'_>) -> bool {
        match (self.holds, value) {
            (_, ValueRef::Null) => self.optional,
            (Integer(least, most), ValueRef::Integer(number)) => (least..=most).contains(&number),
            (Text(is_good), ValueRef::Text(bytes)) => str::from_utf8(bytes).is_ok_and(is_good),
            _ => false,
        }
    }

    /// Returns the replacement of `value`: for a number the nearest possible one, else NULL or 0. An item of an unknown
    /// status is pending, an invalid token belongs to no worker, and a lease without a deadline has expired.
    pub fn nearest(&self, value: ValueRef<'_>) -> Value {
        let nothing = match (self.optional, self.holds) {
            (false, Integer(least, _)) => Value::Integer(least.max(0)),
            _ => Value::Null,
        };
        match (self.holds, value) {
            _ if self.name == "status" => Value::Integer(Status::Pending.number()),
            _ if self.name == "lease" => Value::Null,
            _ if self.name == "lease_deadline" => Value::Integer(0),
            (Integer(least, most), ValueRef::Integer(number)) => {
                Value::Integer(number.clamp(least, most))
            }
            // The conversion saturates.
            (Integer(least, most), ValueRef::Real(number)) if !number.is_nan() => {
                Value::Integer((number as i64).clamp(least, most))
            }
            _ => nothing,
        }
    }
}

/// Returns `value` as a message shows it.
pub(in super::super) fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => excerpt(&String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> &'static Column {
        const ALL: &[Column] = &WORK;
        ALL.iter().find(|column| column.name == name).unwrap()
    }

    #[test]
    fn what_takes_the_place_of_a_wrong_value_is_possible_and_near() {
        let great = 9_223_372_036_854_775_808.0;
        for (name, value, nearest) in [
            (
                "attempts",
                ValueRef::Real(great),
                Value::Integer(MOST_ATTEMPTS),
            ),
            ("attempts", ValueRef::Integer(-1), Value::Integer(0)),
            ("attempts", ValueRef::Text(b"many"), Value::Integer(0)),
            ("attempts", ValueRef::Null, Value::Integer(0)),
            ("max_attempts", ValueRef::Integer(0), Value::Integer(1)),
            ("max_attempts", ValueRef::Text(b"3"), Value::Null),
            ("priority", ValueRef::Real(1.5), Value::Integer(1)),
            (
                "not_before",
                ValueRef::Real(great),
                Value::Integer(MAX_TIME),
            ),
            (
                "started_at",
                ValueRef::Integer(i64::MIN),
                Value::Integer(LEAST_TIME),
            ),
            ("status", ValueRef::Integer(9), Value::Integer(5)),
            ("tags", ValueRef::Text(b"[1]"), Value::Null),
            ("worker_id", ValueRef::Text(b"\xff"), Value::Null),
            ("result", ValueRef::Text(b"{"), Value::Null),
        ] {
            let column = column(name);
            assert!(!column.may_hold(value), "{name}: {value:?}");
            assert_eq!(column.nearest(value), nearest, "{name}: {value:?}");
            assert!(column.may_hold((&nearest).into()), "{name}: {nearest:?}");
        }
    }

    #[test]
    fn what_calls_write_may_stand() {
        for (name, value) in [
            ("priority", ValueRef::Integer(i64::MIN)),
            ("priority", ValueRef::Integer(i64::MAX)),
            ("max_attempts", ValueRef::Integer(i64::MAX)),
            ("tags", ValueRef::Text(b"[\"a\"]")),
            ("result", ValueRef::Text(b"{\"a\": 1}")),
            ("worker_id", ValueRef::Text(b"w")),
            ("worker_id", ValueRef::Null),
        ] {
            assert!(column(name).may_hold(value), "{name}: {value:?}");
        }
    }
}

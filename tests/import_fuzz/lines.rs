//! Lines that say extreme things.

use nexusfs::content::ContentHash;
use serde_json::{Map, Value, json};

use crate::random::Random;

/// The contents that lines name; every tenant has files with the first ones.
pub const CONTENTS: [&str; 6] = ["zero", "one", "two", "three", "", "nobody has this"];
/// How many of them are in the store.
pub const STORED: usize = 4;

/// Integers at the bounds of what anything holds.
fn integer(random: &mut Random) -> Value {
    let shift = random.below(64);
    match random.below(9) {
        0 => json!(i64::MAX),
        1 => json!(i64::MIN),
        2 => json!(u64::MAX),
        3 => json!((1_u64 << 53) - random.below(3)),
        4 => json!(
            (1_u64 << shift)
                .wrapping_add(random.below(3))
                .wrapping_sub(1)
        ),
        5 => json!(-((1_i128 << shift.min(62)) as i64)),
        6 => json!(random.below(5)),
        7 => json!(1e300),
        _ => json!(random.next() as i64),
    }
}

fn time(random: &mut Random) -> Value {
    json!(random.pick(&[
        "0000-01-01T00:00:00Z",
        "0000-01-01T00:00:00.000001Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "2026-03-01T12:00:00+02:00",
        "2999-01-01T00:00:00",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "yesterday",
    ]))
}

/// Any JSON of a few levels.
fn any(random: &mut Random, depth: u64) -> Value {
    match random.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(random.chance(50)),
        2 => integer(random),
        3 => time(random),
        4 => json!(random.pick(&["", "text", "\u{feff}", "\u{0}", "é", "\n"])),
        5 => (0..random.below(4))
            .map(|_| any(random, depth - 1))
            .collect(),
        _ => json!({ "k": any(random, depth - 1) }),
    }
}

pub fn id(random: &mut Random) -> String {
    let number = random.below(12);
    format!("018f0000-0000-7000-8000-{number:012x}")
}

/// A path of `tenant`, or, rarely, anything else.
fn path(random: &mut Random, tenant: &str) -> String {
    let number = random.below(12);
    match random.below(40) {
        0 => format!("/shared/other/{number}"),
        1 => "/".to_owned(),
        2 => format!("/shared/{tenant}/../{number}"),
        3 => format!("/shared/{tenant}/{}", "n".repeat(300)),
        4 => format!("/shared/{tenant}/1/below"),
        5..20 => format!("/workspace/{tenant}/agent/{number}"),
        _ => format!("/shared/{tenant}/{number}"),
    }
}

fn metadata(random: &mut Random, tenant: &str) -> Value {
    let mut object = Map::new();
    if random.chance(85) {
        let status = random.pick(&[
            "ready",
            "ready",
            "ready",
            "pending",
            "blocked",
            "in_progress",
            "completed",
            "failed",
            "cancelled",
            "done",
        ]);
        object.insert("status".to_owned(), json!(status));
    }
    for key in ["attempts", "max_attempts", "priority"] {
        if random.chance(30) {
            object.insert(key.to_owned(), integer(random));
        }
    }
    for key in [
        "not_before",
        "started_at",
        "completed_at",
        "lease_expires_at",
    ] {
        if random.chance(15) {
            object.insert(key.to_owned(), time(random));
        }
    }
    if random.chance(20) {
        object.insert("tags".to_owned(), json!(["a", "b"]));
    }
    if random.chance(25) {
        let on: Vec<String> = (0..random.below(3))
            .map(|_| match random.chance(50) {
                true => id(random),
                false => path(random, tenant),
            })
            .collect();
        object.insert("depends_on".to_owned(), json!(on));
    }
    for key in ["worker_id", "last_error", "result", "colour", "tags"] {
        if random.chance(10) {
            object.insert(key.to_owned(), any(random, 3));
        }
    }
    Value::Object(object)
}

/// A line about a file of `tenant`.
pub fn line(random: &mut Random, tenant: &str) -> Value {
    let most = match random.chance(90) {
        true => STORED,
        false => CONTENTS.len(),
    };
    let content = *random.pick(&CONTENTS[..most]);
    let mut line = json!({
        "path": path(random, tenant),
        "etag": ContentHash::of(content.as_bytes()).to_string(),
        "size": content.len(),
    });
    if random.chance(3) {
        line["size"] = integer(random);
    }
    if random.chance(60) {
        line["path_id"] = json!(id(random));
    }
    if random.chance(30) {
        line["version"] = integer(random);
    }
    for key in ["created_at", "modified_at"] {
        if random.chance(30) {
            line[key] = time(random);
        }
    }
    if random.chance(5) {
        line["mime_type"] = any(random, 1);
    }
    if random.chance(90) {
        line["custom_metadata"] = metadata(random, tenant);
    }
    if random.chance(2) {
        let keys = [
            "path",
            "etag",
            "size",
            "path_id",
            "unknown",
            "custom_metadata",
        ];
        // Another path that is valid would be one that every tenant sees.
        line[*random.pick(&keys)] = match random.chance(50) {
            true => integer(random),
            false => json!({ "k": any(random, 2) }),
        };
    }
    line
}

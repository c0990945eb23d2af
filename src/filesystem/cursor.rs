//! Where a page ended, as callers carry it to the next call.

use crate::error::{Error, Result};
use crate::metadata::Entry;

use super::Page;

/// Begins every cursor; changes when its form does.
const FORM: &str = "p1-";

/// Returns the path that `cursor` stands for.
pub(super) fn decode(cursor: Option<&str>) -> Result<Option<String>> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    cursor
        .strip_prefix(FORM)
        .and_then(from_hex)
        .map(Some)
        .ok_or_else(|| Error::invalid_argument("cursor is not one that a page returned"))
}

/// Cuts `entries`, of which one more than `limit` was asked for, to the page, with the cursor of the next
/// one if there is more.
pub(super) fn page(mut entries: Vec<Entry>, limit: usize) -> Page {
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().filter(|_| more);
    Page {
        cursor: last.map(|entry| encode(entry.path.as_str())),
        entries,
    }
}

/// Returns how many entries to ask for, for a page of `limit`, 0 for all.
pub(super) fn probe(limit: usize) -> (usize, usize) {
    match limit {
        0 => (usize::MAX, usize::MAX),
        limit => (limit, limit.saturating_add(1)),
    }
}

fn encode(path: &str) -> String {
    use std::fmt::Write;
    let mut cursor = FORM.to_owned();
    for byte in path.bytes() {
        // Writing to a string cannot fail.
        let _ = write!(cursor, "{byte:02x}");
    }
    cursor
}

fn from_hex(hex: &str) -> Option<String> {
    let digit = |c: u8| (c as char).to_digit(16);
    let bytes = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
            _ => None,
        })
        .collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok()
}

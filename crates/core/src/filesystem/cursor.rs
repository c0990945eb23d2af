//! Cursors: the position after a page, for the next call.

use crate::error::{Error, Result};
use crate::metadata::Entry;

use super::Page;

/// Begins every cursor; changes when its form does.
const FORM: &str = "p1-";

/// Returns the path of `cursor`.
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

/// Passes on the entries of a page and finds out whether there are more: the store is asked for one more
/// than the page takes.
pub(super) struct PageLimit {
    /// Most entries of the page; `usize::MAX` for all.
    limit: usize,
    count: usize,
    /// The last entry of the page.
    last: String,
}

impl PageLimit {
    /// Returns the limit that a caller means by `limit`: 0 is none.
    pub fn new(limit: usize) -> Self {
        PageLimit {
            limit: if limit == 0 { usize::MAX } else { limit },
            count: 0,
            last: String::new(),
        }
    }

    /// Returns how many entries to ask for.
    pub fn probe(&self) -> usize {
        self.limit.saturating_add(1)
    }

    /// Returns how many entries came, the one beyond the page included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns whether the next entry, whose path is `path`, belongs to the page.
    pub fn admits(&mut self, path: &str) -> bool {
        self.count += 1;
        if self.count == self.limit {
            path.clone_into(&mut self.last);
        }
        self.count <= self.limit
    }

    /// Returns where the next page begins, if there is more.
    pub fn cursor(&self) -> Option<String> {
        (self.count > self.limit).then(|| encode(&self.last))
    }

    /// Returns the page of `entries`, of which there may be one too many.
    pub fn page(mut self, mut entries: Vec<Entry>) -> Page {
        entries.retain(|entry| self.admits(entry.path.as_str()));
        Page {
            entries,
            cursor: self.cursor(),
        }
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

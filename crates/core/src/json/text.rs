//! JSON texts that the library keeps: limits, members, and what is said of those that are refused.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// Longest value, in bytes of its text.
pub(crate) const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Most arrays and objects around one another.
const MAX_DEPTH: usize = 64;
/// What JSON counts as white space.
const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
/// How much of a refused value an error shows, in characters.
const SHOWN_CHARACTERS: usize = 80;

/// Returns `text` as a JSON string.
pub fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}

/// Returns the error for a value of `key` that is refused for `reason`.
pub(crate) fn refused(key: &str, json: &str, reason: &str) -> Error {
    Error::invalid_argument(format!(
        "metadata key '{}' cannot be {}: {reason}",
        excerpt(key),
        excerpt(json.trim())
    ))
}

/// Returns the beginning of `text` on one line.
pub fn excerpt(text: &str) -> String {
    let mut cut: String = text
        .chars()
        .take(SHOWN_CHARACTERS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(SHOWN_CHARACTERS).is_some() {
        cut.push('…');
    }
    cut
}

/// Returns the text `json` that the library is to keep under `key`, without white space around it.
///
/// # Errors
/// `InvalidArgument`, naming key and value, if it is not JSON, longer than 1 MiB or nested deeper than 64.
pub(crate) fn json_text(key: &str, json: &str) -> Result<String> {
    let text = within_limits(key, json)?;
    serde_json::from_str::<&RawValue>(text).map_err(|error| not_json(key, text, &error))?;
    Ok(text.to_owned())
}

/// Returns `json` without white space around it, if it is within the limits of size and nesting; else the error for `key`.
pub(crate) fn within_limits<'a>(key: &str, json: &'a str) -> Result<&'a str> {
    let text = json.trim_matches(WHITE_SPACE);
    if text.len() > MAX_VALUE_BYTES {
        return Err(refused(key, json, "a value has at most 1 MiB"));
    }
    if is_deeper_than(text, MAX_DEPTH) {
        return Err(refused(key, json, "a value is nested at most 64 deep"));
    }
    Ok(text)
}

/// Returns the error for a value of `key` that is no JSON.
pub(crate) fn not_json(key: &str, text: &str, error: &serde_json::Error) -> Error {
    refused(key, text, &format!("it is not valid JSON ({error})"))
}

/// Returns the keys of the text `json`, an object, and their values as text, in its order.
///
/// # Errors
/// `InvalidArgument` if it is no object, or names a key twice.
pub(crate) fn members(json: &str) -> Result<Vec<(String, Box<RawValue>)>> {
    let Members(members) = serde_json::from_str(json).map_err(|error| {
        Error::invalid_argument(format!("metadata must be a JSON object: {error}"))
    })?;
    let mut seen = HashSet::with_capacity(members.len());
    let twice = members.iter().find(|(key, _)| !seen.insert(key.as_str()));
    if let Some((key, value)) = twice {
        return Err(refused(key, value.get(), "the key is given twice"));
    }
    Ok(members)
}

/// The members of an object, values as text.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Returns whether arrays and objects in `text` are nested deeper than `limit`. Counts brackets
/// outside strings, so the parser never sees a text that it would have to recurse into far.
fn is_deeper_than(text: &str, limit: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_string => {
                bytes.next();
            }
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

//! The history of an imported item.

use serde_json::Value;

use super::MOST_ATTEMPTS;
use crate::error::{Error, Result};
use crate::json::{json_text, refused};

/// Typed keys that only the library writes, as in an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkHistory {
    /// How often the item was claimed.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// JSON text of what a completion left.
    pub result: Option<String>,
}

impl WorkHistory {
    /// Takes in the value that `json` gives the typed `key`. When a lease ended is of no use elsewhere.
    ///
    /// # Errors
    /// `InvalidArgument`, naming key and value, for a wrong type.
    pub fn read(&mut self, key: &str, json: &str) -> Result<()> {
        let text = json_text(key, json)?;
        let wrong = |needed: &str| refused(key, json, &format!("it must be {needed}"));
        let value = || crate::json::parse(&text).unwrap_or_default();
        match key {
            "attempts" => {
                self.attempts = value()
                    .as_i64()
                    .filter(|attempts| (0..=MOST_ATTEMPTS).contains(attempts))
                    .ok_or_else(|| wrong("an integer from 0 to 2^53 - 1"))?;
            }
            "last_error" => match value() {
                Value::String(text) => self.last_error = Some(text),
                _ => return Err(wrong("a string")),
            },
            "result" => self.result = Some(text),
            "lease_expires_at" => {}
            _ => return Err(Error::internal(format!("{key:?} is not of a history"))),
        }
        Ok(())
    }
}

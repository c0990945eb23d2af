//! Reading the JSON reports of the library.

use serde_json::Value;

/// Returns the number at `key`; 0 where there is none.
pub fn number(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or(0)
}

/// Returns `value` as people read it: a string as it is, `-` for null.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

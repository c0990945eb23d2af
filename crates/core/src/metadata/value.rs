//! Metadata values as JSON text: validation and equality.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use super::MetadataValue;
use crate::error::Result;
use crate::json::{self, json_string, members, not_json, refused, within_limits};
use crate::work::{WorkField, is_work_key};

/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;
/// Most dependencies of one item. They read back as an array of ids, 39 bytes each, which is a value again.
const MAX_DEPENDENCIES: usize = 20_000;
/// Up to here a float holds every integer, so an integral one equals the integer.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

impl MetadataValue {
    /// Returns the value that the text `json` gives `key`.
    ///
    /// # Errors
    /// `InvalidArgument`, naming key and value: a key that is not 1 to 255 bytes long or has a NUL; text that is
    /// not JSON, longer than 1 MiB or nested deeper than 64; the wrong type for a typed key; more than 20,000
    /// dependencies.
    pub fn parse(key: &str, json: &str) -> Result<MetadataValue> {
        if !(1..=MAX_KEY_BYTES).contains(&key.len()) || key.contains('\0') {
            return Err(refused(key, json, "a key has 1 to 255 bytes, and no NUL"));
        }
        let text = within_limits(key, json)?;
        if is_work_key(key) {
            let field = WorkField::parse(key, text)?;
            if let WorkField::DependsOn(dependencies) = &field
                && dependencies.len() > MAX_DEPENDENCIES
            {
                let what = format!("an item has at most {MAX_DEPENDENCIES} dependencies");
                return Err(refused(key, text, &what));
            }
            return Ok(MetadataValue::Work(field));
        }
        let value = json::parse(text).map_err(|error| not_json(key, text, &error))?;
        Ok(MetadataValue::Json {
            text: text.to_owned(),
            digest: digest(&value),
        })
    }

    /// Returns the keys and values of the text `json`, an object, in its order.
    ///
    /// # Errors
    /// `InvalidArgument` if it is no object, names a key twice, or holds a value that
    /// [`parse`](Self::parse) refuses.
    pub fn parse_object(json: &str) -> Result<Vec<(String, MetadataValue)>> {
        members(json)?
            .into_iter()
            .map(|(key, value)| {
                let value = MetadataValue::parse(&key, value.get())?;
                Ok((key, value))
            })
            .collect()
    }
}

/// Returns the first 16 bytes of the SHA-256 of the canonical form of `value`.
fn digest(value: &Value) -> [u8; 16] {
    let mut canonical = String::new();
    write_canonical(value, &mut canonical);
    let full: [u8; 32] = Sha256::digest(canonical.as_bytes()).into();
    let mut digest = [0; 16];
    digest.copy_from_slice(&full[..16]);
    digest
}

/// Writes `value` without white space, members sorted by key, and integral floats as integers.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => out.push_str(&canonical_number(number)),
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(element, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&json_string(key));
                out.push(':');
                write_canonical(member, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

fn canonical_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float)
            if number.is_f64() && float.fract() == 0.0 && float.abs() <= MAX_EXACT_INTEGER =>
        {
            (float as i64).to_string()
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::json::MAX_VALUE_BYTES;
    use crate::path_id::PathId;
    use crate::work::DependencyRef;

    fn same(a: &str, b: &str) -> bool {
        let digest_of = |json| match MetadataValue::parse("k", json).unwrap() {
            MetadataValue::Json { digest, .. } => digest,
            other => panic!("{json} became {other:?}"),
        };
        digest_of(a) == digest_of(b)
    }

    fn refusal(key: &str, json: &str) -> Error {
        let error = MetadataValue::parse(key, json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        error
    }

    #[test]
    fn values_are_the_same_by_meaning() {
        assert!(same("1", "1.0"));
        assert!(same("0", "-0.0"));
        assert!(same("100", "1e2"));
        assert!(same("9007199254740992", "9007199254740992.0"));
        assert!(same(r#"{"a":1,"b":[2]}"#, r#" { "b" : [ 2.0 ], "a": 1 } "#));
        assert!(same(r#""é""#, r#""\u00e9""#));
        assert!(!same("1", "\"1\""));
        assert!(!same("9007199254740993", "9007199254740992"));
        assert!(!same("1.5", "1"));
        assert!(!same("[1,2]", "[2,1]"));
        assert!(!same(r#""a,b""#, r#"["a","b"]"#));
        assert!(!same("null", "false"));
    }

    #[test]
    fn the_text_is_kept_as_given() {
        let value = MetadataValue::parse("k", " {\"b\": 1.0,  \"a\":2}\n").unwrap();
        match value {
            MetadataValue::Json { text, .. } => assert_eq!(text, "{\"b\": 1.0,  \"a\":2}"),
            other => panic!("became {other:?}"),
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for json in [
            "",
            " ",
            "NaN",
            "Infinity",
            "nul",
            "1 2",
            "{} x",
            "'a'",
            "[1,]",
            "{a:1}",
            "01",
            "\"\\ud800\"",
            "\"a",
            "\u{a0}1",
        ] {
            let message = refusal("colour", json).to_string();
            assert!(message.contains("colour"), "{message}");
        }
    }

    #[test]
    fn limits_of_keys_and_values_hold() {
        assert!(MetadataValue::parse(&"k".repeat(255), "1").is_ok());
        refusal("", "1");
        refusal(&"k".repeat(256), "1");
        let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        assert!(MetadataValue::parse("k", &text(MAX_VALUE_BYTES)).is_ok());
        assert!(refusal("k", &text(MAX_VALUE_BYTES + 1)).to_string().len() < 300);
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(MetadataValue::parse("k", &nested(64)).is_ok());
        refusal("k", &nested(65));
        refusal("k", &"[".repeat(MAX_VALUE_BYTES));
        assert!(MetadataValue::parse("k", &format!("\"\\\"{}\"", "[".repeat(100))).is_ok());
        refusal("k", &nested(65).replace("[]", "[\"]]\"]"));
    }

    #[test]
    fn as_many_dependencies_as_may_be_set_read_back_as_a_value() {
        let paths = |count: usize| {
            let paths: Vec<String> = (0..count).map(|index| format!("\"/{index}\"")).collect();
            format!("[{}]", paths.join(","))
        };
        assert!(MetadataValue::parse("depends_on", &paths(MAX_DEPENDENCIES)).is_ok());
        let message = refusal("depends_on", &paths(MAX_DEPENDENCIES + 1)).to_string();
        assert!(message.contains("at most 20000 dependencies"), "{message}");
        let ids = (0..MAX_DEPENDENCIES).map(|_| DependencyRef::Id(PathId::generate()));
        let stored = WorkField::DependsOn(ids.collect());
        let again = MetadataValue::parse("depends_on", &stored.to_json()).unwrap();
        assert_eq!(again, MetadataValue::Work(stored));
    }

    #[test]
    fn typed_keys_become_typed_values() {
        assert_eq!(
            MetadataValue::parse("priority", "7").unwrap(),
            MetadataValue::Work(WorkField::Priority(7))
        );
        refusal("priority", "7.0");
        refusal("attempts", "7");
    }

    #[test]
    fn an_object_gives_its_members_in_order() {
        let members = MetadataValue::parse_object(r#"{"z": [1], "a": {"b":2}, "priority": 3}"#);
        let members = members.unwrap();
        let keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["z", "a", "priority"]);
        assert_eq!(members[2].1, MetadataValue::Work(WorkField::Priority(3)));
        assert_eq!(MetadataValue::parse_object("{}").unwrap(), Vec::new());
    }

    #[test]
    fn an_object_that_is_none_or_repeats_a_key_is_refused() {
        for json in [
            "",
            "[]",
            "1",
            "{} {}",
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":NaN}"#,
            r#"{"":1}"#,
            r#"{"status":"done"}"#,
        ] {
            let error = MetadataValue::parse_object(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{json}: {error}");
        }
    }
}

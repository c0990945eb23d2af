//! JSON texts of others as values.
//!
//! `serde_json::Value` reads an object with a certain key as a text to be parsed anew, for its raw values: that gives other
//! values than the text says, and begins a new limit of nesting within each. Here every object is just one.

mod text;

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

#[cfg(test)]
pub(crate) use text::MAX_VALUE_BYTES;
pub use text::{excerpt, json_string};
pub(crate) use text::{json_text, members, not_json, refused, within_limits};

/// Returns the value of `text`. Of keys that come twice in an object the last one counts.
///
/// # Errors
/// If it is not JSON, or nested deeper than 128.
pub fn parse(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text).map(|Plain(value)| value)
}

struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Plain)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Plain(element)) = elements.next_element()? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Plain(member))) = members.next_entry()? {
            object.insert(key, member);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key that `serde_json` gives its raw values.
    const RAW: &str = "$serde_json::private::RawValue";

    #[test]
    fn values_are_as_the_text_says() {
        for text in [
            "null",
            "true",
            "-5",
            "18446744073709551615",
            "0.1",
            r#""\u00e9\n""#,
            "[]",
            r#"[1,[2,{"a":[]}]]"#,
            r#"{"a":1,"b":{"c":"d"}}"#,
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        for text in ["", "{", "nul", "[1,]", "1e999", "{1:2}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_key_has_a_meaning_of_its_own() {
        for member in [r#""1""#, "5", r#""[""#] {
            let value = parse(&format!(r#"{{"{RAW}":{member}}}"#)).unwrap();
            let expected: Value = serde_json::from_str(member).unwrap();
            assert_eq!(value.get(RAW), Some(&expected));
        }
    }

    #[test]
    fn nesting_within_texts_is_not_followed() {
        let mut text = "1".to_owned();
        for _ in 0..4 {
            let inner = Value::from(text).to_string();
            text = format!(
                r#"{}{{"{RAW}":{inner}}}{}"#,
                "[".repeat(100),
                "]".repeat(100)
            );
        }
        let mut value = parse(&text).unwrap();
        let mut depth = 0;
        while let Some(inner) = value.get_mut(0) {
            value = inner.take();
            depth += 1;
        }
        assert_eq!(depth, 100);
        assert!(value[RAW].is_string());
        assert!(parse(&"[".repeat(1000)).is_err());
    }
}

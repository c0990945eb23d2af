//! The syntax tree of a configuration, the same for JSON and YAML.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::host::address::without_credentials;

/// One value of a configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Nothing: in YAML, a key may have no value.
    Absent,
    /// Null, written out.
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    /// Text of a document, unchanged.
    Text(String),
    /// Text that came, all or in part, from an environment variable. Such text has no type of its own, so it may be a
    /// boolean or a number. It may be a secret and is never shown.
    Supplied(String),
    List(Vec<Value>),
    /// Keys are unique and in the order of the document.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Returns the tree of a JSON text.
    ///
    /// # Errors
    /// One line that says what is wrong and where. Duplicate keys are refused: one of the two
    /// would be ignored.
    pub(crate) fn from_json(text: &str) -> Result<Value, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Returns the type in words, with an article.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Absent => "nothing",
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a floating-point number",
            Value::Text(_) => "a string",
            Value::Supplied(_) => "a string from the environment",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// Returns the type in words, and the value where it is short and no secret.
    pub(crate) fn described(&self) -> String {
        match self {
            Value::Bool(flag) => format!("the boolean {flag}"),
            Value::Integer(number) => format!("the integer {number}"),
            Value::Float(number) => format!("the floating-point number {number}"),
            Value::Text(text) => format!("the string {}", shown(text)),
            other => other.type_name().to_owned(),
        }
    }
}

/// Returns `text` in quotes, escaped to one line and cut: it may hold anything. Credentials of URLs are left out.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 64;
    let text = without_credentials(text);
    let mut chars = text.chars();
    let mut line = String::from("'");
    line.extend(chars.by_ref().take(SHOWN_CHARS).flat_map(|c| match c {
        '"' | '\'' => vec![c],
        c => c.escape_debug().collect(),
    }));
    if chars.next().is_some() {
        line.push('…');
    }
    line.push('\'');
    line
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor::<Value>::default())
    }
}

/// Builds a tree whose nodes below the root are read as `Node`.
pub(crate) struct TreeVisitor<Node>(PhantomData<Node>);

impl<Node> Default for TreeVisitor<Node> {
    fn default() -> Self {
        TreeVisitor(PhantomData)
    }
}

impl<'de, Node: Deserialize<'de> + Into<Value>> Visitor<'de> for TreeVisitor<Node> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, a number, a string, a list or an object")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::Integer(number.try_into().unwrap_or(i128::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Node>()? {
            list.push(item.into());
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut seen = HashSet::new();
        let mut object = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!(
                    "the key {} occurs twice",
                    shown(&key)
                )));
            }
            object.push((key, entries.next_value::<Node>()?.into()));
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_types_and_order() {
        let value = Value::from_json(r#"{"b": [null, true, -1, 1.5, "x"], "a": {}}"#).unwrap();
        let list = Value::List(vec![
            Value::Null,
            Value::Bool(true),
            Value::Integer(-1),
            Value::Float(1.5),
            Value::Text("x".into()),
        ]);
        assert_eq!(
            value,
            Value::Object(vec![
                ("b".into(), list),
                ("a".into(), Value::Object(vec![]))
            ])
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_depth() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"x": [{"a": 1, "a": 2}]}"#] {
            let error = Value::from_json(text).unwrap_err();
            assert!(error.contains("'a' occurs twice"), "{error}");
        }
    }

    #[test]
    fn text_is_shown_in_one_short_line() {
        assert_eq!(shown("a\nb"), r"'a\nb'");
        assert!(shown(&"x".repeat(1000)).chars().count() < 80);
    }
}

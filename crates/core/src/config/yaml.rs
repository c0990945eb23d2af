//! YAML files: parsing within limits, and `${VAR}` in string values.

use serde::de::{Deserialize, Deserializer};
use serde_yaml::Spanned;

use super::environment::Environment;
use super::value::{TreeVisitor, Value, shown};

/// Largest file that is read, in bytes. A configuration is a page of text; what is larger is
/// something else.
pub(crate) const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Deepest nesting of `${A:-${B:-…}}`.
const MAX_EXPANSION_DEPTH: usize = 16;

/// Returns the tree of a YAML text; an empty one, or one with comments only, is an empty object.
///
/// Booleans are those of YAML 1.2 (`no` is text), and numbers written with leading zeros or
/// underscores are text too: an id such as `007` is not a number. A key without a value is
/// [`Value::Absent`]; `null` and `~`, written out, are [`Value::Null`].
///
/// # Errors
/// One line that says what is wrong and where. Duplicate keys, unknown tags, more than one
/// document, and documents that grow by their aliases are refused.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: 64,
            max_nodes: 100_000,
            max_documents: 2,
            max_aliases: 1_000,
            max_anchors: 1_000,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    match serde_yaml::from_str_with_options(text, options).map(|Document(value)| value) {
        Ok(Value::Null) => Ok(Value::Object(Vec::new())),
        Ok(value) => Ok(value),
        Err(error) => {
            // Made for users of a program, where the usual text is for its authors.
            let message = error.render_with_formatter(&serde_yaml::UserMessageFormatter);
            Err(message.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    }
}

/// The tree of a document.
struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(TreeVisitor::<Node>::default())
            .map(Document)
    }
}

/// A value in a document. The parser reads an absent value as null; the position of a value distinguishes them.
struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Spanned::<Document>::deserialize(deserializer)?;
        Ok(Node(match node.value.0 {
            Value::Null if node.defined.span().is_empty() => Value::Absent,
            value => value,
        }))
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Value {
        node.0
    }
}

/// Replaces `${VAR}` and `${VAR:-default}` in every string below `value` by the variables of `environment`. The default
/// replaces a variable that is not set or empty, and may hold references itself. `$${` is a literal `${`; any other `$`
/// is itself. What a variable holds is not expanded again.
///
/// # Errors
/// One line that names the place, and the variable that is not set, or the value that is missing.
pub(crate) fn expand(value: &mut Value, environment: &Environment) -> Result<(), String> {
    expand_at(String::new(), value, environment)
}

fn expand_at(place: String, value: &mut Value, environment: &Environment) -> Result<(), String> {
    match value {
        Value::Text(text) if text.contains("${") => {
            let mut expansion = Expansion {
                environment,
                text: String::with_capacity(text.len()),
                used_variable: false,
            };
            expansion
                .append(text, 0)
                .map_err(|reason| format!("{} {reason}", shown(&place)))?;
            *value = if expansion.used_variable {
                Value::Supplied(expansion.text)
            } else {
                Value::Text(expansion.text)
            };
            Ok(())
        }
        Value::List(items) => (0..).zip(items).try_for_each(|(index, item): (usize, _)| {
            expand_at(format!("{place}[{index}]"), item, environment)
        }),
        Value::Object(entries) => entries.iter_mut().try_for_each(|(key, entry)| {
            let dot = if place.is_empty() { "" } else { "." };
            expand_at(format!("{place}{dot}{key}"), entry, environment)
        }),
        Value::Absent => Err(format!(
            "{} has no value (write null where none is meant)",
            shown(&place)
        )),
        _ => Ok(()),
    }
}

/// The expansion of one string.
struct Expansion<'a> {
    environment: &'a Environment,
    text: String,
    /// Whether there was a reference, so that the text is not just the file's.
    used_variable: bool,
}

impl Expansion<'_> {
    /// Appends `template` with its references replaced.
    fn append(&mut self, template: &str, depth: usize) -> Result<(), String> {
        if depth > MAX_EXPANSION_DEPTH {
            return Err("nests references too deeply".to_owned());
        }
        let mut rest = template;
        while let Some(dollar) = rest.find('$') {
            self.text.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            if let Some(after) = rest.strip_prefix("$${") {
                self.text.push_str("${");
                rest = after;
            } else if let Some(after) = rest.strip_prefix("${") {
                let end =
                    closing_brace(after).ok_or_else(|| "has a '${' without its '}'".to_owned())?;
                self.append_reference(&after[..end], depth)?;
                rest = &after[end + 1..];
            } else {
                self.text.push('$');
                rest = &rest[1..];
            }
        }
        self.text.push_str(rest);
        Ok(())
    }

    /// Appends the value of `reference`, the text between the braces.
    fn append_reference(&mut self, reference: &str, depth: usize) -> Result<(), String> {
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        if !is_variable_name(name) {
            return Err(format!(
                "has {}, which is neither ${{VAR}} nor ${{VAR:-default}}",
                shown(&format!("${{{reference}}}"))
            ));
        }
        self.used_variable = true;
        let value = self
            .environment
            .variable(name)
            .map_err(|error| format!("cannot be expanded: {error}"))?;
        match (value, default) {
            (Some(value), None) => self.text.push_str(value),
            (Some(value), Some(_)) if !value.is_empty() => self.text.push_str(value),
            (_, Some(default)) => self.append(default, depth + 1)?,
            (None, None) => {
                return Err(format!(
                    "refers to the environment variable {}, which is not set",
                    shown(name)
                ));
            }
        }
        Ok(())
    }
}

/// Returns where the brace that was opened just before `text` is closed.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1;
    let mut previous = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if previous == b'$' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
        previous = byte;
    }
    None
}

fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn environment() -> Environment {
        Environment::empty_in("/")
            .with_variable("NAME", "acme")
            .with_variable("EMPTY", "")
            .with_variable("NESTED", "${NAME}")
    }

    fn expanded(text: &str) -> Result<String, String> {
        let mut value = Value::Object(vec![("key".into(), Value::Text(text.into()))]);
        expand(&mut value, &environment())?;
        match value {
            Value::Object(mut entries) => match entries.remove(0).1 {
                Value::Text(text) | Value::Supplied(text) => Ok(text),
                other => panic!("a string became {other:?}"),
            },
            other => panic!("an object became {other:?}"),
        }
    }

    #[test]
    fn references_are_replaced() {
        for (template, expected) in [
            ("plain", "plain"),
            ("${NAME}", "acme"),
            ("/srv/${NAME}/data", "/srv/acme/data"),
            ("${NAME}${NAME}", "acmeacme"),
            ("${EMPTY}", ""),
            ("${UNSET:-fallback}", "fallback"),
            ("${EMPTY:-fallback}", "fallback"),
            ("${NAME:-fallback}", "acme"),
            ("${UNSET:-}", ""),
            ("${UNSET:-a:-b}", "a:-b"),
            ("${UNSET:-${NAME}}/x", "acme/x"),
            ("${UNSET:-${ALSO_UNSET:-deep}}", "deep"),
            ("${NESTED}", "${NAME}"),
            ("$${NAME}", "${NAME}"),
            ("pa$$word $5 $", "pa$$word $5 $"),
            ("{}", "{}"),
        ] {
            assert_eq!(expanded(template).as_deref(), Ok(expected), "{template:?}");
        }
    }

    #[test]
    fn a_default_that_is_not_needed_is_not_expanded() {
        assert_eq!(expanded("${NAME:-${UNSET}}").as_deref(), Ok("acme"));
    }

    #[test]
    fn an_undefined_variable_is_named_with_its_place() {
        let mut value = parse("mounts:\n  - root: /x\n    path: ${GONE}\n").unwrap();
        let error = expand(&mut value, &environment()).unwrap_err();
        assert!(error.contains("'mounts[0].path'"), "{error}");
        assert!(error.contains("'GONE'"), "{error}");
    }

    #[test]
    fn malformed_references_are_refused() {
        for template in ["${NAME", "${}", "${1X}", "${A B}", "${NAME-x}", "${:-x}"] {
            assert!(expanded(template).is_err(), "{template:?} was accepted");
        }
        let deep = "${X:-".repeat(100) + &"}".repeat(100);
        assert!(expanded(&deep).is_err(), "deep nesting was accepted");
    }

    #[test]
    fn keys_are_not_expanded() {
        let mut value = parse("${NAME}: 1").unwrap();
        let before = value.clone();
        expand(&mut value, &environment()).unwrap();
        assert_eq!(value, before);
    }

    #[test]
    fn a_file_without_content_is_an_empty_object() {
        for text in [
            "",
            "\n\n",
            "# only a comment\n",
            "---\n",
            "--- # nothing\n...\n",
        ] {
            assert_eq!(parse(text), Ok(Value::Object(vec![])), "{text:?}");
        }
    }

    #[test]
    fn plain_scalars_get_the_types_of_yaml_1_2() {
        let value = parse("[null, ~, true, no, 007, 1_000, 12, -3, 1.5, acme, '5']").unwrap();
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(
            value,
            Value::List(vec![
                Value::Null,
                Value::Null,
                Value::Bool(true),
                text("no"),
                text("007"),
                text("1_000"),
                Value::Integer(12),
                Value::Integer(-3),
                Value::Float(1.5),
                text("acme"),
                text("5"),
            ])
        );
    }

    #[test]
    fn a_key_without_a_value_is_not_null() {
        for text in [
            "a:",
            "a: \n",
            "a: # a comment\n",
            "a:\nb: 1\n",
            "? a\n",
            "{a}",
            "{a: , b: 1}",
            "{a: &x , b: *x}",
            "a: &x\nb: 1\n",
            "a: !!null\n",
            "\u{e9}: \u{e9}\na:\n",
        ] {
            let mut value = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let error = expand(&mut value, &environment()).expect_err(text);
            assert!(error.contains("'a' has no value"), "{text:?}: {error}");
        }
        for text in [
            "a: null",
            "a: ~",
            "a: Null\nb: 1",
            "{a: NULL}",
            "a: &x null\nb: *x",
        ] {
            let mut value = parse(text).unwrap();
            assert_eq!(expand(&mut value, &environment()), Ok(()), "{text:?}");
            let Value::Object(entries) = value else {
                panic!("{text:?} is no object");
            };
            assert_eq!(entries[0].1, Value::Null, "{text:?}");
        }
        let mut nested = parse("mounts:\n  - name: m\n    root:\n").unwrap();
        let error = expand(&mut nested, &environment()).unwrap_err();
        assert!(error.contains("'mounts[0].root' has no value"), "{error}");
    }

    #[test]
    fn what_yaml_must_not_hold_is_refused_in_one_line() {
        let bomb = (1..9).fold(
            "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(),
            |text, i| {
                let aliases = vec![format!("*a{}", i - 1); 9].join(", ");
                text + &format!("a{i}: &a{i} [{aliases}]\n")
            },
        );
        for text in [
            "a: 1\na: 2\n",
            "a: [\n",
            "a: !secret x\n",
            "a: 1\n---\nb: 2\n",
            "\t- x: \"",
            bomb.as_str(),
            &"[".repeat(1000),
        ] {
            let error = parse(text).expect_err(&format!("{text:.60?} was accepted"));
            assert!(!error.contains('\n'), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,60}") {
            if let Ok(mut value) = parse(&text) {
                let _ = expand(&mut value, &environment());
            }
        }

        #[test]
        fn text_without_references_stays(text in "[^$]{0,40}") {
            prop_assert_eq!(expanded(&text), Ok(text));
        }

        #[test]
        fn any_template_is_expanded_or_refused(
            template in "(\\$|\\{|\\}|:-|NAME|UNSET|x|é){0,24}"
        ) {
            let _ = expanded(&template);
        }
    }
}

//! The typed metadata keys.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::json::{excerpt, json_string, refused};
use crate::path::VirtualPath;
use crate::path_id::PathId;
use crate::time::{Micros, format_time, parse_time};

/// The status of a work item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// May be worked on, once no edge is open.
    Ready,
    /// Waits for its owner.
    Pending,
    /// Waits for its dependencies or, without any, is held by hand.
    Blocked,
    /// Is being worked on.
    InProgress,
    /// Done.
    Completed,
    /// Given up.
    Failed,
    /// Withdrawn.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 7] = [
        Status::Ready,
        Status::Pending,
        Status::Blocked,
        Status::InProgress,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
    ];

    /// Returns the name, for example `in_progress`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ready => "ready",
            Status::Pending => "pending",
            Status::Blocked => "blocked",
            Status::InProgress => "in_progress",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }

    /// Returns its number in the database.
    pub fn number(self) -> i64 {
        match self {
            Status::Ready => 1,
            Status::InProgress => 2,
            Status::Completed => 3,
            Status::Blocked => 4,
            Status::Pending => 5,
            Status::Failed => 6,
            Status::Cancelled => 7,
        }
    }

    /// Returns the status with the number `number`.
    pub fn from_number(number: i64) -> Option<Status> {
        Status::ALL
            .into_iter()
            .find(|status| status.number() == number)
    }

    /// Returns the status called `name`.
    pub fn parse(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A dependency as it was named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DependencyRef {
    /// By path id.
    Id(PathId),
    /// By path.
    Path(VirtualPath),
}

/// The value of one typed key. Exhaustive: a store has to keep each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkField {
    /// `status`
    Status(Status),
    /// `priority`
    Priority(i64),
    /// `depends_on`
    DependsOn(Vec<DependencyRef>),
    /// `worker_id`
    WorkerId(String),
    /// `started_at`
    StartedAt(Micros),
    /// `completed_at`
    CompletedAt(Micros),
    /// `not_before`
    NotBefore(Micros),
    /// `tags`
    Tags(Vec<String>),
    /// `max_attempts`
    MaxAttempts(i64),
}

/// Longest `worker_id`, in bytes.
const MAX_WORKER_ID_BYTES: usize = 255;
const WORKER_ID_FORM: &str = "a string of 1 to 255 bytes without NUL";

/// The typed keys that callers may set.
const KEYS: [&str; 9] = [
    "status",
    "priority",
    "depends_on",
    "worker_id",
    "started_at",
    "completed_at",
    "not_before",
    "tags",
    "max_attempts",
];

/// The typed keys that only the library writes.
const LIBRARY_KEYS: [&str; 4] = ["attempts", "last_error", "result", "lease_expires_at"];

/// Returns whether `key` is typed.
pub fn is_work_key(key: &str) -> bool {
    KEYS.contains(&key) || is_library_key(key)
}

/// Returns whether `key` is one that only the library writes.
pub fn is_library_key(key: &str) -> bool {
    LIBRARY_KEYS.contains(&key)
}

impl WorkField {
    /// Returns the value that `json` gives the typed `key`.
    ///
    /// # Errors
    /// `InvalidArgument`, naming key and value, for a wrong type or a key that only the library
    /// writes; `InvalidPath` for a dependency that begins with `/` and is no path.
    pub fn parse(key: &str, json: &str) -> Result<WorkField> {
        if is_library_key(key) {
            return Err(refused(key, json, "only the library writes it"));
        }
        let value = crate::json::parse(json)
            .map_err(|error| refused(key, json, &format!("it is not valid JSON ({error})")))?;
        let wrong = |needed: &str| refused(key, json, &format!("it must be {needed}"));
        Ok(match key {
            "status" => WorkField::Status(
                value
                    .as_str()
                    .and_then(Status::parse)
                    .ok_or_else(|| wrong(&one_of_the_statuses()))?,
            ),
            "priority" => WorkField::Priority(
                value
                    .as_i64()
                    .ok_or_else(|| wrong("an integer of 64 bits"))?,
            ),
            "depends_on" => WorkField::DependsOn(dependencies(&value, &wrong)?),
            "worker_id" => {
                WorkField::WorkerId(worker_id(value).ok_or_else(|| wrong(WORKER_ID_FORM))?)
            }
            "started_at" => WorkField::StartedAt(time(&value, &wrong)?),
            "completed_at" => WorkField::CompletedAt(time(&value, &wrong)?),
            "not_before" => WorkField::NotBefore(time(&value, &wrong)?),
            "tags" => WorkField::Tags(strings(value).ok_or_else(|| wrong("an array of strings"))?),
            "max_attempts" => WorkField::MaxAttempts(
                value
                    .as_i64()
                    .filter(|attempts| *attempts >= 1)
                    .ok_or_else(|| wrong("an integer of at least 1"))?,
            ),
            _ => return Err(Error::internal(format!("{key:?} is not a typed key"))),
        })
    }

    /// Returns an error unless `worker_id` can be one.
    pub fn check_worker_id(worker_id: &str) -> Result<()> {
        if is_worker_id(worker_id) {
            return Ok(());
        }
        Err(Error::invalid_argument(format!(
            "worker_id '{}' is not {WORKER_ID_FORM}",
            excerpt(worker_id)
        )))
    }

    /// Returns the key.
    pub fn key(&self) -> &'static str {
        match self {
            WorkField::Status(_) => "status",
            WorkField::Priority(_) => "priority",
            WorkField::DependsOn(_) => "depends_on",
            WorkField::WorkerId(_) => "worker_id",
            WorkField::StartedAt(_) => "started_at",
            WorkField::CompletedAt(_) => "completed_at",
            WorkField::NotBefore(_) => "not_before",
            WorkField::Tags(_) => "tags",
            WorkField::MaxAttempts(_) => "max_attempts",
        }
    }

    /// Returns the value as JSON text: times in UTC, dependencies as an array.
    pub fn to_json(&self) -> String {
        match self {
            WorkField::Status(status) => json_string(status.name()),
            WorkField::Priority(number) | WorkField::MaxAttempts(number) => number.to_string(),
            WorkField::DependsOn(references) => {
                json_array(references.iter().map(|reference| match reference {
                    DependencyRef::Id(id) => json_string(&id.to_string()),
                    DependencyRef::Path(path) => json_string(path.as_str()),
                }))
            }
            WorkField::WorkerId(text) => json_string(text),
            WorkField::StartedAt(time)
            | WorkField::CompletedAt(time)
            | WorkField::NotBefore(time) => json_string(&format_time(*time)),
            WorkField::Tags(tags) => json_array(tags.iter().map(|tag| json_string(tag))),
        }
    }
}

fn json_array(elements: impl Iterator<Item = String>) -> String {
    format!("[{}]", elements.collect::<Vec<_>>().join(","))
}

fn one_of_the_statuses() -> String {
    let names: Vec<&str> = Status::ALL.iter().map(|status| status.name()).collect();
    format!("one of {}", names.join(", "))
}

fn dependencies(value: &Value, wrong: &dyn Fn(&str) -> Error) -> Result<Vec<DependencyRef>> {
    let needed = "a path id, a path that begins with '/', or an array of them";
    let elements = match value {
        Value::Array(elements) => elements.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut references = Vec::with_capacity(elements.len());
    let mut seen = HashSet::with_capacity(elements.len());
    for element in elements {
        let text = element.as_str().ok_or_else(|| wrong(needed))?;
        let reference = if text.starts_with('/') {
            DependencyRef::Path(VirtualPath::parse(text).map_err(|error| {
                Error::new(error.kind(), format!("metadata key 'depends_on': {error}"))
            })?)
        } else {
            DependencyRef::Id(PathId::parse(text).ok_or_else(|| wrong(needed))?)
        };
        if seen.insert(reference.clone()) {
            references.push(reference);
        }
    }
    Ok(references)
}

fn is_worker_id(text: &str) -> bool {
    (1..=MAX_WORKER_ID_BYTES).contains(&text.len()) && !text.contains('\0')
}

fn worker_id(value: Value) -> Option<String> {
    match value {
        Value::String(text) if is_worker_id(&text) => Some(text),
        _ => None,
    }
}

fn time(value: &Value, wrong: &dyn Fn(&str) -> Error) -> Result<Micros> {
    value
        .as_str()
        .and_then(parse_time)
        .ok_or_else(|| wrong("a time as in \"2026-01-31T12:00:00Z\" (RFC 3339)"))
}

fn strings(value: Value) -> Option<Vec<String>> {
    let Value::Array(elements) = value else {
        return None;
    };
    elements
        .into_iter()
        .map(|element| match element {
            Value::String(text) => Some(text),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn refusal(key: &str, json: &str) -> String {
        match WorkField::parse(key, json) {
            Ok(field) => panic!("{key} = {json} was taken as {field:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
                error.to_string()
            }
        }
    }

    #[test]
    fn a_priority_is_an_integer_and_nothing_else() {
        assert_eq!(
            WorkField::parse("priority", "-3").unwrap(),
            WorkField::Priority(-3)
        );
        for json in [
            "1.0",
            "1.9",
            "\"high\"",
            "\"1\"",
            "true",
            "null",
            "[1]",
            "1e3",
            "9223372036854775808",
        ] {
            let message = refusal("priority", json);
            assert!(
                message.contains("priority") && message.contains(json),
                "the message names key and value: {message}"
            );
        }
    }

    #[test]
    fn wrong_types_are_refused_by_name() {
        for (key, json) in [
            ("status", "\"done\""),
            ("status", "\"READY\""),
            ("status", "null"),
            ("status", "7"),
            ("priority", "NaN"),
            ("depends_on", "\"task 1\""),
            ("depends_on", "\"relative/path\""),
            ("depends_on", "[1]"),
            ("depends_on", "{}"),
            ("depends_on", "null"),
            ("worker_id", "\"\""),
            ("worker_id", "5"),
            ("started_at", "\"yesterday\""),
            ("completed_at", "1700000000"),
            ("not_before", "\"2026-01-01\""),
            ("tags", "\"urgent\""),
            ("tags", "[\"a\", 1]"),
            ("max_attempts", "0"),
            ("max_attempts", "2.0"),
        ] {
            let message = refusal(key, json);
            assert!(message.contains(key) && message.contains(json), "{message}");
        }
    }

    #[test]
    fn keys_of_the_library_cannot_be_set() {
        for key in LIBRARY_KEYS {
            assert!(refusal(key, "1").contains(key));
            assert!(is_work_key(key));
        }
        assert!(!is_work_key("colour"));
    }

    #[test]
    fn a_long_value_is_cut_and_kept_on_one_line() {
        let message = refusal("status", &format!("\"{}\n\"", "x".repeat(500)));
        assert!(message.len() < 400, "{message}");
        let message = refusal("tags", "{\n\"a\":\n1}");
        assert!(!message.contains('\n'), "{message}");
    }

    #[test]
    fn dependencies_are_ids_and_paths_each_once() {
        let id = PathId::generate();
        let json = format!("[\"{id}\", \"/a//b/\", \"/a/b\", \"{id}\"]");
        let expected = vec![
            DependencyRef::Id(id),
            DependencyRef::Path(VirtualPath::parse("/a/b").unwrap()),
        ];
        let field = WorkField::parse("depends_on", &json).unwrap();
        assert_eq!(field, WorkField::DependsOn(expected));
        assert_eq!(field.to_json(), format!("[\"{id}\",\"/a/b\"]"));
        assert_eq!(
            WorkField::parse("depends_on", "[]").unwrap(),
            WorkField::DependsOn(Vec::new())
        );
        let error = WorkField::parse("depends_on", "\"/a/../b\"").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPath);
        assert!(error.to_string().contains("depends_on"), "{error}");
    }

    #[test]
    fn values_read_back_as_they_mean() {
        for (key, json, read) in [
            ("status", " \"in_progress\" ", "\"in_progress\""),
            ("priority", "5", "5"),
            ("worker_id", "\"w\\u00e9\"", "\"wé\""),
            (
                "not_before",
                "\"2026-01-01T02:00:00+02:00\"",
                "\"2026-01-01T00:00:00Z\"",
            ),
            ("tags", "[ \"a\", \"b\\n\" ]", "[\"a\",\"b\\n\"]"),
            ("max_attempts", "3", "3"),
        ] {
            let field = WorkField::parse(key, json).unwrap();
            assert_eq!(field.key(), key);
            assert_eq!(field.to_json(), read);
            assert_eq!(WorkField::parse(key, read).unwrap(), field);
        }
    }
}

//! One line: the description of a file as a JSON object.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::line_reader::MAX_LINE_BYTES;
use crate::content::ContentHash;
use crate::error::{Error, Result};
use crate::filesystem::{InvalidWorkKeys, check_mime_type, object_text};
use crate::json::{excerpt, json_string, members};
use crate::metadata::{DescribedEntry, Entry, MAX_VERSION, MetadataValue};
use crate::path::{VirtualPath, parse_id};
use crate::path_id::PathId;
use crate::time::{Micros, format_time, now, parse_time};
use crate::work::{DependencyRef, Status, WorkField, WorkHistory, is_library_key, is_work_key};

/// Adds the line of `entry` to `out`; returns whether it is one of a file.
///
/// # Errors
/// `Unsupported`, naming the file, if its metadata makes a line that no import takes.
pub(super) fn write(
    entry: &Entry,
    metadata: &[(String, String)],
    out: &mut String,
) -> Result<bool> {
    write_within(entry, metadata, MAX_LINE_BYTES, out)
}

fn write_within(
    entry: &Entry,
    metadata: &[(String, String)],
    limit: u64,
    out: &mut String,
) -> Result<bool> {
    let Some(file) = &entry.file else {
        return Ok(false);
    };
    let start = out.len();
    let etag = json_string(&file.etag.to_string());
    let id = entry.path_id.map(|id| id.to_string());
    let members = [
        ("path", json_string(entry.path.as_str())),
        ("backend_name", json_string(&file.backend)),
        ("physical_path", etag.clone()),
        ("size", file.size.to_string()),
        ("etag", etag),
        ("mime_type", json_string(&file.mime_type)),
        ("created_at", json_string(&time_text(entry.created_at))),
        ("modified_at", json_string(&time_text(entry.modified_at))),
        ("version", file.version.to_string()),
        (
            "path_id",
            id.as_deref().map_or("null".to_owned(), json_string),
        ),
        ("custom_metadata", one_line(metadata)),
    ];
    for (index, (key, value)) in members.iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        out.push('"');
        out.push_str(key);
        out.push_str("\":");
        out.push_str(value);
    }
    out.push('}');
    within_limit(entry, out.len() - start, limit)?;
    out.push('\n');
    Ok(true)
}

/// Returns `time` with six digits of a second, so that texts compare as times do.
fn time_text(time: Micros) -> String {
    match Timestamp::from_microsecond(time) {
        Ok(time) => format!("{time:.6}"),
        Err(_) => format_time(time),
    }
}

/// Adds the line of a directory to `out`; returns whether it was made.
///
/// # Errors
/// `Unsupported`, naming the directory, if its metadata makes a line that no import takes.
pub(super) fn write_directory(described: &DescribedEntry, out: &mut String) -> Result<bool> {
    let (entry, metadata) = described;
    let Some(id) = entry.path_id else {
        return Ok(false);
    };
    let start = out.len();
    out.push_str(&format!(
        "{{\"path\":{},\"path_id\":\"{id}\",\"created_at\":\"{}\",\"modified_at\":\"{}\"",
        json_string(entry.path.as_str()),
        time_text(entry.created_at),
        time_text(entry.modified_at),
    ));
    if !metadata.is_empty() {
        out.push_str(",\"custom_metadata\":");
        out.push_str(&one_line(metadata));
    }
    out.push('}');
    within_limit(entry, out.len() - start, MAX_LINE_BYTES)?;
    out.push('\n');
    Ok(true)
}

/// Returns the JSON object of `metadata` without line ends. Values are kept as they were given, so they can span lines;
/// outside of strings, which cannot, a line end is white space.
fn one_line(metadata: &[(String, String)]) -> String {
    object_text(metadata).replace(['\n', '\r'], " ")
}

fn within_limit(entry: &Entry, length: usize, limit: u64) -> Result<()> {
    if length as u64 <= limit {
        return Ok(());
    }
    let what = "the metadata makes a line of more than 256 MiB, which no import takes";
    Err(Error::unsupported(what).at(&entry.path))
}

/// A directory as a line of a bundle describes it.
#[derive(Debug, Clone)]
pub(super) struct DirectoryLine {
    pub path: VirtualPath,
    pub path_id: Option<PathId>,
    pub created_at: Micros,
    pub modified_at: Micros,
    /// Its metadata, without work keys.
    pub metadata: Vec<(String, MetadataValue)>,
}

impl DirectoryLine {
    /// Reads a line.
    pub fn parse(text: &str) -> Result<DirectoryLine> {
        let members: Members<'_> = serde_json::from_str(text)
            .map_err(|error| Error::invalid_argument(format!("the line is refused: {error}")))?;
        let path: String = required("path", members.path, "a string")?;
        let path = VirtualPath::parse(&path)?;
        if path.is_root() {
            return Err(wrong("path", "below the root", "\"/\""));
        }
        let created_at = time("created_at", members.created_at)?.unwrap_or_else(now);
        Ok(DirectoryLine {
            path,
            path_id: path_id(members.path_id)?,
            created_at,
            modified_at: time("modified_at", members.modified_at)?.unwrap_or(created_at),
            metadata: directory_metadata(members.custom_metadata)?,
        })
    }
}

/// A file as a line describes it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Number of the line, from 1.
    pub number: u64,
    /// The backend that held the content in the store of the export.
    pub backend: Option<String>,
    pub path: VirtualPath,
    pub etag: ContentHash,
    pub size: u64,
    pub path_id: Option<PathId>,
    pub mime_type: Option<String>,
    pub created_at: Option<Micros>,
    pub modified_at: Option<Micros>,
    pub version: u64,
    /// All of its metadata but the dependencies.
    pub metadata: Vec<(String, MetadataValue)>,
    pub depends_on: Option<Vec<DependencyRef>>,
    pub history: WorkHistory,
    /// Ill-typed work keys, and the keys that they became.
    pub renamed: Vec<(String, String)>,
}

/// The members as text. `null` counts as absent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    #[serde(borrow)]
    path: Option<&'a RawValue>,
    backend_name: Option<&'a RawValue>,
    physical_path: Option<&'a RawValue>,
    size: Option<&'a RawValue>,
    etag: Option<&'a RawValue>,
    mime_type: Option<&'a RawValue>,
    created_at: Option<&'a RawValue>,
    modified_at: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    path_id: Option<&'a RawValue>,
    custom_metadata: Option<&'a RawValue>,
}

impl Line {
    /// Reads the line `number`.
    ///
    /// # Errors
    /// `InvalidArgument` or `InvalidPath`, saying what is wrong with it.
    pub fn parse(number: u64, bytes: &[u8], invalid_keys: InvalidWorkKeys) -> Result<Line> {
        let text = str::from_utf8(bytes)
            .map_err(|_| Error::invalid_argument("the line is not valid UTF-8"))?;
        if !text.trim_start().starts_with('{') {
            return Err(Error::invalid_argument("the line is not a JSON object"));
        }
        let members: Members<'_> = serde_json::from_str(text)
            .map_err(|error| Error::invalid_argument(format!("the line is refused: {error}")))?;
        let path: String = required("path", members.path, "a string")?;
        let etag: String = required("etag", members.etag, "a string")?;
        let etag = ContentHash::parse(&etag)?;
        let backend = place(&etag, &members)?;
        let mut line = Line {
            number,
            backend,
            path: VirtualPath::parse(&path)?,
            etag,
            size: required("size", members.size, "a number of bytes")?,
            path_id: path_id(members.path_id)?,
            mime_type: optional("mime_type", members.mime_type, "a string")?,
            created_at: time("created_at", members.created_at)?,
            modified_at: time("modified_at", members.modified_at)?,
            version: optional("version", members.version, "a number")?.unwrap_or(1),
            metadata: Vec::new(),
            depends_on: None,
            history: WorkHistory::default(),
            renamed: Vec::new(),
        };
        if let Some(mime_type) = &line.mime_type {
            check_mime_type(mime_type)?;
        }
        if !(1..=MAX_VERSION).contains(&line.version) {
            let version = line.version.to_string();
            return Err(wrong("version", "at least 1 and at most 2^53", &version));
        }
        if let Some(object) = members.custom_metadata {
            line.read_metadata(object.get(), invalid_keys)?;
        }
        Ok(line)
    }

    /// Takes in the members of `object`.
    pub fn read_metadata(&mut self, object: &str, invalid_keys: InvalidWorkKeys) -> Result<()> {
        let members = members(object)?;
        for (key, value) in &members {
            let read = match is_library_key(key) {
                true => self.history.read(key, value.get()).map(|()| None),
                false => MetadataValue::parse(key, value.get()).map(Some),
            };
            match read {
                Ok(None) => {}
                Ok(Some(MetadataValue::Work(WorkField::DependsOn(dependencies)))) => {
                    self.depends_on = Some(dependencies);
                }
                Ok(Some(value)) => self.metadata.push((key.clone(), value)),
                Err(_) if invalid_keys == InvalidWorkKeys::Rename && is_work_key(key) => {
                    let mut free = format!("x_{key}");
                    while members.iter().any(|(taken, _)| *taken == free) {
                        free.insert_str(0, "x_");
                    }
                    let value = MetadataValue::parse(&free, value.get())?;
                    self.metadata.push((free.clone(), value));
                    self.renamed.push((key.clone(), free));
                }
                Err(error) => return Err(error),
            }
        }
        let in_progress = MetadataValue::Work(WorkField::Status(Status::InProgress));
        if self.metadata.iter().any(|(_, value)| *value == in_progress) {
            // Keys about a run are dropped: no worker holds an imported item.
            self.history = WorkHistory::default();
        }
        Ok(())
    }
}

/// Returns the backend that a line names. Where it says that the content is must fit what it says the
/// content is; where it really is, only the store knows.
fn place(etag: &ContentHash, members: &Members<'_>) -> Result<Option<String>> {
    let physical: Option<String> = optional("physical_path", members.physical_path, "a string")?;
    if let Some(physical) = physical
        && ContentHash::parse(&physical).ok().as_ref() != Some(etag)
    {
        return Err(wrong("physical_path", "the same as etag", &physical));
    }
    let backend: Option<String> = optional("backend_name", members.backend_name, "a string")?;
    if let Some(backend) = &backend {
        parse_id("backend_name", backend)?;
    }
    Ok(backend)
}

/// Reads the metadata of a directory: what is no work item has no work keys.
fn directory_metadata(json: Option<&RawValue>) -> Result<Vec<(String, MetadataValue)>> {
    let Some(object) = json else {
        return Ok(Vec::new());
    };
    let mut values = Vec::new();
    for (key, value) in members(object.get())? {
        if is_library_key(&key) || is_work_key(&key) {
            let what = format!("the key '{key}' is for files, not for directories");
            return Err(Error::invalid_argument(what));
        }
        let value = MetadataValue::parse(&key, value.get())?;
        values.push((key, value));
    }
    Ok(values)
}

fn path_id(json: Option<&RawValue>) -> Result<Option<PathId>> {
    let text: Option<String> = optional("path_id", json, "a string")?;
    text.map(|text| PathId::parse(&text).ok_or_else(|| wrong("path_id", "a UUID", &text)))
        .transpose()
}

fn time(key: &str, json: Option<&RawValue>) -> Result<Option<Micros>> {
    let needed = "a time as in \"2026-01-31T12:00:00Z\" (RFC 3339)";
    let text: Option<String> = optional(key, json, needed)?;
    text.map(|text| parse_time(&text).ok_or_else(|| wrong(key, needed, &text)))
        .transpose()
}

fn required<'a, T: Deserialize<'a>>(
    key: &str,
    json: Option<&'a RawValue>,
    needed: &str,
) -> Result<T> {
    optional(key, json, needed)?
        .ok_or_else(|| Error::invalid_argument(format!("the key '{key}' is missing")))
}

fn optional<'a, T: Deserialize<'a>>(
    key: &str,
    json: Option<&'a RawValue>,
    needed: &str,
) -> Result<Option<T>> {
    json.map(|json| serde_json::from_str(json.get()).map_err(|_| wrong(key, needed, json.get())))
        .transpose()
}

fn wrong(key: &str, needed: &str, value: &str) -> Error {
    let value = excerpt(value);
    Error::invalid_argument(format!("the key '{key}' must be {needed}, not {value}"))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::super::line_reader::{LineReader, Next};
    use super::*;
    use crate::call::Call;
    use crate::error::ErrorKind;
    use crate::metadata::FileInfo;

    #[test]
    fn a_line_is_written_only_if_it_can_be_read() {
        let entry = Entry {
            path: VirtualPath::parse("/f").unwrap(),
            path_id: Some(PathId::generate()),
            created_at: 0,
            modified_at: 0,
            file: Some(FileInfo {
                etag: ContentHash::of(b"x"),
                size: 1,
                version: 1,
                mime_type: "text/plain".into(),
                backend: "local".into(),
            }),
        };
        let metadata = [("k".to_owned(), "\"v\"".to_owned())];
        let mut line = String::new();
        assert!(write(&entry, &metadata, &mut line).unwrap());
        let length = line.len() as u64 - 1;
        assert!(write_within(&entry, &metadata, length, &mut line).unwrap());
        let mut reader = LineReader::new(BufReader::new(line.as_bytes()), length);
        for _ in 0..2 {
            let next = reader.next(&Call::for_test());
            assert!(matches!(next, Ok(Next::Line(_))));
        }
        let error = write_within(&entry, &metadata, length - 1, &mut line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.path(), Some("/f"), "{error}");
    }
}

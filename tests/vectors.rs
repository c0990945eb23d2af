//! The test vectors of `tests/vectors/`, run through the crate. Their README says what they mean.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::path::Path;

use nexusfs::content::ContentHash;
use nexusfs::error::{Error, ErrorKind};
use nexusfs::filesystem::{
    ClaimOptions, Conditions, Filesystem, FindOptions, GrepOptions, LeaseCondition, ListOptions,
    MkdirOptions, RelocateOptions, WorkItem, WorkView, WriteOptions,
};
use nexusfs::metadata::Entry;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

fn load(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn run(file: &str) {
    let scenarios = load(file);
    let scenarios = scenarios["scenarios"].as_array().unwrap();
    assert!(!scenarios.is_empty(), "{file} has no scenarios");
    for scenario in scenarios {
        Scenario::run(file, scenario);
    }
}

#[test]
fn access_is_decided_as_the_vectors_say() {
    run("access.json");
}

#[test]
fn globs_find_what_the_vectors_say() {
    run("globs.json");
}

#[test]
fn work_items_behave_as_the_vectors_say() {
    run("work.json");
}

#[test]
fn bad_input_fails_as_the_vectors_say() {
    run("errors.json");
}

#[test]
fn paths_are_normalised_or_refused_as_the_vectors_say() {
    let vectors = load("paths.json");
    let directory = TempDir::new().unwrap();
    let fs = nexusfs::connect(Some(&completed(&json!({}), directory.path()))).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        if case.get("input_hex").is_some() {
            continue;
        }
        let input = spelled(&case["input"]);
        let write = |path: &str| fs.write(path, b"x", &WriteOptions::default());
        if let Some(normalised) = case.get("normalised") {
            let normalised = spelled(normalised);
            if normalised != "/" {
                write(&input).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            assert_eq!(fs.stat(&input).unwrap().path.as_str(), normalised, "{name}");
            assert_eq!(
                fs.stat(&normalised).unwrap().path.as_str(),
                normalised,
                "{name}"
            );
            if normalised != "/" {
                fs.delete(&normalised, &Conditions::default()).unwrap();
            }
            continue;
        }
        let reason = case["reason"].as_str().unwrap();
        for refused in [
            write(&input).map(drop),
            fs.stat(&input).map(drop),
            fs.exists(&input).map(drop),
        ] {
            let error = refused.expect_err(name);
            assert_eq!(status_name(error.kind()), case["status"], "{name}: {error}");
            assert!(error.to_string().contains(reason), "{name}: {error}");
        }
    }
}

/// A string, or pairs of a text and how often it stands there.
fn spelled(input: &Value) -> String {
    let Some(pairs) = input.as_array() else {
        return input.as_str().unwrap().to_owned();
    };
    pairs
        .iter()
        .map(|pair| {
            let times = usize::try_from(pair[1].as_u64().unwrap()).unwrap();
            pair[0].as_str().unwrap().repeat(times)
        })
        .collect()
}

/// `config` with what the runner adds.
fn completed(config: &Value, directory: &Path) -> String {
    let mut all = json!({
        "data_dir": directory.join("store"),
        "durability": "normal",
        "housekeeping": false,
    });
    for (key, value) in config.as_object().unwrap() {
        all[key] = value.clone();
    }
    all.to_string()
}

fn status_name(kind: ErrorKind) -> String {
    // NotADirectory becomes NOT_A_DIRECTORY.
    let mut name = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

struct Scenario {
    handles: HashMap<String, Filesystem>,
    saved: HashMap<String, Value>,
    /// The last: a directory is removed when its store is closed.
    directory: TempDir,
}

/// What a call gave, and what of it `save` keeps.
struct Given {
    value: Value,
    save: Value,
}

impl From<Value> for Given {
    fn from(value: Value) -> Self {
        Given {
            save: value.clone(),
            value,
        }
    }
}

impl Scenario {
    fn run(file: &str, scenario: &Value) {
        let name = &scenario["name"];
        let mut running = Scenario {
            directory: TempDir::new().unwrap(),
            handles: HashMap::new(),
            saved: HashMap::new(),
        };
        let default_handles = json!([{"name": "main", "config": {}}]);
        let handles = scenario.get("handles").unwrap_or(&default_handles);
        for handle in handles.as_array().unwrap() {
            let config = completed(&handle["config"], running.directory.path());
            let fs = nexusfs::connect(Some(&config))
                .unwrap_or_else(|error| panic!("{file}: {name}: {handle}: {error}"));
            running.handles.insert(text(handle, "name").to_owned(), fs);
        }
        let first = handles[0]["name"].as_str().unwrap_or_default();
        for path in scenario["files"].as_array().unwrap_or(&Vec::new()) {
            let path = path.as_str().unwrap();
            running.handles[first]
                .write(path, path.as_bytes(), &WriteOptions::default())
                .unwrap_or_else(|error| panic!("{file}: {name}: {path}: {error}"));
        }
        for (number, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            running.step(
                first,
                step,
                &format!("{file}: {name}: step {number}: {step}"),
            );
        }
    }

    fn step(&mut self, first: &str, step: &Value, story: &str) {
        if step.get("untyped").is_some() {
            return;
        }
        let step = self.substituted(step);
        let handle = step["as"].as_str().unwrap_or(first);
        let result = self.call(handle, &step);
        let wanted = step["status"].as_str().unwrap_or("OK");
        match result {
            Err(error) => {
                let status = status_name(error.kind());
                assert_eq!(status, wanted, "{story}\n{error}");
                let message = step["message"].as_str().unwrap_or_default();
                assert!(error.to_string().contains(message), "{story}\n{error}");
                if let Some(index) = step.get("index") {
                    assert_eq!(&json!(error.index()), index, "{story}\n{error}");
                }
            }
            Ok(given) => {
                assert_eq!("OK", wanted, "{story}\ngave {}", given.value);
                if let Some(returns) = step.get("returns") {
                    assert!(
                        matches(returns, &given.value),
                        "{story}\ngave {}",
                        given.value
                    );
                }
                if let Some(name) = step["save"].as_str() {
                    self.saved.insert(name.to_owned(), given.save);
                }
            }
        }
    }

    /// Replaces each `$NAME`.
    fn substituted(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.starts_with('$') && text.len() > 1 => self
                .saved
                .get(&text[1..])
                .unwrap_or_else(|| panic!("{text} was not saved"))
                .clone(),
            Value::Array(values) => values.iter().map(|value| self.substituted(value)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| (key.clone(), self.substituted(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    fn call(&mut self, handle: &str, step: &Value) -> Result<Given, Error> {
        match text(step, "call") {
            "connect" => {
                let config = match step.get("config_text") {
                    Some(raw) => raw.as_str().unwrap().to_owned(),
                    None => completed(&step["config"], self.directory.path()),
                };
                let fs = nexusfs::connect(Some(&config))?;
                self.handles.insert(text(step, "handle").to_owned(), fs);
                Ok(Value::Null.into())
            }
            "with_identity" => {
                let (tenant, agent) = (step["tenant"].as_str(), step["agent"].as_str());
                let narrow = self.handles[handle].with_identity(tenant, agent)?;
                self.handles.insert(text(step, "handle").to_owned(), narrow);
                Ok(Value::Null.into())
            }
            "close" => {
                drop(self.handles.remove(handle).expect("an open handle"));
                Ok(Value::Null.into())
            }
            name => call_on(&self.handles[handle], name, step),
        }
    }
}

fn call_on(fs: &Filesystem, name: &str, step: &Value) -> Result<Given, Error> {
    let path = || text(step, "path");
    Ok(match name {
        "write" => saving_etag(fs.write(path(), text(step, "data").as_bytes(), &options(step))?),
        "append" => {
            saving_etag(fs.append(path(), text(step, "data").as_bytes(), &options(step))?)
        }
        "stat" => saving_etag(fs.stat(path())?),
        "read" => json!(String::from_utf8(fs.read(path())?).unwrap()).into(),
        "read_at" => {
            let mut buffer = vec![0; count(step, "length", 0)];
            let offset = step["offset"].as_u64().unwrap();
            let length = fs.read_at(path(), offset, &mut buffer)?;
            buffer.truncate(length);
            json!(String::from_utf8(buffer).unwrap()).into()
        }
        "exists" => json!(fs.exists(path())?).into(),
        "is_directory" => json!(fs.is_directory(path())?).into(),
        "delete" => json!(fs.delete(path(), &conditions(step))?).into(),
        "rename" => json!(fs.rename(text(step, "from"), text(step, "to"), &relocate(step))?).into(),
        "copy" => json!(fs.copy(text(step, "from"), text(step, "to"), &relocate(step))?).into(),
        "mkdir" => json!(fs.mkdir(path(), mkdir(step))?).into(),
        "rmdir" => json!(fs.rmdir(path(), flag(step, "recursive"))?).into(),
        "list" => rows(fs.list(&list(step))?.entries),
        "glob" => rows(fs.glob(text(step, "pattern"), &find(step))?.entries),
        "find_by_meta" => {
            let found =
                fs.find_by_meta(text(step, "key"), &json_text(step, "value"), &find(step))?;
            rows(found.entries)
        }
        "grep" => grep(fs, step)?,
        "content_ids" => {
            let paths: Vec<_> = step["paths"].as_array().unwrap().iter().collect();
            let paths: Vec<_> = paths.iter().map(|path| path.as_str().unwrap()).collect();
            let ids = fs.content_ids(&paths)?;
            let ids: Vec<_> = ids.iter().map(|id| id.map(|id| id.to_string())).collect();
            json!(ids).into()
        }
        "set_meta" => {
            let value = json_text(step, "value");
            json!(fs.set_meta(path(), text(step, "key"), &value, &conditions(step))?).into()
        }
        "set_meta_many" => json!(fs.set_meta_many(path(), &json_text(step, "values"))?).into(),
        "get_meta" => parsed(&fs.get_meta(path(), text(step, "key"))?),
        "list_meta" => parsed(&fs.list_meta(path())?),
        "delete_meta" => json!(fs.delete_meta(path(), text(step, "key"))?).into(),
        "path_id" => json!(fs.path_id(path())?.to_string()).into(),
        "path_of_id" => json!(fs.path_of_id(text(step, "id"))?.as_str()).into(),
        "batch" => batch(fs, step)?,
        "ready_work" => work(fs, WorkView::Ready, step)?,
        "pending_work" => work(fs, WorkView::Pending, step)?,
        "blocked_work" => work(fs, WorkView::Blocked, step)?,
        "in_progress_work" => work(fs, WorkView::InProgress, step)?,
        "work_by_priority" => work(fs, WorkView::ByPriority, step)?,
        "work_claim" => claim(fs, step)?,
        "work_heartbeat" => {
            let lease_ms = step["lease_ms"].as_u64().unwrap();
            json!(fs.work_heartbeat(path(), lease(step), lease_ms)?).into()
        }
        "work_complete" => {
            let result = optional_json_text(step, "result");
            json!(fs.work_complete(path(), lease(step), result.as_deref())?).into()
        }
        "work_fail" => {
            let error = step["error"].as_str().unwrap_or_default();
            let after = step["retry_after_ms"].as_u64().unwrap_or(0);
            json!(fs.work_fail(path(), lease(step), error, after)?).into()
        }
        "work_release" => json!(fs.work_release(path(), lease(step))?).into(),
        "work_explain" => parsed(&fs.work_explain(path())?),
        "work_stats" => parsed(&fs.work_stats(step["prefix"].as_str())?),
        "gc" => parsed(&fs.gc(&mut |_, _, _| true)?),
        "storage_stats" => parsed(&fs.storage_stats()?),
        "content_info" => parsed(&fs.content_info(text(step, "etag"))?),
        other => panic!("the call {other:?} is not known"),
    })
}

fn grep(fs: &Filesystem, step: &Value) -> Result<Given, Error> {
    let options = GrepOptions {
        base: optional(step, "base"),
        file_pattern: optional(step, "file_pattern"),
        ignore_case: flag(step, "ignore_case"),
        literal: flag(step, "literal"),
        max_matches: count(step, "max_matches", 0),
        max_bytes: 0,
    };
    let found = fs.grep(text(step, "pattern"), &options)?;
    let rows: Vec<_> = found
        .matches
        .iter()
        .map(|found| {
            json!({
                "path": found.path.as_str(),
                "line": found.line,
                "text": found.text,
                "match_start": found.match_start,
                "match_end": found.match_end,
            })
        })
        .collect();
    Ok(json!(rows).into())
}

fn batch(fs: &Filesystem, step: &Value) -> Result<Given, Error> {
    let mut batch = fs.batch();
    for operation in step["operations"].as_array().unwrap() {
        let path = || text(operation, "path");
        let key = || text(operation, "key");
        let (from, to) = (operation["from"].as_str(), operation["to"].as_str());
        match text(operation, "op") {
            "write" => batch.write(
                path(),
                text(operation, "data").as_bytes(),
                &options(operation),
            ),
            "append" => batch.append(
                path(),
                text(operation, "data").as_bytes(),
                &options(operation),
            ),
            "delete" => batch.delete(path(), &conditions(operation)),
            "rename" => batch.rename(from.unwrap(), to.unwrap(), &relocate(operation)),
            "copy" => batch.copy(from.unwrap(), to.unwrap(), &relocate(operation)),
            "mkdir" => batch.mkdir(path(), mkdir(operation)),
            "set_meta" => batch.set_meta(path(), key(), &json_text(operation, "value")),
            "set_meta_many" => batch.set_meta_many(path(), &json_text(operation, "values")),
            "delete_meta" => batch.delete_meta(path(), key()),
            "require_etag" => batch.require_etag(path(), etag(operation, "etag")),
            "require_lease" => batch.require_lease(path(), lease(operation)),
            "complete_work" => {
                let result = optional_json_text(operation, "result");
                batch.complete_work(path(), lease(operation), result.as_deref())
            }
            "fail_work" => {
                let error = operation["error"].as_str().unwrap_or_default();
                let after = operation["retry_after_ms"].as_u64().unwrap_or(0);
                batch.fail_work(path(), lease(operation), error, after)
            }
            "release_work" => batch.release_work(path(), lease(operation)),
            other => panic!("the operation {other:?} is not known"),
        }?;
    }
    let left: Vec<_> = batch
        .commit()?
        .iter()
        .map(|entry| entry.as_ref().map(row_of_entry))
        .collect();
    Ok(json!(left).into())
}

fn work(fs: &Filesystem, view: WorkView, step: &Value) -> Result<Given, Error> {
    let items = fs.work(view, count(step, "limit", 100))?;
    let rows: Vec<_> = items.iter().map(row_of_item).collect();
    Ok(json!(rows).into())
}

fn claim(fs: &Filesystem, step: &Value) -> Result<Given, Error> {
    let defaults = ClaimOptions::default();
    let options = ClaimOptions {
        prefix: optional(step, "prefix"),
        max: step["max"]
            .as_u64()
            .map_or(defaults.max, |max| max.try_into().unwrap()),
        lease_ms: step["lease_ms"].as_u64().unwrap_or(defaults.lease_ms),
    };
    let items = fs.work_claim(text(step, "worker"), &options)?;
    let rows: Vec<_> = items.iter().map(row_of_item).collect();
    Ok(Given {
        save: json!(items.first().map(|item| item.lease)),
        value: json!(rows),
    })
}

fn row_of_item(item: &WorkItem) -> Value {
    json!({
        "path_id": item.path_id.to_string(),
        "tenant_id": item.tenant_id,
        "virtual_path": item.path.as_str(),
        "size_bytes": item.size,
        "status": item.status.name(),
        "priority": item.priority,
        "blocker_count": item.blocker_count,
        "worker_id": item.worker_id,
        "tags": item.tags,
        "attempts": item.attempts,
        "lease": (item.lease != 0).then_some(item.lease),
        "lease_expired": item.lease_expired,
    })
}

fn row_of_entry(entry: &Entry) -> Value {
    let file = entry.file.as_ref();
    json!({
        "path": entry.path.as_str(),
        "kind": if file.is_some() { "file" } else { "directory" },
        "size": file.map_or(0, |file| file.size),
        "etag": file.map(|file| file.etag.to_string()),
        "version": file.map_or(0, |file| file.version),
        "mime_type": file.map(|file| &*file.mime_type),
        "path_id": entry.path_id.map(|id| id.to_string()),
        "backend_name": file.map(|file| &*file.backend),
    })
}

fn rows(entries: Vec<Entry>) -> Given {
    json!(entries.iter().map(row_of_entry).collect::<Vec<_>>()).into()
}

fn saving_etag(entry: Entry) -> Given {
    let value = row_of_entry(&entry);
    Given {
        save: value["etag"].clone(),
        value,
    }
}

fn parsed(json: &str) -> Given {
    serde_json::from_str::<Value>(json).unwrap().into()
}

/// How the vectors compare.
fn matches(wanted: &Value, given: &Value) -> bool {
    match (wanted, given) {
        (Value::Array(wanted), Value::Array(given)) => {
            wanted.len() == given.len() && wanted.iter().zip(given).all(|(w, g)| matches(w, g))
        }
        (Value::Object(wanted), Value::Object(given)) => wanted
            .iter()
            .all(|(key, wanted)| matches(wanted, given.get(key).unwrap_or(&Value::Null))),
        (Value::String(path), Value::Object(row)) => {
            row.get("path").or(row.get("virtual_path")) == Some(&json!(path))
        }
        (wanted, given) => wanted == given,
    }
}

fn text<'a>(step: &'a Value, key: &str) -> &'a str {
    step[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is missing in {step}"))
}

fn optional(step: &Value, key: &str) -> Option<String> {
    step[key].as_str().map(str::to_owned)
}

fn flag(step: &Value, key: &str) -> bool {
    step[key].as_bool().unwrap_or(false)
}

fn count(step: &Value, key: &str, default: usize) -> usize {
    step.get(key)
        .map_or(default, |value| value.as_u64().unwrap().try_into().unwrap())
}

/// The JSON text of argument `key`, or the raw text of `key` with `_text`.
fn json_text(step: &Value, key: &str) -> String {
    match step.get(format!("{key}_text")) {
        Some(raw) => raw.as_str().unwrap().to_owned(),
        None => step[key].to_string(),
    }
}

fn optional_json_text(step: &Value, key: &str) -> Option<String> {
    let given = step.get(key).or(step.get(format!("{key}_text")));
    given.map(|_| json_text(step, key))
}

fn lease(step: &Value) -> u64 {
    step["lease"].as_u64().unwrap()
}

fn etag(step: &Value, key: &str) -> Option<ContentHash> {
    step[key]
        .as_str()
        .map(|hex| ContentHash::parse(hex).unwrap())
}

fn conditions(step: &Value) -> Conditions {
    Conditions {
        if_match: etag(step, "if_match"),
        if_none_match: flag(step, "if_none_match"),
        lease: step["lease"].as_u64().map(|token| LeaseCondition {
            path: text(step, "lease_path").to_owned(),
            token,
        }),
    }
}

fn options(step: &Value) -> WriteOptions {
    WriteOptions {
        conditions: conditions(step),
        mime_type: optional(step, "mime_type"),
    }
}

fn relocate(step: &Value) -> RelocateOptions {
    RelocateOptions {
        conditions: conditions(step),
        no_replace: flag(step, "no_replace"),
    }
}

fn mkdir(step: &Value) -> MkdirOptions {
    MkdirOptions {
        parents: flag(step, "parents"),
        exist_ok: flag(step, "exist_ok"),
    }
}

fn find(step: &Value) -> FindOptions {
    FindOptions {
        base: optional(step, "base"),
        limit: count(step, "limit", 0),
        cursor: None,
    }
}

fn list(step: &Value) -> ListOptions {
    ListOptions {
        path: optional(step, "path"),
        prefix: optional(step, "prefix"),
        recursive: step["recursive"].as_bool().unwrap_or(true),
        include_directories: flag(step, "include_directories"),
        limit: count(step, "limit", 0),
        cursor: optional(step, "cursor"),
    }
}

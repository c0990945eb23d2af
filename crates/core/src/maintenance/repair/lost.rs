//! The list and the bytes of the files that a repair removed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::filesystem::object_text;
use crate::host::directory::{Directory, refused};
use crate::host::layout::QUARANTINE;
use crate::json::parse as parse_json;
use crate::metadata::LostFile;

/// Most files that a report lists; the list on the disk has all.
const LISTED: usize = 1000;
/// Name of the list.
const LIST: &str = "lost.jsonl";

/// The list of one repair, in a directory of its own below `quarantine/`.
pub(super) struct Lost {
    data_dir: PathBuf,
    run: String,
    list: Option<File>,
    pub count: u64,
    pub listed: Vec<Value>,
    misses_bytes: bool,
}

impl Lost {
    pub fn new(data_dir: &Path) -> Self {
        Lost {
            data_dir: data_dir.to_owned(),
            run: Uuid::now_v7().to_string(),
            list: None,
            count: 0,
            listed: Vec::new(),
            misses_bytes: false,
        }
    }

    /// Returns the name of the directory below `quarantine/`.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Returns where the list is, in the data directory, if there is one.
    pub fn list_name(&self) -> Option<String> {
        let name = || format!("{QUARANTINE}/{}/{LIST}", self.run);
        self.list.is_some().then(name)
    }

    /// Keeps bytes that were in the database, durably, and returns where.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let write = || -> io::Result<()> {
            let directory = self.directory()?;
            directory.remove_left(name)?;
            let mut file = directory.create_file(name)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            directory.sync()
        };
        write().map_err(failed)?;
        Ok(format!("{QUARANTINE}/{}/{name}", self.run))
    }

    /// Puts what is about to be removed on the list, durably; returns its entry.
    pub fn note(&mut self, file: &LostFile, quarantined: Option<&str>, why: &str) -> Result<Value> {
        let metadata = parse_json(&object_text(&file.metadata)).unwrap_or_default();
        let entry = json!({
            "path": file.path,
            "etag": file.etag.map(|etag| etag.to_string()),
            "size": file.size,
            "backend": file.backend,
            "metadata": metadata,
            "quarantined": quarantined,
            "reason": why,
        });
        self.append(&entry)?;
        Ok(entry)
    }

    /// Puts a line on the list, durably.
    pub fn append(&mut self, entry: &Value) -> Result<()> {
        let mut write = || -> io::Result<()> {
            let list = match self.list.take() {
                Some(list) => list,
                None => self.directory()?.create_file(LIST)?,
            };
            let list = self.list.insert(list);
            list.write_all(format!("{entry}\n").as_bytes())?;
            list.sync_all()?;
            self.directory()?.sync()
        };
        write().map_err(failed)
    }

    /// Counts `entry` of the list, if what it is about was removed from the store; else notes that it was not.
    pub fn end(&mut self, entry: Value, is_removed: bool) -> Result<()> {
        if !is_removed {
            return self.append(&json!({"path": entry["path"], "key": entry["key"], "kept": true}));
        }
        self.misses_bytes |= entry.get("quarantined").is_some_and(Value::is_null);
        self.count += 1;
        if self.listed.len() < LISTED {
            self.listed.push(entry);
        }
        Ok(())
    }

    /// Returns whether a file was removed whose bytes were not found.
    pub fn misses_bytes(&self) -> bool {
        self.misses_bytes
    }

    /// Opens the directory of this repair, which is made if it is missing.
    fn directory(&self) -> io::Result<Directory> {
        let data_dir = Directory::open(&self.data_dir)?;
        let quarantine = data_dir.make_directory(QUARANTINE)?;
        let directory = quarantine.make_directory(&*self.run)?;
        data_dir.sync()?;
        quarantine.sync()?;
        Ok(directory)
    }
}

fn failed(error: io::Error) -> Error {
    refused("cannot write to the quarantine", error)
}

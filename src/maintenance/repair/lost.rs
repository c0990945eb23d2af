//! What a repair could not save: the list of it, and the bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::content::local::QUARANTINE;
use crate::error::{Error, Result};
use crate::filesystem::object_text;
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
        let directory = self.directory()?;
        let write = || -> io::Result<()> {
            let mut file = File::create(directory.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()?;
            File::open(&directory)?.sync_all()
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
        let list = match self.list.take() {
            Some(list) => list,
            None => OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(self.directory()?.join(LIST))
                .map_err(failed)?,
        };
        let list = self.list.insert(list);
        list.write_all(format!("{entry}\n").as_bytes())
            .and_then(|()| list.sync_all())
            .map_err(failed)?;
        sync(&self.data_dir.join(QUARANTINE).join(&self.run))
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

    fn directory(&self) -> Result<PathBuf> {
        let directory = self.data_dir.join(QUARANTINE).join(&self.run);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(failed)?;
        sync(&self.data_dir)?;
        sync(&self.data_dir.join(QUARANTINE))?;
        Ok(directory)
    }
}

fn sync(directory: &Path) -> Result<()> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}

fn failed(error: io::Error) -> Error {
    Error::io("cannot write to the quarantine", error)
}

//! One store on disk: who may open it, what its handles share, and what happens when something outside
//! of it gets in the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod contents;
mod contents_of_others;
mod creating;
mod foreign;
mod host_files;
mod mounts;
mod namespaces;
mod opening;
mod prepared;
mod waiting;

use std::path::{Path, PathBuf};

use nexusfs::error::{Error, ErrorKind};
use nexusfs::filesystem::{Filesystem, WriteOptions};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A place for stores, and a configuration for the one in `store/`.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Place {
            directory: TempDir::new().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("store/metadata.db")
    }

    /// Opens the store with the keys of `more` besides the usual ones.
    fn try_connect(&self, more: Value) -> Result<Filesystem, Error> {
        let mut config = json!({
            "data_dir": self.path("store"),
            "durability": "normal",
            "inline_max_bytes": 16,
            "housekeeping": false,
        });
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        nexusfs::connect(Some(&config.to_string()))
    }

    fn connect(&self, more: Value) -> Filesystem {
        self.try_connect(more).unwrap()
    }

    /// A connection to the database beside those of the store.
    fn beside(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }
}

/// Larger than `inline_max_bytes`: a content that is a file.
const LARGE: &[u8] = b"a content that does not fit into the database";

fn write(fs: &Filesystem, path: &str, data: &[u8]) -> Result<(), Error> {
    fs.write(path, data, &WriteOptions::default()).map(drop)
}

#[track_caller]
fn refused<T>(result: Result<T, Error>, kind: ErrorKind) -> String {
    match result {
        Err(error) if error.kind() == kind => error.to_string(),
        Err(error) => panic!("should be {kind:?}, but is {error:?}"),
        Ok(_) => panic!("should be {kind:?}, but went well"),
    }
}

/// Returns the names below `directory` with the bytes of the files, to see that nothing was touched.
fn snapshot(directory: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push((path.clone(), None));
            found.extend(snapshot(&path));
        } else {
            found.push((path.clone(), Some(std::fs::read(&path).unwrap())));
        }
    }
    found.sort();
    found
}

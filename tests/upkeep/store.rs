//! A store that can be damaged.

use std::fs;
use std::path::{Path, PathBuf};

use nexusfs::content::ContentHash;
use nexusfs::filesystem::{Filesystem, VerifyOptions, WriteOptions};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const READ_ALL: VerifyOptions = VerifyOptions {
    content: true,
    repair: false,
};
/// Too long to be kept in the database.
pub const LARGE: usize = 600_000;

pub struct Store {
    pub fs: Filesystem,
    directory: TempDir,
    config: Value,
}

impl Store {
    pub fn new() -> Self {
        Store::with(json!({}))
    }

    pub fn with(mut config: Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        config["data_dir"] = json!(directory.path().join("data"));
        config["durability"] = json!("normal");
        let fs = nexusfs::connect(Some(&config.to_string())).unwrap();
        Store {
            fs,
            directory,
            config,
        }
    }

    /// A store with a mount of the name `disk` at `/disk`.
    pub fn with_mount() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = json!({
            "data_dir": directory.path().join("data"), "durability": "normal",
            "mounts": [{"name": "disk", "path": "/disk", "backend": "local",
                        "root": directory.path().join("disk")}],
        });
        let fs = nexusfs::connect(Some(&config.to_string())).unwrap();
        Store {
            fs,
            directory,
            config,
        }
    }

    /// Another handle on the store, with more `members`.
    pub fn handle(&self, members: Value) -> Filesystem {
        let mut config = self.config.clone();
        for (key, value) in members.as_object().unwrap() {
            config[key] = value.clone();
        }
        nexusfs::connect(Some(&config.to_string())).unwrap()
    }

    /// A path beside the store.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.beside("data")
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let options = WriteOptions::default();
        self.fs.write(path, content.as_ref(), &options).unwrap();
    }

    pub fn set_meta(&self, path: &str, object: Value) {
        self.fs.set_meta_many(path, &object.to_string()).unwrap();
    }

    /// Changes the database behind the store's back.
    pub fn damage(&self, sql: &str) {
        let connection = Connection::open(self.data().join("metadata.db")).unwrap();
        connection
            .busy_timeout(std::time::Duration::from_secs(120))
            .unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// Lets the index `name` mean something else than its entries, by another text of its declaration.
    pub fn change_index(&self, name: &str, from: &str, to: &str) {
        self.damage(&format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}')
             WHERE name = '{name}'"
        ));
    }

    /// Changes the file of the database, as a disk does it. Who has the store open may not notice.
    pub fn damage_file(&self, change: impl FnOnce(&mut [u8])) {
        self.damage("PRAGMA wal_checkpoint(TRUNCATE)");
        let file = self.data().join("metadata.db");
        let mut bytes = fs::read(&file).unwrap();
        change(&mut bytes);
        fs::write(file, bytes).unwrap();
    }

    pub fn verify(&self, options: VerifyOptions) -> Value {
        verify(&self.fs, options)
    }

    /// The kinds of what is wrong, in order.
    pub fn kinds(&self, options: VerifyOptions) -> Vec<String> {
        kinds(&self.verify(options))
    }
}

pub fn verify(fs: &Filesystem, options: VerifyOptions) -> Value {
    serde_json::from_str(&fs.verify(options, &mut |_, _, _| true).unwrap()).unwrap()
}

pub fn kinds(report: &Value) -> Vec<String> {
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(report["error_count"], errors.len(), "{report}");
    errors
        .iter()
        .map(|error| error["kind"].as_str().unwrap().to_owned())
        .collect()
}

/// Bytes that differ for each seed.
pub fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// The file of a content in a directory of contents.
pub fn content_file(root: &Path, content: &[u8]) -> PathBuf {
    let hash = ContentHash::of(content).to_string();
    root.join("cas").join(&hash[..2]).join(hash)
}

/// Changes one bit of the entry of a file in the index by which paths are found for contents.
pub fn flip_in_index(database: &mut [u8], path: &str, content: &[u8]) {
    let hash = *ContentHash::of(content).as_bytes();
    let at = (0..database.len() - 32).find(|at| {
        // There the path comes after the hash and two ids.
        let after = &database[at + 32..(at + 40 + path.len()).min(database.len())];
        let has_path = |at: &[u8]| at.windows(path.len()).any(|text| text == path.as_bytes());
        database[*at..].starts_with(&hash) && has_path(after)
    });
    database[at.unwrap() + 5] ^= 4;
}

/// Changes one bit in the middle of a file.
pub fn flip_bit(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

pub fn truncate(file: &Path) {
    let length = file.metadata().unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(length - 1).unwrap();
}

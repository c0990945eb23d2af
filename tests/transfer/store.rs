//! A store with a scratch directory beside it.

use std::fs;
use std::path::PathBuf;

use nexusfs::error::Result;
use nexusfs::filesystem::{
    Conditions, ExportOptions, Filesystem, ImportMode, ImportOptions, ListOptions, WriteOptions,
};
use serde_json::{Value, json};
use tempfile::TempDir;

pub struct Store {
    pub fs: Filesystem,
    directory: TempDir,
}

impl Store {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fs = connect(&directory, json!({}));
        Store { fs, directory }
    }

    /// Another handle on the store, with more `config`.
    pub fn handle(&self, config: Value) -> Filesystem {
        connect(&self.directory, config)
    }

    /// A path in the scratch directory.
    pub fn scratch(&self, name: &str) -> String {
        self.scratch_directory()
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn scratch_directory(&self) -> PathBuf {
        let scratch = self.directory.path().join("scratch");
        fs::create_dir_all(&scratch).unwrap();
        scratch
    }

    /// The names in the scratch directory, in order.
    pub fn scratch_names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.scratch_directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn write(&self, path: &str, text: &str) {
        write(&self.fs, path, text);
    }

    pub fn delete(&self, path: &str) {
        self.fs.delete(path, &Conditions::default()).unwrap();
    }

    pub fn set_meta(&self, path: &str, object: Value) {
        self.fs.set_meta_many(path, &object.to_string()).unwrap();
    }

    pub fn meta(&self, path: &str) -> Value {
        serde_json::from_str(&self.fs.list_meta(path).unwrap()).unwrap()
    }

    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.fs.read(path).unwrap()).unwrap()
    }

    /// Everything that is said of all files, as an export tells it.
    pub fn state(&self) -> String {
        let file = self.scratch("state.jsonl");
        export(&self.fs, &file, &ExportOptions::default()).unwrap();
        let state = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        state
    }

    /// The lines of an export of everything.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.state();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Imports `lines` as this store's unlimited handle.
    pub fn import(&self, lines: &[Value], options: &ImportOptions) -> Result<Value> {
        self.import_as(&self.fs, lines, options)
    }

    pub fn import_as(
        &self,
        fs: &Filesystem,
        lines: &[Value],
        options: &ImportOptions,
    ) -> Result<Value> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.import_text(fs, &text, options)
    }

    pub fn import_text(
        &self,
        fs: &Filesystem,
        text: &str,
        options: &ImportOptions,
    ) -> Result<Value> {
        let file = self.scratch("import.jsonl");
        fs::write(&file, text).unwrap();
        let report = fs.import_metadata(&file, options, &mut |_, _, _| true)?;
        Ok(serde_json::from_str(&report).unwrap())
    }
}

fn connect(directory: &TempDir, mut config: Value) -> Filesystem {
    config["data_dir"] = json!(directory.path().join("data"));
    config["durability"] = json!("normal");
    nexusfs::connect(Some(&config.to_string())).unwrap()
}

pub fn write(fs: &Filesystem, path: &str, text: &str) {
    fs.write(path, text.as_bytes(), &WriteOptions::default())
        .unwrap();
}

pub fn export(fs: &Filesystem, file: &str, options: &ExportOptions) -> Result<u64> {
    fs.export_metadata(file, options, &mut |_, _, _| true)
}

pub fn mode(mode: ImportMode) -> ImportOptions {
    ImportOptions {
        mode,
        ..ImportOptions::default()
    }
}

/// The paths of all files that `fs` sees.
pub fn paths(fs: &Filesystem) -> Vec<String> {
    let page = fs.list(&ListOptions::default()).unwrap();
    page.entries
        .iter()
        .map(|entry| entry.path.to_string())
        .collect()
}

/// A line that gives `path` the content that `text` is.
pub fn line(path: &str, text: &str) -> Value {
    json!({
        "path": path,
        "etag": nexusfs::content::ContentHash::of(text.as_bytes()).to_string(),
        "size": text.len(),
    })
}

/// `line` with more members.
pub fn with(mut line: Value, members: Value) -> Value {
    for (key, value) in members.as_object().unwrap() {
        line[key] = value.clone();
    }
    line
}

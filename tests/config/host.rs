//! A made-up host: a working directory, a home, and an environment of its own.

use std::path::PathBuf;

use nexusfs::config::{EngineSettings, Environment, Resolved, resolve_file_in, resolve_in};
use nexusfs::error::{Error, ErrorKind};
use serde_json::Value as Json;
use tempfile::TempDir;

pub struct Host {
    directory: TempDir,
    environment: Environment,
}

impl Host {
    /// Returns a host without files and variables.
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let work = directory.path().join("work");
        let home = directory.path().join("home");
        std::fs::create_dir_all(&work).expect("a working directory");
        std::fs::create_dir_all(home.join(".nexus")).expect("a home");
        let environment = Environment::empty_in(&work).with_home(&home);
        Host {
            directory,
            environment,
        }
    }

    /// Sets a variable.
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.environment = self.environment.with_variable(variable, value);
        self
    }

    /// Writes a file, `work/…` or `home/…`.
    pub fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), text).expect("a file");
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn connect(&self, config: Json) -> Result<Resolved, Error> {
        resolve_in(&self.environment, Some(&config.to_string()))
    }

    pub fn discover(&self) -> Result<Resolved, Error> {
        resolve_in(&self.environment, None)
    }

    pub fn connect_file(&self, name: &str) -> Result<Resolved, Error> {
        resolve_file_in(&self.environment, &self.path(name))
    }

    /// Opens a file `given.yaml` with just this text.
    pub fn yaml(text: &str) -> Result<Resolved, Error> {
        Host::new()
            .file("work/given.yaml", text)
            .connect_file("work/given.yaml")
    }

    /// Asserts that `config` is refused, and that the message has every one of `parts`.
    #[track_caller]
    pub fn refuses(&self, config: Json, parts: &[&str]) {
        let described = config.to_string();
        assert_refused(self.connect(config), &described, parts);
    }
}

/// Asserts that `result`, that of `described`, is INVALID_CONFIG in one line with all of `parts`.
#[track_caller]
pub fn assert_refused(result: Result<Resolved, Error>, described: &str, parts: &[&str]) {
    let error = match result {
        Err(error) => error,
        Ok(_) => panic!("{described:.200} was accepted"),
    };
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{message}");
    assert!(!message.contains('\n'), "several lines: {message:?}");
    assert!(message.len() < 600, "a message of {} bytes", message.len());
    for part in parts {
        assert!(
            message.contains(part),
            "{described:.200}: {message:?} lacks {part:?}"
        );
    }
}

/// Returns an engine that runs with what the handle asked for.
pub fn engine_of(resolved: &Resolved) -> EngineSettings {
    EngineSettings {
        cache_size_mb: resolved.settings.cache_size_mb,
        housekeeping: resolved.settings.housekeeping,
    }
}

/// Returns the effective configuration with such an engine.
pub fn effective(resolved: &Resolved) -> Json {
    serde_json::from_str(&resolved.to_json(&engine_of(resolved))).expect("JSON")
}

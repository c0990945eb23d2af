//! The store that a command works on.

use std::cell::Cell;
use std::path::Path;

use nexusfs_core::config::{self, Environment, Resolved};
use nexusfs_core::filesystem::Filesystem;
use serde_json::{Map, Value};

use crate::failure::{self, Exit, Failure, Result};
use crate::global::Global;
use crate::host::own::OwnStore;
use crate::output::Output;

/// What the options that all commands have say, and where answers go.
pub struct Session {
    pub global: Global,
    pub out: Output,
    /// Whether the warnings of the configuration were printed.
    has_warned: Cell<bool>,
}

impl Session {
    pub fn new(global: Global, out: Output) -> Session {
        Session {
            global,
            out,
            has_warned: Cell::new(false),
        }
    }

    /// Returns the configuration: options over environment over config file.
    pub fn config(&self) -> Result<Resolved> {
        let global = &self.global;
        let mut explicit = Map::new();
        let mut environment = Environment::of_process();
        explicit.insert("config_file".into(), "auto".into());
        if let Some(file) = &global.config {
            // As a variable, so that the other variables that need discovery count as well.
            environment = environment.with_variable("NEXUS_CONFIG_FILE", file);
        }
        if let Some(directory) = &global.data_dir {
            explicit.insert(
                "data_dir".into(),
                host_text(directory, "--data-dir")?.into(),
            );
        }
        if let Some(tenant) = &global.tenant {
            explicit.insert("tenant_id".into(), tenant.as_str().into());
        }
        if let Some(agent) = &global.agent {
            explicit.insert("agent_id".into(), agent.as_str().into());
        }
        if global.admin {
            explicit.insert("is_admin".into(), true.into());
        }
        let explicit = Value::Object(explicit).to_string();
        let config = config::resolve_in(&environment, Some(&explicit))?;
        if !self.has_warned.replace(true) {
            for warning in config.warnings() {
                failure::warn(warning);
            }
        }
        Ok(config)
    }

    /// Opens the store, which must be there: a command that only looks must not make one where an option is
    /// misspelt.
    pub fn open(&self) -> Result<Filesystem> {
        let config = self.config()?;
        let settings = &config.settings;
        match settings.db_path.try_exists() {
            Ok(true) => Ok(nexusfs_sqlite::open(config)?),
            Ok(false) => Err(Failure::new(
                Exit::NotFound,
                format!(
                    "there is no store in {} (nexus init makes one)",
                    settings.data_dir.display()
                ),
            )),
            Err(error) => Err(Failure::host("open", &settings.db_path, &error)),
        }
    }

    /// Opens the store, and makes it where it is missing.
    pub fn open_or_create(&self) -> Result<Filesystem> {
        Ok(nexusfs_sqlite::open(self.config()?)?)
    }

    /// Returns what must not be read or written over on the host while the store is open, which it has to be.
    pub fn own_store(&self) -> Result<OwnStore> {
        Ok(OwnStore::of(&self.config()?.settings))
    }
}

/// Returns `path` as the text that the library takes.
pub fn host_text<'a>(path: &'a Path, what: &str) -> Result<&'a str> {
    path.to_str()
        .ok_or_else(|| Failure::usage(format!("{what}: {} is not UTF-8", path.display())))
}

//! `init`, `config`, `version`: what a store is opened with.

use nexusfs_core::config::EngineSettings;
use serde_json::{Map, Value, json};

use crate::failure::Result;
use crate::session::Session;
use crate::table::{Rows, cell};

/// Makes the store that the configuration names.
pub fn init(session: &mut Session) -> Result<()> {
    let config = session.config()?;
    let created = !config.settings.db_path.exists();
    let directory = config.settings.data_dir.display().to_string();
    session.open_or_create()?;
    let out = &mut session.out;
    if out.json {
        return out.json(&json!({"data_dir": directory, "created": created}));
    }
    match created {
        true => out.summary(format_args!("Made a store in {directory}")),
        false => out.summary(format_args!("There is a store in {directory} already")),
    }
}

/// Shows the effective configuration. The store need not exist.
pub fn show_config(session: &mut Session) -> Result<()> {
    let config = session.config()?;
    let engine = EngineSettings {
        cache_size_mb: config.settings.cache_size_mb,
        housekeeping: config.settings.housekeeping,
    };
    let text = config.to_json(&engine);
    let mut keys: Map<String, Value> = serde_json::from_str(&text)?;
    // The session asks for discovery, or names the file, in its own way.
    let source = &mut keys["config_file"]["source"];
    match session.global.config {
        Some(_) => *source = "explicit".into(),
        None if source == "explicit" => *source = "default".into(),
        None => {}
    }
    let out = &mut session.out;
    if out.json {
        return out.json(&keys);
    }
    let mut rows = Rows::new(out, &["KEY", "SOURCE", "VALUE"]);
    for (key, entry) in &keys {
        let source = match entry["source"].as_str() {
            Some("explicit") => "option",
            source => source.unwrap_or_default(),
        };
        let value = match &entry["value"] {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        rows.add(vec![cell(key), cell(source), cell(value)]);
    }
    rows.print(out)
}

pub fn show_version(session: &mut Session) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let out = &mut session.out;
    match out.json {
        true => out.json(&json!({"version": version})),
        false => out.line(format_args!("nexus {version}")),
    }
}

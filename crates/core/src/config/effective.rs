//! The effective configuration as JSON: the values of a handle and their sources.

use serde_json::{Map, Value as Json, json};

use super::keys::Key;
use super::resolve::{Resolved, Source};
use super::settings::{EngineSettings, MountDeclaration, NamespaceDeclaration};

/// The placeholder of a secret.
const REDACTED: &str = "***";

impl Resolved {
    /// Returns the effective configuration: a JSON object with, for every key,
    /// `{"value": …, "source": …}`. `engine` is what the engine of this handle runs with; where
    /// that is not what this handle asked for, its value is shown, with source `engine`. Paths
    /// are absolute, entries of lists complete, and `api_key` is redacted.
    pub fn to_json(&self, engine: &EngineSettings) -> String {
        let object: Map<String, Json> = Key::ALL
            .iter()
            .map(|&key| {
                let (value, source) = self.effective(key, engine);
                let entry = json!({"value": value, "source": source.name()});
                (key.name().to_owned(), entry)
            })
            .collect();
        Json::Object(object).to_string()
    }

    fn effective(&self, key: Key, engine: &EngineSettings) -> (Json, Source) {
        let settings = &self.settings;
        let source = self.source(key);
        let value = match key {
            // The only one that opens.
            Key::Mode => json!("embedded"),
            Key::DataDir => json!(settings.data_dir.to_string_lossy()),
            Key::DbPath => json!(settings.db_path.to_string_lossy()),
            Key::TenantId => json!(settings.tenant_id),
            Key::AgentId => json!(settings.agent_id),
            Key::IsAdmin => json!(settings.is_admin),
            Key::AllowReadonlyWrites => json!(settings.allow_readonly_writes),
            Key::StrictNamespaces => json!(settings.strict_namespaces),
            Key::Namespaces => settings.namespaces.iter().map(namespace).collect(),
            Key::Mounts => settings.mounts.iter().map(mount).collect(),
            Key::ConfigFile => json!(self.config_file.as_ref().map(|path| path.to_string_lossy())),
            Key::Durability => json!(settings.durability.name()),
            Key::CacheSizeMb if engine.cache_size_mb != settings.cache_size_mb => {
                return (json!(engine.cache_size_mb), Source::Engine);
            }
            Key::CacheSizeMb => json!(settings.cache_size_mb),
            Key::InlineMaxBytes => json!(settings.inline_max_bytes),
            // At most the 31 bits that the key accepts.
            Key::BusyTimeoutMs => json!(settings.busy_timeout.as_millis() as u64),
            Key::Housekeeping if engine.housekeeping != settings.housekeeping => {
                return (json!(engine.housekeeping), Source::Engine);
            }
            Key::Housekeeping => json!(settings.housekeeping),
            Key::EnableVectorSearch => return absent(settings.enable_vector_search, source),
            Key::EnableLlmCache => return absent(settings.enable_llm_cache, source),
            Key::Url => json!(settings.url),
            Key::ApiKey => json!(settings.api_key.as_ref().map(|_| REDACTED)),
            Key::Timeout => json!(settings.timeout.map(|timeout| timeout.as_secs_f64())),
        };
        (value, source)
    }
}

/// Returns what holds for a feature that this build lacks: where it is wanted, the build says no.
fn absent(wanted: bool, source: Source) -> (Json, Source) {
    (json!(false), if wanted { Source::Build } else { source })
}

fn namespace(declaration: &NamespaceDeclaration) -> Json {
    json!({
        "name": declaration.name,
        "readonly": declaration.readonly,
        "admin_only": declaration.admin_only,
        "requires_tenant": declaration.requires_tenant,
        "remove": declaration.remove,
    })
}

fn mount(declaration: &MountDeclaration) -> Json {
    json!({
        "name": declaration.name,
        "path": declaration.path.as_str(),
        "backend": "local",
        "root": declaration.root.to_string_lossy(),
        "readonly": declaration.readonly,
    })
}

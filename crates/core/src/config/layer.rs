//! The values of one source, checked one by one but not yet against other sources.

use std::path::PathBuf;
use std::time::Duration;

use super::declarations;
use super::environment::Environment;
use super::field::{Field, Origin};
use super::keys::{Key, nearest};
use super::settings::{ApiKey, Durability, MountDeclaration, NamespaceDeclaration};
use super::value::{Value, shown};
use crate::error::Result;

/// Where a store runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Embedded,
    Monolithic,
    Distributed,
}

impl Mode {
    pub(crate) const NAMES: [(&str, Mode); 3] = [
        ("embedded", Mode::Embedded),
        ("monolithic", Mode::Monolithic),
        ("distributed", Mode::Distributed),
    ];
}

/// Longest `busy_timeout_ms`: what fits a C `int`, in which SQLite counts milliseconds.
const MAX_BUSY_TIMEOUT_MS: u32 = i32::MAX as u32;
/// Largest `cache_size_mb`: 64 GiB.
const MAX_CACHE_SIZE_MB: u32 = 65_536;
/// Largest `inline_max_bytes`: larger rows make every scan of the table slow.
const MAX_INLINE_BYTES: u32 = 1024 * 1024;

/// What one source says; `None` where it does not name the key.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) mode: Option<Mode>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) db_path: Option<PathBuf>,
    pub(crate) tenant_id: Option<Option<String>>,
    pub(crate) agent_id: Option<Option<String>>,
    pub(crate) is_admin: Option<bool>,
    pub(crate) allow_readonly_writes: Option<bool>,
    pub(crate) strict_namespaces: Option<bool>,
    pub(crate) namespaces: Option<Vec<NamespaceDeclaration>>,
    pub(crate) mounts: Option<Vec<MountDeclaration>>,
    /// `Some(None)` is `auto`.
    pub(crate) config_file: Option<Option<PathBuf>>,
    pub(crate) durability: Option<Durability>,
    pub(crate) cache_size_mb: Option<u32>,
    pub(crate) inline_max_bytes: Option<u32>,
    pub(crate) busy_timeout_ms: Option<u32>,
    pub(crate) housekeeping: Option<bool>,
    pub(crate) enable_vector_search: Option<bool>,
    pub(crate) enable_llm_cache: Option<bool>,
    pub(crate) url: Option<Option<String>>,
    pub(crate) api_key: Option<Option<ApiKey>>,
    pub(crate) timeout: Option<Option<Duration>>,
    named: Vec<Key>,
    /// What is wrong with variables that were not needed, each in one line.
    pub(crate) unneeded: Vec<String>,
}

impl Layer {
    /// Returns the layer of a whole document: `value` must be an object of known keys.
    ///
    /// # Errors
    /// InvalidConfig for the first thing that is wrong.
    pub(crate) fn of_document(
        value: Value,
        origin: &Origin,
        environment: &Environment,
    ) -> Result<Layer> {
        let Value::Object(entries) = value else {
            return Err(origin.invalid(format_args!(
                "the configuration must be an object, not {}",
                value.type_name()
            )));
        };
        let mut layer = Layer::default();
        for (name, value) in entries {
            let Some(key) = Key::parse(&name) else {
                return Err(origin.invalid(format_args!(
                    "unknown key {} ({}); the nearest known key is '{}'",
                    shown(&name),
                    value.type_name(),
                    nearest(&name, Key::ALL.iter().map(|key| key.name()))
                )));
            };
            layer.set(key, value, origin, environment)?;
        }
        Ok(layer)
    }

    /// Returns the layer of the environment variables that count beside `explicit`. A variable that is not needed,
    /// since its key has a value already or takes none from a variable here, is checked like the others; where it is
    /// malformed, it sets nothing and is noted in `unneeded`.
    ///
    /// # Errors
    /// InvalidConfig, naming the variable, for a malformed one that is needed.
    pub(crate) fn of_variables(
        explicit: &Layer,
        discovering: bool,
        environment: &Environment,
    ) -> Result<Layer> {
        let mut layer = Layer::default();
        for &key in Key::ALL {
            let Some(variable) = key.variable() else {
                continue;
            };
            let decided = match key {
                Key::TenantId | Key::AgentId | Key::IsAdmin => explicit.names_identity(),
                // `auto` asks for discovery, and NEXUS_CONFIG_FILE is where discovery starts.
                Key::ConfigFile => matches!(explicit.config_file, Some(Some(_))),
                _ => explicit.names(key),
            };
            let is_needed = !decided && (discovering || !key.needs_discovery());
            if is_needed {
                layer.set_by_variable(key, variable, environment)?;
            } else if let Err(error) = Layer::default().set_by_variable(key, variable, environment)
            {
                layer
                    .unneeded
                    .push(format!("{error} (ignored: nothing needs it here)"));
            }
        }
        Ok(layer)
    }

    fn set_by_variable(
        &mut self,
        key: Key,
        variable: &'static str,
        environment: &Environment,
    ) -> Result<()> {
        match environment.variable(variable)? {
            None => Ok(()),
            // Shells and service managers have no other way to unset a variable. An identity
            // is too important for that: an empty tenant must not become "all tenants".
            Some("") if !key.is_identity() => Ok(()),
            Some(text) => {
                let origin = Origin::Variable(variable);
                self.set(key, Value::Supplied(text.to_owned()), &origin, environment)
            }
        }
    }

    /// Returns whether the source names `key`.
    pub(crate) fn names(&self, key: Key) -> bool {
        self.named.contains(&key)
    }

    /// Returns whether the source names any key of the identity.
    pub(crate) fn names_identity(&self) -> bool {
        Key::IDENTITY.iter().any(|key| self.names(*key))
    }

    fn set(
        &mut self,
        key: Key,
        value: Value,
        origin: &Origin,
        environment: &Environment,
    ) -> Result<()> {
        let field = Field {
            origin,
            environment,
            name: key.name().into(),
            value,
        };
        match key {
            Key::Mode => self.mode = Some(field.choice(&Mode::NAMES)?),
            Key::DataDir => self.data_dir = Some(field.host_path()?),
            Key::DbPath => self.db_path = Some(field.host_path()?),
            Key::TenantId => self.tenant_id = Some(field.id()?),
            Key::AgentId => self.agent_id = Some(field.id()?),
            Key::IsAdmin => self.is_admin = Some(field.flag()?),
            Key::AllowReadonlyWrites => self.allow_readonly_writes = Some(field.flag()?),
            Key::StrictNamespaces => self.strict_namespaces = Some(field.flag()?),
            Key::Namespaces => self.namespaces = Some(declarations::namespaces(field)?),
            Key::Mounts => self.mounts = Some(declarations::mounts(field)?),
            Key::ConfigFile if matches!(origin, Origin::File(_)) => {
                return Err(field.invalid("cannot stand in a config file"));
            }
            Key::ConfigFile => self.config_file = Some(field.file_or_auto()?),
            Key::Durability => {
                let choices = [Durability::Full, Durability::Normal];
                self.durability = Some(field.choice(&choices.map(|one| (one.name(), one)))?);
            }
            Key::CacheSizeMb => self.cache_size_mb = Some(field.integer(MAX_CACHE_SIZE_MB)?),
            Key::InlineMaxBytes => self.inline_max_bytes = Some(field.integer(MAX_INLINE_BYTES)?),
            Key::BusyTimeoutMs => self.busy_timeout_ms = Some(field.integer(MAX_BUSY_TIMEOUT_MS)?),
            Key::Housekeeping => self.housekeeping = Some(field.flag()?),
            Key::EnableVectorSearch => self.enable_vector_search = Some(field.flag()?),
            Key::EnableLlmCache => self.enable_llm_cache = Some(field.flag()?),
            Key::Url => self.url = Some(field.url()?),
            Key::ApiKey => self.api_key = Some(field.api_key()?),
            Key::Timeout => self.timeout = Some(field.seconds()?),
        }
        self.named.push(key);
        Ok(())
    }
}

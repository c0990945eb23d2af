//! Resolution of sources to settings: the files that are read, and the precedence of sources.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Environment;
use super::field::Origin;
use super::keys::Key;
use super::layer::{Layer, Mode};
use super::settings::{Durability, Settings};
use super::value::{Value, shown};
use super::yaml;
use crate::error::{Error, Result};
use crate::host::address::refuse_url;
use crate::host::is_store_file;
use crate::host::layout::DATABASE;
use crate::host::plain::open_at_once;
use crate::log::{self, Level};

const DEFAULT_DATA_DIR: &str = "./nexus-data";
const DEFAULT_CACHE_SIZE_MB: u32 = 100;
const DEFAULT_INLINE_MAX_BYTES: u32 = 64 * 1024;
const DEFAULT_BUSY_TIMEOUT_MS: u32 = 30_000;

/// Where a value of the effective configuration comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// What the host passed: JSON, or the file of `nexus_connect_file`.
    Explicit,
    /// An environment variable.
    Environment,
    /// A config file that was discovered, or that `config_file` names.
    File,
    /// No source sets the key.
    Default,
    /// The engine was opened by another handle with another value.
    Engine,
    /// The build lacks what was asked for.
    Build,
    /// The handle was derived from another one with a narrower identity.
    Derived,
}

impl Source {
    /// Returns the name, as the effective configuration shows it.
    pub fn name(self) -> &'static str {
        match self {
            Source::Explicit => "explicit",
            Source::Environment => "environment",
            Source::File => "file",
            Source::Default => "default",
            Source::Engine => "engine",
            Source::Build => "build",
            Source::Derived => "derived",
        }
    }
}

/// The settings of a handle, and where each came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The settings.
    pub settings: Settings,
    /// The file that was read, if any; absolute.
    pub(super) config_file: Option<PathBuf>,
    pub(super) sources: Sources,
    warnings: Vec<String>,
}

impl Resolved {
    /// Returns where the value of `key` comes from.
    pub fn source(&self, key: Key) -> Source {
        self.sources.of(key)
    }

    /// Returns what is wrong with environment variables that nothing needed, each in one line that names the variable.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the configuration of a handle derived from this one, bound to `tenant` and `agent`;
    /// `None` inherits. The derived handle is never admin. Whether this handle may hand out
    /// such an identity is for the caller to decide.
    #[must_use]
    pub fn with_identity(&self, tenant: Option<String>, agent: Option<String>) -> Resolved {
        let mut derived = self.clone();
        let Resolved {
            settings, sources, ..
        } = &mut derived;
        for (key, own, given) in [
            (Key::TenantId, &mut settings.tenant_id, tenant),
            (Key::AgentId, &mut settings.agent_id, agent),
        ] {
            if given.is_some() && *own != given {
                *own = given;
                sources.set(key, Source::Derived);
            }
        }
        for (key, right) in [
            (Key::IsAdmin, &mut settings.is_admin),
            (
                Key::AllowReadonlyWrites,
                &mut settings.allow_readonly_writes,
            ),
        ] {
            if std::mem::take(right) {
                sources.set(key, Source::Derived);
            }
        }
        derived
    }
}

/// The source of every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sources([Source; Key::ALL.len()]);

impl Sources {
    pub(super) fn of(&self, key: Key) -> Source {
        self.0[key as usize]
    }

    fn set(&mut self, key: Key, source: Source) {
        self.0[key as usize] = source;
    }
}

/// Resolves the configuration that `config_json`, a JSON object, asks for; `None` asks for
/// discovery. Reads the environment of the process, and files.
///
/// # Errors
/// InvalidConfig, naming source and key; Unsupported for a mode that does not exist yet.
pub fn resolve(config_json: Option<&str>) -> Result<Resolved> {
    resolve_in(&Environment::of_process(), config_json)
}

/// Resolves the configuration in the YAML file at `path`, which ranks above the environment.
///
/// # Errors
/// As [`resolve`]; also InvalidConfig where the file cannot be read.
pub fn resolve_file(path: &Path) -> Result<Resolved> {
    resolve_file_in(&Environment::of_process(), path)
}

/// Resolves like [`resolve`], in the surroundings `environment`.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_in(environment: &Environment, config_json: Option<&str>) -> Result<Resolved> {
    let explicit = match config_json {
        None => Layer::default(),
        Some(text) => {
            let origin = Origin::ExplicitConfig;
            let value = Value::from_json(text)
                .map_err(|reason| origin.invalid(format_args!("not valid JSON: {reason}")))?;
            Layer::of_document(value, &origin, environment)?
        }
    };
    tell_misspelt(environment);
    let discovering = config_json.is_none() || explicit.config_file == Some(None);
    let variables = Layer::of_variables(&explicit, discovering, environment)?;
    let (path, source) = match (&explicit.config_file, &variables.config_file) {
        (Some(Some(path)), _) => (Some(path.clone()), Source::Explicit),
        (_, Some(Some(path))) => (Some(path.clone()), Source::Environment),
        (Some(None), _) => (discover(environment)?, Source::Explicit),
        (None, Some(None)) => (discover(environment)?, Source::Environment),
        (None, None) if discovering => (discover(environment)?, Source::Default),
        (None, None) => (None, Source::Default),
    };
    let file = match &path {
        Some(path) => read_layer(path, environment)?,
        None => Layer::default(),
    };
    let mut merge = Merge::of(explicit, variables, file);
    merge.sources.set(Key::ConfigFile, source);
    merge.finish(path, environment)
}

/// Resolves like [`resolve_file`], in the surroundings `environment`.
///
/// # Errors
/// As [`resolve_file`].
pub fn resolve_file_in(environment: &Environment, path: &Path) -> Result<Resolved> {
    if path.as_os_str().is_empty() {
        return Err(Error::invalid_config("the path of a config file is empty"));
    }
    refuse_url(path)
        .map_err(|reason| Error::invalid_config(format!("the path of a config file {reason}")))?;
    tell_misspelt(environment);
    let path = environment.absolute(path)?;
    let explicit = read_layer(&path, environment)?;
    let variables = Layer::of_variables(&explicit, false, environment)?;
    let mut merge = Merge::of(explicit, variables, Layer::default());
    merge.sources.set(Key::ConfigFile, Source::Explicit);
    merge.finish(Some(path), environment)
}

/// Warns of what sets nothing: it is no error, since others may name their variables so.
fn tell_misspelt(environment: &Environment) {
    for (name, meant) in environment.misspelt_variables() {
        log::emit(
            Level::Warn,
            &format_args!(
                "the environment variable {} sets nothing; {meant} may be meant",
                shown(name)
            ),
        );
    }
}

/// Returns the config file that is found without being named, if there is one. A file that is there but
/// cannot be read is not passed over: leaving it out could turn isolation off in silence.
fn discover(environment: &Environment) -> Result<Option<PathBuf>> {
    let mut candidates = vec![
        environment.absolute(Path::new("nexus.yaml"))?,
        environment.absolute(Path::new("nexus.yml"))?,
    ];
    candidates.extend(
        environment
            .home_directory()
            .map(|home| home.join(".nexus/config.yaml")),
    );
    for path in candidates {
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => return Ok(Some(path)),
            Ok(_) => return Err(Origin::file(&path).invalid("not a regular file")),
            Err(error) if is_missing(&path, &error) => {}
            Err(error) => return Err(unreadable(&path, error)),
        }
    }
    Ok(None)
}

/// Returns whether `error` says that nothing has the name `path`. A link that leads nowhere has it, be it the file or its directory:
/// whoever made it meant a file.
fn is_missing(path: &Path, error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::NotFound => !path
            .ancestors()
            .take(2)
            .any(|name| name.is_symlink() && !name.exists()),
        kind => kind == io::ErrorKind::NotADirectory,
    }
}

/// Reads the YAML file at `path`.
fn read_layer(path: &Path, environment: &Environment) -> Result<Layer> {
    let origin = Origin::file(path);
    if is_store_file(path) {
        return Err(origin.invalid("belongs to a store"));
    }
    let mut bytes = Vec::new();
    let failed = |error| unreadable(path, error);
    let file = open_at_once(path).map_err(failed)?;
    if !is_readable_to_its_end(&file.metadata().map_err(failed)?) {
        return Err(origin.invalid("not a regular file"));
    }
    file.take(yaml::MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > yaml::MAX_FILE_BYTES {
        return Err(origin.invalid("larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| origin.invalid("not valid UTF-8"))?;
    let mut value = yaml::parse(&text)
        .map_err(|reason| origin.invalid(format_args!("not valid YAML: {reason}")))?;
    yaml::expand(&mut value, environment).map_err(|reason| origin.invalid(reason))?;
    Layer::of_document(value, &origin, environment)
}

/// Returns whether a read ends and never waits: for a regular file, and for /dev/null, which means no configuration.
fn is_readable_to_its_end(metadata: &Metadata) -> bool {
    let null = rustix::fs::makedev(1, 3);
    metadata.is_file() || metadata.file_type().is_char_device() && metadata.rdev() == null
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Origin::file(path)
        .invalid(format_args!("cannot be read: {error}"))
        .caused_by(error)
}

/// The layers from the highest to the lowest, on their way to settings.
struct Merge {
    layers: [(Source, Layer); 3],
    sources: Sources,
    warnings: Vec<String>,
}

impl Merge {
    fn of(explicit: Layer, mut variables: Layer, file: Layer) -> Self {
        let warnings = std::mem::take(&mut variables.unneeded);
        for warning in &warnings {
            log::emit(Level::Warn, warning);
        }
        Merge {
            warnings,
            layers: [
                (Source::Explicit, explicit),
                (Source::Environment, variables),
                (Source::File, file),
            ],
            sources: Sources([Source::Default; Key::ALL.len()]),
        }
    }

    /// Takes the value of `key` from the highest layer that names it.
    fn take<T>(&mut self, key: Key, part: impl Fn(&mut Layer) -> Option<T>) -> Option<T> {
        let (source, value) = self
            .layers
            .iter_mut()
            .find_map(|(source, layer)| part(layer).map(|value| (*source, value)))?;
        self.sources.set(key, source);
        Some(value)
    }

    /// Takes tenant, agent and the admin flag from the highest layer that names any of them.
    fn take_identity(&mut self) -> (Option<String>, Option<String>, bool) {
        let Some((source, layer)) = self
            .layers
            .iter_mut()
            .find(|(_, layer)| layer.names_identity())
        else {
            return (None, None, false);
        };
        for key in Key::IDENTITY {
            self.sources.set(key, *source);
        }
        (
            layer.tenant_id.take().flatten(),
            layer.agent_id.take().flatten(),
            layer.is_admin.unwrap_or(false),
        )
    }

    /// Returns the settings, checked against each other.
    fn finish(
        mut self,
        config_file: Option<PathBuf>,
        environment: &Environment,
    ) -> Result<Resolved> {
        let mode = self.take(Key::Mode, |layer| layer.mode.take());
        refuse_server_modes(mode.unwrap_or(Mode::Embedded))?;
        let (tenant_id, agent_id, is_admin) = self.take_identity();
        let data_dir = match self.take(Key::DataDir, |layer| layer.data_dir.take()) {
            Some(path) => path,
            None => environment.absolute(Path::new(DEFAULT_DATA_DIR))?,
        };
        let settings = Settings {
            db_path: self
                .take(Key::DbPath, |layer| layer.db_path.take())
                .unwrap_or_else(|| data_dir.join(DATABASE)),
            data_dir,
            tenant_id,
            agent_id,
            is_admin,
            allow_readonly_writes: self
                .take(Key::AllowReadonlyWrites, |layer| {
                    layer.allow_readonly_writes.take()
                })
                .unwrap_or(false),
            strict_namespaces: self
                .take(Key::StrictNamespaces, |layer| {
                    layer.strict_namespaces.take()
                })
                .unwrap_or(false),
            namespaces: self
                .take(Key::Namespaces, |layer| layer.namespaces.take())
                .unwrap_or_default(),
            mounts: self
                .take(Key::Mounts, |layer| layer.mounts.take())
                .unwrap_or_default(),
            durability: self
                .take(Key::Durability, |layer| layer.durability.take())
                .unwrap_or(Durability::Full),
            cache_size_mb: self
                .take(Key::CacheSizeMb, |layer| layer.cache_size_mb.take())
                .unwrap_or(DEFAULT_CACHE_SIZE_MB),
            inline_max_bytes: self
                .take(Key::InlineMaxBytes, |layer| layer.inline_max_bytes.take())
                .unwrap_or(DEFAULT_INLINE_MAX_BYTES),
            busy_timeout: Duration::from_millis(
                self.take(Key::BusyTimeoutMs, |layer| layer.busy_timeout_ms.take())
                    .unwrap_or(DEFAULT_BUSY_TIMEOUT_MS)
                    .into(),
            ),
            housekeeping: self
                .take(Key::Housekeeping, |layer| layer.housekeeping.take())
                .unwrap_or(true),
            enable_vector_search: self
                .take(Key::EnableVectorSearch, |layer| {
                    layer.enable_vector_search.take()
                })
                .unwrap_or(true),
            enable_llm_cache: self
                .take(Key::EnableLlmCache, |layer| layer.enable_llm_cache.take())
                .unwrap_or(true),
            url: self.take(Key::Url, |layer| layer.url.take()).flatten(),
            api_key: self
                .take(Key::ApiKey, |layer| layer.api_key.take())
                .flatten(),
            timeout: self
                .take(Key::Timeout, |layer| layer.timeout.take())
                .flatten(),
        };
        check_together(&settings, &self.sources)?;
        Ok(Resolved {
            settings,
            config_file,
            sources: self.sources,
            warnings: self.warnings,
        })
    }
}

fn refuse_server_modes(mode: Mode) -> Result<()> {
    let name = match mode {
        Mode::Embedded => return Ok(()),
        Mode::Monolithic => "monolithic",
        Mode::Distributed => "distributed",
    };
    Err(Error::unsupported(format!(
        "'mode' is '{name}', which does not exist yet; 'embedded' does"
    )))
}

/// Checks what no value can be checked for alone.
fn check_together(settings: &Settings, sources: &Sources) -> Result<()> {
    if settings.allow_readonly_writes && !settings.is_admin {
        return Err(Error::invalid_config(format!(
            "'allow_readonly_writes' (source: {}) needs 'is_admin', which is false (source: {})",
            sources.of(Key::AllowReadonlyWrites).name(),
            sources.of(Key::IsAdmin).name()
        )));
    }
    if let Some(mount) = settings
        .mounts
        .iter()
        .find(|mount| mount.root == settings.data_dir)
    {
        return Err(Error::invalid_config(format!(
            "the root of the mount {} (source: {}) is the store's own 'data_dir' (source: {})",
            shown(&mount.name),
            sources.of(Key::Mounts).name(),
            sources.of(Key::DataDir).name()
        )));
    }
    Ok(())
}

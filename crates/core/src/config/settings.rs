//! The final configuration of a handle, typed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::path::VirtualPath;

/// What an acknowledged call survives. Exhaustive: a store has to keep each promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Loss of power.
    Full,
    /// Death of the process. Loss of power may drop the newest calls, but damages nothing.
    Normal,
}

impl Durability {
    /// Returns the name, as in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Full => "full",
            Durability::Normal => "normal",
        }
    }
}

/// A custom namespace that a configuration declares or removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceDeclaration {
    /// The first segment of its paths; never that of a built-in namespace.
    pub name: String,
    /// Nothing in it may be changed.
    pub readonly: bool,
    /// Only admins may use it.
    pub admin_only: bool,
    /// The second segment of its paths is a tenant.
    pub requires_tenant: bool,
    /// Forget the namespace instead of declaring it.
    pub remove: bool,
}

/// A prefix whose content lives in another directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountDeclaration {
    /// Name of the backend, as entries record it; never `local`.
    pub name: String,
    /// The prefix.
    pub path: VirtualPath,
    /// The directory that holds the content; absolute.
    pub root: PathBuf,
    /// Nothing below the prefix may be changed.
    pub readonly: bool,
}

/// A key for a server. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub(crate) String);

impl ApiKey {
    /// Returns the key itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The final configuration of a handle: every key has a value that was checked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The directory that holds the store; absolute.
    pub data_dir: PathBuf,
    /// The database file; absolute.
    pub db_path: PathBuf,
    /// The tenant that the handle is bound to; `None` for all.
    pub tenant_id: Option<String>,
    /// The agent that the handle is bound to; `None` for all of the tenant.
    pub agent_id: Option<String>,
    /// Whether the handle may act for every tenant and use what is for admins only.
    pub is_admin: bool,
    /// Whether read-only namespaces may be changed; only ever true with `is_admin`.
    pub allow_readonly_writes: bool,
    /// Whether paths outside registered namespaces are denied.
    pub strict_namespaces: bool,
    /// Custom namespaces to declare or to remove; names are unique.
    pub namespaces: Vec<NamespaceDeclaration>,
    /// Mounts; names, paths and roots are unique.
    pub mounts: Vec<MountDeclaration>,
    /// What an acknowledged call survives.
    pub durability: Durability,
    /// Bound of all caches of the engine together, in MiB.
    pub cache_size_mb: u32,
    /// Largest content that lives in the database, in bytes.
    pub inline_max_bytes: u32,
    /// Longest wait for another's commit.
    pub busy_timeout: Duration,
    /// Whether the engine keeps a thread for checkpoints.
    pub housekeeping: bool,
    /// Whether vector search is wanted. This build has none.
    pub enable_vector_search: bool,
    /// Whether the cache of language model answers is wanted. This build has none.
    pub enable_llm_cache: bool,
    /// Address of a server; unused in the embedded mode.
    pub url: Option<String>,
    /// Key for a server; unused in the embedded mode.
    pub api_key: Option<ApiKey>,
    /// Longest wait for a server; unused in the embedded mode.
    pub timeout: Option<Duration>,
}

/// The keys that belong to the engine, as its first opener set them: handles of one process share
/// one engine, so a later handle may have asked for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// Bound of all caches of the engine together, in MiB.
    pub cache_size_mb: u32,
    /// Whether the engine keeps a thread for checkpoints.
    pub housekeeping: bool,
}

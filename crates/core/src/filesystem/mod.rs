//! The facade: every call on a store begins here.
//!
//! A call parses its paths, asks the [policy](crate::access), and passes the grant to the [metadata
//! store](crate::metadata) and the [contents](crate::content). If the rules have changed meanwhile, the store rejects
//! the request and the call asks the policy again.
//!
//! | what | where |
//! |---|---|
//! | the open store, shared by the handles of a process | `engine` |
//! | what a handle can do, wherever the store is | `store` |
//! | changes: files, directories, metadata; alone or in a batch | `change`, `files`, `directories`, `batch`, `change_set` |
//! | making contents before the transaction; removing them after it; turns at appending | `prepare`, `removal`, `turns` |
//! | streams | `streams` |
//! | finding: lists, globs, contents, metadata | `listing`, `search`, `metadata` |
//! | where a page ended | `cursor` |
//! | globs; choosing files by them; regular expressions; searching lines for them | `pattern`, `file_pattern`, `expression`, `line_search` |
//! | what a caller may ask for beyond the plain call | [`options`] |
//! | work items: queries, claims | `work`, `claims` |
//! | statistics | `statistics` |

mod batch;
mod change;
mod change_set;
mod claims;
mod cursor;
mod directories;
mod engine;
mod expression;
mod file_pattern;
mod files;
mod line_search;
mod listing;
mod metadata;
pub mod options;
mod pattern;
mod prepare;
mod removal;
mod search;
mod statistics;
mod store;
mod streams;
mod turns;
mod work;

use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;

pub use self::batch::Batch;
pub(crate) use self::change::check_mime_type;
pub use self::change_set::ChangeSet;
pub use self::engine::{Engine, Home};
pub use self::file_pattern::FilePattern;
pub(crate) use self::listing::prefix_range;
pub(crate) use self::metadata::object_text;
pub use self::options::*;
pub use self::store::{ReadStream, Store, WriteStream};
pub use self::streams::{Reader, Writer};
pub use crate::work::{WorkItem, WorkView};

use crate::access::{Action, Identity, MountRule, NamespaceRule, Policy, Reach};
use crate::call::{Call, Interrupts};
use crate::config::{NamespaceDeclaration, Resolved};
use crate::content::Placement;
use crate::error::{Error, ErrorKind, Result};
use crate::host::address::refuse_url;
use crate::host::is_store_file;
use crate::log::{self, Level};
use crate::metadata::{Entry, Grant, MetadataStore, StoreError, StoreResult, Upkeep};
use crate::path::{VirtualPath, quoted};

/// How often a call asks the policy again when the rules keep changing under it.
const RULES_RETRIES: usize = 64;

/// A handle on a store, bound to an identity. Any thread may use it at any time.
///
/// A store is opened by a configuration, and a host that serves several tenants narrows a handle for each:
///
/// ```
/// use nexusfs::error::ErrorKind;
/// use nexusfs::filesystem::ListOptions;
/// # let directory = tempfile::tempdir()?;
/// # let data_dir = directory.path().join("nexus-data");
///
/// let config = serde_json::json!({ "data_dir": data_dir, "durability": "normal" });
/// let host = nexusfs::connect(Some(&config.to_string()))?;
/// let acme = host.with_identity(Some("acme"), None)?;
/// let rival = host.with_identity(Some("rival"), None)?;
///
/// let entry = acme.write("/shared/acme/plan.md", b"1. Look around", &Default::default())?;
/// assert_eq!(entry.file.map(|file| file.version), Some(1));
/// acme.set_meta_many("/shared/acme/plan.md", r#"{"author": "ada"}"#)?;
///
/// let denied = rival.read("/shared/acme/plan.md").unwrap_err();
/// assert_eq!(denied.kind(), ErrorKind::AccessDenied);
/// assert!(rival.list(&ListOptions::default())?.entries.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Filesystem {
    handle: Arc<Handle>,
    interrupts: Interrupts,
    is_child: bool,
}

/// What a handle and the objects opened on it share.
struct Handle {
    engine: Arc<Engine>,
    config: Resolved,
    identity: Identity,
    placement: Arc<Placement>,
    /// Decides under the newest rules that this handle has seen.
    policy: RwLock<Arc<Policy>>,
}

impl Filesystem {
    /// Returns a handle on the store of `engine` for the identity that `config` names, with the backends `placement`. What
    /// `config` says of namespaces is declared.
    ///
    /// # Errors
    /// `InvalidConfig`, `AccessDenied`; those of the store.
    pub fn on(
        engine: Arc<Engine>,
        placement: Placement,
        config: Resolved,
        call: &Call,
    ) -> Result<Filesystem> {
        let settings = &config.settings;
        let identity = Identity {
            tenant: settings.tenant_id.clone(),
            agent: settings.agent_id.clone(),
            admin: settings.is_admin,
            readonly_writes: settings.allow_readonly_writes,
            strict: settings.strict_namespaces,
        };
        let declared: Vec<_> = settings.namespaces.iter().map(namespace_rule).collect();
        engine
            .store
            .declare_namespaces(&declared, identity.admin, call)?;
        engine.reload_rules(call)?;
        log::emit(
            Level::Info,
            &format_args!("opened the store {}", engine.uuid),
        );
        let filesystem = Filesystem::new(engine, config, identity, Arc::new(placement));
        filesystem.remove_dropped(call);
        Ok(filesystem)
    }

    fn new(
        engine: Arc<Engine>,
        config: Resolved,
        identity: Identity,
        placement: Arc<Placement>,
    ) -> Filesystem {
        let policy = Arc::new(policy_of(&engine, &identity, &placement));
        Filesystem {
            handle: Arc::new(Handle {
                engine,
                config,
                identity,
                placement,
                policy: RwLock::new(policy),
            }),
            interrupts: Interrupts::default(),
            is_child: false,
        }
    }

    /// Returns a handle for `tenant` and `agent` on the same store; `None` inherits. It is never admin
    /// and outlives this one.
    ///
    /// # Errors
    /// `AccessDenied` for an id that differs from one that this handle has; `InvalidArgument` for one
    /// that cannot be an id.
    pub fn with_identity(&self, tenant: Option<&str>, agent: Option<&str>) -> Result<Filesystem> {
        let handle = &self.handle;
        let identity = handle.identity.narrow(tenant, agent)?;
        let config = handle
            .config
            .with_identity(tenant.map(str::to_owned), agent.map(str::to_owned));
        Ok(Filesystem::new(
            Arc::clone(&handle.engine),
            config,
            identity,
            Arc::clone(&handle.placement),
        ))
    }

    /// Returns the effective configuration as a JSON object: each key with its value and source.
    pub fn config(&self) -> String {
        self.handle.config.to_json(&self.handle.engine.settings)
    }

    /// Makes the calls in flight on this handle return `Cancelled`; later ones work.
    pub fn interrupt(&self) {
        self.interrupts.interrupt();
    }

    /// Makes the calls in flight on this handle, and all that come, return `Cancelled`. Readers, writers,
    /// batches and derived handles go on working.
    pub fn shut_down(&self) {
        self.interrupts.shut_down();
    }

    /// Returns another owner of this handle, for an object that is opened on it and outlives it.
    pub(crate) fn child(&self) -> Filesystem {
        Filesystem {
            handle: Arc::clone(&self.handle),
            interrupts: self.interrupts.clone(),
            is_child: true,
        }
    }

    pub(crate) fn begin(&self) -> Call {
        let busy_timeout = self.handle.config.settings.busy_timeout;
        match self.is_child {
            true => self.interrupts.begin_of_child(busy_timeout),
            false => self.interrupts.begin(busy_timeout),
        }
    }

    /// Returns the backends whose directories are not marked as this store's, and how they are.
    pub(crate) fn wrong_markers(&self, call: &Call) -> Result<Vec<(String, &'static str)>> {
        let mounts = &self.handle.config.settings.mounts;
        self.home().wrong_markers(mounts, call)
    }

    /// Marks the directory of the backend as this store's again, if its mark is missing or unreadable.
    pub(crate) fn mark_again(&self, backend: &str, call: &Call) -> Result<bool> {
        let mounts = &self.handle.config.settings.mounts;
        self.home().mark_again(backend, mounts, call)
    }

    /// Returns where the store is.
    pub(crate) fn home(&self) -> &dyn Home {
        &*self.handle.engine.home
    }

    /// Fails if `file` of the host, which need not exist and is not opened, is one of this store, of another that this process has
    /// open, or of a directory with a `nexus-store` file; or if it is a URL and no path.
    ///
    /// # Errors
    /// `InvalidArgument` naming the file, or the scheme of the URL.
    pub(crate) fn check_host_file(&self, file: &Path) -> Result<()> {
        refuse_url(file).map_err(|reason| {
            Error::invalid_argument(format!("the name of a file of the host {reason}"))
        })?;
        match is_store_file(file) {
            false => Ok(()),
            true => {
                let name = file.file_name().unwrap_or(file.as_os_str());
                let name = quoted(&name.to_string_lossy());
                Err(Error::invalid_argument(format!(
                    "{name} belongs to a store"
                )))
            }
        }
    }

    pub(crate) fn store(&self) -> &dyn MetadataStore {
        &*self.handle.engine.store
    }

    /// Returns what checks, repairs and copies the rows of the store.
    ///
    /// # Errors
    /// `Unsupported` for a store that leaves that to others.
    pub(crate) fn upkeep(&self) -> Result<&dyn Upkeep> {
        self.store().upkeep().ok_or_else(|| {
            Error::unsupported(
                "the rows of this store are neither repaired nor copied by its own means",
            )
        })
    }

    pub(crate) fn placement(&self) -> &Arc<Placement> {
        &self.handle.placement
    }

    /// Returns the policy under the newest rules that this process has seen.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        let handle = &self.handle;
        let policy = Arc::clone(&handle.policy.read());
        if policy.rules().version == handle.engine.rules().version {
            return policy;
        }
        let policy = Arc::new(policy_of(
            &handle.engine,
            &handle.identity,
            &handle.placement,
        ));
        *handle.policy.write() = Arc::clone(&policy);
        policy
    }

    /// Runs `request` with the policy and a grant of what it lets the caller read; again with the newer
    /// rules when the store has them.
    pub(crate) fn granted<T>(
        &self,
        call: &Call,
        mut request: impl FnMut(&Policy, &Grant) -> StoreResult<T>,
    ) -> Result<T> {
        for _ in 0..RULES_RETRIES {
            let policy = self.policy();
            let grant = Grant {
                rules: Arc::clone(policy.rules()),
                visible: Arc::clone(policy.visible()),
                call: call.clone(),
            };
            match request(&policy, &grant) {
                Ok(value) => return Ok(value),
                Err(StoreError::Failed(error)) => {
                    if !(is_denial(&error) && self.has_newer_rules(&policy, call)?) {
                        return Err(error);
                    }
                }
                Err(StoreError::Unprepared(_)) => {
                    return Err(Error::internal("a content was not prepared"));
                }
                Err(StoreError::RulesChanged) => {
                    call.check()?;
                    self.handle.engine.reload_rules(call)?;
                }
            }
        }
        Err(Error::conflict("the namespaces keep changing"))
    }

    /// Asks the policy where no request to the store follows. What it grants may be under old rules; what
    /// it denies is not.
    pub(crate) fn ask(&self, call: &Call, question: impl Fn(&Policy) -> Result<()>) -> Result<()> {
        let policy = self.policy();
        match question(&policy) {
            Err(error) if is_denial(&error) && self.has_newer_rules(&policy, call)? => {
                question(&self.policy())
            }
            answer => answer,
        }
    }

    /// Reads the rules again and returns whether they are newer than those of `policy`. A call that is
    /// denied never reaches the store, which would say so.
    fn has_newer_rules(&self, policy: &Policy, call: &Call) -> Result<bool> {
        self.handle.engine.reload_rules(call)?;
        Ok(self.handle.engine.rules().version != policy.rules().version)
    }

    /// Returns what exists at `path` for the caller.
    fn look_up(
        &self,
        path: &VirtualPath,
        policy: &Policy,
        grant: &Grant,
    ) -> StoreResult<Option<Entry>> {
        if path.is_root() {
            return Ok(Some(implied_directory(path)));
        }
        match policy.check(path, Action::Read)? {
            Reach::Whole => self.store().entry(path, grant),
            Reach::Gate => {
                let exists = self.store().gate_exists(path, grant)?;
                Ok(exists.then(|| implied_directory(path)))
            }
        }
    }
}

/// Another handle on the same store with the same identity, an admin's included. It has interrupts of its own: neither
/// [`interrupt`](Filesystem::interrupt) nor [`shut_down`](Filesystem::shut_down) of one handle reaches the other.
impl Clone for Filesystem {
    fn clone(&self) -> Filesystem {
        Filesystem {
            handle: Arc::clone(&self.handle),
            interrupts: Interrupts::default(),
            is_child: false,
        }
    }
}

/// Returns whether the rules are why a call failed.
fn is_denial(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::ReadOnly)
}

/// Returns the entry of a directory that was not made.
fn implied_directory(path: &VirtualPath) -> Entry {
    Entry {
        path: path.clone(),
        path_id: None,
        created_at: 0,
        modified_at: 0,
        file: None,
    }
}

fn policy_of(engine: &Engine, identity: &Identity, placement: &Placement) -> Policy {
    let mounts = placement.mounts().iter().map(|mount| MountRule {
        path: mount.path.clone(),
        readonly: mount.readonly,
    });
    Policy::new(identity.clone(), engine.rules(), mounts.collect())
}

fn namespace_rule(declared: &NamespaceDeclaration) -> (NamespaceRule, bool) {
    let rule = NamespaceRule {
        name: declared.name.clone(),
        readonly: declared.readonly,
        admin_only: declared.admin_only,
        requires_tenant: declared.requires_tenant,
        requires_agent: false,
        builtin: false,
    };
    (rule, declared.remove)
}

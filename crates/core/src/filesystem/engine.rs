//! The engine of a store: what all handles of one process on it share.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::RwLock;

use super::Progress;
use super::removal::Remover;
use super::turns::Turns;
use crate::access::Rules;
use crate::call::Call;
use crate::config::{EngineSettings, MountDeclaration};
use crate::content::{Placement, Prepared};
use crate::error::Result;
use crate::metadata::MetadataStore;

/// One open store.
pub struct Engine {
    /// Dropped before `store`, which its thread uses.
    pub(super) remover: Remover,
    pub(super) store: Arc<dyn MetadataStore>,
    pub(super) appends: Turns,
    /// What most changes need of contents.
    pub(super) nothing_prepared: Arc<Prepared>,
    pub(super) settings: EngineSettings,
    pub(super) uuid: String,
    rules: RwLock<Arc<Rules>>,
    /// Dropped after `store`, which is in it.
    pub(super) home: Arc<dyn Home>,
}

/// Where a store is, and what only who opened it can do: what it needs of the machine, and what the metadata and the contents know
/// nothing of.
///
/// `mounts` are those of the handle that asks.
pub trait Home: Send + Sync {
    /// Returns the directory in which a repair keeps what it takes out.
    fn data_dir(&self) -> &Path;

    /// Returns the backends, among the store's own and `mounts`, whose directories are not marked as
    /// theirs, and how they are.
    ///
    /// # Errors
    /// `Io`; those of the store.
    fn wrong_markers(
        &self,
        mounts: &[MountDeclaration],
        call: &Call,
    ) -> Result<Vec<(String, &'static str)>>;

    /// Marks the directory of the backend again, if its mark is missing or unreadable. One that is marked as
    /// another's is left alone. Returns whether it was marked.
    ///
    /// # Errors
    /// `Io`; those of the store.
    fn mark_again(&self, backend: &str, mounts: &[MountDeclaration], call: &Call) -> Result<bool>;

    /// Copies the store, with the contents of the backends of `placement`, to the directory `target` of this machine, and returns
    /// a JSON report: see [`Filesystem::backup`](super::Filesystem::backup).
    ///
    /// # Errors
    /// Those of [`Filesystem::backup`](super::Filesystem::backup), but `AccessDenied`.
    fn backup(
        &self,
        target: &Path,
        placement: &Placement,
        call: &Call,
        progress: Progress<'_>,
    ) -> Result<String>;

    /// Starts a thread that takes no signals: they are the host's.
    ///
    /// # Errors
    /// The system has no room for another thread.
    fn spawn(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>>;
}

impl Engine {
    /// Returns the engine of the store `store`, whose UUID is `uuid` and which is at `home`.
    ///
    /// # Errors
    /// Those of the store, whose rules are read.
    pub fn new(
        store: Arc<dyn MetadataStore>,
        uuid: String,
        home: Arc<dyn Home>,
        settings: EngineSettings,
        call: &Call,
    ) -> Result<Engine> {
        Ok(Engine {
            rules: RwLock::new(Arc::new(store.rules(call)?)),
            remover: Remover::default(),
            store,
            appends: Turns::default(),
            nothing_prepared: Arc::default(),
            settings,
            uuid,
            home,
        })
    }

    /// Returns the rules as this process last saw them.
    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read())
    }

    /// Reads the rules again. What another thread read later stays.
    pub(super) fn reload_rules(&self, call: &Call) -> Result<()> {
        let read = Arc::new(self.store.rules(call)?);
        let mut known = self.rules.write();
        *known = Arc::clone(&known).newer(read);
        Ok(())
    }
}

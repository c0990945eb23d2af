//! Writing.

use std::sync::Arc;

use super::{Grant, StoreResult};
use crate::access::NamespaceRule;
use crate::call::Call;
use crate::config::Durability;
use crate::content::{Prepared, Publisher, Routes};
use crate::error::Result;
use crate::metadata::{Change, Entry};

/// A list of changes that are applied in order and committed at once.
#[derive(Clone)]
pub struct WriteSet {
    /// The changes.
    pub changes: Arc<Vec<Change>>,
    /// Which backend takes the content of which path.
    pub routes: Arc<Routes>,
    /// Contents that were made for the changes beforehand.
    pub prepared: Arc<Prepared>,
    /// Puts the contents in place whose backend takes them in the transaction.
    pub publisher: Arc<dyn Publisher>,
    /// Whether the commit must survive power loss.
    pub durability: Durability,
}

/// What a commit left.
#[derive(Debug, Default)]
pub struct Committed {
    /// The entry that each change left, where it left one.
    pub entries: Vec<Option<Entry>>,
    /// Contents were dropped that are pending deletion now.
    pub has_dropped: bool,
}

/// Writes. A change is visible to all when its method returns, in this process and in others.
pub trait Ledger: Send + Sync {
    /// Applies the changes in order, in one transaction: all or nothing.
    fn commit(&self, set: WriteSet, grant: &Grant) -> StoreResult<Committed>;

    /// Registers, replaces or removes custom namespaces. `admin` may change what is registered;
    /// others may add one under which nothing exists.
    fn declare_namespaces(
        &self,
        declared: &[(NamespaceRule, bool)],
        admin: bool,
        call: &Call,
    ) -> Result<()>;

    /// Makes sure that each backend, a name and the UUID of its place, is known.
    ///
    /// # Errors
    /// `InvalidConfig` if the name is known with another UUID.
    fn register_backends(&self, backends: &[(Arc<str>, String)], call: &Call) -> Result<()>;

    /// Returns the UUID of the place of the backend `name`, if it is known.
    fn backend_uuid(&self, name: &str, call: &Call) -> Result<Option<String>>;
}

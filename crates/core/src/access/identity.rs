//! The identity of a handle.

use crate::error::{Error, Result};
use crate::path::parse_id;

/// Tenant, agent and rights of a handle. Without a tenant it sees every tenant; without an agent
/// every agent of its tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The tenant that the handle is bound to.
    pub tenant: Option<String>,
    /// The agent that the handle is bound to.
    pub agent: Option<String>,
    /// Sees every tenant and agent, and `admin_only` namespaces.
    pub admin: bool,
    /// May change read-only namespaces; admins only.
    pub readonly_writes: bool,
    /// Sees only registered namespaces.
    pub strict: bool,
}

impl Identity {
    /// Returns the tenant that limits this identity; none for an admin.
    pub fn bound_tenant(&self) -> Option<&str> {
        self.tenant.as_deref().filter(|_| !self.admin)
    }

    /// Returns the agent that limits this identity; none for an admin.
    pub fn bound_agent(&self) -> Option<&str> {
        self.agent.as_deref().filter(|_| !self.admin)
    }

    /// Returns whether neither tenant nor agent limits this identity.
    pub fn is_unbound(&self) -> bool {
        self.bound_tenant().is_none() && self.bound_agent().is_none()
    }

    /// Returns whether this identity may maintain the whole store.
    pub fn may_maintain(&self) -> bool {
        self.admin || (self.tenant.is_none() && self.agent.is_none())
    }

    /// Returns the identity narrowed to `tenant` and `agent`, never admin. `None` inherits.
    ///
    /// # Errors
    /// `InvalidArgument` for an id that cannot be one; `AccessDenied` for one that differs from what
    /// this identity has.
    pub fn narrow(&self, tenant: Option<&str>, agent: Option<&str>) -> Result<Identity> {
        Ok(Identity {
            tenant: narrow_id("tenant_id", self.tenant.as_deref(), tenant)?,
            agent: narrow_id("agent_id", self.agent.as_deref(), agent)?,
            admin: false,
            readonly_writes: false,
            strict: self.strict,
        })
    }
}

fn narrow_id(what: &str, own: Option<&str>, wanted: Option<&str>) -> Result<Option<String>> {
    match (own, wanted.map(|id| parse_id(what, id)).transpose()?) {
        (Some(own), Some(wanted)) if own != wanted => Err(Error::access_denied(format!(
            "a handle with {what} {own:?} cannot become {wanted:?}"
        ))),
        (own, wanted) => Ok(wanted.or(own).map(str::to_owned)),
    }
}

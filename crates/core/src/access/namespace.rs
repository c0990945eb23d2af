//! Namespaces: what the first segment of a path means.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::path::first_segment;

/// The rules of one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceRule {
    /// First segment of its paths.
    pub name: String,
    /// Nothing in it may be changed, not by admins either.
    pub readonly: bool,
    /// Admins only.
    pub admin_only: bool,
    /// The second segment is a tenant.
    pub requires_tenant: bool,
    /// The third segment is an agent.
    pub requires_agent: bool,
    /// Part of every store; cannot be redefined.
    pub builtin: bool,
}

/// The registered namespaces of a store, and the version that every change of them raises.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Raised by each change.
    pub version: i64,
    namespaces: BTreeMap<String, NamespaceRule>,
}

impl Rules {
    /// Returns the rules of `namespaces` at `version`.
    pub fn new(version: i64, namespaces: impl IntoIterator<Item = NamespaceRule>) -> Self {
        Rules {
            version,
            namespaces: namespaces
                .into_iter()
                .map(|rule| (rule.name.clone(), rule))
                .collect(),
        }
    }

    /// Returns the newer of `self` and `other`.
    pub fn newer(self: Arc<Self>, other: Arc<Self>) -> Arc<Self> {
        match other.version > self.version {
            true => other,
            false => self,
        }
    }

    /// Returns the rule of the namespace `name`, if one is registered.
    pub fn get(&self, name: &str) -> Option<&NamespaceRule> {
        self.namespaces.get(name)
    }

    /// Returns all rules, by name.
    pub fn iter(&self) -> impl Iterator<Item = &NamespaceRule> {
        self.namespaces.values()
    }

    /// Returns the tenant segment of `path`, where its namespace has one.
    pub fn tenant_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (namespace, below) = first_segment(path.strip_prefix('/')?);
        let rule = self.get(namespace)?;
        below
            .filter(|_| rule.requires_tenant)
            .map(|below| first_segment(below).0)
    }

    /// Returns what of `directory` (without its last `/`) one tenant or agent owns: its root in the namespace, the root
    /// of a namespace without owners, or `directory` where it lies above.
    pub fn scope_of<'a>(&self, directory: &'a str) -> &'a str {
        let (name, _) = first_segment(directory.strip_prefix('/').unwrap_or(""));
        let rule = self.get(name);
        let owners = rule.map_or(0, |rule| {
            usize::from(rule.requires_tenant) + usize::from(rule.requires_agent)
        });
        let mut slashes = directory
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'/');
        let end = slashes.nth(owners + 1);
        end.map_or(directory, |(end, _)| &directory[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two threads may read the rules in one order and keep them in the other.
    #[test]
    fn rules_that_were_read_earlier_do_not_replace_newer_ones() {
        let [old, new] = [1, 2].map(|version| Arc::new(Rules::new(version, [])));
        assert_eq!(Arc::clone(&old).newer(Arc::clone(&new)).version, 2);
        assert_eq!(new.newer(old).version, 2);
    }
}

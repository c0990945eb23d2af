//! Which backend takes the content of which path.

use std::sync::Arc;

use super::LOCAL_BACKEND;
use crate::path::{VirtualPath, is_within};

/// The names of the backends that a handle knows, and the paths whose contents they take: all that a metadata store has
/// to know of them.
#[derive(Debug, Clone)]
pub struct Routes {
    local: Arc<str>,
    /// The longest path first, which wins.
    mounts: Vec<(VirtualPath, Arc<str>)>,
    inline_max: usize,
}

impl Routes {
    /// Returns the routes to the backends at `mounts`, and to the store's own for all other paths. There, content of at most
    /// `inline_max` bytes lives in the database.
    pub fn new(mut mounts: Vec<(VirtualPath, Arc<str>)>, inline_max: usize) -> Self {
        mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.as_str().len()));
        Routes {
            local: LOCAL_BACKEND.into(),
            mounts,
            inline_max,
        }
    }

    /// Returns the number of bytes up to which content of the store's own backend lives in the database.
    pub fn inline_max(&self) -> usize {
        self.inline_max
    }

    /// Returns the names of the backends.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.local).chain(self.mounts.iter().map(|(_, name)| name))
    }

    /// Returns the backend that takes new content at `path`.
    pub fn backend_for(&self, path: &str) -> &Arc<str> {
        self.mounts
            .iter()
            .find(|(mount, _)| is_within(path, mount.as_str()))
            .map_or(&self.local, |(_, name)| name)
    }

    /// Returns whether contents change their backend when `from`, or what is under it, becomes `to`.
    pub fn separates(&self, from: &VirtualPath, to: &VirtualPath) -> bool {
        let lies_in = |mount: &VirtualPath| mount.is_within(from) || mount.is_within(to);
        self.backend_for(from.as_str()) != self.backend_for(to.as_str())
            || self.mounts.iter().any(|(mount, _)| lies_in(mount))
    }

    /// Returns whether new content of `size` bytes in the backend `name` is kept in the database.
    pub fn is_inline(&self, name: &str, size: u64) -> bool {
        name == LOCAL_BACKEND && size <= self.inline_max as u64
    }
}

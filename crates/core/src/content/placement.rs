//! The backends of one handle.

use std::sync::Arc;

use super::{
    ContentBuilder, ContentHash, ContentReader, ContentStore, LOCAL_BACKEND, NewContent,
    Publication, Routes, Staged, StoredContent,
};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::path::VirtualPath;

/// A backend that holds the contents of everything under a path.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The backend's name, recorded with every entry it holds.
    pub name: Arc<str>,
    /// The directory under which it takes new contents.
    pub path: VirtualPath,
    /// Where it keeps them.
    pub store: Arc<dyn ContentStore>,
    /// Nothing under `path` may change.
    pub readonly: bool,
}

/// Puts contents in place for a transaction that names them.
pub trait Publisher: Send + Sync {
    /// Puts finished contents of the backend `name` in place, durably.
    fn publish(&self, name: &str, staged: &[&dyn Staged], call: &Call) -> Result<()>;
}

/// The backends that a handle knows: the store's own and its mounts.
#[derive(Debug)]
pub struct Placement {
    routes: Arc<Routes>,
    local: Arc<dyn ContentStore>,
    mounts: Vec<Mount>,
}

impl Publisher for Placement {
    fn publish(&self, name: &str, staged: &[&dyn Staged], call: &Call) -> Result<()> {
        self.store(name)?.publish(staged, call)
    }
}

impl Placement {
    /// Returns the placement over `local` and `mounts`. Content of at most `inline_max` bytes that
    /// would go to `local` lives in the database.
    pub fn new(local: Arc<dyn ContentStore>, mut mounts: Vec<Mount>, inline_max: usize) -> Self {
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.as_str().len()));
        let routes = mounts
            .iter()
            .map(|mount| (mount.path.clone(), Arc::clone(&mount.name)));
        Placement {
            routes: Arc::new(Routes::new(routes.collect(), inline_max)),
            local,
            mounts,
        }
    }

    /// Returns which backend takes the content of which path.
    pub fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }

    /// Returns the mounts, longest path first.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Returns the names of the backends.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.routes.names()
    }

    /// Returns the names of the backends that may be changed.
    pub fn writable_names(&self) -> impl Iterator<Item = &Arc<str>> {
        let readonly = |name: &str| {
            let mut mounts = self.mounts.iter();
            mounts.any(|mount| mount.readonly && *mount.name == *name)
        };
        self.names().filter(move |name| !readonly(name))
    }

    /// Returns the backend `name`.
    ///
    /// # Errors
    /// [`ErrorKind::NotMounted`] if this handle has no such mount.
    pub fn store(&self, name: &str) -> Result<&Arc<dyn ContentStore>> {
        if name == LOCAL_BACKEND {
            return Ok(&self.local);
        }
        self.mounts
            .iter()
            .find(|mount| *mount.name == *name)
            .map(|mount| &mount.store)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotMounted,
                    format!("the backend '{name}' is not mounted"),
                )
            })
    }

    /// Returns whether contents of the backend `name` are published before the commit that names them.
    pub fn publishes_before_commit(&self, name: &str) -> Result<bool> {
        Ok(self.store(name)?.publication() == Publication::BeforeCommit)
    }

    /// Returns whether any backend publishes before the commit.
    pub fn any_publishes_before_commit(&self) -> bool {
        let is = |store: &Arc<dyn ContentStore>| store.publication() == Publication::BeforeCommit;
        is(&self.local) || self.mounts.iter().any(|mount| is(&mount.store))
    }

    /// Returns a builder of new content for the backend `name`.
    pub fn builder(&self, name: &str, call: &Call) -> Result<ContentBuilder> {
        let inline_max = (name == LOCAL_BACKEND).then_some(self.routes.inline_max());
        ContentBuilder::new(Arc::clone(self.store(name)?), inline_max, call)
    }

    /// Returns new content of `data` for the backend `name`.
    pub fn build(&self, name: &str, data: &[u8], call: &Call) -> Result<NewContent> {
        if self.routes.is_inline(name, data.len() as u64) {
            return Ok(NewContent::inline(data));
        }
        let mut builder = self.builder(name, call)?;
        builder.write(data, call)?;
        builder.finish(call)
    }

    /// Returns the verified bytes of `content`; `None` if its file is gone, as happens when the path was
    /// changed since.
    pub fn read(&self, content: StoredContent, call: &Call) -> Result<Option<Vec<u8>>> {
        match content.data {
            Some(data) if ContentHash::of(&data) == content.hash => Ok(Some(data)),
            Some(_) => Err(super::reader::damaged(&content.hash)),
            None => match self.open(content, call)? {
                Some(mut reader) => reader.read_all(call).map(Some),
                None => Ok(None),
            },
        }
    }

    /// Opens `content`; `None` if its file is gone, as happens when the path was changed since.
    pub fn open(&self, content: StoredContent, call: &Call) -> Result<Option<ContentReader>> {
        if let Some(data) = content.data {
            return ContentReader::inline(content.hash, data).map(Some);
        }
        let Some(file) = self.store(&content.backend)?.open(&content.hash, call)? else {
            return Ok(None);
        };
        ContentReader::file(content.hash, content.size, content.blocks, file, call).map(Some)
    }

    /// Returns `content`, or nothing, followed by `data`, as new content of the backend `name`.
    pub fn extend(
        &self,
        name: &str,
        content: Option<ContentReader>,
        data: &[u8],
        call: &Call,
    ) -> Result<NewContent> {
        let Some(mut content) = content else {
            return self.build(name, data, call);
        };
        let mut builder = self.builder(name, call)?;
        content.copy_to(&mut |piece| builder.write(piece, call), call)?;
        builder.write(data, call)?;
        builder.finish(call)
    }
}

/// Returns the error for a content whose file is gone although a path holds it.
pub fn missing(hash: &ContentHash) -> Error {
    Error::corrupt(format!("the content {hash} is missing"))
}

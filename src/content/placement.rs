//! Which backend holds the content of which path, for one handle.

use std::sync::Arc;

use super::{ContentBuilder, ContentHash, ContentReader, ContentStore, LOCAL_BACKEND, NewContent};
use crate::call::Call;
use crate::content::StoredContent;
use crate::error::{Error, ErrorKind, Result};
use crate::path::{VirtualPath, is_within};

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

/// The backends that a handle knows: the store's own and its mounts.
#[derive(Debug)]
pub struct Placement {
    local_name: Arc<str>,
    local: Arc<dyn ContentStore>,
    mounts: Vec<Mount>,
    inline_max: usize,
}

impl Placement {
    /// Returns the placement over `local` and `mounts`. Content of at most `inline_max` bytes that
    /// would go to `local` lives in the database.
    pub fn new(local: Arc<dyn ContentStore>, mut mounts: Vec<Mount>, inline_max: usize) -> Self {
        // The longest prefix wins: look there first.
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.as_str().len()));
        Placement {
            local_name: LOCAL_BACKEND.into(),
            local,
            mounts,
            inline_max,
        }
    }

    /// Returns the mounts, longest path first.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Returns the number of bytes up to which content of the store's own backend lives in the database.
    pub fn inline_max(&self) -> usize {
        self.inline_max
    }

    /// Returns the names of the backends.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.local_name).chain(self.mounts.iter().map(|mount| &mount.name))
    }

    /// Returns the names of the backends that may be changed.
    pub fn writable_names(&self) -> impl Iterator<Item = &Arc<str>> {
        let mounts = self.mounts.iter().filter(|mount| !mount.readonly);
        std::iter::once(&self.local_name).chain(mounts.map(|mount| &mount.name))
    }

    /// Returns the backend that takes new content at `path`.
    pub fn backend_for(&self, path: &str) -> &Arc<str> {
        self.mounts
            .iter()
            .find(|mount| is_within(path, mount.path.as_str()))
            .map_or(&self.local_name, |mount| &mount.name)
    }

    /// Returns whether contents change their backend when `from`, or what is under it, becomes `to`.
    pub fn separates(&self, from: &VirtualPath, to: &VirtualPath) -> bool {
        let lies_in = |mount: &Mount| mount.path.is_within(from) || mount.path.is_within(to);
        self.backend_for(from.as_str()) != self.backend_for(to.as_str())
            || self.mounts.iter().any(lies_in)
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

    /// Returns whether new content of `size` bytes in the backend `name` is kept in the database.
    pub fn is_inline(&self, name: &str, size: u64) -> bool {
        name == LOCAL_BACKEND && size <= self.inline_max as u64
    }

    /// Returns a builder of new content for the backend `name`.
    pub fn builder(&self, name: &str) -> Result<ContentBuilder> {
        let inline_max = (name == LOCAL_BACKEND).then_some(self.inline_max);
        ContentBuilder::new(Arc::clone(self.store(name)?), inline_max)
    }

    /// Returns new content of `data` for the backend `name`.
    pub fn build(&self, name: &str, data: &[u8], call: &Call) -> Result<NewContent> {
        if self.is_inline(name, data.len() as u64) {
            return Ok(NewContent::inline(data));
        }
        let mut builder = self.builder(name)?;
        builder.write(data, call)?;
        builder.finish(call)
    }

    /// Returns the verified bytes of `content`; `None` if its file is gone, as happens when the path was
    /// changed since.
    pub fn read(&self, content: StoredContent, call: &Call) -> Result<Option<Vec<u8>>> {
        match content.data {
            Some(data) if ContentHash::of(&data) == content.hash => Ok(Some(data)),
            Some(_) => Err(super::reader::damaged(&content.hash)),
            None => match self.open(content)? {
                Some(mut reader) => reader.read_all(call).map(Some),
                None => Ok(None),
            },
        }
    }

    /// Opens `content`; `None` if its file is gone, as happens when the path was changed since.
    pub fn open(&self, content: StoredContent) -> Result<Option<ContentReader>> {
        if let Some(data) = content.data {
            return ContentReader::inline(content.hash, data).map(Some);
        }
        let Some(file) = self.store(&content.backend)?.open(&content.hash)? else {
            return Ok(None);
        };
        ContentReader::file(content.hash, content.size, content.blocks, file).map(Some)
    }

    /// Returns `content`, followed by `data`, as new content of the backend `name`.
    pub fn extend(
        &self,
        name: &str,
        content: &mut ContentReader,
        data: &[u8],
        call: &Call,
    ) -> Result<NewContent> {
        let mut builder = self.builder(name)?;
        content.copy_to(&mut |piece| builder.write(piece, call), call)?;
        builder.write(data, call)?;
        builder.finish(call)
    }
}

/// Returns the error for a content whose file is gone although a path holds it.
pub(crate) fn missing(hash: &ContentHash) -> Error {
    Error::corrupt(format!("the content {hash} is missing"))
}

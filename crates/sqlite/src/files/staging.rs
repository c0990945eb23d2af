//! Unfinished content files.

use std::any::Any;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nexusfs_core::call::Call;
use nexusfs_core::content::ContentHasher;
use nexusfs_core::content::{BlockHashes, ContentFile, ContentHash, Staged, Staging};
use nexusfs_core::error::{Error, Result};
use nexusfs_core::host::directory::Directory;
use rustix::fs::{FlockOperation, flock};

use super::reclaim::new_name;
use super::{LocalContentStore, OpenFile};

/// A file in `tmp/`, locked by this process, that goes when it is dropped.
#[derive(Debug)]
struct TemporaryFile {
    store: LocalContentStore,
    name: String,
    file: File,
    is_renamed: AtomicBool,
}

impl TemporaryFile {
    fn create(store: &LocalContentStore) -> io::Result<Self> {
        loop {
            let name = new_name();
            let file = store.tmp()?.create_file(&*name)?;
            // A collector can take the lock between the creation and here, and remove the file: then
            // it has no name any more, and another is made.
            flock(&file, FlockOperation::LockExclusive)?;
            if file.metadata()?.nlink() == 1 {
                return Ok(TemporaryFile {
                    store: store.clone(),
                    name,
                    file,
                    is_renamed: AtomicBool::new(false),
                });
            }
        }
    }

    fn rename(&self, shard: &Directory, name: &str) -> io::Result<()> {
        self.store.tmp()?.rename(&*self.name, shard, name)?;
        self.is_renamed.store(true, Ordering::Release);
        Ok(())
    }
}

/// Returns an empty file in the `tmp/` of `store` that has no name any more.
pub(super) fn unnamed(store: &LocalContentStore) -> io::Result<File> {
    TemporaryFile::create(store)?.file.try_clone()
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if self.is_renamed.load(Ordering::Acquire) {
            return;
        }
        // What cannot be removed now is reclaimed at the next opening.
        let _ = self
            .store
            .tmp()
            .and_then(|tmp| tmp.remove_file(&*self.name));
    }
}

/// A content being written to a temporary file.
pub(super) struct StagingFile {
    temporary: TemporaryFile,
    hasher: ContentHasher,
}

impl StagingFile {
    /// Creates an empty file in the `tmp/` of `store`.
    pub fn create(store: &LocalContentStore) -> Result<Self> {
        let temporary = TemporaryFile::create(store)
            .map_err(|error| Error::io("cannot create a temporary content file", error))?;
        Ok(StagingFile {
            temporary,
            hasher: ContentHasher::default(),
        })
    }
}

impl Staging for StagingFile {
    fn write(&mut self, data: &[u8], _: &Call) -> Result<()> {
        self.hasher.update(data);
        self.temporary
            .file
            .write_all(data)
            .map_err(|error| Error::io("cannot write a content", error))
    }

    fn finish(self: Box<Self>, call: &Call) -> Result<Arc<dyn Staged>> {
        let (hash, size, blocks) = self.hasher.finish();
        let file = &self.temporary.file;
        let is_in_place = (self.temporary.store).is_in_place(&hash, size, file, call)?;
        let staged = StagedFile {
            temporary: self.temporary,
            hash,
            size,
            blocks,
            is_in_place,
            is_synced: AtomicBool::new(false),
            sync_failed: AtomicBool::new(false),
        };
        // One that is there already will hardly be published: then the sync would be for nothing.
        if !is_in_place {
            staged
                .sync()
                .map_err(|error| Error::io("cannot sync a content", error))?;
        }
        Ok(Arc::new(staged))
    }
}

/// A complete content under its temporary name.
#[derive(Debug)]
pub(super) struct StagedFile {
    temporary: TemporaryFile,
    hash: ContentHash,
    size: u64,
    blocks: BlockHashes,
    is_in_place: bool,
    is_synced: AtomicBool,
    /// A sync failed. Another one of the same file proves nothing: the kernel may take its pages for clean.
    sync_failed: AtomicBool,
}

impl StagedFile {
    fn sync(&self) -> io::Result<()> {
        if self.sync_failed.load(Ordering::Acquire) {
            return Err(io::Error::other("a sync of it failed before"));
        }
        let synced = self.temporary.file.sync_all();
        self.is_synced.store(synced.is_ok(), Ordering::Release);
        self.sync_failed.store(synced.is_err(), Ordering::Release);
        synced
    }

    /// Renames the file to `name` in `shard`, and replaces an existing entry.
    ///
    /// When an earlier transaction moved it and then failed to commit, the temporary name is gone,
    /// and the content is written again from the file that is still open.
    pub fn move_to(&self, shard: &Directory, name: &str) -> Result<()> {
        let rename = || -> io::Result<()> {
            if !self.is_synced.load(Ordering::Acquire) {
                self.sync()?;
            }
            match self.temporary.rename(shard, name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.copy_to(shard, name),
                other => other,
            }
        };
        rename().map_err(|error| Error::io("cannot publish a content", error))
    }

    fn copy_to(&self, shard: &Directory, name: &str) -> io::Result<()> {
        let mut copy = TemporaryFile::create(&self.temporary.store)?;
        let mut source = &self.temporary.file;
        source.rewind()?;
        io::copy(&mut source, &mut copy.file)?;
        copy.file.sync_all()?;
        copy.rename(shard, name)
    }
}

impl Staged for StagedFile {
    fn hash(&self) -> ContentHash {
        self.hash
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn blocks(&self) -> &BlockHashes {
        &self.blocks
    }

    fn is_in_place(&self) -> bool {
        self.is_in_place
    }

    fn open(&self, _: &Call) -> Result<Box<dyn ContentFile>> {
        let file = self.temporary.file.try_clone();
        Ok(Box::new(OpenFile(file.map_err(|error| {
            Error::io("cannot open a content", error)
        })?)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

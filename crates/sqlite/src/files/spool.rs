//! Many contents that wait for one transaction, without an open file for each.
//!
//! A spool is a directory in `tmp/`, locked by its owner as unfinished files are: a process that gets the lock may
//! remove it. Large contents are files in it; the small ones are one after the other in one file.

use std::any::Any;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use nexusfs_core::call::Call;
use nexusfs_core::content::ContentHasher;
use nexusfs_core::content::{
    BlockHashes, ContentFile, ContentHash, NewContent, SmallContents, Spool, Staged, Staging,
};
use nexusfs_core::error::{Error, Result};
use nexusfs_core::host::directory::Directory;
use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock, fstat};

use super::reclaim::{SMALL, link_name, new_name, remove_spool};
use super::{LocalContentStore, OpenFile};

/// A directory in `tmp/` that goes when it is dropped.
#[derive(Debug)]
pub(super) struct SpoolDirectory {
    store: LocalContentStore,
    name: String,
    /// Locked.
    directory: Directory,
    small: Arc<SmallFile>,
}

impl SpoolDirectory {
    /// Creates an empty one in the `tmp/` of `store`.
    pub fn create(store: &LocalContentStore) -> Result<SharedSpool> {
        let failed = |error| Error::io("cannot create a temporary directory", error);
        let tmp = store.tmp().map_err(failed)?;
        loop {
            let name = new_name();
            let directory = match tmp.make_directory(&*name) {
                // A collector can remove it before it is opened, or locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                directory => directory.map_err(failed)?,
            };
            flock(&directory, FlockOperation::LockExclusive)
                .map_err(|error| failed(error.into()))?;
            let inode = |stat: rustix::fs::Stat| (stat.st_dev, stat.st_ino);
            let locked = fstat(&directory).map_err(|error| failed(error.into()))?;
            if tmp.stat(&*name).map_err(failed)?.map(inode) != Some(inode(locked)) {
                continue;
            }
            let file = directory.create_file(SMALL).map_err(failed)?;
            return Ok(SharedSpool(Arc::new(SpoolDirectory {
                store: store.clone(),
                name,
                directory,
                small: Arc::new(SmallFile {
                    file,
                    end: Mutex::new(0),
                }),
            })));
        }
    }
}

impl Drop for SpoolDirectory {
    fn drop(&mut self) {
        // What cannot be removed now is reclaimed at the next opening.
        let _ = self
            .store
            .tmp()
            .and_then(|tmp| remove_spool(&tmp, &self.name, &self.directory));
    }
}

/// A spool that its contents keep, too.
#[derive(Debug)]
pub(super) struct SharedSpool(Arc<SpoolDirectory>);

impl Spool for SharedSpool {
    fn stage(&self, _: &Call) -> Result<Box<dyn Staging>> {
        let name = new_name();
        let file = self
            .0
            .directory
            .create_file(&*name)
            .map_err(|error| Error::io("cannot create a temporary content file", error))?;
        Ok(Box::new(SpoolingFile {
            spool: Arc::clone(&self.0),
            name,
            file,
            hasher: ContentHasher::default(),
        }))
    }

    fn keep_small(&self, data: &[u8]) -> Result<NewContent> {
        let mut end = self.0.small.end.lock();
        self.0
            .small
            .file
            .write_all_at(data, *end)
            .map_err(|error| Error::io("cannot write a content", error))?;
        let offset = *end;
        *end += data.len() as u64;
        Ok(NewContent::Small {
            hash: ContentHash::of(data),
            size: data.len() as u64,
            offset,
            file: Arc::clone(&self.0.small) as _,
        })
    }
}

/// The small contents of a spool.
#[derive(Debug)]
struct SmallFile {
    file: File,
    end: Mutex<u64>,
}

impl SmallContents for SmallFile {
    fn read(&self, offset: u64, size: u64) -> Result<Vec<u8>> {
        let mut data = vec![0; size as usize];
        self.file
            .read_exact_at(&mut data, offset)
            .map_err(|error| Error::io("cannot read a content", error))?;
        Ok(data)
    }
}

/// A content being written to a spool.
struct SpoolingFile {
    spool: Arc<SpoolDirectory>,
    name: String,
    file: File,
    hasher: ContentHasher,
}

impl Staging for SpoolingFile {
    fn write(&mut self, data: &[u8], _: &Call) -> Result<()> {
        self.hasher.update(data);
        self.file
            .write_all(data)
            .map_err(|error| Error::io("cannot write a content", error))
    }

    fn finish(self: Box<Self>, call: &Call) -> Result<Arc<dyn Staged>> {
        self.file
            .sync_all()
            .map_err(|error| Error::io("cannot sync a content", error))?;
        let (hash, size, blocks) = self.hasher.finish();
        let store = &self.spool.store;
        let is_in_place = store.is_in_place(&hash, size, &self.file, call)?;
        Ok(Arc::new(SpooledFile {
            spool: self.spool,
            name: self.name,
            hash,
            size,
            blocks,
            is_in_place,
        }))
    }
}

/// A complete content in a spool. It stays there when it is published, so that a transaction that fails to
/// commit can be tried again.
#[derive(Debug)]
pub(super) struct SpooledFile {
    spool: Arc<SpoolDirectory>,
    name: String,
    hash: ContentHash,
    size: u64,
    blocks: BlockHashes,
    is_in_place: bool,
}

impl SpooledFile {
    /// Links the file as `name` in `shard`, too, and replaces an existing entry.
    pub fn link_to(&self, shard: &Directory, name: &str) -> Result<()> {
        let spool = &self.spool.directory;
        let second = link_name(&self.name);
        let link = || -> io::Result<()> {
            spool.remove_file(&*second)?;
            spool.link(&*self.name, spool, &*second)?;
            spool.rename(&*second, shard, name)?;
            // Renaming a name of a file over another name of it leaves both.
            spool.remove_file(&*second)
        };
        link().map_err(|error| Error::io("cannot publish a content", error))
    }
}

impl Staged for SpooledFile {
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
        let failed = |error| Error::io("cannot open a content", error);
        let file = self.spool.directory.file(&*self.name).map_err(failed)?;
        let missing = || failed(io::ErrorKind::NotFound.into());
        Ok(Box::new(OpenFile(file.ok_or_else(missing)?)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

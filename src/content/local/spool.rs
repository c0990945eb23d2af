//! Many contents that one transaction is to name, without an open file for each.
//!
//! A spool is a directory in `tmp/`, locked by its owner as unfinished files are: whoever can take the lock
//! may remove it. Large contents are files in it; the small ones stand one after the other in one file.

use std::any::Any;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use super::{LocalContentStore, OpenFile, Standing, ignore_missing};
use crate::call::Call;
use crate::content::blocks::ContentHasher;
use crate::content::{
    BlockHashes, ContentFile, ContentHash, NewContent, SmallContents, Spool, Staged, Staging,
};
use crate::error::{Error, Result};

/// A directory in `tmp/` that goes when it is dropped.
#[derive(Debug)]
pub(super) struct SpoolDirectory {
    store: LocalContentStore,
    path: PathBuf,
    _lock: File,
    small: Arc<SmallFile>,
}

impl SpoolDirectory {
    /// Creates an empty one in the `tmp/` of `store`.
    pub fn create(store: &LocalContentStore) -> Result<Arc<Self>> {
        let failed = |error| Error::io("cannot create a temporary directory", error);
        loop {
            let path = store.root.join("tmp").join(Uuid::now_v7().to_string());
            let made = fs::DirBuilder::new().mode(0o700).create(&path);
            made.map_err(failed)?;
            let lock = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                lock => lock.map_err(failed)?,
            };
            flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
            // A collector can remove it before it is locked.
            let inode = lock.metadata().map_err(failed)?.ino();
            if !path.metadata().is_ok_and(|found| found.ino() == inode) {
                continue;
            }
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path.join("small"))
                .map_err(failed)?;
            return Ok(Arc::new(SpoolDirectory {
                store: store.clone(),
                path,
                _lock: lock,
                small: Arc::new(SmallFile {
                    file,
                    end: Mutex::new(0),
                }),
            }));
        }
    }
}

impl Drop for SpoolDirectory {
    fn drop(&mut self) {
        // What cannot be removed now is reclaimed at the next opening.
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Spool for Arc<SpoolDirectory> {
    fn stage(&self) -> Result<Box<dyn Staging>> {
        let path = self.path.join(Uuid::now_v7().to_string());
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Error::io("cannot create a temporary content file", error))?;
        Ok(Box::new(SpoolingFile {
            directory: Arc::clone(self),
            path,
            file,
            hasher: ContentHasher::default(),
        }))
    }

    fn keep_small(&self, data: &[u8]) -> Result<NewContent> {
        let mut end = self.small.end.lock();
        self.small
            .file
            .write_all_at(data, *end)
            .map_err(|error| Error::io("cannot write a content", error))?;
        let offset = *end;
        *end += data.len() as u64;
        Ok(NewContent::Small {
            hash: ContentHash::of(data),
            size: data.len() as u64,
            offset,
            file: Arc::clone(&self.small) as _,
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
    directory: Arc<SpoolDirectory>,
    path: PathBuf,
    file: File,
    hasher: ContentHasher,
}

impl Staging for SpoolingFile {
    fn write(&mut self, data: &[u8]) -> Result<()> {
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
        let store = &self.directory.store;
        let standing = store.compare(&hash, size, &self.file, call)?;
        Ok(Arc::new(SpooledFile {
            _directory: self.directory,
            path: self.path,
            hash,
            size,
            blocks,
            found_damage: standing == Standing::Damaged,
        }))
    }
}

/// A complete content in a spool. It stays there when it is published, so that a transaction that fails to
/// commit can be tried again.
#[derive(Debug)]
pub(super) struct SpooledFile {
    _directory: Arc<SpoolDirectory>,
    path: PathBuf,
    hash: ContentHash,
    size: u64,
    blocks: BlockHashes,
    found_damage: bool,
}

impl SpooledFile {
    /// Gives the file the name `target` too, in place of whatever stands there.
    pub fn link_to(&self, target: &Path) -> Result<()> {
        let name = self.path.with_extension("link");
        let link = || -> io::Result<()> {
            ignore_missing(fs::remove_file(&name))?;
            fs::hard_link(&self.path, &name)?;
            fs::rename(&name, target)?;
            // Renaming a name of a file over another name of it leaves both.
            ignore_missing(fs::remove_file(&name))
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

    fn found_damage(&self) -> bool {
        self.found_damage
    }

    fn open(&self) -> Result<Box<dyn ContentFile>> {
        let file = File::open(&self.path);
        Ok(Box::new(OpenFile(file.map_err(|error| {
            Error::io("cannot open a content", error)
        })?)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

//! Unfinished content files.

use std::any::Any;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use super::{LocalContentStore, OpenFile, Standing, ignore_missing};
use crate::call::Call;
use crate::content::blocks::ContentHasher;
use crate::content::{BlockHashes, ContentFile, ContentHash, Staged, Staging};
use crate::error::{Error, Result};

/// A file in `tmp/`, locked by this process, that goes when it is dropped.
#[derive(Debug)]
struct TemporaryFile {
    path: PathBuf,
    file: File,
}

impl TemporaryFile {
    fn create(directory: &Path) -> io::Result<Self> {
        loop {
            let path = directory.join(Uuid::now_v7().to_string());
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            // A collector can take the lock between the creation and here, and remove the file: then
            // it has no name any more, and another is made.
            flock(&file, FlockOperation::LockExclusive)?;
            if file.metadata()?.nlink() == 1 {
                return Ok(TemporaryFile { path, file });
            }
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // What cannot be removed now is reclaimed at the next opening.
        let _ = ignore_missing(fs::remove_file(&self.path));
    }
}

/// A content being written to a temporary file.
pub(super) struct StagingFile {
    store: LocalContentStore,
    temporary: TemporaryFile,
    hasher: ContentHasher,
}

impl StagingFile {
    /// Creates an empty file in the `tmp/` of `store`.
    pub fn create(store: &LocalContentStore) -> Result<Self> {
        let temporary = TemporaryFile::create(&store.root.join("tmp"))
            .map_err(|error| Error::io("cannot create a temporary content file", error))?;
        Ok(StagingFile {
            store: store.clone(),
            temporary,
            hasher: ContentHasher::default(),
        })
    }
}

impl Staging for StagingFile {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        self.hasher.update(data);
        self.temporary
            .file
            .write_all(data)
            .map_err(|error| Error::io("cannot write a content", error))
    }

    fn finish(self: Box<Self>, call: &Call) -> Result<Arc<dyn Staged>> {
        let (hash, size, blocks) = self.hasher.finish();
        let standing = self
            .store
            .compare(&hash, size, &self.temporary.file, call)?;
        let staged = StagedFile {
            temporary: self.temporary,
            hash,
            size,
            blocks,
            found_damage: standing == Standing::Damaged,
            is_synced: AtomicBool::new(false),
            sync_failed: AtomicBool::new(false),
        };
        // One that is there already will hardly be published: then the sync would be for nothing.
        if standing != Standing::Same {
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
    found_damage: bool,
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

    /// Renames the file to `target`, over whatever stands there.
    ///
    /// When an earlier transaction moved it and then failed to commit, the temporary name is gone,
    /// and the content is written again from the file that is still open.
    pub fn move_to(&self, target: &Path) -> Result<()> {
        let rename = || -> io::Result<()> {
            if !self.is_synced.load(Ordering::Acquire) {
                self.sync()?;
            }
            match fs::rename(&self.temporary.path, target) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.copy_to(target),
                other => other,
            }
        };
        rename().map_err(|error| Error::io("cannot publish a content", error))
    }

    fn copy_to(&self, target: &Path) -> io::Result<()> {
        let directory = self.temporary.path.parent().unwrap_or(Path::new("."));
        let mut copy = TemporaryFile::create(directory)?;
        let mut source = &self.temporary.file;
        source.rewind()?;
        io::copy(&mut source, &mut copy.file)?;
        copy.file.sync_all()?;
        fs::rename(&copy.path, target)
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

    fn found_damage(&self) -> bool {
        self.found_damage
    }

    fn open(&self) -> Result<Box<dyn ContentFile>> {
        let file = self.temporary.file.try_clone();
        Ok(Box::new(OpenFile(file.map_err(|error| {
            Error::io("cannot open a content", error)
        })?)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

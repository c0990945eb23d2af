//! Contents as files in a directory.
//!
//! `cas/ab/<hash>` holds the content whose hash begins with `ab`; `tmp/` holds unfinished ones.
//! An unfinished file is locked (`flock`) by its writer, so a file whose lock can be taken belongs to
//! nobody and may go; a directory of them, a spool, likewise. Publishing renames it into `cas/` and syncs the directories; that, and every
//! removal, happens under the metadata store's write lock.

mod spool;
mod staging;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FlockOperation, flock};

use self::spool::{SpoolDirectory, SpooledFile};
use self::staging::{StagedFile, StagingFile};
use super::{
    ContentFile, ContentHash, ContentStore, PIECE_BYTES, Reclaimed, Spool, Staged, Staging,
};
use crate::call::Call;
use crate::error::{Error, Result};

/// The directory for what a repair took out.
pub(crate) const QUARANTINE: &str = "quarantine";

/// A directory of contents.
#[derive(Debug, Clone)]
pub struct LocalContentStore {
    root: Arc<Path>,
    /// For each first byte of a hash, whether this process knows that the name of its directory in `cas/`
    /// is durable.
    durable_shards: Arc<[AtomicBool; 256]>,
}

impl LocalContentStore {
    /// Opens the contents in the directory `root`, creating its two parts if they are missing.
    pub fn open(root: &Path) -> Result<Self> {
        for part in ["cas", "tmp"] {
            create_directory(&root.join(part))?;
        }
        // Also where they were there: whoever made them may have died before the sync.
        sync_directory(root)?;
        Ok(Self::at(root))
    }

    /// Opens the contents in the directory `root` without writing to it.
    pub fn open_readonly(root: &Path) -> Self {
        Self::at(root)
    }

    fn at(root: &Path) -> Self {
        LocalContentStore {
            root: root.into(),
            durable_shards: Arc::new([const { AtomicBool::new(false) }; 256]),
        }
    }

    /// Calls `visit` for each file in `tmp/` that belongs to nobody, and counts those for which it returns
    /// `true`.
    fn visit_unfinished(&self, visit: &mut dyn FnMut(&Path) -> bool) -> Result<Reclaimed> {
        let mut counted = Reclaimed::default();
        for path in directory_entries(&self.root.join("tmp"))? {
            // One that vanishes meanwhile was published or discarded by its writer.
            let Ok(file) = File::open(&path) else {
                continue;
            };
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            let bytes = bytes_of(&path, &file);
            if visit(&path) {
                counted.files += 1;
                counted.bytes += bytes;
            }
        }
        Ok(counted)
    }

    /// Compares what stands under the name of a content with the whole content in `file`.
    fn compare(&self, hash: &ContentHash, size: u64, file: &File, call: &Call) -> Result<Standing> {
        let there = match File::open(self.file(hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Missing),
            Err(error) => return Err(Error::io("cannot open a content", error)),
        };
        if bytes_in(&there)? != size {
            return Ok(Standing::Damaged);
        }
        let mut pieces = [(); 2].map(|()| vec![0; PIECE_BYTES.min(size as usize)]);
        let mut offset = 0;
        while offset < size {
            call.check()?;
            let [expected, found] = &mut pieces;
            let count = read_at(file, offset, expected)?;
            // What cannot be read is as good as other bytes.
            match read_at(&there, offset, found) {
                Ok(found_count) if count > 0 && expected[..count] == found[..found_count] => {}
                _ => return Ok(Standing::Damaged),
            }
            offset += count as u64;
        }
        Ok(Standing::Same)
    }

    fn shard(&self, hash: &ContentHash) -> PathBuf {
        let [first, ..] = hash.as_bytes();
        self.root.join("cas").join(format!("{first:02x}"))
    }

    fn file(&self, hash: &ContentHash) -> PathBuf {
        self.shard(hash).join(hash.to_string())
    }
}

impl ContentStore for LocalContentStore {
    fn stage(&self) -> Result<Box<dyn Staging>> {
        Ok(Box::new(StagingFile::create(self)?))
    }

    fn spool(&self) -> Result<Box<dyn Spool>> {
        Ok(Box::new(SpoolDirectory::create(self)?))
    }

    fn publish(&self, staged: &[&dyn Staged]) -> Result<()> {
        let mut directories = BTreeSet::new();
        let mut shards = Vec::new();
        for staged in staged {
            let shard = self.shard(&staged.hash());
            create_directory(&shard)?;
            // Not only where it was missing: whoever made it may have failed before the sync.
            let first = staged.hash().as_bytes()[0];
            let is_durable = &self.durable_shards[usize::from(first)];
            if !is_durable.load(Ordering::Acquire) {
                directories.insert(self.root.join("cas"));
                shards.push(is_durable);
            }
            let target = self.file(&staged.hash());
            let kind = staged.as_any();
            if let Some(file) = kind.downcast_ref::<StagedFile>() {
                file.move_to(&target)?;
            } else if let Some(file) = kind.downcast_ref::<SpooledFile>() {
                file.link_to(&target)?;
            } else {
                return Err(Error::internal("a staged content of another backend"));
            }
            directories.insert(shard);
        }
        for directory in &directories {
            sync_directory(directory)?;
        }
        for is_durable in shards {
            is_durable.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn sync_names(&self) -> Result<()> {
        let cas = self.root.join("cas");
        for shard in directory_entries(&cas)? {
            sync_directory(&shard)?;
        }
        sync_directory(&cas)
    }

    fn open(&self, hash: &ContentHash) -> Result<Option<Box<dyn ContentFile>>> {
        match File::open(self.file(hash)) {
            Ok(file) => Ok(Some(Box::new(OpenFile(file)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("cannot open a content", error)),
        }
    }

    fn size_of(&self, hash: &ContentHash) -> Result<Option<u64>> {
        match self.file(hash).metadata() {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("cannot look for a content", error)),
        }
    }

    fn remove(&self, hash: &ContentHash) -> Result<()> {
        ignore_missing(fs::remove_file(self.file(hash)))
            .map_err(|error| Error::io("cannot remove a content", error))
    }

    fn reclaim_unfinished(&self) -> Result<Reclaimed> {
        self.visit_unfinished(&mut |path| match path.is_dir() {
            true => fs::remove_dir_all(path).is_ok(),
            false => fs::remove_file(path).is_ok(),
        })
    }

    fn unfinished(&self) -> Result<Reclaimed> {
        self.visit_unfinished(&mut |_| true)
    }

    fn quarantine(&self, hash: &ContentHash, run: &str) -> Result<Option<String>> {
        let directory = self.root.join(QUARANTINE);
        create_directory(&directory)?;
        let of_run = directory.join(run);
        create_directory(&of_run)?;
        let name = of_run.join(hash.to_string());
        match fs::hard_link(self.file(hash), name) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("cannot quarantine a content", error)),
        }
        for directory in [&*self.root, &*directory, &*of_run] {
            sync_directory(directory)?;
        }
        Ok(Some(format!("{QUARANTINE}/{run}/{hash}")))
    }

    fn walk(&self, visit: &mut dyn FnMut(ContentHash, u64) -> Result<bool>) -> Result<()> {
        for shard in directory_entries(&self.root.join("cas"))? {
            for path in directory_entries(&shard)? {
                let name = path.file_name().and_then(|name| name.to_str());
                let Some(Ok(hash)) = name.map(ContentHash::parse) else {
                    continue;
                };
                let size = path.metadata().map_or(0, |metadata| metadata.len());
                if !visit(hash, size)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// What stands under the name of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Missing,
    Same,
    Damaged,
}

/// Returns the bytes of an unfinished file, or of the files in a directory of them.
fn bytes_of(path: &Path, file: &File) -> u64 {
    let Ok(metadata) = file.metadata() else {
        return 0;
    };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let files = directory_entries(path).unwrap_or_default();
    files
        .iter()
        .map(|file| file.metadata().map_or(0, |metadata| metadata.len()))
        .sum()
}

struct OpenFile(File);

impl ContentFile for OpenFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        read_at(&self.0, offset, buffer)
    }

    fn size(&self) -> Result<u64> {
        bytes_in(&self.0)
    }
}

/// Reads at `offset` until `buffer` is full or the file ends; returns the number of bytes.
fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("cannot read a content", error)),
        }
    }
    Ok(filled)
}

fn bytes_in(file: &File) -> Result<u64> {
    let metadata = file.metadata();
    Ok(metadata
        .map_err(|error| Error::io("cannot read a content", error))?
        .len())
}

/// Creates `path` with mode 0700 and returns whether it was missing.
fn create_directory(path: &Path) -> Result<bool> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::io("cannot create a content directory", error)),
    }
}

/// Makes the names in the directory `path` durable.
fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Error::io("cannot sync a content directory", error))
}

/// Returns the paths in `directory`; none if it is missing or, put there by somebody else, a file.
fn directory_entries(directory: &Path) -> Result<Vec<PathBuf>> {
    use io::ErrorKind::{NotADirectory, NotFound};
    let failed = |error| Error::io("cannot read a content directory", error);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    entries
        .map(|entry| Ok(entry.map_err(failed)?.path()))
        .collect()
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

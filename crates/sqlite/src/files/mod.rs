//! Contents as files in a directory.
//!
//! `cas/ab/<hash>` holds the content whose hash begins with `ab`; `tmp/` holds unfinished ones. The writer of an
//! unfinished file locks it (`flock`). If a process gets the lock, the file is abandoned and may be removed. The same
//! applies to a spool, a directory of such files. Publishing renames it into `cas/` and syncs the directories, under
//! the metadata store's write lock; a removal needs no lock, because no path has the content by then.
//!
//! Files are opened relative to open directories, and no link is followed. Files with other names or types than this
//! module creates are never read, counted or removed.

mod reclaim;
mod spool;
mod staging;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nexusfs_core::call::Call;
use nexusfs_core::content::{
    ContentFile, ContentHash, ContentStore, LocalContents, PIECE_BYTES, Publication, Reclaimed,
    Spool, Staged, Staging,
};
use nexusfs_core::error::{Error, Result};
use nexusfs_core::host::directory::{Directory, is_file, is_foreign, refused};
use nexusfs_core::host::layout::{CAS, QUARANTINE, TMP};
use rustix::fs::{Advice, fadvise};

use self::spool::{SpoolDirectory, SpooledFile};
use self::staging::{StagedFile, StagingFile};

/// Most directories that are kept open while contents are put in place.
const OPEN_SHARDS: usize = 32;

/// A directory of contents.
#[derive(Debug, Clone)]
pub struct LocalContentStore {
    root: Arc<Directory>,
    /// For each first byte of a hash, whether this process knows that the name of its directory in `cas/`
    /// is durable.
    durable_shards: Arc<[AtomicBool; 256]>,
}

impl LocalContentStore {
    /// Opens the contents in the directory `root`, creating its two parts if they are missing.
    ///
    /// # Errors
    /// `InvalidConfig` if something else, such as a link, has the name of a part.
    pub fn open(root: &Path) -> Result<Self> {
        let failed = |error| refused("cannot create a content directory", error);
        let root = Directory::open(root).map_err(open_failed)?;
        for part in [CAS, TMP] {
            root.make_directory(part).map_err(failed)?;
        }
        root.directory(QUARANTINE).map_err(failed)?;
        // Also if they existed: the process that created them may have died before the sync.
        root.sync().map_err(sync_failed)?;
        Ok(Self::at(root))
    }

    /// Opens the contents in the directory `root` without writing to it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_readonly(root: &Path) -> Result<Self> {
        let root = Directory::open(root).map_err(open_failed)?;
        for part in [CAS, TMP] {
            root.directory(part)
                .map_err(|error| refused("cannot open a content directory", error))?;
        }
        Ok(Self::at(root))
    }

    fn at(root: Directory) -> Self {
        LocalContentStore {
            root: Arc::new(root),
            durable_shards: Arc::new([const { AtomicBool::new(false) }; 256]),
        }
    }

    /// Opens the directory of contents.
    fn cas(&self) -> io::Result<Directory> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        self.root.directory(CAS)?.ok_or_else(missing)
    }

    /// Opens the directory of unfinished contents.
    fn tmp(&self) -> io::Result<Directory> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        self.root.directory(TMP)?.ok_or_else(missing)
    }

    /// Opens the directory that the file of a content is in, if there is one.
    fn shard(&self, hash: &ContentHash) -> io::Result<Option<Directory>> {
        match own(self.root.directory(CAS))? {
            Some(cas) => own(cas.directory(&*shard_name(hash.as_bytes()[0]))),
            None => Ok(None),
        }
    }

    /// Opens the file of a content for reading.
    fn file(&self, hash: &ContentHash) -> io::Result<Option<File>> {
        // Through a link in place of `cas/` or of a directory in it, at worst: what is read is verified.
        self.root.file(&*path_of(hash))
    }

    /// Returns whether the `size` bytes of `file` already have the name of the content.
    fn is_in_place(&self, hash: &ContentHash, size: u64, file: &File, call: &Call) -> Result<bool> {
        let there = match self.file(hash) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(false),
            Err(error) if is_foreign(&error) => return Ok(false),
            Err(error) => return Err(open_failed(error)),
        };
        if bytes_in(&there)? != size {
            return Ok(false);
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
                _ => return Ok(false),
            }
            offset += count as u64;
        }
        Ok(true)
    }
}

impl ContentStore for LocalContentStore {
    fn publication(&self) -> Publication {
        Publication::UnderLock
    }

    fn stage(&self, _: &Call) -> Result<Box<dyn Staging>> {
        Ok(Box::new(StagingFile::create(self)?))
    }

    fn spool(&self, _: &Call) -> Result<Box<dyn Spool>> {
        Ok(Box::new(SpoolDirectory::create(self)?))
    }

    fn scratch(&self) -> Result<File> {
        staging::unnamed(self).map_err(|error| Error::io("cannot create a temporary file", error))
    }

    fn publish(&self, staged: &[&dyn Staged], _: &Call) -> Result<()> {
        let cas = self.cas().map_err(publish_failed)?;
        let mut staged = staged.to_vec();
        // One directory after the other: each is opened once.
        staged.sort_by_key(|staged| staged.hash().as_bytes()[0]);
        let mut shards: Vec<(u8, Option<Directory>)> = Vec::new();
        for of_shard in staged.chunk_by(|a, b| a.hash().as_bytes()[0] == b.hash().as_bytes()[0]) {
            let first = of_shard[0].hash().as_bytes()[0];
            let shard = cas
                .make_directory(&*shard_name(first))
                .map_err(publish_failed)?;
            for staged in of_shard {
                let name = staged.hash().to_string();
                let kind = staged.as_any();
                if let Some(file) = kind.downcast_ref::<StagedFile>() {
                    file.move_to(&shard, &name)?;
                } else if let Some(file) = kind.downcast_ref::<SpooledFile>() {
                    file.link_to(&shard, &name)?;
                } else {
                    return Err(Error::internal("a staged content of another backend"));
                }
            }
            let kept = (shards.len() < OPEN_SHARDS).then_some(shard);
            shards.push((first, kept));
        }
        // After all renames: a file system makes them durable together with the first.
        for (first, shard) in &shards {
            match shard {
                Some(shard) => shard.sync().map_err(sync_failed)?,
                None => sync_shard(&cas, &shard_name(*first))?,
            }
        }
        let is_durable = |first: u8| &self.durable_shards[usize::from(first)];
        // Not only if one was missing: the process that created it may have failed before the sync.
        if !(shards.iter()).all(|(first, _)| is_durable(*first).load(Ordering::Acquire)) {
            cas.sync().map_err(sync_failed)?;
            for (first, _) in &shards {
                is_durable(*first).store(true, Ordering::Release);
            }
        }
        Ok(())
    }

    fn open(&self, hash: &ContentHash, _: &Call) -> Result<Option<Box<dyn ContentFile>>> {
        let file = own(self.file(hash)).map_err(open_failed)?;
        Ok(file.map(|file| Box::new(OpenFile(file)) as _))
    }

    fn size_of(&self, hash: &ContentHash, _: &Call) -> Result<Option<u64>> {
        self.root
            .size_of(path_of(hash))
            .map_err(|error| Error::io("cannot look for a content", error))
    }

    fn remove(&self, hashes: &[ContentHash], call: &Call) -> Result<()> {
        let remove = |hash: &ContentHash| match self.shard(hash)? {
            Some(shard) => shard.remove_file(hash.to_string()),
            None => Ok(()),
        };
        for hash in hashes {
            call.check()?;
            remove(hash).map_err(|error| Error::io("cannot remove a content", error))?;
        }
        Ok(())
    }

    fn walk(
        &self,
        visit: &mut dyn FnMut(ContentHash, u64) -> Result<bool>,
        call: &Call,
    ) -> Result<()> {
        let Some(cas) = own(self.root.directory(CAS)).map_err(read_failed)? else {
            return Ok(());
        };
        for shard in cas.names().map_err(read_failed)? {
            call.check()?;
            let Some(shard) = own(cas.directory(&*shard)).map_err(read_failed)? else {
                continue;
            };
            for name in shard.names().map_err(read_failed)? {
                let Some(Ok(hash)) = name.to_str().map(ContentHash::parse) else {
                    continue;
                };
                // One that went meanwhile has the size 0; what is no file is no content.
                let size = match shard.stat(&*name) {
                    Ok(Some(stat)) if !is_file(&stat) => continue,
                    Ok(Some(stat)) => u64::try_from(stat.st_size).unwrap_or(0),
                    _ => 0,
                };
                if !visit(hash, size)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn reclaim_unfinished(&self, _: &Call) -> Result<Reclaimed> {
        let tmp = own(self.root.directory(TMP)).map_err(read_failed)?;
        tmp.map_or(Ok(Reclaimed::default()), |tmp| reclaim::reclaim(&tmp))
    }

    fn unfinished(&self, _: &Call) -> Result<Reclaimed> {
        let tmp = own(self.root.directory(TMP)).map_err(read_failed)?;
        tmp.map_or(Ok(Reclaimed::default()), |tmp| reclaim::count(&tmp))
    }

    fn local(&self) -> Option<&dyn LocalContents> {
        Some(self)
    }
}

impl LocalContents for LocalContentStore {
    fn sync_names(&self, call: &Call) -> Result<()> {
        let cas = self.cas().map_err(sync_failed)?;
        for shard in cas.names().map_err(read_failed)? {
            call.check()?;
            if let Some(shard) = own(cas.directory(&*shard)).map_err(sync_failed)? {
                shard.sync().map_err(sync_failed)?;
            }
        }
        cas.sync().map_err(sync_failed)
    }

    fn quarantine(&self, hash: &ContentHash, run: &str) -> Result<Option<String>> {
        let failed = |error| Error::io("cannot quarantine a content", error);
        let make = |directory: &Directory, name: &str| {
            let made = directory.make_directory(name);
            made.map_err(|error| refused("cannot quarantine a content", error))
        };
        let directory = make(&self.root, QUARANTINE)?;
        let of_run = make(&directory, run)?;
        let Some(shard) = self.shard(hash).map_err(failed)? else {
            return Ok(None);
        };
        match shard.link(hash.to_string(), &of_run, hash.to_string()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
        for directory in [&*self.root, &directory, &of_run] {
            directory.sync().map_err(sync_failed)?;
        }
        Ok(Some(format!("{QUARANTINE}/{run}/{hash}")))
    }
}

/// Returns nothing in place of what is not the store's own.
fn own<T>(found: io::Result<Option<T>>) -> io::Result<Option<T>> {
    match found {
        Err(error) if is_foreign(&error) => Ok(None),
        found => found,
    }
}

/// Returns the name of the directory in `cas/` of hashes with this first byte.
fn shard_name(first: u8) -> String {
    format!("{first:02x}")
}

/// Returns the path of a content in the directory of contents.
fn path_of(hash: &ContentHash) -> String {
    format!("{CAS}/{}/{hash}", shard_name(hash.as_bytes()[0]))
}

/// Makes the names in the directory `name` of `cas` durable.
fn sync_shard(cas: &Directory, name: &str) -> Result<()> {
    let shard = cas.directory(name).map_err(sync_failed)?;
    match shard {
        Some(shard) => shard.sync().map_err(sync_failed),
        None => Err(sync_failed(io::ErrorKind::NotFound.into())),
    }
}

fn open_failed(error: io::Error) -> Error {
    Error::io("cannot open a content", error)
}

fn publish_failed(error: io::Error) -> Error {
    Error::io("cannot open a content directory", error)
}

fn read_failed(error: io::Error) -> Error {
    Error::io("cannot read a content directory", error)
}

fn sync_failed(error: io::Error) -> Error {
    Error::io("cannot sync a content directory", error)
}

struct OpenFile(File);

impl ContentFile for OpenFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8], _: &Call) -> Result<usize> {
        read_at(&self.0, offset, buffer)
    }

    fn size(&self, _: &Call) -> Result<u64> {
        bytes_in(&self.0)
    }

    fn forget_cached(&self) {
        // Where the system does not, the second reading is the first one's.
        let _ = fadvise(&self.0, 0, None, Advice::DontNeed);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nexusfs_core::call::Interrupts;
    use nexusfs_core::content::ContentBuilder;
    use nexusfs_core::error::ErrorKind;

    use super::*;

    #[test]
    fn what_was_not_written_whole_cannot_be_finished() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(LocalContentStore::open(directory.path()).unwrap());
        let interrupts = Interrupts::default();
        let call = interrupts.begin(Duration::ZERO);
        let mut builder = ContentBuilder::new(store, Some(8), &call).unwrap();
        builder.write(b"small", &call).unwrap();
        interrupts.interrupt();
        let interrupted = builder.write(b"and more than fits", &call).unwrap_err();
        assert_eq!(interrupted.kind(), ErrorKind::Cancelled);
        let call = interrupts.begin(Duration::ZERO);
        let again = builder.write(b"and more", &call).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Misuse);
        assert_eq!(builder.finish(&call).unwrap_err().kind(), ErrorKind::Misuse);
    }
}

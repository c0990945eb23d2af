//! Changes on their way into the store: small ones together in a transaction, large files by stream.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nexusfs_core::content::ContentHash;
use nexusfs_core::filesystem::{Filesystem, MkdirOptions, WriteOptions};
use nexusfs_core::path::VirtualPath;

use super::posix::Posix;
use crate::failure::{Failure, Result};
use crate::progress::Progress;
use crate::signals::StopRequest;

/// Files up to this size are held in memory and committed together.
pub const SMALL: u64 = 1024 * 1024;
/// A batch is committed when it has so many changes,
const BATCH_CHANGES: usize = 1000;
/// so many bytes,
const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// or so many contents that are files of their own: each is open until the commit.
const BATCH_OPEN: usize = 128;
/// Contents above this size are counted as such; the store may keep larger ones in the database, too.
const SURELY_INLINE: usize = 4 * 1024;
/// How much of a large file is in memory.
const PIECE: usize = 256 * 1024;

/// One change.
pub enum Pending {
    /// A directory, with time and mode where those that are kept are others.
    Directory(VirtualPath, Option<Posix>),
    File {
        host: PathBuf,
        to: VirtualPath,
        data: Vec<u8>,
        posix: Posix,
    },
    /// Only time and mode.
    Touch {
        host: PathBuf,
        to: VirtualPath,
        etag: ContentHash,
        posix: Posix,
    },
}

/// Changes that wait to be committed together.
pub struct Loader<'a> {
    fs: &'a Filesystem,
    pending: Vec<Pending>,
    bytes: usize,
    open: usize,
}

impl<'a> Loader<'a> {
    pub fn new(fs: &'a Filesystem) -> Self {
        Loader {
            fs,
            pending: Vec::new(),
            bytes: 0,
            open: 0,
        }
    }

    pub fn add(&mut self, change: Pending) {
        if let Pending::File { data, .. } = &change {
            self.bytes += data.len();
            self.open += usize::from(data.len() > SURELY_INLINE);
        }
        self.pending.push(change);
    }

    pub fn is_full(&self) -> bool {
        self.pending.len() >= BATCH_CHANGES || self.bytes >= BATCH_BYTES || self.open >= BATCH_OPEN
    }

    /// Commits what waits and passes each change with its outcome to `done`. Where the batch fails, its changes
    /// are made one by one, so that one bad file keeps no other out.
    ///
    /// # Errors
    /// What would befall every further file too.
    pub fn commit(
        &mut self,
        done: &mut dyn FnMut(Pending, Result<()>) -> Result<()>,
    ) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        (self.bytes, self.open) = (0, 0);
        if pending.is_empty() {
            return Ok(());
        }
        let commit = |changes: &[Pending]| {
            let committed = self.commit_together(changes);
            committed.map_err(|error| Failure::from(error.outside_batch()))
        };
        match commit(&pending) {
            Ok(()) => pending
                .into_iter()
                .try_for_each(|change| done(change, Ok(()))),
            Err(failure) if failure.ends_run() => Err(failure),
            Err(_) => pending.into_iter().try_for_each(|change| {
                match commit(std::slice::from_ref(&change)) {
                    Err(failure) if failure.ends_run() => Err(failure),
                    outcome => done(change, outcome),
                }
            }),
        }
    }

    fn commit_together(&self, changes: &[Pending]) -> nexusfs_core::error::Result<()> {
        let mut batch = self.fs.batch();
        let directory = MkdirOptions {
            parents: true,
            exist_ok: true,
        };
        for change in changes {
            match change {
                Pending::Directory(to, posix) => {
                    batch.mkdir(to.as_str(), directory)?;
                    if let Some(posix) = posix {
                        batch.set_meta_many(to.as_str(), &posix.of_directory())?;
                    }
                }
                Pending::File {
                    to, data, posix, ..
                } => {
                    let etag = ContentHash::of(data);
                    batch.write(to.as_str(), data, &WriteOptions::default())?;
                    batch.set_meta_many(to.as_str(), &posix.of_file(&etag))?;
                }
                Pending::Touch {
                    to, etag, posix, ..
                } => batch.set_meta_many(to.as_str(), &posix.of_file(etag))?,
            }
        }
        batch.commit().map(drop)
    }

    /// Writes a large file by stream: what was read of it, and then the rest. Returns its size. It is there at
    /// once, with time and mode, or not at all.
    pub fn stream(
        &self,
        host: &Path,
        source: &mut dyn Read,
        to: &VirtualPath,
        posix: Posix,
        progress: &Progress,
        stop: &StopRequest,
    ) -> Result<u64> {
        let mut writer = self.fs.open_writer(to.as_str(), &WriteOptions::default())?;
        let mut piece = vec![0; PIECE];
        let mut size = 0;
        loop {
            stop.check()?;
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => {
                    writer.write(&piece[..count])?;
                    progress.add(count as u64);
                    size += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::host("read", host, &error)),
            }
        }
        writer.commit_described(|etag| posix.of_file(etag))?;
        Ok(size)
    }
}

/// Opens a file of the host for reading, unless it has become something else meanwhile: a link is followed only if the
/// user named it, and a pipe is not waited for.
pub fn open_plain(path: &Path, is_named: bool) -> Result<(File, std::fs::Metadata)> {
    use rustix::fs::{Mode, OFlags, open};
    let failed = |error: io::Error| Failure::host("read", path, &error);
    let follow = match is_named {
        true => OFlags::empty(),
        false => OFlags::NOFOLLOW,
    };
    let flags = OFlags::RDONLY | follow | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
    let file = File::from(file);
    let metadata = file.metadata().map_err(failed)?;
    match metadata.is_file() {
        true => Ok((file, metadata)),
        false => Err(failed(io::Error::other("it is no regular file any more"))),
    }
}

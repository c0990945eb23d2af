//! Contents: bytes named by their hash, each stored once per backend.
//!
//! A small content is in the database (the metadata store keeps it); a larger one is in a backend behind
//! [`ContentStore`]. New content is [built](ContentBuilder) before the transaction that names it, and only
//! [published](ContentStore::publish) inside it.

mod blocks;
mod builder;
mod examine;
mod hash;
mod placement;
mod prepared;
mod reader;
mod routes;
mod stored;

use std::fmt;
use std::fs::File;
use std::sync::Arc;

pub use blocks::{BLOCK_BYTES, BlockHashes, ContentHasher};
pub use builder::{ContentBuilder, NewContent};
pub use examine::{Condition, Expected, measure};
pub use hash::ContentHash;
pub use placement::{Mount, Placement, Publisher, missing};
pub use prepared::{Copies, Form, Prepared, Unprepared};
pub use reader::{ContentReader, damaged};
pub use routes::Routes;
pub use stored::StoredContent;

use crate::call::Call;
use crate::error::{Error, Result};

/// Bytes of a content that are read or written between two checks for interrupts.
pub const PIECE_BYTES: usize = 4 * BLOCK_BYTES;

/// The backend that every store has: its own data directory.
pub const LOCAL_BACKEND: &str = "local";

/// When a backend makes a finished content visible under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// In the transaction that names it, just before the commit: a rename, which takes microseconds.
    UnderLock,
    /// Before the transaction, while the metadata store keeps the name reserved: an upload, which takes as long
    /// as the network does.
    BeforeCommit,
}

/// One backend: it holds contents as files or objects, each under its hash. Any thread may call it at any time.
///
/// A method that gets a [`Call`] may take long: it fails with `Cancelled` soon after the call was interrupted. A metadata
/// store never calls a backend but for [`publish`](Self::publish) of one whose publication is
/// [`UnderLock`](Publication::UnderLock).
pub trait ContentStore: fmt::Debug + Send + Sync {
    /// Returns when this backend publishes.
    fn publication(&self) -> Publication;

    /// Starts a new content. Nothing of it is visible until it is published.
    fn stage(&self, call: &Call) -> Result<Box<dyn Staging>>;

    /// Starts a group of new contents that one transaction is to name, however many they are.
    fn spool(&self, call: &Call) -> Result<Box<dyn Spool>>;

    /// Returns an empty file without a name, for what one call keeps on the disk.
    fn scratch(&self) -> Result<File>;

    /// Puts finished contents in place, durably, each in place of whatever has its name.
    fn publish(&self, staged: &[&dyn Staged], call: &Call) -> Result<()>;

    /// Opens a content, or returns `None` if it is not there.
    fn open(&self, hash: &ContentHash, call: &Call) -> Result<Option<Box<dyn ContentFile>>>;

    /// Returns the number of bytes that are there under the name of a content, or `None` if it is not
    /// there.
    fn size_of(&self, hash: &ContentHash, call: &Call) -> Result<Option<u64>>;

    /// Removes contents; one that is not there is no error. After an error any of them may be gone.
    fn remove(&self, hashes: &[ContentHash], call: &Call) -> Result<()>;

    /// Calls `visit` for each content that is there, with its size, until it returns `false`.
    fn walk(
        &self,
        visit: &mut dyn FnMut(ContentHash, u64) -> Result<bool>,
        call: &Call,
    ) -> Result<()>;

    /// Removes what unfinished writes of dead processes left. Returns how many files and bytes.
    fn reclaim_unfinished(&self, call: &Call) -> Result<Reclaimed>;

    /// Returns how many files and bytes [`reclaim_unfinished`](Self::reclaim_unfinished) would remove.
    fn unfinished(&self, call: &Call) -> Result<Reclaimed>;

    /// Returns what only a backend in a directory of this machine can do.
    fn local(&self) -> Option<&dyn LocalContents> {
        None
    }
}

/// What only a backend in a directory of this machine can do.
pub trait LocalContents {
    /// Makes the names of all published contents durable, whichever process published them.
    fn sync_names(&self, call: &Call) -> Result<()>;

    /// Gives whatever has the name of a content a name in the directory `quarantine/` and `run`
    /// too, and returns that; `None` if nothing has it.
    fn quarantine(&self, hash: &ContentHash, run: &str) -> Result<Option<String>>;
}

/// A content being written.
pub trait Staging: Send {
    /// Appends `data`.
    fn write(&mut self, data: &[u8], call: &Call) -> Result<()>;

    /// Returns what was written, still unpublished; it is durable before it is published. Dropping the
    /// result discards it unless it was published.
    fn finish(self: Box<Self>, call: &Call) -> Result<Arc<dyn Staged>>;
}

/// New contents that wait for one transaction, with a bounded number of open files. Dropped with
/// the last of its contents, it leaves nothing but what was published.
pub trait Spool: Send + Sync + fmt::Debug {
    /// Starts a content of the backend.
    fn stage(&self, call: &Call) -> Result<Box<dyn Staging>>;

    /// Keeps a content that is to live in the database.
    fn keep_small(&self, data: &[u8]) -> Result<NewContent>;
}

/// Where a spool keeps small contents.
pub trait SmallContents: Send + Sync + fmt::Debug {
    /// Returns the `size` bytes at `offset`.
    fn read(&self, offset: u64, size: u64) -> Result<Vec<u8>>;
}

/// A content that is complete and can be published.
pub trait Staged: fmt::Debug + Send + Sync {
    /// Hash of the bytes.
    fn hash(&self) -> ContentHash;
    /// Number of bytes.
    fn size(&self) -> u64;
    /// Hashes of the blocks.
    fn blocks(&self) -> &BlockHashes;
    /// Returns whether the same bytes had its name already when it was finished.
    fn is_in_place(&self) -> bool;
    /// Opens it for reading.
    fn open(&self, call: &Call) -> Result<Box<dyn ContentFile>>;
    /// Lets a backend find its own kind of staged content again.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// An open content. It stays readable after the content was removed.
pub trait ContentFile: Send {
    /// Reads at `offset` until `buffer` is full or the end is reached; returns the number of bytes.
    fn read_at(&self, offset: u64, buffer: &mut [u8], call: &Call) -> Result<usize>;
    /// Returns the number of bytes.
    fn size(&self, call: &Call) -> Result<u64>;
    /// Has the next reading come from the device, not from the system's memory, as far as that can be done.
    fn forget_cached(&self);
}

/// Returns an empty vector with room for `size` bytes, a number from a store or a caller: however great it is, the
/// process goes on.
///
/// # Errors
/// `Io` if there is not so much memory.
pub(crate) fn with_room(size: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).map_err(|_| {
        let what = "cannot hold a content in memory";
        Error::io(what, std::io::ErrorKind::OutOfMemory.into())
    })?;
    Ok(bytes)
}

/// Writes the `size` bytes of `file` to `staging`, or as many as there are: the hash shows a difference.
pub fn stage_again(
    file: &dyn ContentFile,
    size: u64,
    staging: &mut dyn Staging,
    call: &Call,
) -> Result<()> {
    let mut buffer = vec![0; PIECE_BYTES.min(size as usize)];
    let mut offset = 0;
    while offset < size {
        call.check()?;
        match file.read_at(offset, &mut buffer, call)? {
            0 => break,
            count => {
                staging.write(&buffer[..count], call)?;
                offset += count as u64;
            }
        }
    }
    Ok(())
}

/// What was freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// Number of files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

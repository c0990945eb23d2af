//! Repair of the rows that a check found.

use std::sync::Arc;

use super::{ContentKey, Finding};
use crate::call::Call;
use crate::content::{BlockHashes, ContentHash};
use crate::error::Result;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mended {
    /// It was taken.
    Done,
    /// There is nothing that it could do.
    Nothing,
    /// The row has changed since the check.
    Changed,
}

impl Mended {
    /// Returns what became of a statement that found its rows, or did not.
    pub fn done(found: bool) -> Self {
        match found {
            true => Mended::Done,
            false => Mended::Nothing,
        }
    }
}

/// What is known of a file whose row, or whose content, is damaged.
#[derive(Debug, Clone)]
pub struct LostFile {
    /// Its path.
    pub path: String,
    /// Its etag, if that can be read.
    pub etag: Option<ContentHash>,
    /// Its length, if that can be read.
    pub size: Option<u64>,
    /// The id of its content, if that can be read.
    pub content_id: Option<i64>,
    /// The backend of its content, if that is known.
    pub backend: Option<String>,
    /// When it was changed, if that can be read.
    pub modified_at: Option<i64>,
    /// Its row is one of a file.
    pub is_file: bool,
    /// Something lies below it.
    pub is_above: bool,
    /// All of its metadata, by key.
    pub metadata: Vec<(String, String)>,
}

impl LostFile {
    /// Returns whether `other`, which was at the same path at another time, is the same.
    pub fn is_same(&self, other: &LostFile) -> bool {
        let of = |file: &LostFile| (file.etag, file.content_id, file.modified_at, file.is_file);
        of(self) == of(other)
    }
}

/// A content whose bytes were found good although rows about it are wrong.
#[derive(Debug, Clone)]
pub struct VerifiedContent {
    /// What its row said, if there is one.
    pub row: Option<ContentKey>,
    /// The bytes were found in the row.
    pub is_inline: bool,
    /// The backend.
    pub backend: Arc<str>,
    /// Its hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub size: u64,
    /// Hashes of the blocks, where it is a file of several.
    pub blocks: BlockHashes,
}

/// Where a content is, as far as its row can be read.
#[derive(Debug, Clone)]
pub struct ContentPlace {
    /// What its row says.
    pub key: ContentKey,
    /// The backend.
    pub backend: Option<String>,
    /// The bytes, where they are inline.
    pub data: Option<Vec<u8>>,
}

/// Repairs rows, each in a transaction that checks it again.
pub trait MetadataMender {
    /// Returns what [`mend`](Self::mend) would do; `None` for nothing.
    fn planned(&self, finding: &Finding) -> Option<&'static str>;

    /// Repairs the row of `finding`; returns whether anything was changed.
    fn mend(&self, finding: &Finding, call: &Call) -> Result<bool>;

    /// Makes the row of `file`, if it is none of a file, say what that of a directory says.
    fn mend_directory(&self, file: &LostFile, call: &Call) -> Result<Mended>;

    /// Gives `file`, and those with the same content, a right row of it, and makes the row of `file` one of a
    /// file that has it. What lies below something makes that no file.
    fn restore_content(
        &self,
        file: &LostFile,
        content: &VerifiedContent,
        call: &Call,
    ) -> Result<Mended>;

    /// Gives the file at `path`, below which something lies, another name, and returns that.
    fn move_aside(&self, path: &str, call: &Call) -> Result<Option<String>>;

    /// Removes everything that is said of `file`, if it is still the same; returns whether it was.
    fn forget(&self, file: &LostFile, call: &Call) -> Result<bool>;

    /// Returns what is known of what is at `path`.
    fn describe(&self, path: &str, call: &Call) -> Result<Option<LostFile>>;

    /// Returns the first `limit` files that have the content `key`; none if its row is another by now.
    fn holders(&self, key: &ContentKey, limit: usize, call: &Call) -> Result<Vec<LostFile>>;

    /// Returns the ids of the rows of a content of a backend.
    fn contents_of(&self, backend: &str, hash: &ContentHash, call: &Call) -> Result<Vec<i64>>;

    /// Returns where the content that has the id `id` now is.
    fn content_place(&self, id: i64, call: &Call) -> Result<Option<ContentPlace>>;

    /// Returns the value of a key, whatever it is.
    fn value_of(&self, path: &str, key: &str, call: &Call) -> Result<Option<String>>;

    /// Returns the typed keys of a path, whatever is there, and their JSON texts.
    fn work_values(&self, path: &str, call: &Call) -> Result<Vec<(String, String)>>;
}

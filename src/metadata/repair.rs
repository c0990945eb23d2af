//! Mending what a check found.

use std::sync::Arc;

use super::Finding;
use crate::call::Call;
use crate::content::{BlockHashes, ContentHash};
use crate::error::Result;

/// What is known of a file that cannot stay.
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
    /// All of its metadata, by key.
    pub metadata: Vec<(String, String)>,
}

/// A content whose bytes were found good although rows about it are wrong.
#[derive(Debug, Clone)]
pub struct VerifiedContent {
    /// The id of its row, if there is one.
    pub id: Option<i64>,
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
    /// The backend.
    pub backend: Option<String>,
    /// Its hash.
    pub hash: Option<ContentHash>,
    /// The bytes, where they are inline.
    pub data: Option<Vec<u8>>,
}

/// Mends rows, each in a transaction that looks at it again.
pub trait MetadataMender {
    /// Says what [`mend`](Self::mend) would do; `None` for nothing.
    fn planned(&self, finding: &Finding) -> Option<&'static str>;

    /// Mends the row of `finding`; returns whether anything was changed.
    fn mend(&self, finding: &Finding, call: &Call) -> Result<bool>;

    /// Makes the row at `path`, if it is one of a directory, say what such a row says.
    fn mend_directory(&self, path: &str, call: &Call) -> Result<bool>;

    /// Gives the files that have the content a right row of it.
    fn restore_content(&self, content: &VerifiedContent, call: &Call) -> Result<bool>;

    /// Gives the file at `path`, below which something lies, another name, and returns that.
    fn move_aside(&self, path: &str, call: &Call) -> Result<Option<String>>;

    /// Removes everything that is said of `file`, if it is still the same; returns whether it was.
    fn forget(&self, file: &LostFile, call: &Call) -> Result<bool>;

    /// Returns what is known of what is at `path`.
    fn describe(&self, path: &str, call: &Call) -> Result<Option<LostFile>>;

    /// Returns the first `limit` files that have the content with the id `id`.
    fn holders(&self, id: i64, limit: usize, call: &Call) -> Result<Vec<LostFile>>;

    /// Returns the ids of the rows of a content of a backend.
    fn contents_of(&self, backend: &str, hash: &ContentHash, call: &Call) -> Result<Vec<i64>>;

    /// Returns where the content with the id `id` is.
    fn content_place(&self, id: i64, call: &Call) -> Result<Option<ContentPlace>>;

    /// Returns the value of a key, whatever it is.
    fn value_of(&self, path: &str, key: &str, call: &Call) -> Result<Option<String>>;

    /// Returns the typed keys of a path, whatever is there, and their JSON texts.
    fn work_values(&self, path: &str, call: &Call) -> Result<Vec<(String, String)>>;
}

//! Where the content of a file is.

use std::sync::Arc;

use super::{BlockHashes, ContentHash};

/// How to get at the content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredContent {
    /// The backend that holds it.
    pub backend: Arc<str>,
    /// Its hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub size: u64,
    /// The bytes, where they are inline.
    pub data: Option<Vec<u8>>,
    /// Hashes of the blocks, where it is a file of several.
    pub blocks: BlockHashes,
}

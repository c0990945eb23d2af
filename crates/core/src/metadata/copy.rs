//! A copy of all metadata, which is a separate store.

use std::sync::Arc;

use super::{ContentCursor, ContentKey, ContentRow, Paged};
use crate::content::ContentHash;
use crate::error::Result;

/// Which store a copy is to be.
#[derive(Debug, Clone)]
pub struct CopyIdentity {
    /// Its UUID.
    pub uuid: String,
    /// The names of its other backends, and the UUIDs of their places.
    pub places: Vec<(Arc<str>, String)>,
}

/// A copy of all metadata, of one moment. Dropped before its file was given another name, it leaves nothing.
pub trait MetadataCopy {
    /// Returns a page of contents, without inline bytes, after `after`, or from the first one on.
    fn contents(&self, after: Option<&ContentCursor>) -> Result<Paged<ContentRow, ContentCursor>>;

    /// Returns those of `hashes` that no content of the copy has as a file of the backend.
    fn unnamed(&self, backend: &str, hashes: &[ContentHash]) -> Result<Vec<ContentHash>>;

    /// Returns the first path that holds the content.
    fn first_path_of(&self, content: &ContentKey) -> Result<Option<String>>;

    /// Returns the number of files.
    fn files(&self) -> Result<u64>;

    /// Returns the bytes of the contents that are not inline.
    fn content_bytes(&self) -> Result<u64>;

    /// Returns a digest of what users put into it.
    fn digest(&self) -> Result<String>;
}

//! Contents that paths have, or may have after an import.

use std::collections::HashMap;

use nexusfs_core::content::ContentHash;

/// A content that a path can have.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldContent {
    pub backend_id: i64,
    pub content_id: i64,
    pub etag: ContentHash,
    pub size: u64,
}

/// The state of the imports among the changes of a set. A file of the import may have the content that another file of
/// it, or the replaced one, had before.
#[derive(Debug, Default)]
pub(in super::super) struct Imports {
    /// Contents that the caller may read.
    pub(super) readable: HashMap<ContentHash, HeldContent>,
    /// Contents without references, unless a later change references them again.
    pub(super) unheld: HashMap<(i64, ContentHash), HeldContent>,
}

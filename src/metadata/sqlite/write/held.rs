//! Contents that paths hold, or may come to hold.

use std::collections::HashMap;

use crate::content::ContentHash;

/// A content that a path can hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldContent {
    pub backend_id: i64,
    pub content_id: i64,
    pub etag: ContentHash,
    pub size: u64,
}

/// What the imports among the changes of a set need. A file of the import may come to hold what another
/// one of it, or the one that it replaces, held before.
#[derive(Debug, Default)]
pub(in super::super) struct Imports {
    /// Contents that the caller may read.
    pub(super) readable: HashMap<ContentHash, HeldContent>,
    /// Contents that no path holds any more, unless a later change makes one hold it.
    pub(super) unheld: HashMap<(i64, ContentHash), HeldContent>,
}

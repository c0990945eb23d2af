//! The errors that a store may have, and the state of a check of its rows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::content::{BlockHashes, ContentHash};
use crate::path_id::PathId;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// The database itself: pages, or a table that cannot be read.
    Database,
    /// An index does not have what its table has. Reference counts are read from one.
    Index,
    /// A row says something impossible.
    DamagedRow,
    /// A path that is no valid name.
    InvalidPath,
    /// The row of a directory above a path is missing.
    MissingAncestor,
    /// A path lies below a file.
    FileAbove,
    /// An implied directory in which nothing is.
    EmptyDirectory,
    /// A file whose content has no row.
    MissingContentRow,
    /// A file and the row of its content contradict each other.
    WrongContentRow,
    /// Files with the same content name different rows of it.
    SplitContent,
    /// A row about a file, or a content, that does not exist.
    OrphanRow,
    /// A digest of a metadata value that is not that of the value.
    WrongDigest,
    /// A count or an order of a work item that is not what its rows say.
    WrongCount,
    /// An edge from or to nothing.
    DanglingEdge,
    /// An edge that is open and should not be, or the other way round.
    WrongEdge,
    /// The bytes of a content are gone.
    MissingContent,
    /// The bytes of a content are too few or too many.
    TruncatedContent,
    /// The bytes of a content are others.
    DamagedContent,
    /// The file `nexus-store` of a directory is missing or another's.
    WrongMarker,
}

impl FindingKind {
    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Database => "database",
            FindingKind::Index => "index",
            FindingKind::DamagedRow => "damaged_row",
            FindingKind::InvalidPath => "invalid_path",
            FindingKind::MissingAncestor => "missing_ancestor",
            FindingKind::FileAbove => "file_above",
            FindingKind::EmptyDirectory => "empty_directory",
            FindingKind::MissingContentRow => "missing_content_row",
            FindingKind::WrongContentRow => "wrong_content_row",
            FindingKind::SplitContent => "split_content",
            FindingKind::OrphanRow => "orphan_row",
            FindingKind::WrongDigest => "wrong_digest",
            FindingKind::WrongCount => "wrong_count",
            FindingKind::DanglingEdge => "dangling_edge",
            FindingKind::WrongEdge => "wrong_edge",
            FindingKind::MissingContent => "missing_content",
            FindingKind::TruncatedContent => "truncated_content",
            FindingKind::DamagedContent => "damaged_content",
            FindingKind::WrongMarker => "wrong_marker",
        }
    }
}

/// A row of a content. Its id is given to another once it is gone, so what it said belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentKey {
    /// Its id.
    pub id: i64,
    /// The id of the backend, if that can be read.
    pub backend: Option<i64>,
    /// The hash, if that can be read.
    pub hash: Option<ContentHash>,
}

/// The row that something is wrong with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// A table, with its indexes.
    Table(String),
    /// A path.
    Path(String),
    /// A path that is no text: its bytes.
    PathBytes(Vec<u8>),
    /// A content.
    Content(ContentKey),
    /// A key of a path.
    Metadata(String, String),
    /// The typed keys of a path.
    Work(String),
    /// What an item waits for.
    Edge(PathId, PathId),
    /// The directory of a backend.
    Backend(String),
    /// Any other row, which its rowid or key does not identify well enough for a repair.
    Other,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// With which row.
    pub row: RowKey,
    /// The path that it is about, where it is about one.
    pub path: Option<String>,
    /// The content that it is about, where it is about one.
    pub hash: Option<ContentHash>,
    /// One line.
    pub message: String,
}

/// Where a check of the rows goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowCursor {
    /// At the table with this number, and its indexes.
    Table(usize),
    /// After the path of these bytes.
    Paths(Vec<u8>),
    /// After the content with this id.
    Contents(i64),
    /// After this path and key.
    Metadata(String, String),
    /// After the typed keys of this path.
    Work(String),
    /// After the edge of this item to this blocker.
    Edges([u8; 16], [u8; 16]),
}

impl RowCursor {
    /// Returns where a check begins.
    pub fn start() -> Self {
        RowCursor::Table(0)
    }

    /// Returns what is checked from here on.
    pub fn what(&self) -> &'static str {
        match self {
            RowCursor::Table(_) => "tables",
            RowCursor::Paths(_) => "paths",
            RowCursor::Contents(_) => "contents",
            RowCursor::Metadata(..) => "metadata",
            RowCursor::Work(_) => "work",
            RowCursor::Edges(..) => "edges",
        }
    }
}

/// A page of a check.
#[derive(Debug, Default)]
pub struct CheckedRows {
    /// Number of rows, or tables, checked.
    pub rows: u64,
    /// What is wrong with them.
    pub findings: Vec<Finding>,
    /// Where the check goes on; `None` at the end.
    pub next: Option<RowCursor>,
}

/// The row of a content.
#[derive(Debug, Clone)]
pub struct ContentRow {
    /// Its id.
    pub id: i64,
    /// The id of its backend, if that can be read.
    pub backend_id: Option<i64>,
    /// The backend that holds it, if it is known.
    pub backend: Option<Arc<str>>,
    /// Its hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub size: u64,
    /// The bytes, where they are inline.
    pub data: Option<Vec<u8>>,
    /// Hashes of the blocks, where it is a file of several.
    pub blocks: BlockHashes,
}

impl ContentRow {
    /// Returns what names the row.
    pub fn key(&self) -> ContentKey {
        ContentKey {
            id: self.id,
            backend: self.backend_id,
            hash: Some(self.hash),
        }
    }
}

/// A page of what is read in pages, and where to go on; `None` at the end.
pub type Paged<T, C> = (Vec<T>, Option<C>);

/// Contents of one backend that are pending deletion.
#[derive(Debug, Clone)]
pub struct PendingDeletions {
    /// The backend.
    pub backend: Arc<str>,
    /// Their hashes.
    pub hashes: Vec<ContentHash>,
}

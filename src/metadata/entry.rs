//! What the store says of one name: the entry of a file or a directory.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::content::ContentHash;
use crate::path::VirtualPath;

/// The identity of a file or of a directory that was made: a UUID (version 7) that stays through
/// renames and overwrites.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(Uuid);

impl PathId {
    /// Returns a new id, later in order than those of earlier milliseconds.
    pub fn generate() -> Self {
        PathId(Uuid::now_v7())
    }

    /// Returns the id whose 16 bytes are `bytes`.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        PathId(Uuid::from_bytes(bytes))
    }

    /// Returns the 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the id that `text` spells, hyphenated, or `None` if it is no UUID.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 36)
            .then(|| Uuid::try_parse(text).ok())
            .flatten()
            .map(PathId)
    }

    /// Writes the 36 characters of the hyphenated form into `buffer` and returns them.
    pub fn encode(self, buffer: &mut [u8; 36]) -> &str {
        self.0.hyphenated().encode_lower(buffer)
    }
}

impl fmt::Display for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Microseconds since 1970-01-01 00:00 UTC.
pub type Micros = i64;

/// One name in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: VirtualPath,
    /// Its id; `None` for a directory that exists only because something is in it.
    pub path_id: Option<PathId>,
    /// When it came to be, and when it last changed; 0 for a directory without id.
    pub created_at: Micros,
    /// When its content or, for a directory, the directory itself last changed.
    pub modified_at: Micros,
    /// What a file has beyond that; `None` for a directory.
    pub file: Option<FileInfo>,
}

/// What a file has beyond its name and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Hash of the content.
    pub etag: ContentHash,
    /// Length of the content in bytes.
    pub size: u64,
    /// 1 at creation, one more for each change of content.
    pub version: u64,
    /// MIME type, given by the writer or guessed from the name.
    pub mime_type: Arc<str>,
    /// The backend that holds the content.
    pub backend: Arc<str>,
}

impl Entry {
    /// Returns whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.file.is_none()
    }
}

/// Returns the current time.
pub fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as Micros)
}

/// Returns the MIME type that the extension of `name` stands for.
pub fn guess_mime_type(name: &str) -> &'static str {
    mime_guess::from_path(name)
        .first_raw()
        .unwrap_or("application/octet-stream")
}

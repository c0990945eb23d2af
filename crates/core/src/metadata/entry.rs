//! The entry of a file or a directory.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::content::ContentHash;
use crate::path::VirtualPath;
use crate::path_id::PathId;
use crate::time::Micros;

/// Greatest version of a file: a double, as many readers of JSON use, holds it exactly. Versions stay there.
pub const MAX_VERSION: u64 = 1 << 53;

/// One name in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it is.
    pub path: VirtualPath,
    /// Its id; `None` for a directory that exists only because something is in it.
    pub path_id: Option<PathId>,
    /// When it was created, and when it last changed; 0 for a directory without id.
    pub created_at: Micros,
    /// When its content or, for a directory, the directory itself last changed.
    pub modified_at: Micros,
    /// What a file has beyond that; `None` for a directory.
    pub file: Option<FileInfo>,
}

/// What a file has beyond its name and times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// An [`Entry`] that borrows its texts, as a row of the store or as an entry has them. Both have the same serialised form.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct EntryRef<'a> {
    /// As in [`Entry`].
    pub path: &'a str,
    /// As in [`Entry`].
    pub path_id: Option<PathId>,
    /// As in [`Entry`].
    pub created_at: Micros,
    /// As in [`Entry`].
    pub modified_at: Micros,
    /// As in [`Entry`].
    pub file: Option<FileRef<'a>>,
}

/// A [`FileInfo`] that borrows its texts.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FileRef<'a> {
    /// As in [`FileInfo`].
    pub etag: ContentHash,
    /// As in [`FileInfo`].
    pub size: u64,
    /// As in [`FileInfo`].
    pub version: u64,
    /// As in [`FileInfo`].
    pub mime_type: &'a str,
    /// As in [`FileInfo`].
    pub backend: &'a str,
}

impl<'a> EntryRef<'a> {
    /// Returns the entry of a directory that was not made.
    pub fn implied_directory(path: &'a str) -> Self {
        EntryRef {
            path,
            path_id: None,
            created_at: 0,
            modified_at: 0,
            file: None,
        }
    }
}

/// Collects entries, sharing the texts that neighbours have in common.
#[derive(Debug, Default)]
pub struct EntryCollector {
    /// What was collected.
    pub entries: Vec<Entry>,
    mime_type: Option<Arc<str>>,
    backend: Option<Arc<str>>,
}

impl EntryCollector {
    /// Adds a copy of `entry`.
    pub fn push(&mut self, entry: EntryRef<'_>) {
        let file = entry.file.map(|file| FileInfo {
            etag: file.etag,
            size: file.size,
            version: file.version,
            mime_type: share(file.mime_type, &mut self.mime_type),
            backend: share(file.backend, &mut self.backend),
        });
        self.entries.push(Entry {
            path: VirtualPath::from_stored(entry.path.to_owned()),
            path_id: entry.path_id,
            created_at: entry.created_at,
            modified_at: entry.modified_at,
            file,
        });
    }
}

fn share(text: &str, last: &mut Option<Arc<str>>) -> Arc<str> {
    match last {
        Some(last) if **last == *text => Arc::clone(last),
        _ => Arc::clone(last.insert(text.into())),
    }
}

impl Entry {
    /// Returns this with its texts borrowed.
    pub fn borrow(&self) -> EntryRef<'_> {
        EntryRef {
            path: self.path.as_str(),
            path_id: self.path_id,
            created_at: self.created_at,
            modified_at: self.modified_at,
            file: self.file.as_ref().map(|file| FileRef {
                etag: file.etag,
                size: file.size,
                version: file.version,
                mime_type: &file.mime_type,
                backend: &file.backend,
            }),
        }
    }

    /// Returns whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.file.is_none()
    }
}

/// Returns the MIME type of the extension of `name`.
pub fn guess_mime_type(name: &str) -> &'static str {
    mime_guess::from_path(name)
        .first_raw()
        .unwrap_or("application/octet-stream")
}

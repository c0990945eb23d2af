//! The changes that a transaction can make.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::serial;
use crate::content::{ContentHash, NewContent};
use crate::error::{Error, Result};
use crate::path::VirtualPath;
use crate::path_id::PathId;
use crate::time::Micros;
use crate::work::{LeaseToken, Status, WorkField, WorkHistory};

/// What must hold at a path for a change to be made there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// The file must exist with this etag.
    pub if_match: Option<ContentHash>,
    /// Nothing may exist.
    pub if_none_match: bool,
    /// The work item at the path must be held under the lease token.
    pub lease: Option<(VirtualPath, LeaseToken)>,
}

/// A value of one metadata key. Exhaustive: a store has to keep each kind.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataValue {
    /// Any JSON.
    Json {
        /// As it was given.
        text: String,
        /// Of its canonical form.
        digest: [u8; 16],
    },
    /// Of a typed key.
    Work(WorkField),
}

/// One change. Changes of a set see what the earlier ones did.
///
/// The serialised form has the bytes of contents and the texts of metadata, and nothing that depends on a handle or on the
/// rules. An import has none.
///
/// Exhaustive: a store has to make each of them, and does not compile as long as it does not know one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Create or replace a file.
    Write {
        /// The file.
        path: VirtualPath,
        /// Its new content.
        #[serde(with = "serial::content")]
        content: NewContent,
        /// The backend that holds it; "" where no handle has placed the content yet.
        #[serde(skip)]
        backend: Arc<str>,
        /// Conditions on the file.
        conditions: Conditions,
        /// MIME type, if the writer gave one.
        mime_type: Option<String>,
    },
    /// Append to a file, creating it if it is missing.
    Append {
        /// The file.
        path: VirtualPath,
        /// What to append.
        #[serde(with = "serial::bytes")]
        data: Arc<Vec<u8>>,
        /// Conditions on the file.
        conditions: Conditions,
        /// MIME type, if the writer gave one.
        mime_type: Option<String>,
    },
    /// Remove a file.
    Delete {
        /// The file.
        path: VirtualPath,
        /// Conditions on the file.
        conditions: Conditions,
    },
    /// Move a file or a tree.
    Rename(Relocation),
    /// Copy a file or a tree.
    Copy(Relocation),
    /// Make a directory.
    MakeDirectory {
        /// The directory.
        path: VirtualPath,
        /// Missing parents are made too.
        parents: bool,
        /// An existing directory is no error.
        exist_ok: bool,
        /// Directories above the caller's part count as existing; how many segments they have.
        #[serde(skip)]
        given_depth: usize,
    },
    /// Remove a directory.
    RemoveDirectory {
        /// The directory.
        path: VirtualPath,
        /// With everything under it.
        recursive: bool,
    },
    /// Set metadata of a file.
    SetMetadata {
        /// The file.
        path: VirtualPath,
        /// Keys and values.
        #[serde(with = "serial::values")]
        values: MetadataValues,
        /// Conditions on the file.
        conditions: Conditions,
    },
    /// Remove one key of a file's metadata.
    DeleteMetadata {
        /// The file.
        path: VirtualPath,
        /// The key.
        key: String,
    },
    /// Change nothing, but fail unless the conditions hold.
    Require {
        /// The path that they are about.
        path: VirtualPath,
        /// What must hold.
        conditions: Conditions,
    },
    /// Let the lease of a work item last longer.
    Heartbeat {
        /// The item.
        path: VirtualPath,
        /// Its lease.
        token: LeaseToken,
        /// How long it lasts from now on.
        lease: Micros,
    },
    /// Complete a work item.
    CompleteWork {
        /// The item.
        path: VirtualPath,
        /// Its lease, which ends.
        token: LeaseToken,
        /// What came of it: JSON.
        result: Option<String>,
    },
    /// Give up an attempt.
    FailWork {
        /// The item.
        path: VirtualPath,
        /// Its lease, which ends.
        token: LeaseToken,
        /// What went wrong.
        error: String,
        /// How long the next attempt waits; `None` for the back-off.
        retry_after: Option<Micros>,
    },
    /// Give a work item back as if it had not been claimed.
    ReleaseWork {
        /// The item.
        path: VirtualPath,
        /// Its lease, which ends.
        token: LeaseToken,
    },
    /// Create or replace files as an export described them, then make directories: one that was made already stays as it
    /// is.
    #[serde(skip)]
    Import(Arc<dyn ImportSource>),
}

impl Change {
    /// Returns the `error` of this change, which is number `index` of a set, naming that number. An import is the only
    /// change of its set: its errors name the file by its index, or nothing if they are about no file.
    pub fn failed(&self, index: usize, error: Error) -> Error {
        match self {
            Change::Import(_) => error,
            _ => error.in_operation(index),
        }
    }
}

/// Source and target of a rename or copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Relocation {
    /// What is moved or copied.
    pub from: VirtualPath,
    /// Where it goes.
    pub to: VirtualPath,
    /// An existing target is an error.
    pub no_replace: bool,
    /// Conditions on the source.
    pub conditions: Conditions,
}

/// Keys with their values.
pub type MetadataValues = Vec<(String, MetadataValue)>;

/// The files and directories of an import, made one by one while they are applied: however many there are, few are in
/// memory.
pub trait ImportSource: fmt::Debug + Send + Sync {
    /// Returns how many files there may be.
    fn files(&self) -> usize;

    /// Returns the file `index` with what must hold of its path before; `None` for one that is left out.
    fn file(&self, index: usize) -> Result<Option<(ImportedFile, Conditions)>>;

    /// Returns whether any file depends on others.
    fn has_dependencies(&self) -> bool;

    /// Returns the path of the file `index` and the keys that are to be set once all files are there; `ids` are those
    /// that the files were given.
    fn dependencies(
        &self,
        index: usize,
        ids: &[Option<PathId>],
    ) -> Result<Option<(VirtualPath, MetadataValues)>>;

    /// Returns how many directories there may be.
    fn directories(&self) -> usize;

    /// Returns the directory `index`; `None` for one that is left out.
    fn directory(&self, index: usize) -> Result<Option<ImportedDirectory>>;
}

/// A file as an export described it.
#[derive(Debug, Clone)]
pub struct ImportedFile {
    /// Where it goes.
    pub path: VirtualPath,
    /// Hash of its content.
    pub etag: ContentHash,
    /// Its length, which must be that of the content.
    pub size: u64,
    /// Its id; kept if no other file has it.
    pub path_id: Option<PathId>,
    /// MIME type; guessed if absent.
    pub mime_type: Option<String>,
    /// When it was created.
    pub created_at: Micros,
    /// When it last changed.
    pub modified_at: Micros,
    /// Its version.
    pub version: u64,
    /// All of its metadata that callers may set.
    pub metadata: Vec<(String, MetadataValue)>,
    /// What came of it as a work item.
    pub history: WorkHistory,
    /// Its content, where that comes along: for the backend that takes what is at `path`. Else the store
    /// must hold it, and the caller must be able to read it somewhere.
    pub content: Option<NewContent>,
    /// The state that the file at `path` must still have, because this one was found newer than that.
    pub newer_than: Option<Compared>,
}

impl ImportedFile {
    /// Returns whether it is to be a cancelled item.
    pub fn cancels(&self) -> bool {
        let cancelled = MetadataValue::Work(WorkField::Status(Status::Cancelled));
        self.metadata.iter().any(|(_, value)| *value == cancelled)
    }
}

/// What an import compared with its own file to find out which one is newer. The etag is not in it: that is a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    modified_at: Micros,
    /// Digest of all keys and values, where the comparison read them.
    description: Option<[u8; 16]>,
}

impl Compared {
    /// Returns the state of a file that was modified at `modified_at` and whose keys have the JSON texts `values`, in
    /// order; `None` where the comparison does not read them.
    pub fn new(modified_at: Micros, values: Option<&[(String, String)]>) -> Self {
        Compared {
            modified_at,
            description: values.map(digest_of),
        }
    }

    /// Returns whether keys and values are part of it.
    pub fn has_description(&self) -> bool {
        self.description.is_some()
    }
}

fn digest_of(values: &[(String, String)]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for (key, json) in values {
        // No comparison reads it, and every heartbeat changes it.
        if key == "lease_expires_at" {
            continue;
        }
        for text in [key, json] {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
    }
    let full: [u8; 32] = hasher.finalize().into();
    let mut digest = [0; 16];
    digest.copy_from_slice(&full[..16]);
    digest
}

/// A directory as a bundle described it.
#[derive(Debug, Clone)]
pub struct ImportedDirectory {
    /// Where it goes.
    pub path: VirtualPath,
    /// Its id; kept if nothing else has it.
    pub path_id: Option<PathId>,
    /// When it was created.
    pub created_at: Micros,
    /// When it last changed.
    pub modified_at: Micros,
    /// Its metadata, without work keys.
    pub metadata: Vec<(String, MetadataValue)>,
}

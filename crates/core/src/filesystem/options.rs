//! Options of calls.

use serde::{Deserialize, Serialize};

use crate::content::ContentHash;
use crate::metadata::Entry;
use crate::time::Micros;

/// The token of a work lease, as a condition: the work item at `path` must be held under `token`
/// when the change is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseCondition {
    /// The work item.
    pub path: String,
    /// Its lease token, from 1.
    pub token: u64,
}

/// Conditions under which a change is made, checked in the committing transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// The file must exist with this etag.
    pub if_match: Option<ContentHash>,
    /// The file must not exist.
    pub if_none_match: bool,
    /// A lease must be held.
    pub lease: Option<LeaseCondition>,
}

/// Options of a write, an append and a streaming writer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteOptions {
    /// Conditions on the current state of the file.
    pub conditions: Conditions,
    /// MIME type; `None` keeps an existing file's, and is guessed from the name for a new one.
    pub mime_type: Option<String>,
}

/// Options of a rename and of a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RelocateOptions {
    /// Conditions on the source (`if_none_match` is not allowed).
    pub conditions: Conditions,
    /// An existing target is an error.
    pub no_replace: bool,
}

/// Options of `mkdir`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MkdirOptions {
    /// Missing parents are made too.
    pub parents: bool,
    /// An existing directory is no error.
    pub exist_ok: bool,
}

/// What to list, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListOptions {
    /// The directory to list; `None` with a `prefix` means the whole store.
    pub path: Option<String>,
    /// Only paths that begin with this raw string (which need not end on a segment).
    pub prefix: Option<String>,
    /// Everything below, or direct children only.
    pub recursive: bool,
    /// In a recursive or prefix listing, directories too.
    pub include_directories: bool,
    /// Most entries of a page; 0 for all.
    pub limit: usize,
    /// Where the previous page ended.
    pub cursor: Option<String>,
}

impl Default for ListOptions {
    fn default() -> Self {
        ListOptions {
            path: None,
            prefix: None,
            recursive: true,
            include_directories: false,
            limit: 0,
            cursor: None,
        }
    }
}

/// Where and how much to search for names or metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindOptions {
    /// The directory to search; `None` for the root.
    pub base: Option<String>,
    /// Most entries of a page; 0 for all.
    pub limit: usize,
    /// Where the previous page ended.
    pub cursor: Option<String>,
}

/// Where and how much to search in contents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrepOptions {
    /// The directory to search, or the file; `None` for the root.
    pub base: Option<String>,
    /// Only files that match this glob pattern: without a `/` by their name at any depth, else by their path below
    /// `base` (see [`FilePattern`](super::FilePattern)).
    pub file_pattern: Option<String>,
    /// Letters match in either case.
    pub ignore_case: bool,
    /// The pattern is literal text, not a regular expression.
    pub literal: bool,
    /// Most matching lines to return; 0 for 1,000.
    pub max_matches: usize,
    /// Most bytes of content to search; 0 for no limit.
    pub max_bytes: u64,
}

/// Some entries, and where the next page begins. Made by each kind of [`Store`](super::Store).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The entries, ordered by the bytes of their paths.
    pub entries: Vec<Entry>,
    /// What to pass as `cursor` for the next page; `None` at the end.
    pub cursor: Option<String>,
}

/// One line that `grep` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The file.
    pub path: crate::path::VirtualPath,
    /// Number of the line, from 1.
    pub line: u64,
    /// The line without its line end; NULs and bytes that are no UTF-8 are replaced by U+FFFD.
    pub text: String,
    /// Where the first match begins, in bytes of `text`.
    pub match_start: usize,
    /// Where it ends.
    pub match_end: usize,
}

/// What `grep` found. Made by each kind of [`Store`](super::Store).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matches {
    /// The lines, ordered by path and line.
    pub matches: Vec<Match>,
    /// Binary files that were passed over.
    pub skipped: u64,
    /// Whether a limit ended the search early.
    pub truncated: bool,
}

/// Which entries `export_metadata` writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportOptions {
    /// Only paths that begin with this raw string.
    pub prefix: Option<String>,
    /// Only files in this tenant's parts of the namespaces.
    pub tenant_id: Option<String>,
    /// Only files modified later than this; 0 for all.
    pub modified_after: Micros,
}

/// What `import_metadata` does with a path that exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportMode {
    /// The existing file stays.
    #[default]
    Skip,
    /// The imported one replaces it.
    Overwrite,
    /// The imported one gets a free name, `name_imported1` and so on.
    Remap,
    /// The newer one wins.
    Auto,
}

/// What `import_metadata` does with a work key whose value has the wrong type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InvalidWorkKeys {
    /// The line is bad.
    #[default]
    Refuse,
    /// The key is stored as `x_` and its name, and reported.
    Rename,
}

/// What `import_metadata` does with a line whose content no file has that the caller may read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MissingContent {
    /// The line is bad.
    #[default]
    Refuse,
    /// The line is left out, and reported.
    Skip,
}

/// What [`ImportMode::Auto`] compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NewerBy {
    /// The times of the contents.
    #[default]
    Content,
    /// The latest of all times that are known: of the content, and of the start and the end of work. Where those are
    /// the same, a line that says anything else of the file counts as newer: metadata has no time of its own.
    All,
}

/// Limits of an import. 0 means a default that grows with the size of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportLimits {
    /// Most lines, those of directories among them.
    pub lines: u64,
    /// Most bytes of all lines together.
    pub bytes: u64,
    /// Most bytes of a bundle when it is unpacked.
    pub unpacked: u64,
}

/// Options of `import_metadata`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportOptions {
    /// What to do with a path that exists.
    pub mode: ImportMode,
    /// Report only; change nothing.
    pub dry_run: bool,
    /// What to do with ill-typed work keys.
    pub invalid_work_keys: InvalidWorkKeys,
    /// What to do with a line whose content is not there.
    pub missing_content: MissingContent,
    /// What [`ImportMode::Auto`] compares.
    pub newer_by: NewerBy,
    /// How much is taken.
    pub limits: ImportLimits,
}

/// What `verify` does beyond the check of rows, and of the lengths of contents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VerifyOptions {
    /// Every content is read and hashed.
    pub content: bool,
    /// Repair the damage that the check finds.
    pub repair: bool,
}

/// Receives the progress of a long call: done, total (0 if unknown), what. Returning `false` cancels the call.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64, &str) -> bool;

/// How a worker claims items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimOptions {
    /// Only items whose paths begin with this raw string.
    pub prefix: Option<String>,
    /// Most items to take, 1 to 10,000.
    pub max: usize,
    /// How long the lease lasts, in milliseconds, 1 to 366 days.
    pub lease_ms: u64,
}

impl Default for ClaimOptions {
    fn default() -> Self {
        ClaimOptions {
            prefix: None,
            max: 1,
            lease_ms: 30_000,
        }
    }
}

//! Queries of a metadata store over more than one path.

use super::Entry;
use crate::content::ContentHash;
use crate::path::VirtualPath;
use crate::range::PathRange;

/// Which names a query is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything in a range.
    Range(PathRange),
    /// The direct children of a directory.
    Children(VirtualPath),
}

impl Scope {
    /// Returns the range that holds all of it.
    pub fn range(&self) -> PathRange {
        match self {
            Scope::Range(range) => range.clone(),
            Scope::Children(directory) => PathRange::under(directory.as_str()),
        }
    }
}

/// A page of entries, in the order of their paths.
#[derive(Debug, Clone)]
pub struct EntryQuery {
    /// Where to look.
    pub scope: Scope,
    /// Whether directories count.
    pub directories: bool,
    /// Only paths after this one.
    pub after: Option<String>,
    /// Most entries; `usize::MAX` for all.
    pub limit: usize,
}

/// An entry with all its metadata keys and their JSON texts, by key.
pub type DescribedEntry = (Entry, Vec<(String, String)>);

/// A page of the files whose metadata has a value.
#[derive(Debug, Clone)]
pub struct MetadataQuery {
    /// The key.
    pub key: String,
    /// The value.
    pub value: super::MetadataValue,
    /// Where to look.
    pub range: PathRange,
    /// Only paths after this one.
    pub after: Option<String>,
    /// Most entries; `usize::MAX` for all.
    pub limit: usize,
}

/// One content as the paths in view hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentCount {
    /// Its length in bytes.
    pub size: u64,
    /// How many paths hold it.
    pub references: u64,
}

/// Files with the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicates {
    /// Its hash.
    pub etag: ContentHash,
    /// Its length in bytes.
    pub size: u64,
    /// How many files there are, at least two.
    pub count: u64,
    /// The first 100 of their paths, in order.
    pub paths: Vec<String>,
}

/// What files occupy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StorageTotals {
    /// Number of files.
    pub files: u64,
    /// Sum of their sizes.
    pub logical_bytes: u64,
    /// Number of distinct contents.
    pub distinct_contents: u64,
    /// Sum of the sizes of those.
    pub physical_bytes: u64,
}

/// What the files in view occupy, in all and for each tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageReport {
    /// All files.
    pub total: StorageTotals,
    /// By the tenant segment of the path; `None` for paths without.
    pub tenants: Vec<(Option<String>, StorageTotals)>,
}

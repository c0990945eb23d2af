//! API skeleton.
#![allow(unused_variables, missing_docs)]
mod line_search;
pub mod options;
mod pattern;
use crate::content::ContentHash;
use crate::error::Result;
use crate::metadata::{Entry, PathId};
pub use options::*;

/// A handle on a store: what every call is made on. Sync; share it by reference.
pub struct Filesystem {}

impl Filesystem {
    /// `None`: auto-discovery; else a JSON object.
    pub fn connect(config: Option<&str>) -> Result<Filesystem> {
        todo!()
    }
    pub fn connect_file(path: &str) -> Result<Filesystem> {
        todo!()
    }
    pub fn with_identity(&self, tenant: Option<&str>, agent: Option<&str>) -> Result<Filesystem> {
        todo!()
    }
    /// The effective configuration as JSON.
    pub fn config(&self) -> String {
        todo!()
    }
    /// Calls in flight on this handle return CANCELLED; later ones work.
    pub fn interrupt(&self) {
        todo!()
    }
    /// Calls in flight and all later ones return CANCELLED.
    pub fn shut_down(&self) {
        todo!()
    }

    pub fn write(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Entry> {
        todo!()
    }
    pub fn append(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Entry> {
        todo!()
    }
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        todo!()
    }
    pub fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        todo!()
    }
    pub fn stat(&self, path: &str) -> Result<Entry> {
        todo!()
    }
    pub fn exists(&self, path: &str) -> Result<bool> {
        todo!()
    }
    pub fn is_directory(&self, path: &str) -> Result<bool> {
        todo!()
    }
    pub fn delete(&self, path: &str, conditions: &Conditions) -> Result<()> {
        todo!()
    }
    pub fn rename(&self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        todo!()
    }
    pub fn copy(&self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        todo!()
    }
    pub fn mkdir(&self, path: &str, options: MkdirOptions) -> Result<()> {
        todo!()
    }
    pub fn rmdir(&self, path: &str, recursive: bool) -> Result<()> {
        todo!()
    }

    pub fn open_reader(&self, path: &str) -> Result<Reader> {
        todo!()
    }
    pub fn open_writer(&self, path: &str, options: &WriteOptions) -> Result<Writer> {
        todo!()
    }
    pub fn batch(&self) -> Batch {
        todo!()
    }

    pub fn list(&self, options: &ListOptions) -> Result<Page> {
        todo!()
    }
    pub fn glob(&self, pattern: &str, options: &FindOptions) -> Result<Page> {
        todo!()
    }
    pub fn grep(&self, pattern: &str, options: &GrepOptions) -> Result<Matches> {
        todo!()
    }
    pub fn content_ids(&self, paths: &[&str]) -> Result<Vec<Option<ContentHash>>> {
        todo!()
    }

    /// Values are JSON texts.
    pub fn set_meta(
        &self,
        path: &str,
        key: &str,
        value: &str,
        conditions: &Conditions,
    ) -> Result<()> {
        todo!()
    }
    /// `object` is a JSON object of keys and values.
    pub fn set_meta_many(&self, path: &str, object: &str) -> Result<()> {
        todo!()
    }
    pub fn get_meta(&self, path: &str, key: &str) -> Result<String> {
        todo!()
    }
    pub fn list_meta(&self, path: &str) -> Result<String> {
        todo!()
    }
    pub fn delete_meta(&self, path: &str, key: &str) -> Result<()> {
        todo!()
    }
    pub fn find_by_meta(&self, key: &str, value: &str, options: &FindOptions) -> Result<Page> {
        todo!()
    }
    pub fn path_id(&self, path: &str) -> Result<PathId> {
        todo!()
    }
    pub fn path_of_id(&self, id: &str) -> Result<crate::path::VirtualPath> {
        todo!()
    }

    /// `limit` 0: none.
    pub fn work(&self, view: WorkView, limit: usize) -> Result<Vec<WorkItem>> {
        todo!()
    }
    pub fn work_explain(&self, path: &str) -> Result<String> {
        todo!()
    }
    pub fn work_stats(&self, prefix: Option<&str>) -> Result<String> {
        todo!()
    }

    pub fn export_metadata(
        &self,
        file: &str,
        options: &ExportOptions,
        progress: Progress<'_>,
    ) -> Result<u64> {
        todo!()
    }
    pub fn import_metadata(
        &self,
        file: &str,
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<String> {
        todo!()
    }
    pub fn gc(&self, progress: Progress<'_>) -> Result<String> {
        todo!()
    }
    pub fn storage_stats(&self) -> Result<String> {
        todo!()
    }
    pub fn content_info(&self, etag: &str) -> Result<String> {
        todo!()
    }
}

/// One content, open for reading; sees that content whatever happens to the path. Keeps the engine open.
pub struct Reader {}
impl Reader {
    pub fn size(&self) -> u64 {
        todo!()
    }
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        todo!()
    }
    pub fn seek(&mut self, offset: u64) -> Result<()> {
        todo!()
    }
}

/// A file being written as a stream; appears at commit. Dropping it aborts.
pub struct Writer {}
impl Writer {
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        todo!()
    }
    pub fn commit(self) -> Result<Entry> {
        todo!()
    }
}

/// Changes to be committed together.
pub struct Batch {}
impl Batch {
    pub fn write(&mut self, path: &str, data: &[u8], options: &WriteOptions) -> Result<()> {
        todo!()
    }
    pub fn append(&mut self, path: &str, data: &[u8], options: &WriteOptions) -> Result<()> {
        todo!()
    }
    pub fn delete(&mut self, path: &str, conditions: &Conditions) -> Result<()> {
        todo!()
    }
    pub fn rename(&mut self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        todo!()
    }
    pub fn copy(&mut self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        todo!()
    }
    pub fn mkdir(&mut self, path: &str, options: MkdirOptions) -> Result<()> {
        todo!()
    }
    pub fn rmdir(&mut self, path: &str, recursive: bool) -> Result<()> {
        todo!()
    }
    pub fn set_meta(&mut self, path: &str, key: &str, value: &str) -> Result<()> {
        todo!()
    }
    pub fn set_meta_many(&mut self, path: &str, object: &str) -> Result<()> {
        todo!()
    }
    pub fn delete_meta(&mut self, path: &str, key: &str) -> Result<()> {
        todo!()
    }
    pub fn require_etag(&mut self, path: &str, etag: Option<ContentHash>) -> Result<()> {
        todo!()
    }
    pub fn require_lease(&mut self, path: &str, lease: u64) -> Result<()> {
        todo!()
    }
    /// One result for each operation, in order; `None` where it left no entry (a deletion, a condition).
    /// May be tried again after a failure; after success every call on the batch is MISUSE.
    pub fn commit(&mut self) -> Result<Vec<Option<Entry>>> {
        todo!()
    }
}

/// The five queries over work items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkView {
    Ready,
    Blocked,
    Pending,
    InProgress,
    ByPriority,
}

/// One row of a work query.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkItem {
    pub path_id: PathId,
    pub tenant_id: Option<String>,
    pub path: crate::path::VirtualPath,
    pub backend: std::sync::Arc<str>,
    /// Hash of the content, as 64 hex digits; both `physical_path` and `content_hash` of the C row.
    pub etag: ContentHash,
    pub mime_type: std::sync::Arc<str>,
    pub size: u64,
    pub created_at: i64,
    pub updated_at: i64,
    /// `ready`, `pending`, …
    pub status: &'static str,
    pub priority: Option<i64>,
    /// Open edges.
    pub blocker_count: u64,
    pub worker_id: Option<String>,
    pub started_at: Option<i64>,
    pub not_before: Option<i64>,
    /// JSON array text.
    pub tags: Option<String>,
    pub attempts: u64,
    pub lease: u64,
    pub lease_expires_at: Option<i64>,
}

//! What a handle on a store can do, wherever that store is.
//!
//! Callers that hold an open store, as the C interface does, hold it as [`Store`] and know nothing of what is behind it.
//! [`Filesystem`](super::Filesystem), a store of this process, is one implementation. Everything that goes in or comes out is a
//! plain value, and what comes one by one goes to a callback.

use std::sync::Arc;
use std::time::Duration;

use super::{
    ChangeSet, ClaimOptions, Conditions, ExportOptions, FindOptions, GrepOptions, ImportOptions,
    ListOptions, Matches, MkdirOptions, Page, Progress, RelocateOptions, VerifyOptions, WorkItem,
    WorkView, WriteOptions,
};
use crate::content::ContentHash;
use crate::error::Result;
use crate::metadata::{Change, Entry, EntryRef};
use crate::path::VirtualPath;
use crate::path_id::PathId;

/// A handle on a store, bound to an identity. Any thread may use it at any time.
///
/// The methods of [`Filesystem`](super::Filesystem) with the same names say more of each call, and name its errors.
///
/// ```
/// use std::sync::Arc;
///
/// use nexusfs::filesystem::{Batch, Store};
/// # let directory = tempfile::tempdir()?;
/// # let config = serde_json::json!({ "data_dir": directory.path().join("nexus-data") });
///
/// let store: Arc<dyn Store> = Arc::new(nexusfs::connect(Some(&config.to_string()))?);
/// let mut batch = Batch::new(store.child());
/// batch.write("/jobs/fetch", b"get the data", &Default::default())?;
/// batch.set_meta("/jobs/fetch", "status", r#""ready""#)?;
/// batch.commit()?;
/// assert_eq!(store.read("/jobs/fetch")?, b"get the data");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Store: Send + Sync {
    // Handles.

    /// Returns a handle for `tenant` and `agent` on the same store; `None` inherits. It is never admin and outlives this one.
    fn with_identity(&self, tenant: Option<&str>, agent: Option<&str>) -> Result<Arc<dyn Store>>;

    /// Returns a handle with the same identity, an admin's included, and with interrupts of its own. It outlives this one.
    fn clone_handle(&self) -> Result<Arc<dyn Store>>;

    /// Returns another owner of this handle, for an object that is opened on it and outlives it: interrupts of this handle reach
    /// it, shutting this handle down does not.
    fn child(&self) -> Arc<dyn Store>;

    /// Returns the effective configuration as a JSON object: each key with its value and source.
    fn config(&self) -> String;

    /// Makes the calls in flight on this handle return `Cancelled`; later ones work.
    fn interrupt(&self);

    /// Makes the calls in flight on this handle, and all that come, return `Cancelled`. What was opened on it, and handles
    /// derived from it, go on working.
    fn shut_down(&self);

    // Files and directories.

    /// Creates or replaces the file at `path`, atomically, with its parents. Returns its entry.
    fn write(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Entry>;

    /// Appends to the file at `path`, creating it if it is missing. Returns its entry.
    fn append(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Entry>;

    /// Returns the content of the file at `path`, verified.
    fn read(&self, path: &str) -> Result<Vec<u8>>;

    /// Reads at `offset` until `buffer` is full or the file ends, and returns the number of bytes.
    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// Returns the entry at `path`.
    fn stat(&self, path: &str) -> Result<Entry>;

    /// Returns whether a file or directory is at `path`; `false` where the caller may not look.
    fn exists(&self, path: &str) -> Result<bool>;

    /// Returns whether a directory is at `path`; `false` where the caller may not look.
    fn is_directory(&self, path: &str) -> Result<bool>;

    /// Removes the file at `path`.
    fn delete(&self, path: &str, conditions: &Conditions) -> Result<()>;

    /// Moves a file or a tree, atomically.
    fn rename(&self, from: &str, to: &str, options: &RelocateOptions) -> Result<()>;

    /// Copies a file or a tree, atomically.
    fn copy(&self, from: &str, to: &str, options: &RelocateOptions) -> Result<()>;

    /// Makes the directory at `path`.
    fn mkdir(&self, path: &str, options: MkdirOptions) -> Result<()>;

    /// Removes the directory at `path`; with `recursive`, everything in it too.
    fn rmdir(&self, path: &str, recursive: bool) -> Result<()>;

    // Streams.

    /// Opens the file at `path` for reading.
    fn open_reader(&self, path: &str) -> Result<Box<dyn ReadStream>>;

    /// Begins to write the file at `path`, which appears at [`WriteStream::commit`].
    fn open_writer(&self, path: &str, options: &WriteOptions) -> Result<Box<dyn WriteStream>>;

    // Changes made together.

    /// Takes the bytes of a write that is to be committed later with other changes, and returns that change. Fails as the commit
    /// would if the path may not be written. The bytes are forgotten if the change is dropped.
    fn stage_write(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Change>;

    /// Makes all changes at once. Returns one result for each, in order; `None` where it left no entry.
    ///
    /// # Errors
    /// Those of the changes; [`Error::index`](crate::error::Error::index) names the one that failed.
    fn commit(&self, changes: &ChangeSet) -> Result<Vec<Option<Entry>>>;

    // Finding.

    /// Passes the entries of a page to `found`, without a copy, and returns where the next page begins. `found` may be called inside
    /// a read transaction: it must not call the store.
    fn visit(
        &self,
        options: &ListOptions,
        found: &mut dyn FnMut(EntryRef<'_>),
    ) -> Result<Option<String>>;

    /// Returns a page of the files whose path below the base matches the glob `pattern`.
    fn glob(&self, pattern: &str, options: &FindOptions) -> Result<Page>;

    /// Searches the contents of files for a regular expression or a text, line by line.
    fn grep(&self, expression: &str, options: &GrepOptions) -> Result<Matches>;

    /// Returns the etag of the file at each of `paths`, of one moment; `None` where there is no file that the caller may read.
    fn content_ids(&self, paths: &[&str]) -> Result<Vec<Option<ContentHash>>>;

    // Metadata and ids.

    /// Sets one key of the file at `path` to the JSON text `value`.
    fn set_meta(&self, path: &str, key: &str, value: &str, conditions: &Conditions) -> Result<()>;

    /// Sets the keys of the JSON object `object`, in one transaction.
    fn set_meta_many(&self, path: &str, object: &str) -> Result<()>;

    /// Removes one key of the file at `path`.
    fn delete_meta(&self, path: &str, key: &str) -> Result<()>;

    /// Returns the JSON text of one key of the file at `path`.
    fn get_meta(&self, path: &str, key: &str) -> Result<String>;

    /// Returns all metadata of the file at `path` as a JSON object, keys in order.
    fn list_meta(&self, path: &str) -> Result<String>;

    /// Returns a page of the files whose `key` has the value of the JSON text `value`.
    fn find_by_meta(&self, key: &str, value: &str, options: &FindOptions) -> Result<Page>;

    /// Returns the id of the file, or of the directory that was made, at `path`.
    fn path_id(&self, path: &str) -> Result<PathId>;

    /// Returns the path whose id is `id`, a UUID.
    fn path_of_id(&self, id: &str) -> Result<VirtualPath>;

    // The work queue.

    /// Returns the first `limit` items of `view` that the caller may read.
    fn work(&self, view: WorkView, limit: usize) -> Result<Vec<WorkItem>>;

    /// Returns as JSON why the item at `path` can or cannot be worked on.
    fn work_explain(&self, path: &str) -> Result<String>;

    /// Returns as JSON how many items under the raw `prefix` the caller may read.
    fn work_stats(&self, prefix: Option<&str>) -> Result<String>;

    /// Gives `worker_id` the first ready items that this handle may change, each under a lease of its own.
    fn work_claim(&self, worker_id: &str, options: &ClaimOptions) -> Result<Vec<WorkItem>>;

    /// Lets the lease of the item at `path` last `lease_ms` from now on.
    fn work_heartbeat(&self, path: &str, lease: u64, lease_ms: u64) -> Result<()>;

    /// Completes the item at `path`, with `result`, a JSON text, as its metadata `result`.
    fn work_complete(&self, path: &str, lease: u64, result: Option<&str>) -> Result<()>;

    /// Gives up the attempt at the item at `path`, with `error` as its metadata `last_error`. It is ready again after
    /// `retry_after_ms`, or after the back-off for 0.
    fn work_fail(&self, path: &str, lease: u64, error: &str, retry_after_ms: u64) -> Result<()>;

    /// Gives the item at `path` back: it is ready again, and the attempt does not count.
    fn work_release(&self, path: &str, lease: u64) -> Result<()>;

    /// Waits until something under the raw `prefix` may be claimable for this handle, at most `timeout`; `None` waits for ever.
    /// Returns whether it may be.
    fn work_wait(&self, prefix: Option<&str>, timeout: Option<Duration>) -> Result<bool>;

    // Export and import; `file` is a path of the caller's host.

    /// Writes the metadata of files to `file` as JSON lines, and returns their number.
    fn export_metadata(
        &self,
        file: &str,
        options: &ExportOptions,
        progress: Progress<'_>,
    ) -> Result<u64>;

    /// Reads what [`export_metadata`](Self::export_metadata) wrote, in one transaction, and returns a JSON report.
    fn import_metadata(
        &self,
        file: &str,
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<String>;

    /// Writes files with metadata, contents and directories to the bundle `file`, and returns a JSON report.
    fn bundle_export(
        &self,
        file: &str,
        options: &ExportOptions,
        progress: Progress<'_>,
    ) -> Result<String>;

    /// Brings what [`bundle_export`](Self::bundle_export) wrote into the store, in one transaction, and returns a JSON report.
    fn bundle_import(
        &self,
        file: &str,
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<String>;

    // Upkeep.

    /// Copies the store to the directory `target` of the store's host, while others use it, and returns a JSON report.
    fn backup(&self, target: &str, progress: Progress<'_>) -> Result<String>;

    /// Removes contents that no file has, and what broken-off writes left, and returns a JSON report.
    fn gc(&self, progress: Progress<'_>) -> Result<String>;

    /// Checks the whole store, with `repair` repairs it, and returns a JSON report.
    fn verify(&self, options: VerifyOptions, progress: Progress<'_>) -> Result<String>;

    /// Finds the files under the raw `prefix` that have the same content, and returns a JSON report.
    fn find_duplicates(&self, prefix: Option<&str>, progress: Progress<'_>) -> Result<String>;

    /// Returns as JSON what the files that the caller may read occupy, in all and for each tenant.
    fn storage_stats(&self) -> Result<String>;

    /// Returns as JSON the size of the content `etag`, and how many of the paths that the caller may read hold it.
    fn content_info(&self, etag: &str) -> Result<String>;
}

/// A file open for reading. It shows the content that was there when it was opened, whatever happens to the path, and keeps the
/// store open.
pub trait ReadStream: Send {
    /// Returns the number of bytes of the file.
    fn size(&self) -> u64;

    /// Reads on until `buffer` is full or the file ends, and returns the number of bytes; 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Goes to `offset`, which may lie beyond the end: the next read then returns 0.
    fn seek(&mut self, offset: u64) -> Result<()>;
}

/// A file being written. Dropping it leaves everything as it was.
pub trait WriteStream: Send {
    /// Appends `data` to what was written. After an error the stream can only be dropped.
    fn write(&mut self, data: &[u8]) -> Result<()>;

    /// Makes what was written the content of the file, atomically, and returns its entry.
    fn commit(self: Box<Self>) -> Result<Entry>;
}

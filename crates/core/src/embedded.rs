//! A store of this process as the [`Store`] that its callers hold.
//!
//! It is above the facade, since [`transfer`](crate::transfer) and [`maintenance`](crate::maintenance) make some of the calls.

use std::sync::Arc;
use std::time::Duration;

use crate::content::ContentHash;
use crate::error::Result;
use crate::filesystem::{
    ChangeSet, ClaimOptions, Conditions, ExportOptions, Filesystem, FindOptions, GrepOptions,
    ImportOptions, ListOptions, Matches, MkdirOptions, Page, Progress, ReadStream, Reader,
    RelocateOptions, Store, VerifyOptions, WorkItem, WorkView, WriteOptions, WriteStream, Writer,
};
use crate::metadata::{Change, Entry, EntryRef};
use crate::path::VirtualPath;
use crate::path_id::PathId;

// A path `Filesystem::…` names the method of the type, never the one of the trait.
impl Store for Filesystem {
    fn with_identity(&self, tenant: Option<&str>, agent: Option<&str>) -> Result<Arc<dyn Store>> {
        let narrow = Filesystem::with_identity(self, tenant, agent)?;
        Ok(Arc::new(narrow))
    }

    fn clone_handle(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(self.clone()))
    }

    fn child(&self) -> Arc<dyn Store> {
        Arc::new(Filesystem::child(self))
    }

    fn config(&self) -> String {
        Filesystem::config(self)
    }

    fn interrupt(&self) {
        Filesystem::interrupt(self);
    }

    fn shut_down(&self) {
        Filesystem::shut_down(self);
    }

    fn write(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Entry> {
        Filesystem::write(self, path, data, options)
    }

    fn append(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Entry> {
        Filesystem::append(self, path, data, options)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        Filesystem::read(self, path)
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        Filesystem::read_at(self, path, offset, buffer)
    }

    fn stat(&self, path: &str) -> Result<Entry> {
        Filesystem::stat(self, path)
    }

    fn exists(&self, path: &str) -> Result<bool> {
        Filesystem::exists(self, path)
    }

    fn is_directory(&self, path: &str) -> Result<bool> {
        Filesystem::is_directory(self, path)
    }

    fn delete(&self, path: &str, conditions: &Conditions) -> Result<()> {
        Filesystem::delete(self, path, conditions)
    }

    fn rename(&self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        Filesystem::rename(self, from, to, options)
    }

    fn copy(&self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        Filesystem::copy(self, from, to, options)
    }

    fn mkdir(&self, path: &str, options: MkdirOptions) -> Result<()> {
        Filesystem::mkdir(self, path, options)
    }

    fn rmdir(&self, path: &str, recursive: bool) -> Result<()> {
        Filesystem::rmdir(self, path, recursive)
    }

    fn open_reader(&self, path: &str) -> Result<Box<dyn ReadStream>> {
        Ok(Box::new(Filesystem::open_reader(self, path)?))
    }

    fn open_writer(&self, path: &str, options: &WriteOptions) -> Result<Box<dyn WriteStream>> {
        Ok(Box::new(Filesystem::open_writer(self, path, options)?))
    }

    fn stage_write(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Change> {
        self.write_change(path, data, options, &self.begin())
    }

    fn commit(&self, changes: &ChangeSet) -> Result<Vec<Option<Entry>>> {
        let call = self.begin();
        let changes = self.placed(changes.shared(), &call)?;
        Filesystem::commit(self, &changes, &call)
    }

    fn visit(
        &self,
        options: &ListOptions,
        found: &mut dyn FnMut(EntryRef<'_>),
    ) -> Result<Option<String>> {
        Filesystem::visit(self, options, found)
    }

    fn glob(&self, pattern: &str, options: &FindOptions) -> Result<Page> {
        Filesystem::glob(self, pattern, options)
    }

    fn grep(&self, expression: &str, options: &GrepOptions) -> Result<Matches> {
        Filesystem::grep(self, expression, options)
    }

    fn content_ids(&self, paths: &[&str]) -> Result<Vec<Option<ContentHash>>> {
        Filesystem::content_ids(self, paths)
    }

    fn set_meta(&self, path: &str, key: &str, value: &str, conditions: &Conditions) -> Result<()> {
        Filesystem::set_meta(self, path, key, value, conditions)
    }

    fn set_meta_many(&self, path: &str, object: &str) -> Result<()> {
        Filesystem::set_meta_many(self, path, object)
    }

    fn delete_meta(&self, path: &str, key: &str) -> Result<()> {
        Filesystem::delete_meta(self, path, key)
    }

    fn get_meta(&self, path: &str, key: &str) -> Result<String> {
        Filesystem::get_meta(self, path, key)
    }

    fn list_meta(&self, path: &str) -> Result<String> {
        Filesystem::list_meta(self, path)
    }

    fn find_by_meta(&self, key: &str, value: &str, options: &FindOptions) -> Result<Page> {
        Filesystem::find_by_meta(self, key, value, options)
    }

    fn path_id(&self, path: &str) -> Result<PathId> {
        Filesystem::path_id(self, path)
    }

    fn path_of_id(&self, id: &str) -> Result<VirtualPath> {
        Filesystem::path_of_id(self, id)
    }

    fn work(&self, view: WorkView, limit: usize) -> Result<Vec<WorkItem>> {
        Filesystem::work(self, view, limit)
    }

    fn work_explain(&self, path: &str) -> Result<String> {
        Filesystem::work_explain(self, path)
    }

    fn work_stats(&self, prefix: Option<&str>) -> Result<String> {
        Filesystem::work_stats(self, prefix)
    }

    fn work_claim(&self, worker_id: &str, options: &ClaimOptions) -> Result<Vec<WorkItem>> {
        Filesystem::work_claim(self, worker_id, options)
    }

    fn work_heartbeat(&self, path: &str, lease: u64, lease_ms: u64) -> Result<()> {
        Filesystem::work_heartbeat(self, path, lease, lease_ms)
    }

    fn work_complete(&self, path: &str, lease: u64, result: Option<&str>) -> Result<()> {
        Filesystem::work_complete(self, path, lease, result)
    }

    fn work_fail(&self, path: &str, lease: u64, error: &str, retry_after_ms: u64) -> Result<()> {
        Filesystem::work_fail(self, path, lease, error, retry_after_ms)
    }

    fn work_release(&self, path: &str, lease: u64) -> Result<()> {
        Filesystem::work_release(self, path, lease)
    }

    fn work_wait(&self, prefix: Option<&str>, timeout: Option<Duration>) -> Result<bool> {
        Filesystem::work_wait(self, prefix, timeout)
    }

    fn export_metadata(
        &self,
        file: &str,
        options: &ExportOptions,
        progress: Progress<'_>,
    ) -> Result<u64> {
        Filesystem::export_metadata(self, file, options, progress)
    }

    fn import_metadata(
        &self,
        file: &str,
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<String> {
        Filesystem::import_metadata(self, file, options, progress)
    }

    fn bundle_export(
        &self,
        file: &str,
        options: &ExportOptions,
        progress: Progress<'_>,
    ) -> Result<String> {
        Filesystem::bundle_export(self, file, options, progress)
    }

    fn bundle_import(
        &self,
        file: &str,
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<String> {
        Filesystem::bundle_import(self, file, options, progress)
    }

    fn backup(&self, target: &str, progress: Progress<'_>) -> Result<String> {
        Filesystem::backup(self, target, progress)
    }

    fn gc(&self, progress: Progress<'_>) -> Result<String> {
        Filesystem::gc(self, progress)
    }

    fn verify(&self, options: VerifyOptions, progress: Progress<'_>) -> Result<String> {
        Filesystem::verify(self, options, progress)
    }

    fn find_duplicates(&self, prefix: Option<&str>, progress: Progress<'_>) -> Result<String> {
        Filesystem::find_duplicates(self, prefix, progress)
    }

    fn storage_stats(&self) -> Result<String> {
        Filesystem::storage_stats(self)
    }

    fn content_info(&self, etag: &str) -> Result<String> {
        Filesystem::content_info(self, etag)
    }
}

impl ReadStream for Reader {
    fn size(&self) -> u64 {
        Reader::size(self)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Reader::read(self, buffer)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        Reader::seek(self, offset)
    }
}

impl WriteStream for Writer {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        Writer::write(self, data)
    }

    fn commit(self: Box<Self>) -> Result<Entry> {
        Writer::commit(*self)
    }
}

//! Several changes in one transaction.

use std::sync::Arc;

use super::change::{append_change, delete_change, metadata_change, mkdir_change, relocation};
use super::claims::{complete_change, fail_change, release_change};
use super::directories::rmdir_change;
use super::{
    ChangeSet, Conditions, Filesystem, MkdirOptions, RelocateOptions, Store, WriteOptions,
};
use crate::content::ContentHash;
use crate::error::{Error, Result};
use crate::metadata::{self, Change, Entry, MetadataValue};
use crate::path::VirtualPath;
use crate::work::LeaseToken;

/// Changes that are committed together: in order, each seeing the earlier ones, all or nothing.
///
/// ```
/// use nexusfs::error::ErrorKind;
/// # let directory = tempfile::tempdir()?;
/// # let config = serde_json::json!({ "data_dir": directory.path().join("nexus-data") });
/// # let fs = nexusfs::connect(Some(&config.to_string()))?;
///
/// let mut batch = fs.batch();
/// batch.write("/jobs/fetch", b"get the data", &Default::default())?;
/// batch.set_meta("/jobs/fetch", "status", r#""ready""#)?;
/// batch.commit()?;
///
/// let mut batch = fs.batch();
/// batch.write("/jobs/clean", b"drop the noise", &Default::default())?;
/// batch.delete("/jobs/no-such-job", &Default::default())?;
/// let error = batch.commit().unwrap_err();
/// assert_eq!((error.kind(), error.index()), (ErrorKind::NotFound, Some(1)));
/// assert!(!fs.exists("/jobs/clean")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Batch {
    store: Arc<dyn Store>,
    changes: ChangeSet,
    spent: bool,
}

impl Filesystem {
    /// Returns an empty batch.
    pub fn batch(&self) -> Batch {
        Batch::new(Arc::new(self.child()))
    }
}

impl Batch {
    /// Returns an empty batch for `store`, a [child](Store::child) of the handle that the batch is to outlive.
    pub fn new(store: Arc<dyn Store>) -> Batch {
        Batch {
            store,
            changes: ChangeSet::default(),
            spent: false,
        }
    }

    /// Adds a [write](Filesystem::write). The bytes are copied.
    pub fn write(&mut self, path: &str, data: &[u8], options: &WriteOptions) -> Result<()> {
        let change = self.store.stage_write(path, data, options);
        self.add(change)
    }

    /// Adds an [append](Filesystem::append). The bytes are copied.
    pub fn append(&mut self, path: &str, data: &[u8], options: &WriteOptions) -> Result<()> {
        self.add(append_change(path, data, options))
    }

    /// Adds a [deletion](Filesystem::delete).
    pub fn delete(&mut self, path: &str, conditions: &Conditions) -> Result<()> {
        self.add(delete_change(path, conditions))
    }

    /// Adds a [rename](Filesystem::rename).
    pub fn rename(&mut self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        self.add(relocation(from, to, options).map(Change::Rename))
    }

    /// Adds a [copy](Filesystem::copy).
    pub fn copy(&mut self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        self.add(relocation(from, to, options).map(Change::Copy))
    }

    /// Adds a [directory](Filesystem::mkdir).
    pub fn mkdir(&mut self, path: &str, options: MkdirOptions) -> Result<()> {
        self.add(mkdir_change(path, options))
    }

    /// Adds the [removal of a directory](Filesystem::rmdir).
    pub fn rmdir(&mut self, path: &str, recursive: bool) -> Result<()> {
        self.add(rmdir_change(path, recursive))
    }

    /// Adds one key of [metadata](Filesystem::set_meta).
    pub fn set_meta(&mut self, path: &str, key: &str, value: &str) -> Result<()> {
        let change = MetadataValue::parse(key, value).and_then(|value| {
            metadata_change(path, vec![(key.to_owned(), value)], &Conditions::default())
        });
        self.add(change)
    }

    /// Adds several keys of [metadata](Filesystem::set_meta_many).
    pub fn set_meta_many(&mut self, path: &str, object: &str) -> Result<()> {
        let change = MetadataValue::parse_object(object)
            .and_then(|values| metadata_change(path, values, &Conditions::default()));
        self.add(change)
    }

    /// Adds the [removal of a key](Filesystem::delete_meta).
    pub fn delete_meta(&mut self, path: &str, key: &str) -> Result<()> {
        let change = VirtualPath::parse(path).map(|path| Change::DeleteMetadata {
            path,
            key: key.to_owned(),
        });
        self.add(change)
    }

    /// Adds the condition that the file at `path` has `etag` or, with `None`, that nothing is there.
    pub fn require_etag(&mut self, path: &str, etag: Option<ContentHash>) -> Result<()> {
        let conditions = metadata::Conditions {
            if_match: etag,
            if_none_match: etag.is_none(),
            lease: None,
        };
        let change = VirtualPath::parse(path).map(|path| Change::Require { path, conditions });
        self.add(change)
    }

    /// Adds the [completion of a work item](Filesystem::work_complete).
    pub fn complete_work(&mut self, path: &str, lease: u64, result: Option<&str>) -> Result<()> {
        self.add(complete_change(path, lease, result))
    }

    /// Adds the [failure of an attempt](Filesystem::work_fail).
    pub fn fail_work(
        &mut self,
        path: &str,
        lease: u64,
        error: &str,
        retry_after_ms: u64,
    ) -> Result<()> {
        self.add(fail_change(path, lease, error, retry_after_ms))
    }

    /// Adds the [return of a work item](Filesystem::work_release).
    pub fn release_work(&mut self, path: &str, lease: u64) -> Result<()> {
        self.add(release_change(path, lease))
    }

    /// Adds the condition that the work item at `path` is held under the lease token `lease`.
    pub fn require_lease(&mut self, path: &str, lease: u64) -> Result<()> {
        let change = VirtualPath::parse(path).and_then(|path| {
            Ok(Change::Require {
                conditions: metadata::Conditions {
                    lease: Some((path.clone(), LeaseToken::required(lease)?)),
                    ..metadata::Conditions::default()
                },
                path,
            })
        });
        self.add(change)
    }

    /// Returns what was collected.
    pub fn changes(&self) -> &ChangeSet {
        &self.changes
    }

    /// Returns the number of operations.
    pub fn len(&self) -> usize {
        self.changes.changes().len()
    }

    /// Returns whether there is no operation.
    pub fn is_empty(&self) -> bool {
        self.changes.changes().is_empty()
    }

    /// Commits everything at once. Returns one result for each operation, in order; `None` where it left
    /// no entry. After an error nothing is stored and the commit may be tried again; after success every
    /// call on the batch is `Misuse`.
    ///
    /// # Errors
    /// Those of the operations; [`Error::index`] names the one that failed.
    pub fn commit(&mut self) -> Result<Vec<Option<Entry>>> {
        self.check_unspent()?;
        let entries = self.store.commit(&self.changes)?;
        self.spent = true;
        self.changes = ChangeSet::default();
        Ok(entries)
    }

    fn add(&mut self, change: Result<Change>) -> Result<()> {
        self.check_unspent()?;
        let change = change.map_err(|error| error.in_operation(self.len()))?;
        self.changes.push(change);
        Ok(())
    }

    fn check_unspent(&self) -> Result<()> {
        if self.spent {
            return Err(Error::misuse("the batch was committed already"));
        }
        Ok(())
    }
}

//! Custom metadata, ids, and finding files by them.

use super::change::metadata_change;
use super::cursor::{self, PageLimit};
use super::files::not_found;
use super::{Conditions, Filesystem, FindOptions, Page};
use crate::access::{Action, Reach};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Change, MetadataQuery, MetadataValue};
use crate::path::{VirtualPath, quoted};
use crate::path_id::PathId;
use crate::range::PathRange;

impl Filesystem {
    /// Sets one key of the file at `path` to the JSON text `value`.
    ///
    /// # Errors
    /// `InvalidArgument` for a key or value that breaks a rule; `NotFound`, `IsADirectory`, `Conflict`,
    /// `Cycle`, `AccessDenied`, `ReadOnly`, `LeaseLost`.
    pub fn set_meta(
        &self,
        path: &str,
        key: &str,
        value: &str,
        conditions: &Conditions,
    ) -> Result<()> {
        let call = self.begin();
        let values = vec![(key.to_owned(), MetadataValue::parse(key, value)?)];
        self.commit_one(metadata_change(path, values, conditions)?, &call)?;
        Ok(())
    }

    /// Sets the keys of the JSON object `object`, in one transaction.
    ///
    /// # Errors
    /// As [`set_meta`](Self::set_meta).
    pub fn set_meta_many(&self, path: &str, object: &str) -> Result<()> {
        let call = self.begin();
        let values = MetadataValue::parse_object(object)?;
        let change = metadata_change(path, values, &Conditions::default())?;
        self.commit_one(change, &call)?;
        Ok(())
    }

    /// Removes one key of the file at `path`.
    ///
    /// # Errors
    /// `NotFound` if file or key is missing; else as [`set_meta`](Self::set_meta).
    pub fn delete_meta(&self, path: &str, key: &str) -> Result<()> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        let key = key.to_owned();
        self.commit_one(Change::DeleteMetadata { path, key }, &call)?;
        Ok(())
    }

    /// Returns the JSON text of one key of the file at `path`.
    ///
    /// # Errors
    /// `NotFound` if file or key is missing; `IsADirectory`, `AccessDenied`.
    pub fn get_meta(&self, path: &str, key: &str) -> Result<String> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        let value = self.granted(&call, |policy, grant| {
            self.require_whole(&path, policy, grant)?;
            self.store().metadata_value(&path, key, grant)
        })?;
        value.ok_or_else(|| Error::not_found(format!("no metadata key {}", quoted(key))).at(&path))
    }

    /// Returns all metadata of the file at `path` as a JSON object, keys in order.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `AccessDenied`.
    pub fn list_meta(&self, path: &str) -> Result<String> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        let values = self.granted(&call, |policy, grant| {
            self.require_whole(&path, policy, grant)?;
            self.store().metadata(&path, grant)
        })?;
        Ok(object_text(&values))
    }

    /// Returns a page of the files whose `key` has the value of the JSON text `value`.
    ///
    /// # Errors
    /// `InvalidArgument` for a key or value that breaks a rule; `NotFound`, `NotADirectory`,
    /// `AccessDenied` for the base directory.
    pub fn find_by_meta(&self, key: &str, value: &str, options: &FindOptions) -> Result<Page> {
        let call = self.begin();
        let base = base_directory(options.base.as_deref())?;
        let page = PageLimit::new(options.limit);
        let query = MetadataQuery {
            key: key.to_owned(),
            value: MetadataValue::parse(key, value)?,
            range: PathRange::under(base.as_str()),
            after: cursor::decode(options.cursor.as_deref())?,
            limit: page.probe(),
        };
        let entries = self.granted(&call, |policy, grant| {
            policy.check(&base, Action::Read)?;
            self.store().find(&query, grant)
        })?;
        if entries.is_empty() {
            self.require_directory(&base, &call)?;
        }
        Ok(page.page(entries))
    }

    /// Returns the id of the file, or of the directory that was made, at `path`.
    ///
    /// # Errors
    /// `NotFound` also for a directory that exists only because something is in it; `AccessDenied`.
    pub fn path_id(&self, path: &str) -> Result<PathId> {
        let entry = self.stat(path)?;
        entry.path_id.ok_or_else(|| {
            Error::not_found("the directory was not made, so it has no id").at(&entry.path)
        })
    }

    /// Returns the path whose id is `id`, a UUID.
    ///
    /// # Errors
    /// `NotFound` for an id that does not exist or may not be seen; `InvalidArgument` for no UUID.
    pub fn path_of_id(&self, id: &str) -> Result<VirtualPath> {
        let call = self.begin();
        let id = PathId::parse(id)
            .ok_or_else(|| Error::invalid_argument(format!("{} is not a UUID", quoted(id))))?;
        self.granted(&call, |_, grant| self.store().path_of_id(id, grant))?
            .ok_or_else(|| Error::not_found(format!("no file has the id {id}")))
    }

    /// Returns an error unless the caller may read all of `path`, rather than just pass through it.
    pub(super) fn require_whole(
        &self,
        path: &VirtualPath,
        policy: &crate::access::Policy,
        grant: &crate::metadata::Grant,
    ) -> crate::metadata::StoreResult<()> {
        if policy.check(path, Action::Read)? == Reach::Whole {
            return Ok(());
        }
        match self.look_up(path, policy, grant)? {
            Some(_) => Err(Error::new(ErrorKind::IsADirectory, "is a directory")
                .at(path)
                .into()),
            None => Err(not_found(path).into()),
        }
    }
}

/// Returns the directory that a search begins at.
pub(super) fn base_directory(base: Option<&str>) -> Result<VirtualPath> {
    base.map_or_else(|| Ok(VirtualPath::root()), VirtualPath::parse)
}

/// Returns the JSON object of `values`, whose second parts are JSON texts.
pub(crate) fn object_text(values: &[(String, String)]) -> String {
    let mut text = String::from("{");
    for (index, (key, value)) in values.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::Value::from(key.as_str()).to_string());
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
    text
}

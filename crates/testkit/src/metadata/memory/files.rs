//! Files, directories and their metadata, as changes make them.

use std::sync::Arc;

use nexusfs_core::content::{Form, NewContent, Unprepared};
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::metadata::{
    Conditions, Entry, MAX_VERSION, MetadataValue, MetadataValues, guess_mime_type,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::is_work_key;

use super::state::{
    ContentName, File, Kind, Name, is_directory, not_a_directory, not_found, parent, tree,
    without_metadata,
};
use super::transaction::Transaction;

impl Transaction<'_> {
    pub fn append(
        &mut self,
        path: &VirtualPath,
        conditions: &Conditions,
        mime_type: Option<&str>,
    ) -> Result<Option<Entry>> {
        let name = self.state.names.get(path.as_str()).cloned();
        self.check(path, name.as_ref(), conditions)?;
        if name.as_ref().is_some_and(|name| name.file.is_none()) {
            return Err(is_directory(path.as_str()));
        }
        let set = self.set;
        let backend = set.routes.backend_for(path.as_str());
        let base = name.as_ref().and_then(|name| name.file.as_ref());
        let base = base.map(File::content);
        match set
            .prepared
            .extended(self.change, base.as_ref().map(|base| base.1))
        {
            Some(content) => self.put(path, name, content, backend, mime_type),
            None => {
                let content = base.map(|base| self.state.load(&base)).transpose()?;
                Err(self.need(Unprepared {
                    change: self.change,
                    path: path.to_string(),
                    content,
                    form: Form::Extended(Arc::clone(backend)),
                }))
            }
        }
    }

    /// Creates or replaces the file at `path`, where `name` is.
    pub fn put(
        &mut self,
        path: &VirtualPath,
        name: Option<Name>,
        content: &NewContent,
        backend: &Arc<str>,
        mime_type: Option<&str>,
    ) -> Result<Option<Entry>> {
        let Some(mut name) = name else {
            self.ensure_parent(path.as_str())?;
            let held = self.hold(content, backend)?;
            let now = self.time_of_change();
            let mime = mime_type.unwrap_or_else(|| guess_mime_type(path.name()));
            let name = Name {
                kind: Kind::File,
                path_id: Some(PathId::generate()),
                created_at: now,
                modified_at: now,
                file: Some(new_file(
                    &held,
                    content.size(),
                    1,
                    mime,
                    mime_type.is_some(),
                )),
            };
            self.state.names.insert(path.to_string(), name);
            return self.entry(path);
        };
        let Some(old) = name.file.take() else {
            return Err(is_directory(path.as_str()));
        };
        let held = self.hold(content, backend)?;
        name.modified_at = self.time_of_change();
        let version = (old.version + u64::from(held.1 != old.etag)).min(MAX_VERSION);
        let mime_given = old.mime_given || mime_type.is_some();
        let mime = mime_type.unwrap_or(&old.mime_type);
        name.file = Some(new_file(&held, content.size(), version, mime, mime_given));
        self.state.names.insert(path.to_string(), name);
        self.release(old.content());
        self.entry(path)
    }

    /// Removes the file at `path` with everything said of it; directories above stay.
    pub fn remove_file(&mut self, path: &str) {
        let removed = self.state.names.remove(path);
        self.state.metadata.retain(|(at, _), _| at != path);
        self.bury(&PathRange::of_path(path));
        if let Some(file) = removed.and_then(|name| name.file) {
            self.release(file.content());
        }
    }

    pub fn remove_directory(
        &mut self,
        path: &VirtualPath,
        recursive: bool,
    ) -> Result<Option<Entry>> {
        let at = path.as_str();
        let name = self.state.names.get(at).ok_or_else(|| not_found(at))?;
        if name.kind == Kind::File {
            return Err(not_a_directory(at));
        }
        if !recursive && !self.is_empty(at) {
            return Err(Error::new(ErrorKind::NotEmpty, "the directory is not empty").at(path));
        }
        for range in tree(at) {
            self.bury(&range);
            for path in self.state.paths_in(&range) {
                self.remove_file(&path);
            }
        }
        self.prune_above(at);
        Ok(None)
    }

    pub fn make_directory(
        &mut self,
        path: &VirtualPath,
        parents: bool,
        exist_ok: bool,
        given_depth: usize,
    ) -> Result<Option<Entry>> {
        let kind = self.kind_at(path.as_str());
        match kind {
            Some(Kind::File) => return Err(already_exists(path)),
            Some(_) if !exist_ok => return Err(already_exists(path)),
            Some(Kind::MadeDirectory) => {}
            Some(Kind::ImpliedDirectory) => {
                self.insert_directory(path.as_str(), Kind::MadeDirectory)
            }
            None => {
                self.make_ancestors(path.as_str(), parents, given_depth)?;
                self.insert_directory(path.as_str(), Kind::MadeDirectory);
            }
        }
        self.entry(path)
    }

    fn make_ancestors(&mut self, path: &str, parents: bool, given_depth: usize) -> Result<()> {
        let Some(above) = parent(path) else {
            return Ok(());
        };
        match self.kind_at(above) {
            Some(Kind::File) => return Err(not_a_directory(above)),
            Some(_) => return Ok(()),
            None => {}
        }
        let depth = |path: &str| path.split('/').count() - 1;
        let is_given = depth(above) <= given_depth;
        if !is_given && !parents {
            // A file may be where one of its own ancestors ought to be.
            let ancestors = std::iter::successors(parent(above), |path| parent(path));
            let mut ancestors = ancestors.take_while(|path| depth(path) > given_depth);
            let first = ancestors.find(|path| self.kind_at(path).is_some());
            return Err(match first {
                Some(path) if self.kind_at(path) == Some(Kind::File) => not_a_directory(path),
                _ => Error::not_found("the parent directory does not exist").at(above),
            });
        }
        self.make_ancestors(above, parents, given_depth)?;
        let kind = if is_given {
            Kind::ImpliedDirectory
        } else {
            Kind::MadeDirectory
        };
        self.insert_directory(above, kind);
        Ok(())
    }

    /// Makes sure that every ancestor of `path` is a directory; missing ones are implied.
    pub fn ensure_parent(&mut self, path: &str) -> Result<()> {
        let Some(above) = parent(path) else {
            return Ok(());
        };
        match self.kind_at(above) {
            Some(Kind::File) => Err(not_a_directory(above)),
            Some(_) => Ok(()),
            None => {
                self.ensure_parent(above)?;
                self.insert_directory(above, Kind::ImpliedDirectory);
                Ok(())
            }
        }
    }

    pub fn insert_directory(&mut self, path: &str, kind: Kind) {
        let now = self.time_of_change();
        let name = Name {
            kind,
            path_id: (kind == Kind::MadeDirectory).then(PathId::generate),
            created_at: now,
            modified_at: now,
            file: None,
        };
        self.state.names.insert(path.to_owned(), name);
    }

    /// Removes the implied directories above `path` that nothing is in any more.
    pub fn prune_above(&mut self, path: &str) {
        let mut child = path;
        while let Some(above) = parent(child) {
            if self.kind_at(above) != Some(Kind::ImpliedDirectory) || !self.is_empty(above) {
                break;
            }
            self.state.names.remove(above);
            child = above;
        }
    }

    pub fn is_empty(&self, directory: &str) -> bool {
        self.state
            .names_in(&PathRange::under(directory))
            .next()
            .is_none()
    }

    pub fn kind_at(&self, path: &str) -> Option<Kind> {
        self.state.names.get(path).map(|name| name.kind)
    }

    pub fn set_metadata(
        &mut self,
        path: &VirtualPath,
        values: &MetadataValues,
        conditions: &Conditions,
    ) -> Result<Option<Entry>> {
        let name = self.described(path, conditions)?;
        let is_work =
            |(_, value): &(String, MetadataValue)| matches!(value, MetadataValue::Work(_));
        if name.file.is_none() && values.iter().any(is_work) {
            return Err(is_directory(path.as_str()));
        }
        self.set_values(path.as_str(), values)?;
        self.entry(path)
    }

    /// Sets keys of what is at `path`.
    pub fn set_values(&mut self, path: &str, values: &MetadataValues) -> Result<()> {
        let mut fields = Vec::new();
        for (key, value) in values {
            match value {
                MetadataValue::Work(field) => fields.push(field),
                MetadataValue::Json { text, digest } => {
                    let at = (path.to_owned(), key.clone());
                    self.state.metadata.insert(at, (text.clone(), *digest));
                }
            }
        }
        match fields.is_empty() {
            true => Ok(()),
            false => self.set_fields(path, &fields),
        }
    }

    pub fn delete_metadata(&mut self, path: &VirtualPath, key: &str) -> Result<Option<Entry>> {
        let name = self.described(path, &Conditions::default())?;
        let found = match is_work_key(key) {
            true if name.file.is_none() => return Err(is_directory(path.as_str())),
            true => self.clear_field(path.as_str(), key)?,
            false => {
                let at = (path.to_string(), key.to_owned());
                self.state.metadata.remove(&at).is_some()
            }
        };
        if !found {
            return Err(Error::not_found(format!("no metadata key {key:?}")).at(path));
        }
        self.entry(path)
    }

    /// Returns what can have metadata at `path`, after checking `conditions` on it.
    fn described(&mut self, path: &VirtualPath, conditions: &Conditions) -> Result<Name> {
        let name = self.state.names.get(path.as_str()).cloned();
        self.check(path, name.as_ref(), conditions)?;
        match name {
            Some(name) if name.kind != Kind::ImpliedDirectory => Ok(name),
            Some(_) => Err(without_metadata(path.as_str())),
            None => Err(not_found(path.as_str())),
        }
    }
}

/// Returns what a file of the content `held` is.
pub(super) fn new_file(
    held: &ContentName,
    size: u64,
    version: u64,
    mime_type: &str,
    mime_given: bool,
) -> File {
    File {
        etag: held.1,
        size,
        version,
        backend: Arc::clone(&held.0),
        mime_type: mime_type.into(),
        mime_given,
    }
}

pub(super) fn already_exists(path: &VirtualPath) -> Error {
    Error::new(ErrorKind::AlreadyExists, "already exists").at(path)
}

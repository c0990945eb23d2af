//! Files as an export described them.

use nexusfs_core::content::ContentHash;
use nexusfs_core::error::{Error, Result};
use nexusfs_core::metadata::{
    Compared, Conditions, Entry, ImportSource, ImportedDirectory, ImportedFile, guess_mime_type,
};
use nexusfs_core::path_id::PathId;

use super::files::new_file;
use super::queries::all_values;
use super::state::{ContentName, Kind, Name, is_directory, not_a_directory};
use super::transaction::Transaction;

impl Transaction<'_> {
    pub fn import_all(&mut self, source: &dyn ImportSource) -> Result<Option<Entry>> {
        let mut ids = Vec::new();
        for index in 0..source.files() {
            self.grant.call.check()?;
            self.operation = index;
            let id = match source.file(index)? {
                Some((file, conditions)) => {
                    let id = self.import_file(&file, &conditions);
                    Some(id.map_err(|error| error.in_operation(index))?)
                }
                None => None,
            };
            ids.push(id);
        }
        if source.has_dependencies() {
            for index in 0..ids.len() {
                self.grant.call.check()?;
                self.operation = index;
                if let Some((path, values)) = source.dependencies(index, &ids)? {
                    self.set_metadata(&path, &values, &Conditions::default())
                        .map_err(|error| error.in_operation(index))?;
                }
            }
        }
        for index in 0..source.directories() {
            self.grant.call.check()?;
            if let Some(directory) = source.directory(index)? {
                self.import_directory(&directory)?;
            }
        }
        Ok(None)
    }

    fn import_file(&mut self, imported: &ImportedFile, conditions: &Conditions) -> Result<PathId> {
        let path = imported.path.as_str();
        let existing = self.state.names.get(path).cloned();
        self.check(&imported.path, existing.as_ref(), conditions)?;
        if let (Some(compared), Some(name)) = (&imported.newer_than, &existing) {
            let values = compared
                .has_description()
                .then(|| all_values(&self.state, path));
            if Compared::new(name.modified_at, values.as_deref()) != *compared {
                let what = "the file changed after the import found its line newer";
                return Err(Error::conflict(what).at(path));
            }
        }
        let set = self.set;
        let held = match &imported.content {
            Some(content) => self.hold(content, set.routes.backend_for(path))?,
            None => self.held_already(imported)?,
        };
        let size = match &imported.content {
            Some(content) => content.size(),
            None => imported.size,
        };
        let replaced = existing.as_ref().and_then(|name| name.path_id);
        if let Some(name) = &existing {
            if name.file.is_none() {
                return Err(is_directory(path));
            }
            if !imported.cancels() {
                self.check_replaceable(path)?;
            }
            self.remove_file(path);
        }
        self.ensure_parent(path)?;
        let id = match imported.path_id {
            Some(id) if Some(id) == replaced || self.is_free(id) => id,
            _ => replaced.unwrap_or_else(PathId::generate),
        };
        let mime = imported.mime_type.as_deref();
        let guessed = || guess_mime_type(imported.path.name());
        let name = Name {
            kind: Kind::File,
            path_id: Some(id),
            created_at: imported.created_at,
            modified_at: imported.modified_at,
            file: Some(new_file(
                &held,
                size,
                imported.version.max(1),
                mime.unwrap_or_else(guessed),
                mime.is_some(),
            )),
        };
        self.state.names.insert(path.to_owned(), name);
        self.set_values(path, &imported.metadata)?;
        self.import_history(path, id, &imported.history);
        Ok(id)
    }

    /// Returns the content of the file, which the caller could read somewhere, in the backend of its path.
    fn held_already(&mut self, imported: &ImportedFile) -> Result<ContentName> {
        let path = imported.path.as_str();
        let held = self.readable(&imported.etag).ok_or_else(|| {
            let what = format!("no readable file has the content {}", imported.etag);
            Error::not_found(what).at(path)
        })?;
        let size = self.state.contents.get(&held).map(|content| content.size);
        if size != Some(imported.size) {
            return Err(Error::invalid_argument("the size is not that of the content").at(path));
        }
        self.carry(held, path, path)
    }

    /// Returns the content as some path holds it that the caller may read, or as a file did that the import replaced.
    fn readable(&self, etag: &ContentHash) -> Option<ContentName> {
        let of_backend = |(backend, _): &(std::sync::Arc<str>, String)| (backend.clone(), *etag);
        let names: Vec<ContentName> = self.state.backends.iter().map(of_backend).collect();
        let is_seen = |name: &&ContentName| {
            let mut holders = self.state.holders(name);
            holders.any(|path| self.grant.visible.contains(path))
        };
        let is_unheld = |name: &&ContentName| {
            self.unheld
                .as_ref()
                .is_some_and(|unheld| unheld.contains_key(*name))
        };
        let found = names
            .iter()
            .find(is_seen)
            .or_else(|| names.iter().find(is_unheld));
        found.cloned()
    }

    /// Returns whether the caller may give the id to a file: no other has it, and nothing that the caller may not see
    /// waits for one that had it.
    fn is_free(&self, id: PathId) -> bool {
        let mut edges = self
            .state
            .edges
            .iter()
            .filter(|((_, blocker), _)| *blocker == id);
        let may_see = |((item, _), edge): (&(PathId, PathId), &super::state::Edge)| {
            let place = edge.tombstone.as_deref();
            let place = place.or_else(|| self.state.item_of_id(*item).map(|(path, _)| path));
            place.is_some_and(|place| self.grant.visible.contains(place))
        };
        self.state.path_of_id(id).is_none() && edges.all(may_see)
    }

    /// Makes the directory with its metadata, unless it was made already.
    fn import_directory(&mut self, imported: &ImportedDirectory) -> Result<()> {
        let path = imported.path.as_str();
        match self.kind_at(path) {
            Some(Kind::File) => return Err(not_a_directory(path)),
            Some(Kind::MadeDirectory) => return Ok(()),
            Some(Kind::ImpliedDirectory) => {}
            None => self.ensure_parent(path)?,
        }
        let id = imported.path_id.filter(|id| self.is_free(*id));
        let name = Name {
            kind: Kind::MadeDirectory,
            path_id: Some(id.unwrap_or_else(PathId::generate)),
            created_at: imported.created_at,
            modified_at: imported.modified_at,
            file: None,
        };
        self.state.names.insert(path.to_owned(), name);
        self.set_values(path, &imported.metadata)
    }
}

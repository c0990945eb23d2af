//! Moving and copying files and trees.

use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::metadata::{Entry, Relocation, guess_mime_type};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;

use super::files::already_exists;
use super::state::{
    File, Kind, Name, is_directory, not_a_directory, not_found, tree, virtual_path,
};
use super::transaction::Transaction;

impl Transaction<'_> {
    pub fn rename(&mut self, relocation: &Relocation) -> Result<Option<Entry>> {
        let Relocation { from, to, .. } = relocation;
        let source = self.source(relocation)?;
        if from == to {
            return self.entry(from);
        }
        self.clear_target(relocation, &source)?;
        self.ensure_parent(to.as_str())?;
        let paths: Vec<String> = tree(from.as_str())
            .iter()
            .flat_map(|range| self.state.paths_in(range))
            .collect();
        let mut targets = Vec::with_capacity(paths.len());
        for path in &paths {
            targets.push(moved(path, from, to)?);
        }
        for (path, target) in paths.iter().zip(&targets) {
            let Some(mut name) = self.state.names.remove(path) else {
                continue;
            };
            let dropped = match &mut name.file {
                Some(file) => self.carry_file(file, path, target)?,
                None => None,
            };
            self.state.names.insert(target.to_string(), name);
            if let Some(dropped) = dropped {
                self.release(dropped);
            }
            let keys: Vec<String> = self
                .state
                .values(path)
                .map(|(key, _)| key.to_owned())
                .collect();
            for key in keys {
                if let Some(value) = self.state.metadata.remove(&(path.clone(), key.clone())) {
                    self.state.metadata.insert((target.to_string(), key), value);
                }
            }
            if let Some(item) = self.state.items.remove(path) {
                self.state.items.insert(target.to_string(), item);
                self.supplied = true;
            }
        }
        if let Some(name) = self.state.names.get_mut(to.as_str())
            && let Some(file) = &mut name.file
            && !file.mime_given
        {
            file.mime_type = guess_mime_type(to.name()).into();
        }
        self.prune_above(from.as_str());
        self.entry(to)
    }

    pub fn copy(&mut self, relocation: &Relocation) -> Result<Option<Entry>> {
        let Relocation { from, to, .. } = relocation;
        let source = self.source(relocation)?;
        if from == to {
            return self.entry(from);
        }
        self.clear_target(relocation, &source)?;
        self.ensure_parent(to.as_str())?;
        let grant = self.grant;
        let visible = self.state.resolve(&grant.visible);
        for range in tree(from.as_str())
            .iter()
            .flat_map(|scope| visible.within(scope))
        {
            for path in self.state.paths_in(&range) {
                let target = moved(&path, from, to)?;
                self.copy_one(&path, &target)?;
                let values = self.state.metadata.range((path.clone(), String::new())..);
                let values = values.take_while(|((at, _), _)| *at == path);
                let values: Vec<_> = values
                    .map(|((_, key), value)| ((target.to_string(), key.clone()), value.clone()))
                    .collect();
                self.state.metadata.extend(values);
            }
        }
        self.entry(to)
    }

    fn copy_one(&mut self, path: &str, target: &VirtualPath) -> Result<()> {
        let Some(name) = self.state.names.get(path).cloned() else {
            return Ok(());
        };
        self.ensure_parent(target.as_str())?;
        let Some(mut file) = name.file else {
            if !self.state.names.contains_key(target.as_str()) {
                self.insert_directory(target.as_str(), name.kind);
            }
            return Ok(());
        };
        self.carry_file(&mut file, path, target)?;
        let now = self.time_of_change();
        file.version = 1;
        if !file.mime_given {
            file.mime_type = guess_mime_type(target.name()).into();
        }
        let copy = Name {
            kind: Kind::File,
            path_id: Some(PathId::generate()),
            created_at: now,
            modified_at: now,
            file: Some(file),
        };
        let id = copy.path_id;
        self.state.names.insert(target.to_string(), copy);
        match id {
            Some(id) => self.copy_item(path, target.as_str(), id),
            None => Ok(()),
        }
    }

    /// Has `file` hold its content in the backend of its new place; returns the one that it does not hold any more.
    fn carry_file(
        &mut self,
        file: &mut File,
        path: &str,
        target: &VirtualPath,
    ) -> Result<Option<super::state::ContentName>> {
        let routes = &self.set.routes;
        if routes.backend_for(path) == routes.backend_for(target.as_str()) {
            return Ok(None);
        }
        let before = file.content();
        let carried = self
            .carry(before.clone(), path, target.as_str())
            .map_err(|error| error.at(path))?;
        file.backend = carried.0;
        Ok((file.backend != before.0).then_some(before))
    }

    /// Returns what is to be moved or copied, after checking what can be checked on it alone.
    fn source(&mut self, relocation: &Relocation) -> Result<Name> {
        let Relocation { from, to, .. } = relocation;
        let name = self.seen(from.as_str());
        self.check(from, name.as_ref(), &relocation.conditions)?;
        let name = name.ok_or_else(|| not_found(from.as_str()))?;
        if from != to && to.is_within(from) {
            return Err(match name.kind {
                Kind::File => not_a_directory(from.as_str()),
                _ => Error::invalid_argument("a directory cannot go into itself").at(to),
            });
        }
        Ok(name)
    }

    /// Makes the target free: a file gives way to a file, an empty directory to a directory.
    fn clear_target(&mut self, relocation: &Relocation, source: &Name) -> Result<()> {
        let to = &relocation.to;
        let Some(kind) = self.kind_at(to.as_str()) else {
            return Ok(());
        };
        if relocation.no_replace {
            return Err(already_exists(to));
        }
        match (source.kind, kind) {
            (Kind::File, Kind::File) => self.check_replaceable(to.as_str())?,
            (Kind::File, _) => return Err(is_directory(to.as_str())),
            (_, Kind::File) => return Err(not_a_directory(to.as_str())),
            _ if !self.is_empty(to.as_str()) => {
                return Err(Error::new(ErrorKind::NotEmpty, "the directory is not empty").at(to));
            }
            _ => {}
        }
        self.remove_file(to.as_str());
        Ok(())
    }
}

/// Returns where `path` is once `from` is called `to`.
fn moved(path: &str, from: &VirtualPath, to: &VirtualPath) -> Result<VirtualPath> {
    virtual_path(path).moved(from, to).map_err(|_| {
        let what = "a path in the directory would have more than 4096 bytes or 100 segments";
        Error::new(ErrorKind::InvalidPath, what).at(to)
    })
}

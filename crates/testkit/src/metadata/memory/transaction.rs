//! One set of changes being applied to a copy of the state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexusfs_core::content::{ContentHash, Staged, Unprepared};
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::metadata::{Change, Conditions, Entry, Grant, WriteSet};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::time::Micros;

use super::state::{Content, ContentName, Name, Now, State, is_directory, not_found};
use super::work::Named;

/// A set of changes, and what it leaves.
pub(super) struct Transaction<'a> {
    pub state: State,
    pub grant: &'a Grant,
    pub set: &'a WriteSet,
    pub now: Now,
    /// The number of the change that is applied.
    pub change: usize,
    /// What an error of dependencies is told of: the change, or the file of an import.
    pub operation: usize,
    /// Contents that rows now name and that are not in place.
    pub staged: Vec<(Arc<str>, Arc<dyn Staged>)>,
    /// Contents that changes need and that were not prepared: the set is not applied.
    pub unprepared: Vec<Unprepared>,
    /// A content that is being removed: the set is not applied before that has ended.
    pub awaited: Option<ContentName>,
    pub has_dropped: bool,
    /// Something may have become claimable.
    pub supplied: bool,
    /// Dependencies that were named for items, with the operations that did.
    pub named: BTreeMap<PathId, (usize, Vec<Named>)>,
    /// Items whose lease the caller has proved to hold.
    pub held: BTreeSet<PathId>,
    /// While imports are applied: contents that no path holds any more, unless a later file does.
    pub unheld: Option<BTreeMap<ContentName, Content>>,
}

impl<'a> Transaction<'a> {
    pub fn new(state: &State, grant: &'a Grant, set: &'a WriteSet, now: Now) -> Self {
        Transaction {
            state: state.clone(),
            grant,
            set,
            now,
            change: 0,
            operation: 0,
            staged: Vec::new(),
            unprepared: Vec::new(),
            awaited: None,
            has_dropped: false,
            supplied: false,
            named: BTreeMap::new(),
            held: BTreeSet::new(),
            unheld: None,
        }
    }

    /// Applies all changes in order, then what they entail. Returns the entry that each left.
    pub fn apply(&mut self) -> Result<Vec<Option<Entry>>> {
        let set = self.set;
        let mut entries = Vec::with_capacity(set.changes.len());
        let is_import = |change: &Change| matches!(change, Change::Import(_));
        self.unheld = set.changes.iter().any(is_import).then(BTreeMap::new);
        for (index, change) in set.changes.iter().enumerate() {
            self.grant.call.check()?;
            (self.change, self.operation) = (index, index);
            let left = self
                .one(change)
                .map_err(|error| change.failed(index, error))?;
            entries.push(left);
        }
        for content in self.unheld.take().unwrap_or_default().into_keys() {
            self.release(content);
        }
        self.settle()?;
        Ok(entries)
    }

    fn one(&mut self, change: &Change) -> Result<Option<Entry>> {
        match change {
            Change::Write {
                path,
                content,
                backend,
                conditions,
                mime_type,
            } => {
                let name = self.state.names.get(path.as_str()).cloned();
                self.check(path, name.as_ref(), conditions)?;
                self.put(path, name, content, backend, mime_type.as_deref())
            }
            Change::Append {
                path,
                conditions,
                mime_type,
                ..
            } => self.append(path, conditions, mime_type.as_deref()),
            Change::Delete { path, conditions } => {
                self.existing_file(path, conditions)?;
                self.remove_file(path.as_str());
                self.prune_above(path.as_str());
                Ok(None)
            }
            Change::Rename(relocation) => self.rename(relocation),
            Change::Copy(relocation) => self.copy(relocation),
            Change::MakeDirectory {
                path,
                parents,
                exist_ok,
                given_depth,
            } => self.make_directory(path, *parents, *exist_ok, *given_depth),
            Change::RemoveDirectory { path, recursive } => self.remove_directory(path, *recursive),
            Change::SetMetadata {
                path,
                values,
                conditions,
            } => self.set_metadata(path, values, conditions),
            Change::DeleteMetadata { path, key } => self.delete_metadata(path, key),
            Change::Require { path, conditions } => {
                let seen = self.seen(path.as_str());
                self.check(path, seen.as_ref(), conditions)?;
                Ok(None)
            }
            Change::Heartbeat { path, token, lease } => self.heartbeat(path, *token, *lease),
            Change::CompleteWork {
                path,
                token,
                result,
            } => self.complete(path, *token, result.as_deref()),
            Change::FailWork {
                path,
                token,
                error,
                retry_after,
            } => self.fail(path, *token, error, *retry_after),
            Change::ReleaseWork { path, token } => self.release_work(path, *token),
            Change::Import(source) => self.import_all(&**source),
        }
    }

    /// Returns the current time, later than that of every change before.
    pub fn time_of_change(&mut self) -> Micros {
        self.state.newest_time = self.now.wall.max(self.state.newest_time + 1);
        self.state.newest_time
    }

    /// Returns the entry at `path`, which is there.
    pub fn entry(&self, path: &VirtualPath) -> Result<Option<Entry>> {
        let entry = self.state.entry(path.as_str());
        entry.map(Some).ok_or_else(|| not_found(path.as_str()))
    }

    /// Returns the name at `path`, of which the caller may read at least a part, if it exists for the caller.
    pub fn seen(&self, path: &str) -> Option<Name> {
        let name = self.state.names.get(path)?;
        let visible = &self.grant.visible;
        if !visible.contains(path) {
            let visible = self.state.resolve(visible);
            if self
                .state
                .gates(&visible, &PathRange::of_path(path))
                .is_empty()
            {
                return None;
            }
        }
        Some(name.clone())
    }

    /// Checks `conditions` on `path`, where `name` is.
    pub fn check(
        &mut self,
        path: &VirtualPath,
        name: Option<&Name>,
        conditions: &Conditions,
    ) -> Result<()> {
        if let Some(expected) = &conditions.if_match {
            match name.map(|name| name.file.as_ref()) {
                Some(Some(file)) if file.etag == *expected => {}
                Some(Some(_)) => return Err(Error::conflict("the etag does not match").at(path)),
                Some(None) => return Err(is_directory(path.as_str())),
                None => return Err(Error::conflict("the file does not exist").at(path)),
            }
        }
        if conditions.if_none_match && name.is_some() {
            return Err(Error::conflict("the file exists").at(path));
        }
        if let Some((item, token)) = &conditions.lease {
            let id = self.held_item(item, *token)?.id;
            self.held.insert(id);
        }
        Ok(())
    }

    /// Returns the file at `path`, after checking `conditions` on it.
    pub fn existing_file(&mut self, path: &VirtualPath, conditions: &Conditions) -> Result<Name> {
        let name = self.state.names.get(path.as_str()).cloned();
        self.check(path, name.as_ref(), conditions)?;
        match name {
            Some(name) if name.file.is_some() => Ok(name),
            Some(_) => Err(is_directory(path.as_str())),
            None => Err(not_found(path.as_str())),
        }
    }

    /// Has the set not be applied: a change needs a content that was not prepared.
    pub fn need(&mut self, unprepared: Unprepared) -> Error {
        self.unprepared.push(unprepared);
        Error::internal("a content was not prepared")
    }

    /// Has the set not be applied before the removal of a content has ended.
    pub fn wait_for(&mut self, backend: &Arc<str>, hash: ContentHash) -> Error {
        self.awaited = Some((Arc::clone(backend), hash));
        Error::new(ErrorKind::Busy, "a content is being removed")
    }
}

//! Typed keys, leases and dependencies, as changes make them.

use std::collections::BTreeSet;

use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::metadata::Entry;
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::time::Micros;
use nexusfs_core::work::{
    DependencyRef, LeaseToken, MOST_ATTEMPTS, Status, WorkField, WorkHistory, back_off,
    is_library_key,
};

use super::state::{Edge, Item, Lease};
use super::transaction::Transaction;

/// Most names in a message.
const NAMES_SHOWN: usize = 16;

/// A dependency that was named and is looked up at the end.
#[derive(Debug, Clone)]
pub(super) struct Named {
    reference: DependencyRef,
    /// The file that was at the path when it was named: later changes may move it.
    bound: Option<PathId>,
}

impl Transaction<'_> {
    /// Sets typed keys of the file at `path`.
    pub fn set_fields(&mut self, path: &str, fields: &[&WorkField]) -> Result<()> {
        let id = self.state.names.get(path).and_then(|name| name.path_id);
        let id = id.ok_or_else(|| Error::internal("a file has no id"))?;
        let before = self
            .state
            .items
            .get(path)
            .cloned()
            .unwrap_or_else(|| Item::new(id));
        let cancels = |field: &&WorkField| matches!(field, WorkField::Status(Status::Cancelled));
        if !fields.iter().any(cancels)
            && let Some(field) = fields.iter().find(|field| is_of_the_holder(field.key()))
        {
            self.check_holder(path, &before, field.key())?;
        }
        self.state
            .items
            .entry(path.to_owned())
            .or_insert_with(|| before.clone());
        for field in fields {
            if let WorkField::DependsOn(references) = field {
                self.name_dependencies(id, references);
            }
            let was_leased = before.is_leased(self.now);
            let Some(item) = self.state.items.get_mut(path) else {
                continue;
            };
            match field {
                WorkField::Status(status) => set_status(item, Some(*status), was_leased),
                WorkField::Priority(priority) => item.priority = Some(*priority),
                WorkField::DependsOn(_) => item.depends = true,
                WorkField::WorkerId(worker) => item.worker_id = Some(worker.clone()),
                WorkField::StartedAt(time) => item.started_at = Some(*time),
                WorkField::CompletedAt(time) => item.completed_at = Some(*time),
                WorkField::NotBefore(time) => item.not_before = Some(*time),
                WorkField::Tags(_) => item.tags = Some(field.to_json()),
                WorkField::MaxAttempts(attempts) => item.max_attempts = Some(*attempts),
            }
        }
        self.supplied = true;
        Ok(())
    }

    /// Removes a typed key of the file at `path`; returns whether it was set.
    pub fn clear_field(&mut self, path: &str, key: &str) -> Result<bool> {
        if is_library_key(key) {
            let what =
                format!("metadata key '{key}' cannot be removed: only the library writes it");
            return Err(Error::invalid_argument(what).at(path));
        }
        let Some(item) = self.state.items.get(path).cloned() else {
            return Ok(false);
        };
        let was_set = match key {
            "status" => item.status.is_some(),
            "priority" => item.priority.is_some(),
            "depends_on" => item.depends,
            "worker_id" => item.worker_id.is_some(),
            "started_at" => item.started_at.is_some(),
            "completed_at" => item.completed_at.is_some(),
            "not_before" => item.not_before.is_some(),
            "tags" => item.tags.is_some(),
            _ => item.max_attempts.is_some(),
        };
        if !was_set {
            return Ok(false);
        }
        if is_of_the_holder(key) {
            self.check_holder(path, &item, key)?;
        }
        if key == "depends_on" {
            self.named.remove(&item.id);
            self.state
                .edges
                .retain(|(waiting, _), _| *waiting != item.id);
        }
        if let Some(item) = self.state.items.get_mut(path) {
            match key {
                "status" => set_status(item, None, false),
                "priority" => item.priority = None,
                "depends_on" => item.depends = false,
                "worker_id" => item.worker_id = None,
                "started_at" => item.started_at = None,
                "completed_at" => item.completed_at = None,
                "not_before" => item.not_before = None,
                "tags" => item.tags = None,
                _ => item.max_attempts = None,
            }
        }
        self.supplied = true;
        Ok(true)
    }

    /// Checks that nobody else holds the lease of `item`, of whose run `key` is.
    fn check_holder(&self, path: &str, item: &Item, key: &str) -> Result<()> {
        if !item.is_leased(self.now) || self.held.contains(&item.id) {
            return Ok(());
        }
        let what =
            format!("metadata key '{key}' belongs to the worker that holds the item's lease");
        Err(Error::conflict(what).at(path))
    }

    /// Checks that no live lease stands in the way of a file that is to replace the item at `path`.
    pub fn check_replaceable(&self, path: &str) -> Result<()> {
        match self.state.items.get(path) {
            Some(item) if item.is_leased(self.now) && !self.held.contains(&item.id) => {
                let what = "the work item is under a lease, and only the worker that holds it may replace it";
                Err(Error::conflict(what).at(path))
            }
            _ => Ok(()),
        }
    }

    /// Returns the item at `path`, which is held under the live lease `token`.
    pub fn held_item(&mut self, path: &VirtualPath, token: LeaseToken) -> Result<&mut Item> {
        let now = self.now;
        let item = self.state.items.get_mut(path.as_str());
        let lost = |why: &str| {
            let what = format!("the lease is no longer held: {why}");
            Error::new(ErrorKind::LeaseLost, what).at(path)
        };
        match item {
            Some(item) => match item.lease {
                None => Err(lost("it has ended")),
                Some(lease) if lease.token != token.number() => {
                    Err(lost("it was not the newest one"))
                }
                Some(lease) if lease.deadline <= now.boot => Err(lost("it has expired")),
                Some(_) => Ok(item),
            },
            None => Err(lost("it has ended")),
        }
    }

    pub fn heartbeat(
        &mut self,
        path: &VirtualPath,
        token: LeaseToken,
        lease: Micros,
    ) -> Result<Option<Entry>> {
        let now = self.now;
        let item = self.held_item(path, token)?;
        item.lease = Some(Lease {
            token: token.number(),
            deadline: now.boot.saturating_add(lease),
            expires_at: now.wall.saturating_add(lease),
        });
        // Those who wait for the lease to end wait for another moment.
        self.supplied = true;
        Ok(None)
    }

    pub fn complete(
        &mut self,
        path: &VirtualPath,
        token: LeaseToken,
        result: Option<&str>,
    ) -> Result<Option<Entry>> {
        let now = self.now;
        let item = self.held_item(path, token)?;
        item.lease = None;
        item.status = Some(Status::Completed);
        item.completed_at = Some(now.wall);
        item.result = result.map(str::to_owned);
        self.supplied = true;
        Ok(None)
    }

    pub fn fail(
        &mut self,
        path: &VirtualPath,
        token: LeaseToken,
        error: &str,
        retry_after: Option<Micros>,
    ) -> Result<Option<Entry>> {
        let now = self.now;
        let item = self.held_item(path, token)?;
        item.last_error = Some(error.to_owned());
        if item.has_no_attempt_left() {
            item.lease = None;
            item.status = Some(Status::Failed);
        } else {
            let delay = retry_after.unwrap_or_else(|| back_off(item.attempts));
            item.not_before = Some(now.wall.saturating_add(delay));
            item.give_up();
        }
        self.supplied = true;
        Ok(None)
    }

    pub fn release_work(&mut self, path: &VirtualPath, token: LeaseToken) -> Result<Option<Entry>> {
        let item = self.held_item(path, token)?;
        item.attempts = (item.attempts - 1).max(0);
        item.give_up();
        self.supplied = true;
        Ok(None)
    }

    /// The files in `range` go, with their typed keys: open edges to them remember where they were.
    pub fn bury(&mut self, range: &PathRange) {
        let going = self.state.items_in(range);
        let going: Vec<_> = going
            .map(|(path, item)| (path.clone(), item.clone()))
            .collect();
        for (_, item) in &going {
            self.named.remove(&item.id);
            self.state
                .edges
                .retain(|(waiting, _), _| *waiting != item.id);
        }
        for (path, item) in going {
            self.state.items.remove(&path);
            if !item.blocks() {
                self.supplied = true;
                continue;
            }
            for ((_, blocker), edge) in &mut self.state.edges {
                if *blocker == item.id {
                    edge.tombstone = Some(path.clone());
                }
            }
        }
    }

    /// The file at `path` was copied to `target`, which has the id `id`: nobody works on the copy, and it waits for what the
    /// source waits for.
    pub fn copy_item(&mut self, path: &str, target: &str, id: PathId) -> Result<()> {
        let Some(source) = self.state.items.get(path).cloned() else {
            return Ok(());
        };
        let runs = source.status == Some(Status::InProgress);
        let mut copy = Item {
            status: if runs {
                Some(Status::Ready)
            } else {
                source.status
            },
            priority: source.priority,
            depends: source.depends,
            not_before: source.not_before,
            completed_at: source.completed_at.filter(|_| !runs),
            tags: source.tags.clone(),
            max_attempts: source.max_attempts,
            ..Item::new(id)
        };
        if let Some((_, named)) = self.named.get(&source.id) {
            let named = named.clone();
            self.named.insert(id, (self.operation, named));
        }
        let visible = &self.grant.visible;
        let mut edges = Vec::new();
        for (blocker, edge) in self.state.edges_of(source.id) {
            let place = self.state.path_of_id(blocker).or(edge.tombstone.as_deref());
            // Of a deleted one that was completed nobody knows where it was.
            if place.map_or(visible.nearly_all, |place| visible.contains(place)) {
                edges.push((blocker, edge.clone()));
            } else if self.state.is_open(blocker, edge)
                && matches!(copy.status, Some(Status::Ready | Status::Blocked))
            {
                // A person decides what the copy waits for.
                copy.status = Some(Status::Pending);
            }
        }
        for (blocker, edge) in edges {
            self.state.edges.insert((id, blocker), edge);
        }
        self.state.items.insert(target.to_owned(), copy);
        self.supplied = true;
        Ok(())
    }

    /// The file at `path` was imported and its metadata set: nobody works on it. Items that waited for the file of this id
    /// before it was deleted wait for it again.
    pub fn import_history(&mut self, path: &str, id: PathId, history: &WorkHistory) {
        if *history != WorkHistory::default() {
            let item = self.state.items.entry(path.to_owned());
            item.or_insert_with(|| Item::new(id));
        }
        if let Some(item) = self.state.items.get_mut(path) {
            if item.status == Some(Status::InProgress) {
                item.give_up();
                item.completed_at = None;
            }
            if *history != WorkHistory::default() {
                item.attempts = history.attempts.clamp(0, MOST_ATTEMPTS);
                item.last_error.clone_from(&history.last_error);
                item.result.clone_from(&history.result);
            }
        }
        for ((_, blocker), edge) in &mut self.state.edges {
            if *blocker == id {
                edge.tombstone = None;
            }
        }
    }

    fn name_dependencies(&mut self, item: PathId, references: &[DependencyRef]) {
        self.state.edges.retain(|(waiting, _), _| *waiting != item);
        let bound = |reference: &DependencyRef| match reference {
            DependencyRef::Id(id) => Some(*id),
            DependencyRef::Path(path) => {
                let name = self.state.names.get(path.as_str());
                name.and_then(|name| name.path_id)
            }
        };
        let named = references.iter().map(|reference| Named {
            reference: reference.clone(),
            bound: bound(reference),
        });
        let named = named.collect();
        self.named.insert(item, (self.operation, named));
    }

    /// Does what all changes entail: stores the dependencies that they named, refuses cycles, and makes blocked items ready
    /// that wait for nothing any more.
    pub fn settle(&mut self) -> Result<()> {
        let mut named: Vec<_> = std::mem::take(&mut self.named).into_iter().collect();
        named.sort_by_key(|(_, (operation, _))| *operation);
        let mut changed = Vec::new();
        for (item, (operation, named)) in named {
            if self.state.item_of_id(item).is_none() {
                continue;
            }
            let mut position = 0;
            for one in &named {
                let blocker = self
                    .resolve(one)
                    .map_err(|error| error.in_operation(operation))?;
                if self.state.edges.contains_key(&(item, blocker)) {
                    continue;
                }
                let edge = Edge {
                    position,
                    tombstone: None,
                };
                self.state.edges.insert((item, blocker), edge);
                position += 1;
            }
            changed.push((item, operation));
        }
        self.refuse_cycles(&changed)?;
        let is_free = |item: &&Item| {
            item.status == Some(Status::Blocked)
                && !self.state.edges_of(item.id).is_empty()
                && self.state.open_edges_of(item.id).is_empty()
        };
        let free = self.state.items.values().filter(is_free);
        let free: BTreeSet<PathId> = free.map(|item| item.id).collect();
        for item in self.state.items.values_mut() {
            if free.contains(&item.id) {
                item.status = Some(Status::Ready);
            }
        }
        Ok(())
    }

    /// Returns the file that is meant. What the caller may not see is like what does not exist.
    fn resolve(&self, named: &Named) -> Result<PathId> {
        let visible = &self.grant.visible;
        let unknown = || {
            let error = Error::not_found("no such file to depend on");
            match &named.reference {
                DependencyRef::Id(id) => error.at(id.to_string()),
                DependencyRef::Path(path) => error.at(path),
            }
        };
        let bound = named.bound.and_then(|id| self.state.path_of_id(id));
        let bound = bound.filter(|path| visible.contains(path));
        let path = match (&named.reference, bound) {
            (_, Some(path)) => path,
            (DependencyRef::Path(path), None) if visible.contains(path.as_str()) => path.as_str(),
            _ => return Err(unknown()),
        };
        match self.state.names.get(path) {
            Some(name) if name.file.is_some() => name.path_id.ok_or_else(unknown),
            Some(_) => {
                let what = "a work item cannot depend on a directory";
                Err(Error::new(ErrorKind::IsADirectory, what).at(path))
            }
            None => Err(unknown()),
        }
    }

    /// Refuses a cycle through one of `changed`: items whose dependencies are new, with the operations that set them.
    fn refuse_cycles(&self, changed: &[(PathId, usize)]) -> Result<()> {
        for (start, _) in changed {
            if let Some(cycle) = self.cycle_through(*start) {
                return Err(self.cycle_error(cycle, changed));
            }
        }
        Ok(())
    }

    /// Returns a cycle through `start`, once each.
    fn cycle_through(&self, start: PathId) -> Option<Vec<PathId>> {
        let mut seen = BTreeSet::from([start]);
        let blockers = |item| {
            let edges = self.state.edges_of(item);
            edges
                .into_iter()
                .map(|(blocker, _)| blocker)
                .collect::<Vec<_>>()
        };
        let mut way = vec![(start, blockers(start))];
        while let Some((_, left)) = way.last_mut() {
            match left.pop() {
                None => drop(way.pop()),
                Some(blocker) if blocker == start => {
                    return Some(way.into_iter().map(|(item, _)| item).collect());
                }
                Some(blocker) if seen.insert(blocker) => way.push((blocker, blockers(blocker))),
                Some(_) => {}
            }
        }
        None
    }

    /// Returns the error for `cycle`, naming the last operation that contributed to it.
    fn cycle_error(&self, mut cycle: Vec<PathId>, changed: &[(PathId, usize)]) -> Error {
        let position_of = |(item, operation): &(PathId, usize)| {
            let position = cycle.iter().position(|other| other == item)?;
            Some((*operation, position))
        };
        let last = changed.iter().filter_map(position_of).max();
        let (operation, position) = last.unwrap_or_default();
        cycle.rotate_left(position);
        cycle.push(cycle[0]);
        let depends_on_itself = cycle.len() == 2;
        let mut names: Vec<String> = Vec::new();
        for item in cycle {
            let path = self.state.path_of_id(item);
            let path = path.filter(|path| self.grant.visible.contains(path));
            let name = path.unwrap_or("not visible").to_owned();
            // How many follow each other is not told.
            if names.last() != Some(&name) || depends_on_itself {
                names.push(name);
            }
        }
        if names.len() > NAMES_SHOWN {
            let end = names.len() - NAMES_SHOWN / 2;
            names.splice(NAMES_SHOWN / 2..end, ["(more)".to_owned()]);
        }
        let path = names[0].clone();
        let what = format!("dependencies would form the cycle {}", names.join(" -> "));
        Error::new(ErrorKind::Cycle, what)
            .at(path)
            .in_operation(operation)
    }
}

fn set_status(item: &mut Item, status: Option<Status>, was_leased: bool) {
    item.status = status;
    // The holder of a live lease keeps it; what others set is `in_progress` without one.
    if status != Some(Status::InProgress) || !was_leased {
        item.lease = None;
    }
}

/// Returns whether only the holder of a lease may change `key` while the lease is live.
fn is_of_the_holder(key: &str) -> bool {
    matches!(
        key,
        "status" | "worker_id" | "started_at" | "completed_at" | "depends_on"
    )
}

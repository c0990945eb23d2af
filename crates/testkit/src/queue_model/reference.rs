//! The queue as the specification tells it: files with keys, no index, no table, and a time that only the
//! test moves. Each operation is what a reader of the specification would expect of it.

use std::collections::{BTreeMap, BTreeSet};

use nexusfs_core::error::ErrorKind;
use nexusfs_core::path_id::PathId;

use super::item::{BY_HAND, Item, LastError, Now, SECOND, WORKER};
use super::operation::{Finish, HANDLES, Key};

pub const ERROR: &str = "it broke";
pub const RESULT: &str = r#"{"n":1}"#;
/// What `started_at` and `completed_at` count from.
pub const EPOCH: i64 = 1_700_000_000 * SECOND;

/// A lease as it was given to a worker.
#[derive(Debug, Clone)]
pub struct Handed {
    pub item: PathId,
    pub path: String,
    pub token: u64,
}

/// One change, as the store and the model make it.
#[derive(Debug, Clone)]
pub enum Operation {
    Write(String, Guard),
    Set(String, Vec<Key>, Guard),
    Clear(String, &'static str),
    Require(String, u64),
    Delete(String, Guard),
    Rename(String, String, Guard),
    Copy(String, String),
    Finish(String, u64, Finish),
}

/// A lease that must be held: the path of the item, and the token.
pub type Guard = Option<(String, u64)>;

/// A file that is gone: where it was, and whether it was an item that was not completed.
#[derive(Debug, Clone)]
struct Gone {
    path: String,
    open: bool,
}

#[derive(Debug, Clone)]
pub struct Reference {
    pub files: BTreeMap<String, Item>,
    gone: BTreeMap<PathId, Gone>,
    pub now: Now,
    pub newest_token: u64,
    pub handed: Vec<Handed>,
}

/// What a claim may return.
#[derive(Debug)]
pub struct Expected {
    /// All that can be claimed, in order.
    pub claimable: Vec<String>,
    /// Those of which only time made it so: where they are many they enter the queue by and by.
    pub lapsed: BTreeSet<String>,
    /// They are few enough for the order to be strict.
    pub strict: bool,
}

/// Returns whether the handle may read `path`.
pub fn sees(handle: usize, path: &str) -> bool {
    let (tenant, agent) = HANDLES[handle];
    let mut segments = path.split('/').skip(1);
    let fits = |segment: Option<&str>, bound: Option<&str>| bound.is_none() || segment == bound;
    match segments.next() {
        Some("workspace") => fits(segments.next(), tenant) && fits(segments.next(), agent),
        Some("shared" | "archives") => fits(segments.next(), tenant),
        _ => true,
    }
}

fn may_take(handle: usize, prefix: Option<&str>, path: &str) -> bool {
    sees(handle, path)
        && !path.starts_with("/archives/")
        && prefix.is_none_or(|prefix| path.starts_with(prefix))
}

impl Reference {
    pub fn new(now: Now) -> Self {
        Reference {
            files: BTreeMap::new(),
            gone: BTreeMap::new(),
            now,
            newest_token: 0,
            handed: Vec::new(),
        }
    }

    /// Makes all changes, or none.
    pub fn apply(&mut self, operations: &[Operation]) -> Result<(), ErrorKind> {
        let mut after = self.clone();
        let mut held = BTreeSet::new();
        for operation in operations {
            after.one(operation, &mut held)?;
        }
        after.settle();
        *self = after;
        Ok(())
    }

    fn one(&mut self, operation: &Operation, held: &mut BTreeSet<PathId>) -> Result<(), ErrorKind> {
        match operation {
            Operation::Write(path, guard) => {
                self.prove(guard, held)?;
                self.files.entry(path.clone()).or_insert_with(Item::new);
            }
            Operation::Set(path, keys, guard) => {
                self.prove(guard, held)?;
                self.set(path, keys, held)?;
            }
            Operation::Clear(path, key) => self.clear(path, key, held)?,
            Operation::Require(path, token) => {
                self.prove(&Some((path.clone(), *token)), held)?;
            }
            Operation::Delete(path, guard) => {
                self.prove(guard, held)?;
                self.remove(path).ok_or(ErrorKind::NotFound)?;
            }
            Operation::Rename(from, to, guard) => {
                self.prove(guard, held)?;
                self.rename(from, to, held)?;
            }
            Operation::Copy(from, to) => {
                let copy = self.files.get(from).ok_or(ErrorKind::NotFound)?.copy();
                if from != to {
                    self.replaceable(to, held)?;
                    self.remove(to);
                    self.files.insert(to.clone(), copy);
                }
            }
            Operation::Finish(path, token, finish) => self.finish(path, *token, finish)?,
        }
        Ok(())
    }

    /// Blocked items whose dependencies are all closed are ready.
    fn settle(&mut self) {
        let free = |(path, item): (&String, &Item)| {
            let waits = item.depends_on.iter().flatten().any(|id| self.is_open(*id));
            let any = item.depends_on.iter().flatten().next().is_some();
            (item.status == Some("blocked") && any && !waits).then(|| path.clone())
        };
        let free: Vec<String> = self.files.iter().filter_map(free).collect();
        for path in free {
            self.file(&path).status = Some("ready");
        }
    }

    fn file(&mut self, path: &str) -> &mut Item {
        self.files.get_mut(path).expect("the file exists")
    }

    /// Checks a lease, and notes whose it is.
    fn prove(&self, guard: &Guard, held: &mut BTreeSet<PathId>) -> Result<(), ErrorKind> {
        if let Some((path, token)) = guard {
            held.insert(self.holder(path, *token)?);
        }
        Ok(())
    }

    /// An item under a lease gives way to another file only for who holds it.
    fn replaceable(&self, path: &str, held: &BTreeSet<PathId>) -> Result<(), ErrorKind> {
        match self.files.get(path) {
            Some(item) if item.is_held(self.now) && !held.contains(&item.id) => {
                Err(ErrorKind::Conflict)
            }
            _ => Ok(()),
        }
    }

    fn holder(&self, path: &str, token: u64) -> Result<PathId, ErrorKind> {
        self.files
            .get(path)
            .filter(|item| {
                item.lease
                    .as_ref()
                    .is_some_and(|lease| lease.token == token)
            })
            .filter(|item| item.is_held(self.now))
            .map(|item| item.id)
            .ok_or(ErrorKind::LeaseLost)
    }

    fn set(&mut self, path: &str, keys: &[Key], held: &BTreeSet<PathId>) -> Result<(), ErrorKind> {
        let now = self.now;
        let item = self.files.get(path).ok_or(ErrorKind::NotFound)?;
        let (id, is_held) = (item.id, item.is_held(now));
        let cancelled = |key: &Key| matches!(key, Key::Status("cancelled"));
        if is_held && !held.contains(&id) && !keys.iter().any(cancelled) {
            let names = keys.iter().map(Key::name);
            names.map(of_the_holder).collect::<Result<Vec<_>, _>>()?;
        }
        for key in keys {
            if let Key::DependsOn(paths) = key {
                let blockers = self.dependencies(path, paths)?;
                self.file(path).depends_on = Some(blockers);
                continue;
            }
            let item = self.file(path);
            match key {
                Key::Status(status) => {
                    item.status = Some(status);
                    // Set by hand, it is no lease; set by the holder, it changes nothing.
                    if *status != "in_progress" || !is_held {
                        item.lease = None;
                    }
                }
                Key::Priority(priority) => item.priority = Some(*priority),
                Key::DependsOn(_) => {}
                Key::Worker => item.worker = Some(BY_HAND),
                Key::StartedAt(seconds) => item.started_at = Some(EPOCH + seconds * SECOND),
                Key::CompletedAt(seconds) => item.completed_at = Some(EPOCH + seconds * SECOND),
                Key::NotBefore(seconds) => {
                    item.not_before = Some(now.wall + seconds * SECOND);
                    item.was_delayed = *seconds > 0;
                }
                Key::MaxAttempts(attempts) => item.max_attempts = Some(*attempts),
            }
        }
        Ok(())
    }

    fn dependencies(&self, path: &str, paths: &[&str]) -> Result<Vec<PathId>, ErrorKind> {
        let mut blockers = Vec::new();
        for named in paths {
            let id = self.files.get(*named).ok_or(ErrorKind::NotFound)?.id;
            if !blockers.contains(&id) {
                blockers.push(id);
            }
        }
        let mut reached = blockers.clone();
        let mut at = 0;
        while at < reached.len() {
            if reached[at] == self.files[path].id {
                return Err(ErrorKind::Cycle);
            }
            if let Some((_, item)) = self.by_id(reached[at]) {
                reached.extend(item.depends_on.iter().flatten());
            }
            at += 1;
        }
        Ok(blockers)
    }

    fn clear(&mut self, path: &str, key: &str, held: &BTreeSet<PathId>) -> Result<(), ErrorKind> {
        let now = self.now;
        let item = self.files.get_mut(path).ok_or(ErrorKind::NotFound)?;
        let was_set = match key {
            "status" => item.status.is_some(),
            "priority" => item.priority.is_some(),
            "depends_on" => item.depends_on.is_some(),
            "worker_id" => item.worker.is_some(),
            "started_at" => item.started_at.is_some(),
            "completed_at" => item.completed_at.is_some(),
            "not_before" => item.not_before.is_some(),
            _ => item.max_attempts.is_some(),
        };
        if !was_set {
            return Err(ErrorKind::NotFound);
        }
        if item.is_held(now) && !held.contains(&item.id) {
            of_the_holder(key)?;
        }
        match key {
            "status" => (item.status, item.lease) = (None, None),
            "priority" => item.priority = None,
            "depends_on" => item.depends_on = None,
            "worker_id" => item.worker = None,
            "started_at" => item.started_at = None,
            "completed_at" => item.completed_at = None,
            "not_before" => (item.not_before, item.was_delayed) = (None, false),
            _ => item.max_attempts = None,
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Option<Item> {
        let item = self.files.remove(path)?;
        let gone = Gone {
            path: path.to_owned(),
            open: item.is_open(),
        };
        self.gone.insert(item.id, gone);
        Some(item)
    }

    /// Moves a file, or a directory with all that is in it.
    fn rename(&mut self, from: &str, to: &str, held: &BTreeSet<PathId>) -> Result<(), ErrorKind> {
        if self.files.contains_key(from) {
            if from != to {
                self.replaceable(to, held)?;
                self.remove(to);
                let item = self.files.remove(from).ok_or(ErrorKind::NotFound)?;
                self.files.insert(to.to_owned(), item);
            }
            return Ok(());
        }
        let within = |directory: &str| -> Vec<String> {
            let below = format!("{directory}/");
            let paths = self.files.keys();
            paths
                .filter(|path| path.starts_with(&below))
                .cloned()
                .collect()
        };
        let moved = within(from);
        if moved.is_empty() {
            return Err(ErrorKind::NotFound);
        }
        if from == to {
            return Ok(());
        }
        if !within(to).is_empty() {
            return Err(ErrorKind::NotEmpty);
        }
        for path in moved {
            let target = format!("{to}{}", &path[from.len()..]);
            if let Some(item) = self.files.remove(&path) {
                self.files.insert(target, item);
            }
        }
        Ok(())
    }

    fn finish(&mut self, path: &str, token: u64, finish: &Finish) -> Result<(), ErrorKind> {
        self.holder(path, token)?;
        let now = self.now;
        let item = self.file(path);
        if let Finish::Heartbeat(seconds) = finish {
            item.hold(token, *seconds, now);
            return Ok(());
        }
        item.lease = None;
        match finish {
            Finish::Heartbeat(_) => {}
            Finish::Complete => {
                item.status = Some("completed");
                item.completed_at = Some(now.wall);
                item.has_result = true;
            }
            Finish::Fail(seconds) => {
                item.last_error = Some(LastError::Said);
                if item.has_no_attempt_left() {
                    item.status = Some("failed");
                    return Ok(());
                }
                let back_off = 1_i64 << (item.attempts - 1).min(12);
                let delay = if *seconds == 0 {
                    back_off.min(3600)
                } else {
                    *seconds
                };
                item.not_before = Some(now.wall + delay * SECOND);
                item.was_delayed = true;
                item.give_up();
            }
            Finish::Release => {
                item.attempts -= 1;
                item.give_up();
            }
        }
        Ok(())
    }

    /// Returns what a claim of up to `max` items may return.
    pub fn claimable(&self, handle: usize, prefix: Option<&str>, max: usize) -> Expected {
        let mut claimable = Vec::new();
        let mut lapsed = BTreeSet::new();
        for (path, item) in &self.files {
            if !may_take(handle, prefix, path) {
                continue;
            }
            let due = item.not_before.is_none_or(|time| time <= self.now.wall);
            if item.has_expired(self.now) || (item.was_delayed && due) {
                lapsed.insert(path.clone());
            }
            if self.can_be_claimed(item) {
                claimable.push(path.clone());
            }
        }
        claimable.sort_by_key(|path| self.place(path));
        Expected {
            claimable,
            strict: lapsed.len() <= max.max(32),
            lapsed,
        }
    }

    pub fn can_be_claimed(&self, item: &Item) -> bool {
        let ready = item.status == Some("ready")
            || (item.has_expired(self.now) && !item.has_no_attempt_left());
        ready
            && item.not_before.is_none_or(|time| time <= self.now.wall)
            && self.open_edges(item).is_empty()
    }

    /// Returns how long until the first of the handle's items can be claimed if nothing changes, 0 for now.
    pub fn wait_for_supply(&self, handle: usize) -> Option<i64> {
        let wait = |(path, item): (&String, &Item)| {
            let lease = item.lease.as_ref();
            let of_lease = match item.status {
                Some("ready") => Some(0),
                _ if item.has_no_attempt_left() => None,
                _ => lease.map(|lease| item.time_left(lease, self.now)),
            }?;
            let of_delay = item.not_before.map_or(0, |time| time - self.now.wall);
            let may = may_take(handle, None, path) && self.open_edges(item).is_empty();
            may.then(|| of_lease.max(of_delay).max(0))
        };
        self.files.iter().filter_map(wait).min()
    }

    /// A worker was given the item at `path`.
    pub fn take(&mut self, path: &str, token: u64, seconds: i64) {
        let now = self.now;
        let item = self.file(path);
        if item.has_expired(now) {
            item.expire();
        }
        item.status = Some("in_progress");
        item.worker = Some(WORKER);
        item.started_at = Some(now.wall);
        item.attempts += 1;
        item.was_delayed = false;
        item.hold(token, seconds, now);
        let handed = Handed {
            item: item.id,
            path: path.to_owned(),
            token,
        };
        self.newest_token = token;
        self.handed.push(handed);
    }

    /// A claim has met what time had done to the item at `path`.
    pub fn meet(&mut self, path: &str) {
        let now = self.now;
        let item = self.file(path);
        if item.has_expired(now) {
            item.expire();
        }
        if item.not_before.is_none_or(|time| time <= now.wall) {
            item.was_delayed = false;
        }
    }

    /// The file at `path` is new, and the store gave it this id and time.
    pub fn adopt(&mut self, path: &str, id: PathId, created_at: i64) {
        if let Some(item) = self.files.get_mut(path) {
            item.id = id;
            item.created_at = created_at;
        }
    }

    pub fn by_id(&self, id: PathId) -> Option<(&String, &Item)> {
        self.files.iter().find(|(_, item)| item.id == id)
    }

    fn is_open(&self, id: PathId) -> bool {
        match self.by_id(id) {
            Some((_, item)) => item.is_open(),
            None => self.gone.get(&id).is_some_and(|gone| gone.open),
        }
    }

    pub fn open_edges(&self, item: &Item) -> Vec<PathId> {
        let edges = item.depends_on.iter().flatten().copied();
        edges.filter(|id| self.is_open(*id)).collect()
    }

    /// Returns where the open blocker `id` is or was, and its status if it is still there.
    pub fn blocker(&self, id: PathId) -> (String, Option<&'static str>) {
        match self.by_id(id) {
            Some((path, item)) => (path.clone(), item.status),
            None => (self.gone[&id].path.clone(), None),
        }
    }

    /// Returns what items are claimed by: priority, creation, path.
    pub fn place(&self, path: &str) -> (i64, i64, String) {
        let item = &self.files[path];
        let rank = item.priority.unwrap_or(i64::MAX);
        (rank, item.created_at, path.to_owned())
    }
}

fn of_the_holder(key: &str) -> Result<(), ErrorKind> {
    match key {
        "status" | "worker_id" | "started_at" | "completed_at" | "depends_on" => {
            Err(ErrorKind::Conflict)
        }
        _ => Ok(()),
    }
}

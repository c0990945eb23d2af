//! Everything that a store knows, as maps.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use nexusfs_core::access::{NamespaceRule, Rules};
use nexusfs_core::content::{BlockHashes, ContentHash, LOCAL_BACKEND, StoredContent};
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::metadata::{Entry, EntryRef, FileInfo, FileRef};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::{PathRange, Visible};
use nexusfs_core::time::Micros;
use nexusfs_core::work::Status;

/// A content of a backend.
pub(super) type ContentName = (Arc<str>, ContentHash);

/// Everything. A commit works on a copy, which takes its place.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub rules: Rules,
    /// Names and places, in the order in which they became known.
    pub backends: Vec<(Arc<str>, String)>,
    pub names: BTreeMap<String, Name>,
    /// JSON texts, and their digests, by path and key.
    pub metadata: BTreeMap<(String, String), (String, [u8; 16])>,
    pub items: BTreeMap<String, Item>,
    /// By the item that waits, and what it waits for.
    pub edges: BTreeMap<(PathId, PathId), Edge>,
    pub contents: BTreeMap<ContentName, Content>,
    /// Contents that nobody holds, and since when they are being removed.
    pub pending: BTreeMap<ContentName, Option<i64>>,
    /// When each reservation of a content ends, by its number.
    pub reservations: BTreeMap<(i64, ContentName), i64>,
    pub newest_content: i64,
    pub newest_reservation: i64,
    pub newest_token: i64,
    pub newest_time: Micros,
    pub boots: Vec<String>,
}

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    MadeDirectory,
    ImpliedDirectory,
}

/// A name of the store.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub kind: Kind,
    pub path_id: Option<PathId>,
    pub created_at: Micros,
    pub modified_at: Micros,
    pub file: Option<File>,
}

/// What a file has beyond that.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub etag: ContentHash,
    pub size: u64,
    pub version: u64,
    pub backend: Arc<str>,
    pub mime_type: Arc<str>,
    pub mime_given: bool,
}

/// A content that some path holds.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub id: i64,
    pub size: u64,
    pub blocks: BlockHashes,
    /// Where it is inline.
    pub data: Option<Vec<u8>>,
}

/// What an item waits for.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub position: usize,
    /// Where the blocker was when it was deleted before it was completed.
    pub tombstone: Option<String>,
}

/// The typed keys of a file.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub id: PathId,
    pub status: Option<Status>,
    pub priority: Option<i64>,
    /// `depends_on` is set, if only to nothing.
    pub depends: bool,
    pub not_before: Option<Micros>,
    pub worker_id: Option<String>,
    pub started_at: Option<Micros>,
    pub completed_at: Option<Micros>,
    /// JSON.
    pub tags: Option<String>,
    pub max_attempts: Option<i64>,
    pub attempts: i64,
    pub last_error: Option<String>,
    /// JSON.
    pub result: Option<String>,
    pub lease: Option<Lease>,
}

/// Who has an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    pub token: i64,
    /// By the boot clock.
    pub deadline: i64,
    /// By the wall clock.
    pub expires_at: Micros,
}

/// The time, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub wall: Micros,
    pub boot: i64,
}

impl Item {
    pub fn new(id: PathId) -> Self {
        Item {
            id,
            status: None,
            priority: None,
            depends: false,
            not_before: None,
            worker_id: None,
            started_at: None,
            completed_at: None,
            tags: None,
            max_attempts: None,
            attempts: 0,
            last_error: None,
            result: None,
            lease: None,
        }
    }

    /// Returns whether somebody holds a lease that has not ended.
    pub fn is_leased(&self, now: Now) -> bool {
        self.lease.is_some_and(|lease| lease.deadline > now.boot)
    }

    pub fn has_expired(&self, now: Now) -> bool {
        self.lease.is_some_and(|lease| lease.deadline <= now.boot)
    }

    pub fn has_no_attempt_left(&self) -> bool {
        self.max_attempts.is_some_and(|most| self.attempts >= most)
    }

    pub fn is_delayed(&self, now: Now) -> bool {
        self.not_before.is_some_and(|time| time > now.wall)
    }

    /// Returns whether others wait for it.
    pub fn blocks(&self) -> bool {
        self.status
            .is_some_and(|status| status != Status::Completed)
    }

    /// It can be claimed again, as far as that is its own matter.
    pub fn give_up(&mut self) {
        self.lease = None;
        self.status = Some(Status::Ready);
        self.worker_id = None;
        self.started_at = None;
    }
}

impl State {
    /// Returns the state of an empty store, whose own backend is in the place `uuid`.
    pub fn new(uuid: &str) -> Self {
        let builtin =
            |name: &str, readonly, admin_only, requires_tenant, requires_agent| NamespaceRule {
                name: name.to_owned(),
                readonly,
                admin_only,
                requires_tenant,
                requires_agent,
                builtin: true,
            };
        let rules = [
            builtin("workspace", false, false, true, true),
            builtin("shared", false, false, true, false),
            builtin("external", false, false, false, false),
            builtin("system", true, true, false, false),
            builtin("archives", true, false, true, false),
        ];
        State {
            rules: Rules::new(1, rules),
            backends: vec![(LOCAL_BACKEND.into(), uuid.to_owned())],
            names: BTreeMap::new(),
            metadata: BTreeMap::new(),
            items: BTreeMap::new(),
            edges: BTreeMap::new(),
            contents: BTreeMap::new(),
            pending: BTreeMap::new(),
            reservations: BTreeMap::new(),
            newest_content: 0,
            newest_reservation: 0,
            newest_token: 0,
            newest_time: 0,
            boots: Vec::new(),
        }
    }

    /// Returns the number of the boot called `id`, which is a new one unless it was the last.
    pub fn enter_boot(&mut self, id: &str) -> i64 {
        if self.boots.last().is_none_or(|last| last != id) {
            self.boots.push(id.to_owned());
        }
        self.boots.len() as i64
    }

    /// Returns the number of the backend `name`.
    pub fn backend_id(&self, name: &str) -> Result<i64> {
        let position = self.backends.iter().position(|(known, _)| **known == *name);
        let id =
            position.ok_or_else(|| Error::internal(format!("no backend is called {name:?}")))?;
        Ok(id as i64 + 1)
    }

    pub fn file(&self, path: &str) -> Option<&File> {
        self.names.get(path)?.file.as_ref()
    }

    pub fn path_of_id(&self, id: PathId) -> Option<&str> {
        let mut names = self.names.iter();
        let found = names.find(|(_, name)| name.path_id == Some(id));
        found.map(|(path, _)| path.as_str())
    }

    pub fn item_of_id(&self, id: PathId) -> Option<(&str, &Item)> {
        let mut items = self.items.iter();
        let found = items.find(|(_, item)| item.id == id);
        found.map(|(path, item)| (path.as_str(), item))
    }

    /// Returns the edges of `item`, in the order of `depends_on`.
    pub fn edges_of(&self, item: PathId) -> Vec<(PathId, &Edge)> {
        let (first, last) = (PathId::from_bytes([0; 16]), PathId::from_bytes([255; 16]));
        let edges = self.edges.range((item, first)..=(item, last));
        let mut edges: Vec<_> = edges.map(|((_, blocker), edge)| (*blocker, edge)).collect();
        edges.sort_by_key(|(_, edge)| edge.position);
        edges
    }

    /// Returns those of them that keep the item waiting.
    pub fn open_edges_of(&self, item: PathId) -> Vec<(PathId, &Edge)> {
        let mut edges = self.edges_of(item);
        edges.retain(|(blocker, edge)| self.is_open(*blocker, edge));
        edges
    }

    pub fn is_open(&self, blocker: PathId, edge: &Edge) -> bool {
        match self.item_of_id(blocker) {
            Some((_, item)) => item.blocks(),
            None => edge.tombstone.is_some(),
        }
    }

    /// Returns whether a path holds the content.
    pub fn is_held(&self, content: &ContentName) -> bool {
        let mut files = self.names.values().filter_map(|name| name.file.as_ref());
        files.any(|file| file.etag == content.1 && file.backend == content.0)
    }

    /// Returns whether a path holds the content as a file of its backend.
    pub fn is_held_as_file(&self, content: &ContentName) -> bool {
        let is_file = |content: &Content| content.data.is_none();
        self.contents.get(content).is_some_and(is_file) && self.is_held(content)
    }

    /// Returns the paths that hold the content, in order.
    pub fn holders<'a>(&'a self, content: &'a ContentName) -> impl Iterator<Item = &'a str> {
        let holds = |file: &File| file.etag == content.1 && file.backend == content.0;
        self.names
            .iter()
            .filter(move |(_, name)| name.file.as_ref().is_some_and(holds))
            .map(|(path, _)| path.as_str())
    }

    /// Returns the content with the number `id`.
    pub fn content_of_id(&self, id: i64) -> Option<(&ContentName, &Content)> {
        self.contents.iter().find(|(_, content)| content.id == id)
    }

    /// Returns how to get at a content.
    pub fn load(&self, content: &ContentName) -> Result<StoredContent> {
        let found = self.contents.get(content);
        let found =
            found.ok_or_else(|| Error::corrupt(format!("the content {} is missing", content.1)))?;
        Ok(StoredContent {
            backend: Arc::clone(&content.0),
            hash: content.1,
            size: found.size,
            data: found.data.clone(),
            blocks: found.blocks.clone(),
        })
    }

    /// Returns what is at the paths of `range`, in order.
    pub fn names_in(&self, range: &PathRange) -> impl Iterator<Item = (&String, &Name)> {
        self.names.range::<str, _>(bounds(range))
    }

    pub fn paths_in(&self, range: &PathRange) -> Vec<String> {
        self.names_in(range).map(|(path, _)| path.clone()).collect()
    }

    pub fn items_in(&self, range: &PathRange) -> impl Iterator<Item = (&String, &Item)> {
        self.items.range::<str, _>(bounds(range))
    }

    /// Returns all untyped keys of `path` with their JSON texts.
    pub fn values<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let first = (path.to_owned(), String::new());
        let from = self.metadata.range(first..);
        from.take_while(move |((at, _), _)| at == path)
            .map(|((_, key), (json, _))| (key.as_str(), json.as_str()))
    }

    /// Returns `visible` with its parts below each child of a directory made explicit.
    pub fn resolve<'a>(&self, visible: &'a Visible) -> Cow<'a, Visible> {
        let Some((directory, _)) = &visible.each_child else {
            return Cow::Borrowed(visible);
        };
        let below = self.paths_in(&PathRange::under(directory));
        let is_child = |path: &String| parent(path) == Some(directory.as_str());
        visible.resolve(below.into_iter().filter(is_child))
    }

    /// Returns the directories in `range` above the caller's own parts, which exist through those; each once.
    pub fn gates(&self, visible: &Visible, range: &PathRange) -> Vec<String> {
        let gates = visible.gates.iter();
        let exist =
            gates.filter(|gate| range.contains(&gate.path) && self.names.contains_key(&gate.own));
        let mut paths: Vec<_> = exist.map(|gate| gate.path.clone()).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    pub fn entry(&self, path: &str) -> Option<Entry> {
        let name = self.names.get(path)?;
        let implied = name.kind == Kind::ImpliedDirectory;
        Some(Entry {
            path: virtual_path(path),
            path_id: name.path_id,
            created_at: if implied { 0 } else { name.created_at },
            modified_at: if implied { 0 } else { name.modified_at },
            file: name.file.as_ref().map(|file| FileInfo {
                etag: file.etag,
                size: file.size,
                version: file.version,
                mime_type: Arc::clone(&file.mime_type),
                backend: Arc::clone(&file.backend),
            }),
        })
    }
}

impl Name {
    pub fn entry<'a>(&'a self, path: &'a str) -> EntryRef<'a> {
        if self.kind == Kind::ImpliedDirectory {
            return EntryRef::implied_directory(path);
        }
        EntryRef {
            path,
            path_id: self.path_id,
            created_at: self.created_at,
            modified_at: self.modified_at,
            file: self.file.as_ref().map(|file| FileRef {
                etag: file.etag,
                size: file.size,
                version: file.version,
                mime_type: &file.mime_type,
                backend: &file.backend,
            }),
        }
    }
}

impl File {
    pub fn content(&self) -> ContentName {
        (Arc::clone(&self.backend), self.etag)
    }
}

/// Returns `range` as maps take it.
pub(super) fn bounds(range: &PathRange) -> (Bound<&str>, Bound<&str>) {
    // One that is empty must not be the wrong way round.
    let end = range.end.as_str().max(&range.start);
    (Bound::Included(&range.start), Bound::Excluded(end))
}

/// Returns the path of a name, which was one when it came here.
pub(super) fn virtual_path(path: &str) -> VirtualPath {
    VirtualPath::parse(path).expect("the store has valid names")
}

/// Returns the directory above `path`, unless that is the root or above it.
pub(super) fn parent(path: &str) -> Option<&str> {
    let (above, _) = path.rsplit_once('/')?;
    (!above.is_empty()).then_some(above)
}

/// Returns `path` itself, and what lies under it.
pub(super) fn tree(path: &str) -> [PathRange; 2] {
    [PathRange::of_path(path), PathRange::under(path)]
}

pub(super) fn not_found(path: &str) -> Error {
    Error::not_found("no such file or directory").at(path)
}

pub(super) fn is_directory(path: &str) -> Error {
    Error::new(ErrorKind::IsADirectory, "is a directory").at(path)
}

pub(super) fn not_a_directory(path: &str) -> Error {
    Error::new(ErrorKind::NotADirectory, "is a file, not a directory").at(path)
}

pub(super) fn without_metadata(path: &str) -> Error {
    let what = "is a directory that was not made, so it has no metadata";
    Error::new(ErrorKind::IsADirectory, what).at(path)
}

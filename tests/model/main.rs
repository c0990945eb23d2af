//! Random operations on a store, through several handles and with reopening in between, give what an
//! in-memory model gives: the same entries, the same pages, the same errors, the same counts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod operation;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nexusfs::content::ContentHash;
use nexusfs::error::{Error, ErrorKind};
use nexusfs::filesystem::{
    Batch, Conditions, Filesystem, FindOptions, ListOptions, MkdirOptions, Page, RelocateOptions,
    WriteOptions,
};
use nexusfs::metadata::Entry;
use nexusfs::path_id::PathId;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::operation::{Change, Condition, INLINE_LIMITS, Query, Step, Where, steps};
use self::reference::{Mark, Node, Outcome, Reference, bytes};

proptest! {
    #![proptest_config(ProptestConfig {
        // PROPTEST_CASES asks for more.
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200),
        max_shrink_iters: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn the_store_does_what_the_model_does(steps in steps()) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.compare_everything();
    }
}

/// A store beside its model.
struct Run {
    handles: Vec<Filesystem>,
    reference: Reference,
    ids: BTreeMap<Mark, PathId>,
    times: BTreeMap<Mark, i64>,
    /// The last: a directory is removed when its store is closed.
    directory: TempDir,
}

impl Run {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        Run {
            handles: connect(directory.path()),
            directory,
            reference: Reference::default(),
            ids: BTreeMap::new(),
            times: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Change(handle, change) => {
                let inline_max = INLINE_LIMITS[*handle] as usize;
                let expected = self
                    .reference
                    .apply(std::slice::from_ref(change), inline_max);
                let actual = change_alone(&self.handles[*handle], change);
                match expected {
                    Err((_, kind)) => assert_refused(kind, actual, change),
                    Ok(left) => {
                        let entry = actual.unwrap_or_else(|error| panic!("{change:?}: {error:?}"));
                        if let (Some(entry), Some((path, node))) = (entry, &left[0]) {
                            self.compare(path, node, &entry);
                        }
                    }
                }
            }
            Step::Batch(handle, changes) => self.batch(*handle, changes),
            Step::Query(handle, query) => self.query(*handle, query),
            Step::Reopen => {
                self.handles.clear();
                self.handles = connect(self.directory.path());
            }
        }
    }

    fn batch(&mut self, handle: usize, changes: &[Change]) {
        let inline_max = INLINE_LIMITS[handle] as usize;
        let expected = self.reference.apply(changes, inline_max);
        let mut batch = self.handles[handle].batch();
        for change in changes {
            add(&mut batch, change).unwrap_or_else(|error| panic!("{change:?}: {error:?}"));
        }
        match (expected, batch.commit()) {
            (Err((index, kind)), actual) => {
                let failed = actual.as_ref().err().and_then(Error::index);
                assert_refused(kind, actual, changes);
                assert_eq!(
                    failed,
                    Some(index),
                    "another operation failed of {changes:?}"
                );
            }
            (Ok(left), actual) => {
                let entries = actual.unwrap_or_else(|error| panic!("{changes:?}: {error:?}"));
                assert_eq!(left.len(), entries.len(), "results of {changes:?}");
                for (left, entry) in left.iter().zip(entries) {
                    match (left, entry) {
                        (None, None) => {}
                        (Some((path, node)), Some(entry)) => self.compare(path, node, &entry),
                        (left, entry) => panic!("{left:?} became {entry:?} in {changes:?}"),
                    }
                }
            }
        }
    }

    fn query(&mut self, handle: usize, query: &Query) {
        match query {
            Query::Read(path) => {
                let expected = self.reference.file(path).map(|file| file.content.to_vec());
                assert_same(expected, self.handles[handle].read(path), query);
            }
            Query::ReadAt(path, offset, count) => {
                let expected = self.reference.file(path).map(|file| {
                    let rest = file.content.get(*offset as usize..).unwrap_or_default();
                    rest[..rest.len().min(*count)].to_vec()
                });
                let mut buffer = vec![0; *count];
                let read = self.handles[handle].read_at(path, *offset, &mut buffer);
                let actual = read.map(|read| buffer[..read].to_vec());
                assert_same(expected, actual, query);
            }
            Query::Stat(path) => self.stat(handle, path),
            Query::List {
                at,
                directories,
                limit,
            } => {
                let (path, prefix, recursive) = match at {
                    Where::Below(path) => (Some(path), None, true),
                    Where::Children(path) => (Some(path), None, false),
                    Where::Prefix(prefix) => (None, Some(prefix), true),
                };
                let options = |cursor| ListOptions {
                    path: path.cloned(),
                    prefix: prefix.cloned(),
                    recursive,
                    include_directories: *directories,
                    limit: *limit,
                    cursor,
                };
                let handle = &self.handles[handle];
                let entries = all_pages(*limit, |cursor| handle.list(&options(cursor)));
                let expected = self.reference.list(at, *directories);
                self.compare_entries(expected, entries, query);
            }
            Query::FindByMeta {
                base,
                key,
                value,
                limit,
            } => {
                let options = |cursor| FindOptions {
                    base: Some(base.clone()),
                    limit: *limit,
                    cursor,
                };
                let handle = &self.handles[handle];
                let entries = all_pages(*limit, |cursor| {
                    handle.find_by_meta(key, value, &options(cursor))
                });
                let expected = self.reference.find(base, key, value);
                self.compare_entries(expected, entries, query);
            }
            Query::ListMeta(path) => self.metadata(handle, path),
            Query::ContentInfo(content) => {
                let hash = ContentHash::of(&bytes(*content));
                self.content_info(handle, &hash);
            }
            Query::ContentIds(paths) => {
                let expected = paths.iter().map(|path| {
                    let file = self.reference.file(path).ok()?;
                    Some(ContentHash::of(&file.content))
                });
                let names: Vec<&str> = paths.iter().map(String::as_str).collect();
                let actual = self.handles[handle].content_ids(&names).unwrap();
                assert_eq!(actual, expected.collect::<Vec<_>>(), "{query:?}");
            }
        }
    }

    fn stat(&mut self, handle: usize, path: &str) {
        let expected = self.reference.node(path);
        let handle = &self.handles[handle];
        assert_eq!(
            handle.exists(path).unwrap(),
            expected.is_some(),
            "exists {path}"
        );
        let directory = matches!(expected, Some(Node::Directory(_)));
        assert_eq!(
            handle.is_directory(path).unwrap(),
            directory,
            "is_directory {path}"
        );
        match (expected, handle.stat(path)) {
            (None, actual) => assert_refused(ErrorKind::NotFound, actual, path),
            (Some(node), actual) => {
                let entry = actual.unwrap_or_else(|error| panic!("stat {path}: {error:?}"));
                self.compare(path, &node, &entry);
            }
        }
    }

    fn metadata(&self, handle: usize, path: &str) {
        let handle = &self.handles[handle];
        let expected = self.reference.metadata(path).map(|values| {
            json!(
                values
                    .iter()
                    .map(|(key, text)| (*key, (*text).to_owned()))
                    .collect::<BTreeMap<_, _>>()
            )
        });
        // Each value as the text that was given.
        let actual = handle.list_meta(path).and_then(|object| {
            let object: BTreeMap<String, Value> = serde_json::from_str(&object).unwrap();
            let values = object
                .keys()
                .map(|key| Ok((key.clone(), handle.get_meta(path, key)?)));
            Ok(json!(values.collect::<Result<BTreeMap<_, _>, Error>>()?))
        });
        assert_same(expected, actual, &format!("metadata of {path}"));
        let absent = handle.get_meta(path, "absent").unwrap_err().kind();
        let expected = self.reference.metadata(path).map(drop);
        assert_eq!(absent, expected.err().unwrap_or(ErrorKind::NotFound));
    }

    fn content_info(&self, handle: usize, hash: &ContentHash) {
        let holders = self
            .reference
            .files()
            .filter(|(_, file)| ContentHash::of(&file.content) == *hash);
        let sizes: Vec<usize> = holders.map(|(_, file)| file.content.len()).collect();
        let actual = self.handles[handle].content_info(&hash.to_string());
        match sizes.first() {
            None => assert_refused(ErrorKind::NotFound, actual, hash),
            Some(size) => {
                let info: Value = serde_json::from_str(&actual.unwrap()).unwrap();
                assert_eq!(info["ref_count"], sizes.len(), "references of {hash}");
                assert_eq!(info["size"], *size, "size of {hash}");
            }
        }
    }

    /// Compares what the store says of `path` with `node`, and learns the ids and times that it chose.
    fn compare(&mut self, path: &str, node: &Node, entry: &Entry) {
        assert_eq!(entry.path.as_str(), path);
        match (node, &entry.file) {
            (Node::File(file), Some(info)) => {
                assert_eq!(info.etag, ContentHash::of(&file.content), "etag of {path}");
                assert_eq!(info.size, file.content.len() as u64, "size of {path}");
                assert_eq!(info.version, file.version, "version of {path}");
                assert_eq!(*info.mime_type, *file.mime_type, "MIME type of {path}");
                assert_eq!(&*info.backend, "local");
                self.learn(path, file.id, file.created, file.modified, entry);
            }
            (Node::Directory(Some(id)), None) => self.learn(path, *id, *id, *id, entry),
            (Node::Directory(None), None) => {
                let implied = (entry.path_id, entry.created_at, entry.modified_at);
                assert_eq!(implied, (None, 0, 0), "{path} was not made");
            }
            (node, _) => panic!("{node:?} is {entry:?}"),
        }
    }

    fn learn(&mut self, path: &str, id: Mark, created: Mark, modified: Mark, entry: &Entry) {
        let actual = entry.path_id.unwrap_or_else(|| panic!("{path} has no id"));
        assert_eq!(
            *self.ids.entry(id).or_insert(actual),
            actual,
            "id of {path}"
        );
        for (mark, time) in [(created, entry.created_at), (modified, entry.modified_at)] {
            assert_eq!(
                *self.times.entry(mark).or_insert(time),
                time,
                "time of {path}"
            );
        }
    }

    fn compare_entries(
        &mut self,
        expected: Outcome<Vec<String>>,
        actual: Result<Vec<Entry>, Error>,
        query: &Query,
    ) {
        let paths = actual.as_ref().map(|entries| {
            let paths = entries.iter().map(|entry| entry.path.as_str().to_owned());
            paths.collect::<Vec<_>>()
        });
        match (&expected, paths) {
            (Err(kind), Err(error)) => assert_eq!(*kind, error.kind(), "{query:?}: {error}"),
            (Ok(expected), Ok(paths)) => assert_eq!(*expected, paths, "{query:?}"),
            (expected, paths) => panic!("{query:?}: {expected:?} became {paths:?}"),
        }
        for entry in actual.into_iter().flatten() {
            let path = entry.path.as_str();
            let node = self.reference.node(path).unwrap();
            self.compare(path, &node, &entry);
        }
    }

    /// At the end: every path, every content, every count, and the files of the store.
    fn compare_everything(&mut self) {
        let everything = Query::List {
            at: Where::Below("/".to_owned()),
            directories: true,
            limit: 0,
        };
        self.query(0, &everything);
        for path in self.reference.paths() {
            self.stat(0, &path);
            self.metadata(1, &path);
            self.query(2, &Query::Read(path));
        }
        let contents: BTreeSet<ContentHash> = self
            .reference
            .files()
            .map(|(_, file)| ContentHash::of(&file.content))
            .collect();
        for hash in &contents {
            self.content_info(1, hash);
        }
        self.compare_ids();
        self.compare_statistics();
        let expected = self.reference.content_files();
        let before = content_files(self.directory.path());
        assert!(
            before.is_superset(&expected),
            "{before:?} lacks some of {expected:?}"
        );
        self.handles[0].gc(&mut |_, _, _| true).unwrap();
        assert_eq!(
            content_files(self.directory.path()),
            expected,
            "files after gc"
        );
        let unfinished = std::fs::read_dir(self.directory.path().join("tmp")).unwrap();
        assert_eq!(unfinished.count(), 0, "unfinished files after gc");
        for (path, file) in self.reference.files() {
            let read = self.handles[0].read(path);
            assert_eq!(read.unwrap(), *file.content, "{path} after gc");
        }
    }

    fn compare_ids(&self) {
        let distinct: BTreeSet<&PathId> = self.ids.values().collect();
        assert_eq!(
            distinct.len(),
            self.ids.len(),
            "two have one id: {:?}",
            self.ids
        );
        let times: Vec<i64> = self.times.values().copied().collect();
        assert!(
            times.is_sorted_by(|a, b| a < b),
            "later changes are not later: {:?}",
            self.times
        );
        let mut live = BTreeMap::new();
        for path in self.reference.paths() {
            match self.reference.node(&path) {
                Some(Node::File(file)) => live.insert(file.id, path),
                Some(Node::Directory(Some(id))) => live.insert(id, path),
                _ => None,
            };
        }
        for (mark, id) in &self.ids {
            let found = self.handles[0].path_of_id(&id.to_string());
            match live.get(mark) {
                Some(path) => assert_eq!(found.unwrap().as_str(), path, "path of {id}"),
                None => assert_refused(ErrorKind::NotFound, found, id),
            }
        }
    }

    fn compare_statistics(&self) {
        let totals = |chosen: &dyn Fn(&str) -> bool| {
            let files = self.reference.files().filter(|(path, _)| chosen(path));
            let contents: Vec<&[u8]> = files.map(|(_, file)| &*file.content).collect();
            let distinct: BTreeSet<&[u8]> = contents.iter().copied().collect();
            let logical: usize = contents.iter().map(|content| content.len()).sum();
            let physical: usize = distinct.iter().map(|content| content.len()).sum();
            json!({
                "files": contents.len(),
                "logical_bytes": logical,
                "distinct_contents": distinct.len(),
                "physical_bytes": physical,
                "saved_bytes": logical - physical,
            })
        };
        let tenant = |path: &str| {
            path.strip_prefix("/shared/")
                .map(|rest| rest.split('/').next().unwrap().to_owned())
        };
        let tenants: BTreeSet<_> = self
            .reference
            .files()
            .map(|(path, _)| tenant(path))
            .collect();
        let mut expected = totals(&|_| true);
        expected["tenants"] = tenants
            .iter()
            .map(|of| {
                let mut stats = totals(&|path| tenant(path) == *of);
                stats["tenant_id"] = json!(of);
                stats
            })
            .collect();
        let actual: Value =
            serde_json::from_str(&self.handles[0].storage_stats().unwrap()).unwrap();
        assert_eq!(actual, expected, "storage_stats");
    }
}

/// Opens the store in `directory` once for each limit; handles of one limit differ in their origin.
fn connect(directory: &Path) -> Vec<Filesystem> {
    let open = |inline_max: u32| {
        let config = json!({
            "data_dir": directory,
            "durability": "normal",
            "housekeeping": false,
            "inline_max_bytes": inline_max,
        });
        nexusfs::connect(Some(&config.to_string())).unwrap()
    };
    let first = open(INLINE_LIMITS[0]);
    let derived = first.with_identity(None, None).unwrap();
    vec![first, derived, open(INLINE_LIMITS[2])]
}

fn change_alone(handle: &Filesystem, change: &Change) -> Result<Option<Entry>, Error> {
    match change {
        Change::Write {
            path,
            content,
            condition,
            mime_type,
        } => {
            let options = write_options(*condition, *mime_type);
            handle.write(path, &bytes(*content), &options).map(Some)
        }
        Change::Append {
            path,
            content,
            condition,
        } => {
            let options = write_options(*condition, None);
            handle.append(path, &bytes(*content), &options).map(Some)
        }
        Change::Delete { path, condition } => {
            handle.delete(path, &conditions(*condition)).map(|()| None)
        }
        Change::Rename {
            from,
            to,
            no_replace,
        } => handle
            .rename(from, to, &relocate(*no_replace))
            .map(|()| None),
        Change::Copy {
            from,
            to,
            no_replace,
        } => handle.copy(from, to, &relocate(*no_replace)).map(|()| None),
        Change::MakeDirectory {
            path,
            parents,
            exist_ok,
        } => handle
            .mkdir(path, mkdir(*parents, *exist_ok))
            .map(|()| None),
        Change::RemoveDirectory { path, recursive } => {
            handle.rmdir(path, *recursive).map(|()| None)
        }
        Change::SetMeta { path, values } => match &values[..] {
            [(key, value)] => {
                let none = Conditions::default();
                handle.set_meta(path, key, value, &none).map(|()| None)
            }
            _ => handle.set_meta_many(path, &object(values)).map(|()| None),
        },
        Change::DeleteMeta { path, key } => handle.delete_meta(path, key).map(|()| None),
        Change::RequireEtag { .. } => {
            let mut batch = handle.batch();
            add(&mut batch, change)?;
            batch.commit().map(|_| None)
        }
    }
}

fn add(batch: &mut Batch, change: &Change) -> Result<(), Error> {
    match change {
        Change::Write {
            path,
            content,
            condition,
            mime_type,
        } => batch.write(
            path,
            &bytes(*content),
            &write_options(*condition, *mime_type),
        ),
        Change::Append {
            path,
            content,
            condition,
        } => batch.append(path, &bytes(*content), &write_options(*condition, None)),
        Change::Delete { path, condition } => batch.delete(path, &conditions(*condition)),
        Change::Rename {
            from,
            to,
            no_replace,
        } => batch.rename(from, to, &relocate(*no_replace)),
        Change::Copy {
            from,
            to,
            no_replace,
        } => batch.copy(from, to, &relocate(*no_replace)),
        Change::MakeDirectory {
            path,
            parents,
            exist_ok,
        } => batch.mkdir(path, mkdir(*parents, *exist_ok)),
        Change::RemoveDirectory { path, recursive } => batch.rmdir(path, *recursive),
        Change::SetMeta { path, values } => match &values[..] {
            [(key, value)] => batch.set_meta(path, key, value),
            _ => batch.set_meta_many(path, &object(values)),
        },
        Change::DeleteMeta { path, key } => batch.delete_meta(path, key),
        Change::RequireEtag { path, content } => {
            let etag = content.map(|content| ContentHash::of(&bytes(content)));
            batch.require_etag(path, etag)
        }
    }
}

fn object(values: &[(&str, &str)]) -> String {
    let members = values
        .iter()
        .map(|(key, value)| format!("\"{key}\": {value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

fn conditions(condition: Condition) -> Conditions {
    Conditions {
        if_match: match condition {
            Condition::IfMatch(content) => Some(ContentHash::of(&bytes(content))),
            _ => None,
        },
        if_none_match: condition == Condition::IfNoneMatch,
        lease: None,
    }
}

fn write_options(condition: Condition, mime_type: Option<&str>) -> WriteOptions {
    WriteOptions {
        conditions: conditions(condition),
        mime_type: mime_type.map(str::to_owned),
    }
}

fn relocate(no_replace: bool) -> RelocateOptions {
    RelocateOptions {
        no_replace,
        ..RelocateOptions::default()
    }
}

fn mkdir(parents: bool, exist_ok: bool) -> MkdirOptions {
    MkdirOptions { parents, exist_ok }
}

/// Follows cursors to the end. Every page but the last must be full.
fn all_pages(
    limit: usize,
    mut page: impl FnMut(Option<String>) -> Result<Page, Error>,
) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let mut cursor = None;
    loop {
        let next = page(cursor)?;
        let count = next.entries.len();
        assert!(
            limit == 0 || count <= limit,
            "a page of {count} beyond {limit}"
        );
        entries.extend(next.entries);
        if next.cursor.is_none() {
            return Ok(entries);
        }
        assert_eq!(count, limit, "a page that is not the last");
        cursor = next.cursor;
    }
}

/// Returns the hashes of the files in `cas/`.
fn content_files(directory: &Path) -> BTreeSet<ContentHash> {
    let mut hashes = BTreeSet::new();
    for shard in std::fs::read_dir(directory.join("cas")).unwrap() {
        for file in std::fs::read_dir(shard.unwrap().path()).unwrap() {
            let name = file.unwrap().file_name();
            hashes.insert(ContentHash::parse(name.to_str().unwrap()).unwrap());
        }
    }
    hashes
}

fn assert_refused<T: std::fmt::Debug>(
    kind: ErrorKind,
    actual: Result<T, Error>,
    what: &(impl std::fmt::Debug + ?Sized),
) {
    match actual {
        Err(error) => assert_eq!(error.kind(), kind, "{what:?}: {error}"),
        Ok(value) => panic!("{what:?} should be {kind:?}, but gave {value:?}"),
    }
}

fn assert_same<T: PartialEq + std::fmt::Debug>(
    expected: Outcome<T>,
    actual: Result<T, Error>,
    what: &impl std::fmt::Debug,
) {
    match (expected, actual) {
        (Err(kind), actual) => assert_refused(kind, actual, what),
        (Ok(expected), Ok(actual)) => assert!(expected == actual, "{what:?} gave {actual:?}"),
        (Ok(_), Err(error)) => panic!("{what:?} failed: {error:?}"),
    }
}

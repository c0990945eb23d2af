//! Work items as the changes of files see them, on a database of their own.

mod claims;
mod cycles;
mod dependencies;
mod lapses;
mod many;
mod model;
mod queries;
mod typed_keys;

use std::sync::Arc;
use std::time::Duration;

use nexusfs_core::access::{NamespaceRule, Rules};
use nexusfs_core::call::{Call, Interrupts};
use nexusfs_core::clock::ManualClock;
use nexusfs_core::content::{LOCAL_BACKEND, NewContent, Placement};
use nexusfs_core::metadata::{
    Change, Conditions, Entry, Grant, ImportSource, ImportedDirectory, ImportedFile, MetadataValue,
    MetadataValues, Relocation,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::{PathRange, Visible};
use nexusfs_core::time::now;
use nexusfs_core::work::{WorkHistory, WorkItem, WorkView};
use tempfile::TempDir;

use crate::db::backends::BackendCache;
use crate::db::connection::{self, Role};
use crate::db::lease_tokens::Tokens;
use crate::db::time::Time;
use crate::db::{rows, schema};
use crate::driver::statements::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::files::LocalContentStore;
use crate::write::apply;
use crate::write::transaction::{Stamps, Transaction};

/// A store, and a caller who sees part of it.
struct Store {
    connection: Connection,
    placement: Placement,
    backends: BackendCache,
    clock: Arc<ManualClock>,
    time: Arc<Time>,
    stamps: Stamps,
    tokens: Tokens,
    visible: Visible,
    _directory: TempDir,
}

impl Store {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metadata.db");
        let mut connection = connection::open(&path, Role::Creator, 8192).unwrap();
        schema::prepare(&mut connection, "00000000-0000-0000-0000-000000000000").unwrap();
        super::register_scan(&connection).unwrap();
        connection
            .pragma_update(None, "synchronous", "OFF")
            .unwrap();
        let local = LocalContentStore::open(directory.path()).unwrap();
        let backends = BackendCache::default();
        let clock = Arc::new(ManualClock::new(now(), 1_000_000, "this boot"));
        let time = Arc::new(Time::new(Arc::clone(&clock) as _, 1));
        Store {
            connection,
            placement: Placement::new(Arc::new(local), Vec::new(), 65536),
            backends,
            time: Arc::clone(&time),
            stamps: Stamps::new(time),
            tokens: Tokens::new(),
            clock,
            visible: Visible::all(),
            _directory: directory,
        }
    }

    /// Lets the caller see only what lies under `directories`.
    fn see_only(&mut self, directories: &[&str]) {
        self.visible = Visible {
            ranges: directories
                .iter()
                .map(|directory| PathRange::under(directory))
                .collect(),
            ..Visible::default()
        };
    }

    fn see_all(&mut self) {
        self.visible = Visible::all();
    }

    /// Applies `changes` in one transaction.
    fn apply(&self, changes: Vec<Change>) -> Result<Vec<Option<Entry>>> {
        let grant = Grant {
            rules: Arc::new(rules()),
            visible: Arc::new(self.visible.clone()),
            call: call(),
        };
        let (prepared, earlier) = Default::default();
        let mut tx = Transaction::new(
            &self.connection,
            &grant,
            self.placement.routes(),
            &prepared,
            &self.backends,
            &self.stamps,
            &earlier,
        );
        self.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let outcome = apply::all(&mut tx, &changes);
        let end = if outcome.is_ok() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        self.connection.execute_batch(end).unwrap();
        outcome
    }

    fn write(&self, path: &str) -> PathId {
        let entries = self.apply(vec![write(path)]).unwrap();
        entries[0].as_ref().and_then(|entry| entry.path_id).unwrap()
    }

    /// Writes a file with the typed keys of `object`.
    fn add(&self, path: &str, object: &str) -> PathId {
        let entries = self.apply(vec![write(path), set(path, object)]).unwrap();
        entries[0].as_ref().and_then(|entry| entry.path_id).unwrap()
    }

    fn set(&self, path: &str, object: &str) -> Result<()> {
        self.apply(vec![set(path, object)]).map(drop)
    }

    fn delete(&self, path: &str) {
        self.apply(vec![delete(path)]).unwrap();
    }

    fn get(&self, at: &str, key: &str) -> Option<String> {
        super::value(&self.connection, &path(at), key).unwrap()
    }

    fn status(&self, path: &str) -> Option<String> {
        Some(self.get(path, "status")?.trim_matches('"').to_owned())
    }

    fn open_edges(&self, path: &str) -> i64 {
        self.connection
            .query_row(
                "SELECT open_edges FROM work WHERE path = ?1",
                [path],
                |row| row.get(0),
            )
            .unwrap()
    }

    fn view(&self, view: WorkView, limit: usize) -> Vec<WorkItem> {
        let views = super::Views {
            connection: &self.connection,
            visible: &self.visible,
            backends: &self.backends,
            rules: &rules(),
            call: &call(),
            time: &self.time,
        };
        views.view(view, limit).unwrap()
    }

    fn paths(&self, view: WorkView) -> Vec<String> {
        paths_of(&self.view(view, usize::MAX))
    }

    fn counts(&self) -> nexusfs_core::work::WorkCounts {
        let now = self.time.wall();
        super::counts(
            &self.connection,
            &PathRange::all(),
            &self.visible,
            now,
            &call(),
        )
        .unwrap()
    }

    fn explain(&self, at: &str) -> nexusfs_core::work::Explanation {
        super::explain(&self.connection, &path(at), &self.visible, self.time.boot()).unwrap()
    }

    /// Checks what must hold after every transaction, and says what does not.
    fn check_counters(&self) {
        let wrong: Vec<String> = self
            .connection
            .prepare(
                "SELECT path FROM work AS w
                 WHERE open_edges <> (SELECT count(*) FROM edges
                                      WHERE item_id = w.path_id AND open = 1)
                    OR coalesce(dependencies, 0) <> (SELECT count(*) FROM edges
                                                     WHERE item_id = w.path_id)
                    OR path_id <> (SELECT path_id FROM paths WHERE path = w.path)
                    OR (status = 'blocked' AND open_edges = 0 AND dependencies > 0)",
            )
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert!(
            wrong.is_empty(),
            "rows of `work` do not fit their edges: {wrong:?}"
        );
        let stray: i64 = self
            .connection
            .query_row(
                "SELECT count(*) FROM edges WHERE item_id NOT IN (SELECT path_id FROM work)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(stray, 0, "edges of items that do not exist");
    }
}

fn call() -> Call {
    Interrupts::default().begin(Duration::from_secs(1))
}

fn paths_of(items: &[WorkItem]) -> Vec<String> {
    items
        .iter()
        .map(|item| item.path.as_str().to_owned())
        .collect()
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

fn write(to: &str) -> Change {
    Change::Write {
        path: path(to),
        content: NewContent::inline(b"task"),
        backend: LOCAL_BACKEND.into(),
        conditions: Conditions::default(),
        mime_type: None,
    }
}

fn delete(at: &str) -> Change {
    Change::Delete {
        path: path(at),
        conditions: Conditions::default(),
    }
}

fn set(at: &str, object: &str) -> Change {
    Change::SetMetadata {
        path: path(at),
        values: MetadataValue::parse_object(object).unwrap(),
        conditions: Conditions::default(),
    }
}

fn relocation(from: &str, to: &str) -> Relocation {
    Relocation {
        from: path(from),
        to: path(to),
        no_replace: false,
        conditions: Conditions::default(),
    }
}

fn import(entry: &Entry, to: &str, path_id: Option<PathId>, object: &str) -> Change {
    let file = entry.file.as_ref().unwrap();
    Change::Import(Arc::new(One(ImportedFile {
        path: path(to),
        etag: file.etag,
        size: file.size,
        path_id,
        mime_type: None,
        created_at: 1,
        modified_at: 1,
        version: 1,
        metadata: MetadataValue::parse_object(object).unwrap(),
        history: WorkHistory::default(),
        content: None,
        newer_than: None,
    })))
}

/// An import of one file.
#[derive(Debug)]
struct One(ImportedFile);

impl ImportSource for One {
    fn files(&self) -> usize {
        1
    }

    fn file(&self, _: usize) -> nexusfs_core::error::Result<Option<(ImportedFile, Conditions)>> {
        Ok(Some((self.0.clone(), Conditions::default())))
    }

    fn has_dependencies(&self) -> bool {
        false
    }

    fn dependencies(
        &self,
        _: usize,
        _: &[Option<PathId>],
    ) -> nexusfs_core::error::Result<Option<(VirtualPath, MetadataValues)>> {
        Ok(None)
    }

    fn directories(&self) -> usize {
        0
    }

    fn directory(&self, _: usize) -> nexusfs_core::error::Result<Option<ImportedDirectory>> {
        Ok(None)
    }
}

/// The rules of the namespaces that every store has and that name a tenant.
fn rules() -> Rules {
    let rule = |name: &str| NamespaceRule {
        name: name.to_owned(),
        readonly: false,
        admin_only: false,
        requires_tenant: true,
        requires_agent: name == "workspace",
        builtin: true,
    };
    Rules::new(1, ["workspace", "shared", "archives"].map(rule))
}

fn assert_kind(outcome: Result<impl std::fmt::Debug>, kind: ErrorKind) -> Error {
    let error = outcome.expect_err("the change was not refused");
    assert_eq!(error.kind(), kind, "{error}");
    error
}

#[test]
fn a_file_row_is_found_by_its_id() {
    let store = Store::new();
    let id = store.write("/a");
    let found = rows::find_path_of_id(&store.connection, id).unwrap();
    assert_eq!(found.as_deref(), Some("/a"));
}

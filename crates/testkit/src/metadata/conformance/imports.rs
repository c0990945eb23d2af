//! Files as an export described them.

use std::sync::Arc;

use nexusfs_core::content::{ContentHash, LOCAL_BACKEND, NewContent};
use nexusfs_core::error::{ErrorKind, Result};
use nexusfs_core::metadata::{
    Change, Compared, Conditions, ImportSource, ImportedDirectory, ImportedFile, MetadataValue,
    MetadataValues,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::work::{DependencyRef, WorkField, WorkHistory};

use super::Subject;
use super::changes::{delete, make_ready, mkdir, path, set, with_value};
use super::subject::{BEGINNING, SECOND, call, failed, paths_of};

const LARGE: &[u8] = b"a content that is kept as a file";

#[derive(Debug, Default)]
struct Source {
    files: Vec<(ImportedFile, Conditions)>,
    /// Which file depends on which.
    dependencies: Vec<(usize, usize)>,
    directories: Vec<ImportedDirectory>,
}

impl ImportSource for Source {
    fn files(&self) -> usize {
        // One more, which is left out.
        self.files.len() + 1
    }

    fn file(&self, index: usize) -> Result<Option<(ImportedFile, Conditions)>> {
        Ok(self.files.get(index).cloned())
    }

    fn has_dependencies(&self) -> bool {
        !self.dependencies.is_empty()
    }

    fn dependencies(
        &self,
        index: usize,
        ids: &[Option<PathId>],
    ) -> Result<Option<(VirtualPath, MetadataValues)>> {
        let of_file = self.dependencies.iter().filter(|(item, _)| *item == index);
        let blockers: Vec<_> = of_file
            .filter_map(|(_, on)| ids[*on])
            .map(DependencyRef::Id)
            .collect();
        if blockers.is_empty() {
            return Ok(None);
        }
        let value = MetadataValue::Work(WorkField::DependsOn(blockers));
        let path = self.files[index].0.path.clone();
        Ok(Some((path, vec![("depends_on".to_owned(), value)])))
    }

    fn directories(&self) -> usize {
        self.directories.len() + 1
    }

    fn directory(&self, index: usize) -> Result<Option<ImportedDirectory>> {
        Ok(self.directories.get(index).cloned())
    }
}

/// Returns a file whose content comes along.
fn file(at: &str, data: &[u8], keys: &str) -> ImportedFile {
    ImportedFile {
        path: path(at),
        etag: ContentHash::of(data),
        size: data.len() as u64,
        path_id: None,
        mime_type: None,
        created_at: BEGINNING - 100 * SECOND,
        modified_at: BEGINNING - 50 * SECOND,
        version: 7,
        metadata: MetadataValue::parse_object(keys).unwrap(),
        history: WorkHistory::default(),
        content: Some(NewContent::inline(data)),
        newer_than: None,
    }
}

fn import(files: Vec<ImportedFile>) -> Vec<Change> {
    let files = files.into_iter().map(|file| (file, Conditions::default()));
    let source = Source {
        files: files.collect(),
        ..Source::default()
    };
    vec![Change::Import(Arc::new(source))]
}

/// Ids, times, versions, keys and history are those of the description.
pub fn an_import_makes_files_as_they_are_described(subject: &Subject) {
    let id = PathId::generate();
    let history = WorkHistory {
        attempts: 3,
        last_error: Some("it broke".to_owned()),
        result: Some("{\"n\":1}".to_owned()),
    };
    let first = ImportedFile {
        path_id: Some(id),
        mime_type: Some("text/x-own".to_owned()),
        history,
        ..file(
            "/in/a",
            b"one",
            r#"{"k": [1], "status": "in_progress", "worker_id": "w", "priority": 2}"#,
        )
    };
    let large = subject
        .placement
        .build(LOCAL_BACKEND, LARGE, &call())
        .unwrap();
    let second = ImportedFile {
        content: Some(large),
        ..file("/in/b.txt", LARGE, r#"{"status": "blocked"}"#)
    };
    let directory_id = PathId::generate();
    let directory = |at: &str| ImportedDirectory {
        path: path(at),
        path_id: Some(directory_id),
        created_at: BEGINNING - 9 * SECOND,
        modified_at: BEGINNING - 8 * SECOND,
        metadata: MetadataValue::parse_object(r#"{"of": "directory"}"#).unwrap(),
    };
    subject.commit(vec![mkdir("/known")]);
    let known = subject.entry("/known");
    let source = Source {
        files: vec![
            (first, Conditions::default()),
            (second, Conditions::default()),
        ],
        dependencies: vec![(1, 0)],
        directories: vec![directory("/in"), directory("/known")],
    };
    subject.commit(vec![Change::Import(Arc::new(source))]);
    let entry = subject.entry("/in/a").unwrap();
    assert_eq!(entry.path_id, Some(id));
    assert_eq!(
        (entry.created_at, entry.modified_at),
        (BEGINNING - 100 * SECOND, BEGINNING - 50 * SECOND)
    );
    let info = entry.file.unwrap();
    assert_eq!((info.version, &*info.mime_type), (7, "text/x-own"));
    let keys = subject
        .store
        .metadata(&path("/in/a"), &subject.all())
        .unwrap();
    let keys: Vec<_> = keys
        .iter()
        .map(|(key, json)| format!("{key}={json}"))
        .collect();
    let expected = [
        "attempts=3",
        "k=[1]",
        "last_error=\"it broke\"",
        "priority=2",
        "result={\"n\":1}",
        "status=\"ready\"",
    ];
    assert_eq!(keys, expected, "nobody works on what was imported");
    let info = subject.entry("/in/b.txt").unwrap().file.unwrap();
    assert_eq!(&*info.mime_type, "text/plain");
    assert_eq!(subject.read("/in/b.txt"), LARGE);
    assert_eq!(
        subject.value("/in/b.txt", "depends_on").unwrap(),
        format!("[\"{id}\"]")
    );
    assert_eq!(subject.status("/in/b.txt"), "\"blocked\"");
    let made = subject.entry("/in").unwrap();
    assert_eq!(
        (made.path_id, made.created_at),
        (Some(directory_id), BEGINNING - 9 * SECOND)
    );
    assert_eq!(subject.value("/in", "of").unwrap(), "\"directory\"");
    assert_eq!(
        subject.entry("/known"),
        known,
        "a directory that was made stays as it is"
    );
    assert_eq!(subject.value("/known", "of"), None);
}

/// A hash alone is no key to others' bytes.
pub fn an_import_takes_contents_that_the_caller_can_read(subject: &Subject) {
    subject.write_all(&["/shared/a/1", "/shared/b/2"]);
    subject.commit(vec![
        subject.write("/shared/a/1", LARGE),
        subject.write("/shared/b/2", b"others'"),
    ]);
    let without = |at: &str, data: &[u8]| ImportedFile {
        content: None,
        ..file(at, data, "{}")
    };
    let grant = subject.of(Some("a"), None);
    subject
        .try_commit(import(vec![without("/shared/a/copy", LARGE)]), &grant)
        .unwrap();
    assert_eq!(subject.read("/shared/a/copy"), LARGE);
    let count = subject
        .store
        .content_count(&ContentHash::of(LARGE), &subject.all());
    assert_eq!(count.unwrap().unwrap().references, 2);
    for data in [&b"others'"[..], b"nobody's"] {
        let error = failed(subject.try_commit(import(vec![without("/shared/a/x", data)]), &grant));
        assert_eq!(
            (error.kind(), error.path()),
            (ErrorKind::NotFound, Some("/shared/a/x")),
            "{error}"
        );
    }
    let wrong = ImportedFile {
        size: 3,
        ..without("/shared/a/x", LARGE)
    };
    let error = failed(subject.try_commit(import(vec![wrong]), &grant));
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    // Two files change contents: what the import itself drops can still be had.
    subject.commit(vec![
        subject.write("/shared/a/2", b"another file of the backend"),
        delete("/shared/a/copy"),
    ]);
    let swapped = vec![
        without("/shared/a/1", b"another file of the backend"),
        without("/shared/a/2", LARGE),
    ];
    subject.try_commit(import(swapped), &grant).unwrap();
    assert_eq!(subject.read("/shared/a/1"), b"another file of the backend");
    assert_eq!(subject.read("/shared/a/2"), LARGE);
    assert!(
        !subject
            .store
            .has_pending_deletions(LOCAL_BACKEND, &call())
            .unwrap()
    );
}

/// An id that another file has is not taken; else the file keeps the one that it had.
pub fn an_import_replaces_and_keeps_ids(subject: &Subject) {
    subject.write_all(&["/a", "/b"]);
    subject.commit(vec![set("/a", "k", "1"), set("/a", "status", "\"ready\"")]);
    let ids = ["/a", "/b"].map(|at| subject.entry(at).unwrap().path_id.unwrap());
    let taken = ImportedFile {
        path_id: Some(ids[1]),
        ..file("/a", b"new", "{\"other\": 2}")
    };
    subject.commit(import(vec![taken, file("/c", b"c", "{}")]));
    assert_eq!(subject.entry("/a").unwrap().path_id, Some(ids[0]));
    assert_eq!(subject.read("/a"), b"new");
    assert_eq!(
        subject.value("/a", "k"),
        None,
        "what was said of the replaced file stayed"
    );
    assert_eq!(subject.value("/a", "other").unwrap(), "2");
    assert_eq!(subject.status("/a"), "");
    assert!(subject.entry("/c").unwrap().path_id.is_some());
    let found = subject
        .store
        .find(&with_value("other", "2"), &subject.all())
        .unwrap();
    assert_eq!(paths_of(&found), ["/a"]);
    // An item that waited for a file of that id waits again.
    subject.commit(vec![set("/b", "status", "\"ready\"")]);
    subject.write_all(&["/waits"]);
    subject.commit(vec![
        set("/waits", "status", "\"blocked\""),
        set("/waits", "depends_on", "\"/b\""),
    ]);
    subject.commit(vec![delete("/b")]);
    let explanation = subject
        .store
        .explain(&path("/waits"), &subject.all())
        .unwrap();
    assert!(explanation.open[0].deleted);
    let again = ImportedFile {
        path_id: Some(ids[1]),
        ..file("/b-again", b"", r#"{"status": "completed"}"#)
    };
    subject.commit(import(vec![again]));
    assert_eq!(
        subject.status("/waits"),
        "\"ready\"",
        "it waits for nothing any more"
    );
}

/// An error names the file by its number.
pub fn an_import_names_the_file_that_fails(subject: &Subject) {
    subject.write_all(&["/d/x", "/f"]);
    let entry = subject.entry("/f").unwrap();
    let absent = Conditions {
        if_none_match: true,
        ..Conditions::default()
    };
    for (at, conditions, kind) in [
        ("/d", Conditions::default(), ErrorKind::IsADirectory),
        ("/f/x", Conditions::default(), ErrorKind::NotADirectory),
        ("/f", absent, ErrorKind::Conflict),
    ] {
        let source = Source {
            files: vec![
                (file("/good", b"1", "{}"), Conditions::default()),
                (file(at, b"2", "{}"), conditions),
            ],
            ..Source::default()
        };
        let error = subject.refusal(vec![Change::Import(Arc::new(source))]);
        assert_eq!(
            (error.kind(), error.index()),
            (kind, Some(1)),
            "{at}: {error}"
        );
        assert_eq!(subject.entry("/good"), None);
    }
    // The file changed since it was found to be the older one.
    let compared = |time, values: Option<&[(String, String)]>| ImportedFile {
        newer_than: Some(Compared::new(time, values)),
        ..file("/f", b"newer", "{}")
    };
    let error = subject.refusal(import(vec![compared(entry.modified_at - 1, None)]));
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::Conflict, Some(0)),
        "{error}"
    );
    let keys = [("k".to_owned(), "1".to_owned())];
    let error = subject.refusal(import(vec![compared(entry.modified_at, Some(&keys))]));
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    subject.commit(vec![set("/f", "k", "1")]);
    subject.commit(import(vec![compared(entry.modified_at, Some(&keys))]));
    assert_eq!(subject.read("/f"), b"newer");
}

/// Only a line that cancels the item ends its lease.
pub fn an_import_leaves_a_leased_item_to_its_worker(subject: &Subject) {
    make_ready(subject, &["/job"]);
    subject.claim_one(10 * SECOND);
    let error = subject.refusal(import(vec![file("/job", b"2", r#"{"status": "ready"}"#)]));
    assert_eq!(
        (error.kind(), error.path()),
        (ErrorKind::Conflict, Some("/job")),
        "{error}"
    );
    assert!(
        subject
            .store
            .is_leased(&path("/job"), &subject.all())
            .unwrap()
    );
    subject.commit(import(vec![file(
        "/job",
        b"2",
        r#"{"status": "cancelled"}"#,
    )]));
    assert!(
        !subject
            .store
            .is_leased(&path("/job"), &subject.all())
            .unwrap()
    );
    assert_eq!(subject.status("/job"), "\"cancelled\"");
    subject.commit(vec![set("/job", "status", "\"ready\"")]);
    subject.claim_one(10 * SECOND);
    subject.pass(11 * SECOND);
    subject.commit(import(vec![file("/job", b"3", r#"{"status": "pending"}"#)]));
    assert_eq!(subject.status("/job"), "\"pending\"", "its lease had ended");
}

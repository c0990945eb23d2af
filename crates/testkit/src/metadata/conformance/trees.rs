//! Directories, and trees that are moved, copied and removed.

use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata::Change;
use nexusfs_core::metadata::Relocation;

use super::Subject;
use super::changes::{
    copy, delete, everything, make_directory, mkdir, path, relocation, rename, rmdir, set, whole,
};
use super::subject::failed;

fn all(subject: &Subject) -> Vec<String> {
    subject.page(everything(whole()), &subject.all())
}

#[track_caller]
fn refused(subject: &Subject, change: Change, kind: ErrorKind, at: &str) {
    let error = subject.refusal(vec![change.clone()]);
    assert_eq!(
        (error.kind(), error.path()),
        (kind, Some(at)),
        "{change:?}: {error}"
    );
}

/// A directory that was made has an id and stays; an implied one comes and goes with what is in it.
pub fn directories_are_made_or_implied(subject: &Subject) {
    let made = subject.commit(vec![mkdir("/made")]).remove(0).unwrap();
    assert!(made.is_directory() && made.path_id.is_some() && made.created_at > 0);
    subject.commit(vec![
        subject.write("/made/x/a", b""),
        subject.write("/implied/x/a", b""),
    ]);
    let implied = subject.entry("/implied/x").unwrap();
    assert_eq!(
        (implied.path_id, implied.created_at, implied.modified_at),
        (None, 0, 0)
    );
    let depth = subject.commit(vec![make_directory("/given/own/d", false, false, 2)]);
    assert!(depth[0].as_ref().unwrap().path_id.is_some());
    assert_eq!(
        subject.entry("/given/own").unwrap().path_id,
        None,
        "it counts as existing"
    );
    let parents = subject.commit(vec![make_directory("/p/q/r", true, false, 0)]);
    assert!(parents[0].as_ref().unwrap().path_id.is_some());
    assert!(subject.entry("/p/q").unwrap().path_id.is_some());
    // An implied one is made into one that stays, as the same again may be.
    let again = subject.commit(vec![
        make_directory("/implied/x", false, true, 0),
        make_directory("/implied/x", false, true, 0),
    ]);
    assert!(again[0].as_ref().unwrap().path_id.is_some());
    assert_eq!(again[0], again[1]);
    subject.commit(vec![
        delete("/made/x/a"),
        delete("/implied/x/a"),
        rmdir("/given/own/d", false),
    ]);
    assert_eq!(
        all(subject),
        ["/implied", "/implied/x", "/made", "/p", "/p/q", "/p/q/r"]
    );
}

/// A file is no directory, a directory no file, and a name is taken once.
pub fn what_is_in_the_way_is_told(subject: &Subject) {
    subject.write_all(&["/f", "/d/a"]);
    subject.commit(vec![mkdir("/made")]);
    let write = |at: &str| subject.write(at, b"");
    refused(subject, write("/f/x"), ErrorKind::NotADirectory, "/f");
    refused(subject, write("/f/x/y"), ErrorKind::NotADirectory, "/f");
    refused(subject, write("/d"), ErrorKind::IsADirectory, "/d");
    refused(subject, write("/made"), ErrorKind::IsADirectory, "/made");
    refused(subject, delete("/d"), ErrorKind::IsADirectory, "/d");
    refused(subject, delete("/missing"), ErrorKind::NotFound, "/missing");
    refused(subject, mkdir("/f"), ErrorKind::AlreadyExists, "/f");
    refused(
        subject,
        make_directory("/f", false, true, 0),
        ErrorKind::AlreadyExists,
        "/f",
    );
    refused(subject, mkdir("/made"), ErrorKind::AlreadyExists, "/made");
    refused(subject, mkdir("/d"), ErrorKind::AlreadyExists, "/d");
    refused(subject, mkdir("/f/x"), ErrorKind::NotADirectory, "/f");
    refused(subject, mkdir("/f/x/y"), ErrorKind::NotADirectory, "/f");
    refused(subject, mkdir("/x/y"), ErrorKind::NotFound, "/x");
    refused(subject, rmdir("/f", true), ErrorKind::NotADirectory, "/f");
    refused(
        subject,
        rmdir("/missing", true),
        ErrorKind::NotFound,
        "/missing",
    );
    assert_eq!(all(subject), ["/d", "/d/a", "/f", "/made"]);
}

/// All that is in a directory goes with it, if that is wanted.
pub fn a_directory_is_removed_empty_or_as_a_whole(subject: &Subject) {
    subject.write_all(&["/d/e/a", "/d/e/b/c", "/d-e", "/d0", "/other/d/a"]);
    subject.commit(vec![
        mkdir("/d/made"),
        set("/d/e/a", "k", "1"),
        set("/d/e/a", "status", "\"ready\""),
    ]);
    refused(subject, rmdir("/d", false), ErrorKind::NotEmpty, "/d");
    let id = subject.entry("/d/e/a").unwrap().path_id.unwrap();
    subject.commit(vec![
        rmdir("/d/made", false),
        rmdir("/d", true),
        rmdir("/other/d", true),
    ]);
    assert_eq!(all(subject), ["/d-e", "/d0"]);
    assert_eq!(subject.store.path_of_id(id, &subject.all()).unwrap(), None);
    subject.write_all(&["/d/e/a"]);
    let keys = subject
        .store
        .metadata(&path("/d/e/a"), &subject.all())
        .unwrap();
    assert_eq!(keys, [], "metadata outlived its directory");
}

/// Ids, times, versions and metadata go along, and the content stays where it is.
pub fn a_rename_moves_a_tree_with_all_that_is_said_of_it(subject: &Subject) {
    subject.write_all(&["/t/a", "/t/a", "/t/é/b", "/t-x", "/t0", "/u/kept"]);
    subject.commit(vec![
        mkdir("/t/made"),
        set("/t/made", "k", "1"),
        set("/t/a", "k", "2"),
        set("/t/é/b", "status", "\"ready\""),
    ]);
    let before = ["/t/a", "/t/é/b", "/t/made"].map(|at| subject.entry(at).unwrap());
    let left = subject.commit(vec![rename("/t", "/u/v")]);
    assert_eq!(left[0].as_ref().unwrap().path.as_str(), "/u/v");
    let paths = [
        "/t-x",
        "/t0",
        "/u",
        "/u/kept",
        "/u/v",
        "/u/v/a",
        "/u/v/made",
        "/u/v/é",
        "/u/v/é/b",
    ];
    assert_eq!(all(subject), paths);
    for (before, at) in before.into_iter().zip(["/u/v/a", "/u/v/é/b", "/u/v/made"]) {
        let mut after = subject.entry(at).unwrap();
        after.path = before.path.clone();
        assert_eq!(after, before, "{at}");
    }
    assert_eq!(subject.value("/u/v/made", "k").unwrap(), "1");
    assert_eq!(subject.value("/u/v/a", "k").unwrap(), "2");
    assert_eq!(subject.status("/u/v/é/b"), "\"ready\"");
    // Onto itself nothing changes.
    let same = subject.commit(vec![rename("/u/v/a", "/u/v/a"), copy("/u/v/a", "/u/v/a")]);
    assert_eq!(same[0], subject.entry("/u/v/a"));
    assert_eq!(same[1], same[0]);
    // Up, over the directory that holds it.
    subject.commit(vec![rename("/u/v/é/b", "/b"), rename("/u/v", "/w")]);
    assert_eq!(
        all(subject),
        [
            "/b", "/t-x", "/t0", "/u", "/u/kept", "/w", "/w/a", "/w/made"
        ]
    );
}

/// A file gives way to a file, an empty directory to a directory, and nothing where that is not wanted.
pub fn a_rename_gives_way_as_it_should(subject: &Subject) {
    subject.write_all(&["/a", "/b", "/d/x", "/full/x"]);
    subject.commit(vec![
        mkdir("/empty"),
        set("/empty", "k", "1"),
        set("/b", "k", "1"),
    ]);
    let no_replace = |from: &str, to: &str| Relocation {
        no_replace: true,
        ..relocation(from, to)
    };
    for make in [Change::Rename as fn(Relocation) -> Change, Change::Copy] {
        refused(
            subject,
            make(no_replace("/a", "/b")),
            ErrorKind::AlreadyExists,
            "/b",
        );
        refused(
            subject,
            make(no_replace("/d", "/empty")),
            ErrorKind::AlreadyExists,
            "/empty",
        );
        refused(
            subject,
            make(relocation("/a", "/d")),
            ErrorKind::IsADirectory,
            "/d",
        );
        refused(
            subject,
            make(relocation("/d", "/a")),
            ErrorKind::NotADirectory,
            "/a",
        );
        refused(
            subject,
            make(relocation("/d", "/full")),
            ErrorKind::NotEmpty,
            "/full",
        );
        refused(
            subject,
            make(relocation("/d", "/d/e")),
            ErrorKind::InvalidArgument,
            "/d/e",
        );
        refused(
            subject,
            make(relocation("/a", "/a/e")),
            ErrorKind::NotADirectory,
            "/a",
        );
        refused(
            subject,
            make(relocation("/a", "/b/e")),
            ErrorKind::NotADirectory,
            "/b",
        );
        refused(
            subject,
            make(relocation("/missing", "/e")),
            ErrorKind::NotFound,
            "/missing",
        );
        refused(
            subject,
            make(relocation("/d/x", "/d")),
            ErrorKind::IsADirectory,
            "/d",
        );
    }
    let id = subject.entry("/a").unwrap().path_id;
    subject.commit(vec![rename("/a", "/b"), rename("/d", "/empty")]);
    assert_eq!(
        all(subject),
        ["/b", "/empty", "/empty/x", "/full", "/full/x"]
    );
    let replaced = subject.entry("/b").unwrap();
    assert_eq!(replaced.path_id, id);
    assert_eq!(
        subject.value("/b", "k"),
        None,
        "what was said of the replaced file stayed"
    );
    assert_eq!(
        subject.entry("/empty").unwrap().path_id,
        None,
        "the made directory was replaced"
    );
}

/// A copy has ids, times and versions of its own; of a tree, it has what the caller may read.
pub fn a_copy_is_new_and_takes_what_the_caller_sees(subject: &Subject) {
    subject.write_all(&["/t/a", "/t/b/c"]);
    subject.commit(vec![
        subject.write("/t/a", b"2"),
        mkdir("/t/made"),
        set("/t/a", "k", "1"),
        set("/t/made", "k", "2"),
    ]);
    subject.pass(1000);
    subject.commit(vec![copy("/t", "/u/v")]);
    assert_eq!(
        all(subject),
        [
            "/t",
            "/t/a",
            "/t/b",
            "/t/b/c",
            "/t/made",
            "/u",
            "/u/v",
            "/u/v/a",
            "/u/v/b",
            "/u/v/b/c",
            "/u/v/made"
        ]
    );
    let (source, target) = (
        subject.entry("/t/a").unwrap(),
        subject.entry("/u/v/a").unwrap(),
    );
    let versions = [&source, &target].map(|entry| entry.file.as_ref().unwrap().version);
    assert_eq!(versions, [2, 1]);
    assert_ne!(source.path_id, target.path_id);
    assert!(target.created_at > source.created_at);
    assert_eq!(subject.read("/u/v/a"), b"2");
    assert_eq!(subject.value("/u/v/a", "k").unwrap(), "1");
    assert_eq!(subject.value("/u/v/made", "k").unwrap(), "2");
    let made = ["/t/made", "/u/v/made"].map(|at| subject.entry(at).unwrap().path_id);
    assert!(made[0].is_some() && made[1].is_some() && made[0] != made[1]);
    subject.write_all(&["/shared/a/1", "/shared/b/2", "/shared/a-b/3"]);
    subject
        .try_commit(vec![copy("/shared", "/mine")], &subject.of(Some("a"), None))
        .unwrap();
    assert!(subject.entry("/mine/a/1").is_some());
    assert!(subject.entry("/mine/b").is_none() && subject.entry("/mine/a-b").is_none());
}

/// No path of a tree may become longer or deeper than a path can be.
pub fn paths_do_not_become_too_long(subject: &Subject) {
    let deep = format!("/t{}", "/d".repeat(97));
    let long = format!("/l{}", format!("/{}", "x".repeat(200)).repeat(20));
    subject.commit(vec![subject.write(&deep, b""), subject.write(&long, b"")]);
    let long_name = format!("/{}", "y".repeat(250));
    for make in [rename as fn(&str, &str) -> Change, copy] {
        let error = subject.refusal(vec![make("/t", "/a/b/c/d")]);
        assert_eq!(error.kind(), ErrorKind::InvalidPath, "{error}");
        let error = subject.refusal(vec![make("/l", &long_name)]);
        assert_eq!(error.kind(), ErrorKind::InvalidPath, "{error}");
    }
    subject.commit(vec![rename("/t", "/a/b"), rename("/l", "/m")]);
    let error = failed(subject.try_commit(vec![rename("/a/b", "/a/b/c/d/e")], &subject.all()));
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
}

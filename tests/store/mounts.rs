//! Mounts: contents in other directories, read-only or not, or not there at all.

use nexusfs::content::ContentHash;
use nexusfs::filesystem::{ClaimOptions, Conditions, MkdirOptions, RelocateOptions};

use super::*;

impl Place {
    fn mounted(&self, readonly: bool) -> Filesystem {
        let mount = json!({
            "name": "media",
            "path": "/m/x",
            "root": self.path("media"),
            "readonly": readonly,
        });
        self.connect(json!({"is_admin": true, "allow_readonly_writes": true, "mounts": [mount]}))
    }
}

fn rename(fs: &Filesystem, from: &str, to: &str) -> Result<(), Error> {
    fs.rename(from, to, &RelocateOptions::default())
}

fn copy(fs: &Filesystem, from: &str, to: &str) -> Result<(), Error> {
    fs.copy(from, to, &RelocateOptions::default())
}

fn backend(fs: &Filesystem, path: &str) -> String {
    fs.stat(path).unwrap().file.unwrap().backend.to_string()
}

#[test]
fn contents_follow_their_paths_into_and_out_of_a_mount() {
    let place = Place::new();
    let fs = place.mounted(false);
    write(&fs, "/m/x/in", b"in").unwrap();
    write(&fs, "/out", LARGE).unwrap();
    assert_eq!(
        (backend(&fs, "/m/x/in"), backend(&fs, "/out")),
        ("media".into(), "local".into())
    );
    rename(&fs, "/m/x/in", "/in").unwrap();
    copy(&fs, "/out", "/m/x/out").unwrap();
    assert_eq!(
        (backend(&fs, "/in"), backend(&fs, "/m/x/out")),
        ("local".into(), "media".into())
    );
    assert_eq!(fs.read("/in").unwrap(), b"in");
    assert_eq!(fs.read("/m/x/out").unwrap(), LARGE);
    fs.gc(&mut |_, _, _| true).unwrap();
    let files = snapshot(&place.path("media/cas"));
    assert_eq!(
        files.iter().filter(|(_, bytes)| bytes.is_some()).count(),
        1,
        "{files:?}"
    );
}

/// A move gives up its source: what it finds in the other backend has to be whole.
#[test]
fn a_move_across_mounts_does_not_trust_what_the_other_backend_has() {
    let place = Place::new();
    let fs = place.mounted(false);
    write(&fs, "/m/x/old", LARGE).unwrap();
    for damaged in [None, Some(vec![0; LARGE.len()])] {
        write(&fs, "/good", LARGE).unwrap();
        let hash = ContentHash::of(LARGE).to_string();
        let file = place.path(&format!("media/cas/{}/{hash}", &hash[..2]));
        match damaged {
            None => std::fs::remove_file(file).unwrap(),
            Some(bytes) => std::fs::write(file, bytes).unwrap(),
        }
        rename(&fs, "/good", "/m/x/new").unwrap();
        assert_eq!(fs.read("/m/x/new").unwrap(), LARGE);
        assert_eq!(fs.read("/m/x/old").unwrap(), LARGE);
    }
}

/// Others can write while contents are copied, however large they are.
#[test]
fn contents_cross_a_mount_before_the_write_lock_is_taken() {
    let place = Place::new();
    let fs = place.mounted(false);
    write(&fs, "/a/b/large", LARGE).unwrap();
    write(&fs, "/a/small", b"small").unwrap();
    let other = place.beside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let moving = scope.spawn(|| rename(&fs, "/a", "/m/x/a"));
        let is_copy = |(_, bytes): &(_, Option<Vec<u8>>)| bytes.as_deref() == Some(LARGE);
        while !snapshot(&place.path("media/tmp")).iter().any(is_copy) {
            assert!(!moving.is_finished());
            std::thread::yield_now();
        }
        assert!(fs.read("/a/b/large").is_ok(), "nothing has moved yet");
        other.execute_batch("ROLLBACK").unwrap();
        moving.join().unwrap().unwrap();
    });
    for (path, data) in [("/m/x/a/b/large", LARGE), ("/m/x/a/small", b"small")] {
        assert_eq!(fs.read(path).unwrap(), data);
        assert_eq!(backend(&fs, path), "media");
    }
    rename(&fs, "/m/x/a", "/back").unwrap();
    assert_eq!(fs.read("/back/b/large").unwrap(), LARGE);
    assert_eq!(backend(&fs, "/back/small"), "local");
    assert_eq!(snapshot(&place.path("media/tmp")), []);
}

/// What stands in the way of a copy made beforehand may be gone, or not yet there, when the batch gets to it.
#[test]
fn a_batch_moves_across_a_mount_what_it_leaves_there() {
    let place = Place::new();
    let fs = place.mounted(false);
    write(&fs, "/a/damaged", LARGE).unwrap();
    write(&fs, "/a/kept", b"kept").unwrap();
    let hash = ContentHash::of(LARGE).to_string();
    std::fs::write(place.path(&format!("store/cas/{}/{hash}", &hash[..2])), b"").unwrap();
    assert!(rename(&fs, "/a", "/m/x/a").is_err());
    let new = [LARGE, b" and new"].concat();
    let mut batch = fs.batch();
    batch.delete("/a/damaged", &Conditions::default()).unwrap();
    batch
        .write("/a/new", &new, &WriteOptions::default())
        .unwrap();
    batch
        .rename("/a", "/m/x/a", &RelocateOptions::default())
        .unwrap();
    batch.commit().unwrap();
    assert_eq!(fs.read("/m/x/a/new").unwrap(), new);
    assert_eq!(fs.read("/m/x/a/kept").unwrap(), b"kept");
    assert_eq!(backend(&fs, "/m/x/a/new"), "media");
}

#[test]
fn nothing_under_a_read_only_mount_changes_for_admins_either() {
    let place = Place::new();
    let fs = place.mounted(false);
    write(&fs, "/m/x/f", LARGE).unwrap();
    write(&fs, "/tree/x/f", b"1").unwrap();
    let before = snapshot(&place.path("media"));
    let fs = place.mounted(true);
    assert_eq!(fs.read("/m/x/f").unwrap(), LARGE);
    let readonly = ErrorKind::ReadOnly;
    refused(write(&fs, "/m/x/f", b"2"), readonly);
    refused(
        fs.append("/m/x/f", b"2", &WriteOptions::default()),
        readonly,
    );
    refused(fs.delete("/m/x/f", &Default::default()), readonly);
    refused(
        fs.set_meta("/m/x/f", "k", "1", &Default::default()),
        readonly,
    );
    refused(fs.mkdir("/m/x/d", MkdirOptions::default()), readonly);
    refused(fs.rmdir("/m", true), readonly);
    refused(rename(&fs, "/m", "/n"), readonly);
    refused(rename(&fs, "/m/x/f", "/f"), readonly);
    refused(copy(&fs, "/tree/x/f", "/m/x/g"), readonly);
    copy(&fs, "/m/x/f", "/f").unwrap();
    assert_eq!(fs.read("/f").unwrap(), LARGE);
    assert_eq!(snapshot(&place.path("media")), before);
}

#[test]
fn a_tree_cannot_be_put_around_a_read_only_mount() {
    let place = Place::new();
    let fs = place.mounted(false);
    write(&fs, "/tree/x/f", b"1").unwrap();
    fs.mkdir(
        "/empty/x",
        MkdirOptions {
            parents: true,
            exist_ok: false,
        },
    )
    .unwrap();
    let fs = place.mounted(true);
    refused(rename(&fs, "/tree", "/m"), ErrorKind::ReadOnly);
    refused(copy(&fs, "/tree", "/m"), ErrorKind::ReadOnly);
    refused(rename(&fs, "/empty", "/m"), ErrorKind::ReadOnly);
}

#[test]
fn a_writable_mount_within_a_read_only_one_changes() {
    let place = Place::new();
    let connect = |readonly| {
        place.connect(json!({"mounts": [
            {"name": "media", "path": "/m", "root": place.path("media"), "readonly": readonly},
            {"name": "drafts", "path": "/m/drafts", "root": place.path("drafts")},
        ]}))
    };
    let fs = connect(false);
    write(&fs, "/m/f", LARGE).unwrap();
    write(&fs, "/m/work", b"1").unwrap();
    fs.set_meta("/m/work", "status", "\"ready\"", &Default::default())
        .unwrap();
    let fs = connect(true);
    refused(write(&fs, "/m/f", b"2"), ErrorKind::ReadOnly);
    write(&fs, "/m/drafts/d", LARGE).unwrap();
    copy(&fs, "/m/f", "/m/drafts/f").unwrap();
    assert_eq!(backend(&fs, "/m/drafts/f"), "drafts");
    fs.set_meta("/m/drafts/d", "status", "\"ready\"", &Default::default())
        .unwrap();
    let claim = ClaimOptions {
        max: 2,
        ..ClaimOptions::default()
    };
    let claimed = fs.work_claim("w", &claim).unwrap();
    let paths: Vec<_> = claimed.iter().map(|item| item.path.as_str()).collect();
    assert_eq!(paths, ["/m/drafts/d"]);
    fs.rmdir("/m/drafts", true).unwrap();
    refused(fs.rmdir("/m", true), ErrorKind::ReadOnly);
}

/// The directories above a writable mount that lie in a read-only one are not for its users to make.
#[test]
fn directories_above_a_writable_mount_come_and_go_with_what_is_in_it() {
    let place = Place::new();
    let mounts = json!([
        {"name": "media", "path": "/m", "root": place.path("media")},
        {"name": "drafts", "path": "/m/x/drafts", "root": place.path("drafts")},
    ]);
    place.connect(json!({"mounts": mounts}));
    let mut mounts = mounts;
    mounts[0]["readonly"] = json!(true);
    let fs = place.connect(json!({"mounts": mounts}));
    for parents in [true, false] {
        let options = MkdirOptions {
            parents,
            exist_ok: false,
        };
        fs.mkdir("/m/x/drafts", options).unwrap();
        assert_eq!(fs.stat("/m/x").unwrap().path_id, None);
        refused(fs.mkdir("/m/y", options), ErrorKind::ReadOnly);
        fs.rmdir("/m/x/drafts", false).unwrap();
        assert!(!fs.exists("/m").unwrap());
    }
}

#[test]
fn a_root_that_cannot_be_opened_names_its_mount() {
    let place = Place::new();
    let mounts = json!([
        {"name": "here", "path": "/here", "root": place.path("here")},
        {"name": "gone", "path": "/m/gone", "root": place.path("gone"), "readonly": true},
    ]);
    let message = refused(place.try_connect(json!({"mounts": mounts})), ErrorKind::Io);
    assert!(message.ends_with(": /m/gone"), "{message}");
}

#[test]
fn without_its_mount_a_file_is_known_but_not_read() {
    let place = Place::new();
    let fs = place.mounted(false);
    for path in ["/m/x/f", "/m/x/g"] {
        write(&fs, path, LARGE).unwrap();
    }
    drop(fs);
    let fs = place.connect(json!({}));
    assert_eq!(fs.list(&Default::default()).unwrap().entries.len(), 2);
    assert_eq!(backend(&fs, "/m/x/f"), "media");
    refused(fs.read("/m/x/f"), ErrorKind::NotMounted);
    rename(&fs, "/m/x/f", "/m/x/h").unwrap();
    fs.delete("/m/x/g", &Default::default()).unwrap();
    assert_eq!(place.mounted(false).read("/m/x/h").unwrap(), LARGE);
}

#[test]
fn files_in_a_backend_that_another_process_adds_can_be_changed() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    let files = ["/described", "/moved", "/deleted"];
    for (path, bytes) in files.iter().zip([b"1", b"2", b"3"]) {
        write(&fs, path, bytes).unwrap();
    }
    place
        .beside()
        .execute_batch(
            "INSERT INTO backends (id, name, uuid) VALUES (7, 'later', 'a place');
             UPDATE content SET backend_id = 7;
             UPDATE paths SET backend_id = 7 WHERE kind = 1;",
        )
        .unwrap();
    fs.set_meta("/described", "k", "1", &Default::default())
        .unwrap();
    rename(&fs, "/moved", "/there").unwrap();
    fs.delete("/deleted", &Default::default()).unwrap();
    assert_eq!(backend(&fs, "/there"), "later");
}

#[test]
fn opening_removes_what_was_dropped_in_a_mount() {
    let place = Place::new();
    let fs = place.mounted(false);
    write(&fs, "/m/x/f", LARGE).unwrap();
    drop(fs);
    let fs = place.connect(json!({}));
    fs.delete("/m/x/f", &Default::default()).unwrap();
    drop(fs);
    let files = || {
        let found = snapshot(&place.path("media/cas"));
        found.iter().filter(|(_, bytes)| bytes.is_some()).count()
    };
    assert_eq!(files(), 1, "nothing could be removed without the mount");
    let _fs = place.mounted(false);
    assert_eq!(files(), 0, "the file of the dropped content is left");
}

#[test]
fn a_root_of_another_store_or_with_other_files_is_refused_untouched() {
    let place = Place::new();
    drop(place.mounted(false));
    let mount = |data_dir: &str, root: &str| {
        let mount = json!({"name": "media", "path": "/m", "root": place.path(root)});
        place.try_connect(json!({"data_dir": place.path(data_dir), "mounts": [mount]}))
    };
    std::fs::create_dir(place.path("photos")).unwrap();
    std::fs::write(place.path("photos/a.jpg"), "mine").unwrap();
    for root in ["media", "photos"] {
        let before = snapshot(&place.path(root));
        refused(mount("other", root), ErrorKind::InvalidConfig);
        assert_eq!(snapshot(&place.path(root)), before);
    }
    refused(mount("store", "new"), ErrorKind::InvalidConfig);
    refused(mount("store", "store/inside"), ErrorKind::InvalidConfig);
}

#[test]
fn a_mount_that_is_refused_leaves_the_others_unmarked() {
    let place = Place::new();
    drop(place.connect(json!({})));
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::create_dir(place.path("photos")).unwrap();
    std::fs::write(place.path("photos/a.jpg"), "mine").unwrap();
    std::os::unix::fs::symlink("empty", place.path("link")).unwrap();
    let mounts = |roots: [&str; 3]| {
        let mounts: Vec<_> = roots
            .iter()
            .enumerate()
            .map(|(i, root)| {
                json!({"name": format!("m{i}"), "path": format!("/m{i}"), "root": place.path(root)})
            })
            .collect();
        json!({ "mounts": mounts })
    };
    for last in ["photos", "link"] {
        let config = mounts(["new", "empty", last]);
        let message = refused(place.try_connect(config), ErrorKind::InvalidConfig);
        assert!(message.contains("'m2'"), "{message}");
        assert!(!place.path("new").exists());
        assert_eq!(snapshot(&place.path("empty")), []);
    }
    place.connect(mounts(["new", "empty", "third"]));
}

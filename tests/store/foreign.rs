//! What is in the directories of a store and not its own: never removed, followed or taken over.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use nexusfs::filesystem::VerifyOptions;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// Names that the library gives to unfinished contents.
const OWN: [&str; 3] = [
    "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000",
    "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001",
    "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0002",
];

fn make_pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

impl Place {
    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

#[test]
fn a_directory_with_something_in_tmp_is_not_that_of_a_new_store() {
    for name in ["tmp/thesis.txt", "tmp/deep/thesis.txt", "cas/thesis.txt"] {
        let place = Place::new();
        place.put(&format!("store/{name}"), "years of work");
        let before = snapshot(&place.path("store"));
        let message = refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
        assert!(message.contains(&name[..3]), "{message}");
        assert_eq!(snapshot(&place.path("store")), before, "{name}");
        let elsewhere = json!({"db_path": place.path("elsewhere/x.db")});
        refused(place.try_connect(elsewhere), ErrorKind::InvalidConfig);
        assert!(!place.path("elsewhere").exists());
        assert_eq!(snapshot(&place.path("store")), before, "{name}");
    }
    let place = Place::new();
    fs::create_dir_all(place.path("store/tmp")).unwrap();
    fs::create_dir_all(place.path("store/cas")).unwrap();
    write(&place.connect(json!({})), "/a", LARGE).unwrap();
}

#[test]
fn a_link_in_place_of_a_part_is_refused_and_not_followed() {
    let parts = ["tmp", "cas", "quarantine", "lock", "nexus-store"];
    for is_new in [true, false] {
        for part in parts {
            let place = Place::new();
            fs::create_dir_all(place.path("store")).unwrap();
            if !is_new {
                write(&place.connect(json!({})), "/a", LARGE).unwrap();
            }
            place.put("photos/one.jpg", "a picture");
            place.put("photos/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000", "a picture");
            place.put("note", "a note");
            let target = match part {
                "lock" | "nexus-store" => "note",
                _ => "photos",
            };
            let name = place.path(&format!("store/{part}"));
            if name.exists() {
                fs::rename(&name, place.path("aside")).unwrap();
            }
            symlink(place.path(target), &name).unwrap();
            let message = refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
            assert!(message.contains(part), "{message}");
            assert!(message.contains("symbolic link"), "{part}: {message}");
            assert_eq!(fs::read(place.path("note")).unwrap(), b"a note", "{part}");
            assert_eq!(
                fs::read_dir(place.path("photos")).unwrap().count(),
                2,
                "{part}"
            );
            if !is_new && place.path("aside").exists() {
                fs::remove_file(&name).unwrap();
                fs::rename(place.path("aside"), &name).unwrap();
                assert_eq!(place.connect(json!({})).read("/a").unwrap(), LARGE);
            }
        }
    }
}

#[test]
fn a_link_to_nowhere_in_place_of_a_part_makes_nothing_there() {
    for part in ["tmp", "cas", "lock", "nexus-store", "nexus-store.new"] {
        let place = Place::new();
        fs::create_dir_all(place.path("store")).unwrap();
        symlink(place.path("nowhere"), place.path(&format!("store/{part}"))).unwrap();
        let message = refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
        assert!(message.contains(part), "{message}");
        assert!(!place.path("nowhere").exists(), "{part}");
    }
}

#[test]
fn a_part_of_another_kind_is_refused() {
    type Make = fn(&Path);
    let kinds: [(&str, Make); 3] = [
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("a pipe", make_pipe),
        ("a socket", |path| drop(UnixListener::bind(path).unwrap())),
    ];
    for part in [
        "tmp",
        "cas",
        "lock",
        "nexus-store",
        "metadata.db",
        "metadata.db-wal",
        "metadata.db-pins",
    ] {
        for (kind, make) in kinds {
            if kind == "a directory" && ["tmp", "cas"].contains(&part) {
                continue;
            }
            let place = Place::new();
            fs::create_dir_all(place.path("store")).unwrap();
            make(&place.path(&format!("store/{part}")));
            let message = refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
            assert!(message.contains(part), "{kind}: {message}");
        }
    }
}

#[test]
fn a_link_in_place_of_what_goes_with_the_database_is_refused() {
    for end in ["-wal", "-shm", "-journal", "-pins"] {
        let place = Place::new();
        drop(place.connect(json!({})));
        place.put("note", "a note");
        let name = place.path(&format!("store/metadata.db{end}"));
        let _ = fs::remove_file(&name);
        symlink(place.path("note"), &name).unwrap();
        let message = refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
        assert!(message.contains(end), "{message}");
        assert_eq!(fs::read(place.path("note")).unwrap(), b"a note");
    }
}

#[test]
fn what_others_keep_in_tmp_stays() {
    let place = Place::new();
    write(&place.connect(json!({})), "/a", LARGE).unwrap();
    place.put("photos/one.jpg", "a picture");
    let tmp = place.path("store/tmp");
    place.put("store/tmp/thesis.txt", "years of work");
    place.put("store/tmp/directory/thesis.txt", "years of work");
    // A UUID, but of none that the library makes; and one in another spelling.
    place.put("store/tmp/6ba7b810-9dad-41d1-80b4-00c04fd430c8", "x");
    place.put("store/tmp/0190AAAA-BBBB-7CCC-8DDD-EEEEFFFF0000", "x");
    symlink(place.path("photos"), tmp.join(OWN[0])).unwrap();
    make_pipe(&tmp.join(OWN[1]));
    place.put(&format!("store/tmp/{}/{}", OWN[2], OWN[0]), "unfinished");
    place.put(&format!("store/tmp/{}/thesis.txt", OWN[2]), "years of work");
    let socket = tmp.join("0190aaaa-bbbb-7ccc-8ddd-eeeeffff0003");
    drop(UnixListener::bind(&socket).unwrap());
    for _ in 0..2 {
        let fs = place.connect(json!({}));
        fs.gc(&mut |_, _, _| true).unwrap();
        let report = fs.verify(
            VerifyOptions {
                content: true,
                repair: true,
            },
            &mut |_, _, _| true,
        );
        let report: Value = serde_json::from_str(&report.unwrap()).unwrap();
        assert_eq!(report["error_count"], 0, "{report}");
        assert_eq!(fs.read("/a").unwrap(), LARGE);
    }
    for (name, text) in [
        ("thesis.txt", "years of work"),
        ("directory/thesis.txt", "years of work"),
        ("6ba7b810-9dad-41d1-80b4-00c04fd430c8", "x"),
        ("0190AAAA-BBBB-7CCC-8DDD-EEEEFFFF0000", "x"),
        (
            "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0002/thesis.txt",
            "years of work",
        ),
    ] {
        assert_eq!(fs::read_to_string(tmp.join(name)).unwrap(), text, "{name}");
    }
    assert!(tmp.join(OWN[0]).is_symlink());
    assert_eq!(
        fs::read(place.path("photos/one.jpg")).unwrap(),
        b"a picture"
    );
    assert!(fs::symlink_metadata(tmp.join(OWN[1])).is_ok());
    assert!(fs::symlink_metadata(&socket).is_ok());
    assert!(
        !tmp.join(OWN[2]).join(OWN[0]).exists(),
        "its own in a spool goes"
    );
}

#[test]
fn what_a_writer_that_died_left_goes_at_the_next_opening() {
    let place = Place::new();
    write(&place.connect(json!({})), "/a", LARGE).unwrap();
    place.put(&format!("store/tmp/{}", OWN[0]), "unfinished");
    place.put(&format!("store/tmp/{}/small", OWN[1]), "small ones");
    place.put(&format!("store/tmp/{}/{}", OWN[1], OWN[2]), "a large one");
    place.put(
        &format!("store/tmp/{}/{}.link", OWN[1], OWN[2]),
        "its second name",
    );
    fs::create_dir(place.path(&format!("store/tmp/{}", OWN[2]))).unwrap();
    assert_eq!(place.connect(json!({})).read("/a").unwrap(), LARGE);
    assert_eq!(snapshot(&place.path("store/tmp")), []);
}

#[test]
fn the_root_of_a_mount_is_held_to_the_same() {
    for part in ["tmp", "cas", "nexus-store"] {
        for readonly in [false, true] {
            let place = Place::new();
            let mount = |readonly| {
                let root = place.path("root");
                json!({"mounts": [{"name": "m", "path": "/m", "root": root, "readonly": readonly}]})
            };
            write(&place.connect(mount(false)), "/m/a", LARGE).unwrap();
            place.put("photos/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000", "a picture");
            let name = place.path(&format!("root/{part}"));
            fs::rename(&name, place.path("aside")).unwrap();
            symlink(
                place.path(if part == "nexus-store" {
                    "aside"
                } else {
                    "photos"
                }),
                &name,
            )
            .unwrap();
            let message = refused(place.try_connect(mount(readonly)), ErrorKind::InvalidConfig);
            assert!(message.contains(part), "{message}");
            assert_eq!(fs::read_dir(place.path("photos")).unwrap().count(), 1);
        }
    }
}

#[test]
fn a_backup_follows_no_link_in_its_target() {
    let place = Place::new();
    let mounts = json!({"mounts": [{"name": "m", "path": "/m", "root": place.path("root")}]});
    let fs = place.connect(mounts);
    write(&fs, "/a", LARGE).unwrap();
    write(&fs, "/m/b", LARGE).unwrap();
    let backup = || {
        let target = place.path("backup");
        fs.backup(target.to_str().unwrap(), &mut |_, _, _| true)
    };
    backup().unwrap();
    place.put("photos/one.jpg", "a picture");
    place.put("note", "a note");
    for (part, target) in [
        ("tmp", "photos"),
        ("cas", "photos"),
        ("mounts", "photos"),
        ("mounts/m", "photos"),
        ("lock", "note"),
        ("nexus-store", "note"),
        ("nexus-backup", "note"),
        ("nexus-backup.new", "note"),
    ] {
        let name = place.path(&format!("backup/{part}"));
        let was_there = name.exists();
        if was_there {
            fs::rename(&name, place.path("aside")).unwrap();
        }
        symlink(place.path(target), &name).unwrap();
        let message = refused(backup(), ErrorKind::InvalidArgument);
        let last = part.rsplit('/').next().unwrap();
        assert!(message.contains(last), "{part}: {message}");
        assert_eq!(fs::read(place.path("note")).unwrap(), b"a note", "{part}");
        assert_eq!(
            fs::read_dir(place.path("photos")).unwrap().count(),
            1,
            "{part}"
        );
        fs::remove_file(&name).unwrap();
        if was_there {
            fs::rename(place.path("aside"), &name).unwrap();
        }
    }
    backup().unwrap();
}

#[test]
fn a_quarantine_that_is_a_link_takes_nothing() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", LARGE).unwrap();
    let hash = nexusfs::content::ContentHash::of(LARGE).to_string();
    fs::write(
        place.path(&format!("store/cas/{}/{hash}", &hash[..2])),
        "damaged",
    )
    .unwrap();
    fs::create_dir(place.path("photos")).unwrap();
    symlink(place.path("photos"), place.path("store/quarantine")).unwrap();
    let options = VerifyOptions {
        content: true,
        repair: true,
    };
    let _ = fs.verify(options, &mut |_, _, _| true);
    assert_eq!(fs::read_dir(place.path("photos")).unwrap().count(), 0);
    assert!(
        fs.exists("/a").unwrap(),
        "removed without a place for its bytes"
    );
}

#[test]
fn a_link_or_a_pipe_under_a_hash_is_no_content_and_is_replaced() {
    type Make = fn(&Place, &Path);
    let kinds: [(&str, Make); 2] = [
        ("a link", |place, path| {
            symlink(place.put("same", std::str::from_utf8(LARGE).unwrap()), path).unwrap()
        }),
        ("a pipe", |_, path| make_pipe(path)),
    ];
    for (kind, make) in kinds {
        let place = Place::new();
        let fs = place.connect(json!({}));
        write(&fs, "/a", LARGE).unwrap();
        let hash = nexusfs::content::ContentHash::of(LARGE).to_string();
        let file = place.path(&format!("store/cas/{}/{hash}", &hash[..2]));
        fs::remove_file(&file).unwrap();
        make(&place, &file);
        refused(fs.read("/a"), ErrorKind::Corrupt);
        write(&fs, "/b", LARGE).unwrap();
        assert_eq!(fs.read("/a").unwrap(), LARGE, "{kind}");
        let metadata = fs::symlink_metadata(&file).unwrap();
        assert!(metadata.is_file(), "{kind}");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{kind}");
        assert_eq!(metadata.nlink(), 1, "{kind}");
    }
}

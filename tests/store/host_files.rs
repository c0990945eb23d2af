//! The files of stores are no files for exports, imports and configurations.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use nexusfs::filesystem::{ExportOptions, ImportOptions};

use super::*;

fn export(fs: &Filesystem, file: &Path) -> Result<u64, Error> {
    fs.export_metadata(text(file), &ExportOptions::default(), &mut |_, _, _| true)
}

fn text(file: &Path) -> &str {
    file.to_str().unwrap()
}

/// Asserts that nothing reads or writes `file`, and that the messages name it.
#[track_caller]
fn is_kept(fs: &Filesystem, file: &Path) {
    let name = file.file_name().unwrap().to_str().unwrap();
    let options = ImportOptions::default();
    for result in [
        export(fs, file).map(drop),
        fs.bundle_export(text(file), &ExportOptions::default(), &mut |_, _, _| true)
            .map(drop),
        fs.import_metadata(text(file), &options, &mut |_, _, _| true)
            .map(drop),
        fs.bundle_import(text(file), &options, &mut |_, _, _| true)
            .map(drop),
    ] {
        let message = refused(result, ErrorKind::InvalidArgument);
        assert!(
            message.contains(name) && message.contains("belongs to a store"),
            "{file:?}: {message}"
        );
    }
    let config = json!({"config_file": file}).to_string();
    for result in [
        nexusfs::connect_file(text(file)),
        nexusfs::connect(Some(&config)),
    ] {
        let message = refused(result, ErrorKind::InvalidConfig);
        assert!(
            message.contains(name) && message.contains("belongs to a store"),
            "{file:?}: {message}"
        );
    }
}

/// Returns the locks that this process has on the file. The list of all locks may leave some out while others come and go.
fn locks(file: &Path) -> BTreeSet<String> {
    let inode = format!(":{} ", fs::metadata(file).unwrap().ino());
    let mut of_file = BTreeSet::new();
    for descriptor in fs::read_dir("/proc/self/fdinfo").unwrap() {
        // Other tests open and close files meanwhile.
        let Ok(info) = fs::read_to_string(descriptor.unwrap().path()) else {
            continue;
        };
        let locks = info.lines().filter(|line| line.starts_with("lock:"));
        let locks = locks.filter(|lock| lock.contains(&inode));
        of_file.extend(locks.map(|lock| lock.split_once(": ").unwrap().1.to_owned()));
    }
    of_file
}

#[test]
fn reading_the_database_as_something_else_drops_no_lock() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", b"1").unwrap();
    let files = ["", "-wal", "-shm"].map(|end| place.path(&format!("store/metadata.db{end}")));
    let before = files.each_ref().map(|file| locks(file));
    assert!(!before[0].is_empty(), "an open store has a lock");
    for file in &files {
        is_kept(&fs, file);
    }
    assert_eq!(files.each_ref().map(|file| locks(file)), before);
    assert_eq!(fs.read("/a").unwrap(), b"1");
}

#[test]
fn a_database_is_known_under_every_name() {
    let place = Place::new();
    fs::create_dir(place.path("real")).unwrap();
    fs::write(place.path("real/m.db"), "").unwrap();
    symlink("real/m.db", place.path("link.db")).unwrap();
    let fs = place.connect(json!({"db_path": place.path("link.db")}));
    write(&fs, "/a", b"1").unwrap();
    fs::hard_link(place.path("real/m.db"), place.path("hard")).unwrap();
    fs::hard_link(place.path("real/m.db-shm"), place.path("hard-shm")).unwrap();
    symlink("real/m.db-wal", place.path("wal")).unwrap();
    symlink("real", place.path("directory")).unwrap();
    for name in [
        "link.db",
        "real/m.db",
        "real/m.db-wal",
        "real/m.db-shm",
        "real/m.db-journal",
        "real/m.db-pins",
        "real/m.db-reserve",
        "directory/../directory/m.db-journal",
        "hard",
        "hard-shm",
        "wal",
    ] {
        is_kept(&fs, &place.path(name));
    }
    let other = place.connect(json!({"data_dir": place.path("other")}));
    is_kept(&other, &place.path("hard"));
    assert!(export(&fs, &place.path("real/m.jsonl")).is_ok());
}

#[test]
fn parts_of_every_store_and_mount_are_kept() {
    let place = Place::new();
    let mount = json!([{"name": "media", "path": "/m", "root": place.path("media")}]);
    let mounted = place.connect(json!({"mounts": mount}));
    let fs = place.connect(json!({}));
    drop(place.connect(json!({"data_dir": place.path("closed")})));
    for directory in ["store", "media", "closed"] {
        for part in [
            "nexus-store",
            "lock",
            "cas/x",
            "cas/ab/x",
            "tmp/x",
            "quarantine",
            "cas",
        ] {
            let file = place.path(directory).join(part);
            is_kept(&fs, &file);
            is_kept(&mounted, &file);
        }
    }
    is_kept(&fs, &place.path("closed/metadata.db"));
    fs::remove_file(place.path("media/nexus-store")).unwrap();
    is_kept(&fs, &place.path("media/cas/x"));
    for name in ["store/mine", "media/mine", "mine", "cas"] {
        export(&fs, &place.path(name)).unwrap();
    }
}

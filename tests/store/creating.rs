//! Creating a store: whoever dies on the way leaves something that opens, and nothing is taken for that which is not.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Barrier;
use std::thread;

use super::*;

impl Place {
    fn marker(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("store/nexus-store")).unwrap()).unwrap()
    }

    /// Puts the marker back to how it was before the database had the UUID.
    fn unfinish(&self) {
        let mut marker = self.marker();
        marker["unfinished"] = json!(true);
        fs::write(self.path("store/nexus-store"), marker.to_string()).unwrap();
    }

    fn elsewhere(&self) -> Value {
        json!({"db_path": self.path("elsewhere/x.db")})
    }
}

/// Leaves what a creator had when it died.
type Step = fn(&Place);

#[test]
fn what_a_creator_that_died_leaves_opens() {
    let steps: [(&str, Step); 7] = [
        ("the directory", |place| {
            fs::create_dir(place.path("store")).unwrap();
        }),
        ("its lock", |place| {
            fs::create_dir(place.path("store")).unwrap();
            fs::write(place.path("store/lock"), "").unwrap();
        }),
        ("an empty database", |place| {
            fs::create_dir(place.path("store")).unwrap();
            fs::write(place.path("store/lock"), "").unwrap();
            fs::write(place.database(), "").unwrap();
        }),
        ("half of a marker aside", |place| {
            fs::create_dir(place.path("store")).unwrap();
            fs::write(place.path("store/nexus-store.new"), "{\"sto").unwrap();
        }),
        ("a marker", |place| {
            drop(place.connect(json!({})));
            place.unfinish();
            fs::remove_file(place.database()).unwrap();
        }),
        ("a marker and a database without tables", |place| {
            drop(place.connect(json!({})));
            place.unfinish();
            fs::remove_file(place.database()).unwrap();
            let database = place.beside();
            database
                .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
                .unwrap();
        }),
        ("a marker and a database with the UUID", |place| {
            drop(place.connect(json!({})));
            place.unfinish();
        }),
    ];
    for (left, step) in steps {
        let place = Place::new();
        step(&place);
        let opened = place.try_connect(json!({}));
        let fs = opened.unwrap_or_else(|error| panic!("{left}: {error}"));
        write(&fs, "/a", LARGE).unwrap();
        drop(fs);
        assert!(place.marker().get("unfinished").is_none(), "{left}");
        assert_eq!(place.connect(json!({})).read("/a").unwrap(), LARGE);
    }
}

#[test]
fn a_database_elsewhere_that_is_forgotten_is_missed() {
    let place = Place::new();
    drop(place.connect(place.elsewhere()));
    let before = snapshot(&place.path("store"));
    let message = refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
    assert!(message.contains("\"metadata.db\""), "{message}");
    let third = json!({"db_path": place.path("new/y.db")});
    refused(place.try_connect(third), ErrorKind::InvalidConfig);
    assert!(!place.path("new").exists(), "made for a database of nobody");
    assert_eq!(snapshot(&place.path("store")), before);
    write(&place.connect(place.elsewhere()), "/a", LARGE).unwrap();
}

#[test]
fn a_store_of_inline_contents_is_not_replaced_by_an_empty_one() {
    let place = Place::new();
    write(&place.connect(json!({})), "/a", b"inline").unwrap();
    for left in ["nothing", "an empty file"] {
        fs::remove_file(place.database()).unwrap();
        if left == "an empty file" {
            fs::write(place.database(), "").unwrap();
        }
        let before = snapshot(&place.path("store"));
        let message = refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
        assert!(message.contains("\"metadata.db\""), "{left}: {message}");
        assert_eq!(snapshot(&place.path("store")), before);
        fs::write(place.database(), "").unwrap();
    }
}

#[test]
fn contents_without_marker_and_database_are_nobody_elses() {
    let place = Place::new();
    write(&place.connect(json!({})), "/a", LARGE).unwrap();
    fs::remove_file(place.database()).unwrap();
    fs::remove_file(place.path("store/nexus-store")).unwrap();
    let before = snapshot(&place.path("store"));
    refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
    assert_eq!(snapshot(&place.path("store")), before);
}

#[test]
fn of_two_databases_of_an_unfinished_store_one_has_the_directory() {
    let place = Place::new();
    drop(place.connect(place.elsewhere()));
    place.unfinish();
    write(&place.connect(json!({})), "/a", LARGE).unwrap();
    refused(
        place.try_connect(place.elsewhere()),
        ErrorKind::InvalidConfig,
    );
    assert_eq!(place.connect(json!({})).read("/a").unwrap(), LARGE);
}

#[test]
fn many_first_openers_make_one_store() {
    for _ in 0..10 {
        let place = Place::new();
        let at_once = Barrier::new(8);
        let handles: Vec<Filesystem> = thread::scope(|scope| {
            let openers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        at_once.wait();
                        place.connect(json!({}))
                    })
                })
                .collect();
            openers
                .into_iter()
                .map(|opener| opener.join().unwrap())
                .collect()
        });
        write(&handles[0], "/a", b"1").unwrap();
        for fs in &handles {
            assert_eq!(fs.read("/a").unwrap(), b"1");
        }
    }
}

#[test]
fn a_directory_that_turns_out_to_have_no_part_in_the_store_is_left_alone() {
    let place = Place::new();
    drop(place.connect(json!({})));
    fs::create_dir(place.path("photos")).unwrap();
    for (name, is_there) in [("missing/below", false), ("photos", true)] {
        let other = json!({"data_dir": place.path(name), "db_path": place.database()});
        refused(place.try_connect(other), ErrorKind::InvalidConfig);
        assert_eq!(place.path(name).exists(), is_there);
    }
    assert!(!place.path("missing").exists());
    assert_eq!(snapshot(&place.path("photos")), []);
}

#[test]
fn a_database_that_is_a_link_to_nowhere_is_named() {
    let place = Place::new();
    fs::create_dir(place.path("store")).unwrap();
    symlink(place.path("fast.db"), place.database()).unwrap();
    let message = refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
    assert!(message.contains("\"metadata.db\""), "{message}");
    assert!(!place.path("store/nexus-store").exists());
    fs::write(place.path("fast.db"), "").unwrap();
    drop(place.connect(json!({})));
    assert!(fs::metadata(place.path("fast.db")).unwrap().len() > 0);
}

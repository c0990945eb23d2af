use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nexusfs::error::{ErrorKind, Result};
use nexusfs::filesystem::{
    Conditions, ExportOptions, Filesystem, ImportMode, ImportOptions, ListOptions, MkdirOptions,
};
use serde_json::{Value, json};

use crate::store::{LARGE, READ_ALL, Store, noise};

const MADE: MkdirOptions = MkdirOptions {
    parents: true,
    exist_ok: true,
};

fn export_as(fs: &Filesystem, store: &Store, name: &str, options: &ExportOptions) -> Vec<u8> {
    let file = store.beside(name);
    fs.bundle_export(file.to_str().unwrap(), options, &mut |_, _, _| true)
        .unwrap();
    fs::read(file).unwrap()
}

fn export(store: &Store) -> Vec<u8> {
    export_as(&store.fs, store, "bundle", &ExportOptions::default())
}

fn import_as(
    fs: &Filesystem,
    store: &Store,
    bundle: &[u8],
    options: &ImportOptions,
) -> Result<Value> {
    let file = store.beside("bundle in");
    fs::write(&file, bundle).unwrap();
    let report = fs.bundle_import(file.to_str().unwrap(), options, &mut |_, _, _| true)?;
    Ok(serde_json::from_str(&report).unwrap())
}

fn import(store: &Store, bundle: &[u8]) -> Result<Value> {
    import_as(&store.fs, store, bundle, &ImportOptions::default())
}

fn mode(mode: ImportMode) -> ImportOptions {
    ImportOptions {
        mode,
        ..ImportOptions::default()
    }
}

/// Everything that is said of all files.
fn state(store: &Store) -> String {
    let file = store.beside("state.jsonl");
    store
        .fs
        .export_metadata(
            file.to_str().unwrap(),
            &ExportOptions::default(),
            &mut |_, _, _| true,
        )
        .unwrap();
    fs::read_to_string(file).unwrap()
}

fn listing(store: &Store) -> Vec<(String, Option<String>)> {
    let options = ListOptions {
        include_directories: true,
        ..ListOptions::default()
    };
    let page = store.fs.list(&options).unwrap();
    let entry = |entry: nexusfs::metadata::Entry| {
        (
            entry.path.to_string(),
            entry.path_id.map(|id| id.to_string()),
        )
    };
    page.entries.into_iter().map(entry).collect()
}

fn is_clean(store: &Store) {
    let report = store.verify(READ_ALL);
    assert_eq!(report["error_count"], 0, "{report:#}");
    assert_eq!(report["reclaimable"]["bytes"], 0, "{report:#}");
    assert_eq!(fs::read_dir(store.data().join("tmp")).unwrap().count(), 0);
}

fn filled() -> Store {
    let store = Store::new();
    store.write("/docs/a.txt", "a");
    store.write("/docs/a.txt", "aa");
    store.write("/docs/same", "aa");
    store.write("/docs/large.bin", noise(LARGE, 1));
    store.write("/docs/large again.bin", noise(LARGE, 1));
    store.write("/none", "");
    store.fs.mkdir("/made/empty", MADE).unwrap();
    store.fs.mkdir("/docs/made too", MADE).unwrap();
    store.set_meta("/docs/a.txt", json!({"owner": "ann", "x": [1, 2.5]}));
    for path in ["/jobs/0", "/jobs/1"] {
        store.write(path, path);
        store.set_meta(
            path,
            json!({"status": "blocked", "priority": 2, "tags": ["t"]}),
        );
    }
    store.set_meta("/jobs/0", json!({"depends_on": ["/jobs/1", "/none"]}));
    store
}

#[test]
fn a_store_moves_with_everything() {
    let store = filled();
    let bundle = export(&store);
    let other = Store::new();
    let report = import(&other, &bundle).unwrap();
    assert_eq!(
        report,
        json!({"created": 7, "updated": 0, "skipped": 0, "remapped": 0, "collisions": [],
               "renamed_keys": [], "dry_run": false, "directories": 3, "lost_dependencies": [],
               "missing": []})
    );
    assert_eq!(state(&other), state(&store));
    assert_eq!(listing(&other), listing(&store));
    assert_eq!(
        other.fs.read("/docs/large again.bin").unwrap(),
        noise(LARGE, 1)
    );
    is_clean(&other);
    assert_eq!(export(&other), bundle, "and back, byte for byte");
    other.set_meta("/jobs/1", json!({"status": "completed"}));
    let item = other.fs.get_meta("/jobs/0", "status").unwrap();
    assert_eq!(item, "\"ready\"", "the edges work");
}

#[test]
fn the_same_store_gives_the_same_bytes() {
    let store = filled();
    let first = export(&store);
    store.write("/passing", "x");
    store.fs.delete("/passing", &Conditions::default()).unwrap();
    assert_eq!(export(&store), first);
    let reopened = store.handle(json!({}));
    assert_eq!(
        export_as(&reopened, &store, "second", &ExportOptions::default()),
        first
    );
}

#[test]
fn only_what_was_asked_for_and_may_be_read_is_in_it() {
    let store = Store::new();
    for path in [
        "/workspace/acme/a/1",
        "/shared/acme/2",
        "/shared/evil/3",
        "/external/4",
    ] {
        store.write(path, path);
    }
    store.fs.mkdir("/shared/evil/directory", MADE).unwrap();
    let paths = |bundle: &[u8]| {
        let other = Store::new();
        import(&other, bundle).unwrap();
        let all = listing(&other).into_iter().filter(|(_, id)| id.is_some());
        all.map(|(path, _)| path).collect::<Vec<_>>()
    };
    let acme = store.fs.with_identity(Some("acme"), None).unwrap();
    let all = ExportOptions::default();
    assert_eq!(
        paths(&export_as(&acme, &store, "b", &all)),
        ["/external/4", "/shared/acme/2", "/workspace/acme/a/1"]
    );
    let tenant = ExportOptions {
        tenant_id: Some("evil".to_owned()),
        ..all.clone()
    };
    assert_eq!(
        paths(&export_as(&store.fs, &store, "b", &tenant)),
        ["/shared/evil/3", "/shared/evil/directory"]
    );
    let prefix = ExportOptions {
        prefix: Some("/sh".to_owned()),
        ..all
    };
    assert_eq!(
        paths(&export_as(&store.fs, &store, "b", &prefix)),
        ["/shared/acme/2", "/shared/evil/3", "/shared/evil/directory"]
    );
}

#[test]
fn a_tenant_brings_in_only_what_it_may_write() {
    let store = Store::new();
    store.write("/shared/evil/3", "planted");
    let bundle = export(&store);
    let other = Store::new();
    other.write("/shared/acme/own", "own");
    let before = state(&other);
    let acme = other.fs.with_identity(Some("acme"), None).unwrap();
    let error = import_as(&acme, &other, &bundle, &ImportOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    assert_eq!(state(&other), before);
    is_clean(&other);
}

#[test]
fn what_stands_there_is_treated_as_the_mode_says() {
    let store = filled();
    let bundle = export(&store);
    for (how, outcome) in [
        (ImportMode::Skip, ["mine", "skip"]),
        (ImportMode::Overwrite, ["aa", "overwrite"]),
        (ImportMode::Remap, ["mine", "remap"]),
        (ImportMode::Auto, ["mine", "skip"]),
    ] {
        let other = Store::new();
        other.write("/docs/a.txt", "mine");
        let dry = ImportOptions {
            dry_run: true,
            ..mode(how)
        };
        let planned = import_as(&other.fs, &other, &bundle, &dry).unwrap();
        assert_eq!(listing(&other).len(), 2, "a dry run changed something");
        let report = import_as(&other.fs, &other, &bundle, &mode(how)).unwrap();
        assert_eq!(report["collisions"], planned["collisions"]);
        assert_eq!(
            report["collisions"][0]["resolution"], outcome[1],
            "{report:#}"
        );
        assert_eq!(other.fs.read("/docs/a.txt").unwrap(), outcome[0].as_bytes());
        if how == ImportMode::Remap {
            assert_eq!(other.fs.read("/docs/a.txt_imported1").unwrap(), b"aa");
        }
        is_clean(&other);
    }
}

#[test]
fn a_file_in_the_way_of_a_directory_refuses_it_all() {
    let store = filled();
    let bundle = export(&store);
    let other = Store::new();
    other.write("/made", "a file");
    let error = import(&other, &bundle).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory, "{error}");
    assert_eq!(listing(&other).len(), 1);
    is_clean(&other);
}

#[test]
fn a_bundle_that_is_cut_off_or_changed_is_refused() {
    let store = filled();
    let bundle = export(&store);
    let other = Store::new();
    other.write("/there", "before");
    let before = state(&other);
    let refuse = |bytes: &[u8], what: &str| {
        let error = import(&other, bytes).unwrap_err();
        let kinds = [ErrorKind::Corrupt, ErrorKind::InvalidArgument];
        assert!(kinds.contains(&error.kind()), "{what}: {error:?}");
        assert_eq!(state(&other), before, "{what}");
    };
    let step = bundle.len() / 31 + 1;
    for length in (0..bundle.len())
        .step_by(step)
        .chain([bundle.len() - 1, 3, 4])
    {
        refuse(&bundle[..length], &format!("cut off at {length}"));
    }
    for at in (0..bundle.len()).step_by(step).chain([bundle.len() - 1]) {
        let mut changed = bundle.clone();
        changed[at] ^= 0x10;
        refuse(&changed, &format!("changed at {at}"));
    }
    refuse(&[&bundle[..], b"x"].concat(), "with a tail");
    refuse(b"not a bundle", "of something else");
    is_clean(&other);
    import(&other, &bundle).unwrap();
}

/// Changes what is inside, and packs it again so that every checksum of the container is right.
#[test]
fn a_bundle_that_was_packed_again_with_other_bytes_is_refused() {
    let store = filled();
    let bundle = export(&store);
    let plain = zstd::stream::decode_all(&bundle[..]).unwrap();
    let other = Store::new();
    let at = |what: &[u8]| {
        plain
            .windows(what.len())
            .position(|window| window == what)
            .unwrap()
    };
    let content = at(&noise(LARGE, 1)[..64]);
    let line = at(b"\"owner\":\"ann\"");
    let seal = at(b"\"sha256\"");
    for position in [content, line + 10, seal + 12] {
        let mut changed = plain.clone();
        changed[position] ^= 1;
        let again = zstd::stream::encode_all(&changed[..], 3).unwrap();
        let error = import(&other, &again).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "at {position}: {error}");
        assert_eq!(listing(&other).len(), 0);
    }
    is_clean(&other);
    let again = zstd::stream::encode_all(&plain[..], 3).unwrap();
    import(&other, &again).unwrap();
}

#[test]
fn an_item_that_waited_for_what_is_not_there_is_held() {
    let store = filled();
    store.fs.delete("/jobs/1", &Conditions::default()).unwrap();
    let other = Store::new();
    let report = import(&other, &export(&store)).unwrap();
    assert_eq!(
        report["lost_dependencies"][0]["path"], "/jobs/0",
        "{report:#}"
    );
    assert_eq!(report["lost_dependencies"].as_array().unwrap().len(), 1);
    assert_eq!(
        other.fs.get_meta("/jobs/0", "status").unwrap(),
        "\"pending\""
    );
    is_clean(&other);
}

#[test]
fn contents_go_where_the_mounts_of_the_handle_say() {
    let store = Store::new();
    store.write("/disk/small", "small");
    store.write("/disk/large", noise(LARGE, 3));
    store.write("/large", noise(LARGE, 3));
    let bundle = export(&store);
    let other = Store::with_mount();
    import(&other, &bundle).unwrap();
    let backend = |path: &str| other.fs.stat(path).unwrap().file.unwrap().backend;
    assert_eq!(&*backend("/disk/small"), "disk");
    assert_eq!(&*backend("/disk/large"), "disk");
    assert_eq!(&*backend("/large"), "local");
    is_clean(&other);
    let back = Store::new();
    import(&back, &export(&other)).unwrap();
    assert_eq!(back.fs.read("/disk/large").unwrap(), noise(LARGE, 3));
}

#[test]
fn a_damaged_content_is_not_packed() {
    let store = filled();
    crate::store::flip_bit(&crate::store::content_file(&store.data(), &noise(LARGE, 1)));
    let file = store.beside("bundle");
    let error = store
        .fs
        .bundle_export(
            file.to_str().unwrap(),
            &ExportOptions::default(),
            &mut |_, _, _| true,
        )
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(error.path(), Some("/docs/large again.bin"));
    assert!(!file.exists(), "a part of it was left");
}

#[test]
fn both_ways_can_be_cancelled() {
    let store = filled();
    let bundle = export(&store);
    let file = store.beside("cancelled");
    let name = file.to_str().unwrap();
    let error = store
        .fs
        .bundle_export(name, &ExportOptions::default(), &mut |_, _, _| false)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(!file.exists());
    let other = Store::new();
    let input = other.beside("in");
    fs::write(&input, bundle).unwrap();
    let mut steps = 0;
    let dry = ImportOptions {
        dry_run: true,
        ..ImportOptions::default()
    };
    let count = &mut |_, _, _: &str| {
        steps += 1;
        true
    };
    other
        .fs
        .bundle_import(input.to_str().unwrap(), &dry, count)
        .unwrap();
    assert!(steps > 5, "{steps} steps");
    for last in 1..=steps {
        let mut step = 0;
        let result = other.fs.bundle_import(
            input.to_str().unwrap(),
            &ImportOptions::default(),
            &mut |_, _, _| {
                step += 1;
                step < last
            },
        );
        assert_eq!(
            result.unwrap_err().kind(),
            ErrorKind::Cancelled,
            "at step {last}"
        );
        assert_eq!(listing(&other).len(), 0);
    }
    is_clean(&other);
}

#[test]
fn many_small_files_come_with_few_open_ones() {
    let store = Store::new();
    for index in 0..2000 {
        store.write(
            &format!("/{:02}/{index}", index % 50),
            format!("content {}", index % 1500),
        );
    }
    let bundle = export(&store);
    let other = Store::with(json!({"inline_max_bytes": 0}));
    import(&other, &bundle).unwrap();
    assert_eq!(state(&other), state(&store));
    is_clean(&other);
}

#[test]
fn a_bundle_made_under_load_is_whole() {
    let store = Store::with(json!({"inline_max_bytes": 100}));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..3 {
            let (store, stop) = (&store, &stop);
            scope.spawn(move || {
                let mut round = 0;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    let path = format!("/w{writer}/{}", round % 20);
                    store.write(&path, noise(80 + (round as usize % 3) * 500, round % 40));
                    if round % 5 == 0 {
                        store.fs.delete(&path, &Conditions::default()).unwrap();
                    }
                }
            });
        }
        for _ in 0..15 {
            let bundle = export(&store);
            let other = Store::new();
            let result = import(&other, &bundle);
            if result.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            result.unwrap();
            is_clean(&other);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_file_is_a_plain_archive() {
    let store = filled();
    let bundle = export(&store);
    let mut archive = tar::Archive::new(zstd::stream::Decoder::new(&bundle[..]).unwrap());
    let names: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.first().unwrap(), "nexus-bundle.json");
    assert_eq!(names.last().unwrap(), "end.json");
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("contents/"))
            .count(),
        5
    );
}

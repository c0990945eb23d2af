use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{ImportMode, ImportOptions};
use serde_json::{Value, json};

use crate::store::{Store, line, mode, paths, with};

#[test]
fn what_was_exported_comes_back_as_it_was() {
    let store = Store::new();
    store.write("/docs/a.txt", "a");
    store.write("/docs/a.txt", "b");
    store.write("/docs/sub/b.bin", &"large ".repeat(50_000));
    store.set_meta(
        "/docs/a.txt",
        json!({"owner": "ann", "tags": ["x"], "priority": 2, "n": null}),
    );
    let before = store.state();
    // The contents must be held by something while the files are away.
    store
        .fs
        .copy("/docs", "/kept", &Default::default())
        .unwrap();
    store.fs.rmdir("/docs", true).unwrap();

    let report = store
        .import_text(&store.fs, &before, &ImportOptions::default())
        .unwrap();
    assert_eq!(
        report,
        json!({"created": 2, "updated": 0, "skipped": 0, "remapped": 0, "collisions": [],
               "renamed_keys": [], "dry_run": false, "lost_dependencies": [], "missing": []})
    );
    store.fs.rmdir("/kept", true).unwrap();
    assert_eq!(
        store.state(),
        before,
        "ids, times, versions and metadata are the same"
    );
    assert_eq!(store.text("/docs/a.txt"), "b");
    assert_eq!(store.text("/docs/sub/b.bin").len(), 300_000);
}

#[test]
fn an_imported_file_holds_its_content() {
    let store = Store::new();
    for text in ["small", &"large ".repeat(50_000)] {
        store.write("/original", text);
        store
            .import(&[line("/second", text)], &ImportOptions::default())
            .unwrap();
        let etag = store
            .fs
            .stat("/second")
            .unwrap()
            .file
            .unwrap()
            .etag
            .to_string();
        assert_eq!(count(&store, &etag), 2);
        store.delete("/second");
        assert_eq!(
            store.text("/original"),
            text,
            "the original keeps its bytes"
        );
        store
            .import(&[line("/second", text)], &ImportOptions::default())
            .unwrap();
        store.delete("/original");
        assert_eq!(
            store.text("/second"),
            text,
            "the imported file does as well"
        );
        store.delete("/second");
        let error = store.fs.content_info(&etag).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::NotFound,
            "the content went with its last path"
        );
    }
}

fn count(store: &Store, etag: &str) -> u64 {
    let info: Value = serde_json::from_str(&store.fs.content_info(etag).unwrap()).unwrap();
    info["ref_count"].as_u64().unwrap()
}

fn existing_and_imported() -> (Store, Vec<Value>) {
    let store = Store::new();
    store.write("/source", "imported");
    store.write("/f.txt", "existing");
    store.set_meta("/f.txt", json!({"kept": true}));
    let lines = vec![with(
        line("/f.txt", "imported"),
        json!({"custom_metadata": {"new": 1}, "version": 7, "modified_at": "2001-01-01T00:00:00Z"}),
    )];
    (store, lines)
}

#[test]
fn skip_leaves_what_exists() {
    let (store, lines) = existing_and_imported();
    let before = store.state();
    let report = store.import(&lines, &mode(ImportMode::Skip)).unwrap();
    assert_eq!(report["skipped"], 1);
    assert_eq!(
        report["collisions"],
        json!([{
            "path": "/f.txt",
            "existing_etag": line("", "existing")["etag"],
            "imported_etag": line("", "imported")["etag"],
            "resolution": "skip",
            "message": "the existing file stays",
        }])
    );
    assert_eq!(store.state(), before);
}

#[test]
fn overwrite_replaces_all_but_the_id() {
    let (store, lines) = existing_and_imported();
    let id = store.fs.path_id("/f.txt").unwrap();
    let report = store.import(&lines, &mode(ImportMode::Overwrite)).unwrap();
    assert_eq!(report["updated"], 1);
    assert_eq!(report["collisions"][0]["resolution"], "overwrite");
    assert_eq!(store.text("/f.txt"), "imported");
    assert_eq!(store.meta("/f.txt"), json!({"new": 1}));
    let entry = store.fs.stat("/f.txt").unwrap();
    assert_eq!(entry.file.unwrap().version, 7);
    assert_eq!(entry.modified_at, 978_307_200_000_000);
    assert_eq!(
        entry.path_id,
        Some(id),
        "the line names no id, so the file keeps its own"
    );
}

#[test]
fn remap_counts_up_to_a_free_name() {
    let (store, mut lines) = existing_and_imported();
    lines.push(line("/f.txt_imported2", "imported"));
    store.write("/f.txt_imported1", "taken");
    let report = store.import(&lines, &mode(ImportMode::Remap)).unwrap();
    assert_eq!(
        (&report["remapped"], &report["created"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        report["collisions"][0]["message"],
        "imported as /f.txt_imported3"
    );
    assert_eq!(store.text("/f.txt"), "existing");
    assert_eq!(store.text("/f.txt_imported3"), "imported");
    let mime_type = store
        .fs
        .stat("/f.txt_imported3")
        .unwrap()
        .file
        .unwrap()
        .mime_type;
    assert_eq!(&*mime_type, "text/plain", "of the name that it had");

    let report = store.import(&lines, &mode(ImportMode::Remap)).unwrap();
    assert_eq!(report["remapped"], 2);
    assert_eq!(
        paths(&store.fs),
        [
            "/f.txt",
            "/f.txt_imported1",
            "/f.txt_imported2",
            "/f.txt_imported2_imported1",
            "/f.txt_imported3",
            "/f.txt_imported4",
            "/source"
        ]
    );
}

#[test]
fn remap_shortens_a_name_that_has_no_room_for_more() {
    let store = Store::new();
    let name = |stem: &str, bytes: usize| stem.repeat(bytes / stem.len());
    for name in [name("n", 250), name("é", 250), name("n", 255)] {
        store.write(&format!("/d/{name}"), "x");
    }
    let report = store
        .import(&store.lines(), &mode(ImportMode::Remap))
        .unwrap();
    assert_eq!(report["remapped"], 3);
    let made = |stem: String, number: u64| format!("/d/{stem}_imported{number}");
    let mut expected = vec![
        format!("/d/{}", name("n", 250)),
        format!("/d/{}", name("n", 255)),
        format!("/d/{}", name("é", 250)),
        made(name("n", 245), 1),
        made(name("n", 245), 2),
        made(name("é", 244), 1),
    ];
    expected.sort();
    assert_eq!(paths(&store.fs), expected);
}

#[test]
fn auto_lets_the_newer_one_win() {
    let (store, _) = existing_and_imported();
    let time = store.fs.stat("/f.txt").unwrap().modified_at;
    let at = |micros: i64| {
        let time = jiff::Timestamp::from_microsecond(micros)
            .unwrap()
            .to_string();
        [with(
            line("/f.txt", "imported"),
            json!({"modified_at": time}),
        )]
    };
    for (lines, what) in [
        (at(time - 1), "older"),
        (at(time), "equal"),
        ([line("/f.txt", "imported")], "of unknown age"),
    ] {
        let report = store.import(&lines, &mode(ImportMode::Auto)).unwrap();
        assert_eq!(report["skipped"], 1, "{what}");
        assert_eq!(store.text("/f.txt"), "existing", "{what}");
    }
    let report = store
        .import(&at(time + 1), &mode(ImportMode::Auto))
        .unwrap();
    assert_eq!(report["updated"], 1);
    assert_eq!(store.text("/f.txt"), "imported");
}

#[test]
fn a_dry_run_reports_and_changes_nothing() {
    let (store, mut lines) = existing_and_imported();
    lines.push(line("/new/file", "imported"));
    let before = store.state();
    for import_mode in [
        ImportMode::Skip,
        ImportMode::Overwrite,
        ImportMode::Remap,
        ImportMode::Auto,
    ] {
        let options = ImportOptions {
            dry_run: true,
            ..mode(import_mode)
        };
        let report = store.import(&lines, &options).unwrap();
        assert_eq!(
            (&report["created"], &report["dry_run"]),
            (&json!(1), &json!(true))
        );
        assert_eq!(report["collisions"].as_array().unwrap().len(), 1);
        assert_eq!(store.state(), before, "{import_mode:?}");
    }
    lines.push(line("/absent", "no such content"));
    let options = ImportOptions {
        dry_run: true,
        ..ImportOptions::default()
    };
    let error = store.import(&lines, &options).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::NotFound,
        "bad lines are found too: {error}"
    );
}

#[test]
fn lines_of_the_python_version_are_read() {
    let store = Store::new();
    store.write("/source", "x");
    let etag = line("", "x")["etag"].clone();
    let original = json!({
        "path": "/workspace/old.txt", "backend_name": "local", "physical_path": etag, "size": 1,
        "etag": etag, "mime_type": null, "created_at": "2025-10-19T12:00:00.250000",
        "modified_at": "2025-10-19T14:00:00+02:00", "version": 1,
        "custom_metadata": {"author": "ann", "status": "done", "priority": "high"},
    });
    let options = ImportOptions {
        invalid_work_keys: nexusfs::filesystem::InvalidWorkKeys::Rename,
        ..ImportOptions::default()
    };
    let report = store
        .import(std::slice::from_ref(&original), &options)
        .unwrap();
    assert_eq!(
        report["renamed_keys"],
        json!([
            {"path": "/workspace/old.txt", "key": "priority", "renamed_to": "x_priority"},
            {"path": "/workspace/old.txt", "key": "status", "renamed_to": "x_status"},
        ])
    );
    assert_eq!(
        store.meta("/workspace/old.txt"),
        json!({"author": "ann", "x_status": "done", "x_priority": "high"})
    );
    let entry = store.fs.stat("/workspace/old.txt").unwrap();
    assert_eq!(
        entry.created_at, 1_760_875_200_250_000,
        "a naive time is UTC"
    );
    assert_eq!(entry.modified_at, 1_760_875_200_000_000, "an offset counts");
    assert_eq!(&*entry.file.unwrap().mime_type, "text/plain");

    store.delete("/workspace/old.txt");
    let error = store
        .import(&[original], &ImportOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.to_string().contains("'priority'"), "{error}");
}

#[test]
fn a_renamed_key_replaces_no_other() {
    let store = Store::new();
    store.write("/source", "x");
    let options = ImportOptions {
        invalid_work_keys: nexusfs::filesystem::InvalidWorkKeys::Rename,
        ..ImportOptions::default()
    };
    let custom = json!({"custom_metadata": {"status": 1, "x_status": 2}});
    store
        .import(&[with(line("/f", "x"), custom)], &options)
        .unwrap();
    assert_eq!(store.meta("/f"), json!({"x_x_status": 1, "x_status": 2}));
}

#[test]
fn an_id_that_another_file_has_is_not_taken() {
    let store = Store::new();
    store.write("/other", "x");
    let id = store.fs.path_id("/other").unwrap();
    let lines = [with(line("/f", "x"), json!({"path_id": id.to_string()}))];
    store.import(&lines, &ImportOptions::default()).unwrap();
    assert_eq!(store.fs.path_id("/other").unwrap(), id);
    assert_ne!(store.fs.path_id("/f").unwrap(), id);
    // The file that it replaces keeps its own.
    let own = store.fs.path_id("/f").unwrap();
    store.import(&lines, &mode(ImportMode::Overwrite)).unwrap();
    assert_eq!(store.fs.path_id("/f").unwrap(), own);
}

#[test]
fn contents_can_change_places() {
    let store = Store::new();
    let large = "large ".repeat(50_000);
    for [one, two] in [
        ["one", "two"],
        ["small", &large],
        [&large.replace('l', "L"), &large],
    ] {
        store.write("/a", one);
        store.write("/b", two);
        let lines = [line("/a", two), line("/b", one)];
        store.import(&lines, &mode(ImportMode::Overwrite)).unwrap();
        store.fs.gc(&mut |_, _, _| true).unwrap();
        assert!(store.text("/a") == two && store.text("/b") == one);
    }
}

#[test]
fn a_file_can_be_replaced_by_what_it_is() {
    let store = Store::new();
    for text in ["small", &"large ".repeat(50_000)] {
        store.write("/f", text);
        let before = store.state();
        store
            .import(&store.lines(), &mode(ImportMode::Overwrite))
            .unwrap();
        store.fs.gc(&mut |_, _, _| true).unwrap();
        assert!(
            store.text("/f") == text,
            "the only file with its content lost it"
        );
        assert_eq!(store.state(), before);
    }
    let error = store
        .fs
        .content_info(line("", "small")["etag"].as_str().unwrap())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn what_a_replaced_file_held_goes() {
    let store = Store::new();
    let large = "large ".repeat(50_000);
    store.write("/f", &large);
    store.write("/g", "other");
    let large = line("/f", &large)["etag"].as_str().unwrap().to_owned();
    store
        .import(&[line("/f", "other")], &mode(ImportMode::Overwrite))
        .unwrap();
    let error = store.fs.content_info(&large).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let report = store.fs.gc(&mut |_, _, _| true).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["orphan_contents"], 0, "its file went with it");
}

#[test]
fn a_file_under_a_mount_gets_its_content_there() {
    let store = Store::new();
    let root = store.scratch("mount");
    std::fs::create_dir(&root).unwrap();
    let mounted = store.handle(json!({
        "mounts": [{"name": "disk", "path": "/disk", "backend": "local", "root": root}],
    }));
    let large = "large ".repeat(50_000);
    store.write("/f", &large);
    let lines = [
        with(line("/disk/f", &large), json!({"backend_name": "local"})),
        with(line("/g", &large), json!({"backend_name": "disk"})),
    ];
    store
        .import_as(&mounted, &lines, &ImportOptions::default())
        .unwrap();
    let backend = |path: &str| {
        mounted
            .stat(path)
            .unwrap()
            .file
            .unwrap()
            .backend
            .to_string()
    };
    assert_eq!([backend("/disk/f"), backend("/g")], ["disk", "local"]);
    store.delete("/f");
    store.delete("/g");
    assert!(mounted.read("/disk/f").unwrap() == large.as_bytes());
}

#[test]
fn a_file_that_appears_meanwhile_is_not_replaced() {
    let store = Store::new();
    store.write("/source", "imported");
    let file = store.scratch("in.jsonl");
    let lines: String = (0..300)
        .map(|n| format!("{}\n", line(&format!("/{n}"), "imported")))
        .collect();
    std::fs::write(&file, lines).unwrap();
    let mut appeared = false;
    let report = store
        .fs
        .import_metadata(&file, &ImportOptions::default(), &mut |done, _, what| {
            // The first lines are planned already.
            if done == 256 && what == "lines checked" && !appeared {
                appeared = true;
                store.write("/0", "written meanwhile");
            }
            true
        })
        .unwrap();
    assert!(appeared, "the test did not get between");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["created"], &report["skipped"]),
        (&json!(299), &json!(1))
    );
    assert_eq!(store.text("/0"), "written meanwhile");
}

#[test]
fn a_cancelled_import_changes_nothing() {
    let store = Store::new();
    store.write("/source", "x");
    let before = store.state();
    let file = store.scratch("in.jsonl");
    let lines: String = (0..1000)
        .map(|n| format!("{}\n", line(&format!("/{n}"), "x")))
        .collect();
    std::fs::write(&file, lines).unwrap();
    for calls_before in [0, 1, 4, 6] {
        let mut calls = 0;
        let error = store
            .fs
            .import_metadata(&file, &ImportOptions::default(), &mut |_, _, _| {
                calls += 1;
                calls <= calls_before
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(store.state(), before);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let store = Store::new();
    let error = store
        .fs
        .import_metadata(
            &store.scratch("none.jsonl"),
            &ImportOptions::default(),
            &mut |_, _, _| true,
        )
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.to_string().contains("\"none.jsonl\""), "{error}");
}

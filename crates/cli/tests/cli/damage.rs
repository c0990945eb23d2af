//! Every kind of damage at once, found by `verify` and mended by `verify --repair`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::store::Store;

/// Makes a store with files of all kinds, and items that wait for each other and for a deleted one.
fn filled() -> Store {
    let store = Store::new();
    for name in ["flipped", "missing", "truncated", "whole"] {
        let path = format!("/large/{name}");
        let content = name.repeat(20_000);
        assert_eq!(
            store.feed(&["write", &path], content.as_bytes()).code,
            Some(0)
        );
    }
    store.ok(&["write", "/small/damaged", "once was"]);
    store.ok(&["write", "/small/whole", "still is"]);
    store.ok(&["meta", "set", "/large/flipped", "owner", "ann"]);
    for path in ["/q/first", "/q/second", "/q/gone"] {
        store.ok(&["write", path, path]);
        store.ok(&["meta", "set", path, "status", "ready"]);
    }
    let both = r#"["/q/first", "/q/gone"]"#;
    store.ok(&["meta", "set", "/q/second", "depends_on", both]);
    store.ok(&["rm", "/q/gone"]);
    store
}

/// Returns the file that holds the content of a large file.
fn content_file(store: &Store, path: &str) -> PathBuf {
    let etag = store.json(&["stat", path])["etag"].clone();
    let etag = etag.as_str().unwrap();
    let file = store.path("nexus-data/cas").join(&etag[..2]).join(etag);
    assert!(file.exists(), "the content of {path} is no file");
    file
}

/// Damages everything that can be, and returns what `verify` has to call it.
fn damage(store: &Store) -> [(&'static str, &'static str); 7] {
    let flipped = content_file(store, "/large/flipped");
    let mut bytes = fs::read(&flipped).unwrap();
    bytes[70_000] ^= 1;
    fs::write(flipped, bytes).unwrap();
    fs::remove_file(content_file(store, "/large/missing")).unwrap();
    let truncated = content_file(store, "/large/truncated");
    let bytes = fs::read(&truncated).unwrap();
    fs::write(&truncated, &bytes[..bytes.len() - 1]).unwrap();
    let orphan = store.path("nexus-data/cas/00").join("0".repeat(64));
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(orphan, "nobody's").unwrap();
    let database = rusqlite::Connection::open(store.path("nexus-data/metadata.db")).unwrap();
    for sql in [
        "UPDATE content SET data = CAST('once WAS' AS BLOB) WHERE data = CAST('once was' AS BLOB)",
        "UPDATE work SET open_edges = 7 WHERE path = '/q/second'",
        "INSERT INTO metadata VALUES ('/nowhere', 'k', '1', zeroblob(16))",
        "UPDATE edges SET blocker_path = NULL WHERE blocker_path IS NOT NULL",
    ] {
        assert_eq!(database.execute(sql, ()).unwrap(), 1, "{sql}");
    }
    [
        ("damaged_content", "/large/flipped"),
        ("damaged_content", "/small/damaged"),
        ("missing_content", "/large/missing"),
        ("truncated_content", "/large/truncated"),
        ("wrong_count", "/q/second"),
        ("orphan_row", "/nowhere"),
        ("dangling_edge", "/q/second"),
    ]
}

fn report(store: &Store, arguments: &[&str], code: i32) -> Value {
    let run = store.run(&[arguments, &["--json"]].concat());
    assert_eq!(run.code, Some(code), "{run:?}");
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn all_damage_is_found_told_and_mended() {
    let store = filled();
    store.ok(&["verify"]);
    let damages = damage(&store);
    let text = store.run(&["verify"]).text();
    let found = report(&store, &["verify"], 1);
    let errors = found["errors"].as_array().unwrap();
    for (kind, path) in damages {
        let is_it = |error: &&Value| error["kind"] == kind && error["path"] == path;
        assert_eq!(
            errors.iter().filter(is_it).count(),
            1,
            "{kind} of {path}: {found:#}"
        );
        let row = text.lines().find(|line| {
            line.starts_with(&format!("{kind} ")) && line.contains(&format!(" {path} "))
        });
        assert!(row.is_some(), "{kind} of {path} is not shown:\n{text}");
    }
    assert_eq!(errors.len(), damages.len(), "{found:#}");
    assert_eq!(found["reclaimable"]["orphan_files"], 1, "{found:#}");
    assert!(text.contains("can be reclaimed (nexus gc)"), "{text}");
    // Damage is never handed out as content.
    for path in ["/large/flipped", "/large/truncated", "/small/damaged"] {
        let run = store.run(&["cat", path]);
        assert_eq!((run.code, run.stdout.len()), (Some(1), 0), "{path}");
    }

    let mended = report(&store, &["verify", "--repair"], 0);
    assert_eq!(mended["remaining_count"], 0, "{mended:#}");
    let mut lost: Vec<&str> = mended["lost"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lost| lost["path"].as_str().unwrap())
        .collect();
    lost.sort_unstable();
    assert_eq!(
        lost,
        [
            "/large/flipped",
            "/large/missing",
            "/large/truncated",
            // The metadata of no file is told before it goes.
            "/nowhere",
            "/small/damaged"
        ]
    );
    let after = report(&store, &["verify"], 0);
    assert_eq!(
        (&after["error_count"], &after["reclaimable"]["bytes"]),
        (&Value::from(0), &Value::from(0)),
        "{after:#}"
    );
    assert_eq!(
        store.ok(&["ls", "-R"]),
        "/large/whole\n/q/first\n/q/second\n/small/whole\n"
    );
    assert_eq!(store.ok(&["cat", "/large/whole"]), "whole".repeat(20_000));
    assert_eq!(store.ok(&["cat", "/small/whole"]), "still is");
}

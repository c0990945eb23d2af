//! `export`, `import`, `gc`.

use serde_json::{Value, json};

use crate::store::Store;

#[test]
fn an_export_comes_back_by_import() {
    let store = Store::new();
    for (path, content) in [("/in/a", "one"), ("/in/b", "two"), ("/out", "three")] {
        store.ok(&["write", path, content]);
    }
    store.ok(&["meta", "set", "/in/a", "k", "1"]);
    let told = store.ok(&["export", "all.jsonl"]);
    assert_eq!(told, "Exported the metadata of 3 files to all.jsonl\n");
    assert_eq!(store.ok(&["export", "all.jsonl", "--quiet"]), "");
    let report = store.json(&["export", "some.jsonl", "--prefix", "/in/"]);
    assert_eq!(report, json!({"file": "some.jsonl", "files": 2}));
    let lines = std::fs::read_to_string(store.path("some.jsonl")).unwrap();
    assert_eq!(store.ok(&["export", "-", "--prefix", "/in/"]), lines);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["path"], &first["custom_metadata"]["k"]),
        (&json!("/in/a"), &json!(1))
    );

    store.ok(&["write", "/in/a", "newer"]);
    store.ok(&["cp", "/out", "/keep"]);
    store.fails(3, "line 1", &["import", "some.jsonl", "--overwrite"]);
    store.ok(&["write", "/old-a", "one"]);
    let dry = store.json(&["import", "some.jsonl", "--overwrite", "--dry-run"]);
    assert_eq!(
        (&dry["updated"], &dry["dry_run"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(store.ok(&["cat", "/in/a"]), "newer");
    let told = store.ok(&["import", "some.jsonl", "--overwrite"]);
    assert!(
        told.contains("0 created, 2 updated, 0 skipped, 0 remapped\n"),
        "{told}"
    );
    assert_eq!(store.ok(&["cat", "/in/a"]), "one");
    let report = store.json(&["import", "some.jsonl", "--mode", "remap"]);
    let created = report["remapped"].as_u64().unwrap() + report["skipped"].as_u64().unwrap();
    assert_eq!(created, 2, "{report}");
    let piped = store.feed(&["import", "-", "--json"], lines.as_bytes());
    assert_eq!(piped.code, Some(0), "{piped:?}");
    let piped = store.feed(&["import", "-"], b"{\"path\": 5}\n");
    assert_eq!(piped.code, Some(1), "{piped:?}");
    assert!(
        piped.stderr.starts_with("nexus: -: 1 bad line"),
        "{piped:?}"
    );
    store.fails(3, "gone.jsonl", &["import", "gone.jsonl"]);
    store.fails(1, "is no plain file", &["import", "."]);
    store.host_file("bad.jsonl", "{\"path\": 5}\n");
    store.fails(1, "bad.jsonl", &["import", "bad.jsonl"]);
    store.fails(
        2,
        "--mode",
        &["import", "x", "--mode", "auto", "--overwrite"],
    );
}

#[test]
fn a_bundle_takes_a_file() {
    let store = Store::new();
    store.fails(2, "'./-'", &["bundle", "export", "-"]);
    store.fails(2, "'./-'", &["bundle", "import", "-"]);
    assert!(!store.path("-").exists());
    store.ok(&["bundle", "export", "./-"]);
    store.ok(&["bundle", "import", "./-"]);
}

#[test]
fn exported_metadata_is_lines_also_as_json() {
    let store = Store::new();
    store.ok(&["write", "a", "x"]);
    store.ok(&["write", "/b", "x"]);
    let lines = store.ok(&["export", "--json", "-"]);
    assert_eq!(lines, store.ok(&["export", "-"]));
    let paths: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].clone())
        .collect();
    assert_eq!(paths, ["/a", "/b"], "a path may lack its first '/'");
}

#[test]
fn gc_reports_what_it_removed() {
    let store = Store::new();
    store.ok(&["write", "/a", &"x".repeat(100_000)]);
    store.ok(&["rm", "/a"]);
    let report = store.json(&["gc"]);
    assert!(
        report["orphan_contents"].is_u64() && report["dropped_contents"].is_u64(),
        "{report}"
    );
    let told = store.ok(&["gc"]);
    assert!(
        told.starts_with("Removed 0 unfinished files (0), "),
        "{told}"
    );
    assert_eq!(store.ok(&["gc", "--quiet"]), "");
    store.fails(4, "gc", &["gc", "--tenant", "acme"]);
}

#[test]
fn lines_without_content_are_left_out_where_that_is_wanted() {
    let store = Store::new();
    store.ok(&["write", "/a", "x"]);
    store.ok(&["write", "/b", "y"]);
    store.ok(&["export", "all.jsonl"]);
    store.ok(&["rm", "/a", "/b"]);
    store.ok(&["write", "/c", "x"]);
    store.fails(3, "line 2: ", &["import", "all.jsonl"]);
    let told = store.ok(&["import", "all.jsonl", "--missing-content", "skip"]);
    assert!(told.contains("/b: left out"), "{told}");
    assert!(told.contains("1 created, 0 updated, 1 skipped"), "{told}");
}

#[test]
fn an_import_takes_no_more_than_it_may() {
    let store = Store::new();
    store.ok(&["write", "/a", "x"]);
    store.ok(&["write", "/b", "x"]);
    store.ok(&["export", "all.jsonl"]);
    store.ok(&["bundle", "export", "all.bundle"]);
    store.fails(1, "max_lines", &["import", "all.jsonl", "--max-lines", "1"]);
    store.fails(1, "max_bytes", &["import", "all.jsonl", "--max-bytes", "9"]);
    let small = ["bundle", "import", "all.bundle", "--max-unpacked", "1000"];
    store.fails(1, "max_unpacked", &small);
    store.ok(&[
        "bundle",
        "import",
        "all.bundle",
        "--mode",
        "auto",
        "--newer-by",
        "all",
    ]);
}

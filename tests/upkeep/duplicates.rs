use nexusfs::error::ErrorKind;
use nexusfs::filesystem::Filesystem;
use serde_json::{Value, json};

use crate::store::{Store, noise};

fn find(fs: &Filesystem, prefix: &str) -> Value {
    let found = fs.find_duplicates(Some(prefix), &mut |_, _, _| true);
    serde_json::from_str(&found.unwrap()).unwrap()
}

#[test]
fn groups_come_in_the_order_of_what_they_waste() {
    let store = Store::with_mount();
    for path in ["/b", "/a/x", "/c"] {
        store.write(path, "four");
    }
    store.write("/big/1", noise(70_000, 1));
    store.write("/disk/big", noise(70_000, 1));
    store.write("/alone", "alone");
    let found = find(&store.fs, "");
    let groups = found["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2, "{found:#}");
    assert_eq!(
        groups[0]["paths"],
        json!(["/big/1", "/disk/big"]),
        "in two backends: {found:#}"
    );
    assert_eq!(groups[0]["wasted_bytes"], 70_000);
    assert_eq!(groups[1]["paths"], json!(["/a/x", "/b", "/c"]));
    assert_eq!(
        (&groups[1]["count"], &groups[1]["size"]),
        (&json!(3), &json!(4))
    );
    assert_eq!(found["group_count"], 2);
    assert_eq!(found["duplicate_files"], 3);
    assert_eq!(found["wasted_bytes"], 70_008);
    assert_eq!(
        find(&store.fs, "/big")["group_count"],
        0,
        "the other is elsewhere"
    );
}

#[test]
fn what_may_not_be_read_counts_for_nothing() {
    let store = Store::new();
    for path in [
        "/workspace/acme/a/1",
        "/workspace/acme/b/2",
        "/workspace/evil/a/3",
        "/shared/acme/4",
    ] {
        store.write(path, "same");
    }
    let acme = store.fs.with_identity(Some("acme"), None).unwrap();
    let found = find(&acme, "");
    assert_eq!(
        found["groups"][0]["paths"],
        json!([
            "/shared/acme/4",
            "/workspace/acme/a/1",
            "/workspace/acme/b/2"
        ])
    );
    assert_eq!(found["groups"][0]["count"], 3);
    let agent = store.fs.with_identity(Some("acme"), Some("a")).unwrap();
    assert_eq!(find(&agent, "/workspace")["group_count"], 0);
    let evil = store.fs.with_identity(Some("evil"), None).unwrap();
    assert_eq!(
        find(&evil, ""),
        json!({
            "groups": [], "group_count": 0, "duplicate_files": 0, "wasted_bytes": 0
        })
    );
}

#[test]
fn many_files_are_looked_at_in_pages() {
    let store = Store::new();
    for index in 0..1500 {
        store.write(&format!("/{:04}", index), format!("{}", index % 700));
    }
    let mut told = 0;
    let found = store
        .fs
        .find_duplicates(None, &mut |_, _, _| {
            told += 1;
            true
        })
        .unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(told, 3);
    assert_eq!(found["group_count"], 700);
    assert_eq!(found["duplicate_files"], 800);
    assert_eq!(found["groups"][0]["count"], 3);
    let error = store
        .fs
        .find_duplicates(None, &mut |done, _, _| done < 1)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

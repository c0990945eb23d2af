//! `meta`.

use serde_json::json;

use crate::store::Store;

#[test]
fn values_are_json_and_plain_words_are_strings() {
    let store = Store::new();
    store.ok(&["write", "/f", "x"]);
    store.ok(&[
        "meta",
        "set",
        "/f",
        "n",
        "5",
        "neg",
        "-1.5",
        "s",
        "plain words",
        "j",
        r#"{"a": [1, "b"]}"#,
        "q",
        "\"5\"",
    ]);
    assert_eq!(
        store.json(&["meta", "list", "/f"]),
        json!({"n": 5, "neg": -1.5, "s": "plain words", "j": {"a": [1, "b"]}, "q": "5"})
    );
    store.ok(&["meta", "set", "--string", "/f", "n", "5"]);
    assert_eq!(store.ok(&["meta", "get", "/f", "n"]), "\"5\"\n");
    assert_eq!(store.ok(&["meta", "get", "--raw", "/f", "n"]), "5\n");
    assert_eq!(
        store.json(&["meta", "get", "/f", "j"]),
        json!({"a": [1, "b"]})
    );
    store.fails(2, "{broken", &["meta", "set", "/f", "k", "{broken"]);
    store.fails(2, "lonely", &["meta", "set", "/f", "a", "1", "lonely"]);
    assert_eq!(
        store.ok(&["meta", "list", "/f"]).lines().next(),
        Some("KEY  VALUE")
    );
}

#[test]
fn several_keys_are_set_together_or_not_at_all() {
    let store = Store::new();
    store.ok(&["write", "/f", "x"]);
    store.fails(
        2,
        "priority",
        &["meta", "set", "/f", "good", "1", "priority", "high"],
    );
    assert_eq!(store.json(&["meta", "list", "/f"]), json!({}));
    assert_eq!(store.ok(&["meta", "list", "/f"]), "");
}

#[test]
fn keys_are_removed_and_found() {
    let store = Store::new();
    for path in ["/a", "/b/c"] {
        store.ok(&["write", path, "x"]);
        store.ok(&["meta", "set", path, "colour", "red"]);
    }
    assert_eq!(store.ok(&["meta", "find", "colour", "red"]), "/a\n/b/c\n");
    assert_eq!(
        store.json(&["meta", "find", "colour", "red", "/b"])[0]["path"],
        "/b/c"
    );
    store.ok(&["meta", "set", "/a", "size", "5"]);
    let run = store.run(&["meta", "rm", "/a", "nope", "size", "--json"]);
    assert_eq!(
        (run.code, run.text().as_str()),
        (Some(3), "{\"keys\":[\"size\"],\"path\":\"/a\"}\n"),
        "only what was removed is told: {run:?}"
    );
    store.ok(&["meta", "rm", "/a", "colour"]);
    store.fails(3, "colour", &["meta", "rm", "/a", "colour"]);
    store.fails(3, "colour", &["meta", "get", "/a", "colour"]);
    store.fails(3, "/nope", &["meta", "list", "/nope"]);
    assert_eq!(store.ok(&["meta", "find", "colour", "red"]), "/b/c\n");
}

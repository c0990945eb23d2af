//! Files that become newer while an import waits for its turn.

use nexusfs::filesystem::{ClaimOptions, ImportMode, ImportOptions, NewerBy};
use serde_json::{Value, json};

use crate::store::{Store, line, mode, with};

const ITEM: &str = "/q/item";

/// Imports `first`, which is about [`ITEM`], before many more lines, and calls `meanwhile` once after the first plan has
/// judged it. Returns the report.
fn import(store: &Store, first: &Value, newer_by: NewerBy, mut meanwhile: impl FnMut()) -> Value {
    let file = store.scratch("in.jsonl");
    let more = (0..300).map(|n| line(&format!("/more/{n}"), "task"));
    let lines: Vec<String> = std::iter::once(first.clone())
        .chain(more)
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&file, lines.concat()).unwrap();
    let options = ImportOptions {
        newer_by,
        ..mode(ImportMode::Auto)
    };
    let mut came_between = false;
    let report = store
        .fs
        .import_metadata(&file, &options, &mut |done, _, what| {
            if done == 256 && what == "lines checked" && !came_between {
                came_between = true;
                meanwhile();
            }
            true
        })
        .unwrap();
    assert!(came_between, "nothing happened meanwhile");
    serde_json::from_str(&report).unwrap()
}

/// A store with a ready item, and the line that an export has of it.
fn ready() -> (Store, Value) {
    let store = Store::new();
    store.write(ITEM, "task");
    store.set_meta(ITEM, json!({"status": "ready", "k": 1}));
    let line = store.lines().pop().unwrap();
    assert_eq!(line["path"], ITEM);
    (store, line)
}

#[test]
fn a_file_that_is_rewritten_meanwhile_is_newer_even_with_the_same_content() {
    for newer_by in [NewerBy::Content, NewerBy::All] {
        let (store, stored) = ready();
        // One microsecond later than the file, and earlier than what is written next.
        let modified_at = store.fs.stat(ITEM).unwrap().modified_at + 1;
        let time = jiff::Timestamp::from_microsecond(modified_at).unwrap();
        let newer = with(stored, json!({"modified_at": time.to_string()}));
        let rewrite = || {
            store.write(ITEM, "other");
            store.write(ITEM, "task");
        };
        let report = import(&store, &newer, newer_by, rewrite);
        let stat = store.fs.stat(ITEM).unwrap();
        assert!(stat.modified_at > modified_at, "{newer_by:?}: {report}");
        assert_eq!(report["skipped"], 1, "{newer_by:?}: {report}");
    }
}

#[test]
fn an_item_that_is_completed_meanwhile_stays_completed() {
    let (store, stored) = ready();
    let changed = with(
        stored,
        json!({"custom_metadata": {"status": "ready", "k": 2}}),
    );
    let work = || {
        let claimed = store.fs.work_claim("w", &ClaimOptions::default()).unwrap();
        assert_eq!(claimed[0].path.as_str(), ITEM);
        store
            .fs
            .work_complete(ITEM, claimed[0].lease, Some("\"done\""))
            .unwrap();
    };
    let report = import(&store, &changed, NewerBy::All, work);
    let meta = store.meta(ITEM);
    assert_eq!(
        (&meta["status"], &meta["result"], &meta["k"]),
        (&json!("completed"), &json!("done"), &json!(1)),
        "{report}"
    );
    assert_eq!(report["skipped"], 1, "{report}");
}

#[test]
fn a_file_that_becomes_what_its_line_says_is_not_replaced() {
    let (store, stored) = ready();
    let changed = with(
        stored,
        json!({"custom_metadata": {"status": "ready", "k": 2}}),
    );
    let set = || store.set_meta(ITEM, json!({"k": 2}));
    let report = import(&store, &changed, NewerBy::All, set);
    assert_eq!(report["skipped"], 1, "{report}");
}

#[test]
fn a_file_that_nobody_changes_meanwhile_is_replaced() {
    let (store, stored) = ready();
    let changed = with(
        stored,
        json!({"custom_metadata": {"status": "ready", "k": 2}}),
    );
    let report = import(&store, &changed, NewerBy::All, || {
        store.write("/elsewhere", "x")
    });
    assert_eq!(report["updated"], 1, "{report}");
    assert_eq!(store.meta(ITEM)["k"], 2);
}

#[test]
fn items_that_wait_for_one_another_are_replaced_together() {
    let store = Store::new();
    for path in ["/1", "/2", "/3"] {
        store.write(path, "task");
    }
    store.set_meta("/2", json!({"status": "ready"}));
    for path in ["/1", "/3"] {
        store.set_meta(path, json!({"status": "blocked", "depends_on": "/2"}));
    }
    let mut lines = store.lines();
    for (number, line) in lines.iter_mut().enumerate() {
        line["custom_metadata"]["k"] = json!(number);
    }
    // The line of what they wait for has another id, and does not block.
    lines[1]["path_id"] = json!("0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000");
    lines[1]["custom_metadata"]["status"] = json!("completed");
    for item in [0, 2] {
        lines[item]["custom_metadata"]["depends_on"] = json!("/2");
    }
    let options = ImportOptions {
        newer_by: NewerBy::All,
        ..mode(ImportMode::Auto)
    };
    let report = store.import(&lines, &options).unwrap();
    assert_eq!(report["updated"], 3, "{report}");
    assert_eq!(store.meta("/3")["k"], 2);
}

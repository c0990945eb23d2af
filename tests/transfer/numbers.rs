//! Numbers and times of lines have the bounds of the calls that write them.

use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{ClaimOptions, ImportMode, ImportOptions, WorkView, WriteOptions};
use serde_json::{Value, json};

use crate::store::{Store, line, mode, with};

fn store() -> Store {
    let store = Store::new();
    store.write("/content", "text");
    store
}

/// A line for `/q/item` with one member, or one key of its metadata, that is `value`.
fn with_value(key: &str, value: &Value) -> Value {
    let mut line = line("/q/item", "text");
    match line.get(key).is_some() || ["version", "created_at", "modified_at"].contains(&key) {
        true => line[key] = value.clone(),
        false => line["custom_metadata"] = json!({"status": "ready", key: value}),
    }
    line
}

#[test]
fn a_value_out_of_bounds_is_a_bad_line_that_names_number_key_and_value() {
    let big = Value::from(u64::MAX);
    for (key, value) in [
        ("size", json!(-1)),
        ("size", json!(1.5)),
        ("version", json!(0)),
        ("version", json!((1_u64 << 53) + 1)),
        ("version", json!(-1)),
        ("created_at", json!("10000-01-01T00:00:00Z")),
        ("modified_at", json!("-0001-01-01T00:00:00Z")),
        ("modified_at", json!(1_700_000_000)),
        ("attempts", json!(i64::MAX)),
        ("attempts", json!(1_u64 << 53)),
        ("attempts", json!(-1)),
        ("attempts", json!(1.0)),
        ("attempts", big.clone()),
        ("max_attempts", json!(0)),
        ("max_attempts", big.clone()),
        ("priority", big.clone()),
        ("priority", json!(1e300)),
        ("not_before", json!("99999-01-01T00:00:00Z")),
        ("started_at", json!("9999-12-31T23:59:59-00:01")),
        ("completed_at", json!(i64::MAX)),
    ] {
        let store = store();
        let before = store.state();
        let lines = [line("/good", "text"), with_value(key, &value)];
        let error = store.import(&lines, &ImportOptions::default()).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
        let value = value.to_string();
        for named in ["line 2: ", key, value.trim_matches('"')] {
            assert!(text.contains(named), "{key} = {value}: {text}");
        }
        assert_eq!(store.state(), before);
    }
}

#[test]
fn what_is_accepted_can_be_claimed_failed_and_exported_and_imported_again() {
    let most_attempts = (1_i64 << 53) - 1;
    for (key, value) in [
        ("version", json!(1_u64 << 53)),
        ("created_at", json!("0000-01-01T00:00:00Z")),
        ("modified_at", json!("9999-12-31T23:59:59.999999Z")),
        ("attempts", json!(most_attempts)),
        ("attempts", json!(0)),
        ("max_attempts", json!(i64::MAX)),
        ("priority", json!(i64::MAX)),
        ("priority", json!(i64::MIN)),
        ("not_before", json!("0000-01-01T00:00:00Z")),
        ("started_at", json!("9999-12-31T23:59:59.999999Z")),
    ] {
        let store = store();
        let case = format!("{key} = {value}");
        let mut item = with_value(key, &value);
        if item.get("custom_metadata").is_none() {
            item["custom_metadata"] = json!({"status": "ready"});
        }
        store.import(&[item], &ImportOptions::default()).unwrap();
        store
            .import(&store.lines(), &mode(ImportMode::Overwrite))
            .unwrap();
        for _ in 0..2 {
            let mut claimed = store.fs.work_claim("w", &ClaimOptions::default()).unwrap();
            let item = claimed.pop().unwrap_or_else(|| panic!("{case}"));
            let overwritten = store.fs.write("/q/item", b"text", &WriteOptions::default());
            assert!(
                overwritten.unwrap().file.unwrap().version <= 1 << 53,
                "{case}"
            );
            store.fs.work_fail("/q/item", item.lease, "no", 1).unwrap();
            store.set_meta("/q/item", json!({"not_before": "2020-01-01T00:00:00Z"}));
        }
        store.write("/q/item", "other text");
        let all = store.fs.work(WorkView::ByPriority, 10).unwrap();
        assert_eq!(all.len(), 1, "{case}");
        assert!(all[0].attempts <= most_attempts as u64, "{case}");
        let lines = store.lines();
        store.import(&lines, &mode(ImportMode::Overwrite)).unwrap();
        let report = store
            .fs
            .verify(Default::default(), &mut |_, _, _| true)
            .unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["error_count"], 0, "{case}: {report:#}");
    }
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_skipped_and_nowhere_else() {
    let store = store();
    let first = line("/a", "text");
    let second = with(
        line("/b", "text"),
        json!({"custom_metadata": {"k": "\u{feff}"}}),
    );
    let text = format!("\u{feff}{first}\r\n{second}\n");
    let report = store
        .import_text(&store.fs, &text, &ImportOptions::default())
        .unwrap();
    assert_eq!(report["created"], 2);
    assert_eq!(store.meta("/b")["k"], "\u{feff}");
    let later = format!("{}\n\u{feff}{}\n", line("/c", "text"), line("/d", "text"));
    let error = store.import_text(&store.fs, &later, &ImportOptions::default());
    assert!(error.unwrap_err().to_string().contains("line 2: "));
    let only = store.import_text(&store.fs, "\u{feff}\n", &ImportOptions::default());
    assert_eq!(only.unwrap()["created"], 0);
}

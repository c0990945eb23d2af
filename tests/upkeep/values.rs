//! Values that no call writes, in a store that has them: an older version, or another program, left them there.

use nexusfs::filesystem::{ClaimOptions, VerifyOptions, WorkView};
use serde_json::{Value, json};

use crate::store::{READ_ALL, Store};

const REPAIR: VerifyOptions = VerifyOptions {
    content: true,
    repair: true,
};

/// A store with the item `/q/a`, which was claimed once, and `/q/b`.
fn store() -> Store {
    let store = Store::new();
    for path in ["/q/a", "/q/b"] {
        store.write(path, path);
        store.set_meta(path, json!({"status": "ready", "priority": 1}));
    }
    store.set_meta("/q/a", json!({"priority": 0, "max_attempts": 9}));
    store
}

/// Puts `value` where neither the type of the column nor a constraint admits it.
fn put(store: &Store, table: &str, column: &str, value: &str) {
    let strict = |from: &str, to: &str| {
        store.damage(&format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}') WHERE name = '{table}'"
        ));
    };
    strict(") STRICT, WITHOUT", ") /* s */ WITHOUT");
    let key = match table {
        "work" | "paths" => "WHERE path = '/q/a'",
        _ => "",
    };
    store.damage(&format!(
        "PRAGMA ignore_check_constraints = ON; UPDATE {table} SET {column} = {value} {key}"
    ));
    strict(") /* s */ WITHOUT", ") STRICT, WITHOUT");
}

fn messages(report: &Value) -> String {
    report["errors"].to_string()
}

#[test]
fn a_value_that_no_call_writes_is_found_and_replaced_by_the_nearest() {
    for (column, value, after) in [
        (
            "attempts",
            "9223372036854775807",
            json!(9_007_199_254_740_991_i64),
        ),
        ("attempts", "9.3e18", json!(9_007_199_254_740_991_i64)),
        ("attempts", "-1", Value::Null),
        ("attempts", "'many'", Value::Null),
        ("max_attempts", "0", json!(1)),
        ("max_attempts", "x'00'", Value::Null),
        ("priority", "1e300", json!(i64::MAX)),
        ("priority", "'high'", Value::Null),
        (
            "not_before",
            "-9223372036854775807",
            json!("0000-01-01T00:00:00Z"),
        ),
        (
            "started_at",
            "9223372036854775807",
            json!("9999-12-31T23:59:59.999999Z"),
        ),
        ("completed_at", "'now'", Value::Null),
        ("worker_id", "x'ff'", Value::Null),
        ("worker_id", "''", Value::Null),
        ("tags", "'[1'", Value::Null),
        ("tags", "'{}'", Value::Null),
        ("last_error", "x'ff'", Value::Null),
        ("result", "'{'", Value::Null),
        (
            "lease_expires_at",
            "1e300",
            json!("9999-12-31T23:59:59.999999Z"),
        ),
        ("status", "9", json!("pending")),
        ("status", "'ready'", json!("pending")),
    ] {
        let store = store();
        put(&store, "work", column, value);
        let report = store.verify(READ_ALL);
        assert!(
            messages(&report).contains(&format!("the item's '{column}' is ")),
            "{column} = {value}: {report:#}"
        );
        let report = store.verify(REPAIR);
        assert_eq!(
            report["remaining_count"], 0,
            "{column} = {value}: {report:#}"
        );
        assert_eq!(report["lost_count"], 0, "{report:#}");
        let meta: Value = serde_json::from_str(&store.fs.list_meta("/q/a").unwrap()).unwrap();
        assert_eq!(meta[column], after, "{column} = {value}: {meta}");
        works(&store, &format!("{column} = {value}"));
    }
}

#[test]
fn an_item_that_nobody_can_say_when_it_may_run_waits_for_a_person() {
    let store = store();
    put(&store, "work", "not_before", "'soon'");
    assert_eq!(store.verify(REPAIR)["remaining_count"], 0);
    let meta: Value = serde_json::from_str(&store.fs.list_meta("/q/a").unwrap()).unwrap();
    assert_eq!(meta["status"], "pending", "{meta}");
    assert_eq!(meta["not_before"], Value::Null);
}

/// Both decide the status, and both may say something of the lease.
#[test]
fn an_item_with_several_damaged_values_waits_for_a_person_without_a_lease() {
    for status in ["9", "'ready'"] {
        for (column, value) in [
            ("not_before", "'soon'"),
            ("lease", "x'01'"),
            ("lease_deadline", "'later'"),
            ("lease_expires_at", "9223372036854775807"),
        ] {
            let case = format!("status = {status}, {column} = {value}");
            let store = store();
            put(&store, "work", column, value);
            put(&store, "work", "status", status);
            let report = store.verify(REPAIR);
            assert_eq!(report["remaining_count"], 0, "{case}: {report:#}");
            let item = store.fs.work(WorkView::Pending, 9).unwrap();
            assert_eq!(item.len(), 1, "{case}");
            assert_eq!(item[0].path.as_str(), "/q/a", "{case}");
            assert_eq!(item[0].lease, 0, "{case}");
            assert_eq!(item[0].lease_expires_at, None, "{case}");
            assert!(!item[0].lease_expired, "{case}");
            works(&store, &case);
        }
    }
}

#[test]
fn a_lease_whose_end_is_no_time_has_ended_and_the_item_is_claimed_again() {
    for (column, value) in [
        ("lease_deadline", "'later'"),
        ("lease_deadline", "1e300"),
        ("lease", "x'01'"),
    ] {
        let store = store();
        let claimed = store.fs.work_claim("w", &ClaimOptions::default()).unwrap();
        assert_eq!(claimed[0].path.as_str(), "/q/a");
        put(&store, "work", column, value);
        assert!(
            messages(&store.verify(READ_ALL)).contains(column),
            "{column}"
        );
        assert_eq!(
            store.verify(REPAIR)["remaining_count"],
            0,
            "{column} = {value}"
        );
        if column == "lease_deadline" {
            let again = store.fs.work_claim("w", &ClaimOptions::default()).unwrap();
            assert_eq!(again[0].path.as_str(), "/q/a", "{value}");
        }
    }
}

#[test]
fn times_and_versions_of_files_are_brought_into_their_bounds() {
    for (column, value) in [
        ("created_at", "9223372036854775807"),
        ("modified_at", "-9223372036854775807"),
        ("modified_at", "1e300"),
        ("version", "9223372036854775807"),
        ("version", "0"),
        ("mime_given", "7"),
    ] {
        let store = store();
        put(&store, "paths", column, value);
        assert!(
            store.kinds(READ_ALL).contains(&"damaged_row".to_owned()),
            "{column} = {value}"
        );
        let report = store.verify(REPAIR);
        assert_eq!(
            report["remaining_count"], 0,
            "{column} = {value}: {report:#}"
        );
        assert_eq!(report["lost_count"], 0, "{report:#}");
        let entry = store.fs.stat("/q/a").unwrap();
        let version = entry.file.unwrap().version;
        assert!((1..=1 << 53).contains(&version), "{column}: {version}");
        works(&store, &format!("{column} = {value}"));
    }
}

#[test]
fn the_store_row_and_the_bounds_of_the_queue_are_corrected() {
    for (table, column, value) in [
        ("store", "lease_sequence", "9223372036854775807"),
        ("store", "lease_sequence", "1e300"),
        ("store", "lease_origin", "'long ago'"),
        ("store", "lease_origin", "x'00'"),
        ("work_scopes", "next_due", "'never'"),
        ("work_scopes", "next_expiry", "x''"),
        ("work_directories", "first_created", "'late'"),
        ("work_directories", "first_rank", "1.5"),
    ] {
        let store = store();
        store.set_meta("/q/a", json!({"not_before": "2030-01-01T00:00:00Z"}));
        put(&store, table, column, value);
        let report = store.verify(READ_ALL);
        assert!(
            messages(&report).contains(&format!("{table}: 1 rows have")),
            "{table}.{column} = {value}: {report:#}"
        );
        let report = store.verify(REPAIR);
        assert_eq!(
            report["remaining_count"], 0,
            "{table}.{column} = {value}: {report:#}"
        );
        if column == "lease_origin" {
            let claimed = store.fs.work_claim("w", &ClaimOptions::default()).unwrap();
            assert_eq!(claimed.len(), 1, "{table}.{column} = {value}");
        }
    }
}

/// The queue of `store` answers, and both items are there.
fn works(store: &Store, case: &str) {
    let all = store.fs.work(WorkView::ByPriority, usize::MAX);
    assert_eq!(all.unwrap().len(), 2, "{case}");
    let mut claimed = 0;
    while let Some(item) = store
        .fs
        .work_claim("w", &ClaimOptions::default())
        .unwrap()
        .pop()
    {
        let lease = item.lease;
        store
            .fs
            .work_fail(item.path.as_str(), lease, "no", 60_000)
            .unwrap();
        claimed += 1;
    }
    assert!(claimed >= 1, "{case}: nothing was claimable");
    assert_eq!(store.verify(READ_ALL)["error_count"], 0, "{case}");
}

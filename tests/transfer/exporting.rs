use std::fs;
use std::os::unix::fs::PermissionsExt;

use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{ExportOptions, Filesystem, WriteOptions};
use serde_json::{Value, json};

use crate::store::{Store, export, write};

fn exported(store: &Store, fs: &Filesystem, options: &ExportOptions) -> Vec<String> {
    let file = store.scratch("out.jsonl");
    let count = export(fs, &file, options).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let paths: Vec<String> = text
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["path"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(count, paths.len() as u64, "the count is that of the lines");
    paths
}

#[test]
fn a_line_says_everything_in_a_fixed_order() {
    let store = Store::new();
    let options = WriteOptions {
        mime_type: Some("text/x-note".to_owned()),
        ..WriteOptions::default()
    };
    let entry = store
        .fs
        .write("/notes/ä \"1\".txt", b"hello", &options)
        .unwrap();
    store.set_meta("/notes/ä \"1\".txt", json!({"b": [1, 2.50], "priority": 3}));
    store
        .fs
        .set_meta(
            "/notes/ä \"1\".txt",
            "a",
            "{\n  \"x\": \"l\\n\"\r\n}",
            &Default::default(),
        )
        .unwrap();
    let etag = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let time = |micros: i64| {
        let time = jiff::Timestamp::from_microsecond(micros).unwrap();
        format!("{time:.6}")
    };
    let expected = format!(
        concat!(
            r#"{{"path":"/notes/ä \"1\".txt","backend_name":"local","physical_path":"{etag}","#,
            r#""size":5,"etag":"{etag}","mime_type":"text/x-note","created_at":"{created}","#,
            r#""modified_at":"{modified}","version":1,"path_id":"{id}","#,
            r#""custom_metadata":{{"a":{{   "x": "l\n"  }},"b":[1,2.5],"priority":3}}}}"#,
            "\n"
        ),
        etag = etag,
        created = time(entry.created_at),
        modified = time(entry.modified_at),
        id = entry.path_id.unwrap(),
    );
    assert_eq!(store.state(), expected);
}

#[test]
fn files_come_sorted_by_the_bytes_of_their_paths() {
    let store = Store::new();
    for number in 0..1500 {
        store.write(&format!("/many/{}", number * 7919 % 1500), "x");
    }
    for path in ["/a/b", "/a-b", "/a.b", "/é", "/Z"] {
        store.write(path, "x");
    }
    store.fs.mkdir("/empty", Default::default()).unwrap();
    let found = exported(&store, &store.fs, &ExportOptions::default());
    let mut sorted = found.clone();
    sorted.sort();
    assert_eq!(found, sorted);
    assert_eq!(found.len(), 1505, "every file, no directory");
}

#[test]
fn a_prefix_is_a_raw_string_without_wildcards() {
    let store = Store::new();
    for path in [
        "/data_1/f",
        "/data_10",
        "/dataX1/f",
        "/DATA_1/f",
        "/data%/f",
    ] {
        store.write(path, "x");
    }
    let with_prefix = |prefix: &str| {
        let options = ExportOptions {
            prefix: Some(prefix.to_owned()),
            ..ExportOptions::default()
        };
        exported(&store, &store.fs, &options)
    };
    assert_eq!(with_prefix("/data_1"), ["/data_1/f", "/data_10"]);
    assert_eq!(with_prefix("/data%"), ["/data%/f"]);
    assert_eq!(with_prefix("/none"), Vec::<String>::new());
}

#[test]
fn only_files_modified_later_are_wanted() {
    let store = Store::new();
    store.write("/old", "x");
    let time = store.fs.stat("/old").unwrap().modified_at;
    store.write("/new", "x");
    let later_than = |modified_after| {
        let options = ExportOptions {
            modified_after,
            ..ExportOptions::default()
        };
        exported(&store, &store.fs, &options)
    };
    assert_eq!(later_than(time - 1), ["/new", "/old"]);
    assert_eq!(later_than(time), ["/new"]);
}

#[test]
fn a_tenant_filter_keeps_to_that_tenant() {
    let store = Store::new();
    let admin = store.handle(json!({
        "is_admin": true,
        "namespaces": [{"name": "team", "requires_tenant": true}],
    }));
    for path in [
        "/workspace/acme/a1/f",
        "/workspace/acme-2/a1/f",
        "/workspace/other/acme/f",
        "/shared/acme/f",
        "/shared/a_me/f",
        "/team/acme/f",
        "/acme/f",
        "/external/acme/f",
    ] {
        write(&admin, path, "x");
    }
    let of_tenant = |tenant: &str, prefix: Option<&str>| ExportOptions {
        tenant_id: Some(tenant.to_owned()),
        prefix: prefix.map(str::to_owned),
        ..ExportOptions::default()
    };
    let found = exported(&store, &admin, &of_tenant("acme", None));
    assert_eq!(
        found,
        ["/shared/acme/f", "/team/acme/f", "/workspace/acme/a1/f"]
    );
    let found = exported(&store, &admin, &of_tenant("a_me", None));
    assert_eq!(found, ["/shared/a_me/f"]);
    let found = exported(&store, &admin, &of_tenant("acme", Some("/shared/a")));
    assert_eq!(found, ["/shared/acme/f"]);
    let error = export(&admin, &store.scratch("x"), &of_tenant("acme/a1", None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
}

#[test]
fn a_handle_exports_what_it_may_read() {
    let store = Store::new();
    for path in [
        "/workspace/acme/a1/f",
        "/workspace/acme/a2/f",
        "/workspace/other/a1/f",
        "/shared/acme/f",
        "/shared/other/f",
        "/free/f",
    ] {
        store.write(path, "x");
    }
    let identity = |tenant, agent| store.fs.with_identity(tenant, agent).unwrap();
    let all = ExportOptions::default();
    assert_eq!(
        exported(&store, &identity(Some("acme"), Some("a1")), &all),
        ["/free/f", "/shared/acme/f", "/workspace/acme/a1/f"]
    );
    assert_eq!(
        exported(&store, &identity(None, Some("a1")), &all),
        [
            "/free/f",
            "/shared/acme/f",
            "/shared/other/f",
            "/workspace/acme/a1/f",
            "/workspace/other/a1/f"
        ]
    );
    let others = ExportOptions {
        tenant_id: Some("other".to_owned()),
        ..ExportOptions::default()
    };
    assert_eq!(
        exported(&store, &identity(Some("acme"), None), &others),
        Vec::<String>::new()
    );
}

#[test]
fn the_file_appears_whole_and_private() {
    let store = Store::new();
    store.write("/f", "x");
    let file = store.scratch("out.jsonl");
    fs::write(&file, "before").unwrap();
    export(&store.fs, &file, &ExportOptions::default()).unwrap();
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .starts_with("{\"path\":\"/f\"")
    );
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(store.scratch_names(), ["out.jsonl"]);
}

#[test]
fn a_cancelled_export_leaves_nothing_behind() {
    let store = Store::new();
    for number in 0..2000 {
        store.write(&format!("/{number}"), "x");
    }
    let file = store.scratch("out.jsonl");
    for calls_before in 0..3 {
        let mut calls = 0;
        let error = store
            .fs
            .export_metadata(&file, &ExportOptions::default(), &mut |done, _, _| {
                calls += 1;
                assert!(calls == 1 || done > 0, "progress grows");
                calls <= calls_before
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(store.scratch_names(), Vec::<String>::new());
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let store = Store::new();
    store.write("/f", "x");
    let missing = store.scratch("no-such-directory/out.jsonl");
    let error = export(&store.fs, &missing, &ExportOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.to_string().contains("out.jsonl"), "{error}");
    assert!(!error.to_string().contains("no-such-directory"), "{error}");

    let directory = store.scratch("directory");
    fs::create_dir(&directory).unwrap();
    let error = export(&store.fs, &directory, &ExportOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!(
        store.scratch_names(),
        ["directory"],
        "nothing is left beside it"
    );
}

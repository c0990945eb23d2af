use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{ExportOptions, ImportMode, ImportOptions};
use serde_json::json;

use crate::store::{Store, export, line, mode, paths, with, write};

#[test]
fn a_hash_is_no_key_to_the_bytes_of_others() {
    let store = Store::new();
    store.write("/workspace/other/a/secret", "secret");
    store.write("/shared/acme/own", "own");
    let acme = store.fs.with_identity(Some("acme"), Some("a1")).unwrap();
    let before = store.state();
    let known = store.import_as(
        &acme,
        &[line("/shared/acme/got", "secret")],
        &mode(ImportMode::Skip),
    );
    let unknown = store.import_as(
        &acme,
        &[line("/shared/acme/got", "secre?")],
        &mode(ImportMode::Skip),
    );
    let (known, unknown) = (known.unwrap_err(), unknown.unwrap_err());
    assert_eq!(known.kind(), ErrorKind::NotFound, "{known}");
    let stripped = |text: String| text.split("content").next().unwrap().to_owned();
    assert_eq!(
        stripped(known.to_string()),
        stripped(unknown.to_string()),
        "the error does not tell whether others have it"
    );
    assert_eq!(store.state(), before);
    // Where a line says that the bytes are changes nothing.
    let tricked = with(
        line("/shared/acme/got", "secret"),
        json!({"backend_name": "local", "physical_path": line("", "secret")["etag"]}),
    );
    assert!(
        store
            .import_as(&acme, &[tricked], &ImportOptions::default())
            .is_err()
    );
    // What it may read it may import.
    store
        .import_as(
            &acme,
            &[line("/shared/acme/got", "own")],
            &ImportOptions::default(),
        )
        .unwrap();
}

#[test]
fn a_wrong_size_does_not_tell_that_others_have_the_content() {
    let store = Store::new();
    store.write("/shared/other/secret", "secret");
    let acme = store.fs.with_identity(Some("acme"), None).unwrap();
    let lines = [with(line("/shared/acme/f", "secret"), json!({"size": 1}))];
    let error = store
        .import_as(&acme, &lines, &ImportOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[test]
fn nothing_is_planted_where_the_handle_may_not_write() {
    let store = Store::new();
    store.write("/workspace/acme/a1/own", "x");
    store.write("/workspace/other/a1/f", "y");
    let acme = store.fs.with_identity(Some("acme"), Some("a1")).unwrap();
    let before = store.state();
    for (path, kind) in [
        ("/system/f", ErrorKind::AccessDenied),
        ("/archives/acme/f", ErrorKind::ReadOnly),
        ("/archives/other/f", ErrorKind::ReadOnly),
        ("/workspace/other/a1/f", ErrorKind::AccessDenied),
        ("/workspace/other/a1/g", ErrorKind::AccessDenied),
        ("/workspace/acme/a2/f", ErrorKind::AccessDenied),
        ("/workspace/acme", ErrorKind::AccessDenied),
        ("/workspace/acme/a1", ErrorKind::AccessDenied),
        ("/shared/other/f", ErrorKind::AccessDenied),
    ] {
        for import_mode in [ImportMode::Skip, ImportMode::Overwrite, ImportMode::Remap] {
            for dry_run in [false, true] {
                let options = ImportOptions {
                    dry_run,
                    ..mode(import_mode)
                };
                let lines = [line("/free/f", "x"), line(path, "x")];
                let error = store.import_as(&acme, &lines, &options).unwrap_err();
                assert_eq!(error.kind(), kind, "{path} {import_mode:?}: {error}");
                assert!(error.to_string().contains("line 2: "), "{error}");
            }
        }
    }
    assert_eq!(store.state(), before);
}

#[test]
fn an_admin_may_fill_a_read_only_namespace_if_it_asked_to() {
    let store = Store::new();
    store.write("/source", "x");
    let lines = [line("/archives/acme/f", "x")];
    let admin = store.handle(json!({"is_admin": true}));
    let error = store
        .import_as(&admin, &lines, &ImportOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    let filler = store.handle(json!({"is_admin": true, "allow_readonly_writes": true}));
    store
        .import_as(&filler, &lines, &ImportOptions::default())
        .unwrap();
    assert_eq!(paths(&filler), ["/archives/acme/f", "/source"]);
}

#[test]
fn an_item_of_others_is_no_dependency() {
    let store = Store::new();
    store.write("/shared/other/item", "x");
    store.set_meta("/shared/other/item", json!({"status": "ready"}));
    let hidden = store.fs.path_id("/shared/other/item").unwrap().to_string();
    let acme = store.fs.with_identity(Some("acme"), None).unwrap();
    write(&acme, "/shared/acme/own", "own");
    let item = |depends_on: &str| {
        with(
            line("/shared/acme/item", "own"),
            json!({"custom_metadata": {"status": "blocked", "depends_on": [depends_on]}}),
        )
    };
    for path in ["/shared/other/item", "/shared/other/none"] {
        let error = store
            .import_as(&acme, &[item(path)], &ImportOptions::default())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{path}: {error}");
    }
    assert_eq!(paths(&acme), ["/shared/acme/own"]);
    // An id that the handle may not see is lost like one that nobody has.
    for id in [&*hidden, "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"] {
        let report = store
            .import_as(&acme, &[item(id)], &mode(ImportMode::Overwrite))
            .unwrap();
        assert_eq!(
            report["lost_dependencies"],
            json!([{"path": "/shared/acme/item", "depends_on": id}])
        );
        assert_eq!(
            store.meta("/shared/acme/item"),
            json!({"status": "pending", "depends_on": []})
        );
    }
}

#[test]
fn what_a_handle_exports_it_can_import_though_it_depends_on_hidden_items() {
    let store = Store::new();
    store.write("/shared/other/x", "x");
    store.set_meta("/shared/other/x", json!({"status": "ready"}));
    store.write("/external/job", "job");
    store.set_meta(
        "/external/job",
        json!({"status": "blocked", "depends_on": "/shared/other/x"}),
    );
    let acme = store.fs.with_identity(Some("acme"), None).unwrap();
    let file = store.scratch("of acme.jsonl");
    export(&acme, &file, &ExportOptions::default()).unwrap();
    let lines = std::fs::read_to_string(&file).unwrap();
    let report = store
        .import_text(&acme, &lines, &mode(ImportMode::Overwrite))
        .unwrap();
    assert_eq!(report["lost_dependencies"][0]["path"], "/external/job");
    assert_eq!(store.meta("/external/job")["status"], "pending");
}

#[test]
fn a_backend_of_others_is_like_none() {
    let store = Store::new();
    let mount = |name: &str, path: &str| {
        let root = store.scratch(name);
        store.handle(json!({
            "mounts": [{"name": name, "path": path, "backend": "local", "root": root}],
        }))
    };
    let hidden = mount("hidden", "/shared/other/disk");
    let open = mount("open", "/external/disk");
    write(&hidden, "/shared/other/disk/f", "x");
    write(&open, "/external/disk/f", "x");
    let acme = store.fs.with_identity(Some("acme"), None).unwrap();
    write(&acme, "/shared/acme/own", "own");
    let import = |backend: &str| {
        let item = with(
            line("/shared/acme/item", "own"),
            json!({"backend_name": backend}),
        );
        store.import_as(&acme, &[item], &mode(ImportMode::Overwrite))
    };
    let message = |backend: &str| {
        let error = import(backend).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        error.to_string().replace(backend, "…")
    };
    assert_eq!(message("hidden"), message("nobody's"));
    import("local").unwrap();
    import("open").unwrap();
}

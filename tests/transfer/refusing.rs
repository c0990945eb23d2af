use nexusfs::error::{Error, ErrorKind};
use nexusfs::filesystem::{ExportOptions, ImportMode, ImportOptions};
use rustix::fs::{CWD, FileType, Mode};
use serde_json::{Value, json};

use crate::store::{Store, line, mode, with};

/// Imports good lines around `bad` and returns the error, after checking that nothing changed.
fn refusal(store: &Store, bad: &[Value]) -> Error {
    let mut lines = vec![line("/good/first", "x")];
    lines.extend_from_slice(bad);
    lines.push(line("/good/last", "x"));
    let before = store.state();
    let error = store.import(&lines, &ImportOptions::default()).unwrap_err();
    assert_eq!(
        store.state(),
        before,
        "a bad line changed something: {error}"
    );
    assert_eq!(error.index(), None, "it is no batch");
    error
}

fn store() -> Store {
    let store = Store::new();
    store.write("/source", "x");
    store.fs.mkdir("/directory", Default::default()).unwrap();
    store
}

#[test]
fn a_bad_line_leaves_everything_as_it_was() {
    use ErrorKind::*;
    let store = store();
    let f = || line("/f", "x");
    for (bad, kind, reason) in [
        (json!([]), InvalidArgument, "not a JSON object"),
        (json!({}), InvalidArgument, "'path' is missing"),
        (
            with(f(), json!({"etag": null})),
            InvalidArgument,
            "'etag' is missing",
        ),
        (
            with(f(), json!({"extra": 1})),
            InvalidArgument,
            "unknown field `extra`",
        ),
        (
            with(f(), json!({"path": 1})),
            InvalidArgument,
            "'path' must be a string",
        ),
        (
            with(f(), json!({"path": "/a/../b"})),
            InvalidPath,
            "/a/../b",
        ),
        (
            with(f(), json!({"path": "/"})),
            IsADirectory,
            "is a directory",
        ),
        (
            with(f(), json!({"path": "/directory"})),
            IsADirectory,
            "/directory",
        ),
        (
            with(f(), json!({"path": "/source/f"})),
            NotADirectory,
            "/source",
        ),
        (
            with(f(), json!({"path": "/good/first/f"})),
            NotADirectory,
            "line 1 makes it a file",
        ),
        (
            with(f(), json!({"path": "good//first/."})),
            InvalidArgument,
            "line 1 has the same path",
        ),
        (
            with(f(), json!({"etag": "abc"})),
            InvalidArgument,
            "64 hexadecimal digits",
        ),
        (
            with(f(), json!({"physical_path": "../../etc/passwd"})),
            InvalidArgument,
            "'physical_path'",
        ),
        (
            with(f(), json!({"backend_name": "../x"})),
            InvalidArgument,
            "backend_name",
        ),
        (with(f(), json!({"size": 2})), InvalidArgument, "size"),
        (with(f(), json!({"size": -1})), InvalidArgument, "'size'"),
        (
            with(f(), json!({"version": 0})),
            InvalidArgument,
            "'version'",
        ),
        (
            with(f(), json!({"version": u64::MAX})),
            InvalidArgument,
            "'version'",
        ),
        (
            with(f(), json!({"path_id": "7"})),
            InvalidArgument,
            "'path_id'",
        ),
        (
            with(f(), json!({"mime_type": ""})),
            InvalidArgument,
            "mime_type",
        ),
        (
            with(f(), json!({"created_at": "yesterday"})),
            InvalidArgument,
            "'created_at'",
        ),
        (
            with(f(), json!({"modified_at": 1})),
            InvalidArgument,
            "'modified_at'",
        ),
        (
            with(f(), json!({"custom_metadata": []})),
            InvalidArgument,
            "must be a JSON object",
        ),
        (
            with(f(), json!({"custom_metadata": {"priority": 1.9}})),
            InvalidArgument,
            "priority",
        ),
        (
            with(f(), json!({"custom_metadata": {"depends_on": ["/none"]}})),
            NotFound,
            "/none",
        ),
        (
            with(
                f(),
                json!({"custom_metadata": {"depends_on": "/directory"}}),
            ),
            IsADirectory,
            "/directory",
        ),
        (
            line("/f", "content that nobody wrote"),
            NotFound,
            "no readable file has the content",
        ),
    ] {
        let error = refusal(&store, std::slice::from_ref(&bad));
        assert_eq!(error.kind(), kind, "{bad}: {error}");
        let text = error.to_string();
        assert!(
            text.starts_with("1 bad line; line 2: ") && text.contains(reason),
            "{bad}: {text}"
        );
    }
}

#[test]
fn lines_that_are_no_text_or_no_json_are_bad() {
    let store = store();
    let before = store.state();
    let file = store.scratch("in.jsonl");
    for bytes in [
        &b"{\"path\": \"/\xff\"}"[..],
        b"{\"path\": \"/f\"",
        b"NaN",
        b"{} {}",
    ] {
        std::fs::write(&file, bytes).unwrap();
        let imported =
            store
                .fs
                .import_metadata(&file, &ImportOptions::default(), &mut |_, _, _| true);
        let error = imported.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert_eq!(store.state(), before);
    }
}

#[test]
fn all_bad_lines_are_counted_and_the_first_hundred_told() {
    let store = store();
    let mut bad = vec![with(line("/f", "x"), json!({"size": "big"}))];
    bad.extend((0..149).map(|n| line(&format!("/f{n}"), "nobody wrote this")));
    bad.push(json!({"path": "/x"}));
    let error = refusal(&store, &bad);
    let text = error.to_string();
    assert_eq!(
        error.kind(),
        ErrorKind::InvalidArgument,
        "that of the first: {text}"
    );
    assert!(
        text.starts_with("151 bad lines; line 2: the key 'size'"),
        "{text}"
    );
    assert!(
        text.contains("; line 101: ") && !text.contains("; line 102: "),
        "{text}"
    );
    assert!(!text.contains('\n'));
}

#[test]
fn empty_lines_are_passed_over_but_counted() {
    let store = store();
    let text = format!("\n{}\r\n\n\n{{}}\n", line("/f", "x"));
    let error = store
        .import_text(&store.fs, &text, &ImportOptions::default())
        .unwrap_err();
    assert!(error.to_string().contains("line 5: "), "{error}");
    let report = store
        .import_text(
            &store.fs,
            &format!("\n{}", line("/f", "x")),
            &ImportOptions::default(),
        )
        .unwrap();
    assert_eq!(report["created"], 1);
}

#[test]
fn a_line_that_is_skipped_needs_no_content() {
    let store = store();
    let report = store
        .import(&[line("/source", "long gone")], &mode(ImportMode::Skip))
        .unwrap();
    assert_eq!(report["skipped"], 1);
}

#[test]
fn remap_goes_beside_a_directory() {
    let store = store();
    store.write("/directory/f", "y");
    let lines = [line("/directory", "x"), line("/directory/g", "x")];
    let report = store.import(&lines, &mode(ImportMode::Remap)).unwrap();
    assert_eq!(report["collisions"][0]["existing_etag"], Value::Null);
    assert_eq!(store.text("/directory_imported1"), "x");
    assert_eq!(store.text("/directory/g"), "x");
}

#[test]
fn what_is_no_plain_file_is_refused_without_waiting() {
    let store = store();
    let pipe = store.scratch("pipe");
    rustix::fs::mknodat(CWD, &*pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let directory = store.scratch("directory");
    std::fs::create_dir(&directory).unwrap();
    for file in [&*pipe, "/dev/zero", &directory] {
        let options = ImportOptions::default();
        let import = store
            .fs
            .import_metadata(file, &options, &mut |_, _, _| true);
        let bundle = store.fs.bundle_import(file, &options, &mut |_, _, _| true);
        for error in [import.unwrap_err(), bundle.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{file}: {error}");
            let name = file.rsplit('/').next().unwrap();
            assert_eq!(error.to_string(), format!("\"{name}\" is no plain file"));
        }
    }
}

#[test]
fn a_line_without_end_is_one_bad_line() {
    let store = store();
    let file = store.scratch("zeros");
    std::fs::File::create(&file)
        .unwrap()
        .set_len(1 << 36)
        .unwrap();
    let error = store
        .fs
        .import_metadata(&file, &ImportOptions::default(), &mut |_, _, _| true)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 bad line; line 1: the line has more than 256 MiB"
    );
}

#[test]
fn errors_show_the_beginning_of_long_names() {
    let store = store();
    let long = "x".repeat(1 << 20);
    let progress = &mut |_, _, _: &str| true;
    let (from, to) = (ImportOptions::default(), ExportOptions::default());
    let of_tenant = ExportOptions {
        tenant_id: Some(long.clone()),
        ..ExportOptions::default()
    };
    let fs = &store.fs;
    let scratch = store.scratch("out");
    for error in [
        fs.import_metadata(&long, &from, progress).unwrap_err(),
        fs.bundle_import(&long, &from, progress).unwrap_err(),
        fs.export_metadata(&long, &to, progress).unwrap_err(),
        fs.bundle_export(&long, &to, progress).unwrap_err(),
        fs.export_metadata(&scratch, &of_tenant, progress)
            .unwrap_err(),
        fs.bundle_export(&scratch, &of_tenant, progress)
            .unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.len() < 300, "{} bytes", text.len());
        assert!(text.contains("\"xxx") && text.contains("x…\""), "{text}");
    }
}

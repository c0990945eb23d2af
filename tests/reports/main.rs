//! The JSON that hosts of the C interface get as reports, to the letter: names of keys, their order, and values. Ids, times and the
//! hash of a bundle, which differ each time, are replaced.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr;

use nexusfs::capi::error::{nexus_error, nexus_error_message};
use nexusfs::capi::options::{
    NEXUS_IMPORT_OVERWRITE, NEXUS_IMPORT_REMAP, NEXUS_IMPORT_SKIP, NEXUS_KEYS_RENAME,
    NEXUS_MISSING_SKIP, NEXUS_NEWER_BY_CONTENT, nexus_import_options,
};
use nexusfs::capi::status::NEXUS_STATUS_OK;
use nexusfs::capi::store::{nexus_close, nexus_connect, nexus_fs};
use nexusfs::capi::text::nexus_string_free;
use nexusfs::capi::upkeep::{
    NEXUS_VERIFY_CONTENT, NEXUS_VERIFY_REPAIR, nexus_backup, nexus_bundle_export,
    nexus_bundle_import, nexus_content_info, nexus_find_duplicates, nexus_gc,
    nexus_import_metadata, nexus_storage_stats, nexus_verify,
};
use nexusfs::capi::work::{nexus_work_explain, nexus_work_stats};
use nexusfs::content::ContentHash;
use nexusfs::filesystem::{ClaimOptions, Filesystem, MkdirOptions};
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What is expected: a name and a report on each line.
const EXPECTED: &str = include_str!("expected.txt");
/// Too long to be kept in the database.
const LARGE: usize = 100_000;

/// A store that is filled from Rust, and asked for reports from C.
struct Store {
    fs: Filesystem,
    c: *mut nexus_fs,
    directory: TempDir,
    config: Value,
    told: Vec<String>,
}

fn c_text(text: impl AsRef<str>) -> CString {
    CString::new(text.as_ref()).unwrap()
}

fn connect(config: &Value) -> *mut nexus_fs {
    let mut fs = ptr::null_mut();
    let mut error = ptr::null_mut();
    let config = c_text(config.to_string());
    // SAFETY: the text is NUL-terminated, the outputs are writable.
    let status = unsafe { nexus_connect(config.as_ptr(), &mut fs, &mut error) };
    check(status, error);
    fs
}

fn check(status: i32, error: *const nexus_error) {
    // SAFETY: a message is NUL-terminated, whatever the error is.
    let message = unsafe { CStr::from_ptr(nexus_error_message(error)) };
    assert_eq!(status, NEXUS_STATUS_OK, "{message:?}");
}

impl Store {
    /// A store with a mount `disk` at `/disk`.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = json!({
            "data_dir": directory.path().join("data"), "durability": "normal", "housekeeping": false,
            "mounts": [{"name": "disk", "path": "/disk", "backend": "local", "root": directory.path().join("disk")}],
        });
        Store {
            fs: nexusfs::connect(Some(&config.to_string())).unwrap(),
            c: connect(&config),
            directory,
            config,
            told: Vec::new(),
        }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let written = self.fs.write(path, content.as_ref(), &Default::default());
        written.unwrap();
    }

    fn set_meta(&self, path: &str, object: Value) {
        self.fs.set_meta_many(path, &object.to_string()).unwrap();
    }

    /// Keeps the report that `call` hands out.
    fn told(
        &mut self,
        name: &str,
        call: impl FnOnce(*mut nexus_fs, *mut *mut c_char, *mut *mut nexus_error) -> i32,
    ) {
        self.told_by(name, self.c, call);
    }

    fn told_by(
        &mut self,
        name: &str,
        fs: *mut nexus_fs,
        call: impl FnOnce(*mut nexus_fs, *mut *mut c_char, *mut *mut nexus_error) -> i32,
    ) {
        let (mut text, mut error) = (ptr::null_mut(), ptr::null_mut());
        check(call(fs, &mut text, &mut error), error);
        // SAFETY: the text was handed out just now, NUL-terminated.
        let report = unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
        // SAFETY: it is freed once.
        unsafe { nexus_string_free(text) };
        self.told
            .push(format!("{name} {}", without_chance(&report)));
    }

    /// Changes the database behind the store's back.
    fn damage(&self, sql: &str) {
        let database = self.beside("data/metadata.db");
        let connection = rusqlite::Connection::open(database).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: NULL is allowed for the error.
        unsafe { nexus_close(self.c, ptr::null_mut()) };
    }
}

/// Returns `report` without what differs each time.
fn without_chance(report: &str) -> String {
    let mut text = report.to_owned();
    for (pattern, stands_for) in [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r#""sha256":"[0-9a-f]{64}""#, r#""sha256":"HASH""#),
    ] {
        let pattern = Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, stands_for).into_owned();
    }
    text
}

/// Bytes that differ for each seed.
fn noise(seed: u8) -> Vec<u8> {
    let mut state = u64::from(seed) << 1 | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..LARGE).map(|_| next()).collect()
}

fn content_file(root: &Path, content: &[u8]) -> PathBuf {
    let hash = ContentHash::of(content).to_string();
    root.join("cas").join(&hash[..2]).join(hash)
}

fn flip_bit(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    bytes[LARGE / 2] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn filled() -> Store {
    let store = Store::new();
    store.write("/a", "a");
    store.write("/copy", "a");
    store.write("/large/1", noise(1));
    store.write("/large/2", noise(1));
    store.write("/disk/3", noise(3));
    store.write("/shared/acme/plan", "plan");
    store.set_meta(
        "/copy",
        json!({"kept": 1, "lost": [1, {"b": 0.5, "a": null}]}),
    );
    store.set_meta(
        "/large/1",
        json!({"owner": "ann", "zeal": {"b": 0.50, "a": null}}),
    );
    let made = MkdirOptions {
        parents: true,
        exist_ok: false,
    };
    store.fs.mkdir("/made/here", made).unwrap();
    store
}

fn explain(store: &mut Store, name: &str, path: &str) {
    let path = c_text(path);
    // SAFETY: the text is NUL-terminated, the outputs are writable.
    store.told(name, |fs, json, error| unsafe {
        nexus_work_explain(fs, path.as_ptr(), json, error)
    });
}

/// The reports on work items.
fn work(store: &mut Store) {
    for job in 1..=5 {
        store.write(&format!("/jobs/{job}"), "job");
    }
    store.set_meta(
        "/jobs/1",
        json!({"status": "ready", "priority": 1, "max_attempts": 1}),
    );
    let claimed = store.fs.work_claim("worker", &ClaimOptions::default());
    let lease = claimed.unwrap()[0].lease;
    let failed = store.fs.work_fail("/jobs/1", lease, "no luck", 0);
    failed.unwrap();
    store.set_meta(
        "/jobs/2",
        json!({"status": "ready", "depends_on": ["/jobs/1", "/jobs/5"]}),
    );
    store.set_meta(
        "/jobs/3",
        json!({"status": "ready", "not_before": "2999-01-01T00:00:00Z"}),
    );
    store.set_meta("/jobs/4", json!({"status": "ready"}));
    let claimed = store.fs.work_claim("worker", &ClaimOptions::default());
    assert_eq!(claimed.unwrap().len(), 1);
    for (name, path) in [
        ("explain_failed", "/jobs/1"),
        ("explain_waiting", "/jobs/2"),
        ("explain_delayed", "/jobs/3"),
        ("explain_claimed", "/jobs/4"),
        ("explain_no_item", "/jobs/5"),
    ] {
        explain(store, name, path);
    }
    let prefix = c_text("/jobs/");
    // SAFETY: the text is NUL-terminated, the outputs are writable.
    store.told("work_stats", |fs, json, error| unsafe {
        nexus_work_stats(fs, prefix.as_ptr(), json, error)
    });
}

/// The reports on contents.
fn contents(store: &mut Store) {
    // SAFETY: the outputs are writable.
    store.told("storage_stats", |fs, json, error| unsafe {
        nexus_storage_stats(fs, json, error)
    });
    let etag = c_text(ContentHash::of(b"a").to_string());
    // SAFETY: the text is NUL-terminated, the outputs are writable.
    store.told("content_info", |fs, json, error| unsafe {
        nexus_content_info(fs, etag.as_ptr(), json, error)
    });
    // SAFETY: NULL is allowed for prefix and progress; the outputs are writable.
    store.told("duplicates", |fs, json, error| unsafe {
        nexus_find_duplicates(fs, ptr::null(), None, ptr::null_mut(), json, error)
    });
}

fn import_options(mode: i32) -> nexus_import_options {
    nexus_import_options {
        struct_size: size_of::<nexus_import_options>() as u32,
        mode,
        dry_run: 0,
        invalid_work_keys: NEXUS_KEYS_RENAME,
        missing_content: NEXUS_MISSING_SKIP,
        newer_by: NEXUS_NEWER_BY_CONTENT,
        max_lines: 0,
        max_bytes: 0,
        max_unpacked: 0,
    }
}

fn line(path: &str, content: &[u8], metadata: Value) -> Value {
    json!({
        "path": path, "etag": ContentHash::of(content).to_string(), "size": content.len(),
        "custom_metadata": metadata,
    })
}

/// The reports of imports and of bundles.
fn transfer(store: &mut Store) {
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let lines = [
        line("/a", b"plan", json!({"owner": "bob"})),
        line(
            "/new",
            b"a",
            json!({"priority": "high", "status": "ready", "depends_on": [unknown]}),
        ),
        line("/gone", b"never written", json!({})),
    ];
    let file = store.beside("lines.jsonl");
    fs::write(&file, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    let file = c_text(file.to_str().unwrap());
    let dry = nexus_import_options {
        dry_run: 1,
        ..import_options(NEXUS_IMPORT_REMAP)
    };
    for (name, options) in [
        ("import_dry", dry),
        ("import_skip", import_options(NEXUS_IMPORT_SKIP)),
        ("import_overwrite", import_options(NEXUS_IMPORT_OVERWRITE)),
        ("import_remap", import_options(NEXUS_IMPORT_REMAP)),
    ] {
        // SAFETY: the text is NUL-terminated, the options are whole, the outputs are writable.
        store.told(name, |fs, report, error| unsafe {
            nexus_import_metadata(
                fs,
                file.as_ptr(),
                &options,
                None,
                ptr::null_mut(),
                report,
                error,
            )
        });
    }
    let bundle = c_text(store.beside("bundle").to_str().unwrap());
    // SAFETY: the text is NUL-terminated, NULL is allowed for options and progress, the outputs are writable.
    store.told("bundle_export", |fs, report, error| unsafe {
        nexus_bundle_export(
            fs,
            bundle.as_ptr(),
            ptr::null(),
            None,
            ptr::null_mut(),
            report,
            error,
        )
    });
    let other = connect(&json!({"data_dir": store.beside("other"), "housekeeping": false}));
    // SAFETY: as above.
    store.told_by("bundle_import", other, |fs, report, error| unsafe {
        nexus_bundle_import(
            fs,
            bundle.as_ptr(),
            ptr::null(),
            None,
            ptr::null_mut(),
            report,
            error,
        )
    });
    // SAFETY: NULL is allowed for the error.
    unsafe { nexus_close(other, ptr::null_mut()) };
}

fn verify(store: &mut Store, name: &str, fs: *mut nexus_fs, flags: u32) {
    // SAFETY: NULL is allowed for the progress function, the outputs are writable.
    store.told_by(name, fs, |fs, report, error| unsafe {
        nexus_verify(fs, flags, None, ptr::null_mut(), report, error)
    });
}

/// The reports on the store itself: of a sound one, and of a damaged one.
fn upkeep(store: &mut Store) {
    let data = store.beside("data");
    let orphan = content_file(&data, b"orphan");
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, "orphan").unwrap();
    let stale = data.join("tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000");
    fs::write(stale, "unfinished").unwrap();
    verify(store, "verify_sound", store.c, NEXUS_VERIFY_CONTENT);
    // SAFETY: NULL is allowed for the progress function, the outputs are writable.
    store.told("gc", |fs, report, error| unsafe {
        nexus_gc(fs, None, ptr::null_mut(), report, error)
    });
    flip_bit(&content_file(&data, &noise(1)));
    let target = c_text(store.beside("backup").to_str().unwrap());
    // SAFETY: the text is NUL-terminated; else as above.
    store.told("backup", |fs, report, error| unsafe {
        nexus_backup(fs, target.as_ptr(), None, ptr::null_mut(), report, error)
    });
    store.damage("UPDATE metadata SET value = '{' WHERE key = 'lost'");
    let mut config = store.config.clone();
    config["mounts"] = json!([]);
    let unmounted = connect(&config);
    verify(store, "verify_damaged", unmounted, NEXUS_VERIFY_CONTENT);
    // SAFETY: NULL is allowed for the error.
    unsafe { nexus_close(unmounted, ptr::null_mut()) };
    let flags = NEXUS_VERIFY_CONTENT | NEXUS_VERIFY_REPAIR;
    verify(store, "repair", store.c, flags);
}

#[test]
fn reports_have_the_same_json_as_ever() {
    let mut store = filled();
    contents(&mut store);
    work(&mut store);
    transfer(&mut store);
    upkeep(&mut store);
    let expected: Vec<&str> = EXPECTED.lines().collect();
    for (told, expected) in store.told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(
        store.told.len(),
        expected.len(),
        "{}",
        store.told.join("\n")
    );
}

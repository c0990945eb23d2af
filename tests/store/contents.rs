//! Contents as files that cannot be written, or that something has damaged.

use nexusfs::content::ContentHash;
use nexusfs::filesystem::{Conditions, VerifyOptions};

use super::*;

fn content_file(place: &Place, data: &[u8]) -> PathBuf {
    let hash = ContentHash::of(data).to_string();
    place.path(&format!("store/cas/{}/{hash}", &hash[..2]))
}

/// Puts a file in the place of a directory, so that nothing can be made in it.
fn obstruct(directory: &Path) -> impl FnOnce() + use<> {
    let (directory, aside) = (directory.to_owned(), directory.with_extension("aside"));
    std::fs::rename(&directory, &aside).unwrap();
    std::fs::write(&directory, "in the way").unwrap();
    move || {
        std::fs::remove_file(&directory).unwrap();
        std::fs::rename(&aside, &directory).unwrap();
    }
}

#[test]
fn a_content_that_cannot_be_staged_changes_nothing() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", b"old").unwrap();
    let clear = obstruct(&place.path("store/tmp"));
    refused(write(&fs, "/a", LARGE), ErrorKind::Io);
    assert_eq!(fs.read("/a").unwrap(), b"old");
    clear();
    write(&fs, "/a", LARGE).unwrap();
    assert_eq!(fs.read("/a").unwrap(), LARGE);
}

#[test]
fn a_content_that_cannot_be_put_in_place_undoes_its_batch_which_may_be_tried_again() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", b"old").unwrap();
    let mut batch = fs.batch();
    batch.write("/a", b"new", &WriteOptions::default()).unwrap();
    batch.write("/b", LARGE, &WriteOptions::default()).unwrap();
    let clear = obstruct(&place.path("store/cas"));
    refused(batch.commit(), ErrorKind::Io);
    assert_eq!(fs.read("/a").unwrap(), b"old");
    assert!(!fs.exists("/b").unwrap());
    clear();
    batch.commit().unwrap();
    assert_eq!(fs.read("/a").unwrap(), b"new");
    assert_eq!(fs.read("/b").unwrap(), LARGE);
}

/// Nobody waits for a content being staged: where the lock is taken and nothing can be staged, the latter
/// comes first.
#[test]
fn an_append_that_makes_a_file_is_staged_before_the_write_lock_is_taken() {
    let place = Place::new();
    let fs = place.connect(json!({"busy_timeout_ms": 1}));
    let append = |path, data: &[u8]| fs.append(path, data, &WriteOptions::default()).map(drop);
    write(&fs, "/inline", b"ten bytes.").unwrap();
    write(&fs, "/file", LARGE).unwrap();
    let lock = place.beside();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let clear = obstruct(&place.path("store/tmp"));
    for path in ["/missing", "/inline", "/file"] {
        refused(append(path, LARGE), ErrorKind::Io);
    }
    refused(append("/inline", b"ten bytes."), ErrorKind::Io);
    refused(append("/inline", b"!"), ErrorKind::Busy);
    refused(append("/missing", b"!"), ErrorKind::Busy);
    clear();
    lock.execute_batch("ROLLBACK").unwrap();
    append("/missing", LARGE).unwrap();
    append("/inline", b"!").unwrap();
    append("/inline", LARGE).unwrap();
    assert_eq!(fs.read("/missing").unwrap(), LARGE);
    assert_eq!(
        fs.read("/inline").unwrap(),
        [b"ten bytes.!", LARGE].concat()
    );
}

#[test]
fn the_conditions_of_an_append_hold_for_large_content_too() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    let append = |if_match, if_none_match| {
        let options = WriteOptions {
            conditions: Conditions {
                if_match,
                if_none_match,
                ..Default::default()
            },
            ..Default::default()
        };
        fs.append("/a", LARGE, &options).map(drop)
    };
    let of = |times| ContentHash::of(&LARGE.repeat(times));
    refused(append(Some(of(1)), false), ErrorKind::Conflict);
    assert!(!fs.exists("/a").unwrap());
    append(None, true).unwrap();
    refused(append(None, true), ErrorKind::Conflict);
    refused(append(Some(of(2)), false), ErrorKind::Conflict);
    append(Some(of(1)), false).unwrap();
    assert_eq!(fs.read("/a").unwrap(), LARGE.repeat(2));
}

#[test]
fn a_content_that_a_batch_reads_back_is_put_in_place_once() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    let fs = place.connect(json!({}));
    let mut batch = fs.batch();
    batch.write("/a", LARGE, &WriteOptions::default()).unwrap();
    batch.copy("/a", "/b", &Default::default()).unwrap();
    let staged = std::fs::read_dir(place.path("store/tmp")).unwrap().next();
    let staged = staged.unwrap().unwrap().metadata().unwrap().ino();
    batch
        .append("/a", b"more", &WriteOptions::default())
        .unwrap();
    batch.commit().unwrap();
    assert_eq!(fs.read("/a").unwrap(), [LARGE, b"more"].concat());
    assert_eq!(fs.read("/b").unwrap(), LARGE);
    let stored = content_file(&place, LARGE).metadata().unwrap().ino();
    assert_eq!(stored, staged, "the content was copied again");
}

#[test]
fn a_batch_that_reads_back_what_it_staged_leaves_nothing_when_it_fails() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    let mut batch = fs.batch();
    batch.write("/a", LARGE, &WriteOptions::default()).unwrap();
    batch
        .append("/a", b"more", &WriteOptions::default())
        .unwrap();
    batch.delete("/missing", &Default::default()).unwrap();
    refused(batch.commit(), ErrorKind::NotFound);
    assert!(!content_file(&place, LARGE).exists());
}

#[test]
fn damage_is_reported_with_path_and_hash_and_never_read() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    let data: Vec<u8> = (0..600_000_u32).map(|at| (at % 251) as u8).collect();
    let hash = ContentHash::of(&data).to_string();
    let mut flipped = data.clone();
    flipped[300_000] ^= 1;
    let mut longer = data.clone();
    longer.push(0);
    for damaged in [&flipped[..], &data[..599_999], &[], &longer] {
        write(&fs, "/big", &data).unwrap();
        std::fs::write(content_file(&place, &data), damaged).unwrap();
        let message = refused(fs.read("/big"), ErrorKind::Corrupt);
        assert!(
            message.contains("/big") && message.contains(&hash),
            "{message}"
        );
        refused(fs.copy_bytes("/big", 300_000), ErrorKind::Corrupt);
        refused(
            fs.append("/big", b"x", &WriteOptions::default()),
            ErrorKind::Corrupt,
        );
        fs.stat("/big").unwrap();
        fs.delete("/big", &Default::default()).unwrap();
    }
    write(&fs, "/big", &data).unwrap();
    std::fs::write(content_file(&place, &data), &flipped).unwrap();
    assert_eq!(
        fs.copy_bytes("/big", 0).unwrap(),
        data[..10],
        "an undamaged block is read"
    );
}

#[test]
fn a_missing_content_is_corrupt_until_someone_writes_it_again() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", LARGE).unwrap();
    std::fs::remove_file(content_file(&place, LARGE)).unwrap();
    let message = refused(fs.read("/a"), ErrorKind::Corrupt);
    assert!(message.contains("/a"), "{message}");
    write(&fs, "/b", LARGE).unwrap();
    assert_eq!(fs.read("/a").unwrap(), LARGE, "the same bytes heal it");
    for damaged in [&LARGE[1..], b"", &[LARGE, b"more"].concat()] {
        std::fs::write(content_file(&place, LARGE), damaged).unwrap();
        refused(fs.read("/a"), ErrorKind::Corrupt);
        write(&fs, "/b", LARGE).unwrap();
        assert_eq!(fs.read("/a").unwrap(), LARGE, "the same bytes heal it");
    }
    std::fs::remove_file(content_file(&place, LARGE)).unwrap();
    fs.delete("/a", &Default::default()).unwrap();
    fs.delete("/b", &Default::default()).unwrap();
}

#[test]
fn writing_the_same_bytes_heals_damage_that_kept_the_length() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/large", LARGE).unwrap();
    write(&fs, "/small", b"small").unwrap();
    let mut flipped = LARGE.to_vec();
    flipped[LARGE.len() / 2] ^= 1;
    let database = Connection::open(place.database()).unwrap();
    for path in ["/large", "/small", "/new"] {
        std::fs::write(content_file(&place, LARGE), &flipped).unwrap();
        database
            .execute(
                "UPDATE content SET data = x'736d616c6d' WHERE data IS NOT NULL",
                [],
            )
            .unwrap();
        refused(fs.read("/large"), ErrorKind::Corrupt);
        refused(fs.read("/small"), ErrorKind::Corrupt);
        write(&fs, path, LARGE).unwrap();
        assert_eq!(fs.read("/large").unwrap(), LARGE, "{path}");
        write(&fs, path, b"small").unwrap();
        assert_eq!(fs.read(path).unwrap(), b"small");
        write(&fs, "/large", LARGE).unwrap();
        write(&fs, "/small", b"small").unwrap();
    }
    database.execute("DELETE FROM content", []).unwrap();
    refused(fs.read("/large"), ErrorKind::Corrupt);
    for (path, data) in [("/large", LARGE), ("/small", b"small")] {
        write(&fs, path, data).unwrap();
        assert_eq!(fs.read(path).unwrap(), data);
    }
    let report = fs.verify(
        VerifyOptions {
            content: true,
            repair: false,
        },
        &mut |_, _, _| true,
    );
    assert!(report.unwrap().contains("\"error_count\":0"));
}

#[test]
fn a_file_that_is_gone_is_put_back_by_a_handle_that_would_keep_it_inline() {
    let place = Place::new();
    let files = place.connect(json!({"inline_max_bytes": 0}));
    let inline = place.connect(json!({}));
    for damage in [None, Some(&b"smalm"[..])] {
        write(&files, "/a", b"small").unwrap();
        match damage {
            None => std::fs::remove_file(content_file(&place, b"small")).unwrap(),
            Some(bytes) => std::fs::write(content_file(&place, b"small"), bytes).unwrap(),
        }
        refused(inline.read("/a"), ErrorKind::Corrupt);
        write(&inline, "/b", b"small").unwrap();
        assert_eq!(inline.read("/a").unwrap(), b"small");
        assert_eq!(inline.read("/b").unwrap(), b"small");
    }
}

#[test]
fn a_content_that_is_inline_gets_no_file_from_a_handle_with_another_limit() {
    let place = Place::new();
    let wide = place.connect(json!({"inline_max_bytes": 4096}));
    write(&wide, "/a", LARGE).unwrap();
    let narrow = place.connect(json!({}));
    write(&narrow, "/a", LARGE).unwrap();
    write(&narrow, "/b", LARGE).unwrap();
    assert!(!content_file(&place, LARGE).exists());
    assert_eq!(narrow.read("/b").unwrap(), LARGE);
}

#[test]
fn a_file_that_was_planted_under_a_hash_is_not_trusted() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    let planted = content_file(&place, LARGE);
    std::fs::create_dir_all(planted.parent().unwrap()).unwrap();
    std::fs::write(&planted, "other bytes").unwrap();
    write(&fs, "/a", LARGE).unwrap();
    assert_eq!(fs.read("/a").unwrap(), LARGE);
    assert_eq!(std::fs::read(&planted).unwrap(), LARGE);
}

#[test]
fn collecting_removes_what_no_file_holds_and_nothing_else() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", LARGE).unwrap();
    let orphan = content_file(&place, b"held by nobody");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "held by nobody").unwrap();
    std::fs::write(
        place.path("store/tmp/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"),
        "half",
    )
    .unwrap();
    let report: Value = serde_json::from_str(&fs.gc(&mut |_, _, _| true).unwrap()).unwrap();
    assert_eq!(report["orphan_contents"], 1, "{report}");
    assert_eq!(report["orphan_bytes"], 14, "{report}");
    assert_eq!(report["temporary_files"], 1, "{report}");
    assert!(!orphan.exists() && content_file(&place, LARGE).exists());
    assert_eq!(
        std::fs::read_dir(place.path("store/tmp")).unwrap().count(),
        0
    );
}

#[test]
fn no_row_outlives_what_it_described() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    for path in ["/tree/a", "/tree/deep/b", "/c", "/replaced"] {
        write(&fs, path, path.as_bytes()).unwrap();
        write(&fs, path, LARGE).unwrap();
        fs.set_meta_many(path, r#"{"status": "ready", "k": [1]}"#)
            .unwrap();
    }
    fs.set_meta("/c", "depends_on", r#"["/tree/a"]"#, &Default::default())
        .unwrap();
    fs.set_meta(
        "/tree/a",
        "depends_on",
        r#""/replaced""#,
        &Default::default(),
    )
    .unwrap();
    fs.copy("/tree", "/copied", &Default::default()).unwrap();
    fs.rename("/copied/a", "/replaced", &Default::default())
        .unwrap();
    fs.delete("/c", &Default::default()).unwrap();
    fs.delete("/replaced", &Default::default()).unwrap();
    fs.rmdir("/tree", true).unwrap();
    fs.rmdir("/copied", true).unwrap();
    let database = place.beside();
    for table in [
        "paths",
        "content",
        "pending_deletions",
        "metadata",
        "work",
        "edges",
    ] {
        let rows: i64 = database
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(rows, 0, "rows left in {table}");
    }
}

trait CopyBytes {
    fn copy_bytes(&self, path: &str, offset: u64) -> Result<Vec<u8>, Error>;
}

impl CopyBytes for Filesystem {
    /// Reads ten bytes at `offset`.
    fn copy_bytes(&self, path: &str, offset: u64) -> Result<Vec<u8>, Error> {
        let mut buffer = [0; 10];
        let count = self.read_at(path, offset, &mut buffer)?;
        Ok(buffer[..count].to_vec())
    }
}
#[test]
fn large_appends_at_once_all_arrive() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    fs.append("/a", LARGE, &WriteOptions::default()).unwrap();
                }
            });
        }
    });
    assert_eq!(fs.read("/a").unwrap(), LARGE.repeat(20));
}

#[test]
fn a_writer_sets_metadata_in_the_transaction_of_its_commit() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    let written = |path: &str| {
        let mut writer = fs.open_writer(path, &WriteOptions::default()).unwrap();
        writer.write(LARGE).unwrap();
        writer
    };
    let describe = |etag: &ContentHash| json!({"of": etag.to_string()}).to_string();
    let entry = written("/a").commit_described(describe).unwrap();
    let etag = entry.file.unwrap().etag.to_string();
    assert_eq!(fs.get_meta("/a", "of").unwrap(), json!(etag).to_string());
    let refused_by_metadata = |_: &ContentHash| json!({"depends_on": "/nothing"}).to_string();
    refused(
        written("/b").commit_described(refused_by_metadata),
        ErrorKind::NotFound,
    );
    assert!(!fs.exists("/b").unwrap());
}

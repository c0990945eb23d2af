//! Opening: one engine for each database, and what does not belong together is refused untouched.

use super::*;

#[test]
fn handles_of_one_process_share_an_engine_and_see_each_other_at_once() {
    let place = Place::new();
    let first = place.connect(json!({"cache_size_mb": 7}));
    let second = place.connect(json!({"cache_size_mb": 9}));
    write(&first, "/a", b"1").unwrap();
    assert_eq!(second.read("/a").unwrap(), b"1");
    let config: Value = serde_json::from_str(&second.config()).unwrap();
    assert_eq!(
        config["cache_size_mb"],
        json!({"value": 7, "source": "engine"})
    );
}

#[test]
fn a_link_to_the_database_leads_to_the_same_engine() {
    let place = Place::new();
    let first = place.connect(json!({"cache_size_mb": 7}));
    write(&first, "/a", b"1").unwrap();
    std::os::unix::fs::symlink(place.path("store"), place.path("link")).unwrap();
    let second = place.connect(json!({"data_dir": place.path("link"), "cache_size_mb": 9}));
    assert!(
        second.config().contains("\"engine\""),
        "{}",
        second.config()
    );
    assert_eq!(second.read("/a").unwrap(), b"1");
}

#[test]
fn derived_handles_batches_and_readers_outlive_the_handle() {
    let place = Place::new();
    let parent = place.connect(json!({}));
    write(&parent, "/external/a", LARGE).unwrap();
    let derived = parent.with_identity(Some("acme"), None).unwrap();
    let clone = parent.clone();
    let mut batch = parent.batch();
    let mut reader = parent.open_reader("/external/a").unwrap();
    parent.shut_down();
    drop(parent);
    batch
        .write("/external/b", b"2", &WriteOptions::default())
        .unwrap();
    batch.commit().unwrap();
    assert_eq!(derived.read("/external/b").unwrap(), b"2");
    assert_eq!(clone.read("/external/b").unwrap(), b"2");
    let mut start = [0; 9];
    assert_eq!(reader.read(&mut start).unwrap(), 9);
    assert_eq!(start, LARGE[..9]);
}

#[test]
fn one_database_with_another_data_dir_is_refused_untouched() {
    let place = Place::new();
    let other = json!({"data_dir": place.path("other"), "db_path": place.database()});
    let open = place.connect(json!({}));
    write(&open, "/a", LARGE).unwrap();
    refused(place.try_connect(other.clone()), ErrorKind::InvalidConfig);
    drop(open);
    refused(place.try_connect(other), ErrorKind::InvalidConfig);
    assert!(
        !place.path("other/nexus-store").exists(),
        "the other directory was claimed"
    );
    assert_eq!(place.connect(json!({})).read("/a").unwrap(), LARGE);
}

#[test]
fn the_database_of_another_store_is_refused_untouched() {
    let place = Place::new();
    drop(place.connect(json!({})));
    drop(place.connect(json!({"data_dir": place.path("other")})));
    std::fs::copy(place.path("other/metadata.db"), place.database()).unwrap();
    let before = snapshot(&place.path("store"));
    refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
    assert_eq!(snapshot(&place.path("store")), before);
}

#[test]
fn a_data_dir_whose_database_is_gone_is_refused_untouched() {
    let place = Place::new();
    write(&place.connect(json!({})), "/a", LARGE).unwrap();
    std::fs::remove_file(place.database()).unwrap();
    let before = snapshot(&place.path("store"));
    refused(place.try_connect(json!({})), ErrorKind::InvalidConfig);
    assert_eq!(snapshot(&place.path("store")), before);
}

#[test]
fn a_database_of_another_application_is_refused_untouched() {
    for journal in ["DELETE", "WAL"] {
        let place = Place::new();
        let path = place.path("foreign.db");
        let connection = Connection::open(&path).unwrap();
        let mode = format!("PRAGMA journal_mode = {journal}");
        connection.query_row(&mode, [], |_| Ok(())).unwrap();
        connection
            .execute_batch("CREATE TABLE store (uuid TEXT); CREATE TABLE t (x)")
            .unwrap();
        connection.close().unwrap();
        let before = std::fs::read(&path).unwrap();
        let message = refused(
            place.try_connect(json!({"db_path": path.clone()})),
            ErrorKind::InvalidConfig,
        );
        assert!(message.contains("another application"), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "in mode {journal}");
        assert!(
            !place.path("store/nexus-store").exists(),
            "the directory was claimed"
        );
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_untouched() {
    let place = Place::new();
    let path = place.path("notes.txt");
    let text = "not a database at all, but long enough to look for a header in it. ".repeat(20);
    std::fs::write(&path, &text).unwrap();
    let error = place
        .try_connect(json!({"db_path": path.clone()}))
        .err()
        .expect("is refused");
    let expected = [ErrorKind::InvalidConfig, ErrorKind::Corrupt];
    assert!(expected.contains(&error.kind()), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_newer_schema_is_refused_untouched() {
    let place = Place::new();
    drop(place.connect(json!({})));
    place
        .beside()
        .execute_batch("UPDATE store SET schema_version = 99")
        .unwrap();
    let before = snapshot(&place.path("store"));
    let message = refused(place.try_connect(json!({})), ErrorKind::VersionMismatch);
    assert!(message.contains("99"), "{message}");
    assert_eq!(snapshot(&place.path("store")), before);
}

#[test]
fn an_open_handle_stops_when_another_process_migrates_the_store() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", LARGE).unwrap();
    place
        .beside()
        .execute_batch("UPDATE store SET schema_version = 99")
        .unwrap();
    let stopped = ErrorKind::VersionMismatch;
    refused(write(&fs, "/b", b"1"), stopped);
    refused(fs.delete("/a", &Default::default()), stopped);
    refused(fs.read("/a"), stopped);
    refused(fs.stat("/a"), stopped);
    refused(fs.exists("/a"), stopped);
    refused(fs.list(&Default::default()), stopped);
    refused(fs.glob("**", &Default::default()), stopped);
    refused(fs.find_by_meta("k", "1", &Default::default()), stopped);
    refused(fs.storage_stats(), stopped);
    refused(fs.work_stats(None), stopped);
    refused(fs.gc(&mut |_, _, _| true), stopped);
    refused(place.try_connect(json!({})), stopped);
    place
        .beside()
        .execute_batch("UPDATE store SET schema_version = 1")
        .unwrap();
    assert_eq!(fs.read("/a").unwrap(), LARGE, "the content survived");
}

#[test]
fn collecting_is_for_handles_that_may_maintain_the_store() {
    let place = Place::new();
    let operator = place.connect(json!({}));
    assert!(operator.gc(&mut |_, _, _| true).is_ok());
    let tenant = operator.with_identity(Some("acme"), None).unwrap();
    refused(tenant.gc(&mut |_, _, _| true), ErrorKind::AccessDenied);
    let agent = operator.with_identity(None, Some("bot")).unwrap();
    refused(agent.gc(&mut |_, _, _| true), ErrorKind::AccessDenied);
}

use super::*;
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::Path;

use crate::db::connection::{self, Role};
use crate::driver::statements;

fn open_log(path: &Path) -> Connection {
    let flags = OpenFlags::default();
    let connection = Connection::open_with_flags_and_vfs(path, flags, file_system().unwrap());
    let connection = connection.unwrap();
    // Few pages, so that large transactions are written in parts, and pages of one again.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;
             PRAGMA cache_size = 10; PRAGMA temp_store = MEMORY;
             CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT)",
        )
        .unwrap();
    connection
}

/// Opens a database with a table of texts.
pub(super) fn open_texts(path: &Path) -> statements::Connection {
    let connection = connection::open(path, Role::Creator, 4096).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
             CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT)",
        )
        .unwrap();
    connection
}

/// What SQLite's own file system finds in a copy of the files, of which only the checksums of the log say which
/// transactions it holds.
fn recovered(path: &Path) -> Vec<(i64, String)> {
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy.db");
    for suffix in ["", "-wal"] {
        let with = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(with(path), with(&copy)).unwrap();
    }
    rows(&Connection::open(&copy).unwrap())
}

fn rows(connection: &Connection) -> Vec<(i64, String)> {
    let mut statement = connection.prepare("SELECT * FROM t ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(|row| row.unwrap()).collect()
}

fn commit(connection: &Connection) {
    committing(connection, || connection.execute_batch("COMMIT")).unwrap();
}

/// Changes `some` rows, of which a part is taken back.
fn change(connection: &Connection, round: i64, some: i64) {
    for step in 0..some {
        let id = (round * 7 + step * 13) % 500;
        connection
            .execute(
                "INSERT OR REPLACE INTO t VALUES (?1, printf('%.*c', 900 + ?2, 'x'))",
                (id, round),
            )
            .unwrap();
        if step % 150 == 149 {
            let end = ["ROLLBACK TO s", "RELEASE s"][round as usize % 2];
            connection
                .execute_batch(&format!(
                    "SAVEPOINT s; UPDATE t SET text = text || 'gone'; {end}"
                ))
                .unwrap();
        }
    }
}

#[test]
fn each_commit_is_in_the_file_when_it_returns_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("log.db");
    let writers = [open_log(&path), open_log(&path)];
    // One that writes a large transaction by its commit alone, in several pieces.
    writers[1].pragma_update(None, "cache_size", 2000).unwrap();
    let reader = Connection::open(&path).unwrap();
    let mut expected = Vec::new();
    for round in 0..60 {
        let writer = &writers[round / 2 % 2];
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        change(writer, round as i64, [1, 3, 400][round % 3]);
        if round % 5 == 4 {
            writer.execute_batch("ROLLBACK").unwrap();
        } else {
            expected = rows(writer);
            commit(writer);
        }
        assert_eq!(rows(&reader), expected, "round {round}");
        assert_eq!(recovered(&path), expected, "round {round}, recovered");
        for writer in &writers {
            assert_eq!(rows(writer), expected, "round {round}, to a writer");
        }
        if round % 11 == 10 {
            writer
                .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
                .unwrap();
        }
    }
}

#[test]
fn what_is_rolled_back_never_stands_in_the_way_of_another_commit() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("log.db");
    let (one, other) = (open_log(&path), open_log(&path));
    one.execute_batch("BEGIN IMMEDIATE").unwrap();
    change(&one, 0, 400);
    one.execute_batch("ROLLBACK").unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    change(&other, 1, 100);
    commit(&other);
    let expected = rows(&other);
    assert_eq!(rows(&one), expected);
    drop(one);
    assert_eq!(rows(&other), expected);
    assert_eq!(recovered(&path), expected);
}

#[test]
fn a_commit_makes_one_call() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("log.db");
    let writer = open_log(&path);
    let calls = || {
        let io = fs::read_to_string("/proc/thread-self/io").unwrap();
        let line = io.lines().find(|line| line.starts_with("syscw")).unwrap();
        line["syscw: ".len()..].parse::<u64>().unwrap()
    };
    // The first one may have to make room in the database.
    for expected in [None, Some(1)] {
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        change(&writer, 0, 20);
        let before = calls();
        commit(&writer);
        assert!(expected.is_none_or(|expected| calls() - before == expected));
    }
}

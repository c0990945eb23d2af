//! `docs/format.md` beside the database of a new store.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::json;

use super::{quoted, read, section};

/// A store as this version makes it.
fn new_database() -> (tempfile::TempDir, rusqlite::Connection) {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("store");
    let config = json!({ "data_dir": data_dir }).to_string();
    drop(nexusfs::connect(Some(&config)).unwrap());
    let database = rusqlite::Connection::open(data_dir.join("metadata.db")).unwrap();
    (directory, database)
}

fn texts(database: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn format_md_describes_every_table_column_index_and_view() {
    let page = read("docs/format.md");
    let (_directory, database) = new_database();
    let mut missing = Vec::new();
    for table in texts(
        &database,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    ) {
        let heading = page
            .lines()
            .find(|line| line.starts_with("### ") && quoted(line).any(|name| name == table));
        let Some(heading) = heading else {
            missing.push(format!("the table {table}"));
            continue;
        };
        let described: BTreeSet<&str> = quoted(section(&page, heading))
            // As `table.column`, or `.column` behind another.
            .map(|name| name.rsplit('.').next().unwrap_or(name))
            .collect();
        let columns = texts(
            &database,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        );
        let indexes = texts(
            &database,
            &format!("SELECT name FROM pragma_index_list('{table}') WHERE origin = 'c'"),
        );
        let unnamed = columns.iter().chain(&indexes);
        let unnamed = unnamed.filter(|name| !described.contains(name.as_str()));
        missing.extend(unnamed.map(|name| format!("{table}: {name}")));
    }
    let named: BTreeSet<&str> = quoted(&page).collect();
    let views = texts(
        &database,
        "SELECT name FROM sqlite_schema WHERE type = 'view'",
    );
    missing.extend(
        views
            .into_iter()
            .filter(|view| !named.contains(view.as_str())),
    );
    assert!(
        missing.is_empty(),
        "docs/format.md does not describe {missing:#?}"
    );
}

#[test]
fn format_md_names_the_schema_and_the_statuses_that_a_new_store_has() {
    let page = read("docs/format.md");
    let (_directory, database) = new_database();
    let version = &texts(&database, "SELECT CAST(schema_version AS TEXT) FROM store")[0];
    assert!(
        page.contains(&format!("`store.schema_version`. It is {version} now")),
        "the schema is {version}"
    );
    let view = &texts(
        &database,
        "SELECT sql FROM sqlite_schema WHERE name = 'work_items'",
    )[0];
    let numbers = Regex::new(r"WHEN (\d) THEN '([a-z_]+)'").unwrap();
    let statuses: Vec<_> = numbers
        .captures_iter(view)
        .map(|one| one.extract().1)
        .collect();
    assert_eq!(statuses.len(), 7, "the view names every status: {view}");
    for [number, name] in statuses {
        assert!(
            page.contains(&format!("{number} `{name}`")),
            "{name} is {number}"
        );
    }
}

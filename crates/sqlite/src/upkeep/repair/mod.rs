//! Repairs of rows. Each transaction checks its row again.
//!
//! The next round finds the consequences of a change, such as a content without references.

pub(in super::super) mod files;
mod mender;
pub(in super::super) mod names;

use nexusfs_core::metadata::{Finding, FindingKind, MetadataValue, RowKey};
use nexusfs_core::path::parent_of;
use nexusfs_core::path_id::PathId;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};

use self::mender::Mender;
use crate::db::columns;
use crate::db::holders::has_holder;
use crate::driver::statements::Connection;
use crate::error::Result;
use crate::queue;
use crate::write::namespaces;

/// Returns the repair of `finding`; `None` if changes of rows alone do not help.
pub(in super::super) fn plan(finding: &Finding) -> Option<&'static str> {
    use FindingKind::*;
    Some(match (finding.kind, &finding.row) {
        (DamagedRow, RowKey::Table(table)) => {
            correction(table)?;
            "what nothing writes is replaced by what is always true"
        }
        (Index, RowKey::Table(_)) => "the indexes of the table are built again",
        (InvalidPath, RowKey::PathBytes(_)) => "it gets a name that can be read",
        (MissingAncestor, RowKey::Path(_)) => "the directory gets a row",
        (EmptyDirectory, RowKey::Path(_)) => "the directory is removed",
        (SplitContent, RowKey::Path(_)) => "the files get one content",
        (OrphanRow, RowKey::Content(_)) => "the content is removed",
        (OrphanRow | DamagedRow, RowKey::Metadata(..)) => "the key is removed",
        (WrongDigest, RowKey::Metadata(..)) => "the digest is made again",
        (OrphanRow, RowKey::Work(_)) => "the work keys are removed",
        (DamagedRow, RowKey::Work(_)) => {
            "what no call writes is replaced by what is nearest; without a status the item becomes pending"
        }
        (WrongCount, RowKey::Work(_)) => "the item is counted again",
        (DanglingEdge, RowKey::Edge(..)) => {
            "the dependency is removed; an item that waited for it becomes pending"
        }
        (WrongEdge, RowKey::Edge(..)) => "the edge is opened or closed as its item says",
        _ => return None,
    })
}

/// Returns the statement that corrects the rows of a small table.
fn correction(table: &str) -> Option<&'static str> {
    let mut tables = columns::SMALL.iter();
    tables.find(|small| small.name == table)?.correction
}

/// Repairs the row of `finding`; returns whether anything was changed.
pub(in super::super) fn mend(connection: &Connection, finding: &Finding) -> Result<bool> {
    use FindingKind::*;
    let mender = Mender(connection);
    match (finding.kind, &finding.row) {
        (Index, RowKey::Table(table)) => {
            if table == "paths" {
                names::tell_ids_apart(connection)?;
            }
            connection.execute_batch(&format!("REINDEX {table}"))?;
            Ok(true)
        }
        (DamagedRow, RowKey::Table(table)) => match correction(table) {
            Some(sql) => Ok(connection.execute(sql, [])? > 0),
            None => Ok(false),
        },
        (InvalidPath, RowKey::PathBytes(bytes)) => names::make_text(connection, bytes),
        (MissingAncestor, RowKey::Path(path)) => mender.add_ancestors(path),
        (EmptyDirectory, RowKey::Path(path)) => mender.run(
            "DELETE FROM paths WHERE path = ?1 AND kind = 3
               AND NOT EXISTS (SELECT 1 FROM paths AS p
                               WHERE p.path >= ?1 || '/' AND p.path < ?1 || '0')",
            [path],
        ),
        (SplitContent, RowKey::Path(path)) => mender.join_contents(path),
        (OrphanRow, RowKey::Content(key)) => mender.remove_content(key.id),
        (OrphanRow, RowKey::Metadata(path, key)) => mender.run(
            "DELETE FROM metadata WHERE path = ?1 AND key = ?2
               AND NOT EXISTS (SELECT 1 FROM paths WHERE path = ?1 AND kind IN (1, 2))",
            [path, key],
        ),
        (DamagedRow, RowKey::Metadata(path, key)) => mender.remove_damaged_value(path, key),
        (WrongDigest, RowKey::Metadata(path, key)) => mender.digest_again(path, key),
        (OrphanRow, RowKey::Work(path)) => mender.remove_work(path),
        (DamagedRow, RowKey::Work(path)) => mender.correct_item(path),
        (WrongCount, RowKey::Work(path)) => mender.count_again(path),
        (DanglingEdge, RowKey::Edge(item, blocker)) => mender.remove_edge(*item, *blocker),
        (WrongEdge, RowKey::Edge(item, blocker)) => mender.correct_edge(*item, *blocker),
        _ => Ok(false),
    }
}

impl Mender<'_> {
    fn add_ancestors(&self, path: &str) -> Result<bool> {
        let mut added = false;
        let mut child = path;
        let now = nexusfs_core::time::now();
        while let Some(parent) = parent_of(child).filter(|parent| !matches!(*parent, "/" | "")) {
            added |= self.run(
                "INSERT OR IGNORE INTO paths (path, kind, created_at, modified_at)
                 VALUES (?1, 3, ?2, ?2)",
                (parent, now),
            )?;
            child = parent;
        }
        Ok(added)
    }

    /// Gives all files of one content the first correct row of it.
    fn join_contents(&self, path: &str) -> Result<bool> {
        self.run(
            "UPDATE paths AS p SET content_id = (
                 SELECT c.id FROM paths AS q JOIN content AS c ON c.id = q.content_id
                 WHERE q.etag = p.etag AND q.backend_id = p.backend_id
                   AND c.hash = q.etag AND c.backend_id = q.backend_id AND c.size = q.size
                 ORDER BY c.id LIMIT 1)
             WHERE (etag, backend_id) = (SELECT etag, backend_id FROM paths WHERE path = ?1)
               AND EXISTS (
                 SELECT 1 FROM paths AS q JOIN content AS c ON c.id = q.content_id
                 WHERE q.etag = p.etag AND q.backend_id = p.backend_id
                   AND c.hash = q.etag AND c.backend_id = q.backend_id AND c.size = q.size)",
            [path],
        )
    }

    /// Removes the row of a content without references, and marks its file, if there is one, as pending deletion.
    fn remove_content(&self, id: i64) -> Result<bool> {
        self.run(
            concat!(
                "INSERT OR IGNORE INTO pending_deletions (backend_id, hash)
                 SELECT backend_id, hash FROM content AS c
                 WHERE id = ?1 AND data IS NULL AND length(hash) = 32
                   AND backend_id IN (SELECT id FROM backends) AND NOT ",
                has_holder!("c")
            ),
            [id],
        )?;
        self.run(
            concat!(
                "DELETE FROM content AS c WHERE id = ?1 AND NOT ",
                has_holder!("c")
            ),
            [id],
        )
    }

    fn digest_again(&self, path: &str, key: &str) -> Result<bool> {
        let value: Option<String> = self
            .0
            .prepare_cached("SELECT value FROM metadata WHERE path = ?1 AND key = ?2")?
            .query_row([path, key], |row| row.get(0))
            .optional()?;
        match value.map(|value| MetadataValue::parse(key, &value)) {
            Some(Ok(MetadataValue::Json { digest, .. })) => self.run(
                "UPDATE metadata SET digest = ?3 WHERE path = ?1 AND key = ?2",
                (path, key, digest),
            ),
            _ => Ok(false),
        }
    }

    fn remove_damaged_value(&self, path: &str, key: &str) -> Result<bool> {
        let is_good = value_of(self.0, path, key)?
            .is_some_and(|value| MetadataValue::parse(key, &value).is_ok());
        match is_good {
            true => Ok(false),
            false => self.run(
                "DELETE FROM metadata WHERE path = ?1 AND key = ?2",
                [path, key],
            ),
        }
    }

    fn remove_work(&self, path: &str) -> Result<bool> {
        self.run(
            "DELETE FROM edges WHERE item_id = (SELECT path_id FROM work WHERE path = ?1)
               AND NOT EXISTS (SELECT 1 FROM work AS w JOIN paths AS p ON p.path = w.path
                               WHERE w.path = ?1 AND p.kind = 1 AND p.path_id = w.path_id)",
            [path],
        )?;
        self.run(
            "DELETE FROM work WHERE path = ?1
               AND NOT EXISTS (SELECT 1 FROM paths AS p
                               WHERE p.path = work.path AND p.kind = 1
                                 AND p.path_id = work.path_id)",
            [path],
        )
    }

    /// Replaces a value of the item that no call writes by the nearest possible one. If its state or its `not_before`
    /// is unknown, a person must decide.
    fn correct_item(&self, path: &str) -> Result<bool> {
        let names: Vec<&str> = columns::WORK.iter().map(|column| column.name).collect();
        let sql = format!("SELECT {} FROM work WHERE path = ?1", names.join(", "));
        let wrong = self.0.prepare_composed(&sql)?.query_row([path], |row| {
            let mut wrong = Vec::new();
            for (index, column) in columns::WORK.iter().enumerate() {
                let value = row.get_ref(index)?;
                if !column.may_hold(value) {
                    wrong.push((column.name, column.nearest(value)));
                }
            }
            Ok(wrong)
        });
        let wrong = wrong.optional()?.unwrap_or_default();
        if wrong.is_empty() {
            return Ok(false);
        }
        // In one statement: a STRICT table checks the whole row. Of two values for one column, SQLite takes the last.
        let has_no_status = wrong.iter().any(|(name, _)| *name == "status");
        let mut assignments = Vec::with_capacity(wrong.len());
        let mut values = vec![Value::from(path.to_owned())];
        for (name, nearest) in wrong {
            match name {
                "status" => assignments.push(
                    "lease = NULL, lease_deadline = NULL, lease_expires_at = NULL".to_owned(),
                ),
                "lease" | "lease_deadline" | "lease_expires_at" if has_no_status => continue,
                "not_before" if nearest == Value::Null => {
                    assignments.push("delayed = 0".to_owned());
                    if !has_no_status {
                        let pending =
                            "status = iif(status = 1 /* ready */, 5 /* pending */, status)";
                        assignments.push(pending.to_owned());
                    }
                }
                _ => {}
            }
            values.push(nearest);
            assignments.push(format!("{name} = ?{}", values.len()));
        }
        let sql = format!("UPDATE work SET {} WHERE path = ?1", assignments.join(", "));
        self.0
            .prepare_composed(&sql)?
            .execute(params_from_iter(values))?;
        self.count_again(path)?;
        Ok(true)
    }

    fn count_again(&self, path: &str) -> Result<bool> {
        // Before the item is claimable, if it then waits for nothing.
        self.run(
            "UPDATE edges SET blocker_path = NULL,
                 open = EXISTS (SELECT 1 FROM work
                                WHERE path_id = edges.blocker_id AND status <> 3 /* completed */)
             WHERE item_id = (SELECT path_id FROM work WHERE path = ?1)
               AND EXISTS (SELECT 1 FROM paths WHERE path_id = edges.blocker_id)",
            [path],
        )?;
        let counted = self.run(
            "UPDATE work SET
                 dependencies = (
                     SELECT iif(count(*) = 0 AND work.dependencies IS NULL, NULL, count(*))
                     FROM edges WHERE item_id = work.path_id),
                 open_edges = (
                     SELECT count(*) FROM edges WHERE item_id = work.path_id AND open = 1),
                 created_at = coalesce(
                     (SELECT created_at FROM paths WHERE paths.path = work.path), created_at)
             WHERE path = ?1",
            [path],
        )?;
        self.run(
            "UPDATE work SET status = 1 /* ready */
             WHERE path = ?1 AND status = 4 /* blocked */ AND open_edges = 0 AND dependencies > 0",
            [path],
        )?;
        queue::place_again(self.0, &namespaces::load(self.0)?, path)?;
        Ok(counted)
    }

    fn count_item_again(&self, item: PathId) -> Result<bool> {
        let path: Option<String> = self
            .0
            .prepare_cached("SELECT path FROM work WHERE path_id = ?1")?
            .query_row([item.as_bytes()], |row| row.get(0))
            .optional()?;
        path.map_or(Ok(false), |path| self.count_again(&path))
    }

    /// Whether the dependency was completed is unknown, so a person must decide.
    fn remove_edge(&self, item: PathId, blocker: PathId) -> Result<bool> {
        self.run(
            "UPDATE work SET status = 5 /* pending */
             WHERE path_id = ?1 AND status IN (1 /* ready */, 4 /* blocked */)
               AND EXISTS (SELECT 1 FROM edges
                           WHERE item_id = ?1 AND blocker_id = ?2 AND open <> 0)",
            (item.as_bytes(), blocker.as_bytes()),
        )?;
        let removed = self.run(
            "DELETE FROM edges WHERE item_id = ?1 AND blocker_id = ?2",
            (item.as_bytes(), blocker.as_bytes()),
        )?;
        self.count_item_again(item)?;
        Ok(removed)
    }

    fn correct_edge(&self, item: PathId, blocker: PathId) -> Result<bool> {
        let corrected = self.run(
            "UPDATE edges SET blocker_path = NULL,
                 open = EXISTS (SELECT 1 FROM work
                                WHERE path_id = edges.blocker_id AND status <> 3 /* completed */)
             WHERE item_id = ?1 AND blocker_id = ?2
               AND EXISTS (SELECT 1 FROM paths WHERE path_id = edges.blocker_id)",
            (item.as_bytes(), blocker.as_bytes()),
        )?;
        self.count_item_again(item)?;
        Ok(corrected)
    }
}

/// Returns the value of a key that is about to be removed.
pub(in super::super) fn value_of(
    connection: &Connection,
    path: &str,
    key: &str,
) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT CAST(value AS TEXT) FROM metadata WHERE path = ?1 AND key = ?2")?
        .query_row([path, key], |row| {
            let bytes = row.get_ref(0)?.as_bytes().unwrap_or_default();
            Ok(String::from_utf8_lossy(bytes).into_owned())
        })
        .optional()?)
}

#[cfg(test)]
mod tests {
    use nexusfs_core::work::Status;

    use super::*;
    use crate::db::schema;

    /// Another step corrects the edge; no worker may claim the item before.
    #[test]
    fn an_item_that_is_counted_is_not_claimable_while_its_blocker_is_open() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        schema::prepare(&mut connection, "00000000-0000-4000-8000-000000000000").unwrap();
        connection
            .execute_batch(
                "INSERT INTO paths (path, kind, path_id, created_at, modified_at)
                 VALUES ('/b', 1, x'01', 1, 1), ('/i', 1, x'02', 1, 1);
                 INSERT INTO work (path, path_id, created_at, directory, scope, item, status, rank,
                                   dependencies, open_edges)
                 VALUES ('/b', x'01', 1, '', '', 1, 5 /* pending */, 5, NULL, 0),
                        ('/i', x'02', 1, '', '', 1, 4 /* blocked */, 5, 1, 1);
                 INSERT INTO edges (item_id, blocker_id, open, position) VALUES (x'02', x'01', 0, 0);",
            )
            .unwrap();
        let connection = Connection::from(connection);
        let finding = Finding {
            kind: FindingKind::WrongCount,
            row: RowKey::Work("/i".to_owned()),
            path: None,
            hash: None,
            message: String::new(),
        };
        assert!(mend(&connection, &finding).unwrap());
        let state: (i64, i64) = connection
            .query_row(
                "SELECT status, open_edges FROM work WHERE path = '/i'",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(state, (Status::Blocked.number(), 1));
    }
}

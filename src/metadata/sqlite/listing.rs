//! Pages of entries: range scans over the names.

use rusqlite::Connection;

use super::backends::BackendCache;
use super::rows::{EntryDecoder, entry_columns};
use crate::call::Call;
use crate::error::Result;
use crate::metadata::{Entry, EntryQuery, Scope};
use crate::path::{VirtualPath, parent_of};
use crate::range::{PathRange, Visible};

/// How many rows are read between two looks at whether the call was interrupted.
const INTERRUPT_CHECK: usize = 1024;

/// Returns the first entries of `query` that are visible, in the order of their paths.
pub(super) fn page(
    connection: &Connection,
    backends: &BackendCache,
    query: &EntryQuery,
    visible: &Visible,
    call: &Call,
) -> Result<Vec<Entry>> {
    let scope = query.scope.range();
    let rest = match &query.after {
        Some(last) => scope.after(last),
        None => Some(scope),
    };
    let Some(rest) = rest else {
        return Ok(Vec::new());
    };
    let mut scan = Scan {
        connection,
        decoder: EntryDecoder::new(connection, backends),
        call,
        limit: query.limit,
        entries: Vec::new(),
    };
    for range in visible.within(&rest) {
        match &query.scope {
            Scope::Children(directory) => scan.children(directory, range)?,
            Scope::Range(_) => scan.range(&range, query.directories)?,
        }
        if scan.is_full() {
            break;
        }
    }
    let mut entries = scan.entries;
    if query.directories || matches!(query.scope, Scope::Children(_)) {
        add_gates(connection, &mut entries, query, &rest, visible)?;
        entries.truncate(query.limit);
    }
    Ok(entries)
}

struct Scan<'a> {
    connection: &'a Connection,
    decoder: EntryDecoder<'a>,
    call: &'a Call,
    limit: usize,
    entries: Vec<Entry>,
}

impl Scan<'_> {
    fn is_full(&self) -> bool {
        self.entries.len() >= self.limit
    }

    /// Adds what is in `range`.
    fn range(&mut self, range: &PathRange, directories: bool) -> Result<()> {
        let mut statement = self.connection.prepare_cached(if directories {
            concat!(
                "SELECT ",
                entry_columns!(),
                " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 ORDER BY p.path LIMIT ?3"
            )
        } else {
            concat!(
                "SELECT ",
                entry_columns!(),
                " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 AND p.kind = 1
                 ORDER BY p.path LIMIT ?3"
            )
        })?;
        let limit = i64::try_from(self.limit - self.entries.len()).unwrap_or(i64::MAX);
        let mut rows = statement.query((&range.start, &range.end, limit))?;
        while let Some(row) = rows.next()? {
            self.push(row)?;
        }
        Ok(())
    }

    /// Adds the children of `directory` that are in `range`, seeking past what is under each.
    fn children(&mut self, directory: &VirtualPath, mut range: PathRange) -> Result<()> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 ORDER BY p.path"
        ))?;
        let name_at = directory.child_prefix().len();
        while !self.is_full() {
            let mut rows = statement.query([&range.start, &range.end])?;
            let mut below = None;
            while let Some(row) = rows.next()? {
                let path = row.get_ref(0)?.as_str().unwrap_or_default();
                if let Some(slash) = path.get(name_at..).and_then(|name| name.find('/')) {
                    below = Some(PathRange::under(&path[..name_at + slash]));
                    break;
                }
                self.push(row)?;
                if self.is_full() {
                    break;
                }
            }
            match below {
                Some(below) => range.start = below.end,
                None => break,
            }
        }
        Ok(())
    }

    fn push(&mut self, row: &rusqlite::Row<'_>) -> Result<()> {
        if self.entries.len().is_multiple_of(INTERRUPT_CHECK) {
            self.call.check()?;
        }
        let entry = self.decoder.decode(row)?;
        self.entries.push(entry);
        Ok(())
    }
}

/// Adds the directories above the caller's own part, where that exists.
fn add_gates(
    connection: &Connection,
    entries: &mut Vec<Entry>,
    query: &EntryQuery,
    rest: &PathRange,
    visible: &Visible,
) -> Result<()> {
    let full = entries.len() >= query.limit;
    let last = entries.last().map(|entry| entry.path.as_str().to_owned());
    for path in gates(connection, visible, rest)? {
        let in_scope = match &query.scope {
            Scope::Children(directory) => parent_of(&path) == Some(directory.as_str()),
            Scope::Range(_) => true,
        };
        let beyond_page = full && last.as_deref().is_none_or(|last| path.as_str() > last);
        if in_scope && !beyond_page {
            let at = entries.partition_point(|entry| entry.path.as_str() < path.as_str());
            entries.insert(at, implied_directory(VirtualPath::from_stored(path)));
        }
    }
    Ok(())
}

/// Returns the gates in `range` that exist, each once.
fn gates(connection: &Connection, visible: &Visible, range: &PathRange) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for gate in &visible.gates {
        if range.contains(&gate.path)
            && found.last() != Some(&gate.path)
            && super::rows::find(connection, &gate.own)?.is_some()
        {
            found.push(gate.path.clone());
        }
    }
    Ok(found)
}

/// Returns whether the directory `path`, above the caller's own parts, exists for the caller.
pub(super) fn gate_exists(connection: &Connection, visible: &Visible, path: &str) -> Result<bool> {
    Ok(!gates(connection, visible, &PathRange::of_path(path))?.is_empty())
}

/// Returns the entry of a directory that exists only because something is in it.
pub(super) fn implied_directory(path: VirtualPath) -> Entry {
    Entry {
        path,
        path_id: None,
        created_at: 0,
        modified_at: 0,
        file: None,
    }
}

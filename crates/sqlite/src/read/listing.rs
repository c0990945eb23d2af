//! Pages of entries: range scans over `paths`.

use std::collections::VecDeque;

use nexusfs_core::call::Call;
use nexusfs_core::metadata::{EntryQuery, EntryRef, Scope};
use nexusfs_core::path::{VirtualPath, parent_of};
use nexusfs_core::range::{PathRange, Visible};

use super::scan::{EntryDecoder, hand_over};
use crate::db::backends::BackendCache;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Rows that are read between two checks for interrupts.
const INTERRUPT_CHECK: usize = 1024;

/// Passes the first entries of `query` that are visible to `found`, in the order of their paths.
pub(in super::super) fn page(
    connection: &Connection,
    backends: &BackendCache,
    query: &EntryQuery,
    visible: &Visible,
    call: &Call,
    found: &mut dyn FnMut(EntryRef<'_>),
) -> Result<()> {
    let scope = query.scope.range();
    let rest = match &query.after {
        Some(last) => scope.after(last),
        None => Some(scope),
    };
    let Some(rest) = rest else {
        return Ok(());
    };
    let mut scan = Scan {
        connection,
        decoder: EntryDecoder::new(connection, backends),
        call,
        gates: gates_in_scope(connection, query, &rest, visible)?.into(),
        left: query.limit,
        found,
    };
    for range in visible.within(&rest) {
        match &query.scope {
            Scope::Children(directory) => scan.children(directory, range)?,
            Scope::Range(_) => scan.range(&range, query.directories)?,
        }
        if scan.left == 0 {
            return Ok(());
        }
    }
    scan.pass_gates(None);
    Ok(())
}

struct Scan<'a> {
    connection: &'a Connection,
    decoder: EntryDecoder<'a>,
    call: &'a Call,
    /// Gates (directories above the caller's own ones) that are still to be returned, in order.
    gates: VecDeque<String>,
    /// How many entries the page still takes.
    left: usize,
    found: &'a mut dyn FnMut(EntryRef<'_>),
}

impl Scan<'_> {
    /// Adds what is in `range`.
    fn range(&mut self, range: &PathRange, directories: bool) -> Result<()> {
        let mut statement = self.connection.prepare_cached(if directories {
            concat!(
                "SELECT ",
                hand_over!("p.kind"),
                " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 ORDER BY p.path LIMIT ?3"
            )
        } else {
            concat!(
                "SELECT ",
                hand_over!("1"),
                " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 AND p.kind = 1
                 ORDER BY p.path LIMIT ?3"
            )
        })?;
        let limit = i64::try_from(self.left).unwrap_or(i64::MAX);
        let mut rows = statement.query((&range.start, &range.end, limit))?;
        while self.left > 0 && rows.next()?.is_some() {
            self.push()?;
        }
        Ok(())
    }

    /// Adds the children of `directory` that are in `range`, seeking past what is under each.
    fn children(&mut self, directory: &VirtualPath, mut range: PathRange) -> Result<()> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            hand_over!("p.kind"),
            " FROM paths AS p WHERE p.path >= ?1 AND p.path < ?2 ORDER BY p.path"
        ))?;
        let name_at = directory.child_prefix().len();
        while self.left > 0 {
            let mut rows = statement.query([&range.start, &range.end])?;
            let mut below = None;
            while below.is_none() && self.left > 0 && rows.next()?.is_some() {
                below = self.decoder.entry(|entry| {
                    let slash = entry.path.get(name_at..)?.find('/')?;
                    Some(PathRange::under(&entry.path[..name_at + slash]))
                })?;
                if below.is_none() {
                    self.push()?;
                }
            }
            match below {
                Some(below) => range.start = below.end,
                None => break,
            }
        }
        Ok(())
    }

    /// Adds the entry that was handed over last.
    fn push(&mut self) -> Result<()> {
        if self.left.is_multiple_of(INTERRUPT_CHECK) {
            self.call.check()?;
        }
        if !self.gates.is_empty() {
            let next = self.decoder.entry(|entry| entry.path.to_owned())?;
            self.pass_gates(Some(&next));
        }
        if self.left > 0 {
            self.left -= 1;
            self.decoder.entry(&mut *self.found)?;
        }
        Ok(())
    }

    /// Passes on the gates that come before the path `next`, or all.
    fn pass_gates(&mut self, next: Option<&str>) {
        while self.left > 0
            && let Some(gate) = self.gates.front()
            && next.is_none_or(|next| gate.as_str() < next)
        {
            (self.found)(EntryRef::implied_directory(gate));
            self.gates.pop_front();
            self.left -= 1;
        }
    }
}

/// Returns the existing gates that `query` is about.
fn gates_in_scope(
    connection: &Connection,
    query: &EntryQuery,
    rest: &PathRange,
    visible: &Visible,
) -> Result<Vec<String>> {
    match &query.scope {
        Scope::Range(_) if !query.directories => Ok(Vec::new()),
        Scope::Range(_) => gates(connection, visible, rest),
        Scope::Children(directory) => {
            let mut gates = gates(connection, visible, rest)?;
            gates.retain(|gate| parent_of(gate) == Some(directory.as_str()));
            Ok(gates)
        }
    }
}

/// Returns the gates in `range` that exist, each once.
fn gates(connection: &Connection, visible: &Visible, range: &PathRange) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for gate in &visible.gates {
        if range.contains(&gate.path)
            && found.last() != Some(&gate.path)
            && crate::db::rows::find(connection, &gate.own)?.is_some()
        {
            found.push(gate.path.clone());
        }
    }
    Ok(found)
}

/// Returns whether the gate `path` exists for the caller.
pub(in super::super) fn gate_exists(
    connection: &Connection,
    visible: &Visible,
    path: &str,
) -> Result<bool> {
    Ok(!gates(connection, visible, &PathRange::of_path(path))?.is_empty())
}

//! One group of write sets in one SQLite transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use rusqlite::Connection;
use rusqlite::ffi;

use super::apply;
use super::backends::BackendCache;
use super::checkpoint::Log;
use super::connection::abandon;
use super::guard;
use super::transaction::{Clock, Transaction};
use super::writer::{Member, Outcome, fail_all};
use crate::config::Durability;
use crate::content::{Placement, Staged};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::StoreError;

/// What all groups of an engine share.
pub(super) struct GroupContext {
    backends: Arc<BackendCache>,
    clock: Clock,
    log: Arc<Log>,
    /// Set when the sync of a commit failed: what the log holds is unknown until it is opened again.
    outcome_unknown: AtomicBool,
    /// The `synchronous` setting of the connection: 1 NORMAL, 2 FULL; 0 not set yet.
    synchronous: AtomicI64,
}

impl GroupContext {
    pub fn new(backends: Arc<BackendCache>, log: Arc<Log>) -> Self {
        GroupContext {
            backends,
            clock: Clock::default(),
            log,
            outcome_unknown: AtomicBool::default(),
            synchronous: AtomicI64::default(),
        }
    }
}

/// Commits `members` together and returns the outcome of each, or why not even the transaction could
/// be begun.
pub(super) fn commit(
    connection: &Connection,
    context: &GroupContext,
    members: &[&Member],
) -> Result<Vec<Outcome>> {
    if context.outcome_unknown.load(Ordering::Relaxed) {
        return Ok(fail_all(members.len(), outcome_unknown(None)));
    }
    let mut group = Group::begin(connection, context, members)?;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(members.len());
    for member in members {
        // Alone, a set needs no savepoint: if it fails, so does the transaction.
        outcomes.push(match members {
            [_] => group.apply(member),
            _ => group.apply_in_savepoint(member),
        });
        // A full disk, among others, makes SQLite roll everything back by itself.
        if connection.is_autocommit() {
            let lost = || Error::new(ErrorKind::NoSpace, "no space left for the database");
            let cause = match outcomes.pop() {
                Some(Err(StoreError::Failed(error))) => error,
                _ => lost(),
            };
            return Ok(fail_all(members.len(), cause));
        }
    }
    if outcomes.iter().all(Result::is_err) {
        abandon(connection);
        return Ok(outcomes);
    }
    if let Err(error) = group.finish() {
        abandon(connection);
        let failed = fail_all(members.len(), error);
        for (outcome, failed) in outcomes.iter_mut().zip(failed) {
            if outcome.is_ok() {
                *outcome = failed;
            }
        }
        return Ok(outcomes);
    }
    if group.doomed {
        // Their files go now; what fails is left in `doomed` for the next sweep.
        for member in members {
            let _ = super::sweep::sweep(connection, &member.set.placement);
        }
    }
    context.log.committed(connection, group.durability);
    Ok(outcomes)
}

struct Group<'a> {
    connection: &'a Connection,
    context: &'a GroupContext,
    rules_version: i64,
    durability: Durability,
    staged: Vec<(Arc<str>, Arc<dyn Staged>, &'a Placement)>,
    doomed: bool,
}

impl<'a> Group<'a> {
    fn begin(
        connection: &'a Connection,
        context: &'a GroupContext,
        members: &[&Member],
    ) -> Result<Self> {
        let is_full = |member: &&Member| member.set.durability == Durability::Full;
        let (durability, synchronous) = match members.iter().any(is_full) {
            true => (Durability::Full, 2),
            false => (Durability::Normal, 1),
        };
        if context.synchronous.load(Ordering::Relaxed) != synchronous {
            connection.pragma_update(None, "synchronous", synchronous)?;
            context.synchronous.store(synchronous, Ordering::Relaxed);
        }
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let begun = guard::versions(connection).and_then(|(schema, rules)| {
            guard::check_schema(schema)?;
            Ok(rules)
        });
        let rules_version = begun.inspect_err(|_| abandon(connection))?;
        Ok(Group {
            connection,
            context,
            rules_version,
            durability,
            staged: Vec::new(),
            doomed: false,
        })
    }

    fn apply_in_savepoint(&mut self, member: &&'a Member) -> Outcome {
        self.connection
            .prepare_cached("SAVEPOINT member")?
            .execute([])?;
        let outcome = self.apply(member);
        if outcome.is_err() {
            self.connection
                .prepare_cached("ROLLBACK TO member")?
                .execute([])?;
        }
        self.connection
            .prepare_cached("RELEASE member")?
            .execute([])?;
        outcome
    }

    fn apply(&mut self, member: &&'a Member) -> Outcome {
        if member.grant.rules_version != self.rules_version {
            return Err(StoreError::RulesChanged);
        }
        let mut transaction = Transaction::new(
            self.connection,
            &member.grant,
            &member.set.placement,
            &self.context.backends,
            &self.context.clock,
            self.durability,
        );
        let entries = apply::all(&mut transaction, &member.set.changes)?;
        self.doomed |= transaction.doomed;
        let placement = &*member.set.placement;
        let staged = std::mem::take(&mut transaction.staged);
        self.staged.extend(
            staged
                .into_iter()
                .map(|(backend, staged)| (backend, staged, placement)),
        );
        Ok(entries)
    }

    /// Puts the named contents in place and commits.
    fn finish(&mut self) -> Result<()> {
        self.publish()?;
        self.connection
            .prepare_cached("COMMIT")?
            .execute([])
            .map_err(|error| self.commit_failed(error))?;
        Ok(())
    }

    fn publish(&self) -> Result<()> {
        let mut done = std::collections::BTreeSet::new();
        for (backend, _, placement) in &self.staged {
            if !done.insert(backend) {
                continue;
            }
            let of_backend: Vec<&dyn Staged> = self
                .staged
                .iter()
                .filter(|(other, ..)| other == backend)
                .map(|(_, staged, _)| &**staged)
                .collect();
            placement.store(backend)?.publish(&of_backend)?;
        }
        Ok(())
    }

    fn commit_failed(&self, error: rusqlite::Error) -> Error {
        let sync_failed = matches!(
            &error,
            rusqlite::Error::SqliteFailure(failure, _)
                if matches!(failure.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
        );
        if sync_failed {
            self.context.outcome_unknown.store(true, Ordering::Relaxed);
            return outcome_unknown(Some(error));
        }
        error.into()
    }
}

fn outcome_unknown(source: Option<rusqlite::Error>) -> Error {
    let error = Error::new(
        ErrorKind::Io,
        "the outcome of a commit is unknown: its sync failed; reopen the store",
    );
    match source {
        Some(source) => error.caused_by(source),
        None => error,
    }
}

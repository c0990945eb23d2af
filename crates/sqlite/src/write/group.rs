//! One group of write sets in one SQLite transaction.

use std::sync::Arc;

use nexusfs_core::config::Durability;
use nexusfs_core::content::Staged;
use nexusfs_core::metadata::Committed;

use super::apply;
use super::member::{Member, Outcome, Refusal, Reply, Request};
use super::publications::Publications;
use super::transaction::{Stamps, Transaction};
use crate::db::backends::BackendCache;
use crate::db::connection::{abandon, begin_writing, set_synchronous};
use crate::db::lease_tokens::Tokens;
use crate::db::time::Time;
use crate::db::versions;
use crate::driver::statements::Connection;
use crate::error::{Error, Result, StoreError};
use crate::queue;
use crate::wal::checkpoint::Log;
use crate::wal::commit::commit;
use crate::wal::failures::{is_unsettled, unsettled_outcome};
use crate::wal::health::Health;

/// What all groups of an engine share.
pub(in super::super) struct GroupContext {
    pub health: Arc<Health>,
    backends: Arc<BackendCache>,
    stamps: Stamps,
    tokens: Tokens,
    pub log: Arc<Log>,
}

impl GroupContext {
    pub fn new(
        backends: Arc<BackendCache>,
        log: Arc<Log>,
        health: Arc<Health>,
        time: Arc<Time>,
    ) -> Self {
        GroupContext {
            health,
            backends,
            stamps: Stamps::new(time),
            tokens: Tokens::new(),
            log,
        }
    }
}

/// A group whose transaction has begun, and whose members are still to be named.
pub(super) struct Group<'a> {
    connection: &'a Connection,
    context: &'a GroupContext,
    rules_version: i64,
    durability: Durability,
}

/// What a group left.
pub(super) struct Finished {
    /// The outcome of each member; `None` for one that has to be the only member of a group, and changed nothing.
    pub outcomes: Vec<Option<Outcome>>,
    /// An item may have become claimable.
    pub supplied: bool,
}

/// Why a transaction ended without a commit, for all of its members.
enum Lost {
    /// The member with this index met what ended it.
    By(usize, Error),
    /// The commit failed.
    AtCommit(Error),
}

impl<'a> Group<'a> {
    /// Takes the write lock, for members that all need at most `durability`.
    pub fn begin(
        connection: &'a Connection,
        context: &'a GroupContext,
        durability: Durability,
    ) -> Result<Self> {
        context.health.settle(connection)?;
        set_synchronous(connection, durability)?;
        begin_writing(connection)?;
        let rules_version =
            versions::rules_version(connection).inspect_err(|_| abandon(connection))?;
        Ok(Group {
            connection,
            context,
            rules_version,
            durability,
        })
    }

    /// Commits `members` together. If one of them, or the commit, ends the transaction for all, each is committed alone
    /// instead, so that it fails only for its own reason.
    pub fn commit(self, members: &[&Member]) -> Finished {
        let (connection, context, durability) = (self.connection, self.context, self.durability);
        let error = match self.attempt(members) {
            Ok(finished) => {
                context.log.committed(connection, durability);
                return finished;
            }
            Err(lost) => lost,
        };
        abandon(connection);
        // As long as all of them may reappear together, none is reported to have failed alone.
        let may_come_back = matches!(&error, Lost::AtCommit(error) if is_unsettled(error));
        let mut failed: Vec<Option<Outcome>> = members.iter().map(|_| None).collect();
        match error {
            Lost::By(index, error) => failed[index] = Some(Err(error.into())),
            Lost::AtCommit(error) if members.len() == 1 => failed[0] = Some(Err(error.into())),
            Lost::AtCommit(_) => {}
        }
        let mut supplied = false;
        let outcomes = members
            .iter()
            .zip(failed)
            .map(|(member, failed)| {
                if failed.is_some() {
                    return failed;
                }
                let group = match Group::begin(connection, context, durability) {
                    Ok(group) => group,
                    Err(_) if may_come_back => return Some(Err(unsettled_outcome().into())),
                    Err(error) => return Some(Err(error.into())),
                };
                let mut finished = group.commit(&[member]);
                supplied |= finished.supplied;
                finished.outcomes.pop().flatten()
            })
            .collect();
        Finished { outcomes, supplied }
    }

    fn attempt(self, members: &[&Member]) -> std::result::Result<Finished, Lost> {
        let publications = Publications::default();
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(members.len());
        let mut supplied = false;
        for (index, member) in members.iter().enumerate() {
            // Alone, a set needs no savepoint: if it fails, so does the transaction.
            let applied = match members {
                [_] => self.apply(member, &publications, true),
                _ => self
                    .apply_in_savepoint(member, &publications)
                    .map_err(|error| Lost::By(index, error))?,
            };
            // A full disk, among others, makes SQLite roll everything back by itself.
            if self.connection.is_autocommit() {
                let unexplained = || Error::internal("SQLite ended a transaction");
                return Err(Lost::By(
                    index,
                    match applied {
                        Err(Refused::For(Refusal::Store(StoreError::Failed(error)))) => error,
                        _ => unexplained(),
                    },
                ));
            }
            outcomes.push(match applied {
                Ok(applied) => {
                    supplied |= applied.supplied;
                    publications.add(member, applied.staged);
                    Some(Ok(applied.reply))
                }
                Err(Refused::For(error)) => Some(Err(error)),
                Err(Refused::InThisGroup) => None,
            });
        }
        if !outcomes
            .iter()
            .any(|outcome| matches!(outcome, Some(Ok(_))))
        {
            abandon(self.connection);
            return Ok(Finished {
                outcomes,
                supplied: false,
            });
        }
        let committed = publications
            .publish()
            .and_then(|()| self.context.health.observe(commit(self.connection)));
        committed.map_err(Lost::AtCommit)?;
        Ok(Finished { outcomes, supplied })
    }

    /// Returns the outcome of the member, or why its changes may still be in the transaction.
    fn apply_in_savepoint(
        &self,
        member: &Member,
        earlier: &Publications,
    ) -> Result<Result<Applied, Refused>> {
        self.connection
            .prepare_cached("SAVEPOINT member")?
            .execute([])?;
        let outcome = self.apply(member, earlier, false);
        if self.connection.is_autocommit() {
            return Ok(outcome);
        }
        if outcome.is_err() {
            self.connection
                .prepare_cached("ROLLBACK TO member")?
                .execute([])?;
        }
        self.connection
            .prepare_cached("RELEASE member")?
            .execute([])?;
        Ok(outcome)
    }

    fn apply(
        &self,
        member: &Member,
        earlier: &Publications,
        is_alone: bool,
    ) -> Result<Applied, Refused> {
        if member.grant.rules.version != self.rules_version {
            return Err(StoreError::RulesChanged.into());
        }
        let set = match &member.request {
            Request::Changes(set) => set,
            Request::Claim(claim) => {
                let claims = queue::Claims {
                    connection: self.connection,
                    backends: &self.context.backends,
                    time: &self.context.stamps.time,
                    tokens: &self.context.tokens,
                    is_synced: self.durability == Durability::Full,
                };
                let Some(items) = claims.claim(claim, &member.grant)? else {
                    member.must_be_synced();
                    return Err(Refused::InThisGroup);
                };
                return Ok(Applied {
                    reply: Reply::Claimed(items),
                    supplied: false,
                    staged: Vec::new(),
                });
            }
        };
        let mut transaction = Transaction::new(
            self.connection,
            &member.grant,
            &set.routes,
            &set.prepared,
            &self.context.backends,
            &self.context.stamps,
            earlier,
        );
        transaction.is_alone = is_alone;
        let applied = apply::all(&mut transaction, &set.changes);
        if transaction.wants_alone {
            return Err(Refused::InThisGroup);
        }
        // Before what failed, which may be for want of them.
        if let Some(awaited) = transaction.awaited {
            return Err(Refused::For(Refusal::Awaits(awaited)));
        }
        if !transaction.unprepared.is_empty() {
            return Err(StoreError::Unprepared(transaction.unprepared).into());
        }
        Ok(Applied {
            reply: Reply::Committed(Committed {
                entries: applied?,
                has_dropped: transaction.has_dropped,
            }),
            supplied: transaction.work.changes.supplied,
            staged: transaction.staged,
        })
    }
}

/// What one member left in the transaction.
struct Applied {
    reply: Reply,
    supplied: bool,
    staged: Vec<(Arc<str>, Arc<dyn Staged>)>,
}

/// Why a member left nothing in the transaction.
enum Refused {
    /// That is its outcome.
    For(Refusal),
    /// It must be the only member of a group: it changes many rows, or its commit must be synced.
    InThisGroup,
}

impl<E: Into<Refusal>> From<E> for Refused {
    fn from(error: E) -> Self {
        Refused::For(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nexusfs_core::access::{Identity, Policy};
    use nexusfs_core::call::{Call, Interrupts};
    use nexusfs_core::clock::ManualClock;
    use nexusfs_core::content::{LOCAL_BACKEND, NewContent, Placement};
    use nexusfs_core::metadata::{
        Catalog, Change, Claim, Conditions, Grant, Ledger, MetadataValue, Queue, WriteSet,
    };
    use nexusfs_core::path::VirtualPath;
    use nexusfs_core::time::now;

    use super::*;
    use crate::files::LocalContentStore;
    use crate::{SqliteOptions, SqliteStore};

    const SECOND: i64 = 1_000_000;

    fn call() -> Call {
        Interrupts::default().begin(Duration::from_secs(10))
    }

    fn ready(at: &str) -> [Change; 2] {
        let path = VirtualPath::parse(at).unwrap();
        let write = Change::Write {
            path: path.clone(),
            content: NewContent::inline(b"task"),
            backend: LOCAL_BACKEND.into(),
            conditions: Conditions::default(),
            mime_type: None,
        };
        let set = Change::SetMetadata {
            path,
            values: MetadataValue::parse_object(r#"{"status": "ready"}"#).unwrap(),
            conditions: Conditions::default(),
        };
        [write, set]
    }

    #[test]
    fn a_claim_that_moves_the_tokens_far_is_synced_whatever_its_durability() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(now(), SECOND, "boot"));
        let options = SqliteOptions {
            cache_kib: 1024,
            housekeeping: false,
            clock: Arc::clone(&clock) as _,
        };
        let database = directory.path().join("metadata.db");
        let uuid = "018f2b6a-0000-7000-8000-000000000000";
        let (store, _) = SqliteStore::open(&database, uuid, options, &call()).unwrap();
        let rules = Arc::new(store.rules(&call()).unwrap());
        let policy = Policy::new(Identity::default(), rules, Arc::new([]));
        let grant = || Grant {
            rules: Arc::clone(policy.rules()),
            visible: Arc::clone(policy.visible()),
            call: call(),
        };
        let local = Arc::new(LocalContentStore::open(directory.path()).unwrap());
        let placement = Placement::new(local, Vec::new(), 64);
        let set = WriteSet {
            changes: Arc::new(["/a", "/b", "/c"].into_iter().flat_map(ready).collect()),
            routes: Arc::clone(placement.routes()),
            prepared: Arc::default(),
            publisher: Arc::new(placement),
            durability: Durability::Normal,
        };
        store.commit(set, &grant()).unwrap();
        let claim = || {
            let claim = Claim {
                worker_id: "worker".to_owned(),
                max: 1,
                lease: 30 * SECOND,
                scope: policy.claimable(None),
                durability: Durability::Normal,
            };
            let items = store.claim(claim, &grant()).unwrap();
            let of_commit = |connection: &Connection| Ok(connection.synchronous.get());
            let durability = store.writer.with_connection(&call(), of_commit).unwrap();
            (items.len(), durability)
        };
        assert_eq!(claim(), (1, Some(Durability::Normal)), "the first claim");
        clock.advance(24 * 3600 * SECOND);
        assert_eq!(claim(), (1, Some(Durability::Full)), "after a day");
        clock.advance(SECOND);
        assert_eq!(claim(), (1, Some(Durability::Normal)), "a second later");
    }
}

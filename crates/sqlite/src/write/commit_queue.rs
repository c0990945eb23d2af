//! The one writer of an engine, and group commit.
//!
//! A thread that commits puts its write set in the queue. If there is no leader, it becomes the leader: it takes the
//! write lock and then all queued sets, applies them in one SQLite transaction, each in its own savepoint, commits
//! once, and returns the results. Sets that are queued meanwhile are the next group, whose first member leads. So one
//! sync of the WAL serves all callers that arrived during the previous one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexusfs_core::call::Call;
use nexusfs_core::config::Durability;
use nexusfs_core::metadata::{Claim, Committed, Grant, WriteSet};
use nexusfs_core::work::WorkItem;
use parking_lot::Mutex;

use super::group::{Finished, Group, GroupContext};
use super::member::{Member, Outcome, Refusal, Reply, Request, State};
use crate::db::{connection, versions};
use crate::driver::statements::Connection;
use crate::driver::vfs;
use crate::error::{Error, ErrorKind, Result, StoreError, StoreResult};
use crate::wal::commit::in_transaction;
use crate::wal::failures::is_out_of_room;
use crate::wal::watch::Changes;

/// Most write sets of one group.
const GROUP_SETS: usize = 256;
/// Interval at which a waiting member checks for interrupts.
const INTERRUPT_CHECK: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Queue {
    members: VecDeque<Arc<Member>>,
    led: bool,
}

/// Commits write sets, one group at a time.
pub(in super::super) struct Writer {
    queue: Mutex<Queue>,
    connection: Mutex<Connection>,
    context: GroupContext,
    changes: Arc<Changes>,
}

impl Writer {
    pub fn new(connection: Connection, context: GroupContext, changes: Arc<Changes>) -> Self {
        Writer {
            queue: Mutex::default(),
            connection: Mutex::new(connection),
            context,
            changes,
        }
    }

    /// Runs `work` on the writer's connection, outside of any transaction.
    pub fn with_connection<T>(
        &self,
        call: &Call,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let locked = self.connection.lock();
        let result = connection::waiting_as(call, || {
            self.context.health.settle(&locked)?;
            work(&locked)
        });
        if matches!(&result, Err(error) if error.kind() == ErrorKind::Corrupt) {
            forget_pages(&locked);
        }
        self.context.log.restore_reserve();
        self.context.health.observe(result).map_err(|error| {
            // SQLite reports an interrupted wait like a timeout.
            match error.kind() == ErrorKind::Busy && call.is_cancelled() {
                true => Error::cancelled(),
                false => error,
            }
        })
    }

    /// Records a failed sync, as one of a commit.
    pub fn observe<T>(&self, result: Result<T>) -> Result<T> {
        self.context.health.observe(result)
    }

    /// Runs `work` in a durable write transaction of its own, outside of any group.
    pub fn transaction<T>(
        &self,
        call: &Call,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        self.transaction_of(Durability::Full, call, work)
    }

    /// Runs `work` in a write transaction of its own, outside of any group.
    pub fn transaction_of<T>(
        &self,
        durability: Durability,
        call: &Call,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        self.with_connection(call, |connection| {
            connection::set_synchronous(connection, durability)?;
            in_transaction(connection, || work(connection))
        })
    }

    /// Runs `work`, which changes nothing, under the write lock.
    pub fn locked<T>(&self, call: &Call, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.with_connection(call, |connection| {
            connection::begin_writing(connection)?;
            let result = versions::rules_version(connection).and_then(|_| work(connection));
            connection::abandon(connection);
            result
        })
    }

    /// Commits `set`, and returns what each of its changes left.
    pub fn commit(&self, set: WriteSet, grant: Grant) -> std::result::Result<Committed, Refusal> {
        match self.enqueue(Request::Changes(set), grant)? {
            Reply::Committed(committed) => Ok(committed),
            Reply::Claimed(_) => Err(Error::internal("a set of changes left a claim").into()),
        }
    }

    /// Claims items for a worker.
    pub fn claim(&self, claim: Claim, grant: Grant) -> StoreResult<Vec<WorkItem>> {
        match self.enqueue(Request::Claim(claim), grant) {
            Ok(Reply::Claimed(items)) => Ok(items),
            Err(Refusal::Store(error)) => Err(error),
            _ => Err(Error::internal("a claim left what a set of changes leaves").into()),
        }
    }

    /// Queues `request`, and returns its outcome.
    fn enqueue(&self, request: Request, grant: Grant) -> Outcome {
        let member = Arc::new(Member::new(request, grant));
        let mut leads = {
            let mut queue = self.queue.lock();
            queue.members.push_back(Arc::clone(&member));
            !std::mem::replace(&mut queue.led, true)
        };
        loop {
            if !leads && let Some(outcome) = self.wait(&member) {
                return outcome;
            }
            self.lead(&member);
            leads = false;
            // It has its outcome, or is in the queue again.
            if matches!(*member.ticket.state.lock(), State::Taken) {
                return Err(Error::internal("a group left a member without outcome").into());
            }
        }
    }

    /// Waits for the outcome of `member`; `None` means that it must lead.
    fn wait(&self, member: &Arc<Member>) -> Option<Outcome> {
        let deadline = member.grant.call.busy_deadline();
        let mut state = member.ticket.state.lock();
        loop {
            match &*state {
                State::Done(_) => match std::mem::replace(&mut *state, State::Taken) {
                    State::Done(outcome) => return Some(outcome),
                    other => *state = other,
                },
                State::Leader => return None,
                State::Taken => member.ticket.changed.wait(&mut state),
                State::Queued => match out_of_patience(member, deadline) {
                    // The queue's lock is taken before a ticket's everywhere, so let go of this one.
                    Some(error) => {
                        drop(state);
                        if self.withdraw(member) {
                            return Some(Err(error.into()));
                        }
                        state = member.ticket.state.lock();
                    }
                    None => {
                        member.ticket.changed.wait_for(&mut state, INTERRUPT_CHECK);
                    }
                },
            }
        }
    }

    /// Takes `member` out of the queue, unless it was taken or made leader.
    fn withdraw(&self, member: &Arc<Member>) -> bool {
        let mut queue = self.queue.lock();
        if !matches!(*member.ticket.state.lock(), State::Queued) {
            return false;
        }
        queue.remove(member);
        true
    }

    /// Commits one group, which begins with `leader`, and names the next leader.
    fn lead(&self, leader: &Arc<Member>) {
        let locked = self.connection.lock();
        let led = catch_unwind(AssertUnwindSafe(|| {
            connection::waiting_as(&leader.grant.call, || {
                let durability = self.durability_of_next();
                match Group::begin(&locked, &self.context, durability) {
                    Ok(group) => self.carry_out(&locked, group, durability),
                    Err(error) => self.give_up(leader, error),
                }
            })
        }));
        if led.is_err() {
            // No other thread may find the writer in the middle of an operation, or wait for it forever.
            connection::abandon(&locked);
            if !matches!(*leader.ticket.state.lock(), State::Done(_)) {
                self.give_up(leader, Error::internal("a defect ended a commit"));
            }
        }
        self.context.log.restore_reserve();
        drop(locked);
        self.pass_on();
    }

    /// Commits the queued members, and returns their outcomes.
    fn carry_out(&self, locked: &Connection, group: Group<'_>, durability: Durability) {
        let taken = self.take_members(durability);
        let members: Vec<&Member> = taken.iter().map(AsRef::as_ref).collect();
        let finished = catch_unwind(AssertUnwindSafe(|| group.commit(&members)));
        let finished = finished.unwrap_or_else(|_| {
            connection::abandon(locked);
            let defect = || Err(Error::internal("a defect ended a group of commits").into());
            Finished {
                outcomes: members.iter().map(|_| Some(defect())).collect(),
                supplied: false,
            }
        });
        let mut supplied = finished.supplied;
        let mut postponed = Vec::new();
        for (member, outcome) in taken.iter().zip(finished.outcomes) {
            let Some(outcome) = outcome else {
                postponed.push(member);
                continue;
            };
            let outcome = match self.commit_again(locked, member, &outcome, durability) {
                Some(Ok(mut again)) => {
                    supplied |= again.supplied;
                    let Some(outcome) = again.outcomes.pop().flatten() else {
                        postponed.push(member);
                        continue;
                    };
                    outcome
                }
                Some(Err(error)) => Err(error.into()),
                None => outcome,
            };
            if std::mem::take(&mut supplied) {
                self.changes.note();
            }
            member.resolve(State::Done(outcome));
        }
        self.take_next(&postponed);
    }

    /// Commits `member` alone once more, if that may help: after a full disk, if it frees room, with the reserve; after
    /// damage, with a second read of the database.
    fn commit_again(
        &self,
        locked: &Connection,
        member: &Member,
        outcome: &Outcome,
        durability: Durability,
    ) -> Option<Result<Finished>> {
        let Err(Refusal::Store(StoreError::Failed(error))) = outcome else {
            return None;
        };
        let commit = || {
            let group = Group::begin(locked, &self.context, durability)?;
            Ok(group.commit(&[member]))
        };
        if is_out_of_room(error) && member.request.frees_room() {
            self.context.log.make_room(locked);
            Some(vfs::freeing(commit))
        } else if error.kind() == ErrorKind::Corrupt {
            forget_pages(locked);
            Some(commit())
        } else {
            None
        }
    }

    /// Cleans up before the connection is closed.
    pub fn finish(&self) {
        self.context.log.closing(&self.connection.lock());
    }

    /// Schedules each of `members` as the only one of a later group.
    fn take_next(&self, members: &[&Arc<Member>]) {
        let mut queue = self.queue.lock();
        for member in members.iter().rev() {
            member.must_be_alone();
            member.resolve(State::Queued);
            queue.members.push_front(Arc::clone(member));
        }
    }

    /// Fails the leader alone: its wait for another process timed out; other members may have longer timeouts.
    fn give_up(&self, leader: &Arc<Member>, error: Error) {
        let interrupted = error.kind() == ErrorKind::Busy && leader.grant.call.is_cancelled();
        let error = if interrupted {
            Error::cancelled()
        } else {
            error
        };
        self.queue.lock().remove(leader);
        leader.resolve(State::Done(Err(error.into())));
    }

    /// Returns the durability of the first member.
    fn durability_of_next(&self) -> Durability {
        let queue = self.queue.lock();
        queue
            .members
            .front()
            .map_or(Durability::Full, |member| member.durability())
    }

    /// Takes members from the front that a commit of `durability` satisfies.
    fn take_members(&self, durability: Durability) -> Vec<Arc<Member>> {
        let mut queue = self.queue.lock();
        let satisfied = |member: &Arc<Member>| {
            durability == Durability::Full || member.durability() == Durability::Normal
        };
        let mut taken: Vec<Arc<Member>> = Vec::new();
        while taken.len() < GROUP_SETS
            && let Some(member) = queue.members.front()
            && satisfied(member)
            && (taken.is_empty() || !member.is_alone())
            && let Some(member) = queue.members.pop_front()
        {
            *member.ticket.state.lock() = State::Taken;
            taken.push(member);
            if taken[0].is_alone() {
                break;
            }
        }
        taken
    }

    fn pass_on(&self) {
        let mut queue = self.queue.lock();
        match queue.members.front() {
            Some(next) => next.resolve(State::Leader),
            None => queue.led = false,
        }
    }
}

impl Queue {
    fn remove(&mut self, member: &Arc<Member>) {
        self.members.retain(|other| !Arc::ptr_eq(other, member));
    }
}

/// Makes `connection` read the database again: a page that was read wrongly must not stay in memory.
fn forget_pages(connection: &Connection) {
    let _ = connection.execute_batch("PRAGMA shrink_memory");
}

/// Returns why a queued member waits no longer, if it does not.
fn out_of_patience(member: &Member, deadline: Option<Instant>) -> Option<Error> {
    if member.grant.call.is_cancelled() {
        return Some(Error::cancelled());
    }
    deadline
        .filter(|deadline| *deadline <= Instant::now())
        .map(|_| Error::new(ErrorKind::Busy, "timed out waiting for another writer"))
}

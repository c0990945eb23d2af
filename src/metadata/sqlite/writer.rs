//! The one writer of an engine, and group commit.
//!
//! A thread that commits puts its write set in the queue. If nobody leads, it leads: it takes everything
//! that is queued, applies it in one SQLite transaction, each set in its own savepoint, commits once, and
//! hands out the results. What is queued meanwhile is the next group, led by its first member. So one sync
//! of the log serves as many callers as came during the one before.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::connection;
use super::group::{self, GroupContext};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Entry, Grant, StoreError, StoreResult, WriteSet};

/// Most write sets of one group.
const GROUP_SETS: usize = 256;
/// How often a waiting member looks whether it was interrupted.
const INTERRUPT_CHECK: Duration = Duration::from_millis(20);

/// What a write set left, or why it failed.
pub(super) type Outcome = StoreResult<Vec<Option<Entry>>>;

/// A write set in the queue.
pub(super) struct Member {
    pub set: WriteSet,
    pub grant: Grant,
    ticket: Ticket,
}

#[derive(Default)]
struct Ticket {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Queued,
    /// A leader works on it: its outcome will come.
    Taken,
    /// It is to lead the next group.
    Leader,
    Done(Outcome),
}

#[derive(Default)]
struct Queue {
    members: VecDeque<Arc<Member>>,
    led: bool,
}

/// Commits write sets, one group at a time.
pub(super) struct Writer {
    queue: Mutex<Queue>,
    connection: Mutex<Connection>,
    context: GroupContext,
}

impl Writer {
    pub fn new(connection: Connection, context: GroupContext) -> Self {
        Writer {
            queue: Mutex::default(),
            connection: Mutex::new(connection),
            context,
        }
    }

    /// Runs `work` on the writer's connection, outside of any transaction.
    pub fn with_connection<T>(&self, call: &Call, work: impl FnOnce(&Connection) -> T) -> T {
        let locked = self.connection.lock();
        connection::waiting_as(call, || work(&locked))
    }

    /// Runs `work` in a write transaction of its own, outside of any group.
    pub fn transaction<T>(
        &self,
        call: &Call,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        self.with_connection(call, |connection| {
            connection::in_transaction(connection, || work(connection))
        })
    }

    /// Commits `set`, and returns what it left.
    pub fn commit(&self, set: WriteSet, grant: Grant) -> Outcome {
        let member = Arc::new(Member {
            set,
            grant,
            ticket: Ticket::default(),
        });
        let leads = {
            let mut queue = self.queue.lock();
            queue.members.push_back(Arc::clone(&member));
            !std::mem::replace(&mut queue.led, true)
        };
        if !leads && let Some(outcome) = self.wait(&member) {
            return outcome;
        }
        self.lead(&member);
        match std::mem::replace(&mut *member.ticket.state.lock(), State::Taken) {
            State::Done(outcome) => outcome,
            _ => Err(Error::internal("a group left a member without outcome").into()),
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
                State::Queued => {
                    let error = match member.grant.call.check() {
                        Err(cancelled) => Some(cancelled),
                        Ok(()) if deadline.is_some_and(|end| end <= std::time::Instant::now()) => {
                            Some(Error::new(
                                ErrorKind::Busy,
                                "the store is busy with another's commit",
                            ))
                        }
                        Ok(()) => None,
                    };
                    match error {
                        // Out of the queue before anyone takes it; the queue's lock is taken first
                        // everywhere, so let go of the ticket meanwhile.
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
                    }
                }
            }
        }
    }

    /// Takes `member` out of the queue, unless it was taken or made leader.
    fn withdraw(&self, member: &Arc<Member>) -> bool {
        let mut queue = self.queue.lock();
        let position = queue
            .members
            .iter()
            .position(|other| Arc::ptr_eq(other, member));
        match position {
            Some(position) if matches!(*member.ticket.state.lock(), State::Queued) => {
                queue.members.remove(position);
                true
            }
            _ => false,
        }
    }

    /// Carries out one group, which begins with `leader`, and names the next leader.
    fn lead(&self, leader: &Arc<Member>) {
        let locked = self.connection.lock();
        let group = self.take_group();
        let members: Vec<&Member> = group.iter().map(AsRef::as_ref).collect();
        let outcomes = connection::waiting_as(&leader.grant.call, || {
            catch_unwind(AssertUnwindSafe(|| {
                group::commit(&locked, &self.context, &members)
            }))
        });
        let outcomes = outcomes.unwrap_or_else(|_| {
            connection::abandon(&locked);
            let defect = Error::internal("a defect ended a group of commits");
            Ok(fail_all(members.len(), defect))
        });
        drop(locked);
        match outcomes {
            Ok(outcomes) => {
                for (member, outcome) in group.iter().zip(outcomes) {
                    member.resolve(State::Done(outcome));
                }
            }
            Err(error) => self.give_up(leader, group, error),
        }
        self.pass_on();
    }

    /// Fails the leader, whose patience for another process's commit ended, and queues the others again:
    /// theirs may last longer.
    fn give_up(&self, leader: &Arc<Member>, group: Vec<Arc<Member>>, error: Error) {
        let interrupted = error.kind() == ErrorKind::Busy && leader.grant.call.is_cancelled();
        let alone = error.kind() == ErrorKind::Busy;
        let error = if interrupted {
            Error::cancelled()
        } else {
            error
        };
        let mut queue = self.queue.lock();
        for member in group.into_iter().rev() {
            if Arc::ptr_eq(&member, leader) {
                member.resolve(State::Done(Err(same(&error).into())));
            } else if alone {
                member.resolve(State::Queued);
                queue.members.push_front(member);
            } else {
                member.resolve(State::Done(Err(same(&error).into())));
            }
        }
    }

    fn take_group(&self) -> Vec<Arc<Member>> {
        let mut queue = self.queue.lock();
        let count = queue.members.len().min(GROUP_SETS);
        let group: Vec<_> = queue.members.drain(..count).collect();
        for member in &group {
            *member.ticket.state.lock() = State::Taken;
        }
        group
    }

    fn pass_on(&self) {
        let mut queue = self.queue.lock();
        match queue.members.front() {
            Some(next) => next.resolve(State::Leader),
            None => queue.led = false,
        }
    }
}

impl Member {
    fn resolve(&self, state: State) {
        *self.ticket.state.lock() = state;
        self.ticket.changed.notify_one();
    }
}

/// Repeats an outcome for another member of a group that failed as a whole.
pub(super) fn repeat(error: &StoreError) -> StoreError {
    match error {
        StoreError::RulesChanged => StoreError::RulesChanged,
        StoreError::Failed(error) => StoreError::Failed(same(error)),
    }
}

fn same(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}

/// Returns the result for the callers of one failed group member each.
pub(super) fn fail_all(count: usize, error: impl Into<StoreError>) -> Vec<Outcome> {
    let error = error.into();
    let mut outcomes: Vec<Outcome> = (1..count).map(|_| Err(repeat(&error))).collect();
    outcomes.insert(0, Err(error));
    outcomes
}

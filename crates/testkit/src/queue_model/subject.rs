//! The store under test: two handles on one database, as two processes have them, with clocks that the
//! model moves.

use std::sync::Arc;
use std::time::Duration;

use nexusfs_core::access::{Identity, Policy};
use nexusfs_core::call::{Call, Interrupts};
use nexusfs_core::clock::ManualClock;
use nexusfs_core::config::Durability;
use nexusfs_core::content::{LOCAL_BACKEND, Placement, Publication};
use nexusfs_core::metadata::{
    Change, Claim, Conditions, Entry, Finding, Grant, MetadataStore, MetadataValue, Relocation,
    RowCursor, StoreError, Supply, WriteSet,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::{
    DependencyRef, Explanation, LeaseToken, WorkCounts, WorkField, WorkItem, WorkView,
};

use super::item::{BY_HAND, Now, SECOND, WORKER};
use super::operation::{Finish, HANDLES, Key};
use super::reference::{EPOCH, ERROR, Guard, Operation, RESULT};
use crate::content::MemoryContents;
use crate::metadata::conformance::Database;

pub struct Subject {
    placement: Arc<Placement>,
    clock: Arc<ManualClock>,
    stores: Vec<Arc<dyn MetadataStore>>,
    /// The handle whose turn it is.
    turn: usize,
    /// The last: it may be a directory, which is removed when its store is closed.
    database: Box<dyn Database>,
}

impl Subject {
    pub fn new(database: Box<dyn Database>, now: Now) -> Self {
        let local = Arc::new(MemoryContents::new(Publication::UnderLock));
        let clock = clock(now);
        Subject {
            placement: Arc::new(Placement::new(local, Vec::new(), 64)),
            stores: open(&*database, &clock),
            clock,
            database,
            turn: 0,
        }
    }

    /// Closes both handles and opens them again; the clocks are those of `now`.
    pub fn reopen(&mut self, now: Now) {
        self.stores.clear();
        self.clock = clock(now);
        self.stores = open(&*self.database, &self.clock);
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(seconds * SECOND);
    }

    pub fn step_wall(&self, seconds: i64) {
        self.clock.step_wall(seconds * SECOND);
    }

    /// Lets the other handle answer from now on.
    pub fn take_turns(&mut self) {
        self.turn = (self.turn + 1) % self.stores.len();
    }

    fn store(&self) -> &dyn MetadataStore {
        &*self.stores[self.turn]
    }

    fn policy(&self, handle: usize) -> Policy {
        let (tenant, agent) = HANDLES[handle];
        let identity = Identity {
            tenant: tenant.map(str::to_owned),
            agent: agent.map(str::to_owned),
            ..Identity::default()
        };
        let rules = Arc::new(self.store().rules(&call()).unwrap());
        Policy::new(identity, rules, Arc::new([]))
    }

    fn grant(policy: &Policy) -> Grant {
        Grant {
            rules: Arc::clone(policy.rules()),
            visible: Arc::clone(policy.visible()),
            call: call(),
        }
    }

    /// Commits for a handle that may change everything.
    pub fn commit(
        &self,
        operations: &[Operation],
        now: Now,
    ) -> Result<Vec<Option<Entry>>, nexusfs_core::error::Error> {
        let changes = operations
            .iter()
            .map(|operation| self.change(operation, now));
        let set = WriteSet {
            changes: Arc::new(changes.collect()),
            routes: Arc::clone(self.placement.routes()),
            prepared: Arc::default(),
            publisher: Arc::clone(&self.placement) as _,
            durability: Durability::Normal,
        };
        let committed = self.store().commit(set, &Self::grant(&self.policy(0)));
        match committed {
            Ok(committed) => Ok(committed.entries),
            Err(StoreError::Failed(error)) => Err(error),
            Err(error) => panic!("{error:?}"),
        }
    }

    pub fn claim(
        &self,
        handle: usize,
        max: usize,
        seconds: i64,
        prefix: Option<&str>,
    ) -> Vec<WorkItem> {
        let policy = self.policy(handle);
        let range = prefix.map(|prefix| match prefix {
            "/" => PathRange::all(),
            _ => PathRange::with_prefix(prefix),
        });
        let claim = Claim {
            worker_id: WORKER.to_owned(),
            max,
            lease: seconds * SECOND,
            scope: policy.claimable(range),
            durability: Durability::Normal,
        };
        let grant = Self::grant(&policy);
        self.store().claim(claim, &grant).unwrap()
    }

    pub fn supply(&self, handle: usize) -> Supply {
        let policy = self.policy(handle);
        let scope = policy.claimable(None);
        self.store().supply(&scope, &Self::grant(&policy)).unwrap()
    }

    /// Returns the work keys at `path`, as JSON texts.
    pub fn keys(&self, at: &str) -> Vec<(String, String)> {
        let grant = Self::grant(&self.policy(0));
        self.store().metadata(&path(at), &grant).unwrap()
    }

    /// Returns what a check finds wrong with the rows of the items.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        // A store whose rows others keep in order has none to be checked.
        let Some(upkeep) = self.store().upkeep() else {
            return findings;
        };
        let mut cursor = Some(RowCursor::Work(String::new()));
        while let Some(from) = cursor {
            let checked = upkeep.check_rows(&from, &call()).unwrap();
            findings.extend(checked.findings);
            cursor = checked.next;
        }
        findings
    }

    pub fn view(&self, handle: usize, view: WorkView, limit: usize) -> Vec<WorkItem> {
        let grant = Self::grant(&self.policy(handle));
        self.store().work(view, limit, &grant).unwrap()
    }

    pub fn explain(&self, handle: usize, at: &str) -> Explanation {
        let grant = Self::grant(&self.policy(handle));
        self.store().explain(&path(at), &grant).unwrap()
    }

    pub fn counts(&self, handle: usize) -> WorkCounts {
        let grant = Self::grant(&self.policy(handle));
        let all = PathRange::all();
        self.store().work_counts(&all, &grant).unwrap()
    }

    fn change(&self, operation: &Operation, now: Now) -> Change {
        let file = |at: &str| path(at);
        match operation {
            Operation::Write(at, guard) => Change::Write {
                path: file(at),
                content: self
                    .placement
                    .build(LOCAL_BACKEND, at.as_bytes(), &call())
                    .unwrap(),
                backend: LOCAL_BACKEND.into(),
                conditions: under(guard),
                mime_type: None,
            },
            Operation::Set(at, keys, guard) => Change::SetMetadata {
                path: file(at),
                values: keys.iter().map(|key| field(key, now)).collect(),
                conditions: under(guard),
            },
            Operation::Clear(at, key) => Change::DeleteMetadata {
                path: file(at),
                key: (*key).to_owned(),
            },
            Operation::Require(at, token) => Change::Require {
                path: file(at),
                conditions: under(&Some((at.clone(), *token))),
            },
            Operation::Delete(at, guard) => Change::Delete {
                path: file(at),
                conditions: under(guard),
            },
            Operation::Rename(from, to, guard) => Change::Rename(relocation(from, to, guard)),
            Operation::Copy(from, to) => Change::Copy(relocation(from, to, &None)),
            Operation::Finish(at, number, finish) => {
                let (path, token) = (file(at), token(*number));
                match finish {
                    Finish::Heartbeat(seconds) => Change::Heartbeat {
                        path,
                        token,
                        lease: seconds * SECOND,
                    },
                    Finish::Complete => Change::CompleteWork {
                        path,
                        token,
                        result: Some(RESULT.to_owned()),
                    },
                    Finish::Fail(seconds) => Change::FailWork {
                        path,
                        token,
                        error: ERROR.to_owned(),
                        retry_after: Some(seconds * SECOND).filter(|delay| *delay > 0),
                    },
                    Finish::Release => Change::ReleaseWork { path, token },
                }
            }
        }
    }
}

fn clock(now: Now) -> Arc<ManualClock> {
    let boot_id = format!("boot {}", now.boot);
    Arc::new(ManualClock::new(now.wall, now.since_boot, &boot_id))
}

fn open(database: &dyn Database, clock: &Arc<ManualClock>) -> Vec<Arc<dyn MetadataStore>> {
    (0..2)
        .map(|_| database.open(Arc::clone(clock) as _))
        .collect()
}

fn call() -> Call {
    Interrupts::default().begin(Duration::from_secs(30))
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

fn token(number: u64) -> LeaseToken {
    LeaseToken::new(number).unwrap()
}

fn under(guard: &Guard) -> Conditions {
    Conditions {
        lease: guard
            .as_ref()
            .map(|(at, number)| (path(at), token(*number))),
        ..Conditions::default()
    }
}

fn relocation(from: &str, to: &str, guard: &Guard) -> Relocation {
    Relocation {
        from: path(from),
        to: path(to),
        no_replace: false,
        conditions: under(guard),
    }
}

fn field(key: &Key, now: Now) -> (String, MetadataValue) {
    let status = |name| nexusfs_core::work::Status::parse(name).unwrap();
    let field = match key {
        Key::Status(name) => WorkField::Status(status(name)),
        Key::Priority(priority) => WorkField::Priority(*priority),
        Key::DependsOn(paths) => {
            let named = paths.iter().map(|named| DependencyRef::Path(path(named)));
            WorkField::DependsOn(named.collect())
        }
        Key::Worker => WorkField::WorkerId(BY_HAND.to_owned()),
        Key::StartedAt(seconds) => WorkField::StartedAt(EPOCH + seconds * SECOND),
        Key::CompletedAt(seconds) => WorkField::CompletedAt(EPOCH + seconds * SECOND),
        Key::NotBefore(seconds) => WorkField::NotBefore(now.wall + seconds * SECOND),
        Key::MaxAttempts(attempts) => WorkField::MaxAttempts(*attempts),
    };
    (key.name().to_owned(), MetadataValue::Work(field))
}

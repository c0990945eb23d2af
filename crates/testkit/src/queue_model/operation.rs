//! What the workers do, and chance.

use proptest::prelude::*;

/// Where files may be. None is the parent of another.
pub const PATHS: [&str; 14] = [
    "/root",
    "/p/a",
    "/p/b",
    "/p/sub/c",
    "/q/a",
    "/q/b",
    "/q/sub/c",
    "/shared/acme/q/a",
    "/shared/acme/q/b",
    "/shared/acme/r/3",
    "/shared/rival/q/1",
    "/workspace/acme/bot/1",
    "/workspace/acme/other/1",
    "/archives/acme/1",
];
/// Directories that are renamed as a whole.
pub const TREES: [&str; 3] = ["/p", "/q", "/shared/acme/q"];
/// What a worker limits itself to.
pub const PREFIXES: [&str; 10] = [
    "/",
    "/q",
    "/q/",
    "/q/sub/c",
    "/p/",
    "/shared/",
    "/shared/acme/",
    "/shared/acme/q/",
    "/workspace/acme/",
    "/archives/",
];
/// Who works: tenant and agent, where the handle is bound to one.
pub const HANDLES: [(Option<&str>, Option<&str>); 4] = [
    (None, None),
    (Some("acme"), None),
    (Some("acme"), Some("bot")),
    (Some("rival"), None),
];

/// The value that a typed key is set to. Times are in seconds.
#[derive(Debug, Clone)]
pub enum Key {
    Status(&'static str),
    Priority(i64),
    DependsOn(Vec<&'static str>),
    Worker,
    StartedAt(i64),
    CompletedAt(i64),
    /// Seconds from now.
    NotBefore(i64),
    MaxAttempts(i64),
}

/// Which of the leases that were handed out: the newest is 0.
pub type Lease = usize;

/// What the holder of a lease does.
#[derive(Debug, Clone)]
pub enum Finish {
    /// With the seconds that it shall last.
    Heartbeat(i64),
    Complete,
    /// With the seconds until the retry; 0 for the back-off.
    Fail(i64),
    Release,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// A file is written and its keys are set, in one transaction.
    Add(&'static str, Vec<Key>),
    /// With a lease as a condition, which proves whose the item is.
    Set(&'static str, Vec<Key>, Option<Lease>),
    /// As [`Step::Set`], of the item of the lease itself; with the lease as the condition, or without.
    SetHeld(Vec<Key>, Lease, bool),
    Clear(&'static str, &'static str, Option<Lease>),
    Write(&'static str, Option<Lease>),
    Delete(&'static str, Option<Lease>),
    Rename(&'static str, &'static str, Option<Lease>),
    RenameTree(&'static str, &'static str),
    Copy(&'static str, &'static str),
    Claim {
        handle: usize,
        max: usize,
        seconds: i64,
        prefix: Option<&'static str>,
    },
    Finish(Lease, Finish),
    /// With output files in the same transaction, of which the last one may be guarded by another lease.
    FinishWithFiles(Lease, Finish, &'static str, Option<Lease>),
    /// The token of one item, used on a path.
    FinishElsewhere(Lease, &'static str),
    /// Seconds.
    Pass(i64),
    SetWall(i64),
    /// The store is closed and opened again; the machine was restarted meanwhile, or not.
    Reopen(bool),
}

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&PATHS[..])
}

fn lease() -> impl Strategy<Value = Lease> {
    prop_oneof![4 => 0..3_usize, 1 => 0..40_usize]
}

fn status() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just("ready"),
        3 => Just("blocked"),
        1 => Just("pending"),
        1 => Just("in_progress"),
        1 => Just("completed"),
        1 => Just("failed"),
        2 => Just("cancelled"),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        6 => status().prop_map(Key::Status),
        3 => (-2..4_i64).prop_map(Key::Priority),
        3 => prop::collection::vec(path(), 0..3).prop_map(Key::DependsOn),
        1 => Just(Key::Worker),
        1 => (0..9_i64).prop_map(Key::StartedAt),
        1 => (0..9_i64).prop_map(Key::CompletedAt),
        3 => (-5..20_i64).prop_map(Key::NotBefore),
        3 => (1..3_i64).prop_map(Key::MaxAttempts),
    ]
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    prop::collection::vec(key(), 1..4).prop_map(each_once)
}

/// The keys of a new item, which is mostly one that can be claimed at some time.
fn item_keys() -> impl Strategy<Value = Vec<Key>> {
    (status(), prop::collection::vec(key(), 0..3)).prop_map(|(status, mut keys)| {
        keys.push(Key::Status(status));
        each_once(keys)
    })
}

fn name_of_key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "status",
            "priority",
            "depends_on",
            "worker_id",
            "started_at",
            "completed_at",
            "not_before",
            "max_attempts",
        ][..],
    )
}

fn finish() -> impl Strategy<Value = Finish> {
    prop_oneof![
        2 => (1..20_i64).prop_map(Finish::Heartbeat),
        4 => Just(Finish::Complete),
        3 => (0..4_i64).prop_map(Finish::Fail),
        2 => Just(Finish::Release),
    ]
}

fn claim() -> impl Strategy<Value = Step> {
    let max = prop_oneof![3 => 1..3_usize, 2 => 3..12_usize];
    let handle = prop_oneof![3 => Just(0_usize), 4 => 0..HANDLES.len()];
    let prefix = prop::option::of(prop::sample::select(&PREFIXES[..]));
    (handle, max, 1..20_i64, prefix).prop_map(|(handle, max, seconds, prefix)| Step::Claim {
        handle,
        max,
        seconds,
        prefix,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let guard = || prop::option::weighted(0.3, lease());
    let tree = || prop::sample::select(&TREES[..]);
    prop_oneof![
        14 => (path(), item_keys()).prop_map(|(path, keys)| Step::Add(path, keys)),
        6 => (path(), keys(), guard()).prop_map(|(path, keys, lease)| Step::Set(path, keys, lease)),
        6 => (keys(), lease(), any::<bool>()).prop_map(|(keys, lease, proven)| Step::SetHeld(keys, lease, proven)),
        2 => (path(), name_of_key(), guard()).prop_map(|(path, key, lease)| Step::Clear(path, key, lease)),
        2 => (path(), guard()).prop_map(|(path, lease)| Step::Write(path, lease)),
        2 => (path(), guard()).prop_map(|(path, lease)| Step::Delete(path, lease)),
        3 => (path(), path(), guard()).prop_map(|(from, to, lease)| Step::Rename(from, to, lease)),
        1 => (tree(), tree()).prop_map(|(from, to)| Step::RenameTree(from, to)),
        2 => (path(), path()).prop_map(|(from, to)| Step::Copy(from, to)),
        14 => claim(),
        8 => (lease(), finish()).prop_map(|(lease, finish)| Step::Finish(lease, finish)),
        3 => (lease(), finish(), path(), guard())
            .prop_map(|(lease, finish, path, guard)| Step::FinishWithFiles(lease, finish, path, guard)),
        1 => (lease(), path()).prop_map(|(lease, path)| Step::FinishElsewhere(lease, path)),
        8 => (0..16_i64).prop_map(Step::Pass),
        2 => prop_oneof![Just(-86_400), Just(86_400), -30..30_i64].prop_map(Step::SetWall),
        1 => any::<bool>().prop_map(Step::Reopen),
    ]
}

/// What happens to a store, from the beginning.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..60)
}

impl Key {
    /// Returns the name of the key.
    pub fn name(&self) -> &'static str {
        match self {
            Key::Status(_) => "status",
            Key::Priority(_) => "priority",
            Key::DependsOn(_) => "depends_on",
            Key::Worker => "worker_id",
            Key::StartedAt(_) => "started_at",
            Key::CompletedAt(_) => "completed_at",
            Key::NotBefore(_) => "not_before",
            Key::MaxAttempts(_) => "max_attempts",
        }
    }
}

/// Returns `keys` with each name once, as in a JSON object.
fn each_once(keys: Vec<Key>) -> Vec<Key> {
    let mut once: Vec<Key> = Vec::new();
    for key in keys {
        once.retain(|other| other.name() != key.name());
        once.push(key);
    }
    once
}

//! The work queue against a model of it: random workers of two tenants claim, finish, fail, overtake each
//! other, and change items by hand, while time passes, the wall's clock is set, and the store is closed and
//! opened again. After each step, status, holder, attempts, views and counts are what the model says.

mod item;
mod operation;
mod reference;
mod subject;

use std::collections::{BTreeMap, BTreeSet};

use nexusfs_core::metadata::Supply;
use nexusfs_core::work::{Status, WorkItem, WorkView};
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use serde_json::Value;

use self::item::{LastError, Now, SECOND, WORKER};
use self::operation::{Finish, HANDLES, Step, steps};
use self::reference::{EPOCH, ERROR, Expected, Guard, Operation, Reference, sees};
use self::subject::Subject;
use crate::metadata::conformance::Database;

/// Compares the stores that `create` makes, one for each of many random histories, with the model.
///
/// # Panics
/// If a store does not do what the model does, with the shortest history found that shows it.
pub fn check(create: fn() -> Box<dyn Database>) {
    let config = ProptestConfig {
        // PROPTEST_CASES asks for more.
        cases: std::env::var("PROPTEST_CASES")
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(200),
        max_shrink_iters: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let history = |steps: Vec<Step>| {
        let mut run = Run::new(create());
        for (number, step) in steps.iter().enumerate() {
            run.step(step);
            run.compare(number % HANDLES.len(), step);
        }
        run.drain();
        Ok(())
    };
    if let Err(error) = TestRunner::new(config).run(&steps(), history) {
        panic!("{error}");
    }
}

/// A store beside its model.
struct Run {
    subject: Subject,
    model: Reference,
}

impl Run {
    fn new(database: Box<dyn Database>) -> Self {
        let now = Now {
            wall: EPOCH + 100 * SECOND,
            boot: 1,
            since_boot: 50 * SECOND,
        };
        Run {
            subject: Subject::new(database, now),
            model: Reference::new(now),
        }
    }

    fn step(&mut self, step: &Step) {
        self.subject.take_turns();
        match step {
            Step::Claim {
                handle,
                max,
                seconds,
                prefix,
            } => {
                self.claim(*handle, *max, *seconds, *prefix);
            }
            Step::Pass(seconds) => {
                self.subject.pass(*seconds);
                self.model.now.wall += seconds * SECOND;
                self.model.now.since_boot += seconds * SECOND;
            }
            Step::SetWall(seconds) => self.step_wall(*seconds),
            Step::Reopen(restarted) => {
                if *restarted {
                    self.model.now.boot += 1;
                    self.model.now.since_boot = SECOND;
                }
                self.subject.reopen(self.model.now);
            }
            change => {
                let operations = self.operations(change);
                self.commit(&operations);
            }
        }
    }

    /// Sets the wall's clock. What has fallen due once may stay so, which the model leaves open: so no
    /// `not_before` is crossed backwards.
    fn step_wall(&mut self, seconds: i64) {
        let (before, after) = (self.model.now.wall, self.model.now.wall + seconds * SECOND);
        let crossed = |time: i64| after < time && time <= before;
        let mut times = self.model.files.values().filter_map(|item| item.not_before);
        if !times.any(crossed) {
            self.subject.step_wall(seconds);
            self.model.now.wall = after;
        }
    }

    /// Returns the path that the item of a lease has now, and the token.
    fn held(&self, lease: usize) -> (String, u64) {
        let handed = &self.model.handed;
        if handed.is_empty() {
            return ("/root".to_owned(), 1);
        }
        let handed = &handed[handed.len() - 1 - lease % handed.len()];
        let path = self.model.by_id(handed.item).map(|(path, _)| path.clone());
        (path.unwrap_or_else(|| handed.path.clone()), handed.token)
    }

    fn guard(&self, lease: Option<usize>) -> Guard {
        lease.map(|lease| self.held(lease))
    }

    fn operations(&self, step: &Step) -> Vec<Operation> {
        let owned = |path: &&str| (*path).to_owned();
        let finished = |lease: &usize, finish: &Finish| {
            let (path, token) = self.held(*lease);
            Operation::Finish(path, token, finish.clone())
        };
        match step {
            Step::Add(path, keys) => vec![
                Operation::Write(owned(path), None),
                Operation::Set(owned(path), keys.clone(), None),
            ],
            Step::Set(path, keys, lease) => {
                vec![Operation::Set(
                    owned(path),
                    keys.clone(),
                    self.guard(*lease),
                )]
            }
            Step::SetHeld(keys, lease, proven) => {
                let held = self.held(*lease);
                let path = held.0.clone();
                vec![Operation::Set(
                    path,
                    keys.clone(),
                    Some(held).filter(|_| *proven),
                )]
            }
            Step::Clear(path, key, lease) => {
                let required = self.guard(*lease);
                let required = required.map(|(path, token)| Operation::Require(path, token));
                let clear = Operation::Clear(owned(path), key);
                required.into_iter().chain([clear]).collect()
            }
            Step::Write(path, lease) => vec![Operation::Write(owned(path), self.guard(*lease))],
            Step::Delete(path, lease) => vec![Operation::Delete(owned(path), self.guard(*lease))],
            Step::Rename(from, to, lease) => {
                vec![Operation::Rename(
                    owned(from),
                    owned(to),
                    self.guard(*lease),
                )]
            }
            Step::RenameTree(from, to) => vec![Operation::Rename(owned(from), owned(to), None)],
            Step::Copy(from, to) => vec![Operation::Copy(owned(from), owned(to))],
            Step::Finish(lease, finish) => vec![finished(lease, finish)],
            Step::FinishWithFiles(lease, finish, path, guard) => vec![
                Operation::Write(owned(path), None),
                finished(lease, finish),
                Operation::Write(owned(path), self.guard(*guard)),
            ],
            Step::FinishElsewhere(lease, path) => {
                let token = self.held(*lease).1;
                vec![Operation::Finish(owned(path), token, Finish::Complete)]
            }
            Step::Claim { .. } | Step::Pass(_) | Step::SetWall(_) | Step::Reopen(_) => Vec::new(),
        }
    }

    fn commit(&mut self, operations: &[Operation]) {
        let now = self.model.now;
        let existed: BTreeSet<String> = self.model.files.keys().cloned().collect();
        let expected = self.model.apply(operations);
        match (expected, self.subject.commit(operations, now)) {
            (Err(kind), Err(error)) => {
                assert_eq!(error.kind(), kind, "{operations:?} gave {error:?}");
            }
            (Err(kind), Ok(_)) => panic!("{operations:?} was done, but should be {kind:?}"),
            (Ok(()), Err(error)) => panic!("{operations:?} should be done, but gave {error:?}"),
            (Ok(()), Ok(entries)) => {
                for (operation, entry) in operations.iter().zip(entries) {
                    let (Some(entry), Operation::Write(path, _) | Operation::Copy(_, path)) =
                        (entry, operation)
                    else {
                        continue;
                    };
                    let is_copy = matches!(operation, Operation::Copy(from, to) if from != to);
                    if is_copy || !existed.contains(path) {
                        let id = entry.path_id.expect("a file has an id");
                        self.model.adopt(path, id, entry.created_at);
                    }
                }
            }
        }
    }

    fn claim(&mut self, handle: usize, max: usize, seconds: i64, prefix: Option<&str>) -> usize {
        let expected = self.model.claimable(handle, prefix, max);
        let claimed = self.subject.claim(handle, max, seconds, prefix);
        let paths: Vec<String> = claimed.iter().map(|item| item.path.to_string()).collect();
        check_claim(&expected, &paths, max, |path| self.model.place(path));
        for item in &claimed {
            let path = item.path.as_str();
            assert!(
                item.lease > self.model.newest_token,
                "{path} got the token {}, after {}",
                item.lease,
                self.model.newest_token
            );
            self.model.take(path, item.lease, seconds);
            let attempts = self.model.files[path].attempts;
            assert_eq!(item.status, Status::InProgress, "{path}");
            assert_eq!(item.attempts as i64, attempts, "attempts of {path}");
            assert_eq!(item.worker_id.as_deref(), Some(WORKER), "{path}");
            assert!(
                !item.lease_expired,
                "{path} was given with an expired lease"
            );
        }
        // What lapsed goes into the queue where something in the queue came before it, or where all is needed.
        let from_queue = paths.iter().any(|path| !expected.lapsed.contains(path));
        let met_all = paths.len() < max || (expected.strict && from_queue);
        for path in expected.lapsed.iter().filter(|path| !paths.contains(path)) {
            if met_all || self.was_met(path) {
                self.model.meet(path);
            }
        }
        paths.len()
    }

    /// Returns whether a claim has met the expired item at `path`, which it was free to leave for later.
    fn was_met(&self, path: &str) -> bool {
        let expired = self.model.files[path].has_expired(self.model.now);
        let status = self
            .subject
            .keys(path)
            .into_iter()
            .find(|(key, _)| key == "status");
        expired && status.is_some_and(|(_, status)| status != "\"in_progress\"")
    }

    /// Compares all that can be seen, the views as `handle` sees them.
    fn compare(&self, handle: usize, step: &Step) {
        for (path, item) in &self.model.files {
            let mut keys = BTreeMap::new();
            for (key, text) in self.subject.keys(path) {
                let value: Value = serde_json::from_str(&text).expect("metadata is JSON");
                keys.insert(key, value);
            }
            let last_error = keys.remove("last_error");
            let said = last_error.as_ref().and_then(Value::as_str);
            match item.last_error {
                None => assert_eq!(said, None, "last_error of {path} after {step:?}"),
                Some(LastError::Said) => assert_eq!(said, Some(ERROR), "{path} after {step:?}"),
                Some(LastError::Expired) => {
                    let tells = said.is_some_and(|text| text.contains("expired"));
                    assert!(tells, "last_error of {path} is {said:?} after {step:?}");
                }
            }
            assert_eq!(keys, item.keys(), "keys of {path} after {step:?}");
        }
        self.compare_views(handle, step);
        self.compare_counts(handle, step);
        self.compare_explanations(handle, step);
        self.compare_supply(handle, step);
        let findings = self.subject.findings();
        assert!(findings.is_empty(), "{findings:?} after {step:?}");
    }

    fn compare_views(&self, handle: usize, step: &Step) {
        let now = self.model.now;
        for view in [
            WorkView::Ready,
            WorkView::Blocked,
            WorkView::Pending,
            WorkView::InProgress,
            WorkView::ByPriority,
        ] {
            let mut expected = Vec::new();
            for (path, item) in &self.model.files {
                let open = self.model.open_edges(item).len() as i64;
                let due = item.not_before.is_none_or(|time| time <= now.wall);
                let status = item.status;
                let place = self.model.place(path);
                let (belongs, before) = match view {
                    WorkView::Ready => (status == Some("ready") && open == 0 && due, 0),
                    WorkView::Blocked => {
                        let waits = matches!(status, Some("ready" | "pending")) && open > 0;
                        (waits || status == Some("blocked"), -open)
                    }
                    WorkView::Pending => (status == Some("pending") && open == 0, 0),
                    WorkView::InProgress => {
                        let newest_first = item.started_at.map_or(i64::MAX, |time| -time);
                        (status == Some("in_progress"), newest_first)
                    }
                    WorkView::ByPriority => (status.is_some(), 0),
                };
                if belongs && sees(handle, path) {
                    let place = match view {
                        WorkView::InProgress => (0, 0, path.clone()),
                        _ => place,
                    };
                    expected.push((before, place));
                }
            }
            expected.sort();
            let expected: Vec<&str> = expected.iter().map(|(_, place)| place.2.as_str()).collect();
            let found = self.subject.view(handle, view, 100);
            let paths: Vec<&str> = found.iter().map(|item| item.path.as_str()).collect();
            assert_eq!(
                paths, expected,
                "{view:?} of handle {handle} after {step:?}"
            );
            let first = self.subject.view(handle, view, 2);
            let paths: Vec<&str> = first.iter().map(|item| item.path.as_str()).collect();
            assert_eq!(
                paths,
                expected[..expected.len().min(2)],
                "2 of {view:?} after {step:?}"
            );
            for item in &found {
                self.compare_row(item, step);
            }
        }
    }

    fn compare_row(&self, row: &WorkItem, step: &Step) {
        let path = row.path.as_str();
        let item = &self.model.files[path];
        let token = item.lease.as_ref().map_or(0, |lease| lease.token);
        assert_eq!(row.lease, token, "token of {path} after {step:?}");
        let expired = item.has_expired(self.model.now);
        assert_eq!(row.lease_expired, expired, "{path} after {step:?}");
        let open = self.model.open_edges(item).len();
        assert_eq!(
            row.blocker_count as usize, open,
            "blockers of {path} after {step:?}"
        );
    }

    fn compare_counts(&self, handle: usize, step: &Step) {
        let counts = self.subject.counts(handle);
        let (mut by_status, mut views) = ([0; 7], [0; 5]);
        for (path, item) in &self.model.files {
            let Some(status) = item.status.filter(|_| sees(handle, path)) else {
                continue;
            };
            let known = Status::ALL.iter().position(|known| known.name() == status);
            by_status[known.unwrap()] += 1;
            let waits = !self.model.open_edges(item).is_empty();
            let due = item
                .not_before
                .is_none_or(|time| time <= self.model.now.wall);
            let view = match status {
                "blocked" => Some(2),
                "ready" | "pending" if waits => Some(2),
                "ready" if due => Some(0),
                "ready" => Some(1),
                "pending" => Some(3),
                "in_progress" => Some(4),
                _ => None,
            };
            if let Some(view) = view {
                views[view] += 1;
            }
        }
        let found = [
            counts.ready,
            counts.delayed,
            counts.blocked,
            counts.pending,
            counts.in_progress,
        ];
        assert_eq!(
            counts.by_status, by_status,
            "handle {handle} after {step:?}"
        );
        assert_eq!(found, views, "views of handle {handle} after {step:?}");
    }

    fn compare_explanations(&self, handle: usize, step: &Step) {
        for (path, item) in &self.model.files {
            if !sees(handle, path) {
                continue;
            }
            let found = self.subject.explain(handle, path);
            let open: Vec<_> = self.model.open_edges(item);
            let expected: Vec<_> = open.iter().map(|id| self.model.blocker(*id)).collect();
            assert_eq!(
                found.status.map(Status::name),
                item.status,
                "{path} after {step:?}"
            );
            assert_eq!(
                found.attempts as i64, item.attempts,
                "{path} after {step:?}"
            );
            let expired = item.has_expired(self.model.now);
            assert_eq!(found.lease_expired, expired, "{path} after {step:?}");
            assert_eq!(found.open.len(), expected.len(), "{path} after {step:?}");
            for (blocker, (at, status)) in found.open.iter().zip(expected) {
                let shown = sees(handle, &at).then_some(at.as_str());
                assert_eq!(
                    blocker.path.as_deref(),
                    shown,
                    "blocker of {path} after {step:?}"
                );
                let status = status.filter(|_| shown.is_some());
                let what = format!("{at}, which blocks {path}, after {step:?}");
                assert_eq!(blocker.status.map(Status::name), status, "{what}");
                assert_eq!(
                    blocker.deleted,
                    shown.is_some() && status.is_none(),
                    "{what}"
                );
            }
        }
    }

    /// A worker that waits may be woken for nothing, but never too late.
    fn compare_supply(&self, handle: usize, step: &Step) {
        let supply = self.subject.supply(handle);
        let after = match supply {
            Supply::Now => Some(0),
            Supply::After(wait) => Some(wait.as_micros() as i64),
            Supply::None => None,
        };
        match (self.model.wait_for_supply(handle), after) {
            (Some(wait), Some(after)) => assert!(
                after <= wait,
                "{supply:?} is later than in {wait} us, handle {handle} after {step:?}"
            ),
            (Some(wait), None) => {
                panic!("{supply:?}, but in {wait} us, handle {handle} after {step:?}")
            }
            (None, _) => {}
        }
    }

    /// Claims until nothing is left: each item comes once, whatever lapsed before.
    fn drain(&mut self) {
        let mut left = self.model.claimable(0, None, 1).claimable.len();
        while left > 0 {
            assert_ne!(self.claim(0, 1, 1_000, None), 0, "{left} items were left");
            left -= 1;
        }
        assert_eq!(
            self.claim(0, 1, 1_000, None),
            0,
            "more than there was to claim"
        );
    }
}

/// Checks that a claim of up to `max` items may return `claimed`.
fn check_claim<P: Ord>(
    expected: &Expected,
    claimed: &[String],
    max: usize,
    place: impl Fn(&str) -> P,
) {
    let claimable = &expected.claimable;
    let count = claimable.len().min(max);
    assert_eq!(
        claimed.len(),
        count,
        "claimed {claimed:?} of {claimable:?}, at most {max}"
    );
    if expected.strict || claimed.len() < max {
        assert_eq!(claimed, &claimable[..count], "of {claimable:?}");
        return;
    }
    let each: BTreeSet<&String> = claimed.iter().collect();
    assert_eq!(
        each.len(),
        claimed.len(),
        "an item was given twice in {claimed:?}"
    );
    assert!(
        claimed.is_sorted_by_key(|path| place(path)),
        "{claimed:?} is out of order"
    );
    for path in claimed {
        assert!(
            claimable.contains(path),
            "{path} is not among {claimable:?}"
        );
    }
    // What stood in the queue before comes in order; only what has just lapsed may be later.
    let last = claimed.last().map(|path| place(path));
    for path in claimable.iter().filter(|path| !each.contains(path)) {
        let may_wait = expected.lapsed.contains(path) || Some(place(path)) > last;
        assert!(may_wait, "{path} was passed over for {claimed:?}");
    }
}

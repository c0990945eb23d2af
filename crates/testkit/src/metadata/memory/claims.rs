//! Claims, by going through all items.

use std::time::Duration;

use nexusfs_core::access::{ClaimScope, Rules};
use nexusfs_core::metadata::{Claim, Supply};
use nexusfs_core::range::PathRange;
use nexusfs_core::work::{MOST_ATTEMPTS, Status, WorkItem};

use super::queries::{rank, work_item};
use super::state::{Item, Lease, Now, State};

/// Returns what the caller may take items from.
fn ranges(state: &State, scope: &ClaimScope) -> Vec<PathRange> {
    let changeable = &scope.changeable;
    let ranges = match changeable.each_child {
        None => changeable.ranges.clone(),
        Some(_) => state.resolve(changeable).within_each(&scope.writable),
    };
    match &scope.prefix {
        None => ranges,
        Some(prefix) => ranges
            .iter()
            .filter_map(|range| range.intersection(prefix))
            .collect(),
    }
}

fn paths(state: &State, scope: &ClaimScope) -> Vec<String> {
    let ranges = ranges(state, scope);
    let items = ranges.iter().flat_map(|range| state.items_in(range));
    items.map(|(path, _)| path.clone()).collect()
}

/// Returns whether the item could be taken, once its lease, if it has one, has ended.
fn is_free(state: &State, item: &Item, now: Now) -> bool {
    !item.is_delayed(now) && state.open_edges_of(item.id).is_empty()
}

/// Ends the attempts whose leases have expired, of the items that the claim may take, then gives the first items to the
/// worker.
pub(super) fn claim(state: &mut State, claim: &Claim, rules: &Rules, now: Now) -> Vec<WorkItem> {
    let paths = paths(state, &claim.scope);
    for path in &paths {
        if let Some(item) = state.items.get_mut(path)
            && item.status == Some(Status::InProgress)
            && item.has_expired(now)
        {
            expire(item);
        }
    }
    let is_claimable = |path: &&String| {
        let item = &state.items[*path];
        item.status == Some(Status::Ready) && is_free(state, item, now)
    };
    let mut found: Vec<&String> = paths.iter().filter(is_claimable).collect();
    found.sort_by_key(|path| {
        let created_at = state.names.get(*path).map(|name| name.created_at);
        (rank(state.items[*path].priority), created_at, *path)
    });
    found.truncate(claim.max);
    let found: Vec<String> = found.into_iter().cloned().collect();
    let mut taken = Vec::with_capacity(found.len());
    for path in found {
        state.newest_token += 1;
        let lease = Lease {
            token: state.newest_token,
            deadline: now.boot.saturating_add(claim.lease),
            expires_at: now.wall.saturating_add(claim.lease),
        };
        let Some(item) = state.items.get_mut(&path) else {
            continue;
        };
        item.status = Some(Status::InProgress);
        item.worker_id = Some(claim.worker_id.clone());
        item.started_at = Some(now.wall);
        item.attempts = (item.attempts + 1).min(MOST_ATTEMPTS);
        item.lease = Some(lease);
        taken.extend(work_item(state, &path, &state.items[&path], rules, now));
    }
    taken
}

/// A lease that ended counts as a failed attempt.
fn expire(item: &mut Item) {
    let worker = item.worker_id.as_deref().unwrap_or("a worker");
    item.last_error = Some(format!("the lease of {worker} expired"));
    if item.has_no_attempt_left() {
        item.lease = None;
        item.status = Some(Status::Failed);
    } else {
        item.give_up();
    }
}

/// Returns whether there is something to claim.
pub(super) fn supply(state: &State, scope: &ClaimScope, now: Now) -> Supply {
    let wait_for = |path: &String| {
        let item = &state.items[path];
        let waits = !state.open_edges_of(item.id).is_empty();
        match (item.status, item.lease) {
            (Some(Status::Ready), _) if !waits => Some(
                item.not_before
                    .map_or(0, |time| time.saturating_sub(now.wall)),
            ),
            // Whether it can be claimed then, the claim that meets it finds out.
            (Some(Status::InProgress), Some(lease)) => {
                Some(lease.deadline.saturating_sub(now.boot))
            }
            _ => None,
        }
    };
    match paths(state, scope).iter().filter_map(wait_for).min() {
        None => Supply::None,
        Some(wait) => match u64::try_from(wait) {
            Ok(wait) if wait > 0 => Supply::After(Duration::from_micros(wait)),
            _ => Supply::Now,
        },
    }
}

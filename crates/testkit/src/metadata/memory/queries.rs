//! What is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexusfs_core::access::Rules;
use nexusfs_core::content::ContentHash;
use nexusfs_core::error::Result;
use nexusfs_core::metadata::{
    ContentCount, ContentRow, Duplicates, EntryQuery, EntryRef, Grant, MetadataQuery,
    MetadataValue, Paged, Scope, StorageReport, StorageTotals,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::{PathRange, Visible};
use nexusfs_core::time::format_time;
use nexusfs_core::work::{
    Blocker, DependencyRef, ExpiredLease, Explanation, Status, WorkCounts, WorkField, WorkItem,
    WorkView,
};

use super::state::{
    ContentName, Item, Kind, Now, State, is_directory, not_found, parent, virtual_path,
    without_metadata,
};

/// Files of a page of duplicates, and rows of one of contents: few, so that callers have to go on.
const PAGE: usize = 50;
/// Most paths that a group of duplicates names.
const NAMED: usize = 100;

/// Passes a page of what is visible to `found`.
pub(super) fn page(
    state: &State,
    query: &EntryQuery,
    visible: &Visible,
    found: &mut dyn FnMut(EntryRef<'_>),
) {
    let scope = query.scope.range();
    let rest = match &query.after {
        Some(last) => scope.after(last),
        None => Some(scope),
    };
    let Some(rest) = rest else { return };
    let is_wanted = |path: &str| match &query.scope {
        Scope::Range(_) => true,
        Scope::Children(directory) => parent(path).unwrap_or("/") == directory.as_str(),
    };
    let mut entries: BTreeMap<String, Option<&super::state::Name>> = BTreeMap::new();
    for range in visible.within(&rest) {
        let names = state.names_in(&range);
        let wanted = names.filter(|(path, name)| {
            is_wanted(path) && (query.directories || name.kind == Kind::File)
        });
        entries.extend(wanted.map(|(path, name)| (path.clone(), Some(name))));
    }
    if query.directories {
        let gates = state.gates(visible, &rest);
        entries.extend(
            gates
                .into_iter()
                .filter(|gate| is_wanted(gate))
                .map(|gate| (gate, None)),
        );
    }
    for (path, name) in entries.iter().take(query.limit) {
        found(match name {
            Some(name) => name.entry(path),
            None => EntryRef::implied_directory(path),
        });
    }
}

/// Returns an error unless `path` can have metadata.
pub(super) fn require_described(state: &State, path: &str) -> Result<()> {
    match state.names.get(path).map(|name| name.kind) {
        Some(Kind::File | Kind::MadeDirectory) => Ok(()),
        Some(Kind::ImpliedDirectory) => Err(without_metadata(path)),
        None => Err(not_found(path)),
    }
}

/// Returns all keys of what is at `path`, typed or not, with their JSON texts, by key.
pub(super) fn all_values(state: &State, path: &str) -> Vec<(String, String)> {
    let own = |(key, json): (&str, &str)| (key.to_owned(), json.to_owned());
    let mut values: Vec<_> = state.values(path).map(own).collect();
    values.extend(work_values(state, path));
    values.sort();
    values
}

/// Returns the typed keys of the file at `path`, with their JSON texts.
pub(super) fn work_values(state: &State, path: &str) -> Vec<(String, String)> {
    let Some(item) = state.items.get(path) else {
        return Vec::new();
    };
    let text = |text: &String| serde_json::Value::from(text.as_str()).to_string();
    let time = |time: i64| text(&format_time(time));
    let number = |number: i64| number.to_string();
    let dependencies = || {
        let ids = dependencies_of(state, item)
            .into_iter()
            .map(DependencyRef::Id);
        WorkField::DependsOn(ids.collect()).to_json()
    };
    let status = |status: Status| text(&status.name().to_owned());
    let keys = [
        (
            "attempts",
            Some(item.attempts).filter(|count| *count > 0).map(number),
        ),
        ("completed_at", item.completed_at.map(time)),
        ("depends_on", item.depends.then(dependencies)),
        ("last_error", item.last_error.as_ref().map(text)),
        (
            "lease_expires_at",
            item.lease.map(|lease| time(lease.expires_at)),
        ),
        ("max_attempts", item.max_attempts.map(number)),
        ("not_before", item.not_before.map(time)),
        ("priority", item.priority.map(number)),
        ("result", item.result.clone()),
        ("started_at", item.started_at.map(time)),
        ("status", item.status.map(status)),
        ("tags", item.tags.clone()),
        ("worker_id", item.worker_id.as_ref().map(text)),
    ];
    keys.into_iter()
        .filter_map(|(key, json)| Some((key.to_owned(), json?)))
        .collect()
}

fn dependencies_of(state: &State, item: &Item) -> Vec<PathId> {
    let edges = state.edges_of(item.id);
    edges.into_iter().map(|(blocker, _)| blocker).collect()
}

/// Returns the first visible paths that `query` is about, in order.
pub(super) fn find(state: &State, query: &MetadataQuery, visible: &Visible) -> Result<Vec<String>> {
    let rest = match &query.after {
        Some(last) => query.range.after(last),
        None => Some(query.range.clone()),
    };
    let mut ranges = rest
        .iter()
        .flat_map(|rest| visible.within(rest))
        .collect::<Vec<_>>();
    ranges.sort_by(|a, b| a.start.cmp(&b.start));
    let mut paths = Vec::new();
    for range in ranges {
        match &query.value {
            MetadataValue::Work(field) => {
                let items = state.items_in(&range);
                let found = items.filter(|(_, item)| has_value(state, item, field, visible));
                paths.extend(found.map(|(path, _)| path.clone()));
            }
            MetadataValue::Json { digest, .. } => {
                let has_it = |path: &&String| {
                    let value = state.metadata.get(&((*path).clone(), query.key.clone()));
                    value.is_some_and(|(_, known)| known == digest)
                };
                let names = state.names_in(&range).map(|(path, _)| path);
                paths.extend(names.filter(has_it).cloned());
            }
        }
    }
    paths.truncate(query.limit);
    Ok(paths)
}

fn has_value(state: &State, item: &Item, field: &WorkField, visible: &Visible) -> bool {
    match field {
        WorkField::Status(status) => item.status == Some(*status),
        WorkField::Priority(priority) => item.priority == Some(*priority),
        WorkField::WorkerId(worker) => item.worker_id.as_ref() == Some(worker),
        WorkField::StartedAt(time) => item.started_at == Some(*time),
        WorkField::CompletedAt(time) => item.completed_at == Some(*time),
        WorkField::NotBefore(time) => item.not_before == Some(*time),
        WorkField::Tags(_) => item.tags.as_deref() == Some(&field.to_json()),
        WorkField::MaxAttempts(attempts) => item.max_attempts == Some(*attempts),
        WorkField::DependsOn(references) => {
            let mut wanted = Vec::new();
            for reference in references {
                let path = match reference {
                    DependencyRef::Id(id) => state.path_of_id(*id),
                    DependencyRef::Path(path) => Some(path.as_str()),
                };
                let seen = path.filter(|path| visible.contains(path));
                let name = seen.and_then(|path| state.names.get(path));
                match name.and_then(|name| name.path_id) {
                    Some(id) if !wanted.contains(&id) => wanted.push(id),
                    Some(_) => {}
                    None => return false,
                }
            }
            item.depends && dependencies_of(state, item) == wanted
        }
    }
}

/// Returns how often visible paths hold the content `hash`.
pub(super) fn content_count(
    state: &State,
    hash: &ContentHash,
    visible: &Visible,
) -> Option<ContentCount> {
    let mut count = None;
    for range in &visible.ranges {
        for file in state
            .names_in(range)
            .filter_map(|(_, name)| name.file.as_ref())
        {
            if file.etag == *hash {
                let count = count.get_or_insert(ContentCount {
                    size: file.size,
                    references: 0,
                });
                count.references += 1;
            }
        }
    }
    count
}

/// Returns the groups of duplicates whose first path is among the next files, and where to go on.
pub(super) fn duplicates(
    state: &State,
    ranges: &[PathRange],
    after: &str,
) -> Paged<Duplicates, String> {
    let files = ranges.iter().flat_map(|range| state.names_in(range));
    let files: Vec<_> = files
        .filter_map(|(path, name)| Some((path.as_str(), name.file.as_ref()?)))
        .collect();
    let rest = files.iter().filter(|(path, _)| *path > after);
    let next: Vec<_> = rest.take(PAGE).collect();
    let mut groups = Vec::new();
    for (path, file) in &next {
        let same: Vec<&str> = files
            .iter()
            .filter(|(_, other)| other.etag == file.etag)
            .map(|(path, _)| *path)
            .collect();
        if same.len() > 1 && same[0] == *path {
            groups.push(Duplicates {
                etag: file.etag,
                size: file.size,
                count: same.len() as u64,
                paths: same
                    .iter()
                    .take(NAMED)
                    .map(|path| (*path).to_owned())
                    .collect(),
            });
        }
    }
    let last = next.last().filter(|_| next.len() == PAGE);
    (groups, last.map(|(path, _)| (*path).to_owned()))
}

#[derive(Default)]
struct Tally {
    totals: StorageTotals,
    contents: BTreeSet<ContentName>,
}

impl Tally {
    fn add(&mut self, content: ContentName, size: u64) {
        self.totals.files += 1;
        self.totals.logical_bytes += size;
        if self.contents.insert(content) {
            self.totals.distinct_contents += 1;
            self.totals.physical_bytes += size;
        }
    }
}

/// Returns totals over the visible files, in all and by tenant.
pub(super) fn storage_report(state: &State, visible: &Visible, rules: &Rules) -> StorageReport {
    let mut total = Tally::default();
    let mut tenants: BTreeMap<Option<String>, Tally> = BTreeMap::new();
    for range in &visible.ranges {
        for (path, name) in state.names_in(range) {
            let Some(file) = &name.file else { continue };
            total.add(file.content(), file.size);
            let tenant = rules.tenant_of(path).map(str::to_owned);
            tenants
                .entry(tenant)
                .or_default()
                .add(file.content(), file.size);
        }
    }
    let tenants = tenants.into_iter();
    StorageReport {
        total: total.totals,
        tenants: tenants
            .map(|(tenant, tally)| (tenant, tally.totals))
            .collect(),
    }
}

/// Returns the rows of some contents, by their numbers.
pub(super) fn contents(state: &State, after: i64, with_data: bool) -> Paged<ContentRow, i64> {
    let rows: BTreeMap<i64, ContentRow> = state
        .contents
        .iter()
        .filter(|(_, content)| content.id > after)
        .map(|((backend, hash), content)| {
            // That it is inline is told also without its bytes.
            let data = content.data.as_ref();
            let data = data.map(|data| if with_data { data.clone() } else { Vec::new() });
            let row = ContentRow {
                id: content.id,
                backend_id: state.backend_id(backend).ok(),
                backend: Some(Arc::clone(backend)),
                hash: *hash,
                size: content.size,
                data,
                blocks: content.blocks.clone(),
            };
            (content.id, row)
        })
        .collect();
    let page: Vec<_> = rows.into_values().take(PAGE).collect();
    let next = page.last().filter(|_| page.len() == PAGE).map(|row| row.id);
    (page, next)
}

/// Returns the item at `path` as queries show it.
pub(super) fn work_item(
    state: &State,
    path: &str,
    item: &Item,
    rules: &Rules,
    now: Now,
) -> Option<WorkItem> {
    let name = state.names.get(path)?;
    let file = name.file.as_ref()?;
    Some(WorkItem {
        path_id: item.id,
        tenant_id: rules.tenant_of(path).map(str::to_owned),
        path: virtual_path(path),
        backend: Arc::clone(&file.backend),
        etag: file.etag,
        mime_type: Arc::clone(&file.mime_type),
        size: file.size,
        created_at: name.created_at,
        updated_at: name.modified_at,
        status: item.status?,
        priority: item.priority,
        blocker_count: state.open_edges_of(item.id).len() as u64,
        worker_id: item.worker_id.clone(),
        started_at: item.started_at,
        not_before: item.not_before,
        tags: item.tags.clone(),
        attempts: u64::try_from(item.attempts).unwrap_or(0),
        lease: item.lease.map_or(0, |lease| lease.token as u64),
        lease_expires_at: item.lease.map(|lease| lease.expires_at),
        lease_expired: item.has_expired(now),
    })
}

/// What items are sorted by: a number, or nothing, which comes last.
pub(super) fn rank(number: Option<i64>) -> (bool, i64) {
    (number.is_none(), number.unwrap_or(0))
}

/// Returns the items in `ranges`, as queries show them.
fn items_within(state: &State, ranges: &[PathRange], rules: &Rules, now: Now) -> Vec<WorkItem> {
    let items = ranges.iter().flat_map(|range| state.items_in(range));
    items
        .filter_map(|(path, item)| work_item(state, path, item, rules, now))
        .collect()
}

/// Returns whether the item belongs to the view.
fn belongs(item: &WorkItem, view: WorkView, now: Now) -> bool {
    let is_open = item.blocker_count > 0;
    let waits = matches!(item.status, Status::Ready | Status::Pending) && is_open;
    match view {
        WorkView::Ready => {
            let is_delayed = item.not_before.is_some_and(|time| time > now.wall);
            item.status == Status::Ready && !is_open && !is_delayed
        }
        WorkView::Blocked => item.status == Status::Blocked || waits,
        WorkView::Pending => item.status == Status::Pending && !is_open,
        WorkView::InProgress => item.status == Status::InProgress,
        WorkView::ByPriority => true,
    }
}

/// Returns the first `limit` items of `view`.
pub(super) fn view(
    state: &State,
    view: WorkView,
    limit: usize,
    visible: &Visible,
    rules: &Rules,
    now: Now,
) -> Vec<WorkItem> {
    let mut items = items_within(state, &visible.ranges, rules, now);
    items.retain(|item| belongs(item, view, now));
    items.sort_by_key(|item| {
        let in_turn = (rank(item.priority), item.created_at);
        let (first, in_turn) = match view {
            WorkView::Blocked => (rank(Some(-(item.blocker_count as i64))), in_turn),
            WorkView::InProgress => (rank(item.started_at.map(|time| !time)), ((false, 0), 0)),
            _ => ((false, 0), in_turn),
        };
        (first, in_turn, item.path.to_string())
    });
    items.truncate(limit);
    items
}

/// Returns how many visible items in `range` have which state.
pub(super) fn counts(state: &State, range: &PathRange, visible: &Visible, now: Now) -> WorkCounts {
    let mut counts = WorkCounts::default();
    let items = items_within(state, &visible.within(range), &state.rules, now);
    for item in &items {
        for (known, total) in Status::ALL.into_iter().zip(&mut counts.by_status) {
            *total += u64::from(known == item.status);
        }
        let is = |view| u64::from(belongs(item, view, now));
        counts.ready += is(WorkView::Ready);
        counts.blocked += is(WorkView::Blocked);
        counts.pending += is(WorkView::Pending);
        counts.in_progress += is(WorkView::InProgress);
        let is_delayed = item.status == Status::Ready && item.blocker_count == 0;
        counts.delayed += u64::from(is_delayed && !belongs(item, WorkView::Ready, now));
    }
    counts
}

/// Returns what the file at `path` waits for. Of what is not visible, only that it is there.
pub(super) fn explain(
    state: &State,
    path: &VirtualPath,
    grant: &Grant,
    now: Now,
) -> Result<Explanation> {
    let (at, visible) = (path.as_str(), &*grant.visible);
    match state.names.get(at) {
        Some(name) if name.file.is_none() => return Err(is_directory(at)),
        Some(_) if visible.contains(at) => {}
        _ => return Err(not_found(at)),
    }
    let Some(item) = state.items.get(at) else {
        return Ok(Explanation::default());
    };
    let blocker = |(id, edge): (PathId, &super::state::Edge)| {
        let found = state.item_of_id(id);
        let path = found.map(|(path, _)| path).or(edge.tombstone.as_deref());
        let Some(path) = path.filter(|path| visible.contains(path)) else {
            return Blocker {
                path_id: None,
                path: None,
                status: None,
                deleted: false,
                expired_lease: None,
            };
        };
        let running = found.map(|(_, item)| item);
        let running = running.filter(|item| item.status == Some(Status::InProgress));
        let expired = running.filter(|item| item.has_expired(now));
        Blocker {
            path_id: Some(id),
            path: Some(path.to_owned()),
            status: found.and_then(|(_, item)| item.status),
            deleted: edge.tombstone.is_some(),
            expired_lease: expired.map(|item| ExpiredLease {
                at: item.lease.map(|lease| lease.expires_at),
                is_last: item.has_no_attempt_left(),
            }),
        }
    };
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Explanation {
        status: item.status,
        dependencies: state.edges_of(item.id).len() as u64,
        open: state
            .open_edges_of(item.id)
            .into_iter()
            .map(blocker)
            .collect(),
        not_before: item.not_before,
        delayed: item.is_delayed(now),
        worker_id: item.worker_id.clone(),
        attempts: count(item.attempts),
        max_attempts: item.max_attempts.map(count),
        last_error: item.last_error.clone(),
        lease_expires_at: item.lease.map(|lease| lease.expires_at),
        lease_expired: item.has_expired(now),
    })
}

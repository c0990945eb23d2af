//! Compares the times of a line and a file, for the mode that compares more than the content.

use std::cmp::Ordering;

use super::line::Line;
use crate::call::Call;
use crate::error::Result;
use crate::filesystem::{Filesystem, InvalidWorkKeys, object_text};
use crate::metadata::{Compared, Entry, EntryQuery, FileInfo, MetadataValue, Scope};
use crate::range::PathRange;
use crate::time::Micros;
use crate::work::{Status, WorkField};

/// Returns what `line` was compared with if it is newer than the file `existing` at its path, by the latest of all times
/// that are known. Metadata has none: where those are the same, a line that says anything else is newer.
pub(super) fn by_all(
    fs: &Filesystem,
    line: &Line,
    existing: &Entry,
    call: &Call,
) -> Result<Option<Compared>> {
    let query = EntryQuery {
        scope: Scope::Range(PathRange::of_path(line.path.as_str())),
        directories: false,
        after: None,
        limit: 1,
    };
    let described = fs.granted(call, |_, grant| fs.store().described_page(&query, 1, grant))?;
    let Some((entry, metadata)) = described
        .into_iter()
        .find(|(entry, _)| entry.path == line.path)
    else {
        // It is gone: the transaction will not find what the plan was made for.
        return Ok(Some(Compared::new(existing.modified_at, None)));
    };
    let compared = Compared::new(entry.modified_at, Some(&metadata));
    let mut stored = Line {
        metadata: Vec::new(),
        depends_on: None,
        ..line.clone()
    };
    stored.history = Default::default();
    stored.read_metadata(&object_text(&metadata), InvalidWorkKeys::Rename)?;
    let line = &as_imported(line);
    let (theirs, ours) = (
        latest(line.modified_at.unwrap_or(Micros::MIN), line),
        latest(entry.modified_at, &stored),
    );
    let is_newer = match theirs.cmp(&ours) {
        Ordering::Equal => {
            let has_etag = |file: &FileInfo| file.etag == line.etag;
            !existing.file.as_ref().is_some_and(has_etag) || differ(line, &stored)
        }
        order => order.is_gt(),
    };
    Ok(is_newer.then_some(compared))
}

/// Returns the state of `line` after the import: no worker holds an imported item.
fn as_imported(line: &Line) -> Line {
    let mut line = line.clone();
    let in_progress = MetadataValue::Work(WorkField::Status(Status::InProgress));
    if line.metadata.iter().any(|(_, value)| *value == in_progress) {
        line.metadata.retain(|(key, _)| {
            !matches!(key.as_str(), "worker_id" | "started_at" | "completed_at")
        });
        for (_, value) in &mut line.metadata {
            if *value == in_progress {
                *value = MetadataValue::Work(WorkField::Status(Status::Ready));
            }
        }
    }
    line
}

/// Returns the latest time that is said of a file whose content is of `modified_at`.
fn latest(modified_at: Micros, line: &Line) -> Micros {
    let of_work = line.metadata.iter().filter_map(|(_, value)| match value {
        MetadataValue::Work(WorkField::StartedAt(time) | WorkField::CompletedAt(time)) => {
            Some(*time)
        }
        _ => None,
    });
    of_work.fold(modified_at, Micros::max)
}

/// Returns whether the two say different things of a file.
fn differ(line: &Line, stored: &Line) -> bool {
    let members = |line: &Line| {
        let mut members = line.metadata.clone();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        members
    };
    members(line)
        .iter()
        .map(meaning)
        .ne(members(stored).iter().map(meaning))
        || line.depends_on != stored.depends_on
        || line.history != stored.history
}

/// Returns a key with what its value means.
fn meaning((key, value): &(String, MetadataValue)) -> (&str, Meaning<'_>) {
    let meaning = match value {
        MetadataValue::Work(field) => Meaning::Work(field),
        MetadataValue::Json { digest, .. } => Meaning::Json(digest),
    };
    (key, meaning)
}

#[derive(PartialEq)]
enum Meaning<'a> {
    Work(&'a WorkField),
    Json(&'a [u8; 16]),
}

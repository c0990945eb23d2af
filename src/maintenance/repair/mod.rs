//! Mending what a check found.
//!
//! A repair goes in rounds: what a check found is planned, every step of the plan is told, then the steps are
//! taken, each in a short transaction that looks again; the next check finds what followed from them. The
//! bytes of a damaged content, and what was said of its files, are on the disk before the rows go.

mod lost;

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use self::lost::Lost;
use super::verify::{Report, Watch};
use crate::content::{BlockHashes, ContentHash, measure};
use crate::error::{ErrorKind, Result};
use crate::filesystem::{Filesystem, VerifyOptions};
use crate::metadata::{Finding, FindingKind, LostFile, MetadataMender, RowKey, VerifiedContent};
use crate::path::parent_of;

/// Most rounds; each mends up to 1,000 findings.
const ROUNDS: usize = 1000;
/// Files of one content that are looked up together.
const PAGE: usize = 256;
/// Most steps that a report lists; it counts all.
const LISTED: usize = 1000;

/// One step of a repair.
enum Step {
    /// Rows are enough.
    Mend(Finding, &'static str),
    /// A row of a directory, or else a file that cannot stay.
    Directory(String),
    /// A file stands where a directory must be.
    MoveAside(String),
    /// The row of the content of a file, or else the file.
    Restore(String),
    /// The row of a content, or else the files that have it.
    RestoreContent(i64),
    /// A file that cannot stay.
    Remove(String),
    /// The bytes of a content are not what they should be.
    LoseContent(i64, Option<ContentHash>),
    /// The mark of a directory.
    Mark(String),
}

/// What was done.
#[derive(Default)]
struct Done {
    count: u64,
    listed: Vec<Value>,
}

impl Filesystem {
    /// Mends what `found` says, and checks again. Returns the report as JSON.
    pub(super) fn repair(
        &self,
        options: VerifyOptions,
        found: Report,
        watch: &mut Watch<'_, '_>,
    ) -> Result<String> {
        let mut lost = Lost::new(self.data_dir());
        let mut done = Done::default();
        let mut json = found.to_json();
        let mut report = found;
        for _ in 0..ROUNDS {
            let steps = self.plan(&report);
            if steps.is_empty() {
                break;
            }
            // All are told before the first is taken.
            for (number, step) in steps.iter().enumerate() {
                watch.tell(number as u64, steps.len() as u64, &step.told())?;
            }
            if done.count == 0 {
                self.store().advance_leases(watch.call)?;
            }
            let mut any = false;
            for step in steps {
                any |= self.take(step, &mut lost, &mut done, watch)?;
            }
            report = Report::default();
            self.check(options, &mut report, watch)?;
            if !any {
                break;
            }
        }
        self.collect(watch.call, &mut |_, _, _| true)?;
        report = Report::default();
        self.check(options, &mut report, watch)?;
        json["repaired"] = json!(done.listed);
        json["repaired_count"] = json!(done.count);
        json["lost"] = json!(lost.listed);
        json["lost_count"] = json!(lost.count);
        json["lost_list"] = json!(lost.list_name());
        json["remaining"] = json!(report.errors_json());
        json["remaining_count"] = json!(report.error_count());
        Ok(json.to_string())
    }

    fn plan(&self, report: &Report) -> Vec<Step> {
        let mut seen = HashSet::new();
        let mut steps = Vec::new();
        for finding in report.errors() {
            if let Some(step) = self.step_for(finding)
                && seen.insert((finding.kind, finding.row.clone()))
            {
                steps.push(step);
            }
        }
        steps
    }

    fn step_for(&self, finding: &Finding) -> Option<Step> {
        use FindingKind::*;
        if let Some(what) = self.mender().planned(finding) {
            return Some(Step::Mend(finding.clone(), what));
        }
        Some(match (finding.kind, &finding.row) {
            (DamagedRow, RowKey::Path(path)) => Step::Directory(path.clone()),
            (InvalidPath, RowKey::Path(path)) => Step::Remove(path.clone()),
            (FileAbove, RowKey::Path(path)) => Step::MoveAside(parent_of(path)?.to_owned()),
            (MissingContentRow | WrongContentRow, RowKey::Path(path)) => {
                Step::Restore(path.clone())
            }
            (DamagedRow, RowKey::Content(id)) => Step::RestoreContent(*id),
            (MissingContent | TruncatedContent | DamagedContent, RowKey::Content(id)) => {
                Step::LoseContent(*id, finding.hash)
            }
            (WrongMarker, RowKey::Backend(name)) => Step::Mark(name.clone()),
            _ => return None,
        })
    }

    fn mender(&self) -> &dyn MetadataMender {
        self.store().mender()
    }

    /// Takes a step; returns whether anything was changed.
    fn take(
        &self,
        step: Step,
        lost: &mut Lost,
        done: &mut Done,
        watch: &Watch<'_, '_>,
    ) -> Result<bool> {
        let call = watch.call;
        let told = step.told();
        let changed = match step {
            Step::Mend(finding, _) => {
                self.keep_value(&finding, lost, watch)?;
                self.mender().mend(&finding, call)?
            }
            Step::Directory(path) => {
                self.mender().mend_directory(&path, call)?
                    || self.remove(&path, "its row is damaged", lost, watch)?
            }
            Step::MoveAside(path) => self.mender().move_aside(&path, call)?.is_some(),
            Step::Restore(path) => {
                self.restore(&path, watch)?
                    || self.remove(&path, "its content has no row", lost, watch)?
            }
            Step::RestoreContent(id) => self.restore_content(id, lost, watch)?,
            Step::Remove(path) => self.remove(&path, "its path is no valid name", lost, watch)?,
            Step::LoseContent(id, hash) => self.lose_content(id, hash, lost, watch)?,
            Step::Mark(backend) => self.mark_again(&backend, call)?,
        };
        if changed {
            done.count += 1;
            if done.listed.len() < LISTED {
                done.listed.push(json!(told));
            }
        }
        Ok(changed)
    }

    /// Keeps what is said of a file, where that is about to be removed.
    fn keep_value(&self, finding: &Finding, lost: &mut Lost, watch: &Watch<'_, '_>) -> Result<()> {
        if let (FindingKind::OrphanRow, RowKey::Work(path)) = (finding.kind, &finding.row) {
            for (key, value) in self.mender().work_values(path, watch.call)? {
                let entry = json!({
                    "path": path, "key": key, "value": value, "reason": finding.message,
                });
                lost.append(&entry)?;
                lost.add(entry);
            }
        }
        let RowKey::Metadata(path, key) = &finding.row else {
            return Ok(());
        };
        if finding.kind == FindingKind::WrongDigest {
            return Ok(());
        }
        if let Some(value) = self.mender().value_of(path, key, watch.call)? {
            let entry = json!({
                "path": path, "key": key, "value": value, "reason": finding.message,
            });
            lost.append(&entry)?;
            lost.add(entry);
        }
        Ok(())
    }

    /// Gives the file at `path`, and those with the same content, a row of the content, if its bytes are
    /// there and good.
    fn restore(&self, path: &str, watch: &Watch<'_, '_>) -> Result<bool> {
        let Some(file) = self.mender().describe(path, watch.call)? else {
            return Ok(false);
        };
        let (Some(backend), Some(hash)) = (&file.backend, file.etag) else {
            return Ok(false);
        };
        let rows = self.mender().contents_of(backend, &hash, watch.call)?;
        for id in &rows {
            if let Some(content) = self.verified(Some(*id), backend, &hash, watch)? {
                return self.mender().restore_content(&content, watch.call);
            }
        }
        match self.verified(None, backend, &hash, watch)? {
            Some(content) => self.mender().restore_content(&content, watch.call),
            None => Ok(false),
        }
    }

    /// Returns the content, if its bytes are good: those of the row `id`, or without one, of the backend.
    fn verified(
        &self,
        id: Option<i64>,
        backend: &str,
        hash: &ContentHash,
        watch: &Watch<'_, '_>,
    ) -> Result<Option<VerifiedContent>> {
        let content = |size, blocks| VerifiedContent {
            id,
            backend: Arc::from(backend),
            hash: *hash,
            size,
            blocks,
        };
        if let Some(id) = id
            && let Some(place) = self.mender().content_place(id, watch.call)?
            && let Some(data) = place.data
        {
            let is_good = ContentHash::of(&data) == *hash;
            return Ok(is_good.then(|| content(data.len() as u64, BlockHashes::default())));
        }
        let store = match self.placement().store(backend) {
            Err(error) if error.kind() == ErrorKind::NotMounted => return Ok(None),
            store => store?,
        };
        Ok(measure(&**store, hash)?.map(|(size, blocks)| content(size, blocks)))
    }

    fn restore_content(&self, id: i64, lost: &mut Lost, watch: &Watch<'_, '_>) -> Result<bool> {
        let holders = self.mender().holders(id, 1, watch.call)?;
        let Some(file) = holders.into_iter().next() else {
            return Ok(false);
        };
        if self.restore(&file.path, watch)? {
            return Ok(true);
        }
        self.lose_content(id, file.etag, lost, watch)
    }

    /// Removes the file at `path`; its bytes, if they can be found, go to the quarantine.
    fn remove(
        &self,
        path: &str,
        why: &str,
        lost: &mut Lost,
        watch: &Watch<'_, '_>,
    ) -> Result<bool> {
        let Some(file) = self.mender().describe(path, watch.call)? else {
            return Ok(false);
        };
        let kept = match (file.content_id, file.etag) {
            (Some(id), etag) => self.quarantine(id, etag, &file, lost, watch)?,
            (None, _) => None,
        };
        self.forget(&file, kept.as_deref(), why, lost, watch)
    }

    /// Removes the files that have the content, unless it is good by now. Its bytes go to the quarantine.
    fn lose_content(
        &self,
        id: i64,
        hash: Option<ContentHash>,
        lost: &mut Lost,
        watch: &Watch<'_, '_>,
    ) -> Result<bool> {
        let mut any = false;
        loop {
            let holders = self.mender().holders(id, PAGE, watch.call)?;
            let Some(first) = holders.first() else {
                return Ok(any);
            };
            if !any && self.is_unreachable(first, hash, id, watch)? {
                return Ok(false);
            }
            let kept = self.quarantine(id, hash, first, lost, watch)?;
            let mut forgotten = false;
            for file in &holders {
                let why = "its content is damaged or missing";
                forgotten |= self.forget(file, kept.as_deref(), why, lost, watch)?;
            }
            if !forgotten {
                return Ok(any);
            }
            any = true;
        }
    }

    /// Returns whether the content must be left alone: it is good by now, or its backend cannot be changed.
    fn is_unreachable(
        &self,
        file: &LostFile,
        hash: Option<ContentHash>,
        id: i64,
        watch: &Watch<'_, '_>,
    ) -> Result<bool> {
        let (Some(backend), Some(hash)) = (&file.backend, hash) else {
            return Ok(false);
        };
        if !self
            .placement()
            .writable_names()
            .any(|name| **name == **backend)
        {
            return Ok(true);
        }
        let Some(good) = self.verified(Some(id), backend, &hash, watch)? else {
            return Ok(false);
        };
        // The bytes are good, so it was the row that was not.
        self.mender().restore_content(&good, watch.call)?;
        Ok(true)
    }

    /// Keeps the bytes of the content, whatever they are; returns where, in the directory of the backend.
    fn quarantine(
        &self,
        id: i64,
        hash: Option<ContentHash>,
        file: &LostFile,
        lost: &Lost,
        watch: &Watch<'_, '_>,
    ) -> Result<Option<String>> {
        let place = self.mender().content_place(id, watch.call)?;
        if let Some(data) = place.as_ref().and_then(|place| place.data.as_ref()) {
            let name = hash.map_or_else(|| format!("content-{id}"), |hash| hash.to_string());
            return lost.keep(&name, data).map(Some);
        }
        let backend = place.and_then(|place| place.backend);
        let (Some(backend), Some(hash)) = (backend.or_else(|| file.backend.clone()), hash) else {
            return Ok(None);
        };
        match self.placement().store(&backend) {
            Err(error) if error.kind() == ErrorKind::NotMounted => Ok(None),
            store => store?.quarantine(&hash, lost.run()),
        }
    }

    fn forget(
        &self,
        file: &LostFile,
        kept: Option<&str>,
        why: &str,
        lost: &mut Lost,
        watch: &Watch<'_, '_>,
    ) -> Result<bool> {
        let entry = lost.note(file, kept, why)?;
        match self.mender().forget(file, watch.call)? {
            true => {
                lost.add(entry);
                Ok(true)
            }
            false => {
                lost.append(&json!({"path": file.path, "kept": true}))?;
                Ok(false)
            }
        }
    }
}

impl Step {
    /// Returns what the caller is told before it is taken.
    fn told(&self) -> String {
        let about = |finding: &Finding| match (&finding.path, &finding.hash, &finding.row) {
            (Some(path), _, _) => path.clone(),
            (None, Some(hash), _) => hash.to_string(),
            (None, None, RowKey::Table(table)) => table.clone(),
            _ => String::new(),
        };
        match self {
            Step::Mend(finding, what) => format!("repair: {}: {what}", about(finding)),
            Step::Directory(path) => {
                format!("repair: {path}: its row is corrected, or the file removed")
            }
            Step::MoveAside(path) => {
                format!("repair: {path}: the file is renamed, so that it is a directory")
            }
            Step::Restore(path) => {
                format!("repair: {path}: its content is found again, or the file removed")
            }
            Step::RestoreContent(id) => {
                format!("repair: content {id}: its row is made again, or its files removed")
            }
            Step::Remove(path) => format!("repair: {path}: it is removed"),
            Step::LoseContent(id, hash) => {
                let name = hash.map_or_else(|| id.to_string(), |hash| hash.to_string());
                format!("repair: content {name}: it goes to the quarantine, its files are removed")
            }
            Step::Mark(backend) => format!("repair: backend '{backend}': it is marked again"),
        }
    }
}

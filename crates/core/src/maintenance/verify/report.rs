//! The report of a check.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::contents::passes_step;
use crate::error::{ErrorKind, Result};
use crate::metadata::{Finding, FindingKind, RowKey};

/// Most errors that a report lists; it counts all.
const LISTED: usize = 1000;

/// What is wrong, and with which row.
pub(in super::super) type FindingKey = (FindingKind, RowKey);

/// What was found so far.
#[derive(Debug, Default)]
pub(in super::super) struct Report {
    error_count: u64,
    errors: Vec<Finding>,
    /// The findings for a repair; as many, without those that it skips.
    to_mend: Vec<Finding>,
    passed_over: HashSet<FindingKey>,
    is_unreliable: bool,
    checked: BTreeMap<&'static str, u64>,
    bytes: u64,
    not_checked: BTreeMap<Arc<str>, (u64, u64)>,
    pub reclaimable: Reclaimable,
}

/// What a collection would remove.
#[derive(Debug, Default, Serialize)]
pub(in super::super) struct Reclaimable {
    pub orphan_files: u64,
    pub temporary_files: u64,
    pub doomed_files: u64,
    pub bytes: u64,
}

impl Report {
    /// Returns an empty one for a repair that passes over `passed_over`.
    pub fn passing_over(passed_over: HashSet<FindingKey>) -> Self {
        Report {
            passed_over,
            ..Report::default()
        }
    }

    /// Adds something that is wrong.
    pub fn add(&mut self, finding: Finding) {
        self.error_count += 1;
        self.is_unreliable |= matches!(finding.kind, FindingKind::Database | FindingKind::Index);
        if self.to_mend.len() < LISTED
            && !self
                .passed_over
                .contains(&(finding.kind, finding.row.clone()))
        {
            self.to_mend.push(finding.clone());
        }
        if self.errors.len() < LISTED {
            self.errors.push(finding);
        }
    }

    /// Adds why a part of the check ended early, if damage is why.
    pub fn part(&mut self, what: &str, checked: Result<()>) -> Result<()> {
        match checked {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.add(Finding {
                    kind: FindingKind::Database,
                    row: RowKey::Other,
                    path: None,
                    hash: None,
                    message: format!("{what} cannot be read: {error}"),
                });
                Ok(())
            }
            checked => checked,
        }
    }

    /// Counts checked objects.
    pub fn checked(&mut self, what: &'static str, count: u64) {
        *self.checked.entry(what).or_default() += count;
    }

    /// Returns how many of `what` were checked.
    pub fn count(&self, what: &str) -> u64 {
        self.checked.get(what).copied().unwrap_or_default()
    }

    /// Counts bytes read; returns whether a progress report is due.
    pub fn add_bytes(&mut self, bytes: u64) -> bool {
        let before = self.bytes;
        self.bytes += bytes;
        passes_step(before, bytes)
    }

    /// Counts a content of a backend that the handle does not have.
    pub fn not_checked(&mut self, backend: &Arc<str>, bytes: u64) {
        let (contents, sum) = self.not_checked.entry(Arc::clone(backend)).or_default();
        *contents += 1;
        *sum += bytes;
    }

    /// Returns the findings for a repair.
    pub fn to_mend(&self) -> &[Finding] {
        &self.to_mend
    }

    /// Returns whether there may be more findings for a repair.
    pub fn is_cut(&self) -> bool {
        self.to_mend.len() >= LISTED
    }

    /// Returns whether all tables can be read, and all indexes agree with them.
    pub fn is_reliable(&self) -> bool {
        !self.is_unreliable
    }

    /// Returns how much is wrong.
    pub fn error_count(&self) -> u64 {
        self.error_count
    }

    /// Returns what is wrong as JSON, as far as it is listed.
    pub fn errors_json(&self) -> Vec<Value> {
        self.errors.iter().map(error).collect()
    }

    /// Returns it as a JSON object.
    pub fn to_json(&self) -> Value {
        let mut checked: serde_json::Map<String, Value> = self
            .checked
            .iter()
            .map(|(what, count)| ((*what).to_owned(), json!(count)))
            .collect();
        checked.insert("bytes".to_owned(), json!(self.bytes));
        let not_checked: Vec<Value> = self
            .not_checked
            .iter()
            .map(|(backend, (contents, bytes))| {
                json!({"backend": &**backend, "contents": contents, "bytes": bytes})
            })
            .collect();
        json!({
            "error_count": self.error_count,
            "errors": self.errors_json(),
            "reclaimable": self.reclaimable,
            "checked": checked,
            "not_checked": not_checked,
        })
    }
}

fn error(finding: &Finding) -> Value {
    let mut error = json!({"kind": finding.kind.name(), "message": finding.message});
    if let Some(path) = &finding.path {
        error["path"] = json!(path);
    }
    if let Some(hash) = &finding.hash {
        error["hash"] = json!(hash.to_string());
    }
    error
}

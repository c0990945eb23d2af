//! Repair of the errors that a check found.
//!
//! A repair runs in rounds: it plans the steps for the errors found, and reports every step of the plan. Then the steps
//! run, each in a short transaction that checks again. The next check finds the consequences. The bytes of a damaged
//! content, and the descriptions of its files, are on the disk before the rows are deleted.
//!
//! Later rounds skip a step that does nothing or fails, so that the steps after it have their turn; after another
//! repair, it is tried again.

mod files;
mod lost;
mod step;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use self::lost::Lost;
use self::step::Step;
use super::verify::{FindingKey, Report, Watch};
use crate::call::Call;
use crate::error::{ErrorKind, Result};
use crate::filesystem::{Filesystem, VerifyOptions};
use crate::metadata::{Finding, FindingKind, Mended, MetadataMender, RowKey};

/// Most rounds; each repairs up to 1,000 findings.
const ROUNDS: usize = 1000;
/// Most repairs of one thing: more would not help.
const TRIES: u32 = 8;
/// Files of one content that are looked up together.
const PAGE: usize = 256;
/// Most steps that a report lists; it counts all.
const LISTED: usize = 1000;

/// A repair under way.
struct Run {
    lost: Lost,
    done: Done,
    /// Steps that failed, and why.
    failed: BTreeMap<String, String>,
    /// How often a finding was acted upon.
    tries: HashMap<FindingKey, u32>,
    /// Findings that nothing could be done about.
    passed_over: HashSet<FindingKey>,
    /// Something changed since all were tried.
    any_changed: bool,
    /// All tables can be read, and their indexes agree with them: what is not found there does not exist.
    may_remove: bool,
}

/// What was done.
#[derive(Default)]
struct Done {
    count: u64,
    listed: Vec<Value>,
}

impl Filesystem {
    /// Repairs the errors in `found`, and checks again. Returns the report as JSON.
    pub(super) fn repair(
        &self,
        options: VerifyOptions,
        found: Report,
        watch: &mut Watch<'_, '_>,
    ) -> Result<String> {
        let mut run = Run::new(Lost::new(self.home().data_dir()));
        let mut json = found.to_json();
        let mut report = found;
        for _ in 0..ROUNDS {
            run.may_remove = report.is_reliable();
            let steps = self.plan(&report, &mut run)?;
            if steps.is_empty() && !report.is_cut() && !run.begin_again() {
                break;
            }
            // All steps are reported before the first one runs.
            for (number, (_, step)) in steps.iter().enumerate() {
                watch.tell(number as u64, steps.len() as u64, &step.told())?;
            }
            if run.done.count == 0 && !steps.is_empty() {
                self.upkeep()?.advance_leases(watch.call)?;
            }
            for (key, step) in steps {
                let outcome = self.try_step(&step, &mut run, watch.call)?;
                run.count(key, &step, outcome);
            }
            report = self.check_again(options, &run, watch)?;
        }
        if report.is_reliable() {
            self.collect(watch.call, &mut |_, _, _| true)?;
        }
        run.passed_over.clear();
        report = self.check_again(options, &run, watch)?;
        run.tell(&mut json);
        json["remaining"] = json!(report.errors_json());
        json["remaining_count"] = json!(report.error_count());
        Ok(json.to_string())
    }

    fn check_again(
        &self,
        options: VerifyOptions,
        run: &Run,
        watch: &mut Watch<'_, '_>,
    ) -> Result<Report> {
        let mut report = Report::passing_over(run.passed_over.clone());
        self.check(options, &mut report, watch)?;
        Ok(report)
    }

    fn plan(&self, report: &Report, run: &mut Run) -> Result<Vec<(FindingKey, Step)>> {
        let mut seen = HashSet::new();
        let mut steps = Vec::new();
        for finding in report.to_mend() {
            let key = (finding.kind, finding.row.clone());
            let step = Step::about(finding, self.mender()?.planned(finding));
            match step.filter(|step| run.may_take(&key, step)) {
                Some(step) => {
                    if seen.insert(key.clone()) {
                        steps.push((key, step));
                    }
                }
                None => {
                    run.passed_over.insert(key);
                }
            }
        }
        Ok(steps)
    }

    fn mender(&self) -> Result<&dyn MetadataMender> {
        Ok(self.upkeep()?.mender())
    }

    /// Takes a step. One that damage keeps from being taken is noted, and does not end the repair.
    fn try_step(&self, step: &Step, run: &mut Run, call: &Call) -> Result<Mended> {
        match self.take(step, run, call) {
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Internal) => {
                if run.failed.len() < LISTED {
                    run.failed.insert(step.told(), error.to_string());
                }
                Ok(Mended::Nothing)
            }
            outcome => {
                run.failed.remove(&step.told());
                outcome
            }
        }
    }

    fn take(&self, step: &Step, run: &mut Run, call: &Call) -> Result<Mended> {
        Ok(match step {
            Step::Mend(finding, _) => self.mend_rows(finding, run, call)?,
            Step::Row(path) => self.mend_row(path, run, call)?,
            Step::MoveAside(path) => Mended::done(self.mender()?.move_aside(path, call)?.is_some()),
            Step::Restore(path) => self.restore(path, run, call)?,
            Step::RestoreContent(key) => self.restore_content(key, run, call)?,
            Step::Remove(path) => self.remove(path, "its path is no valid name", run, call)?,
            Step::LoseContent(key) => self.lose_content(key, run, call)?,
            Step::Mark(backend) => Mended::done(self.mark_again(backend, call)?),
        })
    }

    fn mend_rows(&self, finding: &Finding, run: &mut Run, call: &Call) -> Result<Mended> {
        if let (FindingKind::OrphanRow, RowKey::Content(key)) = (finding.kind, &finding.row) {
            self.keep_orphan(key, run, call)?;
        }
        let kept = self.keep_values(finding, &mut run.lost, call)?;
        let mended = self.mender()?.mend(finding, call);
        for entry in kept {
            run.lost.end(entry, matches!(mended, Ok(true)))?;
        }
        Ok(Mended::done(mended?))
    }

    /// Keeps what is said of a file, where that is about to be removed; returns the entries of the list.
    fn keep_values(&self, finding: &Finding, lost: &mut Lost, call: &Call) -> Result<Vec<Value>> {
        let (path, values) = match (finding.kind, &finding.row) {
            (FindingKind::OrphanRow, RowKey::Work(path)) => {
                (path, self.mender()?.work_values(path, call)?)
            }
            (FindingKind::OrphanRow | FindingKind::DamagedRow, RowKey::Metadata(path, key)) => {
                let value = self.mender()?.value_of(path, key, call)?;
                (
                    path,
                    value
                        .map(|value| (key.clone(), value))
                        .into_iter()
                        .collect(),
                )
            }
            _ => return Ok(Vec::new()),
        };
        let mut entries = Vec::new();
        for (key, value) in values {
            let entry = json!({
                "path": path, "key": key, "value": value, "reason": finding.message,
            });
            lost.append(&entry)?;
            entries.push(entry);
        }
        Ok(entries)
    }
}

impl Run {
    fn new(lost: Lost) -> Run {
        Run {
            lost,
            done: Done::default(),
            failed: BTreeMap::new(),
            tries: HashMap::new(),
            passed_over: HashSet::new(),
            any_changed: false,
            may_remove: false,
        }
    }

    fn may_take(&self, key: &FindingKey, step: &Step) -> bool {
        let tries = self.tries.get(key).copied().unwrap_or_default();
        tries < TRIES && (self.may_remove || !step.trusts_tables())
    }

    /// Lets everything be tried once more, if something changed since; returns whether it did.
    fn begin_again(&mut self) -> bool {
        let begins = self.any_changed && !self.passed_over.is_empty();
        self.passed_over.clear();
        self.any_changed = false;
        begins
    }

    fn count(&mut self, key: FindingKey, step: &Step, outcome: Mended) {
        *self.tries.entry(key.clone()).or_default() += 1;
        match outcome {
            Mended::Nothing => {
                self.passed_over.insert(key);
            }
            Mended::Changed => self.any_changed = true,
            Mended::Done => {
                self.any_changed = true;
                self.done.count += 1;
                if self.done.listed.len() < LISTED {
                    self.done.listed.push(json!(step.told()));
                }
            }
        }
    }

    /// Adds what was done to a report.
    fn tell(&self, json: &mut Value) {
        let failed = self.failed.iter();
        let failed: Vec<_> = failed
            .map(|(step, why)| json!({"step": step, "message": why}))
            .collect();
        json["repaired"] = json!(self.done.listed);
        json["repaired_count"] = json!(self.done.count);
        json["failed_steps"] = json!(failed);
        json["lost"] = json!(self.lost.listed);
        json["lost_count"] = json!(self.lost.count);
        json["lost_list"] = json!(self.lost.list_name());
    }
}

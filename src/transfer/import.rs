//! Reading metadata in.

use std::collections::HashSet;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use super::bad_lines::BadLines;
use super::bundle::Unpacked;
use super::host_file::open_plain;
use super::limits::Budget;
use super::lines::Lines;
use super::plan::Planner;
use super::planned::Planned;
use super::report::Report;
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{Filesystem, ImportOptions, Progress};
use crate::metadata::{Change, now};

/// How often an import is planned anew because others changed meanwhile what the plan was made for.
const ATTEMPTS: usize = 8;
/// How many lines are read or looked at between two tellings of progress.
pub(super) const PROGRESS_STEP: usize = 256;

impl Filesystem {
    /// Reads `file`, a path of the host, as [`export_metadata`](Self::export_metadata) wrote it, in one
    /// transaction, and returns a JSON report: `created`, `updated`, `skipped`, `remapped` (numbers),
    /// `collisions` (each with `path`, `existing_etag`, `imported_etag`, `resolution`, `message`),
    /// `renamed_keys` (each with `path`, `key`, `renamed_to`), `lost_dependencies` (each with `path`, `depends_on`:
    /// the id of what is neither in the file nor, for the caller, in the store), `missing` (each with `path`, `etag`: lines
    /// that were left out because their content is missing, and that count as skipped) and `dry_run`.
    ///
    /// The contents must be in the store, in files that the caller may read. A dry run finds every
    /// bad line, but not a cycle of dependencies.
    ///
    /// # Errors
    /// Bad lines: the kind of the first one; the message has the number and the reason of the first 100.
    /// `InvalidArgument` for a file beyond the limits.
    /// Else `Cycle`, `Conflict`, `Busy`, `NoSpace`, `Io`, `Cancelled`. Nothing was changed.
    pub fn import_metadata(
        &self,
        file: &str,
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<String> {
        let call = self.begin();
        let mut bad = BadLines::default();
        let path = Path::new(file);
        self.check_host_file(path)?;
        let input = open_plain(path)?;
        let budget = Budget::new(&options.limits, &input);
        let mut lines = Lines::new(self, options.invalid_work_keys, budget)?;
        lines
            .read(BufReader::new(input), &mut bad, &call, progress)
            .map_err(|error| error.at_file(path))?;
        lines.end()?;
        let report = self.carry_out(Arc::new(lines), options, None, &mut bad, &call, progress)?;
        report.to_json()
    }

    /// Plans what becomes of `lines` and commits it, again where others changed meanwhile what the plan was
    /// made for. With a `bundle`, that is where the contents come from.
    pub(super) fn carry_out(
        &self,
        lines: Arc<Lines>,
        options: &ImportOptions,
        bundle: Option<&Arc<Unpacked>>,
        bad: &mut BadLines,
        call: &Call,
        progress: Progress<'_>,
    ) -> Result<Report> {
        let mut attempt = 1;
        loop {
            let planner = Planner::new(self, &lines, options, bundle.map(|bundle| &**bundle), call);
            let plan = planner.plan(bad, progress)?;
            bad.check()?;
            let mut planned = Planned {
                lines: Arc::clone(&lines),
                plan,
                contents: None,
                made: HashSet::new(),
                now: now(),
            };
            if let Some(bundle) = bundle {
                self.add_directories(&mut planned, call)?;
                if !options.dry_run {
                    self.provide(bundle, &mut planned, call)?;
                }
            }
            let report = std::mem::take(&mut planned.plan.report);
            if options.dry_run || !planned.changes_anything() {
                return Ok(report);
            }
            let changes = Arc::new(vec![Change::Import(Arc::new(planned))]);
            match self.commit(&changes, call) {
                Ok(_) => return Ok(report),
                Err(error) if attempt < ATTEMPTS && may_be_overtaken(&error) => attempt += 1,
                Err(error) => return Err(at_line(error, &lines)),
            }
        }
    }
}

/// Returns whether a change that others made after the plan can be the cause.
fn may_be_overtaken(error: &Error) -> bool {
    use ErrorKind::{Conflict, IsADirectory, NotADirectory, NotFound};
    matches!(
        error.kind(),
        Conflict | NotFound | IsADirectory | NotADirectory
    )
}

/// Names the line that the failed file comes from.
fn at_line(error: Error, lines: &Lines) -> Error {
    let index = error.index();
    let error = error.outside_batch();
    match index {
        Some(index) => {
            let number = lines.number_of(index);
            Error::new(error.kind(), format!("line {number}: {error}"))
        }
        None => error,
    }
}

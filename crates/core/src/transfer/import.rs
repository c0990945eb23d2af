//! Import of metadata.

use std::collections::HashSet;
use std::fs::File;
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
use crate::content::LOCAL_BACKEND;
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{Filesystem, ImportOptions, Progress};
use crate::metadata::Change;
use crate::time::now;

/// How often an import is planned anew because others changed meanwhile what the plan was made for.
const ATTEMPTS: usize = 8;
/// Lines that are read or checked between two progress reports.
pub(super) const PROGRESS_STEP: usize = 256;

impl Filesystem {
    /// Returns an empty file without a name, in the directory of the store.
    pub(super) fn scratch(&self) -> Result<File> {
        self.placement().store(LOCAL_BACKEND)?.scratch()
    }

    /// Reads `file`, a path of the host, as [`export_metadata`](Self::export_metadata) wrote it, in one
    /// transaction, and returns a JSON report: `created`, `updated`, `skipped`, `remapped` (numbers),
    /// `collisions` (each with `path`, `existing_etag`, `imported_etag`, `resolution`, `message`),
    /// `renamed_keys` (each with `path`, `key`, `renamed_to`), `lost_dependencies` (each with `path`, `depends_on`:
    /// the id of what is neither in the file nor, for the caller, in the store, or of what a file with another id replaces),
    /// `missing` (each with `path`, `etag`: lines that were left out because their content is missing, and that count as
    /// skipped) and `dry_run`.
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
        let mut lines = Lines::new(|| self.scratch(), options.invalid_work_keys, budget)?;
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

/// Names the line that the failed file comes from, if the error is about a file.
fn at_line(error: Error, lines: &Lines) -> Error {
    use ErrorKind::{Busy, Cancelled, NoSpace};
    let index = error.index();
    let error = error.outside_batch();
    match (index, error.kind()) {
        // No line is the cause of these, wherever they came up.
        (None, _) | (_, Busy | Cancelled | NoSpace) => error,
        (Some(index), kind) => {
            let number = lines.number_of(index);
            Error::new(kind, format!("line {number}: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::{ImportLimits, InvalidWorkKeys};

    /// The lines 1 and 2.
    fn two_lines() -> Lines {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("in.jsonl");
        let line = |name: &str| {
            let etag = crate::content::ContentHash::of(b"");
            format!("{{\"path\":\"/{name}\",\"etag\":\"{etag}\",\"size\":0}}\n")
        };
        std::fs::write(&file, line("a") + &line("b")).unwrap();
        let input = open_plain(&file).unwrap();
        let budget = Budget::new(&ImportLimits::default(), &input);
        let scratch = || Ok(tempfile::tempfile().unwrap());
        let mut lines = Lines::new(scratch, InvalidWorkKeys::Rename, budget).unwrap();
        let mut bad = BadLines::default();
        let read = lines.read(
            BufReader::new(input),
            &mut bad,
            &Call::for_test(),
            &mut |_, _, _| true,
        );
        assert!(read.is_ok());
        lines.end().unwrap();
        lines
    }

    #[test]
    fn a_line_is_named_for_what_is_about_its_file_alone() {
        let lines = two_lines();
        let of_second = at_line(Error::conflict("changed").at("/b").in_operation(1), &lines);
        assert_eq!(of_second.to_string(), "line 2: changed: /b");
        let full = Error::new(ErrorKind::NoSpace, "no room").in_operation(1);
        assert_eq!(at_line(full, &lines).to_string(), "no room");
        let interrupted = at_line(Error::cancelled().in_operation(1), &lines);
        assert_eq!(interrupted.kind(), ErrorKind::Cancelled);
        assert_eq!(interrupted.to_string(), "interrupted");
        let other = at_line(Error::internal("a defect"), &lines);
        assert_eq!(other.to_string(), "a defect");
    }
}

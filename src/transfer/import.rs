//! Reading metadata in.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::bad_lines::BadLines;
use super::bundle::Unpacked;
use super::host_file::open_plain;
use super::line::Line;
use super::line_reader::{LineReader, MAX_LINE_BYTES, Next, ReadError};
use super::plan::{Plan, Planner};
use super::report::Report;
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{Filesystem, ImportOptions, InvalidWorkKeys, Progress};
use crate::metadata::PathId;
use crate::path::VirtualPath;

/// How often an import is planned anew because others changed meanwhile what the plan was made for.
const ATTEMPTS: usize = 8;
/// How many lines are read or looked at between two tellings of progress.
pub(super) const PROGRESS_STEP: usize = 256;

impl Filesystem {
    /// Reads `file`, a path of the host, as [`export_metadata`](Self::export_metadata) wrote it, in one
    /// transaction, and returns a JSON report: `created`, `updated`, `skipped`, `remapped` (numbers),
    /// `collisions` (each with `path`, `existing_etag`, `imported_etag`, `resolution`, `message`),
    /// `renamed_keys` (each with `path`, `key`, `renamed_to`), `lost_dependencies` (each with `path`, `depends_on`:
    /// the id of what is neither in the file nor, for the caller, in the store) and `dry_run`.
    ///
    /// The contents must be in the store, in files that the caller may read. A dry run finds every
    /// bad line, but not a cycle of dependencies.
    ///
    /// # Errors
    /// Bad lines: the kind of the first one; the message has the number and the reason of the first 100.
    /// Else `Cycle`, `Conflict`, `Busy`, `NoSpace`, `Io`, `Cancelled`. Nothing was changed.
    pub fn import_metadata(
        &self,
        file: &str,
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<String> {
        let call = self.begin();
        let mut bad = BadLines::default();
        let keys = options.invalid_work_keys;
        let path = Path::new(file);
        self.check_host_file(path)?;
        let input = open_plain(path)?;
        let mut lines = Lines::new(keys);
        lines
            .read(BufReader::new(input), &mut bad, &call, progress)
            .map_err(|error| error.at_file(path))?;
        let report = self.carry_out(&lines.lines, options, None, &mut bad, &call, progress)?;
        report.to_json()
    }

    /// Plans what becomes of `lines` and commits it, again where others changed meanwhile what the plan was
    /// made for. With a `bundle`, that is where the contents come from.
    pub(super) fn carry_out(
        &self,
        lines: &[Line],
        options: &ImportOptions,
        bundle: Option<&Unpacked>,
        bad: &mut BadLines,
        call: &Call,
        progress: Progress<'_>,
    ) -> Result<Report> {
        let mut attempt = 1;
        loop {
            let mut planner = Planner::new(self, lines, options, call);
            if let Some(bundle) = bundle {
                planner.take_contents_from(bundle);
            }
            let mut plan = planner.plan(bad, progress)?;
            bad.check()?;
            if let Some(bundle) = bundle {
                self.add_directories(bundle, &mut plan, call)?;
                if !options.dry_run {
                    bundle.provide(&mut plan.changes, self.placement(), call)?;
                }
            }
            let Plan {
                changes,
                lines: line_of,
                report,
            } = plan;
            if options.dry_run || changes.is_empty() {
                return Ok(report);
            }
            match self.commit(&Arc::new(changes), call) {
                Ok(_) => return Ok(report),
                Err(error) if attempt < ATTEMPTS && may_be_overtaken(&error) => attempt += 1,
                Err(error) => return Err(at_line(error, &line_of)),
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

/// Names the line that the failed change comes from.
fn at_line(error: Error, line_of: &[u64]) -> Error {
    let number = error.index().and_then(|index| line_of.get(index).copied());
    let error = error.outside_batch();
    match number {
        Some(number) => Error::new(error.kind(), format!("line {number}: {error}")),
        None => error,
    }
}

/// The lines of an import, read so far.
pub(super) struct Lines {
    pub lines: Vec<Line>,
    keys: InvalidWorkKeys,
    seen: Seen,
    number: u64,
}

impl Lines {
    pub fn new(keys: InvalidWorkKeys) -> Self {
        Lines {
            lines: Vec::new(),
            keys,
            seen: Seen::default(),
            number: 0,
        }
    }

    /// Returns how many lines there were, the bad ones among them.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Reads all lines of `input`; those that say nothing valid, or repeat what an earlier one said, are bad.
    pub fn read(
        &mut self,
        input: impl BufRead,
        bad: &mut BadLines,
        call: &Call,
        progress: Progress<'_>,
    ) -> std::result::Result<(), ReadError> {
        let mut reader = LineReader::new(input, MAX_LINE_BYTES);
        loop {
            if self.number.is_multiple_of(PROGRESS_STEP as u64) {
                call.check()?;
                if !progress(self.number, 0, "lines read") {
                    return Err(Error::cancelled().into());
                }
            }
            let number = self.number + 1;
            let parsed = match reader.next(call)? {
                Next::End => return Ok(()),
                Next::TooLong => Err(Error::invalid_argument("the line has more than 256 MiB")),
                Next::Line(bytes) if bytes.trim_ascii().is_empty() => {
                    self.number = number;
                    continue;
                }
                Next::Line(bytes) => Line::parse(number, bytes, self.keys),
            };
            self.number = number;
            match parsed.and_then(|line| self.seen.add(line)) {
                Ok(line) => self.lines.push(line),
                Err(error) => bad.add_if_of_line(number, error)?,
            }
        }
    }
}

/// What only one line can be about, and which one is.
#[derive(Default)]
struct Seen {
    paths: HashMap<VirtualPath, u64>,
    ids: HashMap<PathId, u64>,
}

impl Seen {
    fn add(&mut self, line: Line) -> Result<Line> {
        if let Some(earlier) = self.paths.insert(line.path.clone(), line.number) {
            let what = format!("line {earlier} has the same path");
            return Err(Error::invalid_argument(what).at(&line.path));
        }
        if let Some(id) = line.path_id
            && let Some(earlier) = self.ids.insert(id, line.number)
        {
            let what = format!("line {earlier} has the same path_id");
            return Err(Error::invalid_argument(what).at(&line.path));
        }
        Ok(line)
    }
}

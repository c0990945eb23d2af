//! Reading metadata in.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use super::aside::host_error;
use super::bad_lines::BadLines;
use super::line::Line;
use super::line_reader::{LineReader, MAX_LINE_BYTES, Next};
use super::plan::{Plan, Planner};
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
    /// `renamed_keys` (each with `path`, `key`, `renamed_to`) and `dry_run`.
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
        let lines = read(Path::new(file), keys, &mut bad, &call, progress)?;
        let mut attempt = 1;
        loop {
            let plan = Planner::new(self, &lines, options, &call).plan(&mut bad, progress)?;
            bad.check()?;
            let Plan {
                changes,
                lines: line_of,
                report,
            } = plan;
            if options.dry_run || changes.is_empty() {
                return report.to_json();
            }
            match self.commit(&Arc::new(changes), &call) {
                Ok(_) => return report.to_json(),
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

/// Reads all lines; those that say nothing valid, or repeat what an earlier one said, are bad.
fn read(
    file: &Path,
    keys: InvalidWorkKeys,
    bad: &mut BadLines,
    call: &Call,
    progress: Progress<'_>,
) -> Result<Vec<Line>> {
    let failed = |error| host_error("read", file, error);
    let input = BufReader::new(File::open(file).map_err(failed)?);
    let mut reader = LineReader::new(input, MAX_LINE_BYTES);
    let mut seen = Seen::default();
    let mut lines = Vec::new();
    for number in 1.. {
        if number as usize % PROGRESS_STEP == 1 {
            call.check()?;
            if !progress(number - 1, 0, "lines read") {
                return Err(Error::cancelled());
            }
        }
        let parsed = match reader.next().map_err(failed)? {
            Next::End => break,
            Next::TooLong => Err(Error::invalid_argument("the line has more than 256 MiB")),
            Next::Line(bytes) if bytes.trim_ascii().is_empty() => continue,
            Next::Line(bytes) => Line::parse(number, bytes, keys),
        };
        match parsed.and_then(|line| seen.add(line)) {
            Ok(line) => lines.push(line),
            Err(error) => bad.add_if_of_line(number, error)?,
        }
    }
    Ok(lines)
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

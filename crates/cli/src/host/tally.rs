//! Counts copied files, and reports skipped ones at once.

use std::path::Path;

use serde::Serialize;

use crate::failure::{Exit, Failure, Result};
use crate::output::Output;
use crate::progress::Progress;
use crate::text::{counted, human_bytes, printable};

/// What became of the files of a `put` or a `get`.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    /// Files whose content was copied.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were as they should be.
    pub unchanged: u64,
    /// Files of which only time or mode were not.
    pub retouched: u64,
    pub directories: u64,
    pub skipped: Vec<Skipped>,
    pub failed: Vec<Failed>,
    pub dry_run: bool,
    #[serde(skip)]
    exit: Option<Exit>,
}

#[derive(Debug, Serialize)]
pub struct Skipped {
    path: String,
    reason: String,
}

#[derive(Debug, Serialize)]
pub struct Failed {
    message: String,
}

impl Tally {
    pub fn new(dry_run: bool) -> Tally {
        Tally {
            dry_run,
            ..Tally::default()
        }
    }

    /// Counts and reports that `path` was skipped.
    pub fn skip(&mut self, path: &Path, reason: &str, progress: &Progress) {
        let path = path.display().to_string();
        let told = format!("nexus: skipped {}: {reason}", printable(&path));
        progress.aside(|| eprintln_or_nobody(&told));
        let reason = reason.to_owned();
        self.skipped.push(Skipped { path, reason });
    }

    /// Counts and reports an error of one file; the others continue.
    ///
    /// # Errors
    /// `failure` itself, if the others would fare no better.
    pub fn fail(&mut self, failure: Failure, progress: &Progress) -> Result<()> {
        if failure.ends_run() {
            return Err(failure);
        }
        progress.aside(|| failure.report());
        self.exit.get_or_insert(failure.exit());
        if let Failure::Message { text, .. } = failure {
            self.failed.push(Failed { message: text });
        }
        Ok(())
    }

    /// Prints the sums.
    pub fn print(&self, verb: &str, out: &mut Output) -> Result<()> {
        if out.json {
            return out.json(self);
        }
        let would = if self.dry_run { "Would have " } else { "" };
        let verb = match self.dry_run {
            true => verb.to_lowercase(),
            false => verb.to_owned(),
        };
        let mut parts = vec![format!(
            "{would}{verb} {} ({})",
            counted(self.copied, "file"),
            human_bytes(self.bytes)
        )];
        let mut part = |count: u64, text: &str| {
            if count > 0 {
                parts.push(format!("{count} {text}"));
            }
        };
        part(self.unchanged, "unchanged");
        part(self.retouched, "with new time or mode only");
        part(self.skipped.len() as u64, "skipped");
        part(self.failed.len() as u64, "failed");
        out.summary(parts.join(", "))
    }

    /// Returns what the whole command comes to.
    pub fn result(&self) -> Result<()> {
        match self.exit {
            None => Ok(()),
            Some(exit) => Err(Failure::Quiet(exit)),
        }
    }
}

fn eprintln_or_nobody(line: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
}

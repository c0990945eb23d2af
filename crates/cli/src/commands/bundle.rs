//! `bundle export|import`: metadata and contents in one file.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};
use serde_json::Value;

use super::report::{number, text_of};
use super::transfer::{
    Collision, Selection, check_readable, check_target, of_import, print_import,
};
use super::upkeep::watched;
use crate::failure::{Failure, Result};
use crate::host::local_path;
use crate::session::{Session, host_text};
use crate::text::{counted, human_bytes};

// A type says what its command does: a comment on the variant would take the place of the whole text in help and manual.
#[derive(Debug, Subcommand)]
pub enum Bundle {
    Export(Export),
    Import(Import),
}

/// Write files with metadata and content to one file.
///
/// This is how a store, or a part of it, moves. As long as the store does not change, the same bytes come out.
#[derive(Debug, Args)]
pub struct Export {
    /// The file, which is replaced as a whole
    #[arg(value_parser = local_path(), value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    selection: Selection,
}

/// Read a bundle into the store, all of it or nothing.
///
/// It is read to its end and checked before anything of it can be seen.
#[derive(Debug, Args)]
pub struct Import {
    #[arg(value_parser = local_path(), value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    collision: Collision,
}

impl Bundle {
    pub fn run(self, session: &mut Session) -> Result<()> {
        match self {
            Bundle::Export(args) => args.run(session),
            Bundle::Import(args) => args.run(session),
        }
    }
}

impl Export {
    fn run(self, session: &mut Session) -> Result<()> {
        check_is_file(&self.file)?;
        let fs = session.open()?;
        check_target(session, &self.file)?;
        let file = host_text(&self.file, "FILE")?;
        let options = self.selection.options();
        let report = watched(session, &fs, "bundle", |progress| {
            fs.bundle_export(file, &options, progress)
        })?;
        let out = &mut session.out;
        if out.json {
            return out.line(report);
        }
        let report: Value = serde_json::from_str(&report)?;
        out.summary(format_args!(
            "Bundled {} with {} ({}) in {}\nsha256 {}",
            counted(number(&report, "files"), "file"),
            counted(number(&report, "contents"), "content"),
            human_bytes(number(&report, "content_bytes")),
            self.file.display(),
            text_of(&report["sha256"]),
        ))
    }
}

impl Import {
    fn run(self, session: &mut Session) -> Result<()> {
        check_is_file(&self.file)?;
        check_readable(&self.file)?;
        let fs = session.open_or_create()?;
        let file = host_text(&self.file, "FILE")?;
        let options = self.collision.options();
        let report = watched(session, &fs, "bundle", |progress| {
            fs.bundle_import(file, &options, progress)
        });
        let report = report.map_err(|failure| of_import(failure, &self.file))?;
        print_import(session, &report)
    }
}

/// Fails for `-`, which is stdin or stdout elsewhere.
fn check_is_file(file: &Path) -> Result<()> {
    match file == Path::new("-") {
        false => Ok(()),
        true => Err(Failure::usage(
            "a bundle takes a file, not '-' (a file of that name is './-')",
        )),
    }
}

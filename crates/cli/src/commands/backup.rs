//! `backup`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::Value;

use super::report::{number, text_of};
use super::upkeep::watched;
use crate::failure::{Exit, Failure, Result};
use crate::host::local_path;
use crate::session::{Session, host_text};
use crate::text::{counted, human_bytes};

/// Copy the store to a directory, while others use it.
///
/// Repeated onto the same directory, it copies only what is new. The copy is a store of its own: --data-dir opens it. It takes --admin, or neither tenant nor agent.
#[derive(Debug, Args)]
pub struct Backup {
    /// An empty directory, one to be made, or an earlier backup of this store
    #[arg(value_name = "DIR", value_parser = local_path(), value_hint = ValueHint::DirPath)]
    target: PathBuf,
}

impl Backup {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let target = host_text(&self.target, "DIR")?;
        let report = watched(session, &fs, "copy", |progress| fs.backup(target, progress))?;
        let out = &mut session.out;
        // The exit code must report damage, even if no one reads the output.
        out.go_on_unheard();
        let found: Value = serde_json::from_str(&report)?;
        let damaged = number(&found, "damaged_count");
        if out.json {
            out.line(&report)?;
        } else {
            for damage in found["damaged"].as_array().into_iter().flatten() {
                let (path, message) = (text_of(&damage["path"]), text_of(&damage["message"]));
                Failure::new(Exit::Failure, format!("{path}: {message}")).report();
            }
            out.summary(format_args!(
                "Copied {} ({}) to {}: {}, {} unchanged, {} removed",
                counted(number(&found, "copied_contents"), "content"),
                human_bytes(number(&found, "copied_bytes")),
                self.target.display(),
                counted(number(&found, "files"), "file"),
                number(&found, "unchanged_contents"),
                number(&found, "removed_contents"),
            ))?;
        }
        match damaged {
            0 => Ok(()),
            count => {
                let damaged = counted(count, "damaged content");
                let text = format!("{damaged} could not be copied (see nexus verify)");
                Err(Failure::new(Exit::Failure, text))
            }
        }
    }
}

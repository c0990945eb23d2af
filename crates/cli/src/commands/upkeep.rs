//! `gc`, and what the other commands of upkeep share.

use clap::Args;
use nexusfs_core::filesystem::Filesystem;
use serde_json::Value;

use super::report::number;
use crate::failure::Result;
use crate::progress::{Progress, Unit};
use crate::session::Session;
use crate::signals::StopRequest;
use crate::text::{counted, human_bytes};

/// Remove what no file needs.
///
/// That is unfinished writes of dead processes, and contents that no path holds. Others may go on working. It takes --admin, or neither tenant nor agent.
#[derive(Debug, Args)]
pub struct Gc {}

impl Gc {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let report = watched(session, &fs, "contents", |progress| fs.gc(progress))?;
        let out = &mut session.out;
        if out.json {
            return out.line(report);
        }
        let report: Value = serde_json::from_str(&report)?;
        out.summary(format_args!(
            "Removed {} ({}), {} ({}), {}",
            counted(number(&report, "temporary_files"), "unfinished file"),
            human_bytes(number(&report, "temporary_bytes")),
            counted(number(&report, "orphan_contents"), "orphan content"),
            human_bytes(number(&report, "orphan_bytes")),
            counted(number(&report, "dropped_contents"), "dropped content"),
        ))
    }
}

/// Runs a long call with a bar, and ends it when a signal asks for that.
pub fn watched(
    session: &Session,
    fs: &Filesystem,
    doing: &'static str,
    call: impl FnOnce(nexusfs_core::filesystem::Progress<'_>) -> nexusfs_core::error::Result<String>,
) -> Result<String> {
    let stop = StopRequest::install()?;
    let mut progress = Progress::new(&session.out, doing, Unit::Things);
    let result = stop.interrupting(fs, || {
        call(&mut |done, total, what| progress.tell(done, total, what, &stop))
    });
    drop(progress);
    stop.check()?;
    Ok(result?)
}

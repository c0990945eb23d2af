//! `gc`.

use clap::Args;
use serde_json::Value;

use crate::failure::Result;
use crate::progress::{Progress, Unit};
use crate::session::Session;
use crate::signals::StopRequest;
use crate::text::{counted, human_bytes};

/// Remove what no file needs: unfinished writes of dead processes, and contents that no path holds.
///
/// Others may go on working. It takes --admin, or neither tenant nor agent.
#[derive(Debug, Args)]
pub struct Gc {}

impl Gc {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let stop = StopRequest::install()?;
        let mut progress = Progress::new(&session.out, "contents", Unit::Things);
        let report = fs.gc(&mut |done, total, what| progress.tell(done, total, what, &stop));
        drop(progress);
        stop.check()?;
        let report = report?;
        let out = &mut session.out;
        if out.json {
            return out.line(report);
        }
        let report: Value = serde_json::from_str(&report)?;
        let number = |key: &str| report[key].as_u64().unwrap_or(0);
        out.summary(format_args!(
            "Removed {} ({}), {} ({}), {}",
            counted(number("temporary_files"), "unfinished file"),
            human_bytes(number("temporary_bytes")),
            counted(number("orphan_contents"), "orphan content"),
            human_bytes(number("orphan_bytes")),
            counted(number("dropped_contents"), "dropped content"),
        ))
    }
}

//! `duplicates`.

use clap::Args;
use serde_json::Value;

use super::report::{number, text_of};
use super::upkeep::watched;
use crate::failure::Result;
use crate::output::HEADING;
use crate::session::Session;
use crate::text::{counted, human_bytes, printable};

/// Find files with the same content.
///
/// Those with the most bytes come first.
#[derive(Debug, Args)]
pub struct Duplicates {
    /// Only paths that begin with this text
    #[arg(value_name = "PREFIX")]
    prefix: Option<String>,
}

impl Duplicates {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let prefix = self.prefix.as_deref();
        let report = watched(session, &fs, "files", |progress| {
            fs.find_duplicates(prefix, progress)
        })?;
        let out = &mut session.out;
        if out.json {
            return out.line(report);
        }
        let report: Value = serde_json::from_str(&report)?;
        let groups = report["groups"].as_array();
        for group in groups.into_iter().flatten() {
            let (count, size) = (number(group, "count"), number(group, "size"));
            let wasted = human_bytes(number(group, "wasted_bytes"));
            let head = format!("{count} files of {}: {wasted} saved", human_bytes(size));
            let head = out.paint(HEADING, head).to_string();
            out.line(head)?;
            let paths = group["paths"].as_array();
            for path in paths.into_iter().flatten() {
                out.line(format_args!("  {}", printable(&text_of(path))))?;
            }
            let listed = paths.map_or(0, Vec::len) as u64;
            if listed < count {
                out.line(format_args!("  … and {} more", count - listed))?;
            }
        }
        out.summary(format_args!(
            "{} in {} would take {} more elsewhere",
            counted(number(&report, "duplicate_files"), "duplicate"),
            counted(number(&report, "group_count"), "group"),
            human_bytes(number(&report, "wasted_bytes")),
        ))
    }
}

//! `verify`.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;
use nexusfs_core::filesystem::{Filesystem, VerifyOptions};
use serde_json::{Value, json};

use super::report::{number, text_of};
use crate::failure::{Exit, Failure, Result};
use crate::output::Output;
use crate::progress::{Progress, Unit};
use crate::session::Session;
use crate::signals::StopRequest;
use crate::table::{Rows, cell};
use crate::text::{counted, human_bytes};

/// Begins what a repair says before it does it.
const STEP: &str = "repair: ";

/// Check the store, and repair it.
///
/// Checked are rows, reference counts, dependencies, and every content by its hash. Others may go on working. It takes --admin, or neither tenant nor agent. It exits with 1 if something is wrong, or with --repair, still is.
#[derive(Debug, Args)]
pub struct Verify {
    /// Do not read the contents: look only whether each is there in its length
    #[arg(long)]
    quick: bool,
    /// Repair the errors found; on a terminal, it asks first. Undamaged data is never lost. Damaged contents go to a
    /// quarantine, and files that cannot be read any more are removed and listed
    #[arg(long)]
    repair: bool,
    /// Ask nothing before a repair
    #[arg(short, long, requires = "repair")]
    yes: bool,
}

impl Verify {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let look = VerifyOptions {
            content: !self.quick,
            repair: false,
        };
        let mend = VerifyOptions {
            repair: true,
            ..look
        };
        // The exit code must report errors, even if no one reads the output.
        session.out.go_on_unheard();
        let stop = StopRequest::install()?;
        let asks = !self.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
        if self.repair && asks {
            let report = check(session, &fs, look, &stop)?;
            let found: Value = serde_json::from_str(&report)?;
            let errors = number(&found, "error_count");
            if errors == 0 {
                return print_check(&report, &mut session.out);
            }
            print_findings(&found, "errors", &mut session.out)?;
            // A user must see the plan before the question.
            unless_unheard(session.out.finish())?;
            stop.while_asking(|| confirm(errors))?;
        }
        let report = check(session, &fs, if self.repair { mend } else { look }, &stop)?;
        print_check(&report, &mut session.out)
    }
}

/// Checks the store. A repair prints its plan on stderr before it runs.
fn check(
    session: &Session,
    fs: &Filesystem,
    options: VerifyOptions,
    stop: &StopRequest,
) -> Result<String> {
    let mut progress = Progress::new(&session.out, "check", Unit::Things);
    let mut tell = |done, total, what: &str| {
        if let Some(step) = what.strip_prefix(STEP) {
            progress.aside(|| Failure::new(Exit::Failure, format!("repair {step}")).report());
            return !stop.is_set();
        }
        progress.tell(done, total, what, stop)
    };
    let result = stop.interrupting(fs, || fs.verify(options, &mut tell));
    drop(progress);
    stop.check()?;
    Ok(result?)
}

fn confirm(errors: u64) -> Result<()> {
    let question = format!(
        "Mend {}? What cannot be read any more is removed and listed. [y/N] ",
        counted(errors, "error")
    );
    io::stderr().write_all(question.as_bytes())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Failure, "nothing was repaired")),
    }
}

/// Prints the report of a check. Fails if something is wrong, or still is.
fn print_check(report: &str, out: &mut Output) -> Result<()> {
    let found: Value = serde_json::from_str(report)?;
    let repaired = found.get("repaired_count").is_some();
    let wrong = match repaired {
        true => "remaining",
        false => "errors",
    };
    let count = match repaired {
        true => number(&found, "remaining_count"),
        false => number(&found, "error_count"),
    };
    if out.json {
        out.line(report)?;
    } else {
        print_findings(&found, wrong, out)?;
        if repaired {
            print_lost(&found, out)?;
        }
        let checked = &found["checked"];
        out.summary(format_args!(
            "Checked {} and {} ({}): {}",
            counted(number(checked, "paths"), "path"),
            counted(number(checked, "contents"), "content"),
            human_bytes(number(checked, "bytes")),
            match count {
                0 => "nothing is wrong".to_owned(),
                count => counted(count, "error"),
            }
        ))?;
        for backend in found["not_checked"].as_array().into_iter().flatten() {
            let name = text_of(&backend["backend"]);
            let contents = counted(number(backend, "contents"), "content");
            out.summary(format_args!(
                "Not checked: {contents} of the backend {name}"
            ))?;
        }
        let reclaimable = number(&found["reclaimable"], "bytes");
        if reclaimable > 0 {
            let bytes = human_bytes(reclaimable);
            out.summary(format_args!("{bytes} can be reclaimed (nexus gc)"))?;
        }
    }
    let heard = out.finish();
    match count {
        0 => heard,
        _ => unless_unheard(heard).and(Err(Failure::Quiet(Exit::Failure))),
    }
}

/// Turns a closed output into a failure.
fn unless_unheard(heard: Result<()>) -> Result<()> {
    match heard {
        Err(Failure::BrokenPipe) => Err(Failure::Quiet(Exit::Failure)),
        heard => heard,
    }
}

fn print_findings(found: &Value, key: &str, out: &mut Output) -> Result<()> {
    let Some(findings) = found[key].as_array().filter(|found| !found.is_empty()) else {
        return Ok(());
    };
    if out.json {
        return Ok(());
    }
    let mut rows = Rows::new(out, &["KIND", "PATH", "MESSAGE"]);
    for finding in findings {
        rows.add(vec![
            cell(text_of(&finding["kind"])),
            cell(text_of(&finding["path"])),
            cell(text_of(&finding["message"])),
        ]);
    }
    rows.print(out)
}

/// Prints what a repair did and could not save.
fn print_lost(found: &Value, out: &mut Output) -> Result<()> {
    let steps = counted(number(found, "repaired_count"), "step");
    out.summary(format_args!("Repaired in {steps}"))?;
    let mut rows = Rows::new(out, &["FAILED", "WHY"]);
    let failed = found["failed_steps"].as_array().into_iter().flatten();
    for step in failed {
        let told = text_of(&step["step"]);
        rows.add(vec![
            cell(told.strip_prefix(STEP).unwrap_or(&told)),
            cell(text_of(&step["message"])),
        ]);
    }
    if found["failed_steps"] != json!([]) {
        rows.print(out)?;
    }
    let count = number(found, "lost_count");
    if count == 0 {
        return Ok(());
    }
    let mut rows = Rows::new(out, &["LOST", "WHY"]);
    for lost in found["lost"].as_array().into_iter().flatten() {
        rows.add(vec![
            cell(text_of(&lost["path"])),
            cell(text_of(&lost["reason"])),
        ]);
    }
    rows.print(out)?;
    let list = text_of(&found["lost_list"]);
    out.summary(format_args!(
        "What was lost is listed in {list}, in the store's directory"
    ))
}

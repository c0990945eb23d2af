//! `export` and `import`: metadata as JSON lines.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use nexusfs_core::filesystem::{
    ExportOptions, ImportLimits, ImportMode, ImportOptions, InvalidWorkKeys, MissingContent,
    NewerBy,
};
use nexusfs_core::time::{Micros, parse_time};
use serde_json::{Value, json};

use super::report::{number, text_of};
use super::upkeep::watched;
use crate::failure::{Exit, Failure, Result};
use crate::host::local_path;
use crate::session::{Session, host_text};
use crate::table::{Rows, cell};
use crate::text::counted;

/// What is exported.
#[derive(Debug, Args)]
pub struct Selection {
    /// Only paths that begin with this text, which need not end at a '/'
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only this tenant's files
    #[arg(long, value_name = "ID")]
    only_tenant: Option<String>,
    /// Only files modified later than this (RFC 3339; without offset: UTC)
    #[arg(long, value_name = "TIME", value_parser = time_of)]
    modified_after: Option<Micros>,
}

/// Write metadata to a file of JSON lines.
///
/// They are sorted by path. The content stays in the store.
#[derive(Debug, Args)]
pub struct Export {
    /// The file, which is replaced as a whole; '-' is stdout
    #[arg(value_parser = local_path(), value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    selection: Selection,
}

/// How imported files meet those that exist.
#[derive(Debug, Args)]
pub struct Collision {
    /// What to do with a path that exists
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Mode::Skip)]
    mode: Mode,
    /// Replace what exists: --mode overwrite
    #[arg(long, conflicts_with = "mode")]
    overwrite: bool,
    /// Change nothing, only print what would be done
    #[arg(long)]
    dry_run: bool,
    /// What to do with a work key, such as status, whose value has the wrong type
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = BadKeys::Refuse)]
    invalid_work_keys: BadKeys,
    /// What to do with a line whose content is missing
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Missing::Refuse)]
    missing_content: Missing,
    /// What --mode auto compares
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Newer::Content)]
    newer_by: Newer,
    /// Most lines [default: 100,000 and one for each 8 bytes of the file]
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 0,
        hide_default_value = true
    )]
    max_lines: u64,
    /// Most bytes of all lines together [default: 16 MiB and 100 times the size of the file]
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 0,
        hide_default_value = true
    )]
    max_bytes: u64,
    /// Most bytes of a bundle when it is unpacked [default: 64 MiB and 100 times the size of the file]
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 0,
        hide_default_value = true
    )]
    max_unpacked: u64,
}

/// Read metadata from a file of JSON lines.
///
/// All of it is imported, or nothing. The content must be in the store, in a file that may be read.
#[derive(Debug, Args)]
pub struct Import {
    /// The file; '-' is stdin
    #[arg(value_parser = local_path(), value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    collision: Collision,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// The existing file stays
    Skip,
    /// The imported one replaces it
    Overwrite,
    /// The imported one gets a free name: name_imported1
    Remap,
    /// The newer one wins
    Auto,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BadKeys {
    /// The line is bad, so nothing is imported
    Refuse,
    /// The key is stored as x_KEY
    Rename,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Missing {
    /// The line is bad, so nothing is imported
    Refuse,
    /// The line is left out, and reported
    Skip,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Newer {
    /// The times of the contents
    Content,
    /// The times of work, and the metadata, too
    All,
}

impl Selection {
    pub fn options(&self) -> ExportOptions {
        ExportOptions {
            prefix: self.prefix.clone(),
            tenant_id: self.only_tenant.clone(),
            modified_after: self.modified_after.unwrap_or(0),
        }
    }
}

impl Collision {
    pub fn options(&self) -> ImportOptions {
        ImportOptions {
            mode: match self.mode {
                _ if self.overwrite => ImportMode::Overwrite,
                Mode::Skip => ImportMode::Skip,
                Mode::Overwrite => ImportMode::Overwrite,
                Mode::Remap => ImportMode::Remap,
                Mode::Auto => ImportMode::Auto,
            },
            dry_run: self.dry_run,
            invalid_work_keys: match self.invalid_work_keys {
                BadKeys::Refuse => InvalidWorkKeys::Refuse,
                BadKeys::Rename => InvalidWorkKeys::Rename,
            },
            missing_content: match self.missing_content {
                Missing::Refuse => MissingContent::Refuse,
                Missing::Skip => MissingContent::Skip,
            },
            newer_by: match self.newer_by {
                Newer::Content => NewerBy::Content,
                Newer::All => NewerBy::All,
            },
            limits: ImportLimits {
                lines: self.max_lines,
                bytes: self.max_bytes,
                unpacked: self.max_unpacked,
            },
        }
    }
}

impl Export {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let to_stdout = self.file == Path::new("-");
        if !to_stdout {
            check_target(session, &self.file)?;
        }
        // The library replaces a file as a whole; a pipe gets what is complete, too.
        let scratch = to_stdout.then(Scratch::new);
        let file = scratch.as_ref().map_or(&self.file, |scratch| &scratch.0);
        let name = host_text(file, "FILE")?;
        let options = self.selection.options();
        let count = watched(session, &fs, "files", |progress| {
            let count = fs.export_metadata(name, &options, progress)?;
            Ok(count.to_string())
        })?;
        let count: u64 = count.parse().unwrap_or(0);
        let out = &mut session.out;
        if to_stdout {
            let mut source =
                std::fs::File::open(file).map_err(|error| Failure::host("read", file, &error))?;
            let mut piece = vec![0; 256 * 1024];
            loop {
                match source.read(&mut piece) {
                    Ok(0) => return Ok(()),
                    Ok(length) => out.write_all(&piece[..length])?,
                    Err(error) => return Err(Failure::host("read", file, &error)),
                }
            }
        }
        match out.json {
            true => out.json(&json!({"file": self.file, "files": count})),
            false => out.summary(format_args!(
                "Exported the metadata of {} to {}",
                counted(count, "file"),
                self.file.display()
            )),
        }
    }
}

/// A file for what goes to stdout afterwards, or came from stdin; it goes with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        let name = format!("nexus-{}", uuid::Uuid::now_v7().simple());
        Scratch(std::env::temp_dir().join(name))
    }

    /// Returns a file of what stdin has.
    fn of_stdin() -> Result<Scratch> {
        let scratch = Scratch::new();
        let failed = |error| Failure::host("write", &scratch.0, &error);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&scratch.0)
            .map_err(failed)?;
        // The umask may take from the owner's rights.
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(failed)?;
        io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Import {
    pub fn run(self, session: &mut Session) -> Result<()> {
        // The library reads a plain file only; stdin may be a pipe.
        let scratch = match self.file == Path::new("-") {
            true => Some(Scratch::of_stdin()?),
            false => None,
        };
        let file = scratch.as_ref().map_or(&self.file, |scratch| &scratch.0);
        check_readable(file)?;
        let fs = session.open_or_create()?;
        let name = host_text(file, "FILE")?;
        let options = self.collision.options();
        let report = watched(session, &fs, "lines", |progress| {
            fs.import_metadata(name, &options, progress)
        });
        let report = report.map_err(|failure| of_import(failure, &self.file))?;
        print_import(session, &report)
    }
}

/// Returns the failure of an import of `file`. What is malformed in it is the fault of the file, not of the
/// command.
pub fn of_import(failure: Failure, file: &Path) -> Failure {
    match failure {
        Failure::Message {
            exit: Exit::Usage,
            text,
            ..
        } => Failure::new(Exit::Failure, format!("{}: {text}", file.display())),
        other => other,
    }
}

/// Fails if there is no directory for `file`, with its whole name, or if it would be in the store's directory.
pub fn check_target(session: &Session, file: &Path) -> Result<()> {
    session.own_store()?.refuse_target(file)?;
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match std::fs::metadata(directory) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::host("write", file, &error)),
    }
}

/// Fails if `file` cannot be opened, with its whole name.
pub fn check_readable(file: &Path) -> Result<()> {
    // To open a pipe would wait for its writer.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(file);
    match opened {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::host("read", file, &error)),
    }
}

/// Prints the report of an import.
pub fn print_import(session: &mut Session, report: &str) -> Result<()> {
    let out = &mut session.out;
    if out.json {
        return out.line(report);
    }
    let report: Value = serde_json::from_str(report)?;
    let collisions = report["collisions"].as_array();
    if let Some(collisions) = collisions.filter(|collisions| !collisions.is_empty()) {
        let mut rows = Rows::new(out, &["RESOLUTION", "PATH", "MESSAGE"]);
        for collision in collisions {
            rows.add(vec![
                cell(text_of(&collision["resolution"])),
                cell(text_of(&collision["path"])),
                cell(text_of(&collision["message"])),
            ]);
        }
        rows.print(out)?;
    }
    for key in report["renamed_keys"].as_array().into_iter().flatten() {
        out.summary(format_args!(
            "{}: {} is kept as {}",
            text_of(&key["path"]),
            text_of(&key["key"]),
            text_of(&key["renamed_to"])
        ))?;
    }
    for lost in report["lost_dependencies"].as_array().into_iter().flatten() {
        out.summary(format_args!(
            "{}: does not wait for {} any more, which is not there",
            text_of(&lost["path"]),
            text_of(&lost["depends_on"])
        ))?;
    }
    for line in report["missing"].as_array().into_iter().flatten() {
        out.summary(format_args!(
            "{}: left out, no file has its content",
            text_of(&line["path"])
        ))?;
    }
    let would = match report["dry_run"].as_bool() {
        Some(true) => "Would be: ",
        _ => "",
    };
    out.summary(format_args!(
        "{would}{} created, {} updated, {} skipped, {} remapped",
        number(&report, "created"),
        number(&report, "updated"),
        number(&report, "skipped"),
        number(&report, "remapped")
    ))
}

fn time_of(text: &str) -> Result<Micros, String> {
    parse_time(text).ok_or_else(|| "not a time like 2026-11-22T17:43:00Z".to_owned())
}

//! `cp` and `mv`: within the store, where no content moves.

use clap::Args;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::{Filesystem, RelocateOptions};
use nexusfs_core::path::VirtualPath;
use serde_json::json;

use crate::failure::{Exit, Failure, Result, each_operand};
use crate::json::JsonArray;
use crate::session::Session;

/// Copy files and trees within the store.
///
/// Into DEST if that is a directory, else to DEST. Content is shared, not copied.
#[derive(Debug, Args)]
#[command(override_usage = "nexus cp [OPTIONS] <SOURCE>... <DEST>")]
pub struct Cp {
    /// What to copy, and last where to
    #[arg(value_name = "PATH", required = true, num_args = 2..)]
    paths: Vec<String>,
    /// Copy directories with all that is in them
    #[arg(short, long)]
    recursive: bool,
    /// Leave what exists as it is
    #[arg(short, long)]
    no_clobber: bool,
}

/// Move files and trees within the store.
///
/// Into DEST if that is a directory, else to DEST.
#[derive(Debug, Args)]
#[command(override_usage = "nexus mv [OPTIONS] <SOURCE>... <DEST>")]
pub struct Mv {
    /// What to move, and last where to
    #[arg(value_name = "PATH", required = true, num_args = 2..)]
    paths: Vec<String>,
    /// Leave what exists as it is
    #[arg(short, long)]
    no_clobber: bool,
    /// Accepted for the habit: directories are moved without it
    #[arg(short, long, hide = true)]
    recursive: bool,
}

/// What happens to each source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    CopyFiles,
    CopyTrees,
    Move,
}

impl Cp {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let way = match self.recursive {
            true => Way::CopyTrees,
            false => Way::CopyFiles,
        };
        relocate(session, &self.paths, self.no_clobber, way)
    }
}

impl Mv {
    pub fn run(self, session: &mut Session) -> Result<()> {
        relocate(session, &self.paths, self.no_clobber, Way::Move)
    }
}

fn relocate(session: &mut Session, paths: &[String], no_clobber: bool, way: Way) -> Result<()> {
    let Some((target, sources)) = paths.split_last() else {
        return Err(Failure::usage("a source and a destination are needed"));
    };
    let fs = session.open()?;
    let into = is_target_directory(&fs, target, sources.len() > 1)?;
    let options = RelocateOptions {
        no_replace: no_clobber,
        ..RelocateOptions::default()
    };
    let out = &mut session.out;
    out.go_on_unheard();
    let mut array = JsonArray::default();
    let done = each_operand(sources, |from| {
        if way == Way::CopyFiles && fs.is_directory(from)? {
            let text = format!("is a directory, which takes -r to copy: {from}");
            return Err(Failure::new(Exit::Failure, text));
        }
        let to = match into {
            true => inside(target, from)?,
            false => target.clone(),
        };
        let applied = match way {
            Way::Move => fs.rename(from, &to, &options),
            Way::CopyFiles | Way::CopyTrees => fs.copy(from, &to, &options),
        };
        let skipped = match applied {
            Ok(()) => false,
            Err(error) if no_clobber && error.kind() == ErrorKind::AlreadyExists => true,
            Err(error) => return Err(error.into()),
        };
        match out.json {
            true => array.add(out, &json!({"from": from, "to": to, "skipped": skipped})),
            false => Ok(()),
        }
    });
    if out.json {
        array.finish(out)?;
    }
    done
}

/// Returns whether what is moved goes into `target` rather than in its place.
fn is_target_directory(fs: &Filesystem, target: &str, must_be: bool) -> Result<bool> {
    if fs.is_directory(target)? {
        return Ok(true);
    }
    if must_be || target.ends_with('/') {
        // Says what is wrong with it: denied, missing, or a file.
        let entry = fs.stat(target)?;
        return Err(Failure::new(
            Exit::Failure,
            format!("is a file, not a directory: {}", entry.path),
        ));
    }
    Ok(false)
}

/// Returns the path of `from` inside the directory `target`.
fn inside(target: &str, from: &str) -> Result<String> {
    let name = VirtualPath::parse(from)?;
    let directory = VirtualPath::parse(target)?;
    Ok(format!("{}{}", directory.child_prefix(), name.name()))
}

//! `mkdir` and `rmdir`.

use clap::Args;
use nexusfs_core::filesystem::{Filesystem, MkdirOptions};
use serde_json::json;

use crate::failure::{Failure, Result, each_operand};
use crate::json::JsonArray;
use crate::output::Output;
use crate::session::Session;

/// Make directories.
#[derive(Debug, Args)]
pub struct Mkdir {
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
    /// Make missing parents too, and leave what exists
    #[arg(short, long)]
    parents: bool,
}

/// Remove empty directories.
#[derive(Debug, Args)]
pub struct Rmdir {
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

impl Mkdir {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let options = MkdirOptions {
            parents: self.parents,
            exist_ok: self.parents,
        };
        let fs = session.open_or_create()?;
        each(&fs, &self.paths, &mut session.out, |fs, path| {
            Ok(fs.mkdir(path, options)?)
        })
    }
}

impl Rmdir {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        each(&fs, &self.paths, &mut session.out, |fs, path| {
            Ok(fs.rmdir(path, false)?)
        })
    }
}

fn each(
    fs: &Filesystem,
    paths: &[String],
    out: &mut Output,
    apply: impl Fn(&Filesystem, &str) -> Result<()>,
) -> Result<(), Failure> {
    out.go_on_unheard();
    let mut array = JsonArray::default();
    let done = each_operand(paths, |path| {
        apply(fs, path)?;
        match out.json {
            true => array.add(out, &json!({"path": path})),
            false => Ok(()),
        }
    });
    if out.json {
        array.finish(out)?;
    }
    done
}

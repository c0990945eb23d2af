//! `rm`.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::{Conditions, Filesystem, ListOptions};
use serde_json::json;

use crate::failure::{Exit, Failure, Result, each_operand};
use crate::json::JsonArray;
use crate::session::Session;
use crate::text::{counted, printable};

/// Files that are counted before a confirmation is asked for; beyond that, it says "more than".
const COUNTED: usize = 10_000;
/// Files that are removed together where the disk is full.
const PART: usize = 50;

/// Remove files and trees.
///
/// On a terminal, -r asks before it removes a directory that is not empty, unless -f is given.
#[derive(Debug, Args)]
pub struct Rm {
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
    /// Remove directories with all that is in them
    #[arg(short, long)]
    recursive: bool,
    /// Ignore what does not exist, and ask nothing
    #[arg(short, long)]
    force: bool,
}

impl Rm {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let out = &mut session.out;
        out.go_on_unheard();
        let mut array = JsonArray::default();
        let done = each_operand(&self.paths, |path| {
            let removed = self.remove(&fs, path)?;
            match out.json {
                true => array.add(out, &json!({"path": path, "removed": removed})),
                false => Ok(()),
            }
        });
        if out.json {
            array.finish(out)?;
        }
        done
    }

    /// Returns whether something was there to be removed.
    fn remove(&self, fs: &Filesystem, path: &str) -> Result<bool> {
        let removed = match fs.delete(path, &Conditions::default()) {
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                if !self.recursive {
                    let text = format!("is a directory, which takes -r to remove: {path}");
                    return Err(Failure::new(Exit::Failure, text));
                }
                self.confirm(fs, path)?;
                match fs.rmdir(path, true) {
                    Err(error) if error.kind() == ErrorKind::NoSpace => remove_in_parts(fs, path),
                    removed => removed,
                }
            }
            other => other,
        };
        match removed {
            Ok(()) => Ok(true),
            Err(error) if self.force && error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks the person at the terminal, if there is one.
    fn confirm(&self, fs: &Filesystem, path: &str) -> Result<()> {
        let stdin = io::stdin();
        if self.force || !stdin.is_terminal() || !io::stderr().is_terminal() {
            return Ok(());
        }
        let page = fs.list(&ListOptions {
            path: Some(path.to_owned()),
            limit: COUNTED,
            ..ListOptions::default()
        })?;
        if page.entries.is_empty() {
            return Ok(());
        }
        let more = if page.cursor.is_some() {
            "more than "
        } else {
            ""
        };
        let files = counted(page.entries.len() as u64, "file");
        let question = format!("Remove {} with {more}{files}? [y/N] ", printable(path));
        io::stderr().write_all(question.as_bytes())?;
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer)?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::new(Exit::Failure, format!("not removed: {path}"))),
        }
    }
}

/// Removes a tree on a full disk, which has no room for the transaction that removes all of it.
fn remove_in_parts(fs: &Filesystem, path: &str) -> nexusfs_core::error::Result<()> {
    loop {
        let page = fs.list(&ListOptions {
            path: Some(path.to_owned()),
            limit: PART,
            ..ListOptions::default()
        })?;
        if page.entries.is_empty() {
            return fs.rmdir(path, true);
        }
        let mut batch = fs.batch();
        for entry in &page.entries {
            batch.delete(entry.path.as_str(), &Conditions::default())?;
        }
        batch.commit()?;
    }
}

//! `completions` and `man`: what packages install beside the program.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Command, ValueHint};
use clap_complete::Shell;
use serde_json::json;

use crate::failure::{Failure, Result};
use crate::host::{local_path, replace};
use crate::session::Session;

/// Print a completion script for a shell.
///
/// For bash: nexus completions bash > ~/.local/share/bash-completion/completions/nexus
#[derive(Debug, Args)]
pub struct Completions {
    shell: Shell,
}

/// Print the manual page, or write all of them to a directory.
#[derive(Debug, Args)]
pub struct Man {
    /// Where to write nexus.1 and a page for each command; it is made if it is missing
    #[arg(value_name = "DIR", value_parser = local_path(), value_hint = ValueHint::DirPath)]
    directory: Option<PathBuf>,
    /// The same
    #[arg(short, long, value_name = "DIR", conflicts_with = "directory", value_parser = local_path(), value_hint = ValueHint::DirPath)]
    output: Option<PathBuf>,
}

impl Completions {
    /// Prints the script that completes `program`.
    pub fn run(self, mut program: Command, session: &mut Session) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "nexus", &mut script);
        let out = &mut session.out;
        if !out.json {
            return Ok(out.write_all(&script)?);
        }
        let script = String::from_utf8_lossy(&script);
        out.json(&json!({"shell": self.shell.to_string(), "script": script}))
    }
}

impl Man {
    /// Prints or writes the pages about `program`.
    pub fn run(self, program: Command, session: &mut Session) -> Result<()> {
        let mut program = program.disable_help_subcommand(true);
        program.build();
        let Some(directory) = self.directory.or(self.output) else {
            let page = page(&program)?;
            let text = String::from_utf8_lossy(&page);
            let out = &mut session.out;
            return match out.json {
                true => out.json(&json!({"name": "nexus.1", "page": text})),
                false => Ok(out.write_all(&page)?),
            };
        };
        let own = session.own_store()?;
        own.refuse_target(&directory)?;
        fs::create_dir_all(&directory)
            .map_err(|error| Failure::host("write", &directory, &error))?;
        let mut names = Vec::new();
        for command in all(&program) {
            let name = format!("{}.1", command.get_display_name().unwrap_or("nexus"));
            let path = directory.join(&name);
            own.refuse_target(&path)?;
            replace(&path, &page(command)?)?;
            names.push(name);
        }
        let out = &mut session.out;
        match out.json {
            true => out.json(&json!({"directory": directory, "pages": names})),
            false => Ok(()),
        }
    }
}

/// Returns `command` and all below it that are shown.
fn all(command: &Command) -> Vec<&Command> {
    let mut commands = vec![command];
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        commands.extend(all(below));
    }
    commands
}

fn page(command: &Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .manual("Nexus")
        .render(&mut page)?;
    Ok(page)
}

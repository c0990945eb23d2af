//! The commands, a file for each family.

pub mod backup;
pub mod bundle;
pub mod configure;
pub mod directories;
pub mod documents;
pub mod duplicates;
pub mod find;
pub mod listing;
pub mod metadata;
pub mod read;
pub mod relocate;
pub mod remove;
pub mod report;
pub mod search;
pub mod transfer;
pub mod upkeep;
pub mod usage;
pub mod verify;
pub mod write;

use clap::CommandFactory;

use crate::arguments::{Arguments, Command};
use crate::failure::Result;
use crate::session::Session;

/// Runs `command`.
pub fn run(command: Command, session: &mut Session) -> Result<()> {
    match command {
        Command::Init => configure::init(session),
        Command::Ls(args) => args.run(session),
        Command::Cat(args) => args.run(session),
        Command::Write(args) => args.run(session),
        Command::Cp(args) => args.run(session),
        Command::Mv(args) => args.run(session),
        Command::Rm(args) => args.run(session),
        Command::Glob(args) => args.run(session),
        Command::Grep(args) => args.run(session),
        Command::Mkdir(args) => args.run(session),
        Command::Rmdir(args) => args.run(session),
        Command::Stat(args) => args.run(session),
        Command::Meta(meta) => meta.run(session),
        Command::Put(args) => args.run(session),
        Command::Get(args) => args.run(session),
        Command::Work(work) => work.run(session),
        Command::Export(args) => args.run(session),
        Command::Import(args) => args.run(session),
        Command::Bundle(bundle) => bundle.run(session),
        Command::Verify(args) => args.run(session),
        Command::Backup(args) => args.run(session),
        Command::Duplicates(args) => args.run(session),
        Command::Gc(args) => args.run(session),
        Command::Du(args) => args.run(session),
        Command::Config => configure::show_config(session),
        Command::Version => configure::show_version(session),
        Command::Completions(args) => args.run(Arguments::command(), session),
        Command::Man(args) => args.run(Arguments::command(), session),
    }
}

//! `nexus`, the command line of a store.
//!
//! ```text
//! main         parse, run, turn what went wrong into one line and an exit code
//!  ├ arguments   the commands
//!  ├ global      the options that all of them have
//!  ├ session     the store that options, environment and config file name
//!  ├ output      what is printed: text or JSON, with or without colours
//!  ├ commands    one file for each family of commands
//!  ├ host        trees of the host's files, in and out
//!  └ work        the queue: tables, graph, worker, live view
//! ```
//!
//! Everything goes through [`nexusfs_core::filesystem::Filesystem`]: no command knows more than a host does.

mod arguments;
mod commands;
mod duration;
mod failure;
mod global;
mod host;
mod json;
mod output;
mod progress;
mod session;
mod signals;
mod table;
mod text;
mod work;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use nexusfs_core::config::Environment;

use self::arguments::Arguments;
use self::failure::{Exit, Failure};
use self::output::Output;
use self::session::Session;

fn main() -> ExitCode {
    if let Some(code) = work::supervise() {
        return code;
    }
    let plain = std::env::args_os().any(|argument| argument == "--no-color");
    let mut command = Arguments::command();
    if plain {
        command = command.color(clap::ColorChoice::Never);
    }
    let arguments = command
        .try_get_matches()
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => return show_help(&error),
        Err(error) => return Failure::of_usage(&error).finish(),
    };
    let output = Output::new(&arguments.global);
    let mut session = Session::new(arguments.global, output);
    for (name, meant) in Environment::of_process().misspelt_variables() {
        failure::warn(&format!(
            "the environment variable {name} sets nothing; {meant} may be meant"
        ));
    }
    let done = commands::run(arguments.command, &mut session);
    match done.and_then(|()| session.out.finish()) {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            // What was printed before the failure belongs to the answer.
            let _ = session.out.finish();
            failure.finish()
        }
    }
}

/// Prints help or the version, which clap carries as an error.
fn show_help(error: &clap::Error) -> ExitCode {
    match error.print() {
        Ok(()) => Exit::Success.into(),
        Err(error) => Failure::from(error).finish(),
    }
}

//! The commands of the program.

use clap::{Parser, Subcommand};

use crate::commands::{
    backup, bundle, directories, documents, duplicates, find, listing, metadata, read, relocate,
    remove, search, transfer, upkeep, usage, verify, write,
};
use crate::global::Global;
use crate::host::{get, put};
use crate::work;

/// A filesystem for AI agents that a program embeds: files and work items of many tenants in one store.
#[derive(Debug, Parser)]
#[command(
    name = "nexus",
    version,
    propagate_version = false,
    max_term_width = 100,
    after_help = AFTER_HELP,
    subcommand_required = true,
    arg_required_else_help = false
)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Options go over environment variables (NEXUS_DATA_DIR, NEXUS_TENANT_ID, …), and those over a config file: the one of --config, \
else ./nexus.yaml, ./nexus.yml or ~/.nexus/config.yaml. 'nexus config' shows what holds.

Exit codes: 0 success, 1 failure, 2 usage, 3 not found, 4 denied.";

// A type says what its command does: a comment on the variant would take the place of the whole text in help and manual.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a store
    Init,
    Ls(listing::Ls),
    Cat(read::Cat),
    Write(write::Write),
    Cp(relocate::Cp),
    Mv(relocate::Mv),
    Rm(remove::Rm),
    Glob(find::Glob),
    Grep(search::Grep),
    Mkdir(directories::Mkdir),
    Rmdir(directories::Rmdir),
    #[command(visible_alias = "info")]
    Stat(read::Stat),
    /// Read and change the metadata of files
    #[command(subcommand, arg_required_else_help = false)]
    Meta(metadata::Meta),
    Put(put::Put),
    Get(get::Get),
    /// Show the work queue, and work on its items
    #[command(subcommand, arg_required_else_help = false)]
    Work(work::Work),
    Export(transfer::Export),
    Import(transfer::Import),
    /// Move files with metadata and content in one file
    #[command(subcommand, arg_required_else_help = false)]
    Bundle(bundle::Bundle),
    Verify(verify::Verify),
    Backup(backup::Backup),
    #[command(visible_alias = "find-duplicates")]
    Duplicates(duplicates::Duplicates),
    Gc(upkeep::Gc),
    Du(usage::Du),
    /// Show the configuration that holds, and where it comes from
    Config,
    /// Show the version
    Version,
    Completions(documents::Completions),
    Man(documents::Man),
}

//! The options that all commands have.

use std::path::PathBuf;

use clap::{Args, ValueHint};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Take the configuration from this YAML file instead of searching for one
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The directory of the store
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data_dir: Option<PathBuf>,
    /// Act for this tenant
    #[arg(long, global = true, value_name = "ID")]
    pub tenant: Option<String>,
    /// Act as this agent
    #[arg(long, global = true, value_name = "ID")]
    pub agent: Option<String>,
    /// Act as an administrator
    #[arg(long, global = true)]
    pub admin: bool,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Print no summaries and no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print without colours
    #[arg(long, global = true)]
    pub no_color: bool,
}

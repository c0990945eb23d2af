//! Nexus: a filesystem for AI agents that any program can embed.
pub mod access;
pub mod call;
pub mod config;
pub mod content;
pub mod error;
pub mod filesystem;
mod maintenance;
pub mod metadata;
pub mod path;
pub mod range;
pub mod work;

//! Nexus: a filesystem for AI agents that any program can embed.
pub mod config;
pub mod content;
pub mod error;
pub mod filesystem;
pub mod metadata;
pub mod path;
pub mod range;
pub mod work;

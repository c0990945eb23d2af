//! Nexus: a filesystem for AI agents that any program can embed.
#[allow(unsafe_code)]
pub mod capi;
pub mod content;
pub mod error;
pub mod filesystem;
pub mod log;
pub mod metadata;
pub mod path;

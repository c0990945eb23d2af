//! The host: its paths, and the directories in which a store keeps its files.

pub mod address;
pub(crate) mod directory;
pub(crate) mod plain;

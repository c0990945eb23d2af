//! The host: its paths, and the directories in which a store keeps its files.

pub mod address;
pub mod directory;
pub mod layout;
pub(crate) mod path;
pub(crate) mod plain;
pub mod stores;

pub use self::path::resolve_host_path;
pub use self::stores::is_store_file;

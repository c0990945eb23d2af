//! The host: its paths, and the directories in which a store keeps its files.

pub mod address;
pub(crate) mod directory;
pub(crate) mod layout;
pub(crate) mod lock;
pub(crate) mod path;
pub(crate) mod plain;
pub(crate) mod stores;
pub(crate) mod thread;

pub use self::path::resolve_host_path;
pub use self::stores::is_store_file;

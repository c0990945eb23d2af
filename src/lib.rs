//! Nexus: a filesystem for AI agents that any program can embed.
//!
//! Agents of many tenants share one store: virtual paths over content-addressed storage, JSON metadata on
//! every file, isolation that holds, and files that are work items. Programs link the C interface
//! (`include/nexus.h`); Rust programs may use [`filesystem::Filesystem`] directly.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let data_dir = directory.path().join("nexus-data");
//!
//! let config = serde_json::json!({ "data_dir": data_dir });
//! let fs = nexusfs::connect(Some(&config.to_string()))?;
//! fs.write("/notes/hello.txt", b"hello", &Default::default())?;
//! assert_eq!(fs.read("/notes/hello.txt")?, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/` has longer programs.
//!
//! # Path of a call
//!
//! ```text
//! capi          decode handle, strings, options          one file per object, over the trait `Store`
//!   │
//! filesystem    parse paths; ask the policy; commit or read
//!   ├── config      the settings of a handle
//!   ├── access      may this identity do this to that path, and which ranges may it read
//!   ├── content     bytes named by their hash: built before, published inside the transaction
//!   └── metadata    paths, entries, metadata, work items: one SQLite database
//!         └── sqlite    readers · one writer with group commit · what each change does
//! ```
//!
//! A write becomes a [`metadata::Change`]; a batch is a list of them. [`access::Policy`] decides on each; the
//! store applies the list in one transaction and, just before it commits, puts new content files in place.
//! A query gets from the policy the [ranges of paths](range) that the caller may read, and runs on those.
//!
//! | to learn about | read |
//! |---|---|
//! | the calls of Rust programs, and those of C | [`filesystem`], [`capi`] |
//! | a store, wherever it is; opening one | [`filesystem::Store`], [`connect`], [`open`] |
//! | configuration | [`config`] |
//! | names of files, their ids, ranges of names | [`path`], [`path_id`], [`range`] |
//! | errors; how long a call waits, and interrupting it | [`error`], [`call`] |
//! | tenants, agents, namespaces | [`access`] |
//! | what can be changed, found and asked | [`metadata`] |
//! | crashes, several processes | [`content`], [`sqlite`], `docs/design.md` |
//! | the store on the disk | `docs/format.md` |
//! | work items and dependencies | [`work`] |
//! | log lines for the host program; times, clocks; paths and directories of the host; JSON texts | [`log`], [`time`], [`clock`], [`host`], [`json`] |
//!
//! Three crates are behind these names: `nexusfs-core`, which knows no store in particular, `nexusfs-sqlite`, which is one, and this
//! one, which has the C interface.

#[allow(unsafe_code)]
pub mod capi;

pub use nexusfs_core::{
    access, call, clock, config, content, error, filesystem, host, json, log, metadata, path,
    path_id, range, time, work,
};
/// The store that [`open`] opens: metadata in SQLite, contents in directories.
pub use nexusfs_sqlite as sqlite;
pub use nexusfs_sqlite::open;

use self::error::Result;
use self::filesystem::Filesystem;

/// Opens the store that `config`, a JSON object, names; `None` for auto-discovery.
///
/// # Errors
/// `InvalidConfig` naming the key; `Unsupported`, `VersionMismatch`, `Io`, `NoSpace`, `Busy`.
pub fn connect(config: Option<&str>) -> Result<Filesystem> {
    open(config::resolve(config)?)
}

/// Opens the store that the YAML file at `path` names.
///
/// # Errors
/// As [`connect`].
pub fn connect_file(path: &str) -> Result<Filesystem> {
    open(config::resolve_file(path.as_ref())?)
}

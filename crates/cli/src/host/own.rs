//! The store in use, as it lies on the host: neither put into itself nor written over.
//!
//! SQLite's locks are those of the process, which loses them when it closes any descriptor of the file. So a command
//! never opens a file of the store that it has open: others would take the store for unused, and remove its log.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nexusfs_core::config::Settings;
use nexusfs_core::host::{is_store_file, resolve_host_path};
use rustix::fs::Stat;

use crate::failure::{Failure, Result};

/// What a data directory has beside the database.
const PARTS: [&str; 6] = ["cas", "tmp", "quarantine", "mounts", "lock", "nexus-store"];
/// Suffixes of a database's companion files.
const DATABASE_FILES: [&str; 6] = ["", "-wal", "-shm", "-journal", "-pins", "-reserve"];

/// Device and inode: a file has them under every name.
type Id = (u64, u64);

/// The files and directories of a store.
pub struct OwnStore {
    data_dir: Option<Id>,
    parts: HashSet<Id>,
}

impl OwnStore {
    /// Returns the store that was opened with `settings`.
    pub fn of(settings: &Settings) -> OwnStore {
        let parts = PARTS.iter().map(|name| settings.data_dir.join(name));
        let database = DATABASE_FILES.iter().map(|end| {
            let mut name = settings.db_path.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        });
        let roots = settings.mounts.iter().map(|mount| mount.root.clone());
        OwnStore {
            data_dir: id_at(&settings.data_dir),
            parts: parts
                .chain(database)
                .chain(roots)
                .filter_map(|path| id_at(&path))
                .collect(),
        }
    }

    /// Returns whether this is the directory of the store, or a part of it.
    pub fn has(&self, metadata: &Metadata) -> bool {
        self.has_id(id_of(metadata))
    }

    /// The same for what an open directory of the host holds.
    pub fn has_entry(&self, stat: &Stat) -> bool {
        self.has_id((stat.st_dev, stat.st_ino))
    }

    fn has_id(&self, id: Id) -> bool {
        self.data_dir == Some(id) || self.parts.contains(&id)
    }

    /// Fails if `path`, which is to be read and need not exist, is in the store itself.
    pub fn refuse(&self, path: &Path) -> Result<()> {
        let there = resolve_host_path(path);
        let is_data_dir = self.data_dir.is_some() && id_at(&there) == self.data_dir;
        let mut ids = there.ancestors().filter_map(id_at);
        refuse_if(path, is_data_dir || ids.any(|id| self.parts.contains(&id)))
    }

    /// Fails if `path`, which is to be written and need not exist, is in the store itself or anywhere in its directory: what is
    /// there has to be the store's own. So it does if it is a file of another store.
    pub fn refuse_target(&self, path: &Path) -> Result<()> {
        let there = resolve_host_path(path);
        let mut ids = there.ancestors().filter_map(id_at);
        refuse_if(path, ids.any(|id| self.has_id(id)))?;
        match is_store_file(path) {
            false => Ok(()),
            true => Err(Failure::usage(format!(
                "{} belongs to a store",
                path.display()
            ))),
        }
    }
}

fn refuse_if(path: &Path, is_own: bool) -> Result<()> {
    match is_own {
        false => Ok(()),
        true => Err(Failure::usage(format!(
            "{} belongs to the store itself",
            path.display()
        ))),
    }
}

fn id_at(path: &Path) -> Option<Id> {
    fs::metadata(path).ok().as_ref().map(id_of)
}

fn id_of(metadata: &Metadata) -> Id {
    (metadata.dev(), metadata.ino())
}

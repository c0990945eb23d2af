//! The open stores of this process.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::{Engine, pair};
use crate::error::{Error, Result};

/// By device and inode of their databases. One database has one engine: closing any descriptor of it outside of SQLite would drop
/// the locks of all. Held for an instant only: opening one store keeps nobody from another.
static OPENED: Mutex<BTreeMap<FileIdentity, Opened>> = Mutex::new(BTreeMap::new());

/// Device and inode of a file.
pub(super) type FileIdentity = (u64, u64);

struct Opened {
    engine: Weak<Engine>,
    places: Weak<Places>,
}

/// Where a store lies on the host. Paths are canonical.
#[derive(Debug)]
pub(crate) struct Places {
    pub data_dir: PathBuf,
    pub db_path: PathBuf,
    /// The roots of the mounts of all handles that there were.
    mounts: Mutex<BTreeSet<PathBuf>>,
}

impl Places {
    pub fn new(data_dir: PathBuf, db_path: PathBuf) -> Self {
        Places {
            data_dir,
            db_path,
            mounts: Mutex::default(),
        }
    }

    pub fn add_mount(&self, root: &Path) {
        self.mounts.lock().insert(root.to_owned());
    }

    /// Returns the directories of contents: the data directory and the roots.
    pub fn directories(&self) -> Vec<PathBuf> {
        let mounts = self.mounts.lock();
        std::iter::once(&self.data_dir)
            .chain(&*mounts)
            .cloned()
            .collect()
    }
}

/// Returns the engine that has the database at `db_path` open.
///
/// # Errors
/// `InvalidConfig` if that is the database of another data directory.
pub(super) fn find(data_dir: &Path, db_path: &Path) -> Result<Option<Arc<Engine>>> {
    let Some(identity) = identity_of(db_path) else {
        return Ok(None);
    };
    let engine = OPENED
        .lock()
        .get(&identity)
        .and_then(|opened| opened.engine.upgrade());
    match engine {
        Some(engine) if engine.places.data_dir != data_dir => Err(pair::not_together()),
        engine => Ok(engine),
    }
}

/// Makes `engine` known.
///
/// # Errors
/// `InvalidConfig` if its database was opened with another data directory meanwhile.
pub(super) fn insert(engine: &Arc<Engine>) -> Result<()> {
    let identity = identity_of(&engine.places.db_path)
        .ok_or_else(|| Error::internal("the database vanished while it was opened"))?;
    let mut opened = OPENED.lock();
    opened.retain(|_, opened| opened.places.strong_count() > 0);
    let is_taken = opened
        .get(&identity)
        .is_some_and(|opened| opened.engine.strong_count() > 0);
    if is_taken {
        return Err(pair::not_together());
    }
    let new = Opened {
        engine: Arc::downgrade(engine),
        places: Arc::downgrade(&engine.places),
    };
    opened.insert(identity, new);
    Ok(())
}

/// Returns where the stores lie that this process has open.
pub(super) fn all() -> Vec<Arc<Places>> {
    let opened = OPENED.lock();
    let places = opened.values().map(|opened| opened.places.upgrade());
    places.flatten().collect()
}

/// Returns the identity of the file at `path`, without opening it.
pub(super) fn identity_of(path: &Path) -> Option<FileIdentity> {
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

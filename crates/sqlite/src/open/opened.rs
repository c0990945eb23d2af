//! The engines of this process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use nexusfs_core::error::{Error, Result};
use nexusfs_core::filesystem::Engine;
use nexusfs_core::host::stores::{self, FileIdentity, identity_of};
use parking_lot::Mutex;

use super::home::LocalHome;
use super::pair;

/// By device and inode of their databases. One database has one engine: closing any descriptor of it outside of SQLite would drop
/// the locks of all. Held for an instant only: opening one store keeps nobody from another.
static OPENED: Mutex<BTreeMap<FileIdentity, Known>> = Mutex::new(BTreeMap::new());

/// An engine, with where its store is.
pub(super) struct Opened {
    pub engine: Arc<Engine>,
    pub home: Arc<LocalHome>,
}

/// One that lives as long as handles have it.
struct Known {
    engine: Weak<Engine>,
    home: Weak<LocalHome>,
}

impl Known {
    fn upgrade(&self) -> Option<Opened> {
        Some(Opened {
            engine: self.engine.upgrade()?,
            home: self.home.upgrade()?,
        })
    }
}

/// Returns the engine that has the database at `db_path` open.
///
/// # Errors
/// `InvalidConfig` if that is the database of another data directory.
pub(super) fn find(data_dir: &Path, db_path: &Path) -> Result<Option<Opened>> {
    let Some(identity) = identity_of(db_path) else {
        return Ok(None);
    };
    let opened = OPENED.lock().get(&identity).and_then(Known::upgrade);
    match opened {
        Some(opened) if opened.home.places.data_dir != data_dir => Err(pair::not_together()),
        opened => Ok(opened),
    }
}

/// Makes the engine known.
///
/// # Errors
/// `InvalidConfig` if its database was opened with another data directory meanwhile.
pub(super) fn insert(new: &Opened) -> Result<()> {
    let identity = identity_of(&new.home.places.db_path)
        .ok_or_else(|| Error::internal("the database vanished while it was opened"))?;
    let mut opened = OPENED.lock();
    opened.retain(|_, known| known.engine.strong_count() > 0);
    if opened.contains_key(&identity) {
        return Err(pair::not_together());
    }
    stores::add(&new.home.places);
    let known = Known {
        engine: Arc::downgrade(&new.engine),
        home: Arc::downgrade(&new.home),
    };
    opened.insert(identity, known);
    Ok(())
}

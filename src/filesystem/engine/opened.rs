//! The engines of this process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::{Engine, pair};
use crate::error::{Error, Result};
use crate::host::stores::{self, FileIdentity, identity_of};

/// By device and inode of their databases. One database has one engine: closing any descriptor of it outside of SQLite
/// would drop the locks of all. Held briefly: opening one store does not block the opening of another.
static OPENED: Mutex<BTreeMap<FileIdentity, Weak<Engine>>> = Mutex::new(BTreeMap::new());

/// Returns the engine that has the database at `db_path` open.
///
/// # Errors
/// `InvalidConfig` if that is the database of another data directory.
pub(super) fn find(data_dir: &Path, db_path: &Path) -> Result<Option<Arc<Engine>>> {
    let Some(identity) = identity_of(db_path) else {
        return Ok(None);
    };
    let engine = OPENED.lock().get(&identity).and_then(Weak::upgrade);
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
    opened.retain(|_, engine| engine.strong_count() > 0);
    if opened.contains_key(&identity) {
        return Err(pair::not_together());
    }
    stores::add(&engine.places);
    opened.insert(identity, Arc::downgrade(engine));
    Ok(())
}

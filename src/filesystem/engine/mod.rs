//! The engine of a store: what all handles of one process on it share.

mod marker;
mod mounts;
mod place;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

pub(crate) use self::marker::{Marker, write_note};
pub(crate) use self::mounts::MOUNTS;
pub(crate) use self::place::DirectoryLock;
use crate::access::Rules;
use crate::call::Call;
use crate::clock::SystemClock;
use crate::config::{EngineSettings, MountDeclaration, Settings};
use crate::content::local::LocalContentStore;
use crate::content::{ContentStore, LOCAL_BACKEND, Placement};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::MetadataStore;
use crate::metadata::sqlite::{SqliteOptions, SqliteStore, store_uuid};

/// The open stores of this process, by device and inode of their databases. One database has one
/// engine: closing any descriptor of it outside of SQLite would drop the locks of all.
static ENGINES: Mutex<BTreeMap<FileIdentity, Weak<Engine>>> = Mutex::new(BTreeMap::new());

/// Device and inode of a file.
type FileIdentity = (u64, u64);

/// One open store.
pub(crate) struct Engine {
    pub store: Box<dyn MetadataStore>,
    pub settings: EngineSettings,
    local: Arc<LocalContentStore>,
    pub data_dir: PathBuf,
    pub uuid: String,
    rules: RwLock<Arc<Rules>>,
}

impl Engine {
    /// Opens the store that `settings` name, creating it if it is new, or joins the engine that has it
    /// open. Returns it with the places of contents that the settings mount.
    pub fn open(settings: &Settings, call: &Call) -> Result<(Arc<Engine>, Placement)> {
        let mut engines = ENGINES.lock();
        engines.retain(|_, engine| engine.strong_count() > 0);
        let data_dir = place::prepare_data_dir(&settings.data_dir)?;
        let db_path = place::prepare_database_path(&settings.db_path)?;
        // One at a time creates a store or a mount, in all processes.
        let _lock = DirectoryLock::take(&data_dir, call)?;
        let open = identity_of(&db_path)
            .and_then(|identity| engines.get(&identity))
            .and_then(Weak::upgrade);
        let engine = match open {
            Some(engine) if engine.data_dir == data_dir => engine,
            Some(_) => return Err(marker::not_together()),
            None => {
                let engine = Arc::new(Engine::start(settings, data_dir, &db_path, call)?);
                let identity = identity_of(&db_path)
                    .ok_or_else(|| Error::internal("the database vanished while it was opened"))?;
                engines.insert(identity, Arc::downgrade(&engine));
                engine
            }
        };
        let mounts = mounts::open(&engine, &settings.mounts, call)?;
        let local: Arc<dyn ContentStore> = Arc::clone(&engine.local) as _;
        let inline_max = settings.inline_max_bytes as usize;
        let placement = Placement::new(local, mounts, inline_max);
        engine.remove_doomed(&placement, call)?;
        Ok((engine, placement))
    }

    fn start(
        settings: &Settings,
        data_dir: PathBuf,
        db_path: &Path,
        call: &Call,
    ) -> Result<Engine> {
        let uuid = claim_data_dir(&data_dir, db_path, call)?;
        let local = Arc::new(LocalContentStore::open(&data_dir)?);
        place::create_database(db_path)?;
        let options = SqliteOptions {
            clock: Arc::new(SystemClock),
            cache_kib: settings.cache_size_mb.saturating_mul(1024),
            housekeeping: settings.housekeeping,
        };
        let (store, stored_uuid) = SqliteStore::open(db_path, &uuid, options, call)?;
        if stored_uuid != uuid {
            return Err(marker::not_together());
        }
        local.reclaim_unfinished()?;
        Ok(Engine {
            rules: RwLock::new(Arc::new(store.rules(call)?)),
            store: Box::new(store),
            settings: EngineSettings {
                cache_size_mb: settings.cache_size_mb,
                housekeeping: settings.housekeeping,
            },
            local,
            data_dir,
            uuid,
        })
    }

    /// Removes the files that an earlier commit dropped and nobody removed. Where others keep the store
    /// busy, that can wait.
    fn remove_doomed(&self, placement: &Placement, call: &Call) -> Result<()> {
        if !self.store.has_doomed(placement, call)? {
            return Ok(());
        }
        match self.store.sweep(placement, call) {
            Err(error) if error.kind() != ErrorKind::Busy => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the backends, among the store's own and `mounts`, whose directories are not marked as
    /// theirs, and how they are.
    pub fn wrong_markers(
        &self,
        mounts: &[MountDeclaration],
        call: &Call,
    ) -> Result<Vec<(String, &'static str)>> {
        let mut wrong = Vec::new();
        let places = mounts
            .iter()
            .map(|mount| (mount.name.as_str(), mount.root.as_path()));
        for (backend, place) in std::iter::once((LOCAL_BACKEND, &*self.data_dir)).chain(places) {
            let uuid = self.store.backend_uuid(backend, call)?;
            match Marker::read(place) {
                Ok(Some(marker))
                    if marker.is(&self.uuid, backend) && Some(&marker.place) == uuid.as_ref() => {}
                Ok(None) => wrong.push((backend.to_owned(), "has no nexus-store file")),
                Ok(Some(_)) => wrong.push((backend.to_owned(), "is marked as another's")),
                Err(error) if error.kind() == ErrorKind::InvalidConfig => {
                    wrong.push((backend.to_owned(), "has a damaged nexus-store file"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(wrong)
    }

    /// Marks the directory of the backend again, if its mark is missing or unreadable. One that is marked as
    /// another's is left alone.
    pub fn mark_again(
        &self,
        backend: &str,
        mounts: &[MountDeclaration],
        call: &Call,
    ) -> Result<bool> {
        let mount = mounts.iter().find(|mount| mount.name == backend);
        let place = match mount {
            Some(mount) if mount.readonly => return Ok(false),
            Some(mount) => mount.root.as_path(),
            None => &*self.data_dir,
        };
        let Some(uuid) = self.store.backend_uuid(backend, call)? else {
            return Ok(false);
        };
        match Marker::read(place) {
            Ok(Some(_)) => Ok(false),
            Err(error) if error.kind() != ErrorKind::InvalidConfig => Err(error),
            _ => {
                Marker::new(&self.uuid, backend, &uuid).write(place)?;
                Ok(true)
            }
        }
    }

    /// Returns the rules as this process last saw them.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read())
    }

    /// Reads the rules again. What another thread read later stays.
    pub fn reload_rules(&self, call: &Call) -> Result<()> {
        let read = Arc::new(self.store.rules(call)?);
        let mut known = self.rules.write();
        *known = Arc::clone(&known).newer(read);
        Ok(())
    }
}

/// Returns the identity of the file at `path`, without opening it.
fn identity_of(path: &Path) -> Option<FileIdentity> {
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Returns the UUID of the store that the data directory and the database both belong to, marking a new
/// data directory with a new one.
fn claim_data_dir(data_dir: &Path, db_path: &Path, call: &Call) -> Result<String> {
    let marked = Marker::read(data_dir)?;
    let stored = store_uuid(db_path, call)?;
    match (marked, stored) {
        (Some(marker), Some(uuid)) if marker.is(&uuid, LOCAL_BACKEND) => Ok(uuid),
        (Some(_), Some(_)) => Err(marker::not_together()),
        (None, Some(_)) => Err(Error::invalid_config(
            "data_dir is not that of the database: it has no nexus-store file",
        )),
        (Some(marker), None) if marker.backend != LOCAL_BACKEND => Err(marker::not_together()),
        // The process that created the store died before the database was there.
        (Some(marker), None) if place::has_no_contents(data_dir)? => Ok(marker.store),
        (Some(_), None) => Err(Error::invalid_config(
            "the database is missing, but data_dir has contents of its store",
        )),
        (None, None) => {
            let uuid = Uuid::now_v7().to_string();
            Marker::new(&uuid, LOCAL_BACKEND, &uuid).write(data_dir)?;
            Ok(uuid)
        }
    }
}

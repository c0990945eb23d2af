//! The engine of a store: what all handles of one process on it share.

mod marker;
mod mounts;
mod opened;
mod pair;
mod place;

use std::sync::Arc;

use parking_lot::RwLock;

pub(crate) use self::marker::{Marker, read_note, write_note};
use self::pair::Pair;
use super::removal::Remover;
use super::turns::Turns;
use crate::access::Rules;
use crate::call::Call;
use crate::clock::SystemClock;
use crate::config::{EngineSettings, MountDeclaration, Settings};
use crate::content::local::LocalContentStore;
use crate::content::{ContentStore, LOCAL_BACKEND, Placement};
use crate::error::{ErrorKind, Result};
use crate::host::lock::DirectoryLock;
use crate::host::resolve_host_path;
use crate::host::stores::Places;
use crate::metadata::MetadataStore;
use crate::metadata::sqlite::{SqliteOptions, SqliteStore};

/// One open store.
pub(crate) struct Engine {
    /// Dropped before `store`, which its thread uses.
    pub remover: Remover,
    pub store: Arc<dyn MetadataStore>,
    pub appends: Turns,
    pub settings: EngineSettings,
    local: Arc<LocalContentStore>,
    mounted: mounts::Mounted,
    pub uuid: String,
    rules: RwLock<Arc<Rules>>,
    /// Dropped after `store`: until then its files are known.
    pub places: Arc<Places>,
}

impl Engine {
    /// Opens the store that `settings` name, creating it if it is new, or joins the engine that has it
    /// open. Returns it with the places of contents that the settings mount.
    pub fn open(settings: &Settings, call: &Call) -> Result<(Arc<Engine>, Placement)> {
        let data_dir = resolve_host_path(&settings.data_dir);
        let db_path = place::database_path(&settings.db_path)?;
        pair::check_unopened(&data_dir, &db_path, call)?;
        let data_dir = place::prepare_data_dir(&data_dir)?;
        // One at a time creates a store or a mount, or starts an engine, in this process and in all others.
        let busy = "another thread or process is opening the store";
        let _lock = DirectoryLock::take(&data_dir, busy, call)?;
        let engine = match opened::find(&data_dir, &db_path)? {
            Some(engine) => engine,
            None => {
                let places = Places::new(data_dir, db_path);
                let engine = Arc::new(Engine::start(settings, places, call)?);
                opened::insert(&engine)?;
                engine
            }
        };
        let mounts = mounts::open(&engine, &settings.mounts, call)?;
        let local: Arc<dyn ContentStore> = Arc::clone(&engine.local) as _;
        let inline_max = settings.inline_max_bytes as usize;
        let placement = Placement::new(local, mounts, inline_max);
        Ok((engine, placement))
    }

    fn start(settings: &Settings, places: Places, call: &Call) -> Result<Engine> {
        let Places {
            data_dir, db_path, ..
        } = &places;
        let pair = Pair::read(data_dir, db_path, call)?;
        place::prepare_database(db_path)?;
        let marker = pair.claim(data_dir)?;
        let local = Arc::new(LocalContentStore::open(data_dir)?);
        let options = SqliteOptions {
            clock: Arc::new(SystemClock),
            cache_kib: settings.cache_size_mb.saturating_mul(1024),
            housekeeping: settings.housekeeping,
        };
        let (store, uuid) = SqliteStore::open(db_path, &marker.store, options, call)?;
        if uuid != marker.store {
            return Err(pair::not_together());
        }
        pair::finish(marker, data_dir, db_path)?;
        local.reclaim_unfinished(call)?;
        let store: Arc<dyn MetadataStore> = Arc::new(store);
        Ok(Engine {
            rules: RwLock::new(Arc::new(store.rules(call)?)),
            remover: Remover::default(),
            store,
            appends: Turns::default(),
            settings: EngineSettings {
                cache_size_mb: settings.cache_size_mb,
                housekeeping: settings.housekeeping,
            },
            local,
            mounted: mounts::Mounted::default(),
            uuid,
            places: Arc::new(places),
        })
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
        for (backend, place) in
            std::iter::once((LOCAL_BACKEND, &*self.places.data_dir)).chain(places)
        {
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
            None => &*self.places.data_dir,
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

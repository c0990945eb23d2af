//! Opening a store that is kept in SQLite and in directories of this machine.
//!
//! | what | where |
//! |---|---|
//! | the open stores of this process | `opened` |
//! | the directories of one of them | `home` |
//! | preparing directories, one opener at a time; which store they belong to; mounting others | `place`, `lock`, `marker`, `pair`, `mounts` |
//! | copying a store to another directory | `backup` |

mod backup;
mod home;
mod lock;
mod marker;
mod mounts;
mod opened;
mod pair;
mod place;

use std::sync::Arc;

use nexusfs_core::call::{Call, Interrupts};
use nexusfs_core::config::{EngineSettings, Resolved, Settings};
use nexusfs_core::content::{ContentStore, Placement};
use nexusfs_core::error::Result;
use nexusfs_core::filesystem::{Engine, Filesystem};
use nexusfs_core::host::resolve_host_path;
use nexusfs_core::host::stores::Places;

use self::home::LocalHome;
use self::mounts::Mounted;
use self::opened::Opened;
use self::pair::Pair;
use crate::clock::SystemClock;
use crate::files::LocalContentStore;
use crate::open::lock::DirectoryLock;
use crate::{SqliteOptions, SqliteStore};

/// Opens the store that `config`, a resolved configuration, names, creating it if it is new.
///
/// # Errors
/// `InvalidConfig` naming the key; `Unsupported`, `VersionMismatch`, `Io`, `NoSpace`, `Busy`.
pub fn open(config: Resolved) -> Result<Filesystem> {
    let call = Interrupts::default().begin(config.settings.busy_timeout);
    let (engine, placement) = open_engine(&config.settings, &call)?;
    Filesystem::on(engine, placement, config, &call)
}

/// Opens the store that `settings` name, creating it if it is new, or joins the engine that has it
/// open. Returns it with the places of contents that the settings mount.
fn open_engine(settings: &Settings, call: &Call) -> Result<(Arc<Engine>, Placement)> {
    let data_dir = resolve_host_path(&settings.data_dir);
    let db_path = place::database_path(&settings.db_path)?;
    pair::check_unopened(&data_dir, &db_path, call)?;
    let data_dir = place::prepare_data_dir(&data_dir)?;
    // One at a time creates a store or a mount, or starts an engine, in this process and in all others.
    let busy = "another thread or process is opening the store";
    let _lock = DirectoryLock::take(&data_dir, busy, call)?;
    let Opened { engine, home } = match opened::find(&data_dir, &db_path)? {
        Some(opened) => opened,
        None => {
            let opened = start(settings, Places::new(data_dir, db_path), call)?;
            opened::insert(&opened)?;
            opened
        }
    };
    let mounts = mounts::open(&home, &settings.mounts, call)?;
    let local: Arc<dyn ContentStore> = Arc::clone(&home.local) as _;
    let inline_max = settings.inline_max_bytes as usize;
    let placement = Placement::new(local, mounts, inline_max);
    Ok((engine, placement))
}

fn start(settings: &Settings, places: Places, call: &Call) -> Result<Opened> {
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
    let store = Arc::new(store);
    let home = Arc::new(LocalHome {
        store: Arc::clone(&store),
        local,
        mounted: Mounted::default(),
        uuid: uuid.clone(),
        places: Arc::new(places),
    });
    let engine_settings = EngineSettings {
        cache_size_mb: settings.cache_size_mb,
        housekeeping: settings.housekeeping,
    };
    let engine = Engine::new(store, uuid, Arc::clone(&home) as _, engine_settings, call)?;
    Ok(Opened {
        engine: Arc::new(engine),
        home,
    })
}

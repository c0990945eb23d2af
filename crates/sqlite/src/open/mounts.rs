//! Opening the backends that a configuration mounts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use nexusfs_core::call::Call;
use nexusfs_core::config::MountDeclaration;
use nexusfs_core::content::{ContentStore, Mount};
use nexusfs_core::error::{Error, Result};
use nexusfs_core::host::layout::MOUNTS;
use nexusfs_core::host::resolve_host_path;
use nexusfs_core::host::stores::{FileIdentity, identity_of};
use nexusfs_core::metadata::Ledger;
use parking_lot::Mutex;
use uuid::Uuid;

use super::home::LocalHome;
use super::marker::Marker;
use super::place;
use crate::files::LocalContentStore;

/// Opens what `declared` names. The caller holds the lock of the data directory. Nothing is created before all may be mounted.
pub(super) fn open(
    home: &LocalHome,
    declared: &[MountDeclaration],
    call: &Call,
) -> Result<Vec<Mount>> {
    let mut found: Vec<Found> = Vec::with_capacity(declared.len());
    for mount in declared {
        let root = find_root(home, mount)?;
        if found.iter().any(|earlier| earlier.root == root) {
            return Err(refused(mount, "its root is that of another mount"));
        }
        let place = place_of(home, mount, &root, call)?;
        found.push(Found { root, place });
    }
    let mut mounts = Vec::with_capacity(declared.len());
    let mut backends = Vec::with_capacity(declared.len());
    for (mount, found) in declared.iter().zip(found) {
        let name: Arc<str> = mount.name.as_str().into();
        let root = place::prepare_mount(&found.root, mount.readonly)
            .map_err(|error| error.at(mount.path.as_str()))?;
        let place = match found.place {
            Some(place) => place,
            None => claim(home, mount, &root)?,
        };
        backends.push((Arc::clone(&name), place));
        let store = home.mounted.open(&root, mount.readonly)?;
        if !mount.readonly {
            store.reclaim_unfinished(call)?;
        }
        home.places.add_mount(&root);
        mounts.push(Mount {
            name,
            path: mount.path.clone(),
            store,
            readonly: mount.readonly,
        });
    }
    home.store.register_backends(&backends, call)?;
    Ok(mounts)
}

/// The roots that handles of an engine have open, with whether they only read. Handles share them, as each root takes a descriptor.
#[derive(Default)]
pub(super) struct Mounted(Mutex<BTreeMap<(FileIdentity, bool), Weak<LocalContentStore>>>);

impl Mounted {
    /// Opens the contents in `root`, unless a handle has them open.
    fn open(&self, root: &Path, readonly: bool) -> Result<Arc<LocalContentStore>> {
        let identity = identity_of(root)
            .ok_or_else(|| Error::invalid_config("the root of a mount vanished"))?;
        let mut mounted = self.0.lock();
        mounted.retain(|_, store| store.strong_count() > 0);
        if let Some(store) = mounted.get(&(identity, readonly)).and_then(Weak::upgrade) {
            return Ok(store);
        }
        let store = Arc::new(match readonly {
            true => LocalContentStore::open_readonly(root)?,
            false => LocalContentStore::open(root)?,
        });
        mounted.insert((identity, readonly), Arc::downgrade(&store));
        Ok(store)
    }
}

/// A mount that may be opened.
struct Found {
    root: PathBuf,
    /// UUID of the root, or `None` if it is new.
    place: Option<String>,
}

/// Returns the canonical path of the mount's root, which need not exist unless the mount is read-only.
fn find_root(home: &LocalHome, mount: &MountDeclaration) -> Result<PathBuf> {
    let data_dir = &home.places.data_dir;
    let root = match mount.readonly {
        true => place::prepare_mount(&mount.root, true)
            .map_err(|error| error.at(mount.path.as_str()))?,
        false => resolve_host_path(&mount.root),
    };
    // A backup has the contents of its mounts in itself.
    let is_backup = root.parent() == Some(&data_dir.join(MOUNTS));
    let is_inside = root.starts_with(data_dir) && !is_backup;
    match is_inside || data_dir.starts_with(&root) {
        true => Err(refused(mount, "its root and data_dir lie in one another")),
        false => Ok(root),
    }
}

/// Returns the UUID of the place `root`, or `None` if it is new and the mount may have it.
fn place_of(
    home: &LocalHome,
    mount: &MountDeclaration,
    root: &Path,
    call: &Call,
) -> Result<Option<String>> {
    match Marker::read(root)? {
        Some(marker) if marker.is(&home.uuid, &mount.name) => Ok(Some(marker.place)),
        Some(_) => Err(refused(
            mount,
            "its root belongs to another store or backend",
        )),
        None if home.store.backend_uuid(&mount.name, call)?.is_some() => Err(refused(
            mount,
            "its root has no nexus-store file, but the backend exists",
        )),
        None if mount.readonly => Err(refused(
            mount,
            "it is read-only and its root has no nexus-store file",
        )),
        None if !place::is_empty(root)? => Err(refused(
            mount,
            "its root is neither empty nor marked by a nexus-store file",
        )),
        None => Ok(None),
    }
}

/// Marks the new root as the mount's, and returns its UUID.
fn claim(home: &LocalHome, mount: &MountDeclaration, root: &Path) -> Result<String> {
    let place = Uuid::now_v7().to_string();
    Marker::new(&home.uuid, &mount.name, &place).write(root)?;
    Ok(place)
}

fn refused(mount: &MountDeclaration, reason: &str) -> Error {
    Error::invalid_config(format!(
        "mounts: '{}' cannot be mounted: {reason}",
        mount.name
    ))
}

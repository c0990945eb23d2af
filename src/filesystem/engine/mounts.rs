//! Opening the backends that a configuration mounts.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::marker::Marker;
use super::{Engine, place};
use crate::call::Call;
use crate::config::MountDeclaration;
use crate::content::Mount;
use crate::content::local::LocalContentStore;
use crate::error::{Error, Result};

/// The only directory in a data directory in which roots of mounts may lie.
pub(crate) const MOUNTS: &str = "mounts";

/// Opens what `declared` names. The caller holds the lock of the data directory.
pub(super) fn open(
    engine: &Engine,
    declared: &[MountDeclaration],
    call: &Call,
) -> Result<Vec<Mount>> {
    let mut mounts = Vec::with_capacity(declared.len());
    let mut backends = Vec::with_capacity(declared.len());
    for mount in declared {
        let root = place::prepare_mount(&mount.root, mount.readonly)
            .map_err(|error| error.at(mount.path.as_str()))?;
        // A backup has the contents of its mounts in itself.
        let is_backup = root.parent() == Some(&engine.data_dir.join(MOUNTS));
        let is_inside = root.starts_with(&engine.data_dir) && !is_backup;
        if is_inside || engine.data_dir.starts_with(&root) {
            return Err(refused(mount, "its root and data_dir lie in one another"));
        }
        let name: Arc<str> = mount.name.as_str().into();
        backends.push((Arc::clone(&name), claim(engine, mount, &root, call)?));
        let store = match mount.readonly {
            true => LocalContentStore::open_readonly(&root),
            false => {
                let store = LocalContentStore::open(&root)?;
                crate::content::ContentStore::reclaim_unfinished(&store)?;
                store
            }
        };
        mounts.push(Mount {
            name,
            path: mount.path.clone(),
            store: Arc::new(store),
            readonly: mount.readonly,
        });
    }
    engine.store.register_backends(&backends, call)?;
    Ok(mounts)
}

/// Returns the UUID of the place `root`, marking it as the mount's if it is new.
fn claim(engine: &Engine, mount: &MountDeclaration, root: &Path, call: &Call) -> Result<String> {
    match Marker::read(root)? {
        Some(marker) if marker.is(&engine.uuid, &mount.name) => Ok(marker.place),
        Some(_) => Err(refused(
            mount,
            "its root belongs to another store or backend",
        )),
        None if engine.store.backend_uuid(&mount.name, call)?.is_some() => Err(refused(
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
        None => {
            let place = Uuid::now_v7().to_string();
            Marker::new(&engine.uuid, &mount.name, &place).write(root)?;
            Ok(place)
        }
    }
}

fn refused(mount: &MountDeclaration, reason: &str) -> Error {
    Error::invalid_config(format!(
        "mounts: '{}' cannot be mounted: {reason}",
        mount.name
    ))
}

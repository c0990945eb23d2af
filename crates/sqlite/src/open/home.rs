//! The directories that a store lives in, as its engine asks for them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use nexusfs_core::call::Call;
use nexusfs_core::config::MountDeclaration;
use nexusfs_core::content::{LOCAL_BACKEND, Placement};
use nexusfs_core::error::{ErrorKind, Result};
use nexusfs_core::filesystem::{Home, Progress};
use nexusfs_core::host::stores::Places;
use nexusfs_core::metadata::Ledger;

use super::backup;
use super::marker::Marker;
use super::mounts::Mounted;
use crate::SqliteStore;
use crate::files::LocalContentStore;
use crate::thread;

/// Where one open store is.
pub(super) struct LocalHome {
    pub store: Arc<SqliteStore>,
    pub local: Arc<LocalContentStore>,
    pub mounted: Mounted,
    pub uuid: String,
    /// Dropped after `store`: until then its files are known.
    pub places: Arc<Places>,
}

impl Home for LocalHome {
    fn data_dir(&self) -> &Path {
        &self.places.data_dir
    }

    fn wrong_markers(
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

    fn mark_again(&self, backend: &str, mounts: &[MountDeclaration], call: &Call) -> Result<bool> {
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

    fn backup(
        &self,
        target: &Path,
        placement: &Placement,
        call: &Call,
        progress: Progress<'_>,
    ) -> Result<String> {
        backup::backup(self, target, placement, call, progress)
    }

    fn spawn(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
        thread::spawn(name, work)
    }
}

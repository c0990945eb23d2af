//! Checks that a data directory and a database belong to one store, or creates the store.
//!
//! A store is created in this order, under the lock of the data directory, and each step is durable before the next:
//!
//! 1. the marker names the new UUID and says that it is unfinished;
//! 2. the database gets the UUID;
//! 3. the marker is written again as finished.
//!
//! If an open finds an unfinished marker and no database, it begins again with another UUID. If the dead creator had
//! its database elsewhere, that database stays without a directory. Contents are only written after the third step.

use std::path::Path;

use nexusfs_core::call::Call;
use nexusfs_core::content::LOCAL_BACKEND;
use nexusfs_core::error::{Error, Result};
use uuid::Uuid;

use super::marker::Marker;
use super::place;
use crate::store_uuid;

/// What a data directory and a database say of their stores.
pub(super) struct Pair {
    marker: Option<Marker>,
    stored: Option<String>,
}

impl Pair {
    /// Reads what both say, and fails if they are not of one store. The caller has the lock of the directory.
    pub fn read(data_dir: &Path, db_path: &Path, call: &Call) -> Result<Pair> {
        let marker = Marker::read(data_dir)?;
        let stored = store_uuid(db_path, call)?;
        check(data_dir, db_path, marker.as_ref(), stored.as_deref())?;
        Ok(Pair { marker, stored })
    }

    /// Returns the marker of the data directory, written anew where the store is new.
    pub fn claim(self, data_dir: &Path) -> Result<Marker> {
        if let (Some(marker), Some(_)) = (self.marker, self.stored) {
            return Ok(marker);
        }
        let marker = Marker::unfinished(&Uuid::now_v7().to_string());
        marker.write(data_dir)?;
        Ok(marker)
    }
}

/// Says in the data directory that its database has the UUID, unless it says so already.
pub(super) fn finish(mut marker: Marker, data_dir: &Path, db_path: &Path) -> Result<()> {
    if !marker.unfinished {
        return Ok(());
    }
    place::sync_parent(db_path)?;
    marker.unfinished = false;
    marker.write(data_dir)
}

/// Fails if the database and a data directory that was never opened are not of one store. So nothing is put into a directory,
/// not even its lock, that turns out to have no part in the store.
pub(super) fn check_unopened(data_dir: &Path, db_path: &Path, call: &Call) -> Result<()> {
    // In this order none is refused that is just being created: a database is there before the marker is finished, and
    // the lock before the database.
    let marker = Marker::read(data_dir)?;
    let has_database = place::has_database(db_path);
    if place::was_opened(data_dir) {
        return Ok(());
    }
    let stored = match has_database {
        true => store_uuid(db_path, call)?,
        false => None,
    };
    match check(data_dir, db_path, marker.as_ref(), stored.as_deref()) {
        // Created meanwhile: what was found before says nothing.
        Err(_) if place::was_opened(data_dir) => Ok(()),
        checked => checked,
    }
}

fn check(
    data_dir: &Path,
    db_path: &Path,
    marker: Option<&Marker>,
    stored: Option<&str>,
) -> Result<()> {
    match (marker, stored) {
        (Some(marker), Some(uuid)) if marker.is(uuid, LOCAL_BACKEND) => Ok(()),
        (Some(_), Some(_)) => Err(not_together()),
        (None, Some(_)) => Err(Error::invalid_config(
            "data_dir is not that of the database: it has no nexus-store file",
        )),
        (Some(marker), None) if marker.backend != LOCAL_BACKEND => Err(not_together()),
        (Some(marker), None) if !marker.unfinished => Err(Error::invalid_config(format!(
            "data_dir belongs to a store, but its database is missing: db_path has no {:?}",
            db_path.file_name().unwrap_or_default()
        ))),
        (_, None) => match place::find_contents(data_dir)? {
            None => Ok(()),
            Some(part) => Err(Error::invalid_config(format!(
                "data_dir is not that of a new store: something is in {part}/, without a database that knows of it"
            ))),
        },
    }
}

/// Returns the error for a directory and a database of different stores.
pub(super) fn not_together() -> Error {
    Error::invalid_config("data_dir and db_path belong to different stores")
}

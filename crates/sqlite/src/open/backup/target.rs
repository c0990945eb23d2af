//! The directory that a backup is made in.
//!
//! It is a data directory: `metadata.db`, `cas/`, `nexus-store`. The contents of the mount `name` are in
//! `mounts/<name>/`, which a configuration of the copy can mount. `nexus-backup` says whose copy it is.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nexusfs_core::call::Call;
use nexusfs_core::content::{ContentHash, ContentStore, LOCAL_BACKEND};
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::host::directory::{Directory, is_foreign, make_directories, refused};
use nexusfs_core::host::layout::MOUNTS;
use nexusfs_core::metadata::{CopyIdentity, MetadataCopy, Upkeep};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::is_local;
use crate::files::LocalContentStore;
use crate::open::home::LocalHome;
use crate::open::lock::DirectoryLock;
use crate::open::marker::{Marker, read_note, write_note};

const NOTE: &str = "nexus-backup";
/// What `NOTE` is called until it is written.
const UNFINISHED_NOTE: &str = "nexus-backup.new";
const DATABASE: &str = "metadata.db";

/// What the file `nexus-backup` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    /// UUID of the store that this is a copy of.
    source: String,
    /// UUID of the copy.
    copy: String,
    /// Digests of what users put into the database: of the copy, and while another takes its place of both.
    digests: Vec<String>,
}

/// A directory that receives a copy. No other process opens it meanwhile.
pub(super) struct Target {
    directory: PathBuf,
    note: Note,
    stores: BTreeMap<Arc<str>, LocalContentStore>,
    _lock: DirectoryLock,
}

impl Target {
    /// Opens `directory`, which is missing, empty, or an earlier copy of the store.
    pub fn open(home: &LocalHome, directory: &Path, call: &Call) -> Result<Target> {
        let directory = prepare(home, directory)?;
        let known = Note::read(&directory)?;
        if known.is_none() && !is_unused(&directory)? {
            let what = "the target is neither empty nor a backup of this store";
            return Err(Error::invalid_argument(what));
        }
        let lock = DirectoryLock::take(
            &directory,
            "another backup to the target is being made, or it is being opened",
            call,
        )
        .map_err(of_target)?;
        let note = match Note::read(&directory)? {
            Some(note) if note.source == home.uuid => note,
            Some(_) => {
                let what = "the target is a backup of another store";
                return Err(Error::invalid_argument(what));
            }
            None => {
                let note = Note {
                    source: home.uuid.clone(),
                    copy: Uuid::now_v7().to_string(),
                    digests: Vec::new(),
                };
                note.write(&directory)?;
                note
            }
        };
        let database = directory.join(DATABASE);
        if let Some(digest) = home.store.digest_of_copy(&database, call)?
            && !note.digests.contains(&digest)
        {
            let what = "the target was changed since it was made: it is in use as a store";
            return Err(Error::conflict(what));
        }
        Marker::read(&directory).map_err(of_target)?;
        let local = LocalContentStore::open(&directory).map_err(of_target)?;
        local.reclaim_unfinished(call)?;
        Ok(Target {
            stores: BTreeMap::from([(LOCAL_BACKEND.into(), local)]),
            directory,
            note,
            _lock: lock,
        })
    }

    /// Prepares the places of the backends `names`, and returns which store the copy is to be.
    pub fn identity(&mut self, names: &[Arc<str>], call: &Call) -> Result<CopyIdentity> {
        let mut places = Vec::new();
        for name in names.iter().filter(|name| !is_local(name)) {
            let place = self.make_place(name).map_err(|error| {
                of_target(refused("cannot create the target of a backup", error))
            })?;
            let uuid = match Marker::read(&place).map_err(of_target)? {
                Some(marker) if marker.is(&self.note.copy, name) => marker.place,
                _ => {
                    let uuid = Uuid::now_v7().to_string();
                    Marker::new(&self.note.copy, name, &uuid).write(&place)?;
                    uuid
                }
            };
            let store = LocalContentStore::open(&place).map_err(of_target)?;
            store.reclaim_unfinished(call)?;
            self.stores.insert(Arc::clone(name), store);
            places.push((Arc::clone(name), uuid));
        }
        Ok(CopyIdentity {
            uuid: self.note.copy.clone(),
            places,
        })
    }

    /// Creates the directory for the contents of the mount `name`, and returns its path.
    fn make_place(&self, name: &str) -> io::Result<PathBuf> {
        let directory = Directory::open(&self.directory)?;
        let mounts = directory.make_directory(MOUNTS)?;
        mounts.make_directory(name)?;
        directory.sync()?;
        mounts.sync()?;
        Ok(self.directory.join(MOUNTS).join(name))
    }

    /// Returns where the database is written before it is put in place.
    pub fn new_database(&self) -> PathBuf {
        self.directory.join(format!("{DATABASE}.new"))
    }

    /// Returns the place of the contents of the backend `name`.
    ///
    /// # Errors
    /// `NotMounted` if the handle does not have it.
    pub fn store(&self, name: &str) -> Result<&LocalContentStore> {
        match self.stores.get(name) {
            Some(store) => Ok(store),
            None => Err(Error::new(
                ErrorKind::NotMounted,
                format!("the backend '{name}' is not mounted, so its contents cannot be copied"),
            )),
        }
    }

    /// Returns the mounts, and where in the target their contents are.
    pub fn mounts(&self) -> impl Iterator<Item = (&Arc<str>, String)> {
        self.stores
            .keys()
            .filter(|name| !is_local(name))
            .map(|name| (name, format!("{MOUNTS}/{name}")))
    }

    /// Puts the new database, whose users' part has the digest `digest`, in the place of the earlier one.
    pub fn put_in_place(&mut self, digest: &str) -> Result<()> {
        let failed = |error| Error::io("cannot put the copy in place", error);
        let new = self.new_database();
        File::open(&new)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        self.note.digests.push(digest.to_owned());
        self.note.write(&self.directory)?;
        // Before the database, which does not open without it.
        if Marker::read(&self.directory)?.is_none() {
            let uuid = &self.note.copy;
            Marker::new(uuid, LOCAL_BACKEND, uuid).write(&self.directory)?;
        }
        fs::rename(&new, self.directory.join(DATABASE)).map_err(failed)?;
        sync(&self.directory).map_err(failed)?;
        self.note.digests = vec![digest.to_owned()];
        self.note.write(&self.directory)
    }

    /// Removes the contents that `copy` does not name, and returns how many.
    pub fn remove_unheld(&self, copy: &dyn MetadataCopy, call: &Call) -> Result<u64> {
        let mut removed = 0;
        for (name, store) in &self.stores {
            let mut all: Vec<ContentHash> = Vec::new();
            let mut collect = |hash, _| {
                all.push(hash);
                Ok(true)
            };
            store.walk(&mut collect, call)?;
            let unnamed = copy.unnamed(name, &all)?;
            store.remove(&unnamed, call)?;
            removed += unnamed.len() as u64;
        }
        Ok(removed)
    }
}

impl Note {
    fn read(directory: &Path) -> Result<Option<Note>> {
        let note = read_note(directory, NOTE)
            .map_err(|error| of_target(refused("cannot read the target of a backup", error)))?;
        note.map(|note| serde_json::from_slice(&note))
            .transpose()
            .map_err(|_| Error::invalid_argument("the target has a damaged nexus-backup file"))
    }

    fn write(&self, directory: &Path) -> Result<()> {
        write_note(directory, NOTE, self).map_err(|error| {
            if !is_foreign(&error) {
                let _ = fs::remove_file(directory.join(UNFINISHED_NOTE));
            }
            of_target(refused("cannot write to the target of a backup", error))
        })
    }
}

/// Creates `directory` if it is missing, and returns its canonical path. It must lie apart from the store.
fn prepare(home: &LocalHome, directory: &Path) -> Result<PathBuf> {
    // Not created inside the store, not even to be refused.
    let existing = directory.ancestors().find(|above| above.exists());
    let above = existing.unwrap_or(Path::new("."));
    check_apart(home, &canonical(above)?, true)?;
    create(directory)?;
    let directory = canonical(directory)?;
    check_apart(home, &directory, false)?;
    Ok(directory)
}

fn check_apart(home: &LocalHome, directory: &Path, is_above: bool) -> Result<()> {
    let apart = home
        .places
        .directories()
        .iter()
        .all(|own| !directory.starts_with(own) && (is_above || !own.starts_with(directory)));
    match apart {
        true => Ok(()),
        false => Err(Error::invalid_argument(
            "the target and a directory of the store lie in one another",
        )),
    }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    path.canonicalize()
        .map_err(|error| Error::io("cannot open the target of a backup", error))
}

fn create(directory: &Path) -> Result<()> {
    make_directories(directory)
        .map_err(|error| Error::io("cannot create the target of a backup", error))
}

/// Returns the error for the target in place of that for the directory of a store, which it is too.
fn of_target(error: Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidConfig => Error::invalid_argument(format!("the target: {error}")),
        _ => error,
    }
}

/// Returns whether nothing is in the directory but what one who came just before left: his lock, and a note that was
/// not written to its end.
fn is_unused(directory: &Path) -> Result<bool> {
    let failed = |error| Error::io("cannot read the target of a backup", error);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if name != "lock" && name != UNFINISHED_NOTE {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

//! The file `nexus-store`, which says which store a directory belongs to.
//!
//! The marker in a data directory also says whether the store is still being created. As long as it says so, the
//! database may be missing, and there are no contents. After that, a directory without its database is an error.

use std::io::{self, Read, Write};
use std::path::Path;

use nexusfs_core::content::LOCAL_BACKEND;
use nexusfs_core::error::{Error, Result};
use nexusfs_core::host::directory::{Directory, refused};
use nexusfs_core::host::layout::MARKER;
use serde::{Deserialize, Serialize};

/// Longest note that is read, in bytes: what is longer is no note.
const MAX_NOTE_BYTES: u64 = 1024 * 1024;

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// UUID of the store.
    pub store: String,
    /// The backend that the directory is.
    pub backend: String,
    /// UUID of the directory.
    pub place: String,
    /// Whether the database does not have the UUID yet, as far as is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
}

impl Marker {
    pub fn new(store: &str, backend: &str, place: &str) -> Self {
        Marker {
            store: store.to_owned(),
            backend: backend.to_owned(),
            place: place.to_owned(),
            unfinished: false,
        }
    }

    /// Returns the one of the data directory of the store `store`, which is being created.
    pub(super) fn unfinished(store: &str) -> Self {
        Marker {
            unfinished: true,
            ..Marker::new(store, LOCAL_BACKEND, store)
        }
    }

    /// Returns whether the directory is the backend `backend` of the store `store`.
    pub fn is(&self, store: &str, backend: &str) -> bool {
        self.store == store && self.backend == backend
    }

    /// Returns what the file in `directory` says, or `None` if there is none.
    pub fn read(directory: &Path) -> Result<Option<Marker>> {
        // Damage is what two readings find.
        for _ in 0..2 {
            let note = read_note(directory, MARKER)
                .map_err(|error| refused("cannot read the nexus-store file", error))?;
            let Some(note) = note else {
                return Ok(None);
            };
            if let Ok(marker) = serde_json::from_slice(&note) {
                return Ok(Some(marker));
            }
        }
        Err(Error::invalid_config("a nexus-store file is damaged"))
    }

    /// Writes the file into `directory`, durably.
    pub fn write(&self, directory: &Path) -> Result<()> {
        write_note(directory, MARKER, self)
            .map_err(|error| refused("cannot write the nexus-store file", error))
    }
}

/// Returns the bytes of the file `name` in `directory`; `None` if the one or the other is missing.
pub(crate) fn read_note(directory: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let directory = match Directory::open(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        directory => directory?,
    };
    let Some(file) = directory.file(name)? else {
        return Ok(None);
    };
    let mut note = Vec::new();
    file.take(MAX_NOTE_BYTES).read_to_end(&mut note)?;
    Ok(Some(note))
}

/// Writes `note` as JSON to the file `name` in `directory`, durably: the former one or this one is there.
pub(crate) fn write_note(directory: &Path, name: &str, note: &impl Serialize) -> io::Result<()> {
    let directory = Directory::open(directory)?;
    let temporary = format!("{name}.new");
    directory.remove_left(&*temporary)?;
    let mut file = directory.create_file(&*temporary)?;
    file.write_all(serde_json::to_string(note)?.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    directory.rename(&*temporary, &directory, name)?;
    directory.sync()
}

//! The file `nexus-store`, which says which store a directory belongs to.
//!
//! The one in a data directory also says whether the store is still being created. Until it does not, the database may be missing
//! and there are no contents. From then on the directory is nothing without its database.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::content::LOCAL_BACKEND;
use crate::error::{Error, Result};

/// Name of the file.
pub(super) const NAME: &str = "nexus-store";

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
        let text = match fs::read_to_string(directory.join(NAME)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("cannot read the nexus-store file", error)),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|_| Error::invalid_config("a nexus-store file is damaged"))
    }

    /// Writes the file into `directory`, durably.
    pub fn write(&self, directory: &Path) -> Result<()> {
        write_note(directory, NAME, self)
            .map_err(|error| Error::io("cannot write the nexus-store file", error))
    }
}

/// Writes `note` as JSON to the file `name` in `directory`, durably: the former one or this one is there.
pub(crate) fn write_note(directory: &Path, name: &str, note: &impl Serialize) -> io::Result<()> {
    let temporary = directory.join(format!("{name}.new"));
    let mut file = File::create(&temporary)?;
    file.write_all(serde_json::to_string(note)?.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&temporary, directory.join(name))?;
    File::open(directory)?.sync_all()
}

//! Names of the files and directories of a store.

use std::ffi::OsStr;
use std::path::PathBuf;

/// The file that says which store a directory belongs to.
pub(crate) const MARKER: &str = "nexus-store";
/// The file whose lock a [`DirectoryLock`](super::lock::DirectoryLock) is.
pub(crate) const LOCK: &str = "lock";
/// The database, where the configuration names no other path.
pub(crate) const DATABASE: &str = "metadata.db";
/// The directory of contents.
pub(crate) const CAS: &str = "cas";
/// The directory of unfinished contents.
pub(crate) const TMP: &str = "tmp";
/// The directory for what a repair took out.
pub(crate) const QUARANTINE: &str = "quarantine";
/// The only directory in a data directory in which roots of mounts may lie.
pub(crate) const MOUNTS: &str = "mounts";

/// Suffixes of a database and of its companion files.
const DATABASE_FILES: [&str; 6] = ["", "-wal", "-shm", "-journal", "-pins", "-reserve"];

/// Returns the names of the database and of the files that go with it.
pub(crate) fn database_files(database: &OsStr) -> impl Iterator<Item = PathBuf> {
    DATABASE_FILES.iter().map(|end| {
        let mut file = database.to_owned();
        file.push(end);
        file.into()
    })
}

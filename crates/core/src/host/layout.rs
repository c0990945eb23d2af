//! Names of the files and directories of a store.

use std::ffi::OsStr;
use std::path::PathBuf;

/// The file that says which store a directory belongs to.
pub const MARKER: &str = "nexus-store";
/// The file that is locked while a store is opened in the directory.
pub const LOCK: &str = "lock";
/// The database, where the configuration names no other path.
pub const DATABASE: &str = "metadata.db";
/// The directory of contents.
pub const CAS: &str = "cas";
/// The directory of unfinished contents.
pub const TMP: &str = "tmp";
/// The directory for what a repair took out.
pub const QUARANTINE: &str = "quarantine";
/// The only directory in a data directory in which roots of mounts may lie.
pub const MOUNTS: &str = "mounts";

/// Suffixes of a database and of its companion files.
const DATABASE_FILES: [&str; 6] = ["", "-wal", "-shm", "-journal", "-pins", "-reserve"];

/// Returns the names of the database and of the files that go with it.
pub fn database_files(database: &OsStr) -> impl Iterator<Item = PathBuf> {
    DATABASE_FILES.iter().map(|end| {
        let mut file = database.to_owned();
        file.push(end);
        file.into()
    })
}

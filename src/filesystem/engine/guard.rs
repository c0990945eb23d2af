//! The files of stores as files of the host: neither written over nor read as anything else.
//!
//! SQLite's locks are those of the process, which loses them when it closes any descriptor of the file. So no file of the host is
//! opened before it was looked at here, and here none is opened.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::opened::{self, FileIdentity, Places, identity_of};
use super::{MOUNTS, marker, place};
use crate::config::DATABASE_NAME;
use crate::content::local::QUARANTINE;

/// What stands behind the name of a database in the names of the files that go with it.
const DATABASE_FILES: [&str; 5] = ["", "-wal", "-shm", "-journal", "-pins"];

/// Returns whether the file of the host at `file`, which need not exist, is one of a store: of any that this process has open,
/// or in a directory with a `nexus-store` file.
pub fn is_store_file(file: &Path) -> bool {
    let identity = identity_of(file);
    let opened = opened::all();
    if opened.iter().any(|(id, _)| identity == Some(*id)) {
        return true;
    }
    // A rename replaces the name itself; whoever opens it gets to where it leads.
    let paths = [name_of(file), place::resolve_host_path(file)];
    let directories: Vec<_> = opened
        .iter()
        .flat_map(|(_, places)| places.directories())
        .collect();
    opened
        .iter()
        .any(|(_, places)| goes_with_database(places, identity, &paths))
        || paths.iter().any(|path| is_part(path, &directories))
}

/// Returns the path of the name itself, of which only the last part may be a link.
fn name_of(file: &Path) -> PathBuf {
    match (file.parent(), file.file_name()) {
        (Some(parent), Some(name)) => {
            place::resolve_host_path(&Path::new(".").join(parent)).join(name)
        }
        _ => place::resolve_host_path(file),
    }
}

fn goes_with_database(places: &Places, identity: Option<FileIdentity>, paths: &[PathBuf]) -> bool {
    database_files(places.db_path.as_os_str())
        .any(|own| paths.contains(&own) || (identity.is_some() && identity == identity_of(&own)))
}

/// Returns whether `path` is a part of a directory that it lies in: of one of `directories`, or of a marked one.
fn is_part(path: &Path, directories: &[PathBuf]) -> bool {
    path.ancestors().skip(1).any(|above| {
        let inside = path.strip_prefix(above).ok();
        let name = inside.and_then(|inside| inside.iter().next());
        name.is_some_and(is_name_of_part)
            && (directories.iter().any(|own| own == above)
                || above.join(marker::NAME).symlink_metadata().is_ok())
    })
}

/// Returns whether a directory of a store has something of its own under this name.
fn is_name_of_part(name: &OsStr) -> bool {
    let parts = ["cas", "tmp", QUARANTINE, MOUNTS, place::LOCK, marker::NAME];
    parts.iter().any(|part| name == *part)
        || database_files(DATABASE_NAME.as_ref()).any(|file| name == file.as_os_str())
}

fn database_files(database: &OsStr) -> impl Iterator<Item = PathBuf> {
    DATABASE_FILES.iter().map(|end| {
        let mut file = database.to_owned();
        file.push(end);
        file.into()
    })
}

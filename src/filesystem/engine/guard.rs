//! The files of stores as files of the host: neither written over nor read as anything else.
//!
//! SQLite's locks are those of the process, which loses them when it closes any descriptor of the file. So no file of the host is
//! opened before it was looked at here, and here none is opened.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::opened::{self, FileIdentity, Places, identity_of};
use super::{MOUNTS, marker, place};
use crate::config::DATABASE_NAME;
use crate::content::local::{CAS, QUARANTINE, TMP};

/// What stands behind the name of a database in the names of the files that go with it.
const DATABASE_FILES: [&str; 6] = ["", "-wal", "-shm", "-journal", "-pins", "-reserve"];

/// Returns whether the file of the host at `file`, which need not exist, is one of a store: of any that this process has open,
/// or in a directory with a `nexus-store` file.
pub fn is_store_file(file: &Path) -> bool {
    is_file_of(&opened::all(), file)
}

fn is_file_of<P: AsRef<Places>>(opened: &[P], file: &Path) -> bool {
    let identity = identity_of(file);
    // A rename replaces the name itself; whoever opens it gets to where it leads.
    let paths = [name_of(file), place::resolve_host_path(file)];
    let directories: Vec<_> = opened
        .iter()
        .flat_map(|places| places.as_ref().directories())
        .collect();
    opened
        .iter()
        .any(|places| goes_with_database(places.as_ref(), identity, &paths))
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

/// Returns whether the file is the database or one of its companions. An inode identifies those only while their own paths lead
/// to it: that of a store whose directory was removed may be any other file's as soon as the store is closed.
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
    let parts = [CAS, TMP, QUARANTINE, MOUNTS, place::LOCK, marker::NAME];
    parts.iter().any(|part| name == *part)
        || database_files(DATABASE_NAME.as_ref()).any(|file| name == file.as_os_str())
}

/// Returns the names of the database and of the files that go with it.
pub(super) fn database_files(database: &OsStr) -> impl Iterator<Item = PathBuf> {
    DATABASE_FILES.iter().map(|end| {
        let mut file = database.to_owned();
        file.push(end);
        file.into()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn an_inode_is_the_databases_only_while_the_path_of_the_database_leads_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let (database, other) = (root.join("store/names.db"), root.join("import.jsonl"));
        fs::create_dir(root.join("store")).unwrap();
        fs::write(&database, "").unwrap();
        let opened = [Arc::new(Places::new(root.join("store"), database.clone()))];
        // A second name is how a file gets the inode of another for certain.
        fs::hard_link(&database, &other).unwrap();
        assert!(is_file_of(&opened, &other), "the database by another name");
        fs::remove_file(&database).unwrap();
        assert!(!is_file_of(&opened, &other), "the database was removed");
        fs::write(&database, "").unwrap();
        assert!(!is_file_of(&opened, &other), "the database is another file");
        assert!(is_file_of(&opened, &database));
    }
}

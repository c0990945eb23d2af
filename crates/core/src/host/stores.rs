//! Protection of the files of stores: calls neither overwrite them nor read them as other files.
//!
//! SQLite's locks belong to the process, which loses them when it closes any descriptor of the file. So no file of the
//! host is opened before this module has checked it, and this module opens none.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::layout::{CAS, DATABASE, LOCK, MARKER, MOUNTS, QUARANTINE, TMP, database_files};
use super::path::resolve_host_path;

/// The stores that this process has open.
static OPEN: Mutex<Vec<Weak<Places>>> = Mutex::new(Vec::new());

/// Device and inode of a file.
pub type FileIdentity = (u64, u64);

/// Where a store lies on the host. Paths are canonical.
#[derive(Debug)]
pub struct Places {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The database.
    pub db_path: PathBuf,
    /// The roots of the mounts of all handles that there were.
    mounts: Mutex<BTreeSet<PathBuf>>,
}

impl Places {
    /// Returns where a store without mounts lies.
    pub fn new(data_dir: PathBuf, db_path: PathBuf) -> Self {
        Places {
            data_dir,
            db_path,
            mounts: Mutex::default(),
        }
    }

    /// Adds the root of a mount.
    pub fn add_mount(&self, root: &Path) {
        self.mounts.lock().insert(root.to_owned());
    }

    /// Returns the directories of contents: the data directory and the roots.
    pub fn directories(&self) -> Vec<PathBuf> {
        let mounts = self.mounts.lock();
        std::iter::once(&self.data_dir)
            .chain(&*mounts)
            .cloned()
            .collect()
    }
}

/// Makes a store known whose database is open from now on, as long as `places` exists.
pub fn add(places: &Arc<Places>) {
    let mut open = OPEN.lock();
    open.retain(|places| places.strong_count() > 0);
    open.push(Arc::downgrade(places));
}

fn all() -> Vec<Arc<Places>> {
    OPEN.lock().iter().filter_map(Weak::upgrade).collect()
}

/// Returns the identity of the file at `path`, without opening it.
pub fn identity_of(path: &Path) -> Option<FileIdentity> {
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Returns whether the file of the host at `file`, which need not exist, is one of a store: of any that this process has open,
/// or in a directory with a `nexus-store` file.
pub fn is_store_file(file: &Path) -> bool {
    is_file_of(&all(), file)
}

fn is_file_of<P: AsRef<Places>>(opened: &[P], file: &Path) -> bool {
    let identity = identity_of(file);
    // A rename replaces the name itself; an open follows it.
    let paths = [name_of(file), resolve_host_path(file)];
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
        (Some(parent), Some(name)) => resolve_host_path(&Path::new(".").join(parent)).join(name),
        _ => resolve_host_path(file),
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
                || above.join(MARKER).symlink_metadata().is_ok())
    })
}

/// Returns whether a directory of a store has something of its own under this name.
fn is_name_of_part(name: &OsStr) -> bool {
    let parts = [CAS, TMP, QUARANTINE, MOUNTS, LOCK, MARKER];
    parts.iter().any(|part| name == *part)
        || database_files(DATABASE.as_ref()).any(|file| name == file.as_os_str())
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

//! The directories that a store lives in.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nexusfs_core::error::{Error, Result};
use nexusfs_core::host::directory::{Directory, create_file_at, make_directories, refused};
use nexusfs_core::host::layout::{CAS, LOCK, TMP, database_files};
use nexusfs_core::host::resolve_host_path;
use rustix::fs::statfs;

/// File systems of other machines, by the magic numbers of `statfs(2)`: NFS, SMB 1, SMB 2, CIFS, 9P,
/// Ceph, AFS, Coda. Locks and shared memory do not reach across them.
const NETWORK_MAGICS: [u32; 8] = [
    0x6969,
    0x517b,
    0xfe53_4d42,
    0xff53_4d42,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
    0x7375_7245,
];

/// Creates the data directory if it is missing, with mode 0700, and returns its canonical path.
pub(super) fn prepare_data_dir(path: &Path) -> Result<PathBuf> {
    make_directories(path).map_err(|error| Error::io("cannot create data_dir", error))?;
    let path = path
        .canonicalize()
        .map_err(|error| Error::io("cannot open data_dir", error))?;
    refuse_network(&path, "data_dir")?;
    Ok(path)
}

/// Creates a mount's directory if it is missing and returns its canonical path.
pub(super) fn prepare_mount(path: &Path, readonly: bool) -> Result<PathBuf> {
    if !readonly {
        make_directories(path)
            .map_err(|error| Error::io("cannot create the root of a mount", error))?;
    }
    let path = path
        .canonicalize()
        .map_err(|error| Error::io("cannot open the root of a mount", error))?;
    refuse_network(&path, "the root of a mount")?;
    Ok(path)
}

/// Returns the canonical path of the database, which need not exist: a symbolic link names the database that it leads to.
pub(super) fn database_path(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::invalid_config("db_path does not name a file"));
    };
    let path = resolve_host_path(path);
    check_companions(&path)?;
    match path.metadata() {
        Err(error) if path.is_symlink() => Err(Error::invalid_config(format!(
            "db_path is a symbolic link that leads nowhere: {name:?}: {error}"
        ))
        .caused_by(error)),
        Ok(metadata) if !metadata.is_file() => Err(Error::invalid_config(format!(
            "db_path is not a regular file: {name:?}"
        ))),
        _ => Ok(path),
    }
}

/// Makes sure that the database, whose canonical path this is, can be opened: creates its directory, and an empty file for the
/// owner alone, where there is none. Nothing has it open yet, so closing it drops no locks.
pub(super) fn prepare_database(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    make_directories(parent)
        .map_err(|error| Error::io("cannot create the directory of db_path", error))?;
    refuse_network(parent, "db_path")?;
    let failed = |error| Error::io("cannot create the database", error);
    if !path.exists() {
        create_file_at(path).map_err(failed)?;
    }
    Ok(())
}

/// Fails if anything but a regular file has the name of a file that goes with the database. SQLite follows no link there; this
/// says which one it is.
fn check_companions(database: &Path) -> Result<()> {
    let failed = |error| refused("cannot open the database", error);
    let directory = match Directory::open(database.parent().unwrap_or(database)) {
        Ok(directory) => directory,
        // The code that needs it reports it.
        Err(_) => return Ok(()),
    };
    for name in database_files(database.file_name().unwrap_or_default()).skip(1) {
        directory.check_file(&*name).map_err(failed)?;
    }
    Ok(())
}

/// Returns whether a file that is not empty is at the path of the database.
pub(super) fn has_database(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// Makes the name of the file durable.
pub(super) fn sync_parent(file: &Path) -> Result<()> {
    let parent = file.parent().unwrap_or(file);
    File::open(parent)
        .and_then(|parent| parent.sync_all())
        .map_err(|error| Error::io("cannot sync the directory of db_path", error))
}

/// Returns whether the directory was opened as that of a store before.
pub(super) fn was_opened(data_dir: &Path) -> bool {
    data_dir.join(LOCK).symlink_metadata().is_ok()
}

/// Returns the name of a directory of contents, finished or not, in which something is.
pub(super) fn find_contents(data_dir: &Path) -> Result<Option<&'static str>> {
    let failed = |error| Error::io("cannot read a directory of the store", error);
    let data_dir = match Directory::open(data_dir) {
        Ok(directory) => directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    for part in [CAS, TMP] {
        let directory = data_dir
            .directory(part)
            .map_err(|error| refused("cannot read a directory of the store", error))?;
        if let Some(directory) = directory
            && !directory.is_empty().map_err(failed)?
        {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

/// Returns whether nothing is in the directory, or it is missing.
pub(super) fn is_empty(directory: &Path) -> Result<bool> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::io("cannot read a directory of the store", error)),
    }
}

fn refuse_network(path: &Path, what: &str) -> Result<()> {
    let magic = statfs(path)
        .map_err(|error| Error::io("cannot look at a file system", error.into()))?
        .f_type as u32;
    if NETWORK_MAGICS.contains(&magic) {
        return Err(Error::unsupported(format!(
            "{what} is on a network file system; a store is for one machine"
        )));
    }
    Ok(())
}

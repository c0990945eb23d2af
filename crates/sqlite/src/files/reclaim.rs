//! Removal of unfinished files of dead processes in `tmp/`.
//!
//! It touches only files and spools with names that this module's siblings create, and none that is locked. It follows
//! no link and never waits. All other files belong to other programs.

use std::ffi::OsStr;

use nexusfs_core::content::Reclaimed;
use nexusfs_core::error::Result;
use nexusfs_core::host::directory::{Directory, is_directory, is_file};
use rustix::fs::{FlockOperation, flock};
use uuid::{Uuid, Version};

use super::read_failed;

/// The file of a spool that has its small contents.
pub(super) const SMALL: &str = "small";
/// The end of the second name that a content of a spool has while it is published.
const LINK: &str = ".link";

/// Returns a name for an unfinished file or a spool.
pub(super) fn new_name() -> String {
    Uuid::now_v7().to_string()
}

/// Returns the second name of the content `name` of a spool.
pub(super) fn link_name(name: &str) -> String {
    format!("{name}{LINK}")
}

/// Removes abandoned files, and counts them.
pub(super) fn reclaim(tmp: &Directory) -> Result<Reclaimed> {
    visit(tmp, &mut |tmp, name, unfinished| {
        match unfinished {
            Unfinished::File => tmp.remove_file(name),
            Unfinished::Spool(spool) => remove_spool(tmp, name, spool),
        }
        .is_ok()
    })
}

/// Counts what [`reclaim`] would remove.
pub(super) fn count(tmp: &Directory) -> Result<Reclaimed> {
    visit(tmp, &mut |_, _, _| true)
}

/// Removes the spool `name`, which `spool` is. It stays if it has a file of another program.
pub(super) fn remove_spool(tmp: &Directory, name: &str, spool: &Directory) -> std::io::Result<()> {
    for name in spool.names()? {
        if is_name_in_spool(&name) && spool.stat(&*name)?.is_some_and(|stat| is_file(&stat)) {
            spool.remove_file(&*name)?;
        }
    }
    tmp.remove_directory(name)
}

enum Unfinished<'a> {
    File,
    Spool(&'a Directory),
}

/// Calls `visit` for every abandoned file in `tmp`, and counts those for which it returns `true`.
fn visit(
    tmp: &Directory,
    visit: &mut dyn FnMut(&Directory, &str, Unfinished<'_>) -> bool,
) -> Result<Reclaimed> {
    let mut counted = Reclaimed::default();
    for name in tmp.names().map_err(read_failed)? {
        let Some(name) = name.to_str().filter(|name| is_name(name)) else {
            continue;
        };
        // Before anything is opened, which may do something where it is a device. One that vanishes meanwhile was published or
        // discarded by its writer.
        let Ok(Some(stat)) = tmp.stat(name) else {
            continue;
        };
        let (bytes, is_removed) = if is_file(&stat) {
            let Ok(Some(file)) = tmp.file(name) else {
                continue;
            };
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            let bytes = file.metadata().map_or(0, |metadata| metadata.len());
            (bytes, visit(tmp, name, Unfinished::File))
        } else if is_directory(&stat) {
            let Ok(Some(spool)) = tmp.directory(name) else {
                continue;
            };
            if flock(&spool, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            let bytes = bytes_in(&spool);
            (bytes, visit(tmp, name, Unfinished::Spool(&spool)))
        } else {
            continue;
        };
        if is_removed {
            counted.files += 1;
            counted.bytes += bytes;
        }
    }
    Ok(counted)
}

fn bytes_in(spool: &Directory) -> u64 {
    let names = spool.names().unwrap_or_default();
    names
        .iter()
        .filter(|name| is_name_in_spool(name))
        .filter_map(|name| spool.size_of(&**name).ok().flatten())
        .sum()
}

/// Returns whether [`new_name`] can have given the name.
fn is_name(name: &str) -> bool {
    Uuid::try_parse(name)
        .is_ok_and(|uuid| uuid.get_version() == Some(Version::SortRand) && uuid.to_string() == name)
}

fn is_name_in_spool(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    name == SMALL || is_name(name.strip_suffix(LINK).unwrap_or(name))
}

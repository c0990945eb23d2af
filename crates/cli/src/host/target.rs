//! A directory of the host that nothing written can leave.
//!
//! Every step goes from an open directory to a name in it and follows no symbolic link, so neither a link that stands in the
//! target nor one that appears meanwhile leads out of it.

use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use jiff::Timestamp;
use nexusfs_core::content::ContentHash;
use rustix::fs::{
    AtFlags, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT, fchmod, fstat, futimens,
    mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::own::OwnStore;
use super::posix::PERMISSIONS;

/// Permissions of a directory that has none kept; the umask takes its part.
const USUAL_DIRECTORY_MODE: u32 = 0o777;
/// What the user needs to write in a directory.
const WORKING: u32 = 0o700;

/// An open directory, and the way from it to the one in use.
pub struct Target<'a> {
    own: &'a OwnStore,
    root: OwnedFd,
    way: Vec<(String, OwnedFd)>,
}

impl<'a> Target<'a> {
    /// Opens the directory at `path`, which the user named: links on the way to it are followed. No way leads from it
    /// into the store `own`.
    pub fn open(path: &Path, own: &'a OwnStore) -> io::Result<Target<'a>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Target {
            own,
            root,
            way: Vec::new(),
        })
    }

    /// Returns the directory at `names` below the root, which is made if it is missing.
    pub fn directory(&mut self, names: &[&str]) -> io::Result<&OwnedFd> {
        self.directory_with(names, None)
    }

    /// The same; a directory that is missing gets the permissions `mode` as far as the umask lets it, and the user may write
    /// in it for now, whatever `mode` says: until [`settle`].
    pub fn directory_with(&mut self, names: &[&str], mode: Option<u32>) -> io::Result<&OwnedFd> {
        let common = self
            .way
            .iter()
            .zip(names)
            .take_while(|((have, _), want)| have == *want)
            .count();
        self.way.truncate(common);
        for name in &names[common..] {
            let parent = self.way.last().map_or(&self.root, |(_, fd)| fd);
            let mode = mode.unwrap_or(USUAL_DIRECTORY_MODE) | WORKING;
            let child = open_or_make(parent, name, mode)?;
            if self.own.has_entry(&fstat(&child)?) {
                return Err(own_store());
            }
            self.way.push(((*name).to_owned(), child));
        }
        Ok(self.way.last().map_or(&self.root, |(_, fd)| fd))
    }
}

/// Returns the error for what would write over the store itself.
pub fn own_store() -> io::Error {
    io::Error::other("it belongs to the store itself")
}

fn open_or_make(parent: &OwnedFd, name: &str, mode: u32) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => {
            match mkdirat(parent, name, Mode::from_raw_mode(mode)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            Ok(openat(parent, name, flags, Mode::empty())?)
        }
        Err(Errno::LOOP | Errno::NOTDIR) => Err(io::Error::other(
            "a file or a symbolic link is in the place of a directory",
        )),
        other => Ok(other?),
    }
}

/// Makes the directory at `path`, and those above it that are missing. Returns whether it was missing.
pub fn make_root(path: &Path, mode: Option<u32>) -> io::Result<bool> {
    let mode = mode.unwrap_or(USUAL_DIRECTORY_MODE) | WORKING;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Lets the user work in `directory`, which was there.
pub fn open_up(directory: &OwnedFd) -> io::Result<()> {
    let mode = fstat(directory)?.st_mode & PERMISSIONS;
    match mode & WORKING == WORKING {
        true => Ok(()),
        false => Ok(fchmod(directory, Mode::from_raw_mode(mode | WORKING))?),
    }
}

/// Gives `directory`, which nothing more is written to, its permissions and its time, where they are known.
pub fn settle(directory: &OwnedFd, mode: Option<u32>, mtime: Option<Timestamp>) -> io::Result<()> {
    let stat = fstat(directory)?;
    if let Some(mtime) = mtime
        && !has_time(&stat, mtime)
    {
        futimens(directory, &modified_at(mtime))?;
    }
    match mode {
        Some(mode) if mode != stat.st_mode & PERMISSIONS => {
            Ok(fchmod(directory, Mode::from_raw_mode(mode))?)
        }
        _ => Ok(()),
    }
}

/// Gives the file `name`, which is there as `stat` says, the permissions `mode`. Returns whether that was possible.
pub fn give_mode(directory: &OwnedFd, name: &str, stat: &Stat, mode: u32) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(directory, name, flags, Mode::empty()) else {
        return Ok(false);
    };
    let opened = fstat(&file)?;
    let is_same = (opened.st_dev, opened.st_ino) == (stat.st_dev, stat.st_ino);
    Ok(is_same && fchmod(&file, Mode::from_raw_mode(mode)).is_ok())
}

/// The entry at a name of a directory.
pub fn look(directory: &OwnedFd, name: &str) -> io::Result<Option<Stat>> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A new file beside the one that it is to become. Dropped before [`put_in_place`](Self::put_in_place), it leaves nothing.
pub struct Aside<'a> {
    directory: &'a OwnedFd,
    temporary: String,
    pub file: File,
}

impl<'a> Aside<'a> {
    /// Creates the file for the user alone.
    pub fn create(directory: &'a OwnedFd) -> io::Result<Aside<'a>> {
        let temporary = format!(".nexus-get-{}", uuid::Uuid::now_v7().simple());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(directory, &*temporary, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(Aside {
            directory,
            temporary,
            file: File::from(file),
        })
    }

    /// Gives the file the permissions `mode`, the time `mtime` and the name `name`; what had that name is replaced, be it
    /// a link.
    pub fn put_in_place(self, name: &str, mode: u32, mtime: Timestamp) -> io::Result<()> {
        fchmod(&self.file, Mode::from_raw_mode(mode))?;
        futimens(&self.file, &modified_at(mtime))?;
        renameat(self.directory, &*self.temporary, self.directory, name)?;
        Ok(())
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        // After the rename the name is gone already.
        let _ = unlinkat(self.directory, &*self.temporary, AtFlags::empty());
    }
}

/// Returns what sets the time of modification, and no other.
fn modified_at(mtime: Timestamp) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: timespec(mtime),
    }
}

/// Returns `time` as the system counts it: whole seconds, rounded down, and what is beyond.
fn timespec(time: Timestamp) -> Timespec {
    let (mut seconds, mut nanoseconds) = (time.as_second(), time.subsec_nanosecond());
    if nanoseconds < 0 {
        seconds -= 1;
        nanoseconds += 1_000_000_000;
    }
    Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.into(),
    }
}

/// Returns whether a file has the time `mtime`.
pub fn has_time(stat: &Stat, mtime: Timestamp) -> bool {
    let wanted = timespec(mtime);
    let seconds = i128::from(stat.st_mtime) == i128::from(wanted.tv_sec);
    seconds && stat.st_mtime_nsec as i128 == i128::from(wanted.tv_nsec)
}

/// Returns whether the file `name` has the content `etag`.
pub fn has_content(directory: &OwnedFd, name: &str, etag: &ContentHash) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(openat(directory, name, flags, Mode::empty())?);
    let mut hash = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(ContentHash::from_bytes(hash.finalize().into()) == *etag),
            Ok(count) => hash.update(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

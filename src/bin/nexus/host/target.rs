//! A directory of the host that nothing written can leave.
//!
//! Every step goes from an open directory to a name in it and follows no symbolic link, so neither a link that stands in the
//! target nor one that appears meanwhile leads out of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use jiff::Timestamp;
use nexus::content::ContentHash;
use rustix::fs::{
    AtFlags, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT, fstat, futimens, mkdirat,
    openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::own::OwnStore;

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
        let common = self
            .way
            .iter()
            .zip(names)
            .take_while(|((have, _), want)| have == *want)
            .count();
        self.way.truncate(common);
        for name in &names[common..] {
            let parent = self.way.last().map_or(&self.root, |(_, fd)| fd);
            let child = open_or_make(parent, name)?;
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

fn open_or_make(parent: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => {
            match mkdirat(parent, name, Mode::from_raw_mode(0o777)) {
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

/// What stands at a name of a directory.
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
    /// Creates the file with the permissions `mode`, as far as the umask lets it.
    pub fn create(directory: &'a OwnedFd, mode: u32) -> io::Result<Aside<'a>> {
        let temporary = format!(".nexus-get-{}", uuid::Uuid::now_v7().simple());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(directory, &*temporary, flags, Mode::from_raw_mode(mode))?;
        Ok(Aside {
            directory,
            temporary,
            file: File::from(file),
        })
    }

    /// Gives the file the time `mtime` and the name `name`; what had that name is replaced, be it a link.
    pub fn put_in_place(self, name: &str, mtime: Timestamp) -> io::Result<()> {
        let omitted = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        };
        let times = Timestamps {
            last_access: omitted,
            last_modification: timespec(mtime),
        };
        futimens(&self.file, &times)?;
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

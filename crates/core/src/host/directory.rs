//! Directories that a store keeps its files in.
//!
//! Files are opened relative to an open directory, and no symbolic link is followed: an entry is a regular file or a
//! directory, or it is [foreign](is_foreign). So no link, whether it existed before or is created meanwhile, redirects
//! an open to the outside of the store, and an open never waits for a pipe.
//!
//! Only the owner can access created files and directories: mode 0600 or 0700, whatever the umask of the process.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fchmod, fstat, fsync, linkat, mkdirat, open,
    openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::error::{Error, Result};
use crate::path::quoted;

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// The bits of a mode that say who may do what.
const PERMISSIONS: u32 = 0o777;

/// An open directory.
#[derive(Debug)]
pub struct Directory(OwnedFd);

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Directory {
    /// Opens the directory at `path`, which the host named: links on the way are followed.
    pub fn open(path: &Path) -> io::Result<Directory> {
        let path = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Directory(open(path, flags, Mode::empty())?))
    }

    /// Opens the directory `name`; `None` if nothing has the name.
    pub fn directory(&self, name: impl Arg + Copy) -> io::Result<Option<Directory>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.0, name, flags, Mode::empty()) {
            Ok(directory) => Ok(Some(Directory(directory))),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(self.foreign(name, "is not a directory")),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the directory `name`, which is made if it is missing.
    pub fn make_directory(&self, name: impl Arg + Copy) -> io::Result<Directory> {
        make(self.0.as_fd(), name)?;
        self.directory(name)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// Opens the file `name` for reading; `None` if nothing has the name.
    pub fn file(&self, name: impl Arg + Copy) -> io::Result<Option<File>> {
        self.open_file(name, OFlags::RDONLY)
    }

    /// Creates the file `name`, for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if anything has the name.
    pub fn create_file(&self, name: impl Arg + Copy) -> io::Result<File> {
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(FILE_MODE);
        let file = openat(&self.0, name, flags, mode)?;
        if fstat(&file)?.st_mode & PERMISSIONS != FILE_MODE {
            fchmod(&file, mode)?;
        }
        Ok(File::from(file))
    }

    /// Opens the file `name` to lock it; it is made, empty, if it is missing.
    pub fn lock_file(&self, name: impl Arg + Copy) -> io::Result<File> {
        loop {
            if let Some(file) = self.open_file(name, OFlags::WRONLY)? {
                return Ok(file);
            }
            match self.create_file(name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created,
            }
        }
    }

    fn open_file(&self, name: impl Arg + Copy, access: OFlags) -> io::Result<Option<File>> {
        // To open a pipe would wait for its other end.
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
                return Err(self.foreign(name, NO_FILE));
            }
            Err(error) => return Err(error.into()),
        };
        match is_file(&fstat(&file)?) {
            true => Ok(Some(File::from(file))),
            false => Err(self.foreign(name, NO_FILE)),
        }
    }

    /// Returns the entry at `name`, even if it is a link; `None` if there is none.
    pub fn stat(&self, name: impl Arg) -> io::Result<Option<Stat>> {
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the length of the file `name`; `None` if there is no regular file.
    pub fn size_of(&self, name: impl Arg) -> io::Result<Option<u64>> {
        let stat = self.stat(name)?.filter(is_file);
        Ok(stat.map(|stat| u64::try_from(stat.st_size).unwrap_or(0)))
    }

    /// Returns the names in the directory.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    /// Returns whether nothing is in the directory.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.names()?.is_empty())
    }

    /// Makes the names in the directory durable.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.0)?)
    }

    /// Gives what has the name `name` the name `new` in `target` instead, over a file that has it.
    pub fn rename(&self, name: impl Arg, target: &Directory, new: impl Arg) -> io::Result<()> {
        Ok(renameat(&self.0, name, &target.0, new)?)
    }

    /// Gives the file `name` the name `new` in `target` too.
    pub fn link(&self, name: impl Arg, target: &Directory, new: impl Arg) -> io::Result<()> {
        Ok(linkat(&self.0, name, &target.0, new, AtFlags::empty())?)
    }

    /// Removes the file `name`, if there is one.
    pub fn remove_file(&self, name: impl Arg) -> io::Result<()> {
        ignore_missing(unlinkat(&self.0, name, AtFlags::empty()))
    }

    /// Removes the empty directory `name`, if there is one.
    pub fn remove_directory(&self, name: impl Arg) -> io::Result<()> {
        ignore_missing(unlinkat(&self.0, name, AtFlags::REMOVEDIR))
    }

    /// Fails if anything but a file has the name `name`.
    pub fn check_file(&self, name: impl Arg + Copy) -> io::Result<()> {
        match self.stat(name)? {
            Some(stat) if !is_file(&stat) => Err(self.foreign(name, NO_FILE)),
            _ => Ok(()),
        }
    }

    /// Removes the file `name`, if there is one that a writer left.
    pub fn remove_left(&self, name: impl Arg + Copy) -> io::Result<()> {
        self.check_file(name)?;
        self.remove_file(name)
    }

    /// Returns the error for an entry at `name` that has the wrong type (`is`), or is a link.
    fn foreign(&self, name: impl Arg + Copy, is: &'static str) -> io::Error {
        let stat = self.stat(name).ok().flatten();
        let is_link = stat.is_some_and(|stat| type_of(&stat) == FileType::Symlink);
        io::Error::other(Foreign {
            name: name.to_string_lossy().into_owned(),
            is: if is_link { "is a symbolic link" } else { is },
        })
    }
}

/// Makes the directory `path` and those above it that are missing, durably.
pub fn make_directories(path: &Path) -> io::Result<()> {
    let missing: Vec<PathBuf> = path
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .map(Path::to_owned)
        .collect();
    for directory in missing.iter().rev() {
        make(CWD, directory)?;
    }
    if !path.as_os_str().is_empty() && !path.is_dir() {
        return Err(Errno::EXIST.into());
    }
    // The new names are durable before anything in them is.
    for parent in missing.iter().filter_map(|path| path.parent()) {
        Directory::open(parent)?.sync()?;
    }
    Ok(())
}

/// Makes the directory `name` in `parent`, unless something has the name.
fn make(parent: BorrowedFd<'_>, name: impl Arg + Copy) -> io::Result<()> {
    let mode = Mode::from_raw_mode(DIRECTORY_MODE);
    match mkdirat(parent, name, mode) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    // The umask can only have taken from the owner's rights; then the directory cannot be opened but as a name.
    if statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode & PERMISSIONS == DIRECTORY_MODE {
        return Ok(());
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(parent, name, flags, Mode::empty())?;
    let made = format!("/proc/self/fd/{}", made.as_raw_fd());
    Ok(rustix::fs::chmod(made, mode)?)
}

const NO_FILE: &str = "is not a regular file";

/// Something in a directory of a store that is not of the store.
#[derive(Debug)]
struct Foreign {
    name: String,
    is: &'static str,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", quoted(&self.name), self.is)
    }
}

impl std::error::Error for Foreign {}

/// Returns whether the name of a file or directory of a store has an entry of another type.
pub fn is_foreign(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Foreign>())
}

/// Returns the error of `doing` something in a directory of a store: InvalidConfig, naming it, for what is foreign.
pub fn refused(doing: &'static str, error: io::Error) -> Error {
    match is_foreign(&error) {
        true => Error::invalid_config(format!("{error}, where a store keeps its own")),
        false => Error::io(doing, error),
    }
}

/// Creates the file at `path`.
pub fn create_file_at(path: &Path) -> io::Result<File> {
    let directory = Directory::open(path.parent().unwrap_or(path))?;
    directory.create_file(path.file_name().unwrap_or_default())
}

/// Opens the file at `path`, which goes with a database, to lock it; it is made, empty, if it is missing.
pub fn lock_file_at(path: &Path, doing: &'static str) -> Result<File> {
    let name = path.file_name().unwrap_or_default();
    Directory::open(path.parent().unwrap_or(path))
        .and_then(|directory| directory.lock_file(name))
        .map_err(|error| refused(doing, error))
}

/// Returns whether `stat` is that of a regular file.
pub fn is_file(stat: &Stat) -> bool {
    type_of(stat) == FileType::RegularFile
}

/// Returns whether `stat` is that of a directory.
pub fn is_directory(stat: &Stat) -> bool {
    type_of(stat) == FileType::Directory
}

fn type_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn ignore_missing(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Err(Errno::NOENT) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

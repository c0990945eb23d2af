//! Plain files of the host, opened without waiting.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens the file at `path` for reading; `None` if it is not a regular one: reading a pipe or a device may block, or never end.
pub(crate) fn open_plain(path: &Path) -> io::Result<Option<File>> {
    let file = open_at_once(path)?;
    let is_file = file.metadata()?.is_file();
    Ok(is_file.then_some(file))
}

/// Opens the file at `path` for reading, without waiting for a writer where it is a pipe.
pub(crate) fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32)
        .open(path)
}

//! Files of the host: which may be read, and their errors.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::host::plain;
use crate::path::quoted;

/// Opens `file`, which must be a plain one: reading a pipe or a device may block, or never end.
///
/// # Errors
/// `InvalidArgument` for what is no plain file; `Io`.
pub(super) fn open_plain(file: &Path) -> Result<File> {
    let failed = |error| host_error("read", file, error);
    plain::open_plain(file)
        .map_err(failed)?
        .ok_or_else(|| refused(file, "is no plain file"))
}

/// Returns the error for a `file` that is refused, as it `is`.
pub(super) fn refused(file: &Path, is: &str) -> Error {
    Error::invalid_argument(format!("{} {is}", name_of(file)))
}

/// Returns the error for a file of the host, by its name without directories.
pub(super) fn host_error(doing: &str, file: &Path, source: io::Error) -> Error {
    let what = format!("cannot {doing} {}: {source}", name_of(file));
    let kind = Error::io("", io::Error::from(source.kind())).kind();
    Error::new(kind, what).caused_by(source)
}

fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    quoted(&name.to_string_lossy())
}

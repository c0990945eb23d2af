//! Directories.

use super::change::mkdir_change;
use super::{Filesystem, MkdirOptions};
use crate::error::Result;
use crate::metadata::Change;
use crate::path::VirtualPath;

impl Filesystem {
    /// Makes the directory at `path`.
    ///
    /// # Errors
    /// `AlreadyExists`, `NotFound` for a missing parent, `NotADirectory`, `AccessDenied`, `ReadOnly`.
    pub fn mkdir(&self, path: &str, options: MkdirOptions) -> Result<()> {
        let call = self.begin();
        let change = mkdir_change(path, options)?;
        if matches!(&change, Change::MakeDirectory { path, exist_ok: true, .. } if path.is_root()) {
            return Ok(());
        }
        self.commit_one(change, &call)?;
        Ok(())
    }

    /// Removes the directory at `path`; with `recursive`, everything in it too.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `NotEmpty`, `AccessDenied`, `ReadOnly`; `InvalidArgument` for the root.
    pub fn rmdir(&self, path: &str, recursive: bool) -> Result<()> {
        let call = self.begin();
        self.commit_one(rmdir_change(path, recursive)?, &call)?;
        Ok(())
    }
}

/// Returns the change that removes a directory.
pub(super) fn rmdir_change(path: &str, recursive: bool) -> Result<Change> {
    Ok(Change::RemoveDirectory {
        path: VirtualPath::parse(path)?,
        recursive,
    })
}

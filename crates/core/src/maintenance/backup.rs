//! Copying a store while others use it.

use std::path::Path;

use crate::error::Result;
use crate::filesystem::{Filesystem, Progress};

impl Filesystem {
    /// Copies the store to the directory `target` of the host, while others use it, and returns a JSON report:
    /// `files`, `copied_contents`, `copied_bytes`, `unchanged_contents`, `removed_contents`, `damaged_count`,
    /// `damaged` (each with `path`, `hash`, `message`), `mounts`.
    ///
    /// Everything that was acknowledged before the call is in the copy, which is a store of its own with a
    /// UUID of its own. A directory that has an earlier copy is brought up to date: contents that it has
    /// are read, and copied again only where they are damaged. Until the end it holds the earlier copy.
    ///
    /// # Errors
    /// `AccessDenied` unless the handle is admin, or has neither tenant nor agent; `InvalidArgument` for a
    /// target that is anything but empty or an earlier copy of this store; `Conflict` for an earlier copy
    /// that was changed since; `Busy` if it is open; `NotMounted` if this handle lacks a backend that holds
    /// contents; `NoSpace`, `Io`, `Cancelled`.
    pub fn backup(&self, target: &str, progress: Progress<'_>) -> Result<String> {
        let call = self.begin();
        self.policy().check_maintenance("backup")?;
        let target = Path::new(target);
        self.check_host_file(target)?;
        let report = self
            .home()
            .backup(target, self.placement(), &call, progress)?;
        // What others dropped meanwhile was kept for the copy.
        self.remove_dropped(&call);
        Ok(report)
    }
}

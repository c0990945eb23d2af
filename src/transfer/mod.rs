//! Metadata out of a store and into one, as JSON lines.

use crate::error::{Error, Result};
use crate::filesystem::{ExportOptions, Filesystem, ImportOptions, Progress};

impl Filesystem {
    /// stub
    pub fn export_metadata(&self, _: &str, _: &ExportOptions, _: Progress<'_>) -> Result<u64> {
        Err(Error::unsupported("not built"))
    }
    /// stub
    pub fn import_metadata(&self, _: &str, _: &ImportOptions, _: Progress<'_>) -> Result<String> {
        Err(Error::unsupported("not built"))
    }
}

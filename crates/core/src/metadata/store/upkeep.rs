//! Keeping the rows of a store in order.

use std::path::Path;

use crate::call::Call;
use crate::error::Result;
use crate::metadata::{CheckedRows, CopyIdentity, MetadataCopy, MetadataMender, RowCursor};

/// Checks, repairs and copies the rows of a store that is a file of this machine.
pub trait Upkeep: Send + Sync {
    /// Checks a page of rows against the others, from `cursor` on.
    fn check_rows(&self, cursor: &RowCursor, call: &Call) -> Result<CheckedRows>;

    /// Returns what mends rows.
    fn mender(&self) -> &dyn MetadataMender;

    /// Raises the sequence of lease tokens beyond every token that another copy of this store can have given out.
    fn advance_leases(&self, call: &Call) -> Result<()>;

    /// Gives back the room that a log took beyond what it should, unless somebody needs it.
    fn shrink_log(&self, call: &Call) -> Result<()>;

    /// Writes a copy of everything, as it is at one moment, to `file`, as the store `identity`; `step` is told
    /// how much is done, of how much.
    fn copy_to(
        &self,
        file: &Path,
        identity: &CopyIdentity,
        step: &mut dyn FnMut(u64, u64) -> Result<()>,
        call: &Call,
    ) -> Result<Box<dyn MetadataCopy>>;

    /// Returns the digest of what users put into the copy at `file`; `None` if it is missing.
    ///
    /// # Errors
    /// `Busy` if anybody has it open.
    fn digest_of_copy(&self, file: &Path, call: &Call) -> Result<Option<String>>;
}

//! Which contents are needed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Call;
use crate::content::ContentHash;
use crate::error::Result;
use crate::metadata::{ContentKey, ContentRow, Paged, PendingDeletions};

/// Contents that are kept for a while, whoever holds them.
#[derive(Debug)]
pub struct Reservation {
    /// Its number.
    pub id: i64,
    /// The backend.
    pub backend: Arc<str>,
    /// The contents.
    pub hashes: Vec<ContentHash>,
    /// Those of them that somebody holds: they are in place.
    pub held: HashSet<ContentHash>,
}

/// Contents whose bytes are being removed.
pub struct Removal {
    /// The backend.
    pub backend: Arc<str>,
    /// The contents.
    pub hashes: Vec<ContentHash>,
    /// What tells others that it is still under way, until it is dropped.
    pub guard: Box<dyn Send>,
}

/// Where a page of contents ended: bytes that only the store understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentCursor(pub Vec<u8>);

/// Says which contents are needed, to those who keep their bytes. It never touches the bytes of a backend.
pub trait References: Send + Sync {
    /// Reserves `hashes` in the backend `backend` for `time`: until then, or until they are [released](Self::release),
    /// none of them is removed, whoever holds it. Waits until those are gone that are being removed.
    fn reserve(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        time: Duration,
        call: &Call,
    ) -> Result<Reservation>;

    /// Ends a reservation.
    fn release(&self, reservation: &Reservation, call: &Call) -> Result<()>;

    /// Returns whether contents of the backend `backend` are pending deletion. Waits for nobody.
    fn has_pending_deletions(&self, backend: &str, call: &Call) -> Result<bool>;

    /// Begins to remove up to `limit` of the contents of the backend `backend` that are pending deletion. From
    /// here on until [`end_removal`](Self::end_removal) their bytes may be removed at any moment, and whoever
    /// wants one of them waits. `None` if there are none, if something is [pinned](Self::pin), or if others remove
    /// some; with `wait`, waits until those have ended.
    fn begin_removal(
        &self,
        backend: &str,
        limit: usize,
        wait: bool,
        call: &Call,
    ) -> Result<Option<Removal>>;

    /// Begins, as [`begin_removal`](Self::begin_removal) does, to remove those of `hashes` that nobody holds or has reserved
    /// and that are not pending deletion.
    fn begin_removal_of(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> Result<Option<Removal>>;

    /// Ends a removal, after the bytes are gone. One that is dropped instead is taken up again by the next.
    fn end_removal(&self, removal: Removal, call: &Call) -> Result<()>;

    /// Keeps the files of contents that are dropped from now on, until the result is dropped.
    fn pin(&self, call: &Call) -> Result<Box<dyn Send>>;

    /// Returns those of `hashes` that nobody holds in the backend `backend`, and that are not pending deletion
    /// either. Nobody is putting one in place at that moment.
    fn unreferenced(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> Result<Vec<ContentHash>>;

    /// Calls `found` for the contents that are pending deletion and that nobody holds.
    fn visit_pending_deletions(
        &self,
        found: &mut dyn FnMut(&PendingDeletions) -> Result<()>,
        call: &Call,
    ) -> Result<()>;

    /// Returns the rows of some contents after `after`, from the first one on if that is `None`, with inline bytes only if
    /// `with_data`, and where to go on; `None` at the end. Damaged rows are left out.
    fn contents(
        &self,
        after: Option<&ContentCursor>,
        with_data: bool,
        call: &Call,
    ) -> Result<Paged<ContentRow, ContentCursor>>;

    /// Returns the first `limit` paths that hold the content, and how many do.
    fn paths_of_content(
        &self,
        content: &ContentKey,
        limit: usize,
        call: &Call,
    ) -> Result<(Vec<String>, u64)>;
}

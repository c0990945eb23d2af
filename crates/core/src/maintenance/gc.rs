//! Garbage collection: unfinished writes of dead processes, and contents without references.

use serde_json::json;

use crate::call::Call;
use crate::content::{ContentHash, Reclaimed};
use crate::error::{Error, Result};
use crate::filesystem::{Filesystem, Progress};

/// How many contents are looked up together: for those that no path seems to hold, all rows of contents are read.
const STEP: usize = 4096;

impl Filesystem {
    /// Removes what no file needs from every backend that this handle has, while others go on working,
    /// and returns a JSON report: `temporary_files`, `temporary_bytes`, `dropped_contents`,
    /// `orphan_contents`, `orphan_bytes`.
    ///
    /// # Errors
    /// `AccessDenied` unless the handle is admin, or has neither tenant nor agent; `Cancelled`; `Io`.
    pub fn gc(&self, progress: Progress<'_>) -> Result<String> {
        let call = self.begin();
        self.policy().check_maintenance("gc")?;
        self.collect(&call, progress)
    }

    /// Does what [`gc`](Self::gc) does.
    pub(super) fn collect(&self, call: &Call, progress: Progress<'_>) -> Result<String> {
        let placement = self.placement();
        let mut temporary = Reclaimed::default();
        let mut orphans = Reclaimed::default();
        let mut looked_at = 0;
        let dropped = self.remove_all_dropped(call)?;
        for name in placement.writable_names() {
            let store = placement.store(name)?;
            let unfinished = store.reclaim_unfinished(call)?;
            temporary.files += unfinished.files;
            temporary.bytes += unfinished.bytes;
            let mut step: Vec<(ContentHash, u64)> = Vec::with_capacity(STEP);
            let mut collect = |step: &mut Vec<(ContentHash, u64)>| -> Result<()> {
                call.check()?;
                let hashes: Vec<_> = step.iter().map(|(hash, _)| *hash).collect();
                let removed = self.remove_orphans(name, &hashes, call)?;
                looked_at += hashes.len() as u64;
                for (hash, bytes) in step.drain(..) {
                    if removed.contains(&hash) {
                        orphans.files += 1;
                        orphans.bytes += bytes;
                    }
                }
                match progress(looked_at, 0, "contents") {
                    true => Ok(()),
                    false => Err(Error::cancelled()),
                }
            };
            let mut visit = |hash, bytes| {
                step.push((hash, bytes));
                if step.len() == STEP {
                    collect(&mut step)?;
                }
                Ok(true)
            };
            store.walk(&mut visit, call)?;
            collect(&mut step)?;
        }
        if let Some(upkeep) = self.store().upkeep() {
            upkeep.shrink_log(call)?;
        }
        Ok(json!({
            "temporary_files": temporary.files,
            "temporary_bytes": temporary.bytes,
            "dropped_contents": dropped,
            "orphan_contents": orphans.files,
            "orphan_bytes": orphans.bytes,
        })
        .to_string())
    }

    /// Removes those of `hashes` from the backend that have no references, and returns which.
    fn remove_orphans(
        &self,
        backend: &str,
        hashes: &[ContentHash],
        call: &Call,
    ) -> Result<Vec<ContentHash>> {
        let mut removed = Vec::new();
        for step in hashes.chunks(STEP) {
            let Some(removal) = self.store().begin_removal_of(backend, step, call)? else {
                continue;
            };
            self.placement()
                .store(backend)?
                .remove(&removal.hashes, call)?;
            removed.extend_from_slice(&removal.hashes);
            self.store().end_removal(removal, call)?;
        }
        Ok(removed)
    }
}

//! Files without references: no error, and `gc` removes them.

use super::Watch;
use super::report::Report;
use crate::content::ContentHash;
use crate::error::Result;
use crate::filesystem::Filesystem;

/// How many files are looked up together: for those that no path seems to hold, all rows of contents are read.
const STEP: usize = 4096;

impl Filesystem {
    /// Counts what a collection would remove.
    pub(super) fn measure_reclaimable(
        &self,
        report: &mut Report,
        watch: &mut Watch<'_, '_>,
    ) -> Result<()> {
        let placement = self.placement();
        self.store().visit_pending_deletions(
            &mut |pending| {
                let Ok(store) = placement.store(&pending.backend) else {
                    return Ok(());
                };
                for hash in &pending.hashes {
                    if let Some(bytes) = store.size_of(hash, watch.call)? {
                        report.reclaimable.doomed_files += 1;
                        report.reclaimable.bytes += bytes;
                    }
                }
                Ok(())
            },
            watch.call,
        )?;
        let mut looked_at = 0;
        for name in placement.writable_names() {
            let store = placement.store(name)?;
            let unfinished = store.unfinished(watch.call)?;
            report.reclaimable.temporary_files += unfinished.files;
            report.reclaimable.bytes += unfinished.bytes;
            let mut step: Vec<(ContentHash, u64)> = Vec::with_capacity(STEP);
            let call = watch.call;
            let mut visit = |hash, bytes| {
                step.push((hash, bytes));
                if step.len() == STEP {
                    looked_at += step.len() as u64;
                    self.count_orphans(name, &mut step, report, watch)?;
                    watch.tell(looked_at, 0, "files")?;
                }
                Ok(true)
            };
            store.walk(&mut visit, call)?;
            self.count_orphans(name, &mut step, report, watch)?;
        }
        Ok(())
    }

    fn count_orphans(
        &self,
        backend: &str,
        step: &mut Vec<(ContentHash, u64)>,
        report: &mut Report,
        watch: &Watch<'_, '_>,
    ) -> Result<()> {
        let hashes: Vec<_> = step.iter().map(|(hash, _)| *hash).collect();
        let orphans = self.store().unreferenced(backend, &hashes, watch.call)?;
        for (hash, bytes) in step.drain(..) {
            if orphans.contains(&hash) {
                report.reclaimable.orphan_files += 1;
                report.reclaimable.bytes += bytes;
            }
        }
        Ok(())
    }
}

//! Checks a store while other processes use it.
//!
//! | what | where |
//! |---|---|
//! | the rows of the database against each other | `Upkeep::check_rows` |
//! | the bytes of contents | [`contents`] |
//! | files without references | [`reclaimable`] |
//! | the report | [`report`] |
//!
//! An error is only reported if no concurrent change can explain it. A page of rows is one snapshot, and errors in the
//! filesystem are checked again under a reservation.

mod contents;
mod reclaimable;
mod report;

pub(super) use self::report::{FindingKey, Report};
use crate::call::Call;
use crate::error::{Error, Result};
use crate::filesystem::{Filesystem, Progress, VerifyOptions};
use crate::metadata::{Finding, FindingKind, RowCursor, RowKey};

/// Reports progress and detects cancellation.
pub(super) struct Watch<'a, 'p> {
    pub call: &'a Call,
    progress: Progress<'p>,
}

impl Watch<'_, '_> {
    /// Reports the progress of the check; an error if it is cancelled.
    pub fn tell(&mut self, done: u64, total: u64, what: &str) -> Result<()> {
        self.call.check()?;
        match (self.progress)(done, total, what) {
            true => Ok(()),
            false => Err(Error::cancelled()),
        }
    }
}

impl Filesystem {
    /// Checks the whole store, as far as this handle has its backends, and returns a JSON report: `errors`
    /// (each with `kind`, `message` and, where they apply, `path` and `hash`), `error_count`, `reclaimable`,
    /// `checked`, `not_checked`.
    ///
    /// With `repair`, the errors found are repaired, and all steps are reported before any of them runs: nothing that
    /// is whole is lost, damaged contents go to `quarantine/` in the directory of their backend, and files that cannot
    /// be read any more are removed. The report then has `repaired`, `failed_steps`, `lost`, `lost_count`, `lost_list`,
    /// and what is still wrong as `remaining` and `remaining_count`.
    ///
    /// # Errors
    /// `AccessDenied` unless the handle is admin, or has neither tenant nor agent; `Busy`, `Cancelled`, `Io`.
    pub fn verify(&self, options: VerifyOptions, progress: Progress<'_>) -> Result<String> {
        let call = self.begin();
        self.policy().check_maintenance("verify")?;
        let mut watch = Watch {
            call: &call,
            progress,
        };
        let mut report = Report::default();
        self.check(options, &mut report, &mut watch)?;
        if !options.repair {
            return Ok(report.to_json().to_string());
        }
        self.repair(options, report, &mut watch)
    }

    /// Checks everything.
    pub(super) fn check(
        &self,
        options: VerifyOptions,
        report: &mut Report,
        watch: &mut Watch<'_, '_>,
    ) -> Result<()> {
        let known = self.check_backends(report, watch.call)?;
        let marked = self.check_markers(report, watch.call);
        report.part("the marks of directories", marked)?;
        let checked = self.check_rows(report, watch);
        report.part("rows", checked)?;
        let checked = self.check_contents(options.content, report, watch);
        report.part("contents", checked)?;
        if known {
            let measured = self.measure_reclaimable(report, watch);
            report.part("what can be reclaimed", measured)?;
        }
        Ok(())
    }

    /// Returns whether the database knows all backends that this handle has.
    fn check_backends(&self, report: &mut Report, call: &Call) -> Result<bool> {
        let mut known = true;
        for name in self.placement().names() {
            let uuid = self.store().backend_uuid(name, call).and_then(|uuid| {
                uuid.ok_or_else(|| Error::corrupt(format!("'{name}' has no row")))
            });
            known &= uuid.is_ok();
            report.part("backends", uuid.map(drop))?;
        }
        Ok(known)
    }

    fn check_markers(&self, report: &mut Report, call: &Call) -> Result<()> {
        for (backend, message) in self.wrong_markers(call)? {
            report.add(Finding {
                kind: FindingKind::WrongMarker,
                path: None,
                hash: None,
                message: format!("the directory of the backend '{backend}' {message}"),
                row: RowKey::Backend(backend),
            });
        }
        Ok(())
    }

    fn check_rows(&self, report: &mut Report, watch: &mut Watch<'_, '_>) -> Result<()> {
        // A store whose rows others keep in order has none to be checked here.
        let Some(upkeep) = self.store().upkeep() else {
            return Ok(());
        };
        let mut cursor = Some(RowCursor::start());
        let mut done = 0;
        let mut what = "";
        while let Some(from) = cursor {
            if what != from.what() {
                (what, done) = (from.what(), 0);
            }
            watch.tell(done, 0, what)?;
            let page = upkeep.check_rows(&from, watch.call)?;
            done += page.rows;
            report.checked(what, page.rows);
            page.findings
                .into_iter()
                .for_each(|finding| report.add(finding));
            cursor = page.next;
        }
        Ok(())
    }
}

//! The bytes of contents.

use super::Watch;
use super::report::Report;
use crate::call::Call;
use crate::content::{Condition, ContentStore, Expected};
use crate::error::{ErrorKind, Result};
use crate::filesystem::Filesystem;
use crate::metadata::{ContentRow, Finding, FindingKind, RowKey};

/// Bytes read between two progress reports.
const PROGRESS_BYTES: u64 = 16 * 1024 * 1024;

/// A content that did not look good.
struct Suspect {
    row: ContentRow,
    condition: Condition,
}

impl Filesystem {
    /// Checks every content: that its file exists and has the right length, and with `read` the bytes.
    pub(super) fn check_contents(
        &self,
        read: bool,
        report: &mut Report,
        watch: &mut Watch<'_, '_>,
    ) -> Result<()> {
        let total = report.count("contents");
        let mut done = 0;
        let mut after = None;
        loop {
            watch.tell(done, total, "contents")?;
            let (rows, more) = self.store().contents(after.as_ref(), read, watch.call)?;
            let mut suspects = Vec::new();
            for row in rows {
                let call = watch.call;
                let mut step = |bytes, report: &mut Report| {
                    if report.add_bytes(bytes) {
                        watch.tell(done, total, "contents")?;
                    }
                    Ok(())
                };
                let condition = self.examine(&row, read, report, &mut step, call)?;
                done += 1;
                if condition != Condition::Good {
                    suspects.push(Suspect { row, condition });
                }
            }
            self.confirm(suspects, read, report, watch)?;
            if more.is_none() {
                return Ok(());
            }
            after = more;
        }
    }

    fn examine(
        &self,
        row: &ContentRow,
        read: bool,
        report: &mut Report,
        step: &mut dyn FnMut(u64, &mut Report) -> Result<()>,
        call: &Call,
    ) -> Result<Condition> {
        let expected = expected(row);
        if let Some(data) = &row.data {
            if !read {
                return Ok(Condition::Good);
            }
            step(data.len() as u64, report)?;
            report.checked("hashes", 1);
            return Ok(expected.examine_bytes(data));
        }
        let Some(backend) = &row.backend else {
            return Ok(Condition::Good);
        };
        let store = match self.placement().store(backend) {
            Err(error) if error.kind() == ErrorKind::NotMounted => {
                report.not_checked(backend, row.size);
                return Ok(Condition::Good);
            }
            store => store?,
        };
        let mut step = |bytes| step(bytes, report);
        let condition = expected.examine(&**store, read, &mut step, call)?;
        report.checked("files", 1);
        report.checked("hashes", u64::from(read));
        Ok(condition)
    }

    /// Reports those of `suspects` that still look bad. Meanwhile others may have dropped such a content, or
    /// put its file back.
    fn confirm(
        &self,
        suspects: Vec<Suspect>,
        read: bool,
        report: &mut Report,
        watch: &mut Watch<'_, '_>,
    ) -> Result<()> {
        let (inline, files): (Vec<_>, Vec<_>) =
            (suspects.into_iter()).partition(|suspect| suspect.row.data.is_some());
        // What was read of the database is of one moment, so one look is enough.
        for suspect in &inline {
            self.report_content(suspect, report, watch)?;
        }
        if files.is_empty() {
            return Ok(());
        }
        // From here on nothing is removed: a content that a file has now must be there.
        let _pin = self.store().pin(watch.call)?;
        for suspect in files {
            let (_, holders) =
                (self.store()).paths_of_content(&suspect.row.key(), 1, watch.call)?;
            let store = match self.store_of(&suspect.row)? {
                Some(store) if holders > 0 => store,
                _ => continue,
            };
            let expected = expected(&suspect.row);
            let condition = expected.examine(store, read, &mut |_| Ok(()), watch.call)?;
            if condition != Condition::Good {
                let bad = Suspect {
                    condition,
                    ..suspect
                };
                self.report_content(&bad, report, watch)?;
            }
        }
        Ok(())
    }

    fn store_of(&self, row: &ContentRow) -> Result<Option<&dyn ContentStore>> {
        row.backend
            .as_ref()
            .map(|backend| Ok(&**self.placement().store(backend)?))
            .transpose()
    }

    fn report_content(
        &self,
        bad: &Suspect,
        report: &mut Report,
        watch: &Watch<'_, '_>,
    ) -> Result<()> {
        let row = &bad.row;
        let (paths, count) = self.store().paths_of_content(&row.key(), 1, watch.call)?;
        let place = match (&row.data, &row.backend) {
            (Some(_), _) => "in the database".to_owned(),
            (None, Some(backend)) => format!("of the backend '{backend}'"),
            (None, None) => "of an unknown backend".to_owned(),
        };
        let holders = match count {
            1 => String::new(),
            count => format!(" (of {count} files)"),
        };
        let (kind, what) = match &bad.condition {
            Condition::Good => return Ok(()),
            Condition::Missing => (FindingKind::MissingContent, "is missing".to_owned()),
            Condition::OtherLength(length) => (
                FindingKind::TruncatedContent,
                format!("has {length} bytes, not {}", row.size),
            ),
            Condition::OtherBytes(why) => {
                (FindingKind::DamagedContent, format!("is damaged: {why}"))
            }
        };
        report.add(Finding {
            kind,
            row: RowKey::Content(row.key()),
            path: paths.into_iter().next(),
            hash: Some(row.hash),
            message: format!("the content {place}{holders} {what}"),
        });
        Ok(())
    }
}

fn expected(row: &ContentRow) -> Expected<'_> {
    Expected {
        hash: &row.hash,
        size: row.size,
        blocks: &row.blocks,
    }
}

/// Returns whether a progress report is due between `before` and `before + bytes`.
pub(super) fn passes_step(before: u64, bytes: u64) -> bool {
    before / PROGRESS_BYTES != (before + bytes) / PROGRESS_BYTES
}

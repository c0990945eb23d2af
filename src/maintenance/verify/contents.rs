//! The bytes of contents.

use super::Watch;
use super::report::Report;
use crate::content::{Condition, ContentStore, Expected};
use crate::error::{ErrorKind, Result};
use crate::filesystem::Filesystem;
use crate::metadata::{ContentRow, Finding, FindingKind, RowKey};

/// Bytes read between two tellings of progress.
const PROGRESS_BYTES: u64 = 16 * 1024 * 1024;

/// A content that did not look good.
struct Suspect {
    row: ContentRow,
    condition: Condition,
}

impl Filesystem {
    /// Looks at every content: that its file is there and as long as it should be, and with `read` at the
    /// bytes.
    pub(super) fn check_contents(
        &self,
        read: bool,
        report: &mut Report,
        watch: &mut Watch<'_, '_>,
    ) -> Result<()> {
        let total = report.count("contents");
        let mut done = 0;
        let mut next = Some(i64::MIN);
        while let Some(after) = next {
            watch.tell(done, total, "contents")?;
            let (rows, more) = self.store().contents(after, read, watch.call)?;
            let mut suspects = Vec::new();
            for row in rows {
                let condition = self.examine(&row, read, report, &mut |bytes, report| {
                    if report.add_bytes(bytes) {
                        watch.tell(done, total, "contents")?;
                    }
                    Ok(())
                })?;
                done += 1;
                if condition != Condition::Good {
                    suspects.push(Suspect { row, condition });
                }
            }
            self.confirm(suspects, read, report, watch)?;
            next = more;
        }
        Ok(())
    }

    fn examine(
        &self,
        row: &ContentRow,
        read: bool,
        report: &mut Report,
        step: &mut dyn FnMut(u64, &mut Report) -> Result<()>,
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
        let condition = expected.examine(&**store, read, &mut |bytes| step(bytes, report))?;
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
        let mut bad = Vec::with_capacity(suspects.len());
        for suspect in suspects {
            // What was read of the database is of one moment, so one look is enough.
            if suspect.row.data.is_some() {
                bad.push(suspect);
                continue;
            }
            let again = self.examine_again(&suspect.row, read)?;
            if again != Condition::Good {
                bad.push(Suspect {
                    condition: again,
                    ..suspect
                });
            }
        }
        if bad.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = bad.iter().map(|one| (one.row.id, one.row.hash)).collect();
        let confirmed = self.store().confirm_contents(
            &ids,
            &mut |index| self.is_still_bad(&bad[index]),
            watch.call,
        )?;
        for index in confirmed {
            self.report_content(&bad[index], report, watch)?;
        }
        Ok(())
    }

    fn examine_again(&self, row: &ContentRow, read: bool) -> Result<Condition> {
        match self.store_of(row)? {
            Some(store) => expected(row).examine(store, read, &mut |_| Ok(())),
            None => Ok(Condition::Good),
        }
    }

    /// Looks at the length again, under the write lock. Bytes do not change, and reading them would take too
    /// long there.
    fn is_still_bad(&self, suspect: &Suspect) -> Result<bool> {
        if suspect.row.data.is_some() || matches!(suspect.condition, Condition::OtherBytes(_)) {
            return Ok(true);
        }
        let Some(store) = self.store_of(&suspect.row)? else {
            return Ok(false);
        };
        Ok(store.size_of(&suspect.row.hash)? != Some(suspect.row.size))
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
        let (paths, count) = self.store().paths_of_content(row.id, 1, watch.call)?;
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

/// Returns whether `before` and `before + bytes` lie on two sides of a telling of progress.
pub(super) fn passes_step(before: u64, bytes: u64) -> bool {
    before / PROGRESS_BYTES != (before + bytes) / PROGRESS_BYTES
}

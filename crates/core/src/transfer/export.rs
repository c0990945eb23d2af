//! Export of metadata.

use std::path::Path;

use super::aside::Aside;
use super::line;
use crate::access::Policy;
use crate::call::Call;
use crate::error::{Error, Result};
use crate::filesystem::{ExportOptions, Filesystem, Progress, prefix_range};
use crate::metadata::{DescribedEntry, EntryQuery, Scope};
use crate::path::parse_id;
use crate::range::PathRange;

/// Files of one page, which is read in one transaction.
const PAGE: usize = 512;
/// A page ends early when its metadata has this many bytes.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

impl Filesystem {
    /// Writes what the caller may read of the files that `options` select to `file`, a path of the host,
    /// as JSON lines sorted by path, and returns their number. The file appears whole or not at all.
    ///
    /// The store is read in pages of short transactions: each line is what was true at one moment, the
    /// moments differ.
    ///
    /// # Errors
    /// `InvalidArgument` for a tenant that cannot be one; `Unsupported` naming a file with metadata of more than
    /// 256 MiB; `Io`, `NoSpace`; `Cancelled`.
    pub fn export_metadata(
        &self,
        file: &str,
        options: &ExportOptions,
        progress: Progress<'_>,
    ) -> Result<u64> {
        let call = self.begin();
        if let Some(tenant) = &options.tenant_id {
            parse_id("tenant_id", tenant)?;
        }
        let mut aside = Aside::create(self, Path::new(file))?;
        let mut count = 0;
        let mut last: Option<String> = None;
        let mut text = String::new();
        loop {
            call.check()?;
            if !progress(count, 0, "files") {
                return Err(Error::cancelled());
            }
            let page = self.export_page(options, false, last.as_deref(), &call)?;
            let Some((end, _)) = page.last() else { break };
            last = Some(end.path.as_str().to_owned());
            for (entry, metadata) in &page {
                if options.modified_after != 0 && entry.modified_at <= options.modified_after {
                    continue;
                }
                text.clear();
                if line::write(entry, metadata, &mut text)? {
                    aside.write(text.as_bytes())?;
                    count += 1;
                }
            }
        }
        aside.put_in_place()?;
        Ok(count)
    }

    /// Returns the files, with `directories` those too, after `last`; none at the end.
    pub(super) fn export_page(
        &self,
        options: &ExportOptions,
        directories: bool,
        last: Option<&str>,
        call: &Call,
    ) -> Result<Vec<DescribedEntry>> {
        self.granted(call, |policy, grant| {
            for scope in scopes(policy, options) {
                let query = EntryQuery {
                    scope: Scope::Range(scope),
                    directories,
                    after: last.map(str::to_owned),
                    limit: PAGE,
                };
                let page = self.store().described_page(&query, PAGE_BYTES, grant)?;
                if !page.is_empty() {
                    return Ok(page);
                }
            }
            Ok(Vec::new())
        })
    }
}

/// Returns the ranges that hold the files of the prefix and the tenant that are wanted, in order.
fn scopes(policy: &Policy, options: &ExportOptions) -> Vec<PathRange> {
    let prefix = prefix_range(options.prefix.as_deref().unwrap_or_default());
    let Some(tenant) = &options.tenant_id else {
        return vec![prefix];
    };
    let mut scopes: Vec<PathRange> = policy
        .rules()
        .iter()
        .filter(|rule| rule.requires_tenant)
        .map(|rule| format!("/{}/{tenant}", rule.name))
        .flat_map(|root| [PathRange::of_path(&root), PathRange::under(&root)])
        .filter_map(|part| part.intersection(&prefix))
        .collect();
    scopes.sort_by(|a, b| a.start.cmp(&b.start));
    scopes
}

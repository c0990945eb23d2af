//! Storage statistics of the caller's files.

use serde_json::{Value, json};

use super::Filesystem;
use crate::content::ContentHash;
use crate::error::{Error, Result};
use crate::metadata::StorageTotals;

impl Filesystem {
    /// Returns as JSON what the files that the caller may read occupy, in all and for each tenant: `files`,
    /// `logical_bytes`, `distinct_contents`, `physical_bytes`, `saved_bytes`.
    pub fn storage_stats(&self) -> Result<String> {
        let call = self.begin();
        let report = self.granted(&call, |policy, grant| {
            self.store().storage_report(policy.rules(), grant)
        })?;
        let mut stats = totals(&report.total);
        stats["tenants"] = report
            .tenants
            .iter()
            .map(|(tenant, tenant_totals)| {
                let mut stats = totals(tenant_totals);
                stats["tenant_id"] = json!(tenant);
                stats
            })
            .collect();
        Ok(stats.to_string())
    }

    /// Returns as JSON the `size` of the content `etag` and its `ref_count`: how many of the paths that
    /// the caller may read hold it.
    ///
    /// # Errors
    /// `NotFound` if none does; `InvalidArgument` for an etag that is none.
    pub fn content_info(&self, etag: &str) -> Result<String> {
        let call = self.begin();
        let hash = ContentHash::parse(etag)?;
        let count = self
            .granted(&call, |_, grant| self.store().content_count(&hash, grant))?
            .ok_or_else(|| Error::not_found(format!("no file has the content {hash}")))?;
        Ok(json!({
            "etag": hash.to_string(),
            "size": count.size,
            "ref_count": count.references,
        })
        .to_string())
    }
}

fn totals(totals: &StorageTotals) -> Value {
    json!({
        "files": totals.files,
        "logical_bytes": totals.logical_bytes,
        "distinct_contents": totals.distinct_contents,
        "physical_bytes": totals.physical_bytes,
        "saved_bytes": totals.logical_bytes - totals.physical_bytes,
    })
}

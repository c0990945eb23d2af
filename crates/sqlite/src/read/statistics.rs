//! Counts of contents and bytes over the files that a caller may read.

use std::collections::{BTreeMap, HashSet};

use nexusfs_core::access::Rules;
use nexusfs_core::call::Call;
use nexusfs_core::content::ContentHash;
use nexusfs_core::metadata::{ContentCount, StorageReport, StorageTotals};
use nexusfs_core::range::{PathRange, Visible};

use crate::db::holders;
use crate::driver::statements::Connection;
use crate::error::Result;

/// Returns how many visible paths have the content `hash`.
pub(in super::super) fn content_count(
    connection: &Connection,
    hash: &ContentHash,
    visible: &Visible,
) -> Result<Option<ContentCount>> {
    let mut references = 0;
    let mut size = 0;
    for named in holders::find_all(connection, hash)? {
        size = named.size;
        for range in &visible.ranges {
            references += holders::count_within(connection, hash, &named, range)?;
        }
    }
    Ok((references > 0).then_some(ContentCount { size, references }))
}

#[derive(Default)]
struct Tally {
    totals: StorageTotals,
    contents: HashSet<i64>,
}

impl Tally {
    fn add(&mut self, content_id: i64, size: u64) {
        self.totals.files += 1;
        self.totals.logical_bytes += size;
        if self.contents.insert(content_id) {
            self.totals.distinct_contents += 1;
            self.totals.physical_bytes += size;
        }
    }
}

/// Returns totals over the visible files, in all and by tenant.
pub(in super::super) fn storage_report(
    connection: &Connection,
    visible: &Visible,
    rules: &Rules,
    call: &Call,
) -> Result<StorageReport> {
    let mut total = Tally::default();
    let mut tenants: BTreeMap<Option<String>, Tally> = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT path, content_id, size FROM paths WHERE path >= ?1 AND path < ?2 AND kind = 1",
    )?;
    for PathRange { start, end } in &visible.ranges {
        call.check()?;
        let mut rows = statement.query([start, end])?;
        while let Some(row) = rows.next()? {
            let path: String = row.get(0)?;
            let (content_id, size) = (row.get(1)?, row.get::<_, i64>(2)? as u64);
            total.add(content_id, size);
            tenants
                .entry(rules.tenant_of(&path).map(str::to_owned))
                .or_default()
                .add(content_id, size);
        }
    }
    Ok(StorageReport {
        total: total.totals,
        tenants: tenants
            .into_iter()
            .map(|(tenant, tally)| (tenant, tally.totals))
            .collect(),
    })
}

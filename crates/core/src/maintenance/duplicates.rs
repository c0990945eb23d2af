//! Finding files with the same content.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::content::ContentHash;
use crate::error::{Error, Result};
use crate::filesystem::{Filesystem, Progress, prefix_range};
use crate::metadata::Duplicates;

/// Most groups in the report: those with the most bytes.
const TOLD: usize = 1000;

impl Filesystem {
    /// Finds the files that have the same content, among those that the caller may read and whose paths
    /// begin with the raw string `prefix`, and returns a JSON object: `groups`, the first 1,000 by
    /// `wasted_bytes` (each with `etag`, `size`, `count`, `wasted_bytes` and the first 100 `paths`),
    /// `group_count`, `duplicate_files` and `wasted_bytes` of all.
    ///
    /// The store keeps such a content once; wasted bytes are those that the files beyond the first would
    /// take elsewhere.
    ///
    /// # Errors
    /// `Cancelled`, `Io`.
    pub fn find_duplicates(&self, prefix: Option<&str>, progress: Progress<'_>) -> Result<String> {
        let call = self.begin();
        let range = prefix_range(prefix.unwrap_or_default());
        let mut found = Found::default();
        let mut pages = 0;
        let mut next = Some(String::new());
        while let Some(after) = next {
            call.check()?;
            if !progress(pages, 0, "pages of files") {
                return Err(Error::cancelled());
            }
            let (groups, more) = self.granted(&call, |_, grant| {
                self.store().duplicates(&range, &after, grant)
            })?;
            groups.into_iter().for_each(|group| found.add(group));
            pages += 1;
            next = more;
        }
        Ok(found.to_json())
    }
}

/// The groups with the most bytes, and totals of all.
#[derive(Default)]
struct Found {
    /// Ordered by the bytes that they waste, then by the hash, so that the order is the same each time.
    told: BTreeSet<Group>,
    groups: u64,
    files: u64,
    bytes: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    wasted_bytes: u64,
    etag: std::cmp::Reverse<ContentHash>,
    size: u64,
    count: u64,
    paths: Vec<String>,
}

impl Found {
    fn add(&mut self, group: Duplicates) {
        let wasted_bytes = group.size * (group.count - 1);
        self.groups += 1;
        self.files += group.count - 1;
        self.bytes += wasted_bytes;
        self.told.insert(Group {
            wasted_bytes,
            etag: std::cmp::Reverse(group.etag),
            size: group.size,
            count: group.count,
            paths: group.paths,
        });
        if self.told.len() > TOLD {
            self.told.pop_first();
        }
    }

    fn to_json(&self) -> String {
        let groups: Vec<Value> = self
            .told
            .iter()
            .rev()
            .map(|group| {
                json!({
                    "etag": group.etag.0.to_string(),
                    "size": group.size,
                    "count": group.count,
                    "wasted_bytes": group.wasted_bytes,
                    "paths": group.paths,
                })
            })
            .collect();
        json!({
            "groups": groups,
            "group_count": self.groups,
            "duplicate_files": self.files,
            "wasted_bytes": self.bytes,
        })
        .to_string()
    }
}

//! The report of an import.

use serde::Serialize;

use super::line::Line;
use super::plan::{Fate, Target};
use crate::error::{Error, Result};
use crate::path::VirtualPath;
use crate::work::DependencyRef;

/// What an import did.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    created: u64,
    updated: u64,
    skipped: u64,
    remapped: u64,
    collisions: Vec<Collision>,
    renamed_keys: Vec<RenamedKey>,
    dry_run: bool,
    /// Directories that were made; of a bundle only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directories: Option<u64>,
    lost_dependencies: Vec<LostDependency>,
    missing: Vec<MissingLine>,
    /// Entries of the three lists above that are not listed: they are bounded, since a line has room for many.
    #[serde(skip_serializing_if = "is_zero")]
    unlisted: u64,
    #[serde(skip)]
    listed_bytes: usize,
}

/// Most bytes of what the lists hold but for collisions, of which there are no more than files in the store.
const LISTED_BYTES: usize = 64 * 1024 * 1024;

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A line that was left out because its content is missing.
#[derive(Debug, Serialize)]
struct MissingLine {
    path: String,
    etag: String,
}

/// A line whose path was taken.
#[derive(Debug, Serialize)]
struct Collision {
    path: String,
    /// None for a directory.
    existing_etag: Option<String>,
    imported_etag: String,
    resolution: &'static str,
    message: String,
}

/// A dependency on something that is neither in the import nor, for the caller, in the store.
#[derive(Debug, Serialize)]
struct LostDependency {
    path: String,
    depends_on: String,
}

#[derive(Debug, Serialize)]
struct RenamedKey {
    path: String,
    key: String,
    renamed_to: String,
}

impl Report {
    /// Returns the report of an import that did nothing yet.
    pub fn new(dry_run: bool) -> Self {
        Report {
            dry_run,
            ..Report::default()
        }
    }

    /// Returns it as a JSON object.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::internal(error.to_string()))
    }

    /// Returns whether there is room for an entry of `bytes` in a list; counts it as unlisted if not.
    fn has_room(&mut self, bytes: usize) -> bool {
        let after = self.listed_bytes.saturating_add(bytes);
        let fits = after <= LISTED_BYTES;
        match fits {
            true => self.listed_bytes = after,
            false => self.unlisted += 1,
        }
        fits
    }

    /// Adds the dependencies that the file at `path` lost.
    pub fn add_lost(&mut self, path: &VirtualPath, lost: &[DependencyRef]) {
        for reference in lost {
            let depends_on = match reference {
                DependencyRef::Id(id) => id.to_string(),
                DependencyRef::Path(path) => path.to_string(),
            };
            if self.has_room(path.as_str().len() + depends_on.len()) {
                self.lost_dependencies.push(LostDependency {
                    path: path.to_string(),
                    depends_on,
                });
            }
        }
    }

    /// Adds what becomes of `line`.
    pub fn add(&mut self, line: &Line, target: &Target) {
        if target.fate == Fate::Missing {
            self.skipped += 1;
            if self.has_room(line.path.as_str().len() + 64) {
                self.missing.push(MissingLine {
                    path: line.path.to_string(),
                    etag: line.etag.to_string(),
                });
            }
            return;
        }
        let (count, resolution, message) = match target.fate {
            Fate::Missing | Fate::Bad => return,
            Fate::Created => (&mut self.created, "create", String::new()),
            Fate::Updated => (&mut self.updated, "overwrite", "replaced".to_owned()),
            Fate::Skipped => (
                &mut self.skipped,
                "skip",
                "the existing file stays".to_owned(),
            ),
            Fate::Remapped => (
                &mut self.remapped,
                "remap",
                format!("imported as {}", target.path),
            ),
        };
        *count += 1;
        if target.fate != Fate::Created {
            let existing = target
                .existing
                .as_ref()
                .and_then(|entry| entry.file.as_ref());
            self.collisions.push(Collision {
                path: line.path.to_string(),
                existing_etag: existing.map(|file| file.etag.to_string()),
                imported_etag: line.etag.to_string(),
                resolution,
                message,
            });
        }
        if target.fate == Fate::Skipped {
            return;
        }
        for (key, renamed_to) in &line.renamed {
            if self.has_room(target.path.as_str().len() + key.len() + renamed_to.len()) {
                self.renamed_keys.push(RenamedKey {
                    path: target.path.to_string(),
                    key: key.clone(),
                    renamed_to: renamed_to.clone(),
                });
            }
        }
    }
}

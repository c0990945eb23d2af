//! What an import tells its caller.

use serde::Serialize;

use super::line::Line;
use super::plan::{Fate, Target};
use crate::error::{Error, Result};
use crate::metadata::PathId;

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

    /// Adds the dependencies that the file at `target` lost.
    pub fn add_lost(&mut self, target: &Target, lost: &[PathId]) {
        let lost = lost.iter().map(|id| LostDependency {
            path: target.path.to_string(),
            depends_on: id.to_string(),
        });
        self.lost_dependencies.extend(lost);
    }

    /// Adds what becomes of `line`.
    pub fn add(&mut self, line: &Line, target: &Target) {
        let (count, resolution, message) = match target.fate {
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
        if target.fate != Fate::Skipped {
            let renamed = line.renamed.iter().map(|(key, renamed_to)| RenamedKey {
                path: target.path.to_string(),
                key: key.clone(),
                renamed_to: renamed_to.clone(),
            });
            self.renamed_keys.extend(renamed);
        }
    }
}

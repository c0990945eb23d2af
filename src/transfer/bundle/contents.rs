//! The contents of a bundle, as an import takes them.

use std::collections::HashMap;

use super::super::line::DirectoryLine;
use super::super::plan::Plan;
use crate::access::{Action, Reach};
use crate::call::Call;
use crate::content::{
    ContentHash, Copies, LOCAL_BACKEND, NewContent, Placement, Staging, stage_again,
};
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::Filesystem;
use crate::metadata::{Change, ImportedDirectory};
use crate::path::VirtualPath;

/// A bundle that was read and checked.
pub(in super::super) struct Unpacked {
    pub(super) directories: Vec<DirectoryLine>,
    pub(super) contents: HashMap<ContentHash, NewContent>,
}

impl Unpacked {
    /// Returns the contents with their lengths.
    pub fn sizes(&self) -> impl Iterator<Item = (ContentHash, u64)> {
        self.contents
            .iter()
            .map(|(hash, content)| (*hash, content.size()))
    }

    /// Gives each imported file its content, in the backend that takes what is at its path.
    pub fn provide(
        &self,
        changes: &mut [Change],
        placement: &Placement,
        call: &Call,
    ) -> Result<()> {
        let mut copies = Copies::default();
        for change in changes {
            let Change::Import(file) = change else {
                continue;
            };
            let backend = placement.backend_for(file.path.as_str());
            let content = self
                .contents
                .get(&file.etag)
                .ok_or_else(|| super::damaged("a content is missing").at(&file.path))?;
            file.content = Some(match **backend == *LOCAL_BACKEND {
                true => content.clone(),
                false => {
                    let mut fill = |staging: &mut dyn Staging| fill(staging, content, call);
                    copies.stage(backend, file.etag, placement, call, &mut fill)?
                }
            });
        }
        Ok(())
    }
}

/// Writes `content`, for another backend than the store's own.
fn fill(staging: &mut dyn Staging, content: &NewContent, call: &Call) -> Result<()> {
    match content {
        NewContent::Inline { data, .. } => staging.write(data),
        NewContent::Small {
            size, offset, file, ..
        } => staging.write(&file.read(*offset, *size)?),
        NewContent::Staged(staged) => stage_again(&*staged.open()?, staged.size(), staging, call),
    }
}

impl Filesystem {
    /// Adds the directories of `bundle` to `plan`: those that were not made yet.
    pub(in super::super) fn add_directories(
        &self,
        bundle: &Unpacked,
        plan: &mut Plan,
        call: &Call,
    ) -> Result<()> {
        let mut made = Vec::new();
        for directory in &bundle.directories {
            if !self.is_made(&directory.path, call)? {
                made.push(Change::ImportDirectory(Box::new(ImportedDirectory {
                    path: directory.path.clone(),
                    path_id: directory.path_id,
                    created_at: directory.created_at,
                    modified_at: directory.modified_at,
                    metadata: directory.metadata.clone(),
                })));
            }
        }
        plan.report.directories = Some(made.len() as u64);
        // Without a line: their errors name the path.
        plan.changes.extend(made);
        Ok(())
    }

    /// Returns whether the directory was made already; an error if it cannot be made.
    fn is_made(&self, path: &VirtualPath, call: &Call) -> Result<bool> {
        self.granted(call, |policy, grant| {
            let existing = match policy.check(path, Action::MakeDirectory)? {
                Reach::Whole => self.store().entry(path, grant)?,
                Reach::Gate => None,
            };
            match existing {
                Some(entry) if !entry.is_directory() => {
                    let what = "is a file, not a directory";
                    Err(Error::new(ErrorKind::NotADirectory, what).at(path).into())
                }
                Some(entry) => Ok(entry.path_id.is_some()),
                None => Ok(false),
            }
        })
    }
}

//! The contents of a bundle during an import.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::planned::{Contents, Planned};
use crate::access::{Action, Reach};
use crate::call::Call;
use crate::content::{ContentHash, Copies, LOCAL_BACKEND, NewContent, Staging, stage_again};
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::Filesystem;
use crate::metadata::ImportSource;
use crate::path::VirtualPath;

/// The contents of a bundle that was read and checked.
#[derive(Debug, Default)]
pub(in super::super) struct Unpacked {
    pub(super) contents: HashMap<ContentHash, NewContent>,
}

impl Unpacked {
    /// Returns the content with the hash.
    pub fn content(&self, hash: &ContentHash) -> Option<&NewContent> {
        self.contents.get(hash)
    }

    /// Returns the length of the content with the hash.
    pub fn size_of(&self, hash: &ContentHash) -> Option<u64> {
        self.content(hash).map(NewContent::size)
    }
}

/// Writes `content`, for another backend than the store's own.
fn fill(staging: &mut dyn Staging, content: &NewContent, call: &Call) -> Result<()> {
    match content {
        NewContent::Inline { data, .. } => staging.write(data, call),
        NewContent::Small {
            size, offset, file, ..
        } => staging.write(&file.read(*offset, *size)?, call),
        NewContent::Staged(staged) => {
            stage_again(&*staged.open(call)?, staged.size(), staging, call)
        }
    }
}

impl Filesystem {
    /// Gives the files of `planned` the contents of `bundle`, each in the backend that takes what is at its path.
    pub(in super::super) fn provide(
        &self,
        bundle: &Arc<Unpacked>,
        planned: &mut Planned,
        call: &Call,
    ) -> Result<()> {
        let placement = self.placement();
        let mut copies = Copies::default();
        let has_mounts = placement.names().any(|name| **name != *LOCAL_BACKEND);
        for index in 0..planned.files() {
            if !has_mounts {
                break;
            }
            call.check()?;
            let Some((file, _)) = planned.file(index)? else {
                continue;
            };
            let backend = placement.routes().backend_for(file.path.as_str());
            if **backend == *LOCAL_BACKEND {
                continue;
            }
            let content = bundle
                .content(&file.etag)
                .ok_or_else(|| super::damaged("a content is missing").at(&file.path))?;
            let mut fill = |staging: &mut dyn Staging| fill(staging, content, call);
            copies.stage(backend, file.etag, placement, call, &mut fill)?;
        }
        planned.contents = Some(Contents {
            unpacked: Arc::clone(bundle),
            copies,
            placement: Arc::clone(placement),
        });
        Ok(())
    }

    /// Adds the directories of a bundle to `planned`: those that were not made yet.
    pub(in super::super) fn add_directories(
        &self,
        planned: &mut Planned,
        call: &Call,
    ) -> Result<()> {
        for index in 0..planned.directories() {
            call.check()?;
            let directory = planned.lines.directory(index)?;
            if !self.is_made(&directory.path, call)? {
                planned.made.insert(index);
            }
        }
        planned.plan.report.directories = Some(planned.made.len() as u64);
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

//! The files of an import, which a transaction fetches one by one.

use std::collections::HashSet;
use std::sync::Arc;

use super::bundle::Unpacked;
use super::line::Line;
use super::lines::Lines;
use super::plan::{Fate, Plan};
use crate::content::{Copies, LOCAL_BACKEND, NewContent, Placement};
use crate::error::{Error, Result};
use crate::metadata::{
    Conditions, ImportSource, ImportedDirectory, ImportedFile, MetadataValue, MetadataValues,
    guess_mime_type,
};
use crate::path::VirtualPath;
use crate::path_id::PathId;
use crate::time::Micros;
use crate::work::{DependencyRef, Status, WorkField};

/// An import that was planned.
#[derive(Debug)]
pub(super) struct Planned {
    pub lines: Arc<Lines>,
    pub plan: Plan,
    pub contents: Option<Contents>,
    /// The directories that were not made yet, by their place among the lines.
    pub made: HashSet<usize>,
    /// When it was planned.
    pub now: Micros,
}

/// Where the contents of a bundle are.
#[derive(Debug)]
pub(super) struct Contents {
    pub unpacked: Arc<Unpacked>,
    /// Those that other backends than the store's own are to hold.
    pub copies: Copies,
    pub placement: Arc<Placement>,
}

impl Contents {
    fn content(&self, file: &ImportedFile) -> Result<NewContent> {
        let backend = self.placement.routes().backend_for(file.path.as_str());
        let found = match **backend == *LOCAL_BACKEND {
            true => self.unpacked.content(&file.etag),
            false => self.copies.find(backend, file.etag),
        };
        let missing = || Error::internal("a content of the bundle is missing").at(&file.path);
        found.cloned().ok_or_else(missing)
    }
}

impl ImportSource for Planned {
    fn files(&self) -> usize {
        self.lines.len()
    }

    fn file(&self, index: usize) -> Result<Option<(ImportedFile, Conditions)>> {
        if !self.plan.is_imported(index) {
            return Ok(None);
        }
        let line = self.lines.line(index)?;
        let path = self.plan.target_path(index, &line)?;
        let replaced = match self.plan.fates.get(index) {
            Some(Fate::Updated) => self.plan.met.get(&(index as u32)),
            _ => None,
        };
        // What the plan saw must still be there.
        let conditions = Conditions {
            if_match: replaced.and_then(|met| met.etag),
            if_none_match: replaced.is_none(),
            lease: None,
        };
        let mut file = imported(line, path, self.now);
        file.newer_than = replaced.and_then(|met| met.newer_than);
        if let Some(contents) = &self.contents {
            file.content = Some(contents.content(&file)?);
        }
        Ok(Some((file, conditions)))
    }

    fn has_dependencies(&self) -> bool {
        self.lines.has_dependencies()
    }

    fn dependencies(
        &self,
        index: usize,
        ids: &[Option<PathId>],
    ) -> Result<Option<(VirtualPath, MetadataValues)>> {
        if !self.plan.is_imported(index) {
            return Ok(None);
        }
        let mut line = self.lines.line(index)?;
        let Some(named) = line.depends_on.take() else {
            return Ok(None);
        };
        let mut kept = Vec::with_capacity(named.len());
        let mut any_lost = false;
        for reference in named {
            match self.find(reference, ids)? {
                Some(found) => kept.push(found),
                None => any_lost = true,
            }
        }
        let mut fields = vec![WorkField::DependsOn(kept)];
        // Nexus cannot know whether an item that lost a dependency may run: a person must decide.
        if any_lost && line.metadata.iter().any(|(_, value)| waits(value)) {
            fields.push(WorkField::Status(Status::Pending));
        }
        let values = fields
            .into_iter()
            .map(|field| (field.key().to_owned(), MetadataValue::Work(field)))
            .collect();
        Ok(Some((self.plan.target_path(index, &line)?, values)))
    }

    fn directories(&self) -> usize {
        self.lines.directory_count()
    }

    fn directory(&self, index: usize) -> Result<Option<ImportedDirectory>> {
        if !self.made.contains(&index) {
            return Ok(None);
        }
        let line = self.lines.directory(index)?;
        Ok(Some(ImportedDirectory {
            path: line.path,
            path_id: line.path_id,
            created_at: line.created_at,
            modified_at: line.modified_at,
            metadata: line.metadata,
        }))
    }
}

impl Planned {
    /// Returns whether it changes anything.
    pub fn changes_anything(&self) -> bool {
        !self.made.is_empty() || self.plan.imports_anything()
    }

    /// Resolves `reference`: one to a line by the id of the file that was made of it. `None` if that is not there.
    fn find(
        &self,
        reference: DependencyRef,
        ids: &[Option<PathId>],
    ) -> Result<Option<DependencyRef>> {
        let Some(other) = self.lines.index_of(&reference) else {
            return Ok(match &reference {
                DependencyRef::Id(id) if self.plan.lost.contains(id) => None,
                DependencyRef::Id(id) if self.is_gone(*id, ids) => None,
                _ => Some(reference),
            });
        };
        let id = match self.plan.fates.get(other) {
            Some(Fate::Missing) => return Ok(None),
            Some(Fate::Skipped) => self
                .plan
                .met
                .get(&(other as u32))
                .and_then(|met| met.path_id),
            _ => ids.get(other).copied().flatten(),
        };
        let id = id.ok_or_else(|| Error::internal("a file of an import has no id"))?;
        Ok(Some(DependencyRef::Id(id)))
    }
}

impl Planned {
    /// Returns whether a line replaced the file `id` and gave what it made another id.
    fn is_gone(&self, id: PathId, ids: &[Option<PathId>]) -> bool {
        let replacing = self.plan.replacing.get(&id);
        replacing.is_some_and(|index| ids.get(*index as usize) != Some(&Some(id)))
    }
}

/// Returns whether an item with this value of a key waits, or is worked on.
fn waits(value: &MetadataValue) -> bool {
    matches!(
        value,
        MetadataValue::Work(WorkField::Status(
            Status::Ready | Status::Blocked | Status::InProgress
        ))
    )
}

/// Returns what `line` makes at `path`.
fn imported(line: Line, path: VirtualPath, now: Micros) -> ImportedFile {
    // A type that is only what the name suggests goes on following the name.
    let mime_type = line
        .mime_type
        .unwrap_or_else(|| guess_mime_type(line.path.name()).to_owned());
    let given = mime_type != guess_mime_type(path.name());
    let modified_at = line.modified_at.unwrap_or(now);
    ImportedFile {
        path,
        etag: line.etag,
        size: line.size,
        path_id: line.path_id,
        mime_type: given.then_some(mime_type),
        created_at: line.created_at.unwrap_or(modified_at),
        modified_at,
        version: line.version,
        metadata: line.metadata,
        history: line.history,
        content: None,
        newer_than: None,
    }
}

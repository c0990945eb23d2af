//! What becomes of each line of an import, as the store stands now.
//!
//! The plan is a list of changes for one transaction:
//!
//! 1. conditions: each path stands as it did when the plan was made, so that a file that comes to be
//!    meanwhile is not replaced by a line that was to create one;
//! 2. the files with all their metadata but the dependencies;
//! 3. the dependencies, which may name any file of the import by then.

use std::collections::{HashMap, HashSet};

use super::backends::KnownBackends;
use super::bad_lines::BadLines;
use super::bundle::Unpacked;
use super::import::PROGRESS_STEP;
use super::line::Line;
use super::report::Report;
use crate::access::{Action, Reach};
use crate::call::Call;
use crate::content::ContentHash;
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{Filesystem, ImportMode, ImportOptions, Progress};
use crate::metadata::{
    Change, Conditions, Entry, ImportedFile, MetadataValue, PathId, guess_mime_type, now,
};
use crate::path::{MAX_NAME_BYTES, MAX_PATH_BYTES, VirtualPath};
use crate::work::{DependencyRef, Status, WorkField};

/// The changes that an import makes, and what it reports of them.
pub(super) struct Plan {
    pub changes: Vec<Change>,
    /// The number of the line that each change comes from.
    pub lines: Vec<u64>,
    pub report: Report,
}

/// What a file depends on.
#[derive(Debug, Default)]
struct Dependencies {
    kept: Vec<DependencyRef>,
    /// On what is neither in the import nor, for the caller, in the store.
    lost: Vec<PathId>,
}

/// Where a line goes, and what stands there.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub path: VirtualPath,
    pub existing: Option<Entry>,
    pub fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Created,
    Updated,
    Skipped,
    Remapped,
}

/// Makes the plan of one import.
pub(super) struct Planner<'a> {
    fs: &'a Filesystem,
    lines: &'a [Line],
    options: &'a ImportOptions,
    call: &'a Call,
    /// The paths that lines name, or will have been given, with the index of the line.
    taken: HashMap<VirtualPath, usize>,
    by_id: HashMap<PathId, usize>,
    directories: HashSet<VirtualPath>,
    contents: HashMap<ContentHash, Option<u64>>,
    backends: KnownBackends,
    /// Whether the contents come along, so that what the store has does not count.
    has_contents: bool,
}

impl<'a> Planner<'a> {
    pub fn new(
        fs: &'a Filesystem,
        lines: &'a [Line],
        options: &'a ImportOptions,
        call: &'a Call,
    ) -> Self {
        let indexed = || lines.iter().enumerate();
        Planner {
            fs,
            lines,
            options,
            call,
            taken: indexed()
                .map(|(index, line)| (line.path.clone(), index))
                .collect(),
            by_id: indexed()
                .filter_map(|(index, line)| Some((line.path_id?, index)))
                .collect(),
            directories: HashSet::new(),
            contents: HashMap::new(),
            backends: KnownBackends::default(),
            has_contents: false,
        }
    }

    /// The contents of the lines are those that `bundle` brings along.
    pub fn take_contents_from(&mut self, bundle: &Unpacked) {
        self.has_contents = true;
        self.contents = bundle
            .sizes()
            .map(|(hash, size)| (hash, Some(size)))
            .collect();
    }

    /// Returns the plan; useless if there are bad lines, each of which is noted in `bad`.
    pub fn plan(mut self, bad: &mut BadLines, progress: Progress<'_>) -> Result<Plan> {
        let total = self.lines.len();
        let mut targets = Vec::with_capacity(total);
        for (index, line) in self.lines.iter().enumerate() {
            if index % PROGRESS_STEP == 0 {
                self.call.check()?;
                if !progress(index as u64, total as u64, "lines checked") {
                    return Err(Error::cancelled());
                }
            }
            targets.push(match self.target(index, line) {
                Ok(target) => Some(target),
                Err(error) => {
                    bad.add_if_of_line(line.number, error)?;
                    None
                }
            });
        }
        let files: HashMap<VirtualPath, u64> = self
            .lines
            .iter()
            .zip(&targets)
            .filter_map(|(line, target)| Some((target.as_ref()?.path.clone(), line.number)))
            .collect();
        for (line, target) in self.lines.iter().zip(&mut targets) {
            if let Some(found) = target
                && let Err(error) = self.check_parents(found, &files)
            {
                bad.add_if_of_line(line.number, error)?;
                *target = None;
            }
        }
        // A dependency on a line that is bad itself is no second mistake.
        let known_bad = !bad.is_empty();
        let mut dependencies = Vec::new();
        for (line, target) in self.lines.iter().zip(&targets) {
            match target {
                Some(target) if !known_bad && target.fate != Fate::Skipped => {
                    match self.dependencies(line, &targets) {
                        Ok(found) => dependencies.push(found),
                        Err(error) => bad.add_if_of_line(line.number, error)?,
                    }
                }
                _ => dependencies.push(None),
            }
        }
        if !bad.is_empty() {
            return Ok(Plan {
                changes: Vec::new(),
                lines: Vec::new(),
                report: Report::default(),
            });
        }
        self.assemble(&targets, dependencies)
    }

    /// Returns what stands at `path`, which the caller must be allowed to write.
    fn look_at(&self, path: &VirtualPath) -> Result<Option<Entry>> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsADirectory, "is a directory").at(path));
        }
        self.fs.granted(self.call, |policy, grant| {
            policy.check(path, Action::Write)?;
            self.fs.store().entry(path, grant)
        })
    }

    /// Returns where `line` goes, after checking that it can be stored there.
    fn target(&mut self, index: usize, line: &Line) -> Result<Target> {
        let existing = self.look_at(&line.path)?;
        let fate = match (&existing, self.options.mode) {
            (None, _) => Fate::Created,
            (Some(_), ImportMode::Remap) => Fate::Remapped,
            (Some(entry), _) if entry.is_directory() => {
                return Err(Error::new(ErrorKind::IsADirectory, "is a directory").at(&line.path));
            }
            (Some(_), ImportMode::Skip) => Fate::Skipped,
            (Some(_), ImportMode::Overwrite) => Fate::Updated,
            (Some(entry), ImportMode::Auto) => {
                match line
                    .modified_at
                    .is_some_and(|time| time > entry.modified_at)
                {
                    true => Fate::Updated,
                    false => Fate::Skipped,
                }
            }
        };
        if fate != Fate::Skipped {
            self.check_content(line)?;
        }
        let path = match fate {
            Fate::Remapped => self.free_path(index, line)?,
            _ => line.path.clone(),
        };
        Ok(Target {
            path,
            existing,
            fate,
        })
    }

    /// A hash is no key to bytes that the caller cannot read anyway. The transaction looks again.
    fn check_content(&mut self, line: &Line) -> Result<()> {
        if let Some(backend) = line.backend.as_ref().filter(|_| !self.has_contents)
            && !self.backends.has(backend, self.fs, self.call)?
        {
            let what = format!("this handle knows no backend '{backend}'");
            return Err(Error::invalid_argument(what).at(&line.path));
        }
        let size = match self.contents.get(&line.etag) {
            Some(size) => *size,
            None if self.has_contents => None,
            None => {
                let found = self.fs.granted(self.call, |_, grant| {
                    self.fs.store().content_count(&line.etag, grant)
                })?;
                let size = found.map(|content| content.size);
                self.contents.insert(line.etag, size);
                size
            }
        };
        match size {
            Some(size) if size == line.size => Ok(()),
            Some(_) => {
                Err(Error::invalid_argument("the size is not that of the content").at(&line.path))
            }
            None if self.has_contents => {
                let what = format!("the bundle does not have the content {}", line.etag);
                Err(Error::corrupt(what).at(&line.path))
            }
            None => {
                let what = format!("no readable file has the content {}", line.etag);
                Err(Error::not_found(what).at(&line.path))
            }
        }
    }

    /// Returns the first path `…_imported1`, `…_imported2` and so on that is free for `line`. A name that would be
    /// too long loses its end.
    fn free_path(&mut self, index: usize, line: &Line) -> Result<VirtualPath> {
        for number in 1_u64.. {
            let path = with_suffix(&line.path, &format!("_imported{number}"))?;
            if self.taken.contains_key(&path) || self.look_at(&path)?.is_some() {
                self.call.check()?;
                continue;
            }
            self.taken.insert(path.clone(), index);
            return Ok(path);
        }
        Err(Error::internal("every path is taken"))
    }

    /// Checks that no file stands, or is in `files` with its line, where `target` needs a directory.
    fn check_parents(&mut self, target: &Target, files: &HashMap<VirtualPath, u64>) -> Result<()> {
        let mut above = target.path.parent();
        while let Some(path) = above.filter(|path| !path.is_root()) {
            if self.directories.contains(&path) {
                break;
            }
            let is_file = self.fs.granted(self.call, |policy, grant| {
                // Above the caller's own part there are directories only.
                match policy.check(&path, Action::Read) {
                    Ok(Reach::Whole) => Ok(self
                        .fs
                        .store()
                        .entry(&path, grant)?
                        .is_some_and(|entry| !entry.is_directory())),
                    _ => Ok(false),
                }
            })?;
            if let Some(number) = files.get(&path) {
                let what = format!("line {number} makes it a file, not a directory");
                return Err(Error::new(ErrorKind::NotADirectory, what).at(&path));
            }
            if is_file {
                let what = "is a file, not a directory";
                return Err(Error::new(ErrorKind::NotADirectory, what).at(&path));
            }
            above = path.parent();
            self.directories.insert(path);
        }
        Ok(())
    }

    /// Returns the dependencies of `line`: those on lines by where these go.
    fn dependencies(
        &self,
        line: &Line,
        targets: &[Option<Target>],
    ) -> Result<Option<Dependencies>> {
        let Some(named) = &line.depends_on else {
            return Ok(None);
        };
        let mut found = Dependencies::default();
        for reference in named {
            let in_file = match reference {
                DependencyRef::Id(id) => self.by_id.get(id),
                DependencyRef::Path(path) => self
                    .taken
                    .get(path)
                    .filter(|index| self.lines[**index].path == *path),
            };
            let target = in_file.and_then(|index| targets[*index].as_ref());
            if let Some(target) = target {
                found.kept.push(DependencyRef::Path(target.path.clone()));
                continue;
            }
            match (self.check_dependency(reference), reference) {
                (Ok(()), _) => found.kept.push(reference.clone()),
                // An export names ids. It is often a part of a store, and holds items that wait for deleted
                // ones, or for what its reader may not see.
                (Err(error), DependencyRef::Id(id)) if error.kind() == ErrorKind::NotFound => {
                    found.lost.push(*id);
                }
                (Err(error), _) => return Err(error.at(&line.path)),
            }
        }
        Ok(Some(found))
    }

    /// Checks that the caller may depend on `reference`, a file outside the import.
    fn check_dependency(&self, reference: &DependencyRef) -> Result<()> {
        let found = self.fs.granted(self.call, |policy, grant| {
            let path = match reference {
                DependencyRef::Id(id) => match self.fs.store().path_of_id(*id, grant)? {
                    Some(path) => path,
                    None => return Ok(None),
                },
                DependencyRef::Path(path) => path.clone(),
            };
            match policy.check(&path, Action::Read)? {
                Reach::Whole => self.fs.store().entry(&path, grant),
                Reach::Gate => Ok(None),
            }
        })?;
        let name = match reference {
            DependencyRef::Id(id) => id.to_string(),
            DependencyRef::Path(path) => path.to_string(),
        };
        match found {
            Some(entry) if entry.is_directory() => Err(Error::new(
                ErrorKind::IsADirectory,
                format!("it cannot depend on the directory {name}"),
            )),
            Some(_) => Ok(()),
            None => Err(Error::not_found(format!(
                "no such file to depend on: {name}"
            ))),
        }
    }

    fn assemble(
        self,
        targets: &[Option<Target>],
        dependencies: Vec<Option<Dependencies>>,
    ) -> Result<Plan> {
        let mut report = Report::new(self.options.dry_run);
        let mut requires = Vec::new();
        let mut files = Vec::new();
        let mut edges = Vec::new();
        let now = now();
        for ((line, target), dependencies) in self.lines.iter().zip(targets).zip(dependencies) {
            let Some(target) = target else { continue };
            report.add(line, target);
            if target.fate == Fate::Skipped {
                continue;
            }
            requires.push((line.number, require_as_planned(target)));
            let path_id = self.path_id(line, target)?;
            files.push((line.number, import(line, target, path_id, now)));
            if let Some(dependencies) = dependencies {
                report.add_lost(target, &dependencies.lost);
                edges.push((line.number, depend(line, target, dependencies)));
            }
        }
        let (lines, changes) = requires.into_iter().chain(files).chain(edges).unzip();
        Ok(Plan {
            changes,
            lines,
            report,
        })
    }

    /// Returns the id that the file is to have: that of the line, unless another file has it; else that of
    /// the file that it replaces.
    fn path_id(&self, line: &Line, target: &Target) -> Result<Option<PathId>> {
        let replaced = match target.fate {
            Fate::Updated => target.existing.as_ref().and_then(|entry| entry.path_id),
            _ => None,
        };
        let Some(id) = line.path_id else {
            return Ok(replaced);
        };
        let holder = self
            .fs
            .granted(self.call, |_, grant| self.fs.store().path_of_id(id, grant))?;
        Ok(match holder {
            Some(path) if path != target.path => replaced,
            _ => Some(id),
        })
    }
}

/// Returns `path` with `suffix` at the end of its name, of which as much stays as there is room for.
fn with_suffix(path: &VirtualPath, suffix: &str) -> Result<VirtualPath> {
    let path = path.as_str();
    let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
    let longest = MAX_PATH_BYTES.min(name_at + MAX_NAME_BYTES);
    let room = path.len().min(longest.saturating_sub(suffix.len()));
    let end = (name_at..=room).rev().find(|at| path.is_char_boundary(*at));
    VirtualPath::parse(&format!("{}{suffix}", &path[..end.unwrap_or(name_at)]))
}

/// Returns the condition that what the plan saw at the target still stands there.
fn require_as_planned(target: &Target) -> Change {
    let replaced = match target.fate {
        Fate::Updated => target
            .existing
            .as_ref()
            .and_then(|entry| entry.file.as_ref()),
        _ => None,
    };
    Change::Require {
        path: target.path.clone(),
        conditions: Conditions {
            if_match: replaced.map(|file| file.etag),
            if_none_match: replaced.is_none(),
            lease: None,
        },
    }
}

fn import(line: &Line, target: &Target, path_id: Option<PathId>, now: i64) -> Change {
    // A type that is only what the name suggests goes on following the name.
    let mime_type = line
        .mime_type
        .as_deref()
        .unwrap_or_else(|| guess_mime_type(line.path.name()));
    let given = mime_type != guess_mime_type(target.path.name());
    let modified_at = line.modified_at.unwrap_or(now);
    Change::Import(Box::new(ImportedFile {
        path: target.path.clone(),
        etag: line.etag,
        size: line.size,
        path_id,
        mime_type: given.then(|| mime_type.to_owned()),
        created_at: line.created_at.unwrap_or(modified_at),
        modified_at,
        version: line.version,
        metadata: line.metadata.clone(),
        history: line.history.clone(),
        content: None,
    }))
}

/// Returns the change that sets the dependencies. An item that lost one waits for a person to decide: whether
/// it may go on, nobody knows.
fn depend(line: &Line, target: &Target, dependencies: Dependencies) -> Change {
    let mut fields = vec![WorkField::DependsOn(dependencies.kept)];
    let waits = |value: &MetadataValue| {
        matches!(
            value,
            MetadataValue::Work(WorkField::Status(
                Status::Ready | Status::Blocked | Status::InProgress
            ))
        )
    };
    if !dependencies.lost.is_empty() && line.metadata.iter().any(|(_, value)| waits(value)) {
        fields.push(WorkField::Status(Status::Pending));
    }
    Change::SetMetadata {
        path: target.path.clone(),
        values: fields
            .into_iter()
            .map(|field| (field.key().to_owned(), MetadataValue::Work(field)))
            .collect(),
        conditions: Conditions::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_has_room_in_every_name() {
        let suffixed = |path: &str| {
            let path = VirtualPath::parse(path).unwrap();
            with_suffix(&path, "_imported1").map(|path| path.to_string())
        };
        assert_eq!(suffixed("/a/b").unwrap(), "/a/b_imported1");
        let name = |bytes: usize| "n".repeat(bytes);
        let longest = format!("/a/{}_imported1", name(245));
        for bytes in [245, 246, 255] {
            assert_eq!(suffixed(&format!("/a/{}", name(bytes))).unwrap(), longest);
        }
        let wide = format!("/{}", "é".repeat(127));
        let cut = format!("/{}_imported1", "é".repeat(122));
        assert_eq!(suffixed(&wide).unwrap(), cut);
        // 4090 bytes of directories leave no room for the suffix, fewer do.
        let directories = |bytes: usize| {
            let deep = format!("/{}", name(204)).repeat(19);
            format!("{deep}/{}", name(bytes - deep.len() - 1))
        };
        let (above, file) = (directories(4000), name(95));
        let shortened = suffixed(&format!("{above}/{file}")).unwrap();
        assert_eq!(shortened, format!("{above}/{}_imported1", name(85)));
        let error = suffixed(&format!("{}/{}", directories(4090), name(5))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPath, "{error}");
    }
}

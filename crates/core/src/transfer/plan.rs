//! The plan of an import: the action for each line in the current state of the store.
//!
//! Every line is checked before anything is changed: its target path, the file that it replaces, its content and its
//! dependencies. The plan keeps one byte per line, and more only for lines whose path exists. [`Planned`] turns lines
//! into files again while they are applied.
//!
//! [`Planned`]: super::planned::Planned

use std::collections::{HashMap, HashSet};

use super::backends::KnownBackends;
use super::bad_lines::BadLines;
use super::bundle::Unpacked;
use super::import::PROGRESS_STEP;
use super::line::Line;
use super::lines::{Lines, PathIndex};
use super::newer;
use super::report::Report;
use crate::access::{Action, Reach};
use crate::call::Call;
use crate::content::ContentHash;
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{Filesystem, ImportMode, ImportOptions, MissingContent, NewerBy, Progress};
use crate::metadata::{Compared, Entry, MetadataValue};
use crate::path::{MAX_NAME_BYTES, MAX_PATH_BYTES, VirtualPath};
use crate::path_id::PathId;
use crate::work::{DependencyRef, Status, WorkField, under_lease};

/// Most contents, and most directories, that a plan remembers to have looked up.
const REMEMBERED: usize = 16 * 1024;

/// What becomes of the lines, and what is reported of them.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Of each line.
    pub fates: Vec<Fate>,
    /// The files that lines meet, and that they replace or that stay.
    pub met: HashMap<u32, Met>,
    /// The numbers that new names end with.
    pub suffixes: HashMap<u32, u64>,
    /// What items depend on and what is neither in the import nor, for the caller, in the store, once it is imported.
    pub lost: HashSet<PathId>,
    /// The lines that replace files which other lines depend on by these ids.
    pub replacing: HashMap<PathId, u32>,
    pub report: Report,
}

/// An existing file at the path of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    pub etag: Option<ContentHash>,
    pub path_id: Option<PathId>,
    /// What was compared with a line that is newer.
    pub newer_than: Option<Compared>,
}

/// The target path of a line, and the existing entry there.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub path: VirtualPath,
    pub existing: Option<Entry>,
    pub fate: Fate,
    /// What was compared with a line that is newer.
    pub newer_than: Option<Compared>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Created,
    Updated,
    Skipped,
    Remapped,
    /// Left out, because its content is missing.
    Missing,
    /// The line is bad.
    Bad,
}

/// Makes the plan of one import.
pub(super) struct Planner<'a> {
    fs: &'a Filesystem,
    lines: &'a Lines,
    options: &'a ImportOptions,
    call: &'a Call,
    plan: Plan,
    /// The new names that were given out.
    renamed: PathIndex,
    directories: HashSet<VirtualPath>,
    contents: HashMap<ContentHash, Option<u64>>,
    backends: KnownBackends,
    /// Where the contents come from, if they come along.
    bundle: Option<&'a Unpacked>,
}

impl<'a> Planner<'a> {
    pub fn new(
        fs: &'a Filesystem,
        lines: &'a Lines,
        options: &'a ImportOptions,
        bundle: Option<&'a Unpacked>,
        call: &'a Call,
    ) -> Self {
        Planner {
            fs,
            lines,
            options,
            call,
            plan: Plan {
                fates: Vec::with_capacity(lines.len()),
                report: Report::new(options.dry_run),
                ..Plan::default()
            },
            renamed: PathIndex::default(),
            directories: HashSet::new(),
            contents: HashMap::new(),
            backends: KnownBackends::default(),
            bundle,
        }
    }

    /// Returns the plan; useless if there are bad lines, each of which is noted in `bad`.
    pub fn plan(mut self, bad: &mut BadLines, progress: Progress<'_>) -> Result<Plan> {
        let total = self.lines.len();
        for index in 0..total {
            if index % PROGRESS_STEP == 0 {
                self.call.check()?;
                if !progress(index as u64, total as u64, "lines checked") {
                    return Err(Error::cancelled());
                }
            }
            let line = self.lines.line(index)?;
            let fate = match self.target(index, &line) {
                Ok(target) => {
                    self.plan.report.add(&line, &target);
                    self.remember(index, &target);
                    target.fate
                }
                Err(error) => {
                    bad.add_if_of_line(line.number, error)?;
                    Fate::Bad
                }
            };
            self.plan.fates.push(fate);
        }
        for index in 0..total {
            if matches!(self.plan.fates[index], Fate::Bad | Fate::Missing) {
                continue;
            }
            self.check_every(index)?;
            let line = self.lines.line(index)?;
            let path = self.plan.target_path(index, &line)?;
            if let Err(error) = self.check_parents(&path) {
                bad.add_if_of_line(line.number, error)?;
                self.plan.fates[index] = Fate::Bad;
            }
        }
        // A dependency on a line that is bad itself is no second mistake.
        if bad.is_empty() && self.lines.has_dependencies() {
            for index in 0..total {
                if !self.plan.is_imported(index) {
                    continue;
                }
                self.check_every(index)?;
                let line = self.lines.line(index)?;
                if let Err(error) = self.check_dependencies(index, &line) {
                    bad.add_if_of_line(line.number, error)?;
                }
            }
        }
        Ok(self.plan)
    }

    fn check_every(&self, index: usize) -> Result<()> {
        match index % PROGRESS_STEP {
            0 => self.call.check(),
            _ => Ok(()),
        }
    }

    /// Keeps of a target what is needed when it is applied.
    fn remember(&mut self, index: usize, target: &Target) {
        if let (Fate::Updated | Fate::Skipped, Some(entry)) = (target.fate, &target.existing) {
            let met = Met {
                etag: entry.file.as_ref().map(|file| file.etag),
                path_id: entry.path_id,
                newer_than: target.newer_than,
            };
            self.plan.met.insert(index as u32, met);
        }
    }

    /// Returns the entry at `path`, which the caller must be allowed to write.
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
        let mut newer_than = None;
        let mut fate = match (&existing, self.options.mode) {
            (None, _) => Fate::Created,
            (Some(_), ImportMode::Remap) => Fate::Remapped,
            (Some(entry), _) if entry.is_directory() => {
                return Err(Error::new(ErrorKind::IsADirectory, "is a directory").at(&line.path));
            }
            (Some(_), ImportMode::Skip) => Fate::Skipped,
            (Some(_), ImportMode::Overwrite) => Fate::Updated,
            (Some(entry), ImportMode::Auto) => {
                newer_than = self.compare(line, entry)?;
                match newer_than {
                    Some(_) => Fate::Updated,
                    None => Fate::Skipped,
                }
            }
        };
        if fate != Fate::Skipped && !self.check_content(line)? {
            fate = Fate::Missing;
        }
        if fate == Fate::Updated && !line.cancels() {
            self.check_no_lease(line)?;
        }
        let path = match fate {
            Fate::Remapped => self.free_path(index, line)?,
            _ => line.path.clone(),
        };
        Ok(Target {
            path,
            existing,
            fate,
            newer_than,
        })
    }

    /// Returns what `line` is newer than; `None` if the file `existing` is as new. The transaction checks that the file
    /// is still what was compared.
    fn compare(&self, line: &Line, existing: &Entry) -> Result<Option<Compared>> {
        match self.options.newer_by {
            NewerBy::Content => Ok(line
                .modified_at
                .filter(|time| *time > existing.modified_at)
                .map(|_| Compared::new(existing.modified_at, None))),
            NewerBy::All => newer::by_all(self.fs, line, existing, self.call),
        }
    }

    /// Only the worker that holds an item's lease may replace it. The transaction checks again.
    fn check_no_lease(&self, line: &Line) -> Result<()> {
        let is_leased = self.fs.granted(self.call, |_, grant| {
            self.fs.store().is_leased(&line.path, grant)
        })?;
        match is_leased {
            true => Err(under_lease().at(&line.path)),
            false => Ok(()),
        }
    }

    /// Returns whether the content of `line` is there; `false` only if such lines are to be left out. A hash is no key
    /// to bytes that the caller cannot read anyway. The transaction checks again.
    fn check_content(&mut self, line: &Line) -> Result<bool> {
        let found = match self.bundle {
            Some(bundle) => bundle.size_of(&line.etag),
            None => self.readable_size(line)?,
        };
        match found {
            Some(size) if size == line.size => Ok(true),
            Some(_) => {
                Err(Error::invalid_argument("the size is not that of the content").at(&line.path))
            }
            None if self.bundle.is_some() => {
                let what = format!("the bundle does not have the content {}", line.etag);
                Err(Error::corrupt(what).at(&line.path))
            }
            None if self.options.missing_content == MissingContent::Skip => Ok(false),
            None => {
                let what = format!("no readable file has the content {}", line.etag);
                Err(Error::not_found(what).at(&line.path))
            }
        }
    }

    /// Returns the length of the content of `line`, if a file has it that the caller may read.
    fn readable_size(&mut self, line: &Line) -> Result<Option<u64>> {
        if let Some(backend) = &line.backend
            && !self.backends.has(backend, self.fs, self.call)?
        {
            let what = format!("this handle knows no backend '{backend}'");
            return Err(Error::invalid_argument(what).at(&line.path));
        }
        if let Some(size) = self.contents.get(&line.etag) {
            return Ok(*size);
        }
        let found = self.fs.granted(self.call, |_, grant| {
            self.fs.store().content_count(&line.etag, grant)
        })?;
        let size = found.map(|content| content.size);
        if self.contents.len() >= REMEMBERED {
            self.contents.clear();
        }
        self.contents.insert(line.etag, size);
        Ok(size)
    }

    /// Returns the first path `…_imported1`, `…_imported2` and so on that is free for `line`. A name that would be
    /// too long loses its end.
    fn free_path(&mut self, index: usize, line: &Line) -> Result<VirtualPath> {
        for number in 1_u64.. {
            let path = renamed(&line.path, number)?;
            if self.lines.of_path(&path).is_some()
                || self.renamed.get(&path).is_some()
                || self.look_at(&path)?.is_some()
            {
                self.call.check()?;
                continue;
            }
            self.renamed.insert(&path, index as u32);
            self.plan.suffixes.insert(index as u32, number);
            return Ok(path);
        }
        Err(Error::internal("every path is taken"))
    }

    /// Checks that `target` has no file, existing or imported, as an ancestor.
    fn check_parents(&mut self, target: &VirtualPath) -> Result<()> {
        let mut above = target.parent();
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
            if let Some(index) = self.file_at(&path) {
                let number = self.lines.number_of(index);
                let what = format!("line {number} makes it a file, not a directory");
                return Err(Error::new(ErrorKind::NotADirectory, what).at(&path));
            }
            if is_file {
                let what = "is a file, not a directory";
                return Err(Error::new(ErrorKind::NotADirectory, what).at(&path));
            }
            above = path.parent();
            if self.directories.len() >= REMEMBERED {
                self.directories.clear();
            }
            self.directories.insert(path);
        }
        Ok(())
    }

    /// Returns the line that goes to `path`.
    fn file_at(&self, path: &VirtualPath) -> Option<usize> {
        let goes_there = |index: &usize| {
            matches!(
                self.plan.fates[*index],
                Fate::Created | Fate::Updated | Fate::Skipped
            )
        };
        let by_line = self.lines.of_path(path).filter(goes_there);
        by_line.or_else(|| self.renamed.get(path))
    }

    /// Notes what the file of `line` depends on and what is not there.
    fn check_dependencies(&mut self, index: usize, line: &Line) -> Result<()> {
        let mut lost = Vec::new();
        for reference in line.depends_on.iter().flatten() {
            match self.lines.index_of(reference) {
                Some(other) if self.plan.fates[other] != Fate::Missing => continue,
                Some(_) => {
                    lost.push(reference.clone());
                    continue;
                }
                None => {}
            }
            match (self.check_dependency(reference), reference) {
                (Ok(path), DependencyRef::Id(id)) => match self.line_replacing(&path) {
                    Some(other) if self.gives_new_id(other)? => {
                        self.plan.lost.insert(*id);
                        lost.push(reference.clone());
                    }
                    Some(other) => {
                        self.plan.replacing.insert(*id, other as u32);
                    }
                    None => {}
                },
                (Ok(_), DependencyRef::Path(_)) => {}
                // An export names ids. It is often a part of a store, and holds items that wait for deleted
                // ones, or for what its reader may not see.
                (Err(error), DependencyRef::Id(id)) if error.kind() == ErrorKind::NotFound => {
                    self.plan.lost.insert(*id);
                    lost.push(reference.clone());
                }
                (Err(error), _) => return Err(error.at(&line.path)),
            }
        }
        if !lost.is_empty() {
            let path = self.plan.target_path(index, line)?;
            self.plan.report.add_lost(&path, &lost);
        }
        Ok(())
    }

    /// Returns the line that replaces the file at `path`.
    fn line_replacing(&self, path: &VirtualPath) -> Option<usize> {
        let other = self.lines.of_path(path)?;
        (self.plan.fates[other] == Fate::Updated).then_some(other)
    }

    /// Returns whether the file that the line `index` replaces loses its id to that of the line, as far as the caller can
    /// know: one that another file has is not given.
    fn gives_new_id(&self, index: usize) -> Result<bool> {
        let Some(id) = self.lines.line(index)?.path_id else {
            return Ok(false);
        };
        let holder = self
            .fs
            .granted(self.call, |_, grant| self.fs.store().path_of_id(id, grant))?;
        Ok(holder.is_none())
    }

    /// Returns the path of `reference`, a file that no line names, after checking that the caller may depend on it.
    fn check_dependency(&self, reference: &DependencyRef) -> Result<VirtualPath> {
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
            Some(entry) => Ok(entry.path),
            None => Err(Error::not_found(format!(
                "no such file to depend on: {name}"
            ))),
        }
    }
}

impl Plan {
    /// Returns whether the line `index` makes or replaces a file.
    pub fn is_imported(&self, index: usize) -> bool {
        matches!(
            self.fates.get(index),
            Some(Fate::Created | Fate::Updated | Fate::Remapped)
        )
    }

    /// Returns whether the line `index` makes or replaces any file.
    pub fn imports_anything(&self) -> bool {
        (0..self.fates.len()).any(|index| self.is_imported(index))
    }

    /// Returns where `line`, which is the one with that index, goes.
    pub fn target_path(&self, index: usize, line: &Line) -> Result<VirtualPath> {
        match self.suffixes.get(&(index as u32)) {
            Some(number) => renamed(&line.path, *number),
            None => Ok(line.path.clone()),
        }
    }
}

impl Lines {
    /// Returns the line that `reference` names.
    pub fn index_of(&self, reference: &DependencyRef) -> Option<usize> {
        match reference {
            DependencyRef::Id(id) => self.of_id(*id),
            DependencyRef::Path(path) => self.of_path(path),
        }
    }
}

impl Line {
    /// Returns whether the file is to be a cancelled item.
    pub fn cancels(&self) -> bool {
        let cancelled = MetadataValue::Work(WorkField::Status(Status::Cancelled));
        self.metadata.iter().any(|(_, value)| *value == cancelled)
    }
}

/// Returns the name number `number` that a file at `path` is given where that is taken.
fn renamed(path: &VirtualPath, number: u64) -> Result<VirtualPath> {
    with_suffix(path, &format!("_imported{number}"))
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

//! Files: writing, reading, moving, removing.

use super::change::{append_change, delete_change, relocation};
use super::{Conditions, Filesystem, RelocateOptions, WriteOptions};
use crate::access::Action;
use crate::call::Call;
use crate::content::{ContentReader, StoredContent, missing};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Change, Entry};
use crate::path::VirtualPath;

impl Filesystem {
    /// Creates or replaces the file at `path`, atomically, with its parents. Returns its entry.
    ///
    /// # Errors
    /// `Conflict` if a condition does not hold; `IsADirectory`, `NotADirectory`, `AccessDenied`,
    /// `ReadOnly`, `LeaseLost`, `NoSpace`, `Busy`.
    pub fn write(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Entry> {
        let call = self.begin();
        let change = self.write_change(path, data, options, &call)?;
        entry_of(self.commit_one(change, &call)?)
    }

    /// Appends to the file at `path`, creating it if it is missing. Costs the file's size.
    ///
    /// # Errors
    /// As [`write`](Self::write); `Corrupt` if the existing content is damaged.
    pub fn append(&self, path: &str, data: &[u8], options: &WriteOptions) -> Result<Entry> {
        let call = self.begin();
        let change = append_change(path, data, options)?;
        // Of concurrent appends to one file, only one could use what it has prepared.
        let _turn = self.handle.engine.appends.wait(path, &call)?;
        entry_of(self.commit_one(change, &call)?)
    }

    /// Returns the content of the file at `path`, verified.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `AccessDenied`; `Corrupt` if the content is damaged or gone;
    /// `NotMounted` if its backend is not configured.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        self.with_content(&path, &call, |content| {
            self.placement().read(content, &call)
        })
    }

    /// Reads at `offset` until `buffer` is full or the file ends, and returns the number of bytes; 0 at
    /// or beyond the end. What is touched is verified.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        let mut reader = self.open_content(&path, &call)?;
        reader
            .read_at(offset, buffer, &call)
            .map_err(|error| error.at(&path))
    }

    /// Opens the content of the file at `path`.
    pub(super) fn open_content(&self, path: &VirtualPath, call: &Call) -> Result<ContentReader> {
        self.with_content(path, call, |content| self.placement().open(content, call))
    }

    /// Runs `open` on the content of the file at `path`; again when the content was replaced and removed
    /// between finding and opening it.
    fn with_content<T>(
        &self,
        path: &VirtualPath,
        call: &Call,
        open: impl Fn(StoredContent) -> Result<Option<T>>,
    ) -> Result<T> {
        let mut last = None;
        let mut was_damaged = false;
        loop {
            call.check()?;
            let (entry, content) = self.find_content(path, call)?;
            let hash = content.hash;
            let found = (entry.path_id, entry.file.map(|file| file.version), hash);
            let is_inline = content.data.is_some();
            match open(content) {
                // The database is read once more, and not what of it is in memory.
                Err(error) if error.kind() == ErrorKind::Corrupt && is_inline && !was_damaged => {
                    was_damaged = true;
                    self.store().forget_cached();
                    continue;
                }
                Err(error) => return Err(error.at(path)),
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => {}
            }
            // The same version twice was not replaced: its content is gone.
            if last.replace(found) == Some(found) {
                return Err(missing(&hash).at(path));
            }
        }
    }

    fn find_content(&self, path: &VirtualPath, call: &Call) -> Result<(Entry, StoredContent)> {
        self.granted(call, |policy, grant| {
            let found = match path.is_root() {
                false if policy.check(path, Action::Read)? == crate::access::Reach::Whole => {
                    self.store().content(path, grant)?
                }
                _ => self
                    .look_up(path, policy, grant)?
                    .map(|entry| (entry, None)),
            };
            match found {
                Some((entry, Some(content))) => Ok((entry, content)),
                Some((_, None)) => Err(Error::new(ErrorKind::IsADirectory, "is a directory")
                    .at(path)
                    .into()),
                None => Err(not_found(path).into()),
            }
        })
    }

    /// Returns the entry at `path`.
    ///
    /// # Errors
    /// `NotFound`, `AccessDenied`.
    pub fn stat(&self, path: &str) -> Result<Entry> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        self.granted(&call, |policy, grant| self.look_up(&path, policy, grant))?
            .ok_or_else(|| not_found(&path))
    }

    /// Returns whether a file or directory is at `path`; `false` where the caller may not look.
    pub fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.visible_entry(path)?.is_some())
    }

    /// Returns whether a directory is at `path`; `false` where the caller may not look.
    pub fn is_directory(&self, path: &str) -> Result<bool> {
        Ok(self
            .visible_entry(path)?
            .is_some_and(|entry| entry.is_directory()))
    }

    fn visible_entry(&self, path: &str) -> Result<Option<Entry>> {
        match self.stat(path) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::AccessDenied => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Removes the file at `path`.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `Conflict`, `AccessDenied`, `ReadOnly`, `LeaseLost`.
    pub fn delete(&self, path: &str, conditions: &Conditions) -> Result<()> {
        let call = self.begin();
        self.commit_one(delete_change(path, conditions)?, &call)?;
        Ok(())
    }

    /// Moves a file or a tree, atomically. A file replaces a file; a directory needs a target that is
    /// absent or empty.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists` (with `no_replace`), `NotEmpty`, `IsADirectory`, `NotADirectory`,
    /// `InvalidArgument` for a directory into itself, `Conflict`, `AccessDenied`, `ReadOnly`.
    pub fn rename(&self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        let call = self.begin();
        self.commit_one(Change::Rename(relocation(from, to, options)?), &call)?;
        Ok(())
    }

    /// Copies a file or a tree, atomically; no content is moved within a backend.
    ///
    /// # Errors
    /// As [`rename`](Self::rename).
    pub fn copy(&self, from: &str, to: &str, options: &RelocateOptions) -> Result<()> {
        let call = self.begin();
        self.commit_one(Change::Copy(relocation(from, to, options)?), &call)?;
        Ok(())
    }
}

/// Returns the entry that a write left.
pub(super) fn entry_of(entry: Option<Entry>) -> Result<Entry> {
    entry.ok_or_else(|| Error::internal("a write left no entry"))
}

/// Returns the error for a name that does not exist.
pub(super) fn not_found(path: &VirtualPath) -> Error {
    Error::not_found("no such file or directory").at(path)
}

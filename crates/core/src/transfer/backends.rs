//! The backends that an import may name.

use std::collections::HashSet;

use crate::call::Call;
use crate::error::Result;
use crate::filesystem::Filesystem;
use crate::metadata::{EntryQuery, Scope};
use crate::range::PathRange;

/// Files that are read in one transaction.
const PAGE: usize = 4096;

/// The backends that a caller knows: those of its handle, and those that hold files that it sees. Any other is to
/// it like one that does not exist.
#[derive(Default)]
pub(super) struct KnownBackends {
    /// Searched once, and only if a line names a backend that the handle does not have.
    of_files: Option<HashSet<Box<str>>>,
}

impl KnownBackends {
    /// Returns whether the caller knows the backend `name`.
    pub fn has(&mut self, name: &str, fs: &Filesystem, call: &Call) -> Result<bool> {
        if fs.placement().names().any(|known| **known == *name) {
            return Ok(true);
        }
        let of_files = match self.of_files.take() {
            Some(known) => known,
            None => backends_of_files(fs, call)?,
        };
        Ok(self.of_files.insert(of_files).contains(name))
    }
}

fn backends_of_files(fs: &Filesystem, call: &Call) -> Result<HashSet<Box<str>>> {
    let mut names: HashSet<Box<str>> = HashSet::new();
    let mut query = EntryQuery {
        scope: Scope::Range(PathRange::all()),
        directories: false,
        after: None,
        limit: PAGE,
    };
    loop {
        call.check()?;
        let mut last = None;
        fs.granted(call, |_, grant| {
            fs.store().page(&query, grant, &mut |entry| {
                let backend = entry.file.map(|file| file.backend);
                if let Some(name) = backend.filter(|name| !names.contains(*name)) {
                    names.insert(name.into());
                }
                last = Some(entry.path.to_owned());
            })
        })?;
        match last {
            Some(last) => query.after = Some(last),
            None => return Ok(names),
        }
    }
}

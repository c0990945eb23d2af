//! Copying contents to another backend before the transaction that moves their paths.
//!
//! A rename or copy across the border of a mount takes contents along, however large they are, and nobody else can write
//! while a transaction lasts. So they are copied before it; the transaction copies only what came to be since, and what an
//! earlier change of the same set put there.

use std::sync::Arc;

use super::Filesystem;
use super::change::authorize;
use crate::call::Call;
use crate::content::{ContentHash, Copies};
use crate::error::Result;
use crate::metadata::{Change, EntryQuery, Relocation, Scope};
use crate::path::VirtualPath;
use crate::range::PathRange;

/// Entries that are looked up at once.
const STEP: usize = 1_000;

/// A file whose content goes to another backend.
struct Carried {
    path: VirtualPath,
    etag: ContentHash,
    backend: Arc<str>,
}

impl Filesystem {
    /// Copies what the renames and copies among `changes` take to other backends. What cannot be copied is left to the
    /// transaction, which knows whether that matters.
    ///
    /// # Errors
    /// `Cancelled` only.
    pub(super) fn carry(&self, changes: &[Change], call: &Call) -> Result<Arc<Copies>> {
        let mut copies = Copies::default();
        for change in changes {
            let (Change::Rename(relocation) | Change::Copy(relocation)) = change else {
                continue;
            };
            if self.placement().separates(&relocation.from, &relocation.to)
                && self.may_happen(change, relocation, call)
                && self.carry_all(relocation, &mut copies, call).is_err()
            {
                call.check()?;
            }
        }
        Ok(Arc::new(copies))
    }

    /// Returns whether nothing that is seen at once refuses the change.
    fn may_happen(&self, change: &Change, relocation: &Relocation, call: &Call) -> bool {
        let find_target = |grant: &_| self.store().entry(&relocation.to, grant);
        let target_is_free =
            || matches!(self.granted(call, |_, grant| find_target(grant)), Ok(None));
        self.ask(call, |policy| authorize(policy, change, call))
            .is_ok()
            && (!relocation.no_replace || target_is_free())
    }

    fn carry_all(&self, relocation: &Relocation, copies: &mut Copies, call: &Call) -> Result<()> {
        let from = relocation.from.as_str();
        for range in [PathRange::of_path(from), PathRange::under(from)] {
            let mut query = EntryQuery {
                scope: Scope::Range(range),
                directories: false,
                after: None,
                limit: STEP,
            };
            loop {
                call.check()?;
                let files = self.files_to_carry(relocation, &mut query, call)?;
                for file in &files {
                    self.carry_one(file, copies, call)?;
                }
                if query.after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Returns those of the next files that go to another backend, and has `query` ask for what follows them.
    fn files_to_carry(
        &self,
        relocation: &Relocation,
        query: &mut EntryQuery,
        call: &Call,
    ) -> Result<Vec<Carried>> {
        let Relocation { from, to, .. } = relocation;
        let placement = self.placement();
        let mut files = Vec::new();
        let (mut number, mut last) = (0, None);
        self.granted(call, |_, grant| {
            files.clear();
            (number, last) = (0, None);
            self.store().page(query, grant, &mut |entry| {
                number += 1;
                last = Some(entry.path.to_owned());
                let Some(file) = entry.file else { return };
                let target = format!("{to}{}", &entry.path[from.as_str().len()..]);
                let backend = placement.backend_for(&target);
                if backend != placement.backend_for(entry.path) && **backend != *file.backend {
                    files.push(Carried {
                        path: VirtualPath::from_stored(entry.path.to_owned()),
                        etag: file.etag,
                        backend: Arc::clone(backend),
                    });
                }
            })
        })?;
        query.after = last.filter(|_| number == query.limit);
        Ok(files)
    }

    fn carry_one(&self, file: &Carried, copies: &mut Copies, call: &Call) -> Result<()> {
        let Carried {
            path,
            etag,
            backend,
        } = file;
        if copies.find(backend, *etag).is_some() {
            return Ok(());
        }
        let found = self.granted(call, |_, grant| self.store().content(path, grant))?;
        // It may have been replaced or removed meanwhile.
        let Some((_, Some(content))) = found else {
            return Ok(());
        };
        let hash = content.hash;
        match self.placement().open(content)? {
            Some(mut content) => copies.add(backend, hash, &mut content, self.placement(), call),
            None => Ok(()),
        }
    }
}

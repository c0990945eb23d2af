//! Prepares the contents that changes need, before their transaction.
//!
//! A transaction blocks all other writers, so no content is read or written in one. These are prepared before: the
//! contents that a rename or copy moves into or out of a mount, the results of appends, and the contents of backends
//! that publish before the commit. If the transaction needs other contents, because of a concurrent change or an
//! earlier change of the same set, the store names them and applies nothing. Then they are prepared, and the set is
//! committed again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Filesystem;
use super::change::authorize;
use crate::call::Call;
use crate::content::{
    ContentHash, ContentReader, Copies, Form, NewContent, Prepared, Staged, Staging, Unprepared,
    missing,
};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Change, EntryQuery, Relocation, Reservation, Scope};
use crate::path::VirtualPath;
use crate::range::PathRange;

/// Entries that are looked up at once.
const STEP: usize = 1_000;
/// Contents that are put in place at once in a backend that takes them before the commit.
const UPLOADS: usize = 64;
/// How long what was put in place may wait for its commit.
const RESERVED_FOR: Duration = Duration::from_secs(3600);

/// The contents of one set of changes.
pub(super) struct Preparation {
    pub contents: Arc<Prepared>,
    reservations: Vec<Reservation>,
    /// Contents that were named and not found, with the numbers of the changes that need them.
    vanished: Vec<(usize, ContentHash)>,
}

/// A file whose content goes to another backend.
struct Carried {
    path: VirtualPath,
    etag: ContentHash,
    backend: Arc<str>,
}

/// What the changes before one leave at a path.
enum Left {
    Content(NewContent),
    Nothing,
}

impl Filesystem {
    /// Makes what `changes` will need, as far as that is seen now. What cannot be made is left to the transaction, which
    /// knows whether it matters.
    ///
    /// # Errors
    /// `Cancelled`, or those of a backend that takes contents before the commit.
    pub(super) fn prepare(&self, changes: &[Change], call: &Call) -> Result<Preparation> {
        let mut preparation = Preparation {
            contents: Arc::clone(&self.handle.engine.nothing_prepared),
            reservations: Vec::new(),
            vanished: Vec::new(),
        };
        for change in changes {
            let (Change::Rename(relocation) | Change::Copy(relocation)) = change else {
                continue;
            };
            if self
                .placement()
                .routes()
                .separates(&relocation.from, &relocation.to)
                && self.may_happen(change, relocation, call)
            {
                let copies = &mut Arc::make_mut(&mut preparation.contents).copies;
                if self.carry_all(relocation, copies, call).is_err() {
                    call.check()?;
                }
            }
        }
        let appends = |change: &Change| matches!(change, Change::Append { .. });
        if changes.iter().any(appends) {
            self.extend_all(changes, &mut preparation, call)?;
        }
        self.upload(changes, &mut preparation, call)?;
        Ok(preparation)
    }

    /// Prepares the contents that the store lacked.
    pub(super) fn prepare_more(
        &self,
        changes: &[Change],
        unprepared: &[Unprepared],
        preparation: &mut Preparation,
        call: &Call,
    ) -> Result<()> {
        call.check()?;
        for one in unprepared {
            let change = changes
                .get(one.change)
                .ok_or_else(|| Error::internal("no change has this number"))?;
            let made = self.make(one, changes, preparation, call);
            made.map_err(|error| match one.path.is_empty() {
                true => change.failed(one.change, error),
                false => change.failed(one.change, error.at(&*one.path)),
            })?;
        }
        self.upload(changes, preparation, call)
    }

    /// Lets go of what was reserved for changes that were not committed.
    pub(super) fn give_up(&self, preparation: &Preparation, call: &Call) {
        for reservation in &preparation.reservations {
            // It ends by itself, too.
            let _ = self.store().release(reservation, call);
        }
    }

    fn make(
        &self,
        unprepared: &Unprepared,
        changes: &[Change],
        preparation: &mut Preparation,
        call: &Call,
    ) -> Result<()> {
        let placement = self.placement();
        let base = unprepared.content.as_ref().map(|content| content.hash);
        let reader = match &unprepared.content {
            Some(content) => {
                let own = own_content(&content.hash, changes, &preparation.contents, call)?;
                let found = match (own, &content.data) {
                    (Some(own), None) => Some(reader_of(&own, call)?),
                    _ => placement.open(content.clone(), call)?,
                };
                match found {
                    Some(reader) => Some(reader),
                    // It was replaced meanwhile, so another one is needed now; or else it is gone.
                    None => {
                        let known = (unprepared.change, content.hash);
                        if preparation.vanished.contains(&known) {
                            return Err(missing(&content.hash));
                        }
                        preparation.vanished.push(known);
                        return Ok(());
                    }
                }
            }
            None => None,
        };
        match (&unprepared.form, reader) {
            (Form::In(backend), Some(mut reader)) => {
                let hash = base.unwrap_or_else(|| ContentHash::of(b""));
                let copies = &mut Arc::make_mut(&mut preparation.contents).copies;
                copies.add(backend, hash, &mut reader, placement, call)
            }
            (Form::Extended(backend), reader) => {
                let Some(Change::Append { data, .. }) = changes.get(unprepared.change) else {
                    return Err(Error::internal(
                        "a change that appends nothing is to be extended",
                    ));
                };
                let extended = placement.extend(backend, reader, data, call)?;
                Arc::make_mut(&mut preparation.contents).keep_extended(
                    unprepared.change,
                    base,
                    extended,
                );
                Ok(())
            }
            // All are put in place again.
            (Form::Reserved, _) => {
                Arc::make_mut(&mut preparation.contents).forget_reservations();
                Ok(())
            }
            (Form::Staged(backend), Some(mut reader)) => {
                let hash = base.unwrap_or_else(|| ContentHash::of(b""));
                let copies = &mut Arc::make_mut(&mut preparation.contents).copies;
                let mut fill = |staging: &mut dyn Staging| {
                    reader.copy_to(&mut |piece| staging.write(piece, call), call)
                };
                copies
                    .stage(backend, hash, placement, call, &mut fill)
                    .map(drop)
            }
            (Form::In(_) | Form::Staged(_), None) => {
                Err(Error::internal("nothing is to be copied"))
            }
        }
    }

    /// Makes what the appends among `changes` leave.
    fn extend_all(
        &self,
        changes: &[Change],
        preparation: &mut Preparation,
        call: &Call,
    ) -> Result<()> {
        let mut left: HashMap<&str, Left> = HashMap::new();
        let mut moved: Vec<&VirtualPath> = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            match change {
                Change::Write { path, content, .. } => {
                    left.insert(path.as_str(), Left::Content(content.clone()));
                }
                Change::Delete { path, .. } => {
                    left.insert(path.as_str(), Left::Nothing);
                }
                Change::Rename(Relocation { from, to, .. })
                | Change::Copy(Relocation { from, to, .. }) => moved.extend([from, to]),
                Change::RemoveDirectory { path, .. } => moved.push(path),
                Change::Append { path, data, .. }
                    if !moved.iter().any(|other| path.is_within(other)) =>
                {
                    let made = match left.get(path.as_str()) {
                        Some(Left::Content(content)) => {
                            let base = content.hash();
                            let reader = reader_of(content, call)?;
                            self.extended(path, Some(reader), data, call)
                                .map(|made| Some((Some(base), made)))
                        }
                        Some(Left::Nothing) => self
                            .extended(path, None, data, call)
                            .map(|made| Some((None, made))),
                        None => self.extend_stored(change, path, data, call),
                    };
                    match made {
                        Ok(Some((base, made))) => {
                            left.insert(path.as_str(), Left::Content(made.clone()));
                            Arc::make_mut(&mut preparation.contents)
                                .keep_extended(index, base, made);
                        }
                        Ok(None) => moved.push(path),
                        Err(error) => match error.kind() {
                            // The transaction may see another file there.
                            ErrorKind::Corrupt | ErrorKind::NotFound | ErrorKind::NotMounted => {
                                moved.push(path);
                            }
                            _ => return Err(change.failed(index, error.at(path))),
                        },
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes what `append` leaves of the file at `path` as it is now; `None` where it will fail.
    fn extend_stored(
        &self,
        append: &Change,
        path: &VirtualPath,
        data: &[u8],
        call: &Call,
    ) -> Result<Option<(Option<ContentHash>, NewContent)>> {
        let found = self.granted(call, |policy, grant| {
            authorize(policy, append, call)?;
            self.store().content(path, grant)
        });
        let content = match found {
            Ok(Some((_, Some(content)))) => Some(content),
            Ok(None) => None,
            // The transaction says what is wrong, with the number of the change.
            Ok(Some((_, None))) | Err(_) => {
                call.check()?;
                return Ok(None);
            }
        };
        let Change::Append { conditions, .. } = append else {
            return Ok(None);
        };
        let base = content.as_ref().map(|content| content.hash);
        let is_refused = match base {
            Some(base) => {
                conditions.if_none_match || conditions.if_match.is_some_and(|etag| etag != base)
            }
            None => conditions.if_match.is_some(),
        };
        if is_refused {
            return Ok(None);
        }
        let reader = match content {
            Some(content) => match self.placement().open(content, call)? {
                Some(reader) => Some(reader),
                None => return Ok(None),
            },
            None => None,
        };
        let made = self.extended(path, reader, data, call)?;
        Ok(Some((base, made)))
    }

    fn extended(
        &self,
        path: &VirtualPath,
        base: Option<ContentReader>,
        data: &[u8],
        call: &Call,
    ) -> Result<NewContent> {
        let placement = self.placement();
        let backend = placement.routes().backend_for(path.as_str());
        placement.extend(backend, base, data, call)
    }

    /// Puts those contents in place that go to backends that take them before the commit, unless that was done.
    fn upload(&self, changes: &[Change], preparation: &mut Preparation, call: &Call) -> Result<()> {
        let placement = self.placement();
        if !placement.any_publishes_before_commit() {
            return Ok(());
        }
        let mut wanted: Vec<(Arc<str>, Arc<dyn Staged>)> = Vec::new();
        let mut want = |backend: &Arc<str>, content: &NewContent| -> Result<()> {
            if let NewContent::Staged(staged) = content
                && placement.publishes_before_commit(backend)?
            {
                wanted.push((Arc::clone(backend), Arc::clone(staged)));
            }
            Ok(())
        };
        for change in changes {
            match change {
                Change::Write {
                    content, backend, ..
                } => want(backend, content)?,
                Change::Import(source) => {
                    for index in 0..source.files() {
                        call.check()?;
                        let Some((file, _)) = source.file(index)? else {
                            continue;
                        };
                        if let Some(content) = &file.content {
                            want(placement.routes().backend_for(file.path.as_str()), content)?;
                        }
                    }
                }
                _ => {}
            }
        }
        for (index, content) in preparation.contents.all_extended() {
            if let Some(Change::Append { path, .. }) = changes.get(index) {
                want(placement.routes().backend_for(path.as_str()), content)?;
            }
        }
        for (backend, content) in preparation.contents.copies.all() {
            want(backend, content)?;
        }
        let is_done =
            |backend: &Arc<str>, hash| preparation.contents.reservation(backend, hash).is_some();
        wanted.retain(|(backend, staged)| !is_done(backend, staged.hash()));
        wanted.sort_by(|a, b| (&a.0, a.1.hash().as_bytes()).cmp(&(&b.0, b.1.hash().as_bytes())));
        wanted.dedup_by(|a, b| a.0 == b.0 && a.1.hash() == b.1.hash());
        for of_backend in wanted.chunk_by(|a, b| a.0 == b.0) {
            for step in of_backend.chunks(UPLOADS) {
                self.upload_step(&step[0].0, step, preparation, call)?;
            }
        }
        Ok(())
    }

    fn upload_step(
        &self,
        backend: &Arc<str>,
        step: &[(Arc<str>, Arc<dyn Staged>)],
        preparation: &mut Preparation,
        call: &Call,
    ) -> Result<()> {
        let store = self.placement().store(backend)?;
        let hashes: Vec<_> = step.iter().map(|(_, staged)| staged.hash()).collect();
        let reservation = self.store().reserve(backend, &hashes, RESERVED_FOR, call)?;
        let (id, held) = (reservation.id, reservation.held.clone());
        preparation.reservations.push(reservation);
        let mut missing: Vec<&dyn Staged> = Vec::new();
        for (_, staged) in step {
            let hash = staged.hash();
            let is_there = held.contains(&hash) && staged.is_in_place()
                || store.size_of(&hash, call)? == Some(staged.size());
            if !is_there {
                missing.push(&**staged);
            }
        }
        if !missing.is_empty() {
            store.publish(&missing, call)?;
        }
        let contents = Arc::make_mut(&mut preparation.contents);
        for hash in hashes {
            contents.keep_reserved(backend, hash, id);
        }
        Ok(())
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
        let routes = self.placement().routes();
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
                let backend = routes.backend_for(&target);
                if backend != routes.backend_for(entry.path) && **backend != *file.backend {
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
        match self.placement().open(content, call)? {
            Some(mut content) => copies.add(backend, hash, &mut content, self.placement(), call),
            None => Ok(()),
        }
    }
}

/// Opens a content that no transaction has named yet.
fn reader_of(content: &NewContent, call: &Call) -> Result<ContentReader> {
    match content {
        NewContent::Inline { hash, data } => ContentReader::inline(*hash, data.to_vec()),
        NewContent::Small {
            hash,
            size,
            offset,
            file,
        } => ContentReader::inline(*hash, file.read(*offset, *size)?),
        NewContent::Staged(staged) => ContentReader::file(
            staged.hash(),
            staged.size(),
            staged.blocks().clone(),
            staged.open(call)?,
            call,
        ),
    }
}

/// Returns the content `hash`, if the changes bring it along or it was made for them.
fn own_content(
    hash: &ContentHash,
    changes: &[Change],
    prepared: &Prepared,
    call: &Call,
) -> Result<Option<NewContent>> {
    let written = changes.iter().filter_map(|change| match change {
        Change::Write { content, .. } => Some(content),
        _ => None,
    });
    let extended = prepared.all_extended().map(|(_, content)| content);
    let copies = prepared.copies.all().map(|(_, content)| content);
    let mut made = written.chain(extended).chain(copies);
    if let Some(found) = made.find(|content| content.hash() == *hash) {
        return Ok(Some(found.clone()));
    }
    for change in changes {
        let Change::Import(source) = change else {
            continue;
        };
        for index in 0..source.files() {
            call.check()?;
            if let Some((file, _)) = source.file(index)?
                && let Some(content) = file.content
                && content.hash() == *hash
            {
                return Ok(Some(content));
            }
        }
    }
    Ok(None)
}

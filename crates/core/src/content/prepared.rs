//! Contents that changes need and that are prepared before their transaction: copies for other backends, and contents
//! with appended bytes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{
    ContentHash, ContentReader, NewContent, Placement, Spool, Staging, StoredContent, damaged,
};
use crate::call::Call;
use crate::error::Result;

/// What was made for the changes of one set.
#[derive(Debug, Default, Clone)]
pub struct Prepared {
    /// Contents for other backends than those that hold them.
    pub copies: Copies,
    /// By the number of the change that appends, and the content that it appends to.
    extended: HashMap<(usize, Option<ContentHash>), NewContent>,
    /// Contents that are in place in a backend that takes them before the commit, and the reservations that keep
    /// them there.
    reserved: HashMap<(Arc<str>, ContentHash), i64>,
}

impl Prepared {
    /// Returns what the change `index` leaves of a file that has the content `base`, or of none.
    pub fn extended(&self, index: usize, base: Option<ContentHash>) -> Option<&NewContent> {
        self.extended.get(&(index, base))
    }

    /// Keeps what the change `index` leaves of a file that has the content `base`, or of none.
    pub fn keep_extended(&mut self, index: usize, base: Option<ContentHash>, content: NewContent) {
        self.extended.insert((index, base), content);
    }

    /// Returns the contents that appends leave.
    pub fn all_extended(&self) -> impl Iterator<Item = (usize, &NewContent)> {
        (self.extended.iter()).map(|((index, _), content)| (*index, content))
    }

    /// Returns the reservation under which `hash` was put in place in `backend`.
    pub fn reservation(&self, backend: &Arc<str>, hash: ContentHash) -> Option<i64> {
        self.reserved.get(&(Arc::clone(backend), hash)).copied()
    }

    /// Returns the reservations.
    pub fn reservations(&self) -> BTreeSet<i64> {
        self.reserved.values().copied().collect()
    }

    /// Forgets all reservations.
    pub fn forget_reservations(&mut self) {
        self.reserved.clear();
    }

    /// Notes that `hash` is in place in `backend`, kept there by `reservation`.
    pub fn keep_reserved(&mut self, backend: &Arc<str>, hash: ContentHash, reservation: i64) {
        self.reserved
            .insert((Arc::clone(backend), hash), reservation);
    }
}

/// A content that a change needs and that was not prepared.
#[derive(Debug, Clone)]
pub struct Unprepared {
    /// The number of the change.
    pub change: usize,
    /// The file that has the content.
    pub path: String,
    /// The content that the change finds; `None` where it appends to nothing.
    pub content: Option<StoredContent>,
    /// The form in which the change needs it.
    pub form: Form,
}

/// The form in which a change needs a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// As it is, in another backend.
    In(Arc<str>),
    /// With what the change appends, in the backend that takes it.
    Extended(Arc<str>),
    /// As a file of the backend, although it is small: it became one when contents of its size did. The change has its
    /// bytes.
    Staged(Arc<str>),
    /// As it is, in place and reserved: the reservation that it was put there under has expired.
    Reserved,
}

/// Copies that wait for the transaction that names them: one of each content in each backend, however many paths come
/// to hold it. However many there are, few files are open.
#[derive(Debug, Default, Clone)]
pub struct Copies {
    spools: HashMap<Arc<str>, Arc<dyn Spool>>,
    known: HashMap<(Arc<str>, ContentHash), NewContent>,
}

impl Copies {
    /// Returns the copy of `hash` in `backend`, if it was made.
    pub fn find(&self, backend: &Arc<str>, hash: ContentHash) -> Option<&NewContent> {
        self.known.get(&(Arc::clone(backend), hash))
    }

    /// Copies `content`, which is named `hash`, to `backend`, unless that was done.
    pub fn add(
        &mut self,
        backend: &Arc<str>,
        hash: ContentHash,
        content: &mut ContentReader,
        placement: &Placement,
        call: &Call,
    ) -> Result<()> {
        if !placement.routes().is_inline(backend, content.size()) {
            let mut fill = |staging: &mut dyn Staging| {
                content.copy_to(&mut |piece| staging.write(piece, call), call)
            };
            return self
                .stage(backend, hash, placement, call, &mut fill)
                .map(drop);
        }
        if self.find(backend, hash).is_none() {
            let data = content.read_all(call)?;
            let copy = self.spool(backend, placement, call)?.keep_small(&data)?;
            self.known.insert((Arc::clone(backend), hash), copy);
        }
        Ok(())
    }

    /// Returns all copies, with the backends that they are for.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, &NewContent)> {
        (self.known.iter()).map(|((backend, _), content)| (backend, content))
    }

    /// Returns the copy of `hash` in `backend` as a file there, which `fill` writes unless that was done.
    pub fn stage(
        &mut self,
        backend: &Arc<str>,
        hash: ContentHash,
        placement: &Placement,
        call: &Call,
        fill: &mut dyn FnMut(&mut dyn Staging) -> Result<()>,
    ) -> Result<NewContent> {
        if let Some(known) = self.find(backend, hash) {
            return Ok(known.clone());
        }
        let mut staging = self.spool(backend, placement, call)?.stage(call)?;
        fill(&mut *staging)?;
        let staged = staging.finish(call)?;
        if staged.hash() != hash {
            return Err(damaged(&hash));
        }
        let copy = NewContent::Staged(staged);
        self.known.insert((Arc::clone(backend), hash), copy.clone());
        Ok(copy)
    }

    fn spool(
        &mut self,
        backend: &Arc<str>,
        placement: &Placement,
        call: &Call,
    ) -> Result<&dyn Spool> {
        if !self.spools.contains_key(backend) {
            let spool = placement.store(backend)?.spool(call)?;
            self.spools.insert(Arc::clone(backend), spool.into());
        }
        Ok(&*self.spools[backend])
    }
}

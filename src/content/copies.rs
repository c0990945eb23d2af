//! Copies of contents in other backends than those that hold them.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ContentHash, ContentReader, NewContent, Placement, Spool, Staging, damaged};
use crate::call::Call;
use crate::error::Result;

/// Copies that wait for the transaction that names them: one of each content in each backend, however many paths come
/// to hold it. However many there are, few files are open.
#[derive(Debug, Default)]
pub struct Copies {
    spools: HashMap<Arc<str>, Box<dyn Spool>>,
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
        if !placement.is_inline(backend, content.size()) {
            let mut fill = |staging: &mut dyn Staging| {
                content.copy_to(&mut |piece| staging.write(piece), call)
            };
            return self
                .stage(backend, hash, placement, call, &mut fill)
                .map(drop);
        }
        if self.find(backend, hash).is_none() {
            let data = content.read_all(call)?;
            let copy = self.spool(backend, placement)?.keep_small(&data)?;
            self.known.insert((Arc::clone(backend), hash), copy);
        }
        Ok(())
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
        let mut staging = self.spool(backend, placement)?.stage()?;
        fill(&mut *staging)?;
        let staged = staging.finish(call)?;
        if staged.hash() != hash {
            return Err(damaged(&hash));
        }
        let copy = NewContent::Staged(staged);
        self.known.insert((Arc::clone(backend), hash), copy.clone());
        Ok(copy)
    }

    fn spool(&mut self, backend: &Arc<str>, placement: &Placement) -> Result<&dyn Spool> {
        if !self.spools.contains_key(backend) {
            let spool = placement.store(backend)?.spool()?;
            self.spools.insert(Arc::clone(backend), spool);
        }
        Ok(&*self.spools[backend])
    }
}

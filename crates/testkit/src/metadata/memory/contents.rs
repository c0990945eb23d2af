//! Contents that paths come to hold, and those that no path holds any more.

use std::sync::Arc;

use nexusfs_core::content::{ContentHash, Form, NewContent, Staged, Unprepared};
use nexusfs_core::error::{Error, Result};

use super::state::{Content, ContentName};
use super::transaction::Transaction;

impl Transaction<'_> {
    /// Has `backend` hold `content`, as a path comes to do, and returns its name.
    pub fn hold(&mut self, content: &NewContent, backend: &Arc<str>) -> Result<ContentName> {
        self.state.backend_id(backend)?;
        let name = (Arc::clone(backend), content.hash());
        match self.state.contents.get(&name) {
            Some(known) if known.data.is_some() => {}
            Some(_) => self.heal(content, &name)?,
            None => {
                let (blocks, data) = match content {
                    NewContent::Staged(staged) => {
                        self.publish(staged, backend)?;
                        (staged.blocks().clone(), None)
                    }
                    small => (Default::default(), Some(small_bytes(small)?)),
                };
                self.state.newest_content += 1;
                let content = Content {
                    id: self.state.newest_content,
                    size: content.size(),
                    blocks,
                    data,
                };
                self.state.contents.insert(name.clone(), content);
            }
        }
        Ok(name)
    }

    /// The file of a content that a path holds should be there: puts `content`, which has the same hash, in its place if
    /// it is not.
    fn heal(&mut self, content: &NewContent, name: &ContentName) -> Result<()> {
        let (backend, hash) = name;
        if self.is_staged(backend, hash) {
            return Ok(());
        }
        let prepared = Arc::clone(&self.set.prepared);
        if let Some(reservation) = prepared.reservation(backend, *hash) {
            self.state.reservations.remove(&(reservation, name.clone()));
            return Ok(());
        }
        let staged = match (content, prepared.copies.find(backend, *hash)) {
            (NewContent::Staged(staged), _) | (_, Some(NewContent::Staged(staged))) => staged,
            _ => {
                let content = Some(self.state.load(name)?);
                return Err(self.need(Unprepared {
                    change: self.change,
                    path: String::new(),
                    content,
                    form: Form::Staged(Arc::clone(backend)),
                }));
            }
        };
        match staged.is_in_place() {
            true => Ok(()),
            false => self.publish(staged, backend),
        }
    }

    /// Has `content` put in place before the commit, unless it is there already under a reservation.
    fn publish(&mut self, content: &Arc<dyn Staged>, backend: &Arc<str>) -> Result<()> {
        let hash = content.hash();
        let name = (Arc::clone(backend), hash);
        if let Some(reservation) = self.set.prepared.reservation(backend, hash) {
            return match self.state.reservations.remove(&(reservation, name)) {
                Some(_) => Ok(()),
                None => Err(self.need(Unprepared {
                    change: self.change,
                    path: String::new(),
                    content: None,
                    form: Form::Reserved,
                })),
            };
        }
        if let Some(Some(_)) = self.state.pending.get(&name) {
            return Err(self.wait_for(backend, hash));
        }
        self.staged.push((Arc::clone(backend), Arc::clone(content)));
        Ok(())
    }

    fn is_staged(&self, backend: &Arc<str>, hash: &ContentHash) -> bool {
        let mut staged = self.staged.iter();
        staged.any(|(other, staged)| other == backend && staged.hash() == *hash)
    }

    /// Drops the content if no path holds it any more; in an import, once all of it is applied.
    pub fn release(&mut self, name: ContentName) {
        if self.state.is_held(&name) {
            return;
        }
        if let Some(unheld) = &mut self.unheld {
            if let Some(content) = self.state.contents.get(&name) {
                unheld.insert(name, content.clone());
            }
            return;
        }
        let dropped = self.state.contents.remove(&name);
        if dropped.is_none_or(|content| content.data.is_some()) {
            return;
        }
        // One that this set added was never put in place, and must not be.
        self.staged
            .retain(|(backend, staged)| *backend != name.0 || staged.hash() != name.1);
        self.state.pending.insert(name, None);
        self.has_dropped = true;
    }

    /// Returns `content`, of the file at `path`, in the backend that takes what is at `target`: its copy, if that is another
    /// one.
    pub fn carry(&mut self, content: ContentName, path: &str, target: &str) -> Result<ContentName> {
        let set = self.set;
        let backend = set.routes.backend_for(target);
        if *backend == content.0 {
            return Ok(content);
        }
        let name = (Arc::clone(backend), content.1);
        if self.state.contents.contains_key(&name) && self.is_staged(backend, &content.1) {
            return Ok(name);
        }
        match set.prepared.copies.find(backend, content.1) {
            Some(copy) => self.hold(copy, backend),
            None => {
                let stored = Some(self.state.load(&content)?);
                // The set is not applied; what else it lacks is told at once.
                self.need(Unprepared {
                    change: self.change,
                    path: path.to_owned(),
                    content: stored,
                    form: Form::In(Arc::clone(backend)),
                });
                Ok(content)
            }
        }
    }
}

/// Returns the bytes of a content that is not staged.
fn small_bytes(content: &NewContent) -> Result<Vec<u8>> {
    match content {
        NewContent::Inline { data, .. } => Ok(data.to_vec()),
        NewContent::Small {
            size, offset, file, ..
        } => file.read(*offset, *size),
        NewContent::Staged(_) => Err(Error::internal("a staged content has no bytes at hand")),
    }
}

//! Repair of files whose rows or contents are damaged: finds their bytes, or removes the files.

use std::sync::Arc;

use serde_json::json;

use super::{PAGE, Run};
use crate::call::Call;
use crate::content::{BlockHashes, ContentHash, LOCAL_BACKEND, measure};
use crate::error::{ErrorKind, Result};
use crate::filesystem::Filesystem;
use crate::metadata::{ContentKey, ContentPlace, LostFile, Mended, VerifiedContent};

impl Filesystem {
    /// Makes the row at `path` one of what it is: of a file, if its content is found. What was a file and cannot
    /// be read any more goes.
    pub(super) fn mend_row(&self, path: &str, run: &mut Run, call: &Call) -> Result<Mended> {
        let Some(file) = self.mender()?.describe(path, call)? else {
            return Ok(Mended::Changed);
        };
        let restored = self.restore_file(&file, call)?;
        if restored != Mended::Nothing {
            return Ok(restored);
        }
        let why = "its row is damaged";
        let was_file = file.etag.is_some() && file.content_id.is_some();
        match (file.is_file, was_file) {
            (false, false) => self.mender()?.mend_directory(&file, call),
            (false, true) if file.is_above => {
                if !run.may_remove {
                    return Ok(Mended::Nothing);
                }
                let kept = self.quarantine(&file, run, call)?;
                let entry = run.lost.note(&file, kept.as_deref(), why)?;
                let mended = self.mender()?.mend_directory(&file, call)?;
                run.lost.end(entry, mended == Mended::Done)?;
                Ok(mended)
            }
            _ => self.remove_file(&file, why, run, call),
        }
    }

    /// Gives the file at `path`, and those with the same content, a row of the content, if its bytes are
    /// there and good; or else removes it.
    pub(super) fn restore(&self, path: &str, run: &mut Run, call: &Call) -> Result<Mended> {
        let Some(file) = self.mender()?.describe(path, call)? else {
            return Ok(Mended::Changed);
        };
        match self.restore_file(&file, call)? {
            Mended::Nothing => self.remove_file(&file, "its content has no row", run, call),
            restored => Ok(restored),
        }
    }

    fn restore_file(&self, file: &LostFile, call: &Call) -> Result<Mended> {
        match self.good_content(file, call)? {
            Some(content) => self.mender()?.restore_content(file, &content, call),
            None => Ok(Mended::Nothing),
        }
    }

    /// Returns the content of `file`, if good bytes of it are found: those that its row names, or those that the
    /// row of its content does.
    fn good_content(&self, file: &LostFile, call: &Call) -> Result<Option<VerifiedContent>> {
        let mender = self.mender()?;
        let named = match file.content_id {
            Some(id) => mender.content_place(id, call)?,
            None => None,
        };
        if let (Some(backend), Some(hash)) = (&file.backend, &file.etag) {
            for id in mender.contents_of(backend, hash, call)? {
                if let Some(place) = mender.content_place(id, call)?
                    && let Some(content) = self.verified(&place, backend, hash, call)?
                {
                    return Ok(Some(content));
                }
            }
        }
        if let Some(hash) = &file.etag {
            let inline = named.as_ref().and_then(|place| inline(place, hash));
            if let Some(content) = inline.flatten() {
                return Ok(Some(content));
            }
            if let Some(backend) = &file.backend
                && let Some(content) = self.verified_file(None, backend, hash, call)?
            {
                return Ok(Some(content));
            }
        }
        let Some(place) = named else {
            return Ok(None);
        };
        let (Some(backend), Some(hash)) = (&place.backend, &place.key.hash) else {
            return Ok(None);
        };
        // One thing that both rows say must be the same, or it is another file's content.
        let found = self.verified(&place, backend, hash, call)?;
        Ok(found.filter(|found| file.etag == Some(found.hash) || file.size == Some(found.size)))
    }

    /// Returns the content `hash`, if the bytes at `place` are good.
    fn verified(
        &self,
        place: &ContentPlace,
        backend: &str,
        hash: &ContentHash,
        call: &Call,
    ) -> Result<Option<VerifiedContent>> {
        match inline(place, hash) {
            Some(content) => Ok(content),
            None => self.verified_file(Some(place.key), backend, hash, call),
        }
    }

    /// Returns the content `hash`, whose row is `row`, if its file in the backend is good.
    fn verified_file(
        &self,
        row: Option<ContentKey>,
        backend: &str,
        hash: &ContentHash,
        call: &Call,
    ) -> Result<Option<VerifiedContent>> {
        let store = match self.placement().store(backend) {
            Err(error) if error.kind() == ErrorKind::NotMounted => return Ok(None),
            store => store?,
        };
        let measured = measure(&**store, hash, call)?;
        Ok(measured.map(|(size, blocks)| VerifiedContent {
            row,
            is_inline: false,
            backend: Arc::from(backend),
            hash: *hash,
            size,
            blocks,
        }))
    }

    /// Makes the row of a content again, or else removes the files that have it.
    pub(super) fn restore_content(
        &self,
        key: &ContentKey,
        run: &mut Run,
        call: &Call,
    ) -> Result<Mended> {
        let holders = self.mender()?.holders(key, 1, call)?;
        let Some(file) = holders.into_iter().next() else {
            return Ok(Mended::Changed);
        };
        match self.restore_file(&file, call)? {
            Mended::Nothing if run.may_remove => self.lose_content(key, run, call),
            restored => Ok(restored),
        }
    }

    /// Removes the file at `path`; its bytes, if they can be found, go to the quarantine.
    pub(super) fn remove(
        &self,
        path: &str,
        why: &str,
        run: &mut Run,
        call: &Call,
    ) -> Result<Mended> {
        match self.mender()?.describe(path, call)? {
            Some(file) => self.remove_file(&file, why, run, call),
            None => Ok(Mended::Changed),
        }
    }

    fn remove_file(
        &self,
        file: &LostFile,
        why: &str,
        run: &mut Run,
        call: &Call,
    ) -> Result<Mended> {
        if !run.may_remove {
            return Ok(Mended::Nothing);
        }
        let kept = self.quarantine(file, run, call)?;
        match self.forget(file, kept.as_deref(), why, run, call)? {
            true => Ok(Mended::Done),
            false => Ok(Mended::Changed),
        }
    }

    /// Removes the files that have the content, unless it is good by now. Its bytes go to the quarantine.
    pub(super) fn lose_content(
        &self,
        key: &ContentKey,
        run: &mut Run,
        call: &Call,
    ) -> Result<Mended> {
        let mut outcome = Mended::Nothing;
        loop {
            let place = self.mender()?.content_place(key.id, call)?;
            let Some(place) = place.filter(|place| place.key == *key) else {
                return Ok(changed_unless_done(outcome));
            };
            let holders = self.mender()?.holders(key, PAGE, call)?;
            let Some(first) = holders.first() else {
                return Ok(outcome);
            };
            if outcome == Mended::Nothing {
                match self.is_changeable(&place) {
                    false => return Ok(Mended::Nothing),
                    true if self.restore_good(first, &place, call)? != Mended::Nothing => {
                        return Ok(Mended::Changed);
                    }
                    true => {}
                }
            }
            let kept = self.quarantine_at(&place, run)?;
            let mut forgotten = false;
            for file in &holders {
                let why = "its content is damaged or missing";
                forgotten |= self.forget(file, kept.as_deref(), why, run, call)?;
            }
            if !forgotten {
                return Ok(changed_unless_done(outcome));
            }
            outcome = Mended::Done;
        }
    }

    /// Returns whether this handle may remove the content.
    fn is_changeable(&self, place: &ContentPlace) -> bool {
        let Some(backend) = &place.backend else {
            return true;
        };
        let mut names = self.placement().writable_names();
        names.any(|name| **name == **backend)
    }

    /// Corrects the row of the content of `file`, if the bytes at `place` are good: then it was the row that was not.
    fn restore_good(&self, file: &LostFile, place: &ContentPlace, call: &Call) -> Result<Mended> {
        let (Some(backend), Some(hash)) = (&place.backend, &place.key.hash) else {
            return Ok(Mended::Nothing);
        };
        match self.verified(place, backend, hash, call)? {
            Some(content) => self.mender()?.restore_content(file, &content, call),
            None => Ok(Mended::Nothing),
        }
    }

    /// Keeps the bytes of `file`, whatever they are; returns where, in the directory of the backend.
    fn quarantine(&self, file: &LostFile, run: &Run, call: &Call) -> Result<Option<String>> {
        if let Some(id) = file.content_id
            && let Some(place) = self.mender()?.content_place(id, call)?
            && let Some(kept) = self.quarantine_at(&place, run)?
        {
            return Ok(Some(kept));
        }
        match (&file.backend, &file.etag) {
            (Some(backend), Some(hash)) => self.quarantine_file(backend, hash, run),
            _ => Ok(None),
        }
    }

    /// Keeps the bytes at `place`, whatever they are.
    fn quarantine_at(&self, place: &ContentPlace, run: &Run) -> Result<Option<String>> {
        let ContentKey { id, hash, .. } = place.key;
        if let Some(data) = &place.data {
            let name = hash.map_or_else(|| format!("content-{id}"), |hash| hash.to_string());
            return run.lost.keep(&name, data).map(Some);
        }
        match (&place.backend, &hash) {
            (Some(backend), Some(hash)) => self.quarantine_file(backend, hash, run),
            _ => Ok(None),
        }
    }

    fn quarantine_file(
        &self,
        backend: &str,
        hash: &ContentHash,
        run: &Run,
    ) -> Result<Option<String>> {
        match self.placement().store(backend) {
            Err(error) if error.kind() == ErrorKind::NotMounted => Ok(None),
            store => match store?.local() {
                Some(local) => local.quarantine(hash, run.lost.run()),
                // What a store of objects holds stays there, under its name.
                None => Ok(None),
            },
        }
    }

    /// Keeps the bytes of a content that no file has, where it may be that of a file that was removed and whose
    /// bytes were not found.
    pub(super) fn keep_orphan(&self, key: &ContentKey, run: &mut Run, call: &Call) -> Result<()> {
        if !run.lost.misses_bytes() {
            return Ok(());
        }
        let place = self.mender()?.content_place(key.id, call)?;
        let Some(place) = place.filter(|place| place.key == *key) else {
            return Ok(());
        };
        if let Some(kept) = self.quarantine_at(&place, run)? {
            let hash = key.hash.map(|hash| hash.to_string());
            run.lost.append(&json!({
                "hash": hash, "quarantined": kept, "reason": "no file has this content",
            }))?;
        }
        Ok(())
    }

    fn forget(
        &self,
        file: &LostFile,
        kept: Option<&str>,
        why: &str,
        run: &mut Run,
        call: &Call,
    ) -> Result<bool> {
        let entry = run.lost.note(file, kept, why)?;
        let forgotten = self.mender()?.forget(file, call);
        run.lost.end(entry, matches!(forgotten, Ok(true)))?;
        forgotten
    }
}

/// Returns the content `hash`, if the bytes in its row are good; `None` where it has none there.
fn inline(place: &ContentPlace, hash: &ContentHash) -> Option<Option<VerifiedContent>> {
    let data = place.data.as_ref()?;
    let is_good = ContentHash::of(data) == *hash;
    Some(is_good.then(|| VerifiedContent {
        row: Some(place.key),
        is_inline: true,
        backend: Arc::from(LOCAL_BACKEND),
        hash: *hash,
        size: data.len() as u64,
        blocks: BlockHashes::default(),
    }))
}

fn changed_unless_done(outcome: Mended) -> Mended {
    match outcome {
        Mended::Done => Mended::Done,
        _ => Mended::Changed,
    }
}

//! What a store without rows has to say where rows are checked and repaired.

use std::sync::Arc;

use nexusfs::call::Call;
use nexusfs::content::ContentHash;
use nexusfs::error::Result;
use nexusfs::metadata::{
    ContentKey, ContentPlace, Finding, LostFile, Mended, MetadataMender, VerifiedContent,
};
use nexusfs::range::PathRange;

use super::MemoryStore;
use super::queries::work_values;
use super::state::State;

fn describe(state: &State, path: &str) -> Option<LostFile> {
    let name = state.names.get(path)?;
    let file = name.file.as_ref();
    let content = file.and_then(|file| state.contents.get(&file.content()));
    Some(LostFile {
        path: path.to_owned(),
        etag: file.map(|file| file.etag),
        size: file.map(|file| file.size),
        content_id: content.map(|content| content.id),
        backend: file.map(|file| file.backend.to_string()),
        modified_at: Some(name.modified_at),
        is_file: file.is_some(),
        is_above: state.names_in(&PathRange::under(path)).next().is_some(),
        metadata: super::queries::all_values(state, path),
    })
}

fn key(state: &State, id: i64) -> Option<ContentKey> {
    let ((backend, hash), _) = state.content_of_id(id)?;
    Some(ContentKey {
        id,
        backend: state.backend_id(backend).ok(),
        hash: Some(*hash),
    })
}

/// Nothing is ever damaged, so nothing is repaired.
impl MetadataMender for MemoryStore {
    fn planned(&self, _: &Finding) -> Option<&'static str> {
        None
    }

    fn mend(&self, _: &Finding, _: &Call) -> Result<bool> {
        Ok(false)
    }

    fn mend_directory(&self, _: &LostFile, _: &Call) -> Result<Mended> {
        Ok(Mended::Nothing)
    }

    fn restore_content(&self, _: &LostFile, _: &VerifiedContent, _: &Call) -> Result<Mended> {
        Ok(Mended::Nothing)
    }

    fn move_aside(&self, _: &str, _: &Call) -> Result<Option<String>> {
        Ok(None)
    }

    /// Removes a file whose bytes are lost.
    fn forget(&self, file: &LostFile, _: &Call) -> Result<bool> {
        let mut state = self.database.state.lock();
        match describe(&state, &file.path) {
            Some(now) if now.is_same(file) && now.is_file => {}
            _ => return Ok(false),
        }
        let keeps = |path: &String| *path != file.path;
        let removed = state.names.remove(&file.path).and_then(|name| name.file);
        state.metadata.retain(|(path, _), _| keeps(path));
        if let Some(item) = state.items.remove(&file.path) {
            state.edges.retain(|(waiting, _), _| *waiting != item.id);
            for ((_, blocker), edge) in &mut state.edges {
                if *blocker == item.id && item.blocks() {
                    edge.tombstone = Some(file.path.clone());
                }
            }
        }
        if let Some(content) = removed.map(|file| file.content())
            && !state.is_held(&content)
            && state
                .contents
                .remove(&content)
                .is_some_and(|content| content.data.is_none())
        {
            state.pending.insert(content, None);
        }
        Ok(true)
    }

    fn describe(&self, path: &str, _: &Call) -> Result<Option<LostFile>> {
        Ok(describe(&self.database.state.lock(), path))
    }

    fn holders(&self, wanted: &ContentKey, limit: usize, _: &Call) -> Result<Vec<LostFile>> {
        let state = self.database.state.lock();
        if key(&state, wanted.id) != Some(*wanted) {
            return Ok(Vec::new());
        }
        let Some((name, _)) = state.content_of_id(wanted.id) else {
            return Ok(Vec::new());
        };
        let holders = state.holders(name).take(limit);
        Ok(holders.filter_map(|path| describe(&state, path)).collect())
    }

    fn contents_of(&self, backend: &str, hash: &ContentHash, _: &Call) -> Result<Vec<i64>> {
        let state = self.database.state.lock();
        let content = state.contents.get(&(Arc::from(backend), *hash));
        Ok(content.map(|content| content.id).into_iter().collect())
    }

    fn content_place(&self, id: i64, _: &Call) -> Result<Option<ContentPlace>> {
        let state = self.database.state.lock();
        let found = state.content_of_id(id);
        Ok(found.and_then(|((backend, _), content)| {
            Some(ContentPlace {
                key: key(&state, id)?,
                backend: Some(backend.to_string()),
                data: content.data.clone(),
            })
        }))
    }

    fn value_of(&self, path: &str, key: &str, _: &Call) -> Result<Option<String>> {
        let state = self.database.state.lock();
        let value = state.metadata.get(&(path.to_owned(), key.to_owned()));
        Ok(value.map(|(json, _)| json.clone()))
    }

    fn work_values(&self, path: &str, _: &Call) -> Result<Vec<(String, String)>> {
        Ok(work_values(&self.database.state.lock(), path))
    }
}

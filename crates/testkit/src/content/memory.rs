//! Contents in memory.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use nexusfs_core::call::Call;
use nexusfs_core::content::{
    BLOCK_BYTES, BlockHashes, ContentFile, ContentHash, ContentStore, NewContent, Publication,
    Reclaimed, SmallContents, Spool, Staged, Staging,
};
use nexusfs_core::error::{Error, Result};
use parking_lot::Mutex;

type Bytes = Arc<[u8]>;

/// A backend that keeps contents in memory. Clones share them, as processes share a directory.
#[derive(Debug, Clone)]
pub struct MemoryContents {
    publication: Publication,
    published: Arc<Mutex<BTreeMap<ContentHash, Bytes>>>,
}

impl MemoryContents {
    /// Returns an empty backend that publishes when `publication` says.
    pub fn new(publication: Publication) -> Self {
        MemoryContents {
            publication,
            published: Arc::default(),
        }
    }

    /// Puts `bytes` under the name `hash`, whatever their hash is: damage.
    pub fn overwrite(&self, hash: &ContentHash, bytes: &[u8]) {
        self.published.lock().insert(*hash, bytes.into());
    }

    /// Returns the hashes of the contents that are there, in order.
    pub fn hashes(&self) -> Vec<ContentHash> {
        self.published.lock().keys().copied().collect()
    }

    fn find(&self, hash: &ContentHash) -> Option<Bytes> {
        self.published.lock().get(hash).cloned()
    }

    fn staging(&self) -> Box<dyn Staging> {
        Box::new(MemoryStaging {
            store: self.clone(),
            data: Vec::new(),
        })
    }
}

impl ContentStore for MemoryContents {
    fn publication(&self) -> Publication {
        self.publication
    }

    fn stage(&self, call: &Call) -> Result<Box<dyn Staging>> {
        call.check()?;
        Ok(self.staging())
    }

    fn spool(&self, call: &Call) -> Result<Box<dyn Spool>> {
        call.check()?;
        Ok(Box::new(MemorySpool {
            store: self.clone(),
            small: Arc::default(),
        }))
    }

    fn scratch(&self) -> Result<File> {
        tempfile::tempfile().map_err(|error| Error::io("cannot create a temporary file", error))
    }

    fn publish(&self, staged: &[&dyn Staged], call: &Call) -> Result<()> {
        for staged in staged {
            // Under the lock, what was begun goes on to its end.
            if self.publication == Publication::BeforeCommit {
                call.check()?;
            }
            let Some(staged) = staged.as_any().downcast_ref::<MemoryStaged>() else {
                return Err(Error::internal("a staged content of another backend"));
            };
            let data = Arc::clone(&staged.data);
            self.published.lock().insert(staged.hash, data);
        }
        Ok(())
    }

    fn open(&self, hash: &ContentHash, call: &Call) -> Result<Option<Box<dyn ContentFile>>> {
        call.check()?;
        Ok(self.find(hash).map(|data| Box::new(MemoryFile(data)) as _))
    }

    fn size_of(&self, hash: &ContentHash, call: &Call) -> Result<Option<u64>> {
        call.check()?;
        Ok(self.find(hash).map(|data| data.len() as u64))
    }

    fn remove(&self, hashes: &[ContentHash], call: &Call) -> Result<()> {
        for hash in hashes {
            call.check()?;
            self.published.lock().remove(hash);
        }
        Ok(())
    }

    fn walk(
        &self,
        visit: &mut dyn FnMut(ContentHash, u64) -> Result<bool>,
        call: &Call,
    ) -> Result<()> {
        // Whoever visits may call the backend.
        let all = self.published.lock().clone();
        for (hash, data) in all {
            call.check()?;
            if !visit(hash, data.len() as u64)? {
                break;
            }
        }
        Ok(())
    }

    fn reclaim_unfinished(&self, call: &Call) -> Result<Reclaimed> {
        self.unfinished(call)
    }

    /// What is unfinished goes with its process.
    fn unfinished(&self, call: &Call) -> Result<Reclaimed> {
        call.check()?;
        Ok(Reclaimed::default())
    }
}

#[derive(Debug)]
struct MemoryStaging {
    store: MemoryContents,
    data: Vec<u8>,
}

impl Staging for MemoryStaging {
    fn write(&mut self, data: &[u8], call: &Call) -> Result<()> {
        call.check()?;
        self.data.extend_from_slice(data);
        Ok(())
    }

    fn finish(self: Box<Self>, call: &Call) -> Result<Arc<dyn Staged>> {
        call.check()?;
        let hash = ContentHash::of(&self.data);
        let there = self.store.find(&hash);
        Ok(Arc::new(MemoryStaged {
            hash,
            blocks: block_hashes(&self.data),
            is_in_place: there.is_some_and(|there| *there == *self.data),
            data: self.data.into(),
        }))
    }
}

/// Returns the hashes of the blocks of `data`; none if it has at most one.
fn block_hashes(data: &[u8]) -> BlockHashes {
    if data.len() <= BLOCK_BYTES {
        return BlockHashes::default();
    }
    let blocks = data.chunks(BLOCK_BYTES).map(ContentHash::of);
    BlockHashes::from_bytes(blocks.flat_map(|hash| *hash.as_bytes()).collect())
}

#[derive(Debug)]
struct MemoryStaged {
    hash: ContentHash,
    blocks: BlockHashes,
    is_in_place: bool,
    data: Bytes,
}

impl Staged for MemoryStaged {
    fn hash(&self) -> ContentHash {
        self.hash
    }

    fn size(&self) -> u64 {
        self.data.len() as u64
    }

    fn blocks(&self) -> &BlockHashes {
        &self.blocks
    }

    fn is_in_place(&self) -> bool {
        self.is_in_place
    }

    fn open(&self, _: &Call) -> Result<Box<dyn ContentFile>> {
        Ok(Box::new(MemoryFile(Arc::clone(&self.data))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct MemorySpool {
    store: MemoryContents,
    small: Arc<SmallBytes>,
}

impl Spool for MemorySpool {
    fn stage(&self, call: &Call) -> Result<Box<dyn Staging>> {
        call.check()?;
        Ok(self.store.staging())
    }

    fn keep_small(&self, data: &[u8]) -> Result<NewContent> {
        let mut small = self.small.0.lock();
        let offset = small.len() as u64;
        small.extend_from_slice(data);
        Ok(NewContent::Small {
            hash: ContentHash::of(data),
            size: data.len() as u64,
            offset,
            file: Arc::clone(&self.small) as _,
        })
    }
}

#[derive(Debug, Default)]
struct SmallBytes(Mutex<Vec<u8>>);

impl SmallContents for SmallBytes {
    fn read(&self, offset: u64, size: u64) -> Result<Vec<u8>> {
        let small = self.0.lock();
        let range = offset as usize..(offset + size) as usize;
        let data = small.get(range).map(<[u8]>::to_vec);
        data.ok_or_else(|| Error::internal("a small content lies outside of its spool"))
    }
}

struct MemoryFile(Bytes);

impl ContentFile for MemoryFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8], call: &Call) -> Result<usize> {
        call.check()?;
        let start = usize::try_from(offset).map_or(self.0.len(), |at| at.min(self.0.len()));
        let count = buffer.len().min(self.0.len() - start);
        buffer[..count].copy_from_slice(&self.0[start..start + count]);
        Ok(count)
    }

    fn size(&self, _: &Call) -> Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn forget_cached(&self) {}
}

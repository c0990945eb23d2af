//! New content: kept in memory while it is small enough for the database, staged in a backend beyond.

use std::fmt;
use std::sync::Arc;

use super::{ContentHash, ContentStore, PIECE_BYTES, SmallContents, Staged, Staging};
use crate::call::Call;
use crate::error::{Error, Result};

/// A complete content that a transaction can name.
#[derive(Clone)]
pub enum NewContent {
    /// Small: the bytes, to be kept in the database.
    Inline {
        /// Hash of `data`.
        hash: ContentHash,
        /// The bytes.
        data: Arc<[u8]>,
    },
    /// Small: bytes in a spool, to be kept in the database.
    Small {
        /// Hash of the bytes.
        hash: ContentHash,
        /// Number of bytes.
        size: u64,
        /// Where they begin in `file`.
        offset: u64,
        /// What holds them until then.
        file: Arc<dyn SmallContents>,
    },
    /// Large: complete in its backend, to be published in the transaction.
    Staged(Arc<dyn Staged>),
}

impl NewContent {
    /// Returns an inline content of `data`.
    pub fn inline(data: &[u8]) -> Self {
        NewContent::Inline {
            hash: ContentHash::of(data),
            data: data.into(),
        }
    }

    /// Returns the hash of the bytes.
    pub fn hash(&self) -> ContentHash {
        match self {
            NewContent::Inline { hash, .. } | NewContent::Small { hash, .. } => *hash,
            NewContent::Staged(staged) => staged.hash(),
        }
    }

    /// Returns the number of bytes.
    pub fn size(&self) -> u64 {
        match self {
            NewContent::Inline { data, .. } => data.len() as u64,
            NewContent::Small { size, .. } => *size,
            NewContent::Staged(staged) => staged.size(),
        }
    }
}

impl fmt::Debug for NewContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewContent({}, {} bytes)", self.hash(), self.size())
    }
}

/// Takes in bytes and decides where they live. Memory stays bounded by the inline limit.
pub struct ContentBuilder {
    store: Arc<dyn ContentStore>,
    inline_max: usize,
    taken: Taken,
}

/// What was taken in.
enum Taken {
    Buffered(Vec<u8>),
    Staged(Box<dyn Staging>),
    /// An unknown part of what was to be written.
    Failed,
}

impl ContentBuilder {
    /// Returns an empty builder. Content of at most `inline_max` bytes becomes inline; with `None`
    /// nothing does.
    pub fn new(
        store: Arc<dyn ContentStore>,
        inline_max: Option<usize>,
        call: &Call,
    ) -> Result<Self> {
        let taken = match inline_max {
            Some(_) => Taken::Buffered(Vec::new()),
            None => Taken::Staged(store.stage(call)?),
        };
        Ok(ContentBuilder {
            store,
            inline_max: inline_max.unwrap_or(0),
            taken,
        })
    }

    /// Appends `data`. After an error nothing more can be written, nor can the content be finished.
    pub fn write(&mut self, data: &[u8], call: &Call) -> Result<()> {
        let taken = std::mem::replace(&mut self.taken, Taken::Failed);
        let mut staging = match taken {
            Taken::Buffered(mut buffer) if buffer.len() + data.len() <= self.inline_max => {
                buffer.extend_from_slice(data);
                self.taken = Taken::Buffered(buffer);
                return Ok(());
            }
            Taken::Buffered(buffer) => {
                let mut staging = self.store.stage(call)?;
                staging.write(&buffer, call)?;
                staging
            }
            Taken::Staged(staging) => staging,
            Taken::Failed => return Err(failed()),
        };
        for piece in data.chunks(PIECE_BYTES) {
            call.check()?;
            staging.write(piece, call)?;
        }
        self.taken = Taken::Staged(staging);
        Ok(())
    }

    /// Returns the complete content.
    pub fn finish(self, call: &Call) -> Result<NewContent> {
        match self.taken {
            Taken::Staged(staging) => Ok(NewContent::Staged(staging.finish(call)?)),
            Taken::Buffered(buffer) => Ok(NewContent::Inline {
                hash: ContentHash::of(&buffer),
                data: buffer.into(),
            }),
            Taken::Failed => Err(failed()),
        }
    }
}

fn failed() -> Error {
    Error::misuse("an earlier write of this content failed")
}

//! New content: kept in memory while it is small enough for the database, staged in a backend beyond.

use std::fmt;
use std::sync::Arc;

use super::{ContentHash, ContentStore, SmallContents, Staged, Staging};
use crate::error::Result;

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
    buffer: Vec<u8>,
    staging: Option<Box<dyn Staging>>,
}

impl ContentBuilder {
    /// Returns an empty builder. Content of at most `inline_max` bytes becomes inline; with `None`
    /// nothing does.
    pub fn new(store: Arc<dyn ContentStore>, inline_max: Option<usize>) -> Result<Self> {
        let staging = match inline_max {
            Some(_) => None,
            None => Some(store.stage()?),
        };
        Ok(ContentBuilder {
            store,
            inline_max: inline_max.unwrap_or(0),
            buffer: Vec::new(),
            staging,
        })
    }

    /// Appends `data`.
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        if let Some(staging) = &mut self.staging {
            return staging.write(data);
        }
        if self.buffer.len() + data.len() <= self.inline_max {
            self.buffer.extend_from_slice(data);
            return Ok(());
        }
        let mut staging = self.store.stage()?;
        staging.write(&std::mem::take(&mut self.buffer))?;
        staging.write(data)?;
        self.staging = Some(staging);
        Ok(())
    }

    /// Returns the complete content.
    pub fn finish(self) -> Result<NewContent> {
        Ok(match self.staging {
            Some(staging) => NewContent::Staged(staging.finish()?),
            None => NewContent::Inline {
                hash: ContentHash::of(&self.buffer),
                data: self.buffer.into(),
            },
        })
    }
}

//! Reads of a content, which check every byte against its hashes before they return it.
//!
//! Bytes that do not match their hash are read once more, from the device, because memory and cables fail, too. A
//! content is damaged if two reads find so. A failed read is no damage.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{BLOCK_BYTES, BlockHashes, ContentFile, ContentHash, PIECE_BYTES, with_room};
use crate::call::Call;
use crate::error::{Error, Result};

/// How often bytes are read before they are taken for damaged.
const READINGS: u32 = 2;

/// An open content. Reads are verified: whole contents against the etag, ranges block by block.
pub struct ContentReader {
    etag: ContentHash,
    size: u64,
    source: Source,
}

enum Source {
    /// Bytes from the database, verified when they were read.
    Memory(Arc<[u8]>),
    File {
        file: Box<dyn ContentFile>,
        blocks: BlockHashes,
        /// The block that was verified last, with its number.
        current: Option<(usize, Vec<u8>)>,
    },
}

impl ContentReader {
    /// Returns a reader of inline `data`, checked here against `etag`.
    pub fn inline(etag: ContentHash, data: Vec<u8>) -> Result<Self> {
        if ContentHash::of(&data) != etag {
            return Err(damaged(&etag));
        }
        Ok(ContentReader {
            etag,
            size: data.len() as u64,
            source: Source::Memory(data.into()),
        })
    }

    /// Returns a reader of `file`, which must hold the `size` bytes named `etag`.
    pub fn file(
        etag: ContentHash,
        size: u64,
        blocks: BlockHashes,
        file: Box<dyn ContentFile>,
        call: &Call,
    ) -> Result<Self> {
        if file.size(call)? != size {
            return Err(damaged(&etag));
        }
        Ok(ContentReader {
            etag,
            size,
            source: Source::File {
                file,
                blocks,
                current: None,
            },
        })
    }

    /// Returns the number of bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads everything, verified against the etag.
    pub fn read_all(&mut self, call: &Call) -> Result<Vec<u8>> {
        match &mut self.source {
            Source::Memory(data) => Ok(data.to_vec()),
            Source::File { file, .. } => {
                let size = usize::try_from(self.size)
                    .map_err(|_| Error::invalid_argument("the file does not fit in memory"))?;
                let mut data = with_room(size)?;
                for _ in 0..READINGS {
                    data.clear();
                    let mut hasher = Sha256::new();
                    while data.len() < size {
                        call.check()?;
                        let start = data.len();
                        data.resize(size.min(start + PIECE_BYTES), 0);
                        let read = file.read_at(start as u64, &mut data[start..], call)?;
                        hasher.update(&data[start..start + read]);
                    }
                    if ContentHash::from_bytes(hasher.finalize().into()) == self.etag {
                        return Ok(data);
                    }
                    file.forget_cached();
                }
                Err(damaged(&self.etag))
            }
        }
    }

    /// Reads at `offset` until `buffer` is full or the content ends; returns the number of bytes, 0
    /// at or beyond the end.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8], call: &Call) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            call.check()?;
            let rest = self.block_from(offset + filled as u64, call)?;
            if rest.is_empty() {
                break;
            }
            let count = rest.len().min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&rest[..count]);
            filled += count;
        }
        Ok(filled)
    }

    /// Passes everything to `take`, verified, piece by piece.
    pub fn copy_to(
        &mut self,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
        call: &Call,
    ) -> Result<()> {
        let mut offset = 0;
        while offset < self.size {
            call.check()?;
            let piece = self.block_from(offset, call)?;
            offset += piece.len() as u64;
            take(piece)?;
        }
        Ok(())
    }

    /// Returns verified bytes from `offset` to the end of their block; empty at the end.
    fn block_from(&mut self, offset: u64, call: &Call) -> Result<&[u8]> {
        if offset >= self.size {
            return Ok(&[]);
        }
        match &mut self.source {
            Source::Memory(data) => Ok(&data[offset as usize..]),
            Source::File {
                file,
                blocks,
                current,
            } => {
                let index = (offset / BLOCK_BYTES as u64) as usize;
                let start = index as u64 * BLOCK_BYTES as u64;
                if current.as_ref().is_none_or(|(number, _)| *number != index) {
                    let mut block = current.take().map(|(_, block)| block).unwrap_or_default();
                    block.resize((self.size - start).min(BLOCK_BYTES as u64) as usize, 0);
                    let mut is_good = || -> Result<bool> {
                        let read = file.read_at(start, &mut block, call)?;
                        Ok(read == block.len() && blocks.verify(&self.etag, index, &block))
                    };
                    if !is_good()? {
                        file.forget_cached();
                        if !is_good()? {
                            return Err(damaged(&self.etag));
                        }
                    }
                    *current = Some((index, block));
                }
                let block = current.as_ref().map_or(&[][..], |(_, block)| block);
                Ok(&block[(offset - start) as usize..])
            }
        }
    }
}

/// Returns the error for a content whose bytes are not those of its hash.
pub fn damaged(etag: &ContentHash) -> Error {
    Error::corrupt(format!("the content {etag} is damaged"))
}

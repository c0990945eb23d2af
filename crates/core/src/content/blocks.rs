//! Block hashes of a content, so that a ranged read verifies only the blocks that it reads.

use sha2::digest::FixedOutputReset;
use sha2::{Digest, Sha256};

use super::ContentHash;

/// Bytes of a block; the last one of a content may be shorter.
pub const BLOCK_BYTES: usize = 256 * 1024;

/// SHA-256 of each block, 32 bytes each, in order. A content of one block has none stored: its only
/// block hash would be the etag.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BlockHashes(Vec<u8>);

impl BlockHashes {
    /// Returns the hashes that `bytes`, 32 for each block, spell.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        BlockHashes(bytes)
    }

    /// Returns 32 bytes for each block; none for a content of at most one block.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether `block` is block number `index` of the content named `etag`.
    pub fn verify(&self, etag: &ContentHash, index: usize, block: &[u8]) -> bool {
        let actual = ContentHash::of(block);
        if self.0.is_empty() {
            return index == 0 && actual == *etag;
        }
        self.0
            .get(index * 32..index * 32 + 32)
            .is_some_and(|expected| expected == actual.as_bytes())
    }
}

impl std::fmt::Debug for BlockHashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockHashes({})", self.0.len() / 32)
    }
}

/// Hashes a content and its blocks in one pass.
#[derive(Default)]
pub struct ContentHasher {
    whole: Sha256,
    block: Sha256,
    in_block: usize,
    size: u64,
    blocks: Vec<u8>,
}

impl ContentHasher {
    /// Takes in the next `data`.
    pub fn update(&mut self, mut data: &[u8]) {
        self.size += data.len() as u64;
        while !data.is_empty() {
            let (now, rest) = data.split_at(data.len().min(BLOCK_BYTES - self.in_block));
            self.whole.update(now);
            self.block.update(now);
            self.in_block += now.len();
            if self.in_block == BLOCK_BYTES {
                self.end_block();
            }
            data = rest;
        }
    }

    /// Returns the hash of everything taken in, its length, and the hashes of its blocks.
    pub fn finish(mut self) -> (ContentHash, u64, BlockHashes) {
        if self.in_block > 0 {
            self.end_block();
        }
        if self.blocks.len() <= 32 {
            self.blocks.clear();
        }
        let hash = ContentHash::from_bytes(self.whole.finalize().into());
        (hash, self.size, BlockHashes(self.blocks))
    }

    fn end_block(&mut self) {
        self.blocks
            .extend_from_slice(&self.block.finalize_fixed_reset());
        self.in_block = 0;
    }
}

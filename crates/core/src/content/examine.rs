//! Checks whether the bytes of a content match its hash.
//!
//! A content is damaged if two reads find so, the second one from the device. A region of a device that cannot be read
//! in two attempts is damage, too. Any other failure to read a file says nothing about its bytes.

use super::blocks::ContentHasher;
use super::{BlockHashes, ContentFile, ContentHash, ContentStore};
use crate::call::Call;
use crate::error::Result;

/// Bytes that are read at once.
const STEP: usize = 1024 * 1024;

/// What was found in the place of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Its bytes.
    Good,
    /// Nothing.
    Missing,
    /// A file of another length.
    OtherLength(u64),
    /// Other bytes, or bytes that cannot be read, for the reason given.
    OtherBytes(String),
}

/// What a content should be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Hash of the bytes.
    pub hash: &'a ContentHash,
    /// Number of bytes.
    pub size: u64,
    /// Hashes of the blocks.
    pub blocks: &'a BlockHashes,
}

impl Expected<'_> {
    /// Checks the file of the content in `store`: its length, and with `read` its bytes. `step` receives the number of
    /// bytes after each part that was read.
    pub fn examine(
        &self,
        store: &dyn ContentStore,
        read: bool,
        step: &mut dyn FnMut(u64) -> Result<()>,
        call: &Call,
    ) -> Result<Condition> {
        if !read {
            return Ok(match store.size_of(self.hash, call)? {
                None => Condition::Missing,
                Some(size) if size != self.size => Condition::OtherLength(size),
                Some(_) => Condition::Good,
            });
        }
        let Some(file) = store.open(self.hash, call)? else {
            return Ok(Condition::Missing);
        };
        let size = file.size(call)?;
        if size != self.size {
            return Ok(Condition::OtherLength(size));
        }
        match self.read(&*file, step, call)? {
            Condition::OtherBytes(_) => {
                file.forget_cached();
                self.read(&*file, step, call)
            }
            condition => Ok(condition),
        }
    }

    fn read(
        &self,
        file: &dyn ContentFile,
        step: &mut dyn FnMut(u64) -> Result<()>,
        call: &Call,
    ) -> Result<Condition> {
        let mut hasher = ContentHasher::default();
        let mut buffer = vec![0; STEP.min(self.size as usize)];
        let mut offset = 0;
        while offset < self.size {
            let count = match file.read_at(offset, &mut buffer, call) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.is_of_device() => {
                    return Ok(Condition::OtherBytes(error.to_string()));
                }
                Err(error) => return Err(error),
            };
            hasher.update(&buffer[..count]);
            offset += count as u64;
            step(count as u64)?;
        }
        Ok(self.judge(hasher))
    }

    /// Checks inline bytes.
    pub fn examine_bytes(&self, data: &[u8]) -> Condition {
        if data.len() as u64 != self.size {
            return Condition::OtherLength(data.len() as u64);
        }
        match ContentHash::of(data) == *self.hash {
            true => Condition::Good,
            false => Condition::OtherBytes("the bytes are others".to_owned()),
        }
    }

    fn judge(&self, hasher: ContentHasher) -> Condition {
        let (hash, size, blocks) = hasher.finish();
        if size != self.size {
            Condition::OtherLength(size)
        } else if hash != *self.hash {
            Condition::OtherBytes("the bytes are others".to_owned())
        } else if blocks != *self.blocks {
            Condition::OtherBytes("the hashes of its blocks are others".to_owned())
        } else {
            Condition::Good
        }
    }
}

/// Returns length and block hashes of the content `hash` in `store`, if its bytes are there and are good.
pub fn measure(
    store: &dyn ContentStore,
    hash: &ContentHash,
    call: &Call,
) -> Result<Option<(u64, BlockHashes)>> {
    let Some(file) = store.open(hash, call)? else {
        return Ok(None);
    };
    match measure_once(&*file, hash, call)? {
        None => {
            file.forget_cached();
            measure_once(&*file, hash, call)
        }
        measured => Ok(measured),
    }
}

fn measure_once(
    file: &dyn ContentFile,
    hash: &ContentHash,
    call: &Call,
) -> Result<Option<(u64, BlockHashes)>> {
    let mut hasher = ContentHasher::default();
    let mut buffer = vec![0; STEP];
    let mut offset = 0;
    loop {
        call.check()?;
        match file.read_at(offset, &mut buffer, call) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                offset += count as u64;
            }
            Err(error) if error.is_of_device() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let (found, size, blocks) = hasher.finish();
    Ok((found == *hash).then_some((size, blocks)))
}

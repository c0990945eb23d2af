//! The last member of a bundle, which has a hash of the others.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::head::Sums;
use crate::content::ContentHash;

/// Sums up the members of a bundle as they come.
#[derive(Default)]
pub(super) struct Sum {
    hasher: Sha256,
    seal: Seal,
    line_bytes: u64,
}

/// The last member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seal {
    /// Number of files.
    pub files: u64,
    /// Number of directories that were made.
    pub directories: u64,
    /// Number of contents.
    pub contents: u64,
    /// Bytes of the contents.
    pub content_bytes: u64,
    /// SHA-256 over name, length and SHA-256 of each member before, in order, but for the first.
    pub sha256: String,
}

impl Sum {
    /// Takes in the member `name` of `size` bytes, whose SHA-256 is `hash`.
    pub fn add(&mut self, name: &str, size: u64, hash: &ContentHash) {
        self.hasher.update(name.as_bytes());
        self.hasher.update([0]);
        self.hasher.update(size.to_be_bytes());
        self.hasher.update(hash.as_bytes());
    }

    /// Counts a content.
    pub fn add_content(&mut self, bytes: u64) {
        self.seal.contents += 1;
        self.seal.content_bytes += bytes;
    }

    /// Counts lines.
    pub fn add_lines(&mut self, files: u64, directories: u64) {
        self.seal.files += files;
        self.seal.directories += directories;
    }

    /// Counts bytes of lines, with their ends.
    pub fn add_line_bytes(&mut self, bytes: u64) {
        self.line_bytes += bytes;
    }

    /// Returns what the first member is to say of an archive of `unpacked` bytes.
    pub fn sums(&self, unpacked_bytes: u64) -> Sums {
        Sums {
            lines: self.seal.files + self.seal.directories,
            line_bytes: self.line_bytes,
            contents: self.seal.contents,
            content_bytes: self.seal.content_bytes,
            unpacked_bytes,
        }
    }

    /// Returns what the last member is to say.
    pub fn seal(&self) -> Seal {
        let hash: [u8; 32] = self.hasher.clone().finalize().into();
        Seal {
            sha256: ContentHash::from_bytes(hash).to_string(),
            ..self.seal.clone()
        }
    }
}

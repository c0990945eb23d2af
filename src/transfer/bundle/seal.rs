//! What the last member of a bundle says of those before.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::content::ContentHash;

/// Sums up the members of a bundle as they come.
#[derive(Default)]
pub(super) struct Sum {
    hasher: Sha256,
    seal: Seal,
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
    /// SHA-256 over name, length and SHA-256 of each member before, in order.
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

    /// Returns what the last member is to say.
    pub fn seal(self) -> Seal {
        let hash: [u8; 32] = self.hasher.finalize().into();
        Seal {
            sha256: ContentHash::from_bytes(hash).to_string(),
            ..self.seal
        }
    }
}

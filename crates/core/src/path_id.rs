//! Ids of files and explicit directories.

use std::fmt;

use uuid::{Builder, Uuid};

use crate::text_form::text_form;
use crate::time::Micros;

/// The identity of a file or of a directory that was made: a UUID (version 7) that stays through
/// renames and overwrites.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(Uuid);

impl PathId {
    /// Returns a new id, later in order than those of earlier milliseconds.
    pub fn generate() -> Self {
        PathId(Uuid::now_v7())
    }

    /// Returns the id of what is created at `time`, later in order than those of earlier times (UUID
    /// version 7 with the fraction of the millisecond behind it, RFC 9562 section 6.2, method 3).
    pub fn at(time: Micros, random: [u8; 8]) -> Self {
        let time = u64::try_from(time).unwrap_or(0);
        let fraction = (time % 1000 * 4096 / 1000) as u16;
        let mut rest = [0; 10];
        rest[..2].copy_from_slice(&fraction.to_be_bytes());
        rest[2..].copy_from_slice(&random);
        PathId(Builder::from_unix_timestamp_millis(time / 1000, &rest).into_uuid())
    }

    /// Returns the id whose 16 bytes are `bytes`.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        PathId(Uuid::from_bytes(bytes))
    }

    /// Returns the 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the id that `text` spells, hyphenated, or `None` if it is no UUID.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 36)
            .then(|| Uuid::try_parse(text).ok())
            .flatten()
            .map(PathId)
    }

    /// Writes the 36 characters of the hyphenated form into `buffer` and returns them.
    pub fn encode(self, buffer: &mut [u8; 36]) -> &str {
        self.0.hyphenated().encode_lower(buffer)
    }
}

impl fmt::Display for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

text_form!(PathId, |text| PathId::parse(text).ok_or("this is no UUID"));

impl fmt::Debug for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

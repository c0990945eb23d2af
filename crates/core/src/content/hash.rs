//! The name of a content: the SHA-256 of its bytes.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::text_form::text_form;

/// SHA-256 of a file's bytes, shown as 64 lower-case hexadecimal digits. It is the file's etag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// The two hexadecimal digits of each byte.
static HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

impl ContentHash {
    /// Returns the hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        ContentHash(Sha256::digest(bytes).into())
    }

    /// Returns the hash whose 32 bytes are `bytes`.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        ContentHash(bytes)
    }

    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses `hex`, 64 hexadecimal digits in either case.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) if it is anything else.
    pub fn parse(hex: &str) -> Result<Self> {
        let digit = |c: u8| (c as char).to_digit(16).map(|value| value as u8);
        let mut bytes = [0; 32];
        let valid = hex.len() == 64
            && hex
                .as_bytes()
                .chunks_exact(2)
                .zip(&mut bytes)
                .all(|(pair, byte)| match (digit(pair[0]), digit(pair[1])) {
                    (Some(high), Some(low)) => {
                        *byte = high << 4 | low;
                        true
                    }
                    _ => false,
                });
        if valid {
            Ok(ContentHash(bytes))
        } else {
            Err(Error::invalid_argument("an etag is 64 hexadecimal digits"))
        }
    }

    /// Returns the 64 hexadecimal digits as ASCII bytes.
    pub fn to_hex(self) -> [u8; 64] {
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&HEX[usize::from(byte)]);
        }
        hex
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

text_form!(ContentHash, ContentHash::parse);

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

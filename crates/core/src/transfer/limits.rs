//! Limits of an import.
//!
//! The limits grow with the size of the file: each line of a real export has a random id, and each content a hash,
//! which cannot be compressed. `docs/decisions/0003-limits-of-imports.md` has the figures.

use std::fs::File;

use crate::error::{Error, Result};
use crate::filesystem::ImportLimits;

/// Lines that every file may have.
const LINES: u64 = 100_000;
/// Bytes of the file for each further line.
const BYTES_FOR_A_LINE: u64 = 8;
/// Bytes of lines that every file may have.
const LINE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes that every bundle may unpack to.
const UNPACKED_BYTES: u64 = 64 * 1024 * 1024;
/// What each byte of the file may unpack to.
const RATIO: u64 = 100;
/// Lines are numbered with 32 bits.
const MOST_LINES: u64 = u32::MAX as u64;

/// The bounds of one import, and what was taken of them.
#[derive(Debug)]
pub(super) struct Budget {
    limits: ImportLimits,
    lines: u64,
    bytes: u64,
}

impl Budget {
    /// Returns the bounds that `given` sets for `file`.
    pub fn new(given: &ImportLimits, file: &File) -> Self {
        let size = file.metadata().map_or(0, |found| found.len());
        let or = |given: u64, default: u64| if given == 0 { default } else { given };
        let times = |base: u64| base.saturating_add(size.saturating_mul(RATIO));
        let limits = ImportLimits {
            lines: or(given.lines, LINES + size / BYTES_FOR_A_LINE).min(MOST_LINES),
            bytes: or(given.bytes, times(LINE_BYTES)),
            unpacked: or(given.unpacked, times(UNPACKED_BYTES)),
        };
        Budget {
            limits,
            lines: 0,
            bytes: 0,
        }
    }

    /// Returns how many bytes a bundle may unpack to.
    pub fn unpacked(&self) -> u64 {
        self.limits.unpacked
    }

    /// Returns how long the next line may be.
    pub fn longest_line(&self) -> u64 {
        self.limits.bytes - self.bytes
    }

    /// Returns the number of lines, and their bytes with their ends.
    pub fn taken(&self) -> (u64, u64) {
        (self.lines, self.bytes)
    }

    /// Counts a line of `bytes`, its end among them.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the option, where that is more than may be.
    pub fn take(&mut self, bytes: u64) -> Result<()> {
        self.lines += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.check(self.lines, self.bytes, 0)
    }

    /// Checks what a bundle says that it holds.
    pub fn check(&self, lines: u64, bytes: u64, unpacked: u64) -> Result<()> {
        if lines > self.limits.lines {
            return Err(beyond("lines", self.limits.lines, "max_lines"));
        }
        if bytes > self.limits.bytes {
            return Err(beyond("bytes of lines", self.limits.bytes, "max_bytes"));
        }
        if unpacked > self.limits.unpacked {
            return Err(self.beyond_unpacked());
        }
        Ok(())
    }

    /// Returns the error for a bundle that unpacks to too much.
    pub fn beyond_unpacked(&self) -> Error {
        beyond("bytes unpacked", self.limits.unpacked, "max_unpacked")
    }
}

fn beyond(what: &str, limit: u64, option: &str) -> Error {
    Error::invalid_argument(format!(
        "the file has more than {limit} {what}; a greater {option} lets it in"
    ))
}

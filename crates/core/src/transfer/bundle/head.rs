//! The first member of a bundle, which declares the sums of the others.
//!
//! The sums are known after everything was written, but are at the beginning, so that an import can reject a bundle
//! before it has unpacked any of it. So the first member is a zstd frame of its own, not compressed and always of the
//! same length, which is written again at the end.

use std::io;

use serde::{Deserialize, Serialize};
use tar::Header;

use super::{HEAD, damaged, header};
use crate::error::{Error, Result};

/// What the first member of a bundle of version 1 holds: no sums.
const VERSION_1: &str = "{\"format\":\"nexus-bundle\",\"version\":1}\n";
/// The version that is written.
const VERSION: u64 = 2;
/// Bytes of the member, spaces at the end among them: one block of an archive.
const BYTES: usize = 512;
/// Bytes of the member with its header.
pub(super) const MEMBER_BYTES: usize = 512 + BYTES;

/// What a bundle holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Lines of files and of directories.
    pub lines: u64,
    /// Their bytes, with their ends.
    pub line_bytes: u64,
    /// Contents.
    pub contents: u64,
    /// Their bytes.
    pub content_bytes: u64,
    /// Bytes of the whole archive, when it is unpacked.
    pub unpacked_bytes: u64,
}

#[derive(Serialize)]
struct Head {
    format: &'static str,
    version: u64,
    #[serde(flatten)]
    sums: Sums,
}

/// Returns the text of the member, of [`BYTES`] bytes.
fn text(sums: &Sums) -> Result<String> {
    let head = Head {
        format: "nexus-bundle",
        version: VERSION,
        sums: *sums,
    };
    let json = serde_json::to_string(&head).map_err(|error| Error::internal(error.to_string()))?;
    Ok(format!("{json:width$}\n", width = BYTES - 1))
}

/// Returns the member as the frame that a bundle begins with.
pub(super) fn frame(sums: &Sums) -> Result<Vec<u8>> {
    let failed = |error: io::Error| Error::internal(error.to_string());
    let header: Header = header(HEAD, BYTES as u64).map_err(failed)?;
    // RFC 8878: magic number; a single segment with a size of two bytes, less 256; the last block, which is raw.
    let mut frame = super::MAGIC.to_vec();
    frame.push(0x60);
    frame.extend_from_slice(&(MEMBER_BYTES as u16 - 256).to_le_bytes());
    frame.extend_from_slice(&((MEMBER_BYTES as u32) << 3 | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(header.as_bytes());
    frame.extend_from_slice(text(sums)?.as_bytes());
    Ok(frame)
}

/// Returns the sums in the `text` of the first member; `None` for a bundle of version 1.
///
/// # Errors
/// `Unsupported` for a version that this one does not know; `Corrupt`.
pub(super) fn read(found: &str) -> Result<Option<Sums>> {
    #[derive(Deserialize)]
    struct Any {
        version: u64,
    }
    if found == VERSION_1 {
        return Ok(None);
    }
    let unreadable = |_| damaged("its head is unreadable");
    let any: Any = serde_json::from_str(found).map_err(unreadable)?;
    if any.version != VERSION {
        let what = "the bundle has a format that this version does not know";
        return Err(Error::unsupported(what));
    }
    let sums: Sums = serde_json::from_str(found).map_err(unreadable)?;
    match text(&sums)? == found {
        true => Ok(Some(sums)),
        false => Err(damaged("its head is not as it was written")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_first_frame_has_the_same_length_whatever_the_sums_are() {
        let great = Sums {
            lines: u64::MAX,
            line_bytes: u64::MAX,
            contents: u64::MAX,
            content_bytes: u64::MAX,
            unpacked_bytes: u64::MAX,
        };
        let lengths = [Sums::default(), great].map(|sums| {
            let frame = frame(&sums).unwrap();
            let mut unpacked = Vec::new();
            let mut decoder = zstd::stream::read::Decoder::new(&frame[..]).unwrap();
            decoder.read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked.len(), MEMBER_BYTES);
            let text = str::from_utf8(&unpacked[512..]).unwrap();
            assert_eq!(read(text).unwrap(), Some(sums));
            frame.len()
        });
        assert_eq!(lengths[0], lengths[1]);
    }

    #[test]
    fn other_heads_are_told_apart() {
        assert_eq!(read(VERSION_1).unwrap(), None);
        let newer = read("{\"format\":\"nexus-bundle\",\"version\":3}\n").unwrap_err();
        assert_eq!(newer.kind(), crate::error::ErrorKind::Unsupported);
        let no_json = read("{\"format\":\"nexus-bundle\",\"version\"=2}\n").unwrap_err();
        assert_eq!(no_json.kind(), crate::error::ErrorKind::Corrupt);
        let changed = text(&Sums::default()).unwrap().replace("  \n", " x\n");
        assert!(read(&changed).is_err());
    }
}

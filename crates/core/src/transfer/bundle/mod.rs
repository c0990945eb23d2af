//! Bundles: metadata and contents in one file. The format is described in `docs/bundle-format.md`.
//!
//! - [`pack`] writes one, page by page: the contents of a page that are not in the bundle yet, then its lines.
//! - [`unpack`] reads one to its end, checks everything, and keeps the contents in a spool.
//! - [`head`] and [`seal`] are the first and the last member, which describe the members between them.
//! - [`contents`] passes the contents to the changes of an import.

mod contents;
mod head;
mod pack;
mod seal;
mod unpack;

use std::io;

use tar::{EntryType, Header};

use crate::content::ContentHash;
use crate::error::Error;

pub(super) use self::contents::Unpacked;

/// Name of the first member, which says that this is a bundle.
const HEAD: &str = "nexus-bundle.json";
/// Name of the last member, which says what came before.
const END: &str = "end.json";
/// Before the numbers of members with lines of files, and of directories.
const FILES: &str = "files/";
const DIRECTORIES: &str = "directories/";
/// Before the hashes of members that are contents.
const CONTENTS: &str = "contents/";
/// Longest first or last member, in bytes.
const MAX_SEAL_BYTES: u64 = 4096;
/// The first bytes of the file: the magic number of zstd.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Returns the name of the member that is the content `hash`.
fn content_name(hash: &ContentHash) -> String {
    format!("{CONTENTS}{hash}")
}

/// Returns the header of a member: no times, no owner, the same each time.
fn header(name: &str, size: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    Ok(header)
}

/// Returns the error for a bundle that is not as it was written.
fn damaged(why: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("the bundle is damaged: {why}"))
}

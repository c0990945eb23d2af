//! What a file or directory of the host is beyond its bytes, as metadata in the store.
//!
//! | key | value |
//! |---|---|
//! | `posix.mtime` | when the content last changed, RFC 3339 in UTC to the nanosecond |
//! | `posix.mode` | permission bits in octal, for example `"0755"` |
//! | `posix.etag` | the content that `posix.mtime` is about; once the file has another, that time is past |

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use jiff::Timestamp;
use nexusfs_core::content::ContentHash;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::Filesystem;
use serde_json::{Value, json};

use crate::failure::Result;

const MTIME: &str = "posix.mtime";
const MODE: &str = "posix.mode";
const ETAG: &str = "posix.etag";

/// The bits of a mode that are kept: not those that change who runs a program.
pub const PERMISSIONS: u32 = 0o777;

/// Time and permissions of a file of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posix {
    /// `None` for a time that no calendar has.
    pub mtime: Option<Timestamp>,
    pub mode: u32,
}

impl Posix {
    pub fn of_host(metadata: &Metadata) -> Posix {
        let nanoseconds = i32::try_from(metadata.mtime_nsec()).unwrap_or(0);
        Posix {
            mtime: Timestamp::new(metadata.mtime(), nanoseconds).ok(),
            mode: metadata.mode() & PERMISSIONS,
        }
    }

    /// Returns the metadata of a directory, as a JSON object.
    pub fn of_directory(self) -> String {
        self.to_json().to_string()
    }

    /// Returns the metadata of a file with the content `etag`, as a JSON object.
    pub fn of_file(self, etag: &ContentHash) -> String {
        let mut object = self.to_json();
        object[ETAG] = etag.to_string().into();
        object.to_string()
    }

    fn to_json(self) -> Value {
        let mut object = json!({MODE: format!("{:04o}", self.mode)});
        if let Some(mtime) = self.mtime {
            object[MTIME] = mtime.to_string().into();
        }
        object
    }
}

/// What the metadata of a file or directory in the store says. Anybody may have written it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    pub mtime: Option<Timestamp>,
    pub mode: Option<u32>,
    etag: Option<String>,
}

impl Kept {
    /// Returns what is kept for what is at `path`: nothing for a directory that was not made. `None` if nothing is there.
    pub fn of_store(fs: &Filesystem, path: &str) -> Result<Option<Kept>> {
        let text = match fs.list_meta(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                return Ok(Some(Kept::default()));
            }
            Err(error) => return Err(error.into()),
        };
        let values = nexusfs_core::json::parse(&text)?;
        let text = |key: &str| values.get(key).and_then(Value::as_str);
        Ok(Some(Kept {
            mtime: text(MTIME).and_then(|time| time.parse().ok()),
            mode: text(MODE)
                .and_then(|mode| u32::from_str_radix(mode, 8).ok())
                .map(|mode| mode & PERMISSIONS),
            etag: text(ETAG).map(str::to_owned),
        }))
    }

    /// Returns whether this is what `put` wrote for a directory with `posix`.
    pub fn is_of_directory(&self, posix: &Posix) -> bool {
        self.mtime == posix.mtime && self.mode == Some(posix.mode)
    }

    /// Returns whether this is what `put` wrote for `posix` and the content `etag`.
    pub fn is(&self, posix: &Posix, etag: &ContentHash) -> bool {
        self.mtime == posix.mtime
            && self.mode == Some(posix.mode)
            && self.etag.as_deref() == Some(&etag.to_string())
    }

    /// Returns this with the permissions that `other` has, too.
    pub fn narrowed_by(self, other: Option<Kept>) -> Kept {
        let mode = match (self.mode, other.and_then(|other| other.mode)) {
            (Some(one), Some(other)) => Some(one & other),
            (one, other) => one.or(other),
        };
        Kept { mode, ..self }
    }

    /// Returns the time of the content `etag`, if that is the one the time is about.
    pub fn mtime_of(&self, etag: &ContentHash) -> Option<Timestamp> {
        match &self.etag {
            Some(kept) if *kept != etag.to_string() => None,
            _ => self.mtime,
        }
    }
}
